// `explain FILE`: tells why things happened in a recording: who was denied, waited, spilled or lost a block for whom.

import { Command, InvalidArgumentError, Option } from "commander";
import type { ModeName } from "../memory/mode.js";
import { Unreadable } from "../trace/source.js";
import type { Fact, FactKind, FactOf } from "../why/facts.js";
import type { ToldLine } from "../why/exported.js";
import { Malformed } from "../why/format.js";
import { awaited, type OpenWait, OpenWaits } from "../why/open-waits.js";
import { matrixOf } from "../why/matrix.js";
import { type Payment, Story, type Told } from "../why/story.js";
import { modeText, sizeText } from "../why/tell.js";
import { openCauses } from "./causes.js";
import { writePage } from "./explain-page.js";
import { exitWith, print, printError, printJson } from "./output.js";
import { Unwritable } from "./page-beside.js";
import { EXIT_INTERRUPTED, untilSignal } from "./signals.js";
import { EXIT_USAGE } from "./trouble.js";

/** There is nothing of that name or number in the recording. */
export const EXIT_MISSING = 1;

interface Options {
  readonly task?: number;
  readonly row?: number;
  readonly block?: string;
  readonly json?: true;
  readonly html?: string;
}

const EXAMPLES = `
Examples:
  tungsten-memory record --profile consumers --seed 7 --why --out run.causes
  tungsten-memory explain run.causes
  tungsten-memory explain run.causes --task 3
  tungsten-memory explain trace.jsonl.gz --row 812 --json
  tungsten-memory explain run.causes --html run.html

A plain trace carries no causes: its requests are asked again here, and the causes are those of this library's answers.
Exit code: 0 told, 1 no such row, task or block, 2 wrong usage or a file that cannot be read, 130 interrupted, with what was read.`;

/** The command `explain`. */
export function explainCommand(): Command {
  return new Command("explain")
    .description("tell why tasks were denied, waited, spilled or lost blocks, and who paid for whom")
    .argument("<file>", "a recording with causes, or a memory trace, plain or gzipped")
    .option("--task <t>", "all that concerns a task", integer(-Number.MAX_SAFE_INTEGER))
    .addOption(new Option("--row <n>", "one row, with the chain behind it").argParser(integer(1)).conflicts("task"))
    .addOption(new Option("--block <name>", "what happened to a block").conflicts(["task", "row"]))
    .option("--json", "one JSON object on standard output")
    .addOption(
      new Option("--html <file>", "a page of it, the raw rows beside it").conflicts(["task", "row", "block", "json"]),
    )
    .addHelpText("after", EXAMPLES)
    .action(async (file: string, options: Options) => {
      try {
        await untilSignal(async (signal) => {
          if (options.html === undefined) await explain(file, options, signal);
          else print(await writePage(file, options.html, signal));
          if (!signal.aborted) return;
          printError("explain: interrupted; what was read until then has been told");
          exitWith(EXIT_INTERRUPTED);
        });
      } catch (error) {
        if (error instanceof Unwritable) {
          printError(`explain: ${error.message}`);
          exitWith(EXIT_USAGE);
          return;
        }
        if (!(error instanceof Malformed || error instanceof Unreadable)) throw error;
        const { name, reason } = error;
        const place = error instanceof Malformed ? { offset: error.offset } : { line: error.line };
        if (options.json) printJson({ file, error: { name, ...place, message: reason } });
        printError(`explain: ${error.message}`);
        exitWith(EXIT_USAGE);
      }
    });
}

/** A fact with all its numbers, and the chain behind it in words. */
type ToldFact = Fact & Pick<Told, "chain">;

async function explain(file: string, options: Options, signal: AbortSignal): Promise<void> {
  const { row, json } = options;
  const story = new Story();
  const waits = new OpenWaits();
  const isChosen = choice(options, story);
  const told: ToldFact[] = [];
  // Whether what was asked about is there, and whether anything was told of it.
  let found = false;
  let said = false;
  let asked = null as ToldLine | null;
  let waiting: readonly Edge[] = [];
  const take = (line: ToldLine): void => {
    story.rows = line.i;
    story.add(line.facts);
    waits.add(line, story.known);
    found ||= isNamed(options, line);
    if (line.i === row) asked = line;
    if (line.i === row && line.facts.some(({ kind }) => OF_WAITS.has(kind))) waiting = waits.all.map(edgeOf);
    for (const fact of line.facts) {
      if (!isChosen(fact)) continue;
      found = true;
      if (fact.kind === "asked" || fact.kind === "wanted") continue;
      said = true;
      const { chain } = story.tell(fact);
      if (json) told.push({ ...fact, chain });
      else print(toldText({ ...fact, chain }, row === undefined));
    }
  };
  const causes = await openCauses(file);
  for await (const lines of causes.rows) {
    lines.forEach(take);
    if (signal.aborted) break;
  }
  const { different } = causes;
  if (different > 0)
    printError(`explain: this library answers ${plural(different, "row")} differently than ${file} says`);
  const what = partText(options);
  const missing = what !== null && !found && !signal.aborted;
  if (json) {
    const { counts, trouble, largest, payments } = story;
    printJson({
      file,
      rows: story.rows,
      different,
      ...(what === null ? { counts, payments, trouble, largest } : { told }),
      ...(asked === null ? {} : { asked: asked.ask, result: asked.result }),
      ...(waiting.length === 0 ? {} : { waiting }),
      ...(signal.aborted ? { interrupted: true } : {}),
    });
  } else {
    if (what === null) print(summaryText(file, story));
    if (asked !== null) print(`asked: ${rowText(asked)}`);
    if (waiting.length > 0) print(["who waits for whom then:", ...waiting.map(edgeText)].join("\n"));
    if (found && !said) print(`${what}: nothing stood in its way, and nothing was taken from it`);
  }
  if (!missing) return;
  printError(`explain: ${file} has no ${what}${row === undefined ? "" : `: it has ${story.rows}`}`);
  exitWith(EXIT_MISSING);
}

/** Facts in whose rows it is told who waits for whom. */
const OF_WAITS: ReadonlySet<FactKind> = new Set(["waits", "deadlock", "starved"]);

/** What was asked about; null where it is everything. */
function partText({ task, row, block }: Options): string | null {
  if (task !== undefined) return `task ${task}`;
  if (row !== undefined) return `row ${row}`;
  return block === undefined ? null : `block ${block}`;
}

/** Whether a fact is about what was asked about. */
function choice({ task, row, block }: Options, story: Story): (fact: Fact) => boolean {
  if (task !== undefined) return (fact) => story.isAbout(fact, task);
  if (row !== undefined) return (fact) => fact.row === row;
  return (fact) => block !== undefined && story.isAboutBlock(fact, block);
}

/** Whether a row is of what was asked about, whatever came of it. */
function isNamed({ task, row, block }: Options, { i, ask }: ToldLine): boolean {
  if (task !== undefined) return ask["task"] === task;
  return row === undefined ? block !== undefined && ask["block"] === block : i === row;
}

/** Whom a task waits for, since which row: an edge of the wait-for graph to each holder. */
interface Edge {
  readonly task: number;
  readonly mode: ModeName;
  readonly since: number;
  readonly needBytes: number;
  readonly holders: FactOf<"waits">["holders"];
}

function edgeOf({ row, asked: { task, mode }, last }: OpenWait): Edge {
  return { task, mode, since: row, needBytes: last.needBytes, holders: awaited(last) };
}

function edgeText({ task, mode, since, needBytes, holders }: Edge): string {
  const whom = holders.map(([holder, bytes]) => `task ${holder} (${sizeText(bytes)})`).join(", ");
  return `  task ${task} -> ${whom || "nobody"}: ${sizeText(needBytes)} ${modeText(mode)}, since row ${since}`;
}

/** A fact and the chain behind it, a line each. */
function toldText({ row, chain: [first, ...before] }: Pick<Told, "row" | "chain">, short: boolean): string {
  const head = `row ${row}: ${first!}`;
  return short ? head : [head, ...before.map((each) => `  before that: ${each}`)].join("\n");
}

function rowText({ i, ask, result }: ToldLine): string {
  const { op, ...fields } = ask;
  const words = Object.entries(fields)
    .filter(([, value]) => typeof value !== "object")
    .map(([name, value]) => `${name}=${String(value)}`);
  return `row ${i} ${[op, ...words].join(" ")} -> ${JSON.stringify(result)}`;
}

function summaryText(file: string, story: Story): string {
  const { counts, trouble, largest, payments } = story;
  const count = [
    plural(counts.short, "short grant"),
    plural(story.waits, "wait"),
    plural(counts.woken, "wake"),
    plural(counts.refused, "refused block"),
    plural(counts.moved, "move of the boundary", "moves of the boundary"),
    plural(counts.evicted, "eviction"),
    plural(counts.spilled, "spill"),
  ].join(", ");
  const bad = `${plural(counts.deadlock, "deadlock")}, ${plural(counts.starved, "starvation")}`;
  return [
    `${file}: ${plural(story.rows, "row")}: ${count}; ${bad}`,
    ...trouble.map((each) => toldText(each, false)),
    ...(payments.length === 0
      ? []
      : ["who paid (rows) for whom (columns), in bytes: s spilled, e evicted, w waited for"]),
    ...matrixLines(payments),
    ...(largest.length === 0 ? [] : ["the largest spills:"]),
    ...largest.map((each) => toldText(each, false)),
  ].join("\n");
}

/** The payments as a table, those who matter most; the others are one line and one column. */
function matrixLines(payments: readonly Payment[]): string[] {
  if (payments.length === 0) return [];
  const { names, cells } = matrixOf(payments);
  const table = [["", ...names], ...cells.map((line, i) => [names[i]!, ...line.map(cellText)])];
  const widths = table[0]!.map((_, column) => Math.max(...table.map((line) => line[column]!.length)));
  return table.map((line) => `  ${line.map((cell, column) => cell.padEnd(widths[column]!)).join("  ")}`.trimEnd());
}

/** `s 16.2 KiB, w 329 B`. */
function cellText(bytes: readonly number[]): string {
  const parts = bytes.flatMap((each, i) => (each === 0 ? [] : [`${"sew"[i]!} ${sizeText(each)}`]));
  return parts.length === 0 ? "-" : parts.join(", ");
}

function plural(count: number, one: string, many: string = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}

function integer(least: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^-?\d{1,16}$/.test(text) || !Number.isSafeInteger(value) || value < least)
      throw new InvalidArgumentError(`write a whole number${least > 0 ? ` from ${least}` : ""}.`);
    return value;
  };
}
