// Sorts the pointer array of a sorter. A record is two 8-byte words, (address, prefix); the prefix is what is compared, the
// address is carried along unread. Records are split by their highest differing bits into parts that fit the cache. A part
// is spread out in a room of its own that stays there, by a digit as wide as the part is long, and comes back in order.
//
//   array              array + n*16              array + 2*n*16
//   | n records        | free, same size         |
//
// A stable order is unique, so the answer is the one of a least-significant-byte-first sort (section 9.7 of the law).
// src/execution/radix.ts is the same algorithm over buffers of the JavaScript heap.

const RECORD: usize = 16;

/** Parts of at most so many records are finished by insertion. */
const FEW: u32 = 24;

/** Parts of at most so many records are near: they and their digits fit the second-level cache. */
const NEAR: u32 = 1 << 14;

/** Widest digits, in bits: of near parts, and of others, where every bucket costs an address translation. */
const WIDEST_NEAR: u32 = 13;
const WIDEST_FAR: u32 = 10;

/** Bits of the `order` argument. */
const DESCENDING: u32 = 1;
const SIGNED: u32 = 2;

// The scratch: a near part's digits, its records, then one histogram for each split of the deepest path. The digits of a
// path add up to 64 bits at most, and the sum of their histograms is largest with the widest digits.
const ROOM: usize = 4 << WIDEST_NEAR;
const FAR: usize = ROOM + <usize>NEAR * RECORD;
const SCRATCH: usize = FAR + 7 * (4 << WIDEST_FAR);

/** Bytes that `radixSort` needs at `scratch`. */
export function radixScratchBytes(): u32 {
  return <u32>SCRATCH;
}

/**
 * Sorts `n` records at `array` (a multiple of 16) stably by bytes `firstByte` to `lastByte` of their prefixes, byte 0
 * being the least significant. `order` has bit 0 for descending and bit 1 for a signed byte 7. Returns the address of the
 * sorted records, `array` or `array + n * 16`; the other `n * 16` bytes are overwritten.
 */
export function radixSort(array: usize, n: u32, order: u32, firstByte: u32, lastByte: u32, scratch: usize): usize {
  const mask: u64 = (u64.MAX_VALUE >> ((<u64>(7 - lastByte)) << 3)) & (u64.MAX_VALUE << ((<u64>firstByte) << 3));
  let flip: u64 = order & DESCENDING ? u64.MAX_VALUE : 0;
  if (order & SIGNED) flip ^= 0x8000000000000000;
  const top = (lastByte + 1) << 3;
  if (n <= NEAR) {
    sortNear(array, array, n, top, flip, mask, scratch);
    return array;
  }
  if (takeOver(array, array, n, flip, mask)) return array;
  const other = array + <usize>n * RECORD;
  split(array, other, other, n, top, flip, mask, scratch, FAR);
  return other;
}

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
 * Sorts the `n` records at `from`, which are in no order and agree from bit `top` upwards, with as much free space at
 * `free`. The result lies at `to`, which is one of the two. `used` is how much of the scratch is taken.
 */
function split(
  from: usize,
  free: usize,
  to: usize,
  n: u32,
  top: u32,
  flip: u64,
  mask: u64,
  scratch: usize,
  used: usize,
): void {
  // Parts of about 2048 records are quickest, but few buckets are not worth a pass.
  const size: u32 = 32 - clz(n - 1);
  const counts = scratch + used;
  const spreadBy = spread(from, free, n, top, min(max(size - 11, 6), WIDEST_FAR), flip, mask, counts);
  const shift = <u32>(spreadBy & 63);
  const end = free + <usize>n * RECORD;
  let part = free;
  for (let c = counts; part < end; c += 4) {
    const until = <usize>load<u32>(c);
    const records = <u32>((until - part) >> 4);
    const at = from + (part - free);
    const result = to + (part - free);
    if (records <= NEAR) sortNear(part, result, records, shift, flip, mask, scratch);
    else if (!takeOver(part, result, records, flip, mask))
      split(part, at, result, records, shift, flip, mask, scratch, used + (4 << WIDEST_FAR));
    part = until;
  }
}

/** Sorts the `n <= NEAR` records at `from`, which agree from bit `top` upwards. The result lies at `to`, which may be `from`. */
function sortNear(from: usize, to: usize, n: u32, top: u32, flip: u64, mask: u64, scratch: usize): void {
  if (n <= FEW) {
    if (n > 0) insert(from, to, n, flip, mask);
    return;
  }
  if (takeOver(from, to, n, flip, mask)) return;
  // About one record a bucket.
  const room = scratch + ROOM;
  const spreadBy = spread(from, room, n, top, min(31 - clz(n + (n >> 1)), WIDEST_NEAR), flip, mask, scratch);
  if (<u32>(spreadBy >> 6) <= FEW) return insertNearly(room, to, n, flip, mask);

  // The room is needed for the buckets that are large. Neighbouring small ones are finished together: insertion never
  // moves a record out of its bucket.
  const shift = spreadBy & 63;
  const end = to + <usize>n * RECORD;
  memory.copy(to, room, end - to);
  let pending = to;
  for (let at = to; at < end;) {
    const bucket = keyOf(at, flip, mask) >> shift;
    let until = at + RECORD;
    while (until < end && keyOf(until, flip, mask) >> shift == bucket) until += RECORD;
    const records = <u32>((until - at) >> 4);
    if (records > FEW) {
      if (at > pending) insert(pending, pending, <u32>((at - pending) >> 4), flip, mask);
      sortNear(at, at, records, <u32>shift, flip, mask, scratch);
      pending = until;
    }
    at = until;
  }
  if (end > pending) insert(pending, pending, <u32>((end - pending) >> 4), flip, mask);
}

/**
 * Brings the `n` records at `from`, which do not all agree, to `to` in the order of a digit of at most `widest` bits, with
 * the ends of its buckets at `counts`. Returns the number of the digit's lowest bit, 6 bits, and above it the size of the
 * largest bucket.
 */
function spread(from: usize, to: usize, n: u32, top: u32, widest: u32, flip: u64, mask: u64, counts: usize): u64 {
  // The digit right below `top` is counted on trust; where it turns out that the keys differ further down, again there.
  const end = from + <usize>n * RECORD;
  let bits: u32;
  let shift: u64;
  let digits: u64;
  for (;;) {
    bits = min(widest, top);
    shift = top - bits;
    digits = (mask >> shift) & ((1 << bits) - 1);
    memory.fill(counts, 0, 4 << max(bits, 2));
    const highest: u32 = 64 - <u32>clz(count(from, end, shift, digits, flip, counts) & mask);
    if (highest + 1 >= top) break;
    top = highest;
  }

  let place = <u32>to;
  let most: u32 = 0;
  const countsEnd = counts + (4 << bits);
  for (let c = counts; c < countsEnd; c += 16) {
    const i = load<u32>(c);
    const j = load<u32>(c, 4);
    const k = load<u32>(c, 8);
    const l = load<u32>(c, 12);
    most = max(most, max(max(i, j), max(k, l)));
    store<u32>(c, place);
    store<u32>(c, (place += i << 4), 4);
    store<u32>(c, (place += j << 4), 8);
    store<u32>(c, (place += k << 4), 12);
    place += l << 4;
  }
  scatter(from, end, shift, digits, flip, counts);
  return ((<u64>most) << 6) | shift;
}

// @ts-ignore: decorator
@inline
function slot(key: u64, shift: u64, digits: u64, counts: usize): usize {
  return counts + ((<usize>((key >> shift) & digits)) << 2);
}

// @ts-ignore: decorator
@inline
function raise(count: usize): void {
  store<u32>(count, load<u32>(count) + 1);
}

/**
 * Counts the digits of the records from `at` to `end`. Returns the bits in which they differ from the first. Unrolled, as
 * the next loop is: every turn of a loop pays for the right to be interrupted.
 */
function count(at: usize, end: usize, shift: u64, digits: u64, flip: u64, counts: usize): u64 {
  const first = load<u64>(at, 8) ^ flip;
  let differ: u64 = 0;
  for (; at + 3 * RECORD < end; at += 4 * RECORD) {
    const i = load<u64>(at, 8) ^ flip;
    const j = load<u64>(at, 24) ^ flip;
    const k = load<u64>(at, 40) ^ flip;
    const l = load<u64>(at, 56) ^ flip;
    differ |= (i ^ first) | (j ^ first) | (k ^ first) | (l ^ first);
    raise(slot(i, shift, digits, counts));
    raise(slot(j, shift, digits, counts));
    raise(slot(k, shift, digits, counts));
    raise(slot(l, shift, digits, counts));
  }
  for (; at < end; at += RECORD) {
    const i = load<u64>(at, 8) ^ flip;
    differ |= i ^ first;
    raise(slot(i, shift, digits, counts));
  }
  return differ;
}

/** Moves the records from `at` to `end` to the places that `places` holds for their digits. */
function scatter(at: usize, end: usize, shift: u64, digits: u64, flip: u64, places: usize): void {
  for (; at + 3 * RECORD < end; at += 4 * RECORD) {
    const i = slot(load<u64>(at, 8) ^ flip, shift, digits, places);
    const j = slot(load<u64>(at, 24) ^ flip, shift, digits, places);
    const k = slot(load<u64>(at, 40) ^ flip, shift, digits, places);
    const l = slot(load<u64>(at, 56) ^ flip, shift, digits, places);
    send(at, i);
    send(at + RECORD, j);
    send(at + 2 * RECORD, k);
    send(at + 3 * RECORD, l);
  }
  for (; at < end; at += RECORD) send(at, slot(load<u64>(at, 8) ^ flip, shift, digits, places));
}

// @ts-ignore: decorator
@inline
function send(record: usize, place: usize): void {
  const to = load<u32>(place);
  store<u32>(place, to + <u32>RECORD);
  move(record, to);
}

/** Brings `n` records that are in order, or in the opposite order without ties, to `to` in order; or answers false. */
function takeOver(from: usize, to: usize, n: u32, flip: u64, mask: u64): bool {
  const end = from + <usize>n * RECORD;
  if (sortedUpTo(from, end, flip, mask) == end) {
    if (to != from) memory.copy(to, from, end - from);
    return true;
  }
  if (fallingUpTo(from, end, flip, mask) != end) return false;
  reverse(from, end, to);
  return true;
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

/**
 * Writes `n` records from `from` to `to`, which lies elsewhere, in order. The largest so far is held back while smaller
 * ones pass it, without a branch: that mends neighbours, and little else is amiss where a bucket holds one record or two.
 */
function insertNearly(from: usize, to: usize, n: u32, flip: u64, mask: u64): void {
  const end = from + <usize>n * RECORD;
  let heldKey = keyOf(from, flip, mask);
  let held = from;
  let last: u64 = 0;
  let place = to;
  for (let r = from + RECORD; r < end; r += RECORD) {
    const key = keyOf(r, flip, mask);
    const less = key < heldKey;
    const next = select(r, held, less);
    const nextKey = select(key, heldKey, less);
    held = select(held, r, less);
    heldKey = select(heldKey, key, less);
    if (nextKey < last) moveBack(next, place, to, nextKey, flip, mask);
    else {
      move(next, place);
      last = nextKey;
    }
    place += RECORD;
  }
  move(held, place);
}

/** Inserts `n` records from `from` one by one into a sorted run at `to`, which may be `from` itself. */
function insert(from: usize, to: usize, n: u32, flip: u64, mask: u64): void {
  const end = from + <usize>n * RECORD;
  let last = keyOf(from, flip, mask);
  move(from, to);
  let place = to + RECORD;
  for (let r = from + RECORD; r < end; r += RECORD) {
    const key = keyOf(r, flip, mask);
    if (key < last) moveBack(r, place, to, key, flip, mask);
    else {
      move(r, place);
      last = key;
    }
    place += RECORD;
  }
}

/** Inserts a record whose key is less than that of the last one before `place` into the sorted run from `to` to there. */
// @ts-ignore: decorator
@inline
function moveBack(from: usize, place: usize, to: usize, key: u64, flip: u64, mask: u64): void {
  const record = v128.load(from);
  do {
    move(place - RECORD, place);
    place -= RECORD;
  } while (place > to && keyOf(place - RECORD, flip, mask) > key);
  v128.store(place, record);
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
