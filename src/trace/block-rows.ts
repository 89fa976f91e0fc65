// Rows of memory traces with the extension `blocks-1`: put by iterator, storage levels and the block manager. A row asks in
// the words of the block manager and shows, beside the pools, all that the store, the disk and the locks hold.

import type { ModeName } from "../memory/mode.js";
import { readRow, type Row } from "./format.js";
import { Unreadable } from "./source.js";

/** `[block, bytes, form]` of a block in memory. */
export type StoredBlock = readonly [string, number, "values" | "bytes"];

/** What an extended row shows besides the pools. */
export interface StoreState {
  /** Blocks in memory, oldest use first. */
  readonly onHeap: readonly StoredBlock[];
  readonly offHeap: readonly StoredBlock[];
  /** Bytes reserved for unrolling, on-heap and off-heap. */
  readonly unroll: readonly [number, number];
  /** `[block, bytes]` by name. */
  readonly disk: readonly (readonly [string, number])[];
  /** `[block, flags of its level, read locks]` by name. */
  readonly known: readonly (readonly [string, number, number])[];
}

/** Runs of records: how many, and the bytes of each, as a value and serialized alike. */
export type Records = readonly (readonly [count: number, bytes: number])[];

type Form = "values" | "bytes";

/** What extended rows ask. `task` -1 is outside of any. */
export type BlockOp =
  | { op: "unrollPut"; task: number; block: string; mode: ModeName; form: Form; records: Records }
  | { op: "handle"; block: string; use: "close" | "take" | "exhaust" | "finish"; count: number }
  | { op: "putBlock"; task: number; block: string; level: number; from: "iterator" | "bytes"; records: Records }
  | { op: "getOrPut"; task: number; block: string; level: number; records: Records }
  | { op: "readBlock"; task: number; block: string; as: Form; hold: boolean }
  | { op: "unlock"; task: number; block: string }
  | { op: "removeBlock" | "blockStatus"; block: string }
  | { op: "endBlocks"; task: number };

interface Answered {
  readonly i: number;
  readonly result: Readonly<Record<string, unknown>>;
  readonly state: Row["state"];
  readonly store: StoreState;
}

export type BlockRow = BlockOp & Answered;
/** A row of version 1 within an extended trace. */
export type PlainRow = Row & Answered;

export const EXTENSION = "blocks-1";

type Field = "task" | "block" | "mode" | "form" | "use" | "count" | "level" | "from" | "as" | "hold" | "records";

const FIELDS: Readonly<Record<BlockOp["op"], readonly Field[]>> = {
  unrollPut: ["task", "block", "mode", "form", "records"],
  handle: ["block", "use", "count"],
  putBlock: ["task", "block", "level", "from", "records"],
  getOrPut: ["task", "block", "level", "records"],
  readBlock: ["task", "block", "as", "hold"],
  unlock: ["task", "block"],
  removeBlock: ["block"],
  blockStatus: ["block"],
  endBlocks: ["task"],
};

const PLAIN = ["execAcquire", "execRelease", "execReleaseAll", "storageAcquire", "storageRelease"];

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
const isName = (value: unknown): boolean => typeof value === "string" && value.length > 0;
const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const among =
  (...words: string[]) =>
  (value: unknown): boolean =>
    words.includes(value as string);
const isForm = among("values", "bytes");

/** A list of lists whose cells pass these checks in order. */
const table =
  (...cells: readonly ((value: unknown) => boolean)[]) =>
  (value: unknown): boolean =>
    Array.isArray(value) &&
    value.every((line) => Array.isArray(line) && line.length === cells.length && cells.every((is, at) => is(line[at])));

// The serialized form of a record says its length in its first four bytes.
const isRecordBytes = (value: unknown): boolean => isCount(value) && value >= 4;

const CHECKS: Readonly<Record<Field, readonly [holds: (value: unknown) => boolean, wants: string]>> = {
  task: [(value) => value === -1 || isCount(value), "a task, or -1"],
  block: [isName, "a name"],
  mode: [among("onHeap", "offHeap"), "onHeap or offHeap"],
  form: [isForm, "values or bytes"],
  use: [among("close", "take", "exhaust", "finish"), "close, take, exhaust or finish"],
  count: [isCount, "a whole number"],
  level: [(value) => isCount(value) && value <= 15, "the flags of a level, 0 to 15"],
  from: [among("iterator", "bytes"), "iterator or bytes"],
  as: [isForm, "values or bytes"],
  hold: [(value) => typeof value === "boolean", "true or false"],
  records: [table(isCount, isRecordBytes), "a list of [count, bytes], 4 bytes or more"],
};

const STORE: Readonly<Record<keyof StoreState, (value: unknown) => boolean>> = {
  onHeap: table(isName, isCount, isForm),
  offHeap: table(isName, isCount, isForm),
  unroll: (value) => Array.isArray(value) && value.length === 2 && value.every(isCount),
  disk: table(isName, isCount),
  known: table(isName, isCount, isCount),
};

/** A row of an extended trace, or the count in the last line. Throws Unreadable. */
export function readBlockRow(
  value: unknown,
  file: string,
  line: number,
  number: number,
): BlockRow | PlainRow | { readonly end: number } {
  const fail = (message: string): never => {
    throw new Unreadable(file, line, message);
  };
  const row = isObject(value) ? value : fail("is not an object");
  const op = row["op"] as BlockOp["op"];
  if ("end" in row) return readRow(row, file, line, number) as { end: number };
  const fields = Object.hasOwn(FIELDS, op) ? FIELDS[op] : null;
  if (fields === null) {
    if (!PLAIN.includes(op)) fail(`op ${JSON.stringify(op)} is not known in a trace with the extension ${EXTENSION}`);
    readRow(row, file, line, number);
  } else {
    if (row["i"] !== number) fail(`row number ${JSON.stringify(row["i"])} where ${number} was expected`);
    for (const field of fields) {
      const [holds, wants] = CHECKS[field];
      if (!holds(row[field])) fail(`${op}: ${field} must be ${wants}, not ${JSON.stringify(row[field])}`);
    }
    if (!isObject(row["result"])) fail(`${op}: result is missing`);
    // What is left is what every row has; an op that reads nothing else lends its check.
    readRow({ ...row, op: "clear" }, file, line, number);
  }
  const store = isObject(row["store"]) ? row["store"] : fail(`${op}: store is missing`);
  for (const part of Object.keys(STORE) as (keyof StoreState)[]) {
    if (!STORE[part](store[part])) fail(`${op}: store.${part} is not as the format says`);
  }
  return row as unknown as BlockRow | PlainRow;
}

/** Whether a row is one of the extension's own. */
export function isBlockRow(row: BlockRow | PlainRow): row is BlockRow {
  return Object.hasOwn(FIELDS, row.op);
}
