// What `simulate --trace` says: one recorded trace, decided again under several policies, side by side.

import { type Generation, GENERATIONS } from "../config/release.js";
import { Refusal } from "../fault.js";
import { humanBytes } from "../human.js";
import { choosePolicy } from "../lab/load-policy.js";
import { type Contestant, type Outcome, redecide, type Redecided } from "../lab/redecide.js";
import { POLICIES, SPILL_ORDERS, spillOrderNamed } from "../policy/registry.js";
import { unknownName } from "../closest.js";
import { openRecorded } from "./lines.js";
import { print, printJson } from "./output.js";

export interface RedecideOptions {
  /** Names and files; `unified@2.4` asks for another generation. All that are shipped when left out. */
  readonly policies?: readonly string[];
  /** A shipped order of spilling for all of them. */
  readonly spillOrder?: string;
  readonly json?: boolean;
}

/** Decides the trace in `file` again and prints what came of it. Throws Refusal. */
export async function simulateTrace(file: string, options: RedecideOptions = {}): Promise<void> {
  const contestants = await contestantsOf(options.policies ?? POLICIES.map(({ name }) => name), options.spillOrder);
  const redecided = await redecide(await openRecorded(file), contestants);
  if (options.json === true) printJson(redecided);
  else print(describe(redecided));
}

/** Policies as a command line names them. Throws Refusal for a name or file that is none. */
export async function contestantsOf(labels: readonly string[], spillOrder?: string): Promise<Contestant[]> {
  if (spillOrder !== undefined) spillOrderNamed(spillOrder, 401);
  const again = labels.find((label, at) => labels.indexOf(label) !== at);
  if (again !== undefined) throw new Refusal(`policy "${again}" is named twice`);
  const contestants: Contestant[] = [];
  for (const label of labels) {
    const [, choice, generation] = /^(.*?)(?:@([\d.]+))?$/.exec(label)!;
    contestants.push({
      label,
      policy: await choosePolicy(choice!),
      ...(generation === undefined ? {} : { generation: generationOf(generation) }),
      ...(spillOrder === undefined ? {} : { spillOrder }),
    });
  }
  return contestants;
}

/** The shipped policies and orders of spilling, a line each, for `--help`. */
export function listed(): string {
  const lines = (all: typeof POLICIES): string[] =>
    all.map(({ name, about, source }) => `  ${name.padEnd(13)}${about} (${source})`);
  return ["Policies:", ...lines(POLICIES), "", "Orders of spilling:", ...lines(SPILL_ORDERS)].join("\n");
}

function generationOf(text: string): Generation {
  const found = GENERATIONS.find((generation) => generation === text);
  if (found === undefined) throw new Refusal(unknownName("generation", text, GENERATIONS));
  return found;
}

type Cell = (outcome: Outcome) => string;

const bytes =
  (of: (outcome: Outcome) => number): Cell =>
  (outcome) =>
    humanBytes(of(outcome));
const number =
  (of: (outcome: Outcome) => number): Cell =>
  (outcome) =>
    String(of(outcome));

const LINES: readonly (readonly [string, Cell])[] = [
  ["granted", bytes((o) => o.grantedBytes)],
  ["short grants", number((o) => o.shortGrants)],
  ["waits", (o) => (o.stillWaiting === 0 ? String(o.waits) : `${o.waits} (${o.stillWaiting} at the end)`)],
  ["denied", number((o) => o.denied)],
  ["storage refused", number((o) => o.refused)],
  ["spills", (o) => (o.spillsForOthers === 0 ? String(o.spills) : `${o.spills} (${o.spillsForOthers} for others)`)],
  ["spilled", bytes((o) => o.spilledBytes)],
  ["evictions", number((o) => o.evictions)],
  ["evicted", bytes((o) => o.evictedBytes)],
  ["impossible rows", number((o) => o.impossible)],
  ["peak execution", bytes((o) => o.peakExecution)],
  ["peak storage", bytes((o) => o.peakStorage)],
  ["laws broken", number((o) => o.brokenLaws.length)],
  ["rows that differ", number((o) => o.different)],
  ["parts at row", (o) => (o.parts === null ? "-" : String(o.parts.row))],
];

function describe({ file, rows, outcomes }: Redecided): string {
  const names = ["", ...LINES.map(([name]) => name)];
  const columns = outcomes.map((outcome) => [outcome.label, ...LINES.map(([, cell]) => cell(outcome))]);
  const table = [names, ...columns].map((column, at) => aligned(column, at === 0));
  const partings = outcomes.flatMap(({ label, parts }) =>
    parts === null
      ? []
      : [
          `${label} parts at row ${parts.row} (line ${parts.line}): ${parts.asked}`,
          `  recorded ${parts.field} ${JSON.stringify(parts.recorded)}, here ${JSON.stringify(parts.answered)}`,
        ],
  );
  return [
    `${file}: ${rows} requests decided again`,
    "",
    ...names.map((_, line) =>
      table
        .map((column) => column[line])
        .join("  ")
        .trimEnd(),
    ),
    ...(partings.length === 0 ? [] : ["", ...partings]),
  ].join("\n");
}

function aligned(column: readonly string[], left: boolean): string[] {
  const width = Math.max(...column.map((cell) => cell.length));
  return column.map((cell) => (left ? cell.padEnd(width) : cell.padStart(width)));
}
