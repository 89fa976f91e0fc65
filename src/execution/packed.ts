// Packed pointers of the shuffle sorter: a record is one 8-byte word and is sorted by its partition alone (sections 9.3 and
// 9.7 of the law). Words are handled as two 32-bit halves; as doubles some of them would be NaNs, which need not survive.
//
//   high half   31 .. 8 partition   7 .. 0 page, upper 8 bits
//   low half    31 .. 27 page, lower 5 bits   26 .. 0 offset in the page

import { assert } from "../fault.js";
import type { Views } from "../memory/views.js";

/** Largest page that every offset of can be packed, bytes: offsets beyond wrap silently, as Spark's do. */
export const MAX_PACKED_PAGE_BYTES: number = 2 ** 27;
/** One more than the largest partition. */
export const MAX_PARTITIONS: number = 2 ** 24;

/** The high half of a packed pointer. */
export function packHigh(partition: number, page: number): number {
  assert(partition >= 0 && partition < MAX_PARTITIONS, `partition ${partition} does not fit 24 bits`);
  return (partition << 8) | (page >>> 5);
}

/** The low half of a packed pointer: the lower 27 bits of `offset`. */
export function packLow(page: number, offset: number): number {
  return (page << 27) | (offset & (MAX_PACKED_PAGE_BYTES - 1));
}

export function partitionOf(high: number): number {
  return high >>> 8;
}

export function packedPage(high: number, low: number): number {
  return ((high & 255) << 5) | (low >>> 27);
}

export function packedOffset(low: number): number {
  return low & (MAX_PACKED_PAGE_BYTES - 1);
}

const DIGIT_BITS = 12;
const BUCKETS = 1 << DIGIT_BITS;
const counts = new Int32Array(2 * BUCKETS);

/**
 * Sorts `n` packed pointers at byte `at` (a multiple of 8) stably by partition, least significant digit first, moving them
 * between there and `n * 8` bytes at `free`; a digit in which all agree is passed over. Returns the byte where they end up.
 */
export function radixSortPacked({ i32 }: Views, at: number, n: number, free: number): number {
  if (n === 0) return at;
  counts.fill(0);
  const from = at >>> 2;
  for (let high = from + 1, end = from + 2 * n; high < end; high += 2) {
    const key = i32[high]! >>> 8;
    counts[key & (BUCKETS - 1)]! += 1;
    counts[BUCKETS + (key >>> DIGIT_BITS)]! += 1;
  }
  let source = from;
  let target = free >>> 2;
  for (let digit = 0; digit < 2; digit += 1) {
    const shift = 8 + digit * DIGIT_BITS;
    const bucket = digit * BUCKETS;
    if (counts[bucket + ((i32[source + 1]! >>> shift) & (BUCKETS - 1))] === n) continue;
    for (let i = bucket, place = target; i < bucket + BUCKETS; i += 1) {
      const records = counts[i]!;
      counts[i] = place;
      place += 2 * records;
    }
    for (let r = source, end = source + 2 * n; r < end; r += 2) {
      const high = i32[r + 1]!;
      const b = bucket + ((high >>> shift) & (BUCKETS - 1));
      const to = counts[b]!;
      counts[b] = to + 2;
      i32[to] = i32[r]!;
      i32[to + 1] = high;
    }
    [source, target] = [target, source];
  }
  return source * 4;
}

/** The same in place, with room for half of the records behind them: each half by its digits, then both merged. */
export function mergeSortPacked(views: Views, at: number, n: number): void {
  const { i32 } = views;
  const half = n >>> 1;
  const free = at + n * 8;
  const middle = at + half * 8;
  const right = radixSortPacked(views, middle, n - half, free);
  if (right !== middle) i32.copyWithin(middle >>> 2, right >>> 2, (right >>> 2) + 2 * (n - half));
  const left = radixSortPacked(views, at, half, free);
  if (left !== free) i32.copyWithin(free >>> 2, left >>> 2, (left >>> 2) + 2 * half);
  let l = free >>> 2;
  let r = middle >>> 2;
  const end = free >>> 2;
  for (let to = at >>> 2, leftEnd = l + 2 * half; l < leftEnd; to += 2) {
    const fromRight = r < end && i32[r + 1]! >>> 8 < i32[l + 1]! >>> 8;
    const from = fromRight ? r : l;
    i32[to] = i32[from]!;
    i32[to + 1] = i32[from + 1]!;
    if (fromRight) r += 2;
    else l += 2;
  }
}
