// What `simulate --trace` says: one recorded trace, decided again under several policies, side by side.

import { basename } from "node:path";
import { type Generation, GENERATIONS } from "../config/release.js";
import { Refusal } from "../fault.js";
import { choosePolicy } from "../lab/load-policy.js";
import { type Contestant, redecide, type Redecided } from "../lab/redecide.js";
import { partingText, TALLY_FIGURES } from "../lab/tally-figures.js";
import { POLICIES, SPILL_ORDERS, spillOrderNamed } from "../policy/registry.js";
import { unknownName } from "../closest.js";
import { PoolsOver } from "../report/redecided/data.js";
import { redecidedPage } from "../report/redecided/page.js";
import { openRecorded } from "./lines.js";
import { jsonText, writeWhole } from "./simulate-files.js";
import { writeBeside } from "./page-beside.js";
import { exitWith, print, printJson } from "./output.js";
import { EXIT_INTERRUPTED, untilSignal } from "./signals.js";

export interface RedecideOptions {
  /** Names and files; `unified@2.4` asks for another generation. All that are shipped when left out. */
  readonly policies?: readonly string[];
  /** A shipped order of spilling for all of them. */
  readonly spillOrder?: string;
  readonly json?: boolean;
  /** Where the same goes as JSON. */
  readonly out?: string;
  /** Where a page of it goes; the trace is put beside it. */
  readonly html?: string;
}

/** Decides the trace in `file` again and prints what came of it. Throws Refusal. */
export async function simulateTrace(file: string, options: RedecideOptions = {}): Promise<void> {
  const contestants = await contestantsOf(options.policies ?? POLICIES.map(({ name }) => name), options.spillOrder);
  const pools = options.html === undefined ? null : new PoolsOver();
  const recorded = await openRecorded(file);
  const redecided = await untilSignal((signal) => redecide(recorded, contestants, { watch: pools?.watch, signal }));
  if (pools !== null)
    writeBeside(file, options.html!, (raw) => redecidedPage({ ...pools.data(redecided), file: basename(file) }, raw));
  if (options.out !== undefined) writeWhole("--out", options.out, jsonText(redecided));
  if (options.json === true) printJson(redecided);
  else print(describe(redecided));
  if (redecided.interrupted) exitWith(EXIT_INTERRUPTED);
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

function describe({ file, rows, interrupted, outcomes }: Redecided): string {
  const names = ["", ...TALLY_FIGURES.map(({ title }) => title)];
  const columns = outcomes.map((outcome) => [outcome.label, ...TALLY_FIGURES.map(({ tell }) => tell(outcome))]);
  const table = [names, ...columns].map((column, at) => aligned(column, at === 0));
  const partings = outcomes.flatMap((outcome) => {
    const told = partingText(outcome);
    return told === null ? [] : [told.where, `  ${told.how}`];
  });
  return [
    `${file}: ${rows} requests decided again${interrupted ? ", then interrupted" : ""}`,
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
