// The rows of rows.ts as the sorter takes and gives them: 16 bytes, an 8-byte key, which is the prefix too, and the row's number.

import { foldRow, keyHigh, keyLow } from "./rows.js";
import type { Sorter } from "../src/execution/sorter.js";

const ROW_BYTES = 16;

/** Makes rows 0 to `rows - 1` and inserts each. */
export function insertRows(sorter: Sorter, rows: number, seed: number): void {
  const words = new Int32Array(ROW_BYTES / 4);
  const bytes = new Uint8Array(words.buffer);
  for (let i = 0; i < rows; i += 1) {
    const high = keyHigh(i, seed);
    const low = keyLow(high, i);
    words[0] = low;
    words[1] = high;
    words[2] = i;
    sorter.insert(bytes, 0, ROW_BYTES, high, low);
  }
}

/** Reads every row, checks the order, and returns the hash. */
export function readRows(sorter: Sorter, rows: number): number {
  const sorted = sorter.sorted();
  let hash = 0;
  let read = 0;
  let last = -(2 ** 31);
  while (sorted.next()) {
    const { i32 } = sorted.views;
    const at = sorted.offset >>> 2;
    const high = i32[at + 1]!;
    if (high < last) throw new Error("the rows are out of order");
    last = high;
    hash = foldRow(hash, high, i32[at]!, i32[at + 2]!);
    read += 1;
  }
  if (read !== rows) throw new Error(`${read} of ${rows} rows came back`);
  return hash;
}
