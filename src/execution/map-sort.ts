// The fall-back from hashing to sorting (section 9.4 of the law, last paragraph): what a map holds becomes a sorted run of an
// external sorter, in which equal keys of several such runs then meet.

import { OFFSET_SPAN } from "../memory/address.js";
import type { Page } from "../memory/page.js";
import { ANCHOR_BYTES, PAGE_EXTRA_BYTES } from "./map-table.js";
import type { RowComparator } from "./rows.js";
import type { Sorter } from "./sorter.js";

/** From the start of a record to where the sorter sees a row: its length, then key, value and the key's length. */
const ROW_BYTES = 8;

/**
 * Orders rows that came from a map by their keys: byte by byte, unsigned, a shorter key before a longer one that begins with
 * it. For a sorter of keys longer than 8 bytes; shorter ones are ordered by the prefix alone.
 */
export const byMapKey: RowComparator = (a, aOffset, aLength, b, bOffset, bLength) => {
  const aKey = keyBytes(a, aOffset + aLength - 4);
  const bKey = keyBytes(b, bOffset + bLength - 4);
  for (let i = 0, n = Math.min(aKey, bKey); i < n; i += 1) {
    const difference = a[aOffset + i]! - b[bOffset + i]!;
    if (difference !== 0) return difference;
  }
  return aKey - bKey;
};

function keyBytes(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
}

/**
 * @internal Has `sorter` write the `values` records in `pages` as one run. `array` has room for twice as many sort records;
 * `mapBytes` is what the map holds.
 */
export function sortRecords(
  sorter: Sorter,
  array: Page,
  pages: readonly Page[],
  values: number,
  mapBytes: number,
): void {
  let to = array.base;
  for (const page of pages) to = point(page, array, to);
  sorter.adopt(array, values, pages, mapBytes);
}

/** Writes address and prefix of every record of a page from byte `to` of `array` on; returns where they end. */
function point(page: Page, array: Page, to: number): number {
  const { i32 } = page.views;
  const { f64 } = array.views;
  const keys = array.views.i32;
  const address = page.number * OFFSET_SPAN - page.base;
  let at = page.base + PAGE_EXTRA_BYTES;
  for (let left = i32[page.base >>> 2]!; left > 0; left -= 1, to += 16) {
    const word = (at + ANCHOR_BYTES) >>> 2;
    const keyed = i32[word]! >= 8;
    f64[to >>> 3] = address + at + ROW_BYTES;
    keys[(to >>> 2) + 2] = keyed ? i32[word + 2]! : 0;
    keys[(to >>> 2) + 3] = keyed ? i32[word + 3]! : 0;
    at += 12 + i32[word + 1]!;
  }
  return to;
}
