// Sorts the pointer array of a sorter on a heap page, as assembly/kernel/radix.ts does in a linear memory: records are split
// by their most significant differing bits until parts are small. The kernel spreads out parts that fit the cache in a room
// of their own; here that was slower than splitting on, and parts are split until insertion finishes them. A prefix is kept as two 32-bit halves throughout, since a pattern that happens to be a NaN may not
// survive a Float64Array; an address is a real double and does.

import type { Views } from "../memory/views.js";

/** How prefixes compare: bit 0 for descending, bit 1 for a signed most significant byte. */
export type KeyOrder = 0 | 1 | 2 | 3;
export const DESCENDING = 1;
export const SIGNED = 2;

/** Parts of at most so many records are finished by insertion. */
const FEW = 24;

/** What the kernel takes at `scratch`, bytes: its `radixScratchBytes`. */
export const RADIX_SCRATCH_BYTES = (4 << 13) + (16 << 14) + 7 * (4 << 10);

/** Widest digits, in bits: for records that lie near each other, and for those where every bucket costs an address translation. */
const WIDEST_NEAR = 12;
const WIDEST_FAR = 10;

/**
 * Words that a loop goes through before it is called anew. An engine compiles a function well after many calls; a loop that
 * runs long in few calls is compiled on the spot, again each time.
 */
const CHUNK_WORDS = 4096;

/** One histogram for each level; the digits of the deepest path are as many as 64 bits have. */
const histograms: Int32Array[] = [];

/**
 * What a sort needs everywhere and never changes. Keys are compared as signed halves: `flipHigh` and `flipLow` turn the
 * order asked for into that one.
 */
interface Job {
  readonly i32: Int32Array;
  readonly f64: Float64Array;
  readonly flipHigh: number;
  readonly flipLow: number;
  readonly maskHigh: number;
  readonly maskLow: number;
}

/**
 * Sorts `n` records of 16 bytes, (address, prefix low half, prefix high half), at byte `array` of `views` (a multiple of
 * 8) stably by bytes `firstByte` to `lastByte` of the prefixes, byte 0 being the least significant. The `n * 16` bytes
 * behind the records are overwritten. Returns the byte at which the sorted records start (section 9.7 of the law).
 */
export function radixSort(
  views: Views,
  array: number,
  n: number,
  order: KeyOrder,
  firstByte: number = 0,
  lastByte: number = 7,
): number {
  const flip = order & DESCENDING ? -1 : 0;
  const job: Job = {
    i32: views.i32,
    f64: views.f64,
    flipHigh: flip ^ (order & SIGNED ? 0 : -0x80000000),
    flipLow: flip ^ -0x80000000,
    maskHigh: lastByte < 4 ? 0 : (-1 >>> ((7 - lastByte) * 8)) & (firstByte > 4 ? -1 << ((firstByte - 4) * 8) : -1),
    maskLow: firstByte > 3 ? 0 : (-1 << (firstByte * 8)) & (lastByte < 3 ? -1 >>> ((3 - lastByte) * 8) : -1),
  };
  const at = array / 4;
  if (n > FEW) split(job, at, at + n * 4, n, true, 64, 0);
  else if (n > 1) insert(job, at, n);
  return array;
}

/**
 * Sorts the `n` records at word `at`, whose keys agree from bit `top` upwards, with as much free space at `other`. The
 * result lies at `at` when `stay`, else at `other`.
 */
function split(job: Job, at: number, other: number, n: number, stay: boolean, top: number, level: number): void {
  const counts = (histograms[level] ??= new Int32Array(1 << WIDEST_NEAR));
  const { i32, f64, maskHigh, maskLow } = job;
  const end = at + n * 4;
  if (sortedUpTo(job, at, end) === end) {
    if (!stay) i32.copyWithin(other, at, end);
    return;
  }
  if (fallingUpTo(job, at, end) === end) {
    if (!stay) i32.copyWithin(other, at, end);
    reverse(job, stay ? at : other, n);
    return;
  }

  // The digit right below `top` is counted on trust; where it turns out that the keys differ further down, again there.
  // A digit lies in one half of the prefix. The bias that makes halves compare as signed is no part of it.
  let high = top > 32;
  let bits = 0;
  let shift = 0;
  let digits = 0;
  for (;;) {
    bits = Math.min(digitBits(n), high ? top - 32 : top);
    shift = (top - bits) & 31;
    digits = ((high ? maskHigh : maskLow) >>> shift) & ((1 << bits) - 1);
    counts.fill(0, 0, 1 << bits);
    let differ = 0;
    const halves = at + (high ? 3 : 2);
    const first = i32[halves]!;
    for (let r = halves; r < end; r += CHUNK_WORDS)
      differ |= count(i32, r, Math.min(r + CHUNK_WORDS, end), first, counts, shift, digits);
    differ &= high ? maskHigh : maskLow;
    const highest = (high ? 64 : 32) - Math.clz32(differ);
    if (highest + (bits >> 1) >= top) break;
    top = highest;
    high = top > 32;
  }

  // Bucket `c` holds the records whose digit is `c ^ turned`, so that descending digits come out in order.
  const turned = (((high ? job.flipHigh : job.flipLow) ^ -0x80000000) >>> shift) & digits;
  let place = other;
  let most = 0;
  for (let c = 0; c < 1 << bits; c += 1) {
    const records = counts[c ^ turned]!;
    counts[c ^ turned] = place;
    if (records > most) most = records;
    place += records * 4;
  }
  for (let r = at; r < end; r += CHUNK_WORDS)
    scatter(i32, f64, r, Math.min(r + CHUNK_WORDS, end), high ? 3 : 2, counts, shift, digits);

  // Neighbouring small buckets are finished together: insertion never moves a record out of its bucket.
  const below = top - bits;
  let pending = other;
  if (most > FEW) {
    let from = other;
    for (let c = 0; c < 1 << bits; c += 1) {
      const until = counts[c ^ turned]!;
      const size = (until - from) >> 2;
      if (size > FEW) {
        if (from > pending) finish(job, pending, from, at - other, stay);
        split(job, from, at + (from - other), size, !stay, below, level + 1);
        pending = until;
      }
      from = until;
    }
  }
  if (place > pending) finish(job, pending, place, at - other, stay);
}

/**
 * Counts the digits of the halves that stand at `word` and every fourth word after it, up to `end`. Returns the bits in
 * which they differ from `first`. Unrolled, as the next loop is: every turn of a loop pays for the right to be interrupted.
 */
function count(
  i32: Int32Array,
  word: number,
  end: number,
  first: number,
  counts: Int32Array,
  shift: number,
  digits: number,
): number {
  let differ = 0;
  let r = word;
  for (; r + 12 < end; r += 16) {
    const a = i32[r]!;
    const b = i32[r + 4]!;
    const c = i32[r + 8]!;
    const d = i32[r + 12]!;
    differ |= (a ^ first) | (b ^ first) | (c ^ first) | (d ^ first);
    const i = (a >>> shift) & digits;
    const j = (b >>> shift) & digits;
    const k = (c >>> shift) & digits;
    const l = (d >>> shift) & digits;
    counts[i] = (counts[i]! + 1) | 0;
    counts[j] = (counts[j]! + 1) | 0;
    counts[k] = (counts[k]! + 1) | 0;
    counts[l] = (counts[l]! + 1) | 0;
  }
  for (; r < end; r += 4) {
    const a = i32[r]!;
    differ |= a ^ first;
    const i = (a >>> shift) & digits;
    counts[i] = (counts[i]! + 1) | 0;
  }
  return differ;
}

/** Moves the records from `at` to `end` to the places that `places` holds for their digits. */
function scatter(
  i32: Int32Array,
  f64: Float64Array,
  at: number,
  end: number,
  word: number,
  places: Int32Array,
  shift: number,
  digits: number,
): void {
  const even = end - 4;
  let r = at;
  for (; r < even; r += 8) {
    const i = (i32[r + word]! >>> shift) & digits;
    const to = places[i]!;
    places[i] = (to + 4) | 0;
    f64[to >> 1] = f64[r >> 1]!;
    i32[to + 2] = i32[r + 2]!;
    i32[to + 3] = i32[r + 3]!;
    const j = (i32[r + 4 + word]! >>> shift) & digits;
    const into = places[j]!;
    places[j] = (into + 4) | 0;
    f64[into >> 1] = f64[(r >> 1) + 2]!;
    i32[into + 2] = i32[r + 6]!;
    i32[into + 3] = i32[r + 7]!;
  }
  if (r >= end) return;
  const i = (i32[r + word]! >>> shift) & digits;
  const to = places[i]!;
  places[i] = to + 4;
  f64[to >> 1] = f64[r >> 1]!;
  i32[to + 2] = i32[r + 2]!;
  i32[to + 3] = i32[r + 3]!;
}

/** One digit for what fits the second-level cache, else two of about equal width, else three. */
function digitBits(n: number): number {
  const bits = 32 - Math.clz32(n - 1);
  if (bits <= WIDEST_NEAR) return bits;
  return bits <= WIDEST_NEAR + WIDEST_FAR ? Math.min(WIDEST_FAR, (bits + 1) >> 1) : Math.floor((bits + 2) / 3);
}

/** The first record that is less than its predecessor, or `end`. */
function sortedUpTo(job: Job, at: number, end: number): number {
  const { i32, flipHigh, flipLow, maskHigh, maskLow } = job;
  let lastHigh = (i32[at + 3]! ^ flipHigh) & maskHigh;
  let lastLow = (i32[at + 2]! ^ flipLow) & maskLow;
  for (at += 4; at < end; at += 4) {
    const high = (i32[at + 3]! ^ flipHigh) & maskHigh;
    const low = (i32[at + 2]! ^ flipLow) & maskLow;
    if (high < lastHigh || (high === lastHigh && low < lastLow)) break;
    lastHigh = high;
    lastLow = low;
  }
  return at;
}

/** The first record that is not less than its predecessor, or `end`. */
function fallingUpTo(job: Job, at: number, end: number): number {
  const { i32, flipHigh, flipLow, maskHigh, maskLow } = job;
  let lastHigh = (i32[at + 3]! ^ flipHigh) & maskHigh;
  let lastLow = (i32[at + 2]! ^ flipLow) & maskLow;
  for (at += 4; at < end; at += 4) {
    const high = (i32[at + 3]! ^ flipHigh) & maskHigh;
    const low = (i32[at + 2]! ^ flipLow) & maskLow;
    if (high > lastHigh || (high === lastHigh && low >= lastLow)) break;
    lastHigh = high;
    lastLow = low;
  }
  return at;
}

/** Finishes the records from `from` to `until`, which end up `across` words further on when they are to go there. */
function finish(job: Job, from: number, until: number, across: number, go: boolean): void {
  if (go) job.i32.copyWithin(from + across, from, until);
  insert(job, go ? from + across : from, (until - from) >> 2);
}

/** Sorts the `n` records at `at` by insertion. */
function insert(job: Job, at: number, n: number): void {
  const { i32, f64, flipHigh, flipLow, maskHigh, maskLow } = job;
  const end = at + n * 4;
  let lastHigh = (i32[at + 3]! ^ flipHigh) & maskHigh;
  let lastLow = (i32[at + 2]! ^ flipLow) & maskLow;
  for (let r = at + 4; r < end; r += 4) {
    const rawHigh = i32[r + 3]!;
    const rawLow = i32[r + 2]!;
    const high = (rawHigh ^ flipHigh) & maskHigh;
    const low = (rawLow ^ flipLow) & maskLow;
    if (high > lastHigh || (high === lastHigh && low >= lastLow)) {
      lastHigh = high;
      lastLow = low;
      continue;
    }
    const address = f64[r >> 1]!;
    let hole = r;
    let before = 0;
    do {
      f64[hole >> 1] = f64[(hole >> 1) - 2]!;
      i32[hole + 2] = i32[hole - 2]!;
      i32[hole + 3] = i32[hole - 1]!;
      hole -= 4;
      before = hole === at ? 0 : (i32[hole - 1]! ^ flipHigh) & maskHigh;
    } while (hole !== at && (before > high || (before === high && ((i32[hole - 2]! ^ flipLow) & maskLow) > low)));
    f64[hole >> 1] = address;
    i32[hole + 2] = rawLow;
    i32[hole + 3] = rawHigh;
  }
}

/** Turns round the `n` records at `at`. */
function reverse(job: Job, at: number, n: number): void {
  const { i32, f64 } = job;
  for (let low = at, high = at + (n - 1) * 4; low < high; low += 4, high -= 4) {
    const address = f64[low >> 1]!;
    const rawLow = i32[low + 2]!;
    const rawHigh = i32[low + 3]!;
    f64[low >> 1] = f64[high >> 1]!;
    i32[low + 2] = i32[high + 2]!;
    i32[low + 3] = i32[high + 3]!;
    f64[high >> 1] = address;
    i32[high + 2] = rawLow;
    i32[high + 3] = rawHigh;
  }
}
