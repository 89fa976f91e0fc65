// What the study sorts: records one behind another, and for each the eight bytes that it is sorted by first. A table is made
// once and handed to the measuring processes as one file, so that none of them carries what reading and parsing left behind.

import { closeSync, openSync, readSync, writeSync } from "node:fs";
import { Refusal } from "../fault.js";

/** How keys compare. Text beyond its first eight bytes needs the comparator; the others are their prefix. */
export type KeyKind = "double" | "long" | "text";

export interface Table {
  /** Where the rows come from, for people. */
  readonly source: string;
  /** Name of the key column. */
  readonly key: string;
  readonly kind: KeyKind;
  readonly rows: number;
  /** Records. Of a text key the record starts with the length of the key (u32, little-endian) and the key. */
  readonly bytes: Uint8Array;
  /** Row `i` lies from `starts[i]` to `starts[i + 1]`. */
  readonly starts: Uint32Array;
  /** The prefix as an unsigned 64-bit number in two halves: ascending prefixes are ascending keys. */
  readonly prefixHi: Uint32Array;
  readonly prefixLo: Uint32Array;
  /** 1 where the row has no key. */
  readonly nulls: Uint8Array;
}

/** A table's description without its rows. */
export type TableHead = Omit<Table, "bytes" | "starts" | "prefixHi" | "prefixLo" | "nulls"> & {
  readonly recordBytes: number;
};

/** Most bytes of all records together: a row's place is 32 bits. */
export const MAX_RECORD_BYTES = 2 ** 32 - 1;

export function headOf({ source, key, kind, rows, bytes }: Table): TableHead {
  return { source, key, kind, rows, recordBytes: bytes.length };
}

/** Writes the rows of a table to a new file. */
export function writeTable(file: string, table: Table): void {
  const fd = openSync(file, "wx", 0o600);
  try {
    for (const part of partsOf(table)) transfer(part, (bytes) => writeSync(fd, bytes), file);
  } finally {
    closeSync(fd);
  }
}

/** Reads what `writeTable` wrote. */
export function readTable(file: string, head: TableHead): Table {
  const { rows, recordBytes, ...names } = head;
  const table: Table = {
    ...names,
    rows,
    bytes: new Uint8Array(recordBytes),
    starts: new Uint32Array(rows + 1),
    prefixHi: new Uint32Array(rows),
    prefixLo: new Uint32Array(rows),
    nulls: new Uint8Array(rows),
  };
  const fd = openSync(file, "r");
  try {
    for (const part of partsOf(table)) transfer(part, (bytes) => readSync(fd, bytes), file);
  } finally {
    closeSync(fd);
  }
  return table;
}

function partsOf(table: Table): (Uint8Array | Uint32Array)[] {
  return [table.starts, table.prefixHi, table.prefixLo, table.nulls, table.bytes];
}

/** One call of the system moves less than 2 GiB. */
const STEP_BYTES = 2 ** 30;

function transfer(array: Uint8Array | Uint32Array, move: (bytes: Uint8Array) => number, file: string): void {
  const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
  for (let at = 0; at < bytes.length;) {
    const moved = move(bytes.subarray(at, at + STEP_BYTES));
    if (moved === 0) throw new Refusal(`${file}: ends ${bytes.length - at} bytes early`);
    at += moved;
  }
}
