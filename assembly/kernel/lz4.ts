// LZ4 blocks, both directions, over memory that the caller lays out. A block is a chain of sequences: a token (literal
// length above match length - 4, four bits each, 15 = more bytes follow), literals, a two-byte distance back, and
// the last sequence is literals alone. The compressor is greedy with one hash table; the decompressor believes nothing it reads.

/** Entries of the hash table: positions of what was seen, four bytes each, counted from the start of the source. */
const TABLE_BITS: u64 = 13;
const TABLE_BYTES: usize = (1 << (<usize>TABLE_BITS)) << 2;

const MIN_MATCH: usize = 4;
const MAX_DISTANCE: usize = 65535;
/** The format's tail: the last five bytes are literals, and no match starts in the last twelve. */
const LAST_LITERALS: usize = 5;
const LAST_START: usize = 12;
/** After 2^this misses in a row the search steps one byte further. */
const SKIP_SHIFT: usize = 5;
/** What a 16-byte copy may write past the end of what it copies. */
const COPY_SLACK: usize = 16;

/** Bytes of the table that `lz4Compress` needs. */
export function lz4TableBytes(): usize {
  return TABLE_BYTES;
}

/**
 * Compresses `length` bytes at `source` into at most `capacity` bytes at `target`, without touching anything else but
 * the table. Returns the bytes written, or 0 when they might not have fitted; length + length / 255 + 40 always suffice.
 */
export function lz4Compress(source: usize, length: usize, target: usize, capacity: usize, table: usize): usize {
  const end = source + length;
  const targetEnd = target + capacity;
  let anchor = source;
  let out = target;

  if (length > LAST_START) {
    const lastStart = end - LAST_START;
    const matchEnd = end - LAST_LITERALS;
    memory.fill(table, 0, TABLE_BYTES);
    let at = source + 1;
    let misses: usize = 1 << SKIP_SHIFT;

    while (at <= lastStart) {
      const word = load<u64>(at);
      const slot = table + slotOf(word);
      let seen = source + load<u32>(slot);
      store<u32>(slot, <u32>(at - source));
      if (load<u32>(seen) != <u32>word || at - seen > MAX_DISTANCE) {
        at += misses >> SKIP_SHIFT;
        misses += 1;
        continue;
      }

      let stop = at + MIN_MATCH + equalBytes(at + MIN_MATCH, seen + MIN_MATCH, matchEnd);
      while (at > anchor && seen > source && load<u8>(at - 1) == load<u8>(seen - 1)) {
        at -= 1;
        seen -= 1;
      }
      const literals = at - anchor;
      const extra = stop - at - MIN_MATCH;
      if (targetEnd - out < literals + literals / 255 + extra / 255 + 8 + COPY_SLACK) return 0;

      const token = out;
      out += 1;
      if (literals < 15) {
        store<u8>(token, (literals << 4) | min<usize>(extra, 15));
        if (end - anchor >= COPY_SLACK) v128.store(out, v128.load(anchor));
        else memory.copy(out, anchor, literals);
      } else {
        store<u8>(token, 0xf0 | min<usize>(extra, 15));
        out = putLength(out, literals - 15);
        copyAhead(out, anchor, literals, end);
      }
      out += literals;
      store<u16>(out, <u16>(at - seen));
      out += 2;
      if (extra >= 15) out = putLength(out, extra - 15);

      anchor = stop;
      at = stop;
      misses = 1 << SKIP_SHIFT;
      if (at <= lastStart) store<u32>(table + slotOf(load<u64>(at - 2)), <u32>(at - 2 - source));
    }
  }

  const literals = end - anchor;
  if (targetEnd - out < literals + literals / 255 + 2) return 0;
  store<u8>(out, min<usize>(literals, 15) << 4);
  out += 1;
  if (literals >= 15) out = putLength(out, literals - 15);
  memory.copy(out, anchor, literals);
  return out + literals - target;
}

/**
 * Restores a block of `length` bytes at `source` to exactly `rawLength` bytes at `target`. Returns 1, or 0 when the block
 * is not one of that length; reads only the source and what it has restored, writes only the target. `length` is at
 * most 2^24, so that no sum of length bytes passes 32 bits.
 */
export function lz4Decompress(source: usize, length: usize, target: usize, rawLength: usize): u32 {
  const end = source + length;
  const targetEnd = target + rawLength;
  let at = source;
  let out = target;

  while (at < end) {
    const token = <usize>load<u8>(at);
    at += 1;

    let literals = token >> 4;
    if (literals < 15 && end - at >= COPY_SLACK && targetEnd - out >= COPY_SLACK) {
      v128.store(out, v128.load(at));
    } else {
      if (literals == 15) {
        let more: usize = 255;
        while (more == 255) {
          if (at >= end) return 0;
          more = <usize>load<u8>(at);
          at += 1;
          literals += more;
        }
      }
      if (literals > end - at || literals > targetEnd - out) return 0;
      if (targetEnd - out - literals >= COPY_SLACK) copyAhead(out, at, literals, end);
      else memory.copy(out, at, literals);
    }
    at += literals;
    out += literals;
    if (at == end) return out == targetEnd ? 1 : 0;

    if (end - at < 2) return 0;
    const distance = <usize>load<u16>(at);
    at += 2;
    if (distance == 0 || distance > out - target) return 0;

    let matched = token & 15;
    if (matched == 15) {
      let more: usize = 255;
      while (more == 255) {
        if (at >= end) return 0;
        more = <usize>load<u8>(at);
        at += 1;
        matched += more;
      }
    }
    matched += MIN_MATCH;
    if (matched > targetEnd - out) return 0;
    const stop = out + matched;
    const fastStop = min(stop, targetEnd - COPY_SLACK);
    if (distance >= 16) {
      let from = out - distance;
      for (; out < fastStop; out += 16, from += 16) v128.store(out, v128.load(from));
    } else if (distance == 1) {
      memory.fill(out, load<u8>(out - 1), matched);
      out = stop;
    } else {
      out = repeat(out, distance, fastStop);
    }
    for (; out < stop; out += 1) store<u8>(out, load<u8>(out - distance));
    out = stop;
  }
  return 0;
}

/** A run with a period below 16: written byte by byte until a whole number of periods reaches 8 bytes, then by words. */
function repeat(out: usize, distance: usize, stop: usize): usize {
  let period = distance;
  while (period < 8) period += distance;
  const primed = min(out + (period - distance), stop);
  for (; out < primed; out += 1) store<u8>(out, load<u8>(out - distance));
  for (; out < stop; out += 8) store<u64>(out, load<u64>(out - period));
  return out;
}

/** Copies `length` bytes by 16, up to 16 too many on the target's side, none past `end` on the source's. */
// @ts-ignore: decorator
@inline
function copyAhead(to: usize, from: usize, length: usize, end: usize): void {
  if (length > 512 || end - from < length + COPY_SLACK) {
    memory.copy(to, from, length);
    return;
  }
  const stop = to + length;
  for (; to < stop; to += 16, from += 16) v128.store(to, v128.load(from));
}

/** How many bytes are equal from `a` and `b` on, `a` being below `limit`. */
// @ts-ignore: decorator
@inline
function equalBytes(a: usize, b: usize, limit: usize): usize {
  const start = a;
  while (a + 8 <= limit) {
    const different = load<u64>(a) ^ load<u64>(b);
    if (different) return a - start + ((<usize>ctz(different)) >> 3);
    a += 8;
    b += 8;
  }
  while (a < limit && load<u8>(a) == load<u8>(b)) {
    a += 1;
    b += 1;
  }
  return a - start;
}

/** The place in the table, in bytes, of the five bytes at the low end of `word`. */
// @ts-ignore: decorator
@inline
function slotOf(word: u64): usize {
  return (<usize>(((word << 24) * 0x9e3779b97f4a7c15) >> (64 - TABLE_BITS))) << 2;
}

/** The bytes that continue a length of 15: 255 each, then the rest. */
function putLength(out: usize, rest: usize): usize {
  while (rest >= 255) {
    store<u8>(out, 255);
    out += 1;
    rest -= 255;
  }
  store<u8>(out, <u8>rest);
  return out + 1;
}
