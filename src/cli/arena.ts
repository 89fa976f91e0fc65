// `arena --trace FILE`: replays a recorded allocation trace against the arena and says how fast it went, how high the
// memory rose, and, with `--shadow`, whether an outside observer found anything wrong.

import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { Command, InvalidArgumentError, Option } from "commander";
import { arenaTarget } from "../alloc-trace/arena-target.js";
import { readTrace } from "../alloc-trace/read.js";
import { peakLive, replay } from "../alloc-trace/replay.js";
import { shadowReplay, type Violation } from "../alloc-trace/shadow.js";
import { type AllocTrace, TRACE_FORMATS, TraceError, type TraceFormat } from "../alloc-trace/trace.js";
import { humanBytes } from "../human.js";
import { MAX_ARENA_BYTES } from "../memory/arena.js";
import { MAX_CREW } from "../memory/crew.js";
import { replayByWorkers } from "./arena-workers.js";
import { reasonOf } from "./lines.js";
import { exitWith, print, printError, printJson } from "./output.js";
import { refuse } from "./trouble.js";

export const EXIT_VIOLATIONS = 1;

/** What a replay gives; printed as it is with `--json`. Bytes, seconds, counts. */
export interface ArenaReport {
  readonly file: string;
  readonly ops: number;
  readonly seconds: number;
  readonly opsPerSecond: number;
  readonly peakLive: number;
  readonly highWater: number;
  readonly utilisation: number;
  readonly refused: number;
  readonly violations: number;
  /** With `--workers`; then `refused` and `violations` are of the replay by them, and so are time and high water. */
  readonly workers?: number;
}

const WARM_UPS = 2;

const EXAMPLES = `
Examples:
  tungsten-memory arena --trace allocations.trace.gz --format wee
  tungsten-memory arena --trace allocations.trace.gz --format wee --shadow --json

Exit code: 0 replayed, 1 violations, 2 wrong usage or a trace that cannot be read.`;

interface ArenaCommandOptions {
  readonly trace: string;
  readonly format: TraceFormat;
  readonly limit: number;
  readonly workers?: number;
  readonly shadow?: true;
  readonly json?: true;
}

/** The command `arena`. */
export function arenaCommand(): Command {
  return new Command("arena")
    .description("replay an allocation trace against the off-heap arena")
    .requiredOption("--trace <file>", "trace to replay, plain or gzipped")
    .addOption(new Option("--format <format>", "format of the trace").choices(TRACE_FORMATS).makeOptionMandatory())
    .option("--limit <bytes>", "limit of the arena, its tables included, bytes", parseLimit, MAX_ARENA_BYTES)
    .option("--workers <count>", "replay by that many threads over one arena", parseWorkers)
    .option("--shadow", "let an outside observer check placement and contents of every block")
    .option("--json", "one JSON object on standard output")
    .addHelpText("after", EXAMPLES)
    .action(async (options: ArenaCommandOptions) => {
      try {
        const trace = readTrace(contentsOf(options.trace), options.format, options.trace);
        const { report, refusedFrees, first } =
          options.workers === undefined
            ? replayTrace(trace, options)
            : await replayInCrew(trace, options, options.workers);
        if (options.json) printJson(report);
        (options.json ? printError : print)(describe(report, refusedFrees, first));
        if (report.violations > 0) exitWith(EXIT_VIOLATIONS);
      } catch (error) {
        refuse("arena", error);
      }
    });
}

interface Told {
  readonly report: ArenaReport;
  readonly refusedFrees: number;
  readonly first: readonly Violation[];
}

function replayTrace(trace: AllocTrace, { trace: file, limit, shadow }: ArenaCommandOptions): Told {
  const arena = { limitBytes: limit, limitCoversTables: true };
  // Unmeasured, so that the measured replay runs compiled code.
  for (let round = 0; round < WARM_UPS; round += 1) replay(trace, arenaTarget(arena));
  const target = arenaTarget(arena);
  const { seconds, refused, refusedFrees, peakLiveBytes } = replay(trace, target);
  const { violations, first } = shadow ? shadowReplay(trace, arenaTarget(arena)) : { violations: 0, first: [] };
  const figures = reportOf(file, trace, seconds, peakLiveBytes, target.arena.highWaterBytes);
  return { report: { ...figures, refused, violations }, refusedFrees, first };
}

/** Unobserved for the time, and then under the observer. The peak is that of the trace in its own order. */
async function replayInCrew(
  trace: AllocTrace,
  { trace: file, limit, shadow }: ArenaCommandOptions,
  workers: number,
): Promise<Told> {
  const options = { limitBytes: limit, limitCoversTables: true };
  const { arena, seconds, ...timed } = await replayByWorkers(trace, workers, options, false);
  const { violations, first } = shadow ? await replayByWorkers(trace, workers, options, true) : timed;
  const figures = reportOf(file, trace, seconds, peakLive(trace, []), arena.highWaterBytes);
  return {
    report: { ...figures, refused: timed.refused, violations, workers },
    refusedFrees: timed.refusedFrees,
    first,
  };
}

function reportOf(
  file: string,
  trace: AllocTrace,
  seconds: number,
  peakLiveBytes: number,
  highWater: number,
): Omit<ArenaReport, "refused" | "violations"> {
  return {
    file,
    ops: trace.operations,
    seconds,
    opsPerSecond: seconds > 0 ? trace.operations / seconds : 0,
    peakLive: peakLiveBytes,
    highWater,
    utilisation: peakLiveBytes / highWater,
  };
}

/** The uncompressed bytes of the file. Throws TraceError. */
function contentsOf(file: string): Uint8Array {
  let bytes = new Uint8Array();
  try {
    bytes = readFileSync(file);
    return bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzipSync(bytes) : bytes;
  } catch (error) {
    throw new TraceError(file, { offset: bytes.length }, reasonOf(error));
  }
}

function parseLimit(text: string): number {
  const bytes = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!(bytes >= 1 && bytes <= MAX_ARENA_BYTES))
    throw new InvalidArgumentError(`A limit is a whole number of bytes from 1 to ${MAX_ARENA_BYTES}.`);
  return bytes;
}

function parseWorkers(text: string): number {
  const workers = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!(workers >= 1 && workers < MAX_CREW))
    throw new InvalidArgumentError(`A replay has 1 to ${MAX_CREW - 1} workers.`);
  return workers;
}

function describe(report: ArenaReport, refusedFrees: number, first: readonly Violation[]): string {
  const rows: [string, string][] = [
    ["trace", report.file],
    ["operations", `${report.ops} in ${report.seconds.toFixed(4)} s, ${(report.opsPerSecond / 1e6).toFixed(1)} M/s`],
    ["peak live", `${report.peakLive} (${humanBytes(report.peakLive)})`],
    ["high water", `${report.highWater} (${humanBytes(report.highWater)}), utilisation ${percent(report.utilisation)}`],
    ["refused", `${report.refused}; frees of refused blocks ${refusedFrees}`],
    ["violations", `${report.violations}`],
  ];
  const lines = rows.map(([name, value]) => `${name.padEnd(12)}${value}`);
  for (const { kind, call, detail } of first) lines.push(`  ${kind} at call ${call}: ${detail}`);
  return lines.join("\n");
}

function percent(part: number): string {
  return `${(part * 100).toFixed(2)} %`;
}
