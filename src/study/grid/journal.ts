// The file that an experiment grows in: one line of JSON for the plan and the machine, then one for every visit. A line is
// written whole or not at all, so that a run that was cut off is a shorter experiment and nothing else.

import { appendFileSync, existsSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { Refusal } from "../../fault.js";
import type { Machine } from "../study.js";
import { type Experiment, identityOf } from "./experiment.js";
import type { Visit } from "./repetition.js";
import { nameOf, settingsOf } from "./setting.js";

/** A file that cannot be gone on with: of another plan or machine, or no file of this kind. It is left as it was. */
export class JournalRefused extends Refusal {
  override readonly name = "JournalRefused";
  readonly file: string;
  /** From 1 on. */
  readonly line: number;

  constructor(file: string, line: number, why: string, cause?: unknown) {
    super(`${file}: line ${line}: ${why}`, null, { cause });
    this.file = file;
    this.line = line;
  }
}

export interface Journal {
  /** In the order in which they were made. */
  readonly visits: readonly Visit[];
  /** Visits that were there when the file was opened. */
  readonly resumed: number;
  append(visit: Visit): void;
}

/** Opens or begins a file. Throws JournalRefused, or Refusal where the file cannot be read or written. */
export function openJournal(file: string, experiment: Experiment, machine: Machine): Journal {
  const visits = reading(file, () => (existsSync(file) ? readVisits(file, experiment, machine) : null));
  if (visits === null) {
    const head = { kind: "plan", identity: identityOf(experiment), experiment, machine };
    reading(file, () => writeFileSync(file, `${JSON.stringify(head)}\n`, { flag: "a" }));
  }
  const all = visits ?? [];
  return {
    visits: all,
    resumed: all.length,
    append(visit) {
      reading(file, () => appendFileSync(file, `${JSON.stringify({ kind: "visit", ...visit })}\n`));
      all.push(visit);
    },
  };
}

/** The visits of a file; null of one that is empty. A last line without an end is what an interrupt left, and is cut off. */
function readVisits(file: string, experiment: Experiment, machine: Machine): Visit[] | null {
  const bytes = readFileSync(file);
  if (bytes.length === 0) return null;
  const whole = bytes.lastIndexOf(10) + 1;
  const lines = bytes.subarray(0, whole).toString("utf8").split("\n").slice(0, -1);
  if (lines.length === 0) throw new JournalRefused(file, 1, "is no line of an experiment");
  checkHead(file, lineOf(file, 1, lines[0]!), experiment, machine);
  const known = new Set(settingsOf(experiment.axes).map(nameOf));
  const visits = lines.slice(1).map((text, i) => {
    const { kind, ...visit } = lineOf(file, i + 2, text) as unknown as Visit & { kind: string };
    if (kind !== "visit" || visit.setting === undefined) throw new JournalRefused(file, i + 2, "is no visit");
    if (!known.has(nameOf(visit.setting)))
      throw new JournalRefused(file, i + 2, `is a visit to a setting that the plan has not: ${nameOf(visit.setting)}`);
    return visit;
  });
  if (whole < bytes.length) truncateSync(file, whole);
  return visits;
}

function lineOf(file: string, line: number, text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null) return value as Record<string, unknown>;
  } catch (cause) {
    throw new JournalRefused(file, line, "is no JSON", cause);
  }
  throw new JournalRefused(file, line, "is no line of an experiment");
}

function checkHead(
  file: string,
  head: Readonly<Record<string, unknown>>,
  experiment: Experiment,
  machine: Machine,
): void {
  if (head["kind"] !== "plan") throw new JournalRefused(file, 1, "is no plan of an experiment");
  if (head["identity"] !== identityOf(experiment)) {
    const theirs = (head["experiment"] ?? {}) as Readonly<Record<string, unknown>>;
    const what = Object.entries(experiment)
      .filter(([name, value]) => JSON.stringify(theirs[name]) !== JSON.stringify(value))
      .map(([name, value]) => `${name} is ${JSON.stringify(theirs[name])} there and ${JSON.stringify(value)} here`);
    throw new JournalRefused(file, 1, `is the plan of another experiment: ${what.join("; ")}`);
  }
  const other = (head["machine"] ?? {}) as Partial<Machine>;
  for (const name of ["node", "cpu", "cores", "system"] as const)
    if (other[name] !== machine[name])
      throw new JournalRefused(
        file,
        1,
        `was measured on another machine: ${name} was ${other[name]}, is ${machine[name]}`,
      );
}

function reading<T>(file: string, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    if (cause instanceof Refusal || !(cause instanceof Error)) throw cause;
    throw new Refusal(`--out ${file}: ${cause.message}`, null, { cause });
  }
}
