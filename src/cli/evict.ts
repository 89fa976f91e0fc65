// `evict --trace FILE`: replays recorded requests for objects on eviction policies and says how many each would have had.
// Objects are numbered while the trace is read; that is told apart from the replay.

import { setImmediate as nextTurn } from "node:timers/promises";
import { Command, InvalidArgumentError, Option } from "commander";
import { unknownName } from "../closest.js";
import { REQUEST_FORMATS, type RequestFormat, requestReader, TraceError } from "../eviction/formats/read.js";
import {
  EVICTION_NAMES,
  EVICTION_PARAMS,
  type EvictionName,
  type EvictionParam,
  type EvictionParams,
  evictionPolicy,
} from "../eviction/names.js";
import type { Hint } from "../eviction/policy.js";
import { replay } from "../eviction/replay.js";
import { hintsOf, type Requests } from "../eviction/requests.js";
import { Refusal } from "../fault.js";
import { contents, reasonOf } from "./lines.js";
import { packing } from "./log-files.js";
import { clearStatus, exitWith, print, printError, printJson, showStatus } from "./output.js";
import { EXIT_INTERRUPTED, untilSignal } from "./signals.js";
import { isSystemError, refuse } from "./trouble.js";

const UNITS = ["objects", "bytes"] as const;
type CapacityUnit = (typeof UNITS)[number];

/** What one policy did with one capacity; an element of the array of `--json`. */
export interface EvictRow {
  readonly policy: EvictionName;
  /** In the unit. */
  readonly capacity: number;
  readonly unit: CapacityUnit;
  readonly requests: number;
  readonly hits: number;
  readonly misses: number;
  /** Sizes of the requests that missed; of a trace without sizes every object counts 1. */
  readonly missedBytes: number;
  /** Misses of objects larger than the capacity. */
  readonly oversize: number;
  /** 0 to 1. */
  readonly hitRatio: number;
  /** Of the replay alone. */
  readonly requestsPerSecond: number;
}

/** A trace that has been read. */
export interface ReadTrace {
  readonly requests: Requests;
  readonly seconds: number;
}

interface EvictOptions extends Readonly<Record<EvictionParam, number>> {
  readonly trace: string;
  readonly format: RequestFormat;
  readonly policy: readonly EvictionName[];
  readonly capacity: readonly number[];
  readonly unit?: CapacityUnit;
  readonly shift: number;
  readonly json?: true;
}

/** The flags of the parameters, as people write them. */
const FLAGS: Readonly<Record<EvictionParam, string>> = {
  clockBits: "--clock-bits <n>",
  slruSegments: "--slru-segments <n>",
  twoQueuesIn: "--two-queues-in <ratio>",
  twoQueuesOut: "--two-queues-out <ratio>",
  lirsCold: "--lirs-cold <ratio>",
  s3Small: "--s3-small <ratio>",
  s3Ghost: "--s3-ghost <ratio>",
  s3Threshold: "--s3-threshold <n>",
  tinyWindow: "--tiny-window <ratio>",
  tinyProtected: "--tiny-protected <ratio>",
};

const HELP = `
Policies: ${EVICTION_NAMES.join(" ")}.
belady and belady-size know the trace beforehand, lrc how many requests for an object are still to come.
gdsf takes every object to cost 1 to have again.
An object larger than the capacity is a miss and is not admitted. An object keeps the size with which it came in.

Examples:
  tungsten-memory evict --trace OLTP.lis.gz --format arc --policy lru,arc,belady --capacity 1000,2000
  tungsten-memory evict --trace OLTP.lis.gz --format arc --policy s3-fifo --s3-small 0.2 --capacity 1000 --json

Exit code: 0 replayed, 2 wrong usage or a trace that cannot be read, 130 interrupted (the rows until then are printed).`;

/** The command `evict`. */
export function evictCommand(): Command {
  const command = new Command("evict")
    .description("replay recorded requests on eviction policies")
    .requiredOption("--trace <file>", "trace to replay, plain or gzipped")
    .addOption(new Option("--format <format>", "format of the trace").choices(REQUEST_FORMATS).makeOptionMandatory())
    .requiredOption("--policy <names>", "policies, separated by commas", parsePolicies)
    .requiredOption("--capacity <numbers>", "capacities, separated by commas; in bytes k, m, g may follow", parseSizes)
    .addOption(
      new Option("--unit <unit>", "what a capacity counts (default: objects; bytes of oracle-general)").choices(UNITS),
    )
    .option(
      "--shift <bits>",
      "address: lowest bits that do not tell objects apart, 6 for lines, 12 for pages",
      parseShift,
      0,
    )
    .option("--json", "one JSON array on standard output");
  for (const [param, flags] of Object.entries(FLAGS) as [EvictionParam, string][]) {
    const { meaning, standard } = EVICTION_PARAMS[param];
    command.option(flags, meaning, (text) => parseParam(param, text), standard);
  }
  return command.addHelpText("after", HELP).action(async (options: EvictOptions) => {
    try {
      await evict(options);
    } catch (error) {
      refuse("evict", error, options.json, { file: options.trace });
    }
  });
}

async function evict(options: EvictOptions): Promise<void> {
  const { format, trace, shift, json } = options;
  if (shift > 0 && format !== "address") throw new Refusal("--shift goes with addresses only (--format address)");
  const unit = options.unit ?? (format === "oracle-general" ? "bytes" : "objects");
  const { requests, seconds } = await readRequests(trace, format, shift);
  if (unit === "bytes" && requests.sizes === null)
    throw new Refusal(`--unit bytes: a trace of format ${format} tells no sizes`);
  (json ? printError : print)(describe(trace, requests, seconds));
  const rows: EvictRow[] = [];
  const table = json ? null : new Table(unit);
  const all = options.policy.length * options.capacity.length;
  const replayed = replays(requests, unit, options.policy, options.capacity, paramsOf(options));
  await untilSignal(async (signal) => {
    while (!signal.aborted && rows.length < all) {
      const row = replayed.next().value!;
      rows.push(row);
      table?.print(row);
      showStatus(() => `${rows.length} of ${all} replays`);
      await nextTurn();
    }
  });
  clearStatus();
  if (json) printJson(rows);
  if (rows.length < all) exitWith(EXIT_INTERRUPTED);
}

/** Reads a trace and numbers its objects. Throws TraceError, and what the system says of a file that cannot be opened. */
export async function readRequests(file: string, format: RequestFormat, shift: number = 0): Promise<ReadTrace> {
  const start = performance.now();
  const reader = requestReader(format, file, shift);
  let offset = 0;
  try {
    for await (const piece of (await contents(file)) as AsyncIterable<Uint8Array>) {
      // The binary formats would take it for requests.
      const packed = offset === 0 ? packing(piece) : null;
      if (packed !== null) throw new TraceError(file, { offset }, packed);
      reader.write(piece);
      offset += piece.length;
    }
  } catch (error) {
    if (error instanceof TraceError || isSystemError(error)) throw error;
    throw new TraceError(file, { offset }, reasonOf(error));
  }
  return { requests: reader.end(), seconds: (performance.now() - start) / 1000 };
}

/** A row for each policy and capacity, in that order. */
export function* replays(
  requests: Requests,
  unit: CapacityUnit,
  policies: readonly EvictionName[],
  capacities: readonly number[],
  params: Partial<EvictionParams>,
): Generator<EvictRow, undefined> {
  // Where objects are counted, sizes only say what was missed.
  const counted = unit === "bytes" ? requests : { ...requests, sizes: null };
  const hints = new Map<Hint, Float64Array | null>();
  for (const name of policies) {
    for (const capacity of capacities) {
      const policy = evictionPolicy(name, params, capacity);
      if (!hints.has(policy.hint)) hints.set(policy.hint, hintsOf(requests, policy.hint));
      const missedSizes = counted.sizes === null ? requests.sizes : null;
      const start = performance.now();
      const hits = replay(counted, policy, capacity, hints.get(policy.hint)!, missedSizes);
      const seconds = (performance.now() - start) / 1000;
      yield {
        policy: name,
        capacity,
        unit,
        ...hits,
        hitRatio: hits.hits / hits.requests,
        requestsPerSecond: seconds > 0 ? hits.requests / seconds : 0,
      };
    }
  }
  return undefined;
}

function describe(file: string, { ids, objects, sizes }: Requests, seconds: number): string {
  const rate = (ids.length / seconds / 1e6).toFixed(1);
  return `${file}: ${ids.length} requests for ${objects} objects${sizes === null ? "" : ", with sizes"}; read and numbered in ${seconds.toFixed(3)} s, ${rate} M requests/s`;
}

/** The rows for people, one as soon as it is known. */
class Table {
  constructor(unit: CapacityUnit) {
    const head = [
      "policy",
      `capacity, ${unit}`,
      "hit ratio, %",
      "hits",
      "misses",
      "missed bytes",
      "oversize",
      "M req/s",
    ];
    print(`\n${line(head)}`);
  }

  print({ policy, capacity, hitRatio, hits, misses, missedBytes, oversize, requestsPerSecond }: EvictRow): void {
    const counts = [hits, misses, missedBytes, oversize].map(String);
    print(
      line([policy, String(capacity), (100 * hitRatio).toFixed(3), ...counts, (requestsPerSecond / 1e6).toFixed(1)]),
    );
  }
}

const WIDTHS = [12, 18, 13, 11, 11, 16, 9, 8];

function line(cells: readonly string[]): string {
  return cells.map((cell, at) => (at === 0 ? cell.padEnd(WIDTHS[at]!) : cell.padStart(WIDTHS[at]!))).join(" ");
}

function paramsOf(options: EvictOptions): Partial<EvictionParams> {
  const names = Object.keys(FLAGS) as EvictionParam[];
  return Object.fromEntries(names.map((name) => [name, options[name]]));
}

function parsePolicies(text: string): readonly EvictionName[] {
  const names = text.split(",").map((name) => name.trim());
  for (const name of names)
    if (!(EVICTION_NAMES as readonly string[]).includes(name))
      throw new InvalidArgumentError(unknownName("policy", name, EVICTION_NAMES));
  return names as EvictionName[];
}

const SCALES: Readonly<Record<string, number>> = { "": 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30 };

function parseSizes(text: string): readonly number[] {
  return text.split(",").map((part) => {
    const match = /^\s*(\d{1,16})([kmg]?)\s*$/i.exec(part);
    const size = match === null ? 0 : Number(match[1]) * SCALES[match[2]!.toLowerCase()]!;
    if (!(size >= 1 && Number.isSafeInteger(size)))
      throw new InvalidArgumentError(`"${part}" is no whole number from 1, with k, m or g behind it or not.`);
    return size;
  });
}

function parseShift(text: string): number {
  if (!/^\d{1,2}$/.test(text) || Number(text) > 63)
    throw new InvalidArgumentError("write a whole number from 0 to 63.");
  return Number(text);
}

function parseParam(param: EvictionParam, text: string): number {
  const { least, most, whole } = EVICTION_PARAMS[param];
  const value = /^\d*\.?\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= least && value <= most && (whole !== true || Number.isInteger(value))))
    throw new InvalidArgumentError(`write a ${whole === true ? "whole " : ""}number from ${least} to ${most}.`);
  return value;
}
