// Rows that nobody has to download: sixteen bytes each, sorted by a double. The same seed gives the same rows on any machine.

import { doublePrefix, type Prefix } from "./key.js";
import type { Table } from "./table.js";

/** Bytes of a generated row: the key, the row's number, and four bytes of noise. */
export const GENERATED_ROW_BYTES = 16;

/** Most rows that a table has room for. */
export const MAX_GENERATED_ROWS = 2 ** 28 - 1;

/** `rows` rows with keys spread evenly over 0 to 1 million, in hundredths, so that some are equal. */
export function generateTable(rows: number, seed: number): Table {
  const bytes = new Uint8Array(rows * GENERATED_ROW_BYTES);
  const view = new DataView(bytes.buffer);
  const starts = new Uint32Array(rows + 1);
  const prefixHi = new Uint32Array(rows);
  const prefixLo = new Uint32Array(rows);
  const prefix: Prefix = { hi: 0, lo: 0 };
  const random = randomWords(seed);
  for (let i = 0; i < rows; i += 1) {
    const at = i * GENERATED_ROW_BYTES;
    const key = Math.floor((random() / 2 ** 32) * 1e8) / 100;
    view.setFloat64(at, key, true);
    view.setUint32(at + 8, i, true);
    view.setUint32(at + 12, random(), true);
    doublePrefix(key, prefix);
    prefixHi[i] = prefix.hi;
    prefixLo[i] = prefix.lo;
    starts[i + 1] = at + GENERATED_ROW_BYTES;
  }
  const source = `a generator (seed ${seed})`;
  return { source, key: "key", kind: "double", rows, bytes, starts, prefixHi, prefixLo, nulls: new Uint8Array(rows) };
}

/** A stream of 32-bit words: a counter, thoroughly mixed. */
export function randomWords(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x9e3779b9) | 0;
    let word = Math.imul(state ^ (state >>> 16), 0x85ebca6b);
    word = Math.imul(word ^ (word >>> 13), 0xc2b2ae35);
    return (word ^ (word >>> 16)) >>> 0;
  };
}
