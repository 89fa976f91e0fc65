// Sorts the pointer array of a sorter where it lies. A record is two 8-byte words, (address, prefix); the prefix is what
// is compared, the address is carried along unread. Records are split by their highest differing bits into parts that fit
// the cache, those are split again, and what is left is finished by insertion, which finds little to move.
//
//   array              array + n*16              array + 2*n*16
//   | n records        | free, same size         |
//
// A stable order is unique, so the answer is the one of a least-significant-byte-first sort (section 9.7 of the law).
// src/execution/radix.ts is the same algorithm over buffers of the JavaScript heap.

const RECORD: usize = 16;

/** Parts of at most so many records are finished by insertion. */
const FEW: u32 = 24;

/** Widest digits, in bits: for records that lie near each other, and for those where every bucket costs an address translation. */
const WIDEST_NEAR: u32 = 12;
const WIDEST_FAR: u32 = 10;

/** Bits of the `order` argument. */
const DESCENDING: u32 = 1;
const SIGNED: u32 = 2;

// @ts-ignore: decorator
@inline
function keyOf(record: usize, flip: u64, mask: u64): u64 {
  return (load<u64>(record, 8) ^ flip) & mask;
}

// @ts-ignore: decorator
@inline
function move(from: usize, to: usize): void {
  v128.store(to, v128.load(from));
}

/**
 * Bytes that `radixSort` needs at `scratch`: one histogram for each level of the deepest path. The digits of a path add up
 * to 64 bits at most, and the sum of their histograms is largest with the widest digits.
 */
export function radixScratchBytes(): u32 {
  return 6 * (4 << WIDEST_NEAR);
}

/**
 * Sorts `n` records at `array` (a multiple of 16) stably by bytes `firstByte` to `lastByte` of their prefixes, byte 0
 * being the least significant. `order` has bit 0 for descending and bit 1 for a signed byte 7. The `n * 16` bytes behind
 * the records are overwritten. Returns the address of the sorted records.
 */
export function radixSort(array: usize, n: u32, order: u32, firstByte: u32, lastByte: u32, scratch: usize): usize {
  const mask: u64 = (u64.MAX_VALUE >> ((<u64>(7 - lastByte)) << 3)) & (u64.MAX_VALUE << ((<u64>firstByte) << 3));
  let flip: u64 = order & DESCENDING ? u64.MAX_VALUE : 0;
  if (order & SIGNED) flip ^= 0x8000000000000000;
  if (n > FEW) split(array, array + <usize>n * RECORD, n, true, 64, flip, mask, scratch);
  else if (n > 1) insert(array, array, n, flip, mask);
  return array;
}

/**
 * Sorts the `n` records at `at`, whose keys agree from bit `top` upwards, with as much free space at `other`. The result
 * lies at `at` when `stay`, else at `other`.
 */
function split(at: usize, other: usize, n: u32, stay: bool, top: u32, flip: u64, mask: u64, counts: usize): void {
  const end = at + <usize>n * RECORD;
  if (sortedUpTo(at, end, flip, mask) == end) {
    if (!stay) memory.copy(other, at, end - at);
    return;
  }
  if (fallingUpTo(at, end, flip, mask) == end) {
    reverse(at, end, stay ? at : other);
    return;
  }

  // The digit right below `top` is counted on trust; where it turns out that the keys differ further down, again there.
  const first = load<u64>(at, 8) ^ flip;
  let bits: u32;
  let shift: u64;
  let digits: u64;
  for (;;) {
    bits = min(digitBits(n), top);
    shift = top - bits;
    digits = (mask >> shift) & ((1 << bits) - 1);
    memory.fill(counts, 0, 4 << bits);
    let differ: u64 = 0;
    for (let r = at; r < end; r += RECORD) {
      const key = load<u64>(r, 8) ^ flip;
      differ |= key ^ first;
      const count = counts + ((<usize>((key >> shift) & digits)) << 2);
      store<u32>(count, load<u32>(count) + 1);
    }
    const highest: u32 = 64 - <u32>clz(differ & mask);
    if (highest + (bits >> 1) >= top) break;
    top = highest;
  }

  const countsEnd = counts + (4 << bits);
  let place = <u32>other;
  let most: u32 = 0;
  for (let c = counts; c < countsEnd; c += 4) {
    const count = load<u32>(c);
    store<u32>(c, place);
    most = max(most, count);
    place += count << 4;
  }
  for (let r = at; r < end; r += RECORD) {
    const next = counts + ((<usize>(((load<u64>(r, 8) ^ flip) >> shift) & digits)) << 2);
    const to = load<u32>(next);
    store<u32>(next, to + 16);
    move(r, to);
  }

  // Neighbouring small buckets are finished together: insertion never moves a record out of its bucket.
  let pending = other;
  if (most > FEW) {
    let from = other;
    for (let c = counts; c < countsEnd; c += 4) {
      const until = <usize>load<u32>(c);
      const size = <u32>((until - from) >> 4);
      if (size > FEW) {
        finish(pending, from, at, other, stay, flip, mask);
        split(from, at + (from - other), size, !stay, <u32>shift, flip, mask, countsEnd);
        pending = until;
      }
      from = until;
    }
  }
  finish(pending, other + (end - at), at, other, stay, flip, mask);
}

/** One digit for what fits the second-level cache, else two of about equal width, else three. */
function digitBits(n: u32): u32 {
  const bits: u32 = 32 - <u32>clz(n - 1);
  if (bits <= WIDEST_NEAR) return bits;
  return bits <= WIDEST_NEAR + WIDEST_FAR ? min(WIDEST_FAR, (bits + 1) >> 1) : (bits + 2) / 3;
}

/** The first record that is less than its predecessor, or `end`. */
function sortedUpTo(at: usize, end: usize, flip: u64, mask: u64): usize {
  let last = keyOf(at, flip, mask);
  for (at += RECORD; at < end; at += RECORD) {
    const key = keyOf(at, flip, mask);
    if (key < last) break;
    last = key;
  }
  return at;
}

/** The first record that is not less than its predecessor, or `end`. */
function fallingUpTo(at: usize, end: usize, flip: u64, mask: u64): usize {
  let last = keyOf(at, flip, mask);
  for (at += RECORD; at < end; at += RECORD) {
    const key = keyOf(at, flip, mask);
    if (key >= last) break;
    last = key;
  }
  return at;
}

// @ts-ignore: decorator
@inline
function finish(from: usize, until: usize, at: usize, other: usize, stay: bool, flip: u64, mask: u64): void {
  if (until > from) insert(from, stay ? at + (from - other) : from, <u32>((until - from) >> 4), flip, mask);
}

/** Inserts `n` records from `from` one by one into a sorted run at `to`, which may be `from` itself. */
function insert(from: usize, to: usize, n: u32, flip: u64, mask: u64): void {
  const end = from + <usize>n * RECORD;
  let last = keyOf(from, flip, mask);
  move(from, to);
  let place = to + RECORD;
  for (let r = from + RECORD; r < end; r += RECORD) {
    const key = keyOf(r, flip, mask);
    if (key >= last) {
      move(r, place);
      last = key;
    } else {
      const record = v128.load(r);
      let hole = place;
      do {
        move(hole - RECORD, hole);
        hole -= RECORD;
      } while (hole > to && keyOf(hole - RECORD, flip, mask) > key);
      v128.store(hole, record);
    }
    place += RECORD;
  }
}

/** Writes the records from `at` to `end` to `to` in the opposite order; `to` may be `at`. */
function reverse(at: usize, end: usize, to: usize): void {
  let high = to + (end - at);
  if (to != at) {
    for (; at < end; at += RECORD) move(at, (high -= RECORD));
    return;
  }
  for (high -= RECORD; at < high; at += RECORD, high -= RECORD) {
    const record = v128.load(at);
    move(high, at);
    v128.store(high, record);
  }
}
