// Memory traces, version 1: reading and checking the lines. What is asked and what was answered stay plain objects, named
// as the format names them.

import { Refusal } from "../fault.js";
import { type Mode, type ModeName, OFF_HEAP, ON_HEAP } from "../memory/mode.js";
import { Unreadable } from "./source.js";

export type ModeState = readonly [number, number, number, number];
export interface State {
  readonly onHeap: ModeState;
  readonly offHeap: ModeState;
}

export interface TraceHeader {
  readonly engine: string;
  readonly generation: string;
  readonly manager: "unified" | "static";
  readonly cores: number;
  readonly collector: "G1" | "other";
  readonly conf: Readonly<Record<string, string>>;
  readonly pageSize: number;
  readonly tungstenMode: ModeName;
  readonly state: State;
}

export type OnSpill = "all" | "asked" | "half" | "pages" | "nothing" | "others" | "fail";

/** What rows ask. Bytes are whole numbers up to 2^53. */
export type Op =
  | { op: "execAcquire" | "execRelease"; task: number; bytes: number; mode: ModeName }
  | { op: "execReleaseAll" | "endTask"; task: number }
  | { op: "storageAcquire" | "unrollReserve"; block: string; bytes: number; mode: ModeName }
  | { op: "storageRelease" | "unrollRelease"; bytes: number; mode: ModeName }
  | { op: "put"; block: string; bytes: number; mode: ModeName; onEvict: "gone" | "disk" }
  | { op: "get" | "has" | "pin" | "unpin" | "remove"; block: string }
  | { op: "consumer"; task: number; consumer: string; mode: ModeName; onSpill: OnSpill }
  | { op: "acquire" | "free" | "allocatePage"; task: number; consumer: string; bytes: number }
  | { op: "freePage"; task: number; consumer: string; page: number }
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

export type Row = Op & {
  readonly i: number;
  readonly result: Readonly<Record<string, unknown>>;
  readonly state: State;
  readonly resumed?: readonly ({ i: number; result: Readonly<Record<string, unknown>> } & Effects)[];
} & Effects;

/** A row about a consumer or page that no row before it has made. */
export class Undeclared extends Refusal {
  override readonly name = "Undeclared";
}

type Field =
  | "component"
  | "instance"
  | "answer"
  | "task"
  | "bytes"
  | "mode"
  | "block"
  | "consumer"
  | "page"
  | "onEvict"
  | "onSpill";
const FIELDS: Readonly<Record<Op["op"], readonly Field[]>> = {
  execAcquire: ["task", "bytes", "mode"],
  execRelease: ["task", "bytes", "mode"],
  execReleaseAll: ["task"],
  endTask: ["task"],
  storageAcquire: ["block", "bytes", "mode"],
  storageRelease: ["bytes", "mode"],
  unrollReserve: ["block", "bytes", "mode"],
  unrollRelease: ["bytes", "mode"],
  put: ["block", "bytes", "mode", "onEvict"],
  get: ["block"],
  has: ["block"],
  pin: ["block"],
  unpin: ["block"],
  remove: ["block"],
  consumer: ["task", "consumer", "mode", "onSpill"],
  acquire: ["task", "consumer", "bytes"],
  free: ["task", "consumer", "bytes"],
  allocatePage: ["task", "consumer", "bytes"],
  freePage: ["task", "consumer", "page"],
  unmanagedRegister: ["component", "instance", "mode", "answer"],
  unmanagedAnswer: ["component", "instance", "answer"],
  unmanagedUnregister: ["component", "instance"],
  unmanagedUsed: ["component"],
  unmanagedPoll: [],
  unmanagedClear: [],
};

const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0;
const isText = (value: unknown): boolean => typeof value === "string" && value.length > 0;
const oneOf =
  (...words: string[]) =>
  (value: unknown): boolean =>
    words.includes(value as string);

const CHECKS: Readonly<Record<Field, readonly [(value: unknown) => boolean, string]>> = {
  task: [(value) => Number.isSafeInteger(value), "an integer"],
  bytes: [isCount, "a whole number of bytes up to 2^53"],
  page: [isCount, "a page number"],
  mode: [oneOf("onHeap", "offHeap"), "onHeap or offHeap"],
  block: [isText, "a name"],
  consumer: [isText, "a name"],
  onEvict: [oneOf("gone", "disk"), "gone or disk"],
  component: [isText, "a name"],
  instance: [isText, "a name"],
  answer: [(value) => Number.isSafeInteger(value) || value === "fails", "an integer, or fails"],
  onSpill: [oneOf("all", "asked", "half", "pages", "nothing", "others", "fail"), "a way to spill"],
};

/** The header from the first line of a trace. */
export function readHeader(value: unknown, file: string): TraceHeader {
  const fail = (message: string): never => {
    throw new Unreadable(file, 1, message);
  };
  const header = isObject(value) ? value : fail("is not an object");
  if (header["trace"] !== "executor-memory") fail("is not the header of a memory trace");
  if (header["version"] !== 1) fail(`version ${JSON.stringify(header["version"])} is not known here, only 1`);
  const { engine, manager, cores, collector, conf, pageSize, tungstenMode } = header;
  if (!isText(engine)) fail(`engine must be a name, not ${JSON.stringify(engine)}`);
  const generation = header["generation"] ?? /^spark-(\d.*)$/.exec(engine as string)?.[1];
  if (typeof generation !== "string") fail(`no generation is given, and engine ${engine as string} does not tell it`);
  if (!oneOf("unified", "static")(manager)) fail(`manager must be unified or static, not ${JSON.stringify(manager)}`);
  if (!isCount(cores)) fail(`cores must be a number, not ${JSON.stringify(cores)}`);
  if (!isText(collector)) fail(`collector must be a name, not ${JSON.stringify(collector)}`);
  if (!isObject(conf) || Object.values(conf as object).some((text) => typeof text !== "string"))
    fail("conf must be Spark keys with strings");
  if (!isCount(pageSize)) fail(`pageSize must be a number of bytes, not ${JSON.stringify(pageSize)}`);
  if (!oneOf("onHeap", "offHeap")(tungstenMode))
    fail(`tungstenMode must be onHeap or offHeap, not ${JSON.stringify(tungstenMode)}`);
  if (!isState(header["state"])) fail("state must hold four numbers for each mode");
  return { ...(header as unknown as TraceHeader), generation: generation as string };
}

/** A row, or the count in the last line. `number` is the row's number, counted from 1. */
export function readRow(value: unknown, file: string, line: number, number: number): Row | { readonly end: number } {
  const fail = (message: string): never => {
    throw new Unreadable(file, line, message);
  };
  const row = isObject(value) ? value : fail("is not an object");
  if ("end" in row) return isCount(row["end"]) ? (row as { end: number }) : fail("end must be the number of rows");
  const fields = FIELDS[row["op"] as Op["op"]] ?? fail(`op ${JSON.stringify(row["op"])} is not known`);
  if (row["i"] !== number) fail(`row number ${JSON.stringify(row["i"])} where ${number} was expected`);
  for (const field of fields) {
    const [holds, what] = CHECKS[field];
    if (!holds(row[field])) fail(`${row["op"] as string}: ${field} must be ${what}, not ${JSON.stringify(row[field])}`);
  }
  if (!isObject(row["result"])) fail(`${row["op"] as string}: result is missing`);
  if (!isState(row["state"])) fail(`${row["op"] as string}: state must hold four numbers for each mode`);
  for (const list of ["evicted", "spills", "resumed"]) {
    if (row[list] !== undefined && !Array.isArray(row[list])) fail(`${row["op"] as string}: ${list} must be a list`);
  }
  return row as unknown as Row;
}

/** The mode a word stands for. */
export function modeOf(name: ModeName): Mode {
  return name === "onHeap" ? ON_HEAP : OFF_HEAP;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isState(value: unknown): boolean {
  return (
    isObject(value) &&
    ["onHeap", "offHeap"].every((mode) => {
      const cells = value[mode];
      return Array.isArray(cells) && cells.length === 4 && cells.every(isCount);
    })
  );
}
