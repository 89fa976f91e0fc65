// `explain FILE`: tells why things happened in a recording: who was denied, waited, spilled or lost a block for whom.

import { Command, InvalidArgumentError, Option } from "commander";
import { Unreadable } from "../trace/source.js";
import type { Fact } from "../why/facts.js";
import type { ToldLine } from "../why/exported.js";
import { Malformed } from "../why/format.js";
import { matrixOf } from "../why/matrix.js";
import { type Payment, Story, type Told } from "../why/story.js";
import { sizeText } from "../why/tell.js";
import { openCauses } from "./causes.js";
import { writePage } from "./explain-page.js";
import { exitWith, print, printError, printJson } from "./output.js";
import { Unwritable } from "./page-beside.js";
import { EXIT_USAGE } from "./trouble.js";

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

A plain trace is asked again here, so that its causes are those of this library's answers.
Exit code: 0 told, 2 wrong usage or a file that cannot be read.`;

/** The command `explain`. */
export function explainCommand(): Command {
  return new Command("explain")
    .description("tell why tasks were denied, waited, spilled or lost blocks, and who paid for whom")
    .argument("<file>", "a recording with causes, or a memory trace, plain or gzipped")
    .option("--task <t>", "all that concerns a task", integer)
    .addOption(new Option("--row <n>", "one row, with the chain behind it").argParser(integer).conflicts("task"))
    .addOption(new Option("--block <name>", "what happened to a block").conflicts(["task", "row"]))
    .option("--json", "one JSON object on standard output")
    .addOption(
      new Option("--html <file>", "a page of it, the raw rows beside it").conflicts(["task", "row", "block", "json"]),
    )
    .addHelpText("after", EXAMPLES)
    .action(async (file: string, options: Options) => {
      try {
        if (options.html === undefined) await explain(file, options);
        else print(await writePage(file, options.html));
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

async function explain(file: string, { task, row, block, json }: Options): Promise<void> {
  const story = new Story();
  const chosen = (fact: Fact): boolean => {
    if (fact.kind === "asked" || fact.kind === "wanted") return false;
    if (task !== undefined) return story.isAbout(fact, task);
    if (row !== undefined) return fact.row === row;
    return block !== undefined && story.isAboutBlock(fact, block);
  };
  const told: Told[] = [];
  let asked = null as ToldLine | null;
  const take = (line: ToldLine): void => {
    story.rows = line.i;
    story.add(line.facts);
    if (line.i === row) asked = line;
    for (const fact of line.facts) {
      if (!chosen(fact)) continue;
      if (json) told.push(story.tell(fact));
      else print(toldText(story.tell(fact), row === undefined));
    }
  };
  const causes = await openCauses(file);
  for await (const lines of causes.rows) lines.forEach(take);
  const { different } = causes;
  if (different > 0) printError(`explain: this library answers ${different} rows differently than ${file} says`);
  const whole = task === undefined && row === undefined && block === undefined;
  if (json) {
    const { counts, trouble, largest, payments } = story;
    printJson({
      file,
      rows: story.rows,
      different,
      ...(whole ? { counts, payments, trouble, largest } : { told }),
      ...(asked === null ? {} : { asked: asked.ask, result: asked.result }),
    });
    return;
  }
  if (whole) print(summaryText(file, story));
  if (row !== undefined && asked === null) print(`${file} has no row ${row}: it has ${story.rows}`);
  if (asked !== null) print(`asked: ${rowText(asked)}`);
}

/** A fact and the chain behind it, a line each. */
function toldText({ row, chain: [first, ...before] }: Told, short: boolean): string {
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
    `${counts.short} short grants`,
    `${counts.waits} waits`,
    `${counts.woken} wakes`,
    `${counts.refused} refused blocks`,
    `${counts.moved} moves of the boundary`,
    `${counts.evicted} evictions`,
    `${counts.spilled} spills`,
  ].join(", ");
  return [
    `${file}: ${story.rows} rows: ${count}; ${counts.deadlock} deadlocks, ${counts.starved} starvations`,
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

function integer(text: string): number {
  const value = Number(text);
  if (!/^-?\d{1,16}$/.test(text) || !Number.isSafeInteger(value))
    throw new InvalidArgumentError("write a whole number.");
  return value;
}
