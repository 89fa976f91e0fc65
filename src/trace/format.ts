// Memory traces, version 1: reading and checking the lines. What is asked and what was answered stay plain objects, named
// as the format names them; a line that breaks the format is Unreadable, never skipped.

import { COLLECTORS, type Collector } from "../config/layout.js";
import { Refusal } from "../fault.js";
import { type Mode, type ModeName, OFF_HEAP, ON_HEAP } from "../memory/mode.js";
import {
  type Check,
  COUNT,
  type Fail,
  FLAG,
  INTEGER,
  isCount,
  isObject,
  oneOf,
  orNull,
  pick,
  type Shape,
  shown,
  TEXT,
  TRUE,
} from "./shape.js";
import { Unreadable } from "./source.js";

export type ModeState = readonly [number, number, number, number];
/** The pools after a row: of each mode what execution has, what of it is used, what storage has, what of it is used. Bytes. */
export interface State {
  readonly onHeap: ModeState;
  readonly offHeap: ModeState;
}

/** The first line of a trace: whose answers these are, and the executor that gave them. */
export interface TraceHeader {
  readonly engine: string;
  readonly generation: string;
  readonly manager: "unified" | "static";
  readonly cores: number;
  readonly collector: Collector;
  readonly conf: Readonly<Record<string, string>>;
  readonly pageSize: number;
  readonly tungstenMode: ModeName;
  readonly state: State;
  /** `rows`: every look of a request that waits is a row of its own (`retry`), as a Recorder writes them. */
  readonly looks?: "rows";
  /** Who decided, where it was not Spark's own: a shipped policy and order of spilling, by name. */
  readonly policy?: string;
  readonly spillOrder?: string;
}

export type OnSpill = "all" | "asked" | "half" | "pages" | "nothing" | "others" | "fail";

/** What rows ask. Bytes are whole numbers up to 2^53. */
export type Op =
  | { op: "execAcquire" | "execRelease"; task: number; bytes: number; mode: ModeName }
  | { op: "execReleaseAll" | "endTask"; task: number }
  | { op: "interrupt"; task: number }
  | { op: "storageAcquire" | "unrollReserve"; block: string; bytes: number; mode: ModeName }
  | { op: "storageRelease" | "unrollRelease"; bytes: number; mode: ModeName }
  | { op: "put"; block: string; bytes: number; mode: ModeName; onEvict: "gone" | "disk" }
  | { op: "get" | "has" | "pin" | "unpin" | "remove"; block: string }
  | { op: "consumer"; task: number; consumer: string; mode: ModeName; onSpill: OnSpill }
  | { op: "acquire" | "free" | "allocatePage"; task: number; consumer: string; bytes: number }
  | { op: "freePage"; task: number; consumer: string; page: number }
  // Beyond version 1, in recordings of an embedder's own run alone: a further look of a request that waits, a report of
  // unmanaged memory, a store that is emptied.
  | { op: "retry"; task: number; bytes: number; mode: ModeName }
  | { op: "unmanaged"; bytes: number; mode: ModeName }
  | { op: "clear" }
  | UnmanagedOp;

/** What rows about unmanaged consumers ask: version 1 as engines of 4.1 extend it. */
export type UnmanagedOp =
  | { op: "unmanagedRegister"; component: string; instance: string; mode: ModeName; answer: UnmanagedAnswer }
  | { op: "unmanagedAnswer"; component: string; instance: string; answer: UnmanagedAnswer }
  | { op: "unmanagedUnregister"; component: string; instance: string }
  | { op: "unmanagedUsed"; component: string }
  | { op: "unmanagedPoll" | "unmanagedClear" };
/** What a consumer answers when it is asked: bytes, perhaps negative, or an error. */
export type UnmanagedAnswer = number | "fails";

/** What a request causes besides its answer. */
export interface Effects {
  evicted?: { block: string; to: "gone" | "disk" }[];
  spills?: { consumer: string; asked: number; trigger: string; freed?: number; failed?: true }[];
}

/** One row of a trace: what was asked, what came of it, and the pools afterwards. */
export type Row = Op & {
  readonly i: number;
  /** When it was asked, microseconds from the first row or before. Beyond version 1: recordings may tell it, on every row. */
  readonly atUs?: number;
  readonly result: Readonly<Record<string, unknown>>;
  readonly state: State;
  readonly resumed?: readonly ({ i: number; result: Readonly<Record<string, unknown>> } & Effects)[];
} & Effects;

/**
 * A row about a task, consumer or page that no row before it has made, or that is gone.
 *
 * @example
 * ```ts
 * import { openExecutor, Recorder, Replay, Undeclared, readHeader } from "tungsten-memory";
 *
 * const lines: string[] = [];
 * new Recorder(openExecutor({ pages: "accounts" }), (line) => lines.push(line)).end();
 * const replay = new Replay(readHeader(JSON.parse(lines[0]!), "run.jsonl"));
 * try {
 *   replay.apply({ i: 1, op: "freePage", page: 99 } as unknown as Parameters<Replay["apply"]>[0]);
 * } catch (error) {
 *   console.log(error instanceof Undeclared); // true
 * }
 * ```
 */
export class Undeclared extends Refusal {
  override readonly name = "Undeclared";
}

type Field =
  | "task"
  | "bytes"
  | "mode"
  | "block"
  | "consumer"
  | "page"
  | "onEvict"
  | "onSpill"
  | "component"
  | "instance"
  | "answer";
const MODE = oneOf("onHeap", "offHeap");
const FIELDS: Readonly<Record<Field, Check>> = {
  task: INTEGER,
  bytes: COUNT,
  mode: MODE,
  block: TEXT,
  consumer: TEXT,
  page: COUNT,
  onEvict: oneOf("gone", "disk"),
  onSpill: oneOf("all", "asked", "half", "pages", "nothing", "others", "fail"),
  component: TEXT,
  instance: TEXT,
  answer: [(value) => Number.isSafeInteger(value) || value === "fails", "an integer, or fails"],
};

// Answers. Which of an op's answers a result is, its fields tell: an error, a wait, or what was asked for.
const NOTHING: Shape = {};
const WAITS: Shape = { waits: TRUE };
const SHORT: Shape = { error: TEXT, requested: COUNT, received: COUNT };
const GRANTED: Shape = { granted: COUNT };
const DECIDED: Shape = { granted: FLAG };
const PAGE: Shape = { page: COUNT, bytes: COUNT };
const USED: Shape = { used: COUNT };
const CACHED: Shape = {
  cached: [(value) => Array.isArray(value) && value.length === 2 && value.every(isCount), "bytes of both modes"],
};
const PEAK: Shape = { onHeap: COUNT, offHeap: COUNT };

/**
 * What can be answered to an op: `done`, and whether it may wait or fail besides. In a what-if, which decides recorded
 * requests by other rules, `skipped` says why a request could not be asked.
 */
interface Question {
  readonly asks: Shape;
  readonly done: Shape;
  readonly mayWait?: true;
  readonly mayFail?: true;
}

const OPS: Readonly<Record<Op["op"], Question>> = {
  execAcquire: { asks: asking("task", "bytes", "mode"), done: GRANTED, mayWait: true, mayFail: true },
  execRelease: { asks: asking("task", "bytes", "mode"), done: NOTHING },
  execReleaseAll: { asks: asking("task"), done: { released: COUNT } },
  endTask: { asks: asking("task"), done: { leaked: COUNT } },
  interrupt: { asks: asking("task"), done: NOTHING },
  storageAcquire: { asks: asking("block", "bytes", "mode"), done: DECIDED },
  storageRelease: { asks: asking("bytes", "mode"), done: NOTHING },
  unrollReserve: { asks: asking("block", "bytes", "mode"), done: DECIDED },
  unrollRelease: { asks: asking("bytes", "mode"), done: { unroll: COUNT } },
  put: { asks: asking("block", "bytes", "mode", "onEvict"), done: { stored: FLAG }, mayFail: true },
  get: { asks: asking("block"), done: { bytes: orNull(COUNT) } },
  has: { asks: asking("block"), done: { has: FLAG } },
  pin: { asks: asking("block"), done: NOTHING },
  unpin: { asks: asking("block"), done: NOTHING },
  remove: { asks: asking("block"), done: { removed: FLAG } },
  consumer: { asks: asking("task", "consumer", "mode", "onSpill"), done: NOTHING },
  acquire: { asks: asking("task", "consumer", "bytes"), done: GRANTED, mayWait: true, mayFail: true },
  free: { asks: asking("task", "consumer", "bytes"), done: USED },
  allocatePage: { asks: asking("task", "consumer", "bytes"), done: PAGE, mayWait: true, mayFail: true },
  freePage: { asks: asking("task", "consumer", "page"), done: USED },
  retry: { asks: asking("task", "bytes", "mode"), done: GRANTED, mayWait: true, mayFail: true },
  unmanaged: { asks: asking("bytes", "mode"), done: NOTHING },
  clear: { asks: NOTHING, done: NOTHING },
  unmanagedRegister: { asks: asking("component", "instance", "mode", "answer"), done: CACHED },
  unmanagedAnswer: { asks: asking("component", "instance", "answer"), done: CACHED },
  unmanagedUnregister: { asks: asking("component", "instance"), done: CACHED },
  unmanagedUsed: { asks: asking("component"), done: { bytes: INTEGER } },
  unmanagedPoll: { asks: NOTHING, done: CACHED },
  unmanagedClear: { asks: NOTHING, done: CACHED },
};

const EVICTED: Shape = { block: TEXT, to: FIELDS.onEvict };
const SPILLED: Shape = { consumer: TEXT, asked: COUNT, trigger: TEXT, freed: COUNT };
const FAILED: Shape = { consumer: TEXT, asked: COUNT, trigger: TEXT, failed: TRUE };
const RESUMED: Shape = { i: COUNT };
const TIMED: Shape = { atUs: COUNT };

const HEADER: Shape = {
  engine: TEXT,
  manager: oneOf("unified", "static"),
  cores: COUNT,
  collector: oneOf(...COLLECTORS),
  conf: [
    (value) => isObject(value) && Object.values(value).every((text) => typeof text === "string"),
    "Spark keys with strings",
  ],
  pageSize: COUNT,
  tungstenMode: MODE,
};

/**
 * The header from the first line of a trace.
 *
 * @example
 * ```ts
 * import { readHeader, Recorder, openExecutor } from "tungsten-memory";
 *
 * const lines: string[] = [];
 * new Recorder(openExecutor({ pages: "accounts" }), (line) => lines.push(line)).end();
 * console.log(readHeader(JSON.parse(lines[0]!), "run.jsonl").generation); // 4.1
 * ```
 */
export function readHeader(value: unknown, file: string): TraceHeader {
  const fail: Fail = (message) => {
    throw new Unreadable(file, 1, message);
  };
  const header = isObject(value) ? value : fail("is not an object");
  if (header["trace"] !== "executor-memory") fail("is not the header of a memory trace");
  if (header["version"] !== 1) fail(`version ${shown(header["version"])} is not known here, only 1`);
  const made = pick(header, HEADER, "header", fail);
  const engine = made["engine"] as string;
  const generation = header["generation"] ?? /^spark-(\d.*)$/.exec(engine)?.[1];
  if (generation === undefined) fail(`header: generation is missing, and engine ${engine} does not tell it`);
  if (typeof generation !== "string") fail(`header: generation must be a version, not ${shown(generation)}`);
  const { looks } = header;
  if (looks !== undefined && looks !== "rows") fail(`header: looks must be rows, not ${shown(looks)}`);
  const named = Object.fromEntries(
    ["policy", "spillOrder"].filter((field) => field in header).map((field) => [field, TEXT]),
  );
  return {
    ...(made as unknown as TraceHeader),
    generation: generation as string,
    state: readState(header["state"], "header", fail),
    ...(looks === undefined ? {} : { looks }),
    ...pick(header, named, "header", fail),
  };
}

/**
 * A row, or the count in the last line. `number` is the row's number, counted from 1. Unknown fields are left out. `peaks`:
 * whether the engine tells peaks at the end of a task, which then must be there; when left out they may be.
 *
 * @example
 * ```ts
 * import { openExecutor, readRow, Recorder } from "tungsten-memory";
 *
 * const lines: string[] = [];
 * const executor = openExecutor({ pages: "accounts" });
 * const recorder = new Recorder(executor, (line) => lines.push(line));
 * executor.manager.acquireExecution(100, 1, 0);
 * recorder.end();
 * const row = readRow(JSON.parse(lines[1]!), "run.jsonl", 2, 1);
 * console.log("op" in row ? row.op : row.end); // execAcquire
 * ```
 */
export function readRow(
  value: unknown,
  file: string,
  line: number,
  number: number,
  peaks?: boolean,
): Row | { readonly end: number } {
  const fail: Fail = (message) => {
    throw new Unreadable(file, line, message);
  };
  const row = isObject(value) ? value : fail("is not an object");
  if (!("op" in row) && "end" in row) return pick(row, { end: COUNT }, "last line", fail) as { end: number };
  const op = row["op"] as Op["op"];
  if (!Object.hasOwn(row, "op")) fail("op is missing");
  if (typeof op !== "string" || !Object.hasOwn(OPS, op)) fail(`op ${shown(op)} is not known`);
  if (row["i"] !== number) fail(`row number ${shown(row["i"])} where ${number} was expected`);
  const question = OPS[op];
  const result = resultOf(row["result"], question, op, fail);
  const peak = (row["result"] as Record<string, unknown>)["peak"];
  if (op === "endTask" && (peaks ?? peak !== undefined)) result["peak"] = pick(peak, PEAK, "endTask: peak", fail);
  const read = {
    i: number,
    op,
    ...pick(row, question.asks, op, fail),
    ...("atUs" in row ? pick(row, TIMED, op, fail) : {}),
    result,
    ...effectsOf(row, op, fail),
    state: readState(row["state"], op, fail),
  } as unknown as Row & { resumed?: Row["resumed"] };
  const resumed = listOf(row, "resumed", op, fail);
  if (resumed !== null) read.resumed = resumed.map((each) => resumedOf(each, number, fail));
  return read;
}

/** The mode a word stands for. */
export function modeOf(name: ModeName): Mode {
  return name === "onHeap" ? ON_HEAP : OFF_HEAP;
}

function asking(...fields: readonly Field[]): Shape {
  return Object.fromEntries(fields.map((field) => [field, FIELDS[field]]));
}

function resultOf(value: unknown, question: Question, what: string, fail: Fail): Record<string, unknown> {
  if (value === undefined) fail(`${what}: result is missing`);
  const result = isObject(value) ? value : fail(`${what}: result must be an object, not ${shown(value)}`);
  let shape = question.done;
  if (result["skipped"] !== undefined) shape = { skipped: TEXT };
  else if (question.mayFail && result["error"] !== undefined)
    shape = result["error"] === "unableToAcquire" ? SHORT : { error: TEXT };
  else if (question.mayWait && result["waits"] !== undefined) shape = WAITS;
  return pick(result, shape, `${what}: result`, fail);
}

function resumedOf(value: unknown, number: number, fail: Fail): NonNullable<Row["resumed"]>[number] {
  const { i } = pick(value, RESUMED, "resumed", fail) as { i: number };
  if (i < 1 || i >= number) fail(`resumed: there is no row ${i} before this one`);
  const { result } = value as Record<string, unknown>;
  const page = isObject(result) && Object.hasOwn(result, "page");
  const question: Question = { asks: NOTHING, done: page ? PAGE : GRANTED, mayWait: true, mayFail: true };
  return {
    i,
    result: resultOf(result, question, "resumed", fail),
    ...effectsOf(value as Record<string, unknown>, "resumed", fail),
  };
}

function effectsOf(of: Record<string, unknown>, what: string, fail: Fail): Effects {
  const effects: Effects = {};
  const evicted = listOf(of, "evicted", what, fail);
  const spills = listOf(of, "spills", what, fail);
  if (evicted !== null)
    effects.evicted = evicted.map((each) => pick(each, EVICTED, `${what}: evicted`, fail)) as Effects["evicted"] &
      object;
  if (spills !== null) {
    effects.spills = spills.map((each) => {
      const failed = isObject(each) && Object.hasOwn(each, "failed");
      return pick(each, failed ? FAILED : SPILLED, `${what}: spills`, fail);
    }) as Effects["spills"] & object;
  }
  return effects;
}

/** A list that is not empty, or null: an empty one says the same as none. */
function listOf(of: Record<string, unknown>, name: string, what: string, fail: Fail): unknown[] | null {
  const list = of[name];
  if (list === undefined) return null;
  if (!Array.isArray(list)) return fail(`${what}: ${name} must be a list, not ${shown(list)}`);
  return list.length === 0 ? null : (list as unknown[]);
}

/** The pools of both modes, as a header or a row says them. */
export function readState(value: unknown, what: string, fail: Fail): State {
  const { onHeap, offHeap } = isObject(value) ? value : fail(`${what}: state must hold four numbers for each mode`);
  if (!isModeState(onHeap) || !isModeState(offHeap)) fail(`${what}: state must hold four numbers for each mode`);
  return { onHeap: onHeap as ModeState, offHeap: offHeap as ModeState };
}

function isModeState(value: unknown): boolean {
  return Array.isArray(value) && value.length === 4 && value.every(isCount);
}
