// Stable sorting by comparison: for a pointer array that radix sort may not touch, and for the rows that it leaves equal.

import type { Views } from "../memory/views.js";
import { DESCENDING, type KeyOrder, SIGNED } from "./radix.js";
import type { RowComparator } from "./rows.js";

/** Compares two rows of equal prefix by their addresses. */
export type AddressComparator = (a: number, b: number) => number;

/** A comparator of bytes `from` up to `to` of each row, unsigned, a row that ends first coming first; or the opposite. */
export function byteRange(from: number, to: number, descending: boolean): RowComparator {
  const sign = descending ? -1 : 1;
  return (a, aOffset, aLength, b, bOffset, bLength) => {
    const aEnd = Math.min(to, aLength);
    const bEnd = Math.min(to, bLength);
    const end = Math.min(aEnd, bEnd);
    for (let i = from; i < end; i += 1) {
      const difference = a[aOffset + i]! - b[bOffset + i]!;
      if (difference !== 0) return sign * difference;
    }
    return sign * (Math.max(aEnd, from) - Math.max(bEnd, from));
  };
}

/** Parts of at most so many records are sorted by insertion. */
const FEW = 12;

/**
 * Sorts `n` records at byte `at` stably by prefix and then by `tie`, merging with free space for n/2 records at byte
 * `free`. Parts that are in order already are left alone.
 */
export function mergeSort(
  views: Views,
  at: number,
  n: number,
  free: number,
  order: KeyOrder,
  tie: AddressComparator | null,
): void {
  const { i32, f64 } = views;
  const flip = order & DESCENDING ? -1 : 0;
  const flipHigh = flip ^ (order & SIGNED ? 0 : -0x80000000);
  const flipLow = flip ^ -0x80000000;

  /** Whether the record at word `b` must come before the one at word `a`, which was inserted earlier. */
  const outOfOrder = (a: number, b: number): boolean => {
    const high = (i32[a + 3]! ^ flipHigh) - (i32[b + 3]! ^ flipHigh);
    if (high !== 0) return high > 0;
    const low = (i32[a + 2]! ^ flipLow) - (i32[b + 2]! ^ flipLow);
    if (low !== 0) return low > 0;
    return tie !== null && tie(f64[a >>> 1]!, f64[b >>> 1]!) > 0;
  };
  const move = (from: number, to: number): void => {
    f64[to >>> 1] = f64[from >>> 1]!;
    i32[to + 2] = i32[from + 2]!;
    i32[to + 3] = i32[from + 3]!;
  };
  const spare = free >>> 2;

  const insert = (from: number, end: number): void => {
    for (let r = from + 4; r < end; r += 4) {
      if (!outOfOrder(r - 4, r)) continue;
      move(r, spare);
      let hole = r;
      do {
        move(hole - 4, hole);
        hole -= 4;
      } while (hole > from && outOfOrder(hole - 4, spare));
      move(spare, hole);
    }
  };
  const sort = (from: number, records: number): void => {
    const end = from + records * 4;
    if (records <= FEW) return insert(from, end);
    const half = records >>> 1;
    const middle = from + half * 4;
    sort(from, half);
    sort(middle, records - half);
    if (!outOfOrder(middle - 4, middle)) return;
    i32.copyWithin(spare, from, middle);
    let left = spare;
    let right = middle;
    let to = from;
    for (const leftEnd = spare + half * 4; left < leftEnd; to += 4) {
      if (right < end && outOfOrder(left, right)) {
        move(right, to);
        right += 4;
      } else {
        move(left, to);
        left += 4;
      }
    }
  };
  sort(at >>> 2, n);
}

/** Sorts every stretch of equal prefixes among `n` sorted records at byte `at` by `tie`, stably. */
export function sortTies(views: Views, at: number, n: number, free: number, tie: AddressComparator): void {
  const { i32 } = views;
  const first = at >>> 2;
  const end = first + n * 4;
  for (let from = first; from < end;) {
    let to = from + 4;
    while (to < end && i32[to + 2] === i32[from + 2] && i32[to + 3] === i32[from + 3]) to += 4;
    if (to - from > 4) mergeSort(views, from * 4, (to - from) / 4, free, 0, tie);
    from = to;
  }
}

/**
 * Brings the records marked as null, whose addresses are stored as -1 - address, before the others, each group in its
 * order, with free space for n/2 records at byte `free`. Takes the marks away and returns how many there were.
 */
export function nullsFirst(views: Views, at: number, n: number, free: number): number {
  const { f64, i32 } = views;
  const first = at >>> 3;
  const end = first + n * 2;
  let nulls = 0;
  for (let r = first; r < end; r += 2) if (f64[r]! < 0) nulls += 1;
  // The smaller group goes to the free space, the other closes up; nulls go up front.
  const aside = nulls <= n - nulls;
  let kept = first;
  let spare = free >>> 3;
  for (let r = first; r < end; r += 2) {
    const address = f64[r]!;
    const isNull = address < 0;
    const to = isNull === aside ? spare : kept;
    f64[to] = isNull ? -1 - address : address;
    i32[to * 2 + 2] = i32[r * 2 + 2]!;
    i32[to * 2 + 3] = i32[r * 2 + 3]!;
    if (isNull === aside) spare += 2;
    else kept += 2;
  }
  const asideWords = (spare - (free >>> 3)) * 2;
  if (aside) i32.copyWithin(first * 2 + asideWords, first * 2, kept * 2);
  i32.copyWithin(aside ? first * 2 : kept * 2, (free >>> 3) * 2, (free >>> 3) * 2 + asideWords);
  return nulls;
}
