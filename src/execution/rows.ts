// Rows on their way out of pages. A block is what is written to a run and what is read from it: rows in order, laid out so
// that they can be read a word at a time. The functions here are the twins of assembly/kernel/rows.ts for pages in buffers
// of the JavaScript heap, for pages in more than one memory, and for comparators.
//
//   block                                     row, VARIED                  row, FIXED              row, KEYED
//   0  1  kind                                0   8  prefix                0   8  prefix           0  L  bytes; the first
//   1  1  1 = prefixes are null               8   4  length L              8   L  bytes                  eight are the prefix
//   2  2  0                                   12  L  bytes                 ..  0..3 zeros          ..  0..3 zeros
//   4  4  length L of every row (VARIED: 0)   ..  0..3 zeros
//   8  .. rows
//
// A row too long for a block is a block of kind LONG_START, 4 4 its length, 8 8 its prefix, 16 .. bytes, followed by blocks
// of kind LONG_REST, 8 .. bytes. Numbers are little-endian; a prefix is its low half, then its high half.

import { OFFSET_SPAN } from "../memory/address.js";
import type { Views } from "../memory/views.js";
import type { RunWriter } from "../spill/contract.js";
import { DESCENDING, type KeyOrder, SIGNED } from "./radix.js";
import { Misuse } from "./refusal.js";

export const VARIED = 0;
export const FIXED = 1;
export const KEYED = 2;
export const LONG_START = 3;
export const LONG_REST = 4;

/** How the rows of a block are laid out. */
export type RowKind = typeof VARIED | typeof FIXED | typeof KEYED;

export const BLOCK_HEAD_BYTES = 8;

/** Words of one run in a merge: position, end, kind, length, and room for the kernel's key. */
export const RUN_WORDS = 8;

/** The exports of the WebAssembly module that work on rows; addresses are bytes of the memory they run over. */
export interface RowKernels {
  moveBytes(to: number, from: number, bytes: number): void;
  radixScratchBytes(): number;
  radixSort(array: number, n: number, order: KeyOrder, firstByte: number, lastByte: number, scratch: number): number;
  gatherRows(
    records: number,
    n: number,
    bases: number,
    out: number,
    outEnd: number,
    kind: RowKind,
    length: number,
    result: number,
  ): number;
  mergeRuns(
    runs: number,
    ways: number,
    losers: number,
    out: number,
    outEnd: number,
    order: KeyOrder,
    kind: RowKind,
    length: number,
    limit: number,
    result: number,
  ): number;
}

/** Orders rows with equal prefixes: negative when `a` comes first, 0 when their order of insertion decides. */
export type RowComparator = (
  a: Uint8Array,
  aOffset: number,
  aLength: number,
  b: Uint8Array,
  bOffset: number,
  bLength: number,
) => number;

/** What a gather or merge says of what it laid out. */
export interface LaidOut {
  /** Where the last row ends, a byte of the target. */
  end: number;
  rows: number;
  /** Bytes of the rows without prefixes, lengths and padding; a merge does not count them. */
  bytes: number;
}

/** The reciprocal is exact, and a product is faster than a quotient. */
const PER_OFFSET_SPAN = 1 / OFFSET_SPAN;

/** Bytes of a row in a block. */
export function strideOf(kind: RowKind, length: number): number {
  return (kind === KEYED ? 0 : kind === FIXED ? 8 : 12) + padded(length);
}

export function padded(length: number): number {
  return Math.ceil(length / 4) * 4;
}

/** Copies `length` bytes and pads them with zeros to whole words; `to` is a multiple of 4. */
export function copyRow(from: Views, at: number, target: Views, to: number, length: number): void {
  if (length > 256) {
    target.u8.set(from.u8.subarray(at, at + length), to);
    for (let i = length; i < padded(length); i += 1) target.u8[to + i] = 0;
    return;
  }
  let w = to >>> 2;
  if ((at & 3) === 0) {
    const source = from.i32;
    const i32 = target.i32;
    let s = at >>> 2;
    for (const end = s + (length >>> 2); s < end; s += 1, w += 1) i32[w] = source[s]!;
  } else {
    const u8 = from.u8;
    const i32 = target.i32;
    for (let s = at, end = at + (length & ~3); s < end; s += 4, w += 1)
      i32[w] = u8[s]! | (u8[s + 1]! << 8) | (u8[s + 2]! << 16) | (u8[s + 3]! << 24);
  }
  const rest = length & 3;
  if (rest === 0) return;
  const u8 = from.u8;
  const tail = at + length - rest;
  target.i32[w] = u8[tail]! | (rest > 1 ? u8[tail + 1]! << 8 : 0) | (rest > 2 ? u8[tail + 2]! << 16 : 0);
}

/** Reads a 32-bit word at any byte. */
export function wordAt(views: Views, at: number): number {
  if ((at & 3) === 0) return views.i32[at >>> 2]!;
  const u8 = views.u8;
  return u8[at]! | (u8[at + 1]! << 8) | (u8[at + 2]! << 16) | (u8[at + 3]! << 24);
}

/** Writes a 32-bit word at any byte. */
export function putWord(views: Views, at: number, word: number): void {
  if ((at & 3) === 0) {
    views.i32[at >>> 2] = word;
    return;
  }
  const u8 = views.u8;
  u8[at] = word;
  u8[at + 1] = word >>> 8;
  u8[at + 2] = word >>> 16;
  u8[at + 3] = word >>> 24;
}

/** Throws Misuse unless `length` bytes at `offset` lie in `source`. `name` is whoever was to take them. */
export function assertWithin(name: string, source: Uint8Array, offset: number, length: number): void {
  if (length >>> 0 === length && offset >= 0 && offset + length <= source.length) return;
  throw new Misuse(`${name}: ${length} bytes at ${offset} do not lie in a source of ${source.length} bytes`);
}

/** Copies bytes; few of them faster than the language's own call. */
export function copyBytes(source: Uint8Array, offset: number, length: number, target: Uint8Array, at: number): void {
  if (length > 64) target.set(source.subarray(offset, offset + length), at);
  else for (let i = 0; i < length; i += 1) target[at + i] = source[offset + i]!;
}

/** Pages by number, as a gather wants them: the views each lies in and the byte where it starts. */
export interface PageMap {
  readonly views: (Views | undefined)[];
  readonly bases: number[];
}

/** Rows that a loop goes through before it is called anew; see CHUNK_WORDS of radix.ts. */
const CHUNK_ROWS = 256;

/** The twin of the kernel of the same name; `records` is a byte of `array`, `out` and `outEnd` of `target`. */
export function gatherRows(
  array: Views,
  records: number,
  n: number,
  pages: PageMap,
  target: Views,
  out: number,
  outEnd: number,
  kind: RowKind,
  length: number,
  result: LaidOut,
): number {
  const { views } = pages;
  for (let page = 0; page < views.length; page += 1) pageWords[page] = (views[page] ?? array).i32;
  result.end = out;
  result.bytes = 0;
  let rows = 0;
  for (let few = 0; rows < n; rows += few) {
    few = Math.min(CHUNK_ROWS, n - rows);
    const record = records + rows * 16;
    const { end } = result;
    const got =
      kind === VARIED
        ? gatherVaried(array, record, few, pages, target, end, outEnd, result)
        : gatherAlike(array, record, few, pages, target, end, outEnd, kind, length, result);
    if (got < few) {
      rows += got;
      break;
    }
  }
  result.rows = rows;
  return rows;
}

// Where the rows of a chunk stand: page and byte. They are all looked up, then all touched, before any is copied: the looks
// do not depend on each other, so that a row missing from the cache is on its way while the next ones are looked up.
const chunkPages = new Int32Array(CHUNK_ROWS);
const chunkAt = new Float64Array(CHUNK_ROWS);
/** The same in words, for rows that stand at whole words. */
const chunkWords = new Int32Array(CHUNK_ROWS);
const chunkSizes = new Int32Array(CHUNK_ROWS);
/** The words of each page, taken anew at every gather: an arena that grows replaces its views. */
const pageWords: Int32Array[] = [];

/** Looks up and touches `n` rows of about `length` bytes, at most CHUNK_ROWS. Returns whether all are at whole words. */
function lookUp(array: Views, record: number, n: number, pages: PageMap, length: number): boolean {
  const { f64 } = array;
  const { views, bases } = pages;
  let bits = 0;
  for (let i = 0, d = record / 8; i < n; i += 1, d += 2) {
    const address = f64[d]!;
    const page = Math.floor(address * PER_OFFSET_SPAN) | 0;
    const at = bases[page]! + (address - page * OFFSET_SPAN);
    chunkPages[i] = page;
    chunkAt[i] = at;
    chunkWords[i] = at >>> 2;
    bits |= at;
  }
  const aligned = (bits & 3) === 0;
  if (aligned) touched.words = touch(n, Math.min(15, (length + 3) >>> 2));
  else for (let i = 0; i < n; i += 1) chunkSizes[i] = wordAt(views[chunkPages[i]!]!, chunkAt[i]!);
  return aligned;
}

/** Keeps the touching from being optimized away. */
const touched = { words: 0 };

/** Reads the size of each row, and a word at its end, which may lie in the next line of the cache. */
function touch(n: number, lastWord: number): number {
  let sum = 0;
  for (let i = 0; i < n; i += 1) {
    const words = pageWords[chunkPages[i]!]!;
    const at = chunkWords[i]!;
    chunkSizes[i] = words[at]!;
    sum ^= words[Math.min(at + lastWord, words.length - 1)]!;
  }
  return sum;
}

function gatherVaried(
  array: Views,
  record: number,
  n: number,
  pages: PageMap,
  target: Views,
  out: number,
  outEnd: number,
  result: LaidOut,
): number {
  lookUp(array, record, n, pages, 0);
  const source = array.i32;
  const to = target.i32;
  let d = record / 4;
  let row = 0;
  for (; row < n; row += 1, d += 4) {
    const size = chunkSizes[row]!;
    const next = out + 12 + padded(size);
    if (next > outEnd) break;
    const w = out >>> 2;
    to[w] = source[d + 2]!;
    to[w + 1] = source[d + 3]!;
    to[w + 2] = size;
    copyRow(pages.views[chunkPages[row]!]!, chunkAt[row]! + 4, target, out + 12, size);
    out = next;
    result.bytes += size;
  }
  result.end = out;
  return row;
}

function gatherAlike(
  array: Views,
  record: number,
  n: number,
  pages: PageMap,
  target: Views,
  out: number,
  outEnd: number,
  kind: RowKind,
  length: number,
  result: LaidOut,
): number {
  const aligned = lookUp(array, record, n, pages, length);
  const keys = array.i32;
  const to = target.i32;
  const keyed = kind === KEYED;
  const lead = keyed ? 0 : 8;
  const stride = strideOf(kind, length);
  const most = Math.min(n, Math.floor((outEnd - out) / stride));
  let d = record / 4;
  let row = 0;
  for (; row < most; row += 1, d += 4, out += stride) {
    if (chunkSizes[row] !== length) break;
    const at = chunkAt[row]! + 4;
    const low = keys[d + 2]!;
    const high = keys[d + 3]!;
    const w = out >>> 2;
    if (!keyed) {
      to[w] = low;
      to[w + 1] = high;
    } else if (aligned) {
      const source = pageWords[chunkPages[row]!]!;
      const s = chunkWords[row]! + 1;
      if (source[s] !== low || source[s + 1] !== high) break;
      if (length === 16) {
        to[w] = low;
        to[w + 1] = high;
        to[w + 2] = source[s + 2]!;
        to[w + 3] = source[s + 3]!;
        continue;
      }
    } else {
      const from = pages.views[chunkPages[row]!]!;
      if (wordAt(from, at) !== low || wordAt(from, at + 4) !== high) break;
    }
    copyRow(pages.views[chunkPages[row]!]!, at, target, out + lead, length);
  }
  result.end = out;
  result.bytes += row * length;
  return row;
}

/** Where a merge finds the bytes of a row that a comparator is to see: in the window, unless the row is a long one. */
export interface LongRows {
  /** The long row that run `run` stands at, or null. */
  longRow(run: number): Uint8Array | null;
}

/** What a merge needs at every row. `runs`, `losers` are words of `views`. */
interface Merge {
  readonly views: Views;
  readonly runs: number;
  readonly ways: number;
  readonly losers: number;
  readonly outEnd: number;
  readonly flipHigh: number;
  readonly flipLow: number;
  readonly stride: number;
  readonly comparator: RowComparator | null;
  readonly long: LongRows;
  readonly result: LaidOut;
  winner: number;
}

/**
 * The twin of the kernel of the same name, over one memory; `runs` and `losers` are bytes of it. With a comparator, rows of
 * equal prefix are ordered by it, and by the numbers of their runs where it says 0.
 */
export function mergeRuns(
  views: Views,
  runs: number,
  ways: number,
  losers: number,
  out: number,
  outEnd: number,
  order: KeyOrder,
  kind: RowKind,
  length: number,
  limit: number,
  result: LaidOut,
  comparator: RowComparator | null,
  long: LongRows,
): number {
  const flip = order & DESCENDING ? -1 : 0;
  const merge: Merge = {
    views,
    runs: runs >>> 2,
    ways,
    losers: losers >>> 2,
    outEnd,
    flipHigh: flip ^ (order & SIGNED ? 0 : -0x80000000),
    flipLow: flip ^ -0x80000000,
    stride: kind === VARIED ? 0 : strideOf(kind, length),
    comparator,
    long,
    result,
    winner: 0,
  };
  for (let run = 0; run < ways; run += 1) loadKey(merge, run);
  merge.winner = plant(merge, 1);
  result.end = out;
  result.rows = 0;
  result.bytes = 0;
  for (;;) {
    const most = Math.min(CHUNK_ROWS, limit - result.rows);
    const before = result.rows;
    const exhausted = mergeFew(merge, most);
    if (exhausted >= 0 || result.rows === limit || result.rows - before < most) return exhausted;
  }
}

function mergeFew(merge: Merge, most: number): number {
  const { runs, ways, losers, outEnd, flipHigh, flipLow, stride, result } = merge;
  const { i32 } = merge.views;
  let { winner } = merge;
  let out = result.end;
  let exhausted = -1;
  let rows = 0;
  while (rows < most) {
    const s = runs + winner * RUN_WORDS;
    let at = i32[s]! >>> 0;
    if (stride !== 0) {
      if (out + stride > outEnd) break;
      let from = at >>> 2;
      let to = out >>> 2;
      if (stride === 16) {
        i32[to] = i32[from]!;
        i32[to + 1] = i32[from + 1]!;
        i32[to + 2] = i32[from + 2]!;
        i32[to + 3] = i32[from + 3]!;
      } else for (const end = from + (stride >>> 2); from < end; from += 1, to += 1) i32[to] = i32[from]!;
      out += stride;
      at += stride;
    } else {
      const laid = i32[s + 2]!;
      const size = laid === VARIED ? i32[(at >>> 2) + 2]! : i32[s + 3]!;
      const next = out + 12 + padded(size);
      if (next > outEnd) break;
      const w = out >>> 2;
      i32[w] = i32[at >>> 2]!;
      i32[w + 1] = i32[(at >>> 2) + 1]!;
      i32[w + 2] = size;
      const lead = laid === VARIED ? 12 : laid === KEYED ? 0 : 8;
      copyRow(merge.views, at + lead, merge.views, out + 12, padded(size));
      out = next;
      at += lead + padded(size);
    }
    rows += 1;
    i32[s] = at;
    if (at === i32[s + 1]! >>> 0) {
      exhausted = winner;
      break;
    }
    let low = i32[at >>> 2]! ^ flipLow;
    let high = i32[(at >>> 2) + 1]! ^ flipHigh;
    i32[s + 4] = low;
    i32[s + 5] = high;
    for (let node = (winner + ways) >> 1; node > 0; node >>= 1) {
      const other = i32[losers + node]!;
      const o = runs + other * RUN_WORDS;
      const otherHigh = i32[o + 5]!;
      if (otherHigh > high) continue;
      const otherLow = i32[o + 4]!;
      if (otherHigh === high && (otherLow > low || (otherLow === low && !comesFirst(merge, other, winner)))) continue;
      i32[losers + node] = winner;
      winner = other;
      low = otherLow;
      high = otherHigh;
    }
  }
  merge.winner = winner;
  result.end = out;
  result.rows += rows;
  return exhausted;
}

function loadKey(merge: Merge, run: number): void {
  const { i32 } = merge.views;
  const s = merge.runs + run * RUN_WORDS;
  const at = i32[s]! >>> 2;
  i32[s + 4] = i32[at]! ^ merge.flipLow;
  i32[s + 5] = i32[at + 1]! ^ merge.flipHigh;
}

/** Plays the matches below `node` of the tree, whose leaves `ways` to `2 * ways - 1` are the runs; returns who won there. */
function plant(merge: Merge, node: number): number {
  const { ways, runs } = merge;
  if (node >= ways) return node - ways;
  const a = plant(merge, node * 2);
  const b = plant(merge, node * 2 + 1);
  const { i32 } = merge.views;
  const p = runs + a * RUN_WORDS;
  const q = runs + b * RUN_WORDS;
  const high = i32[p + 5]! - i32[q + 5]!;
  const low = i32[p + 4]! - i32[q + 4]!;
  const aWins = high < 0 || (high === 0 && (low < 0 || (low === 0 && comesFirst(merge, a, b))));
  i32[merge.losers + node] = aWins ? b : a;
  return aWins ? a : b;
}

/** Whether run `a` comes before run `b`, their prefixes being equal. */
function comesFirst(merge: Merge, a: number, b: number): boolean {
  const { comparator } = merge;
  if (comparator !== null) {
    const p = rowOf(merge, a);
    const q = rowOf(merge, b);
    const c = comparator(p.bytes, p.offset, p.length, q.bytes, q.offset, q.length);
    if (c !== 0) return c < 0;
  }
  return a < b;
}

function rowOf(merge: Merge, run: number): { bytes: Uint8Array; offset: number; length: number } {
  const bytes = merge.long.longRow(run);
  if (bytes !== null) return { bytes, offset: 0, length: bytes.length };
  const { i32, u8 } = merge.views;
  const s = merge.runs + run * RUN_WORDS;
  const at = i32[s]! >>> 0;
  const laid = i32[s + 2]!;
  if (laid === VARIED) return { bytes: u8, offset: at + 12, length: i32[(at >>> 2) + 2]! };
  return { bytes: u8, offset: laid === KEYED ? at : at + 8, length: i32[s + 3]! };
}

/** Rows that stand between two bytes of a window. */
export function countRows(views: Views, at: number, end: number, kind: RowKind, length: number): number {
  if (kind !== VARIED) return (end - at) / strideOf(kind, length);
  let rows = 0;
  for (; at < end; rows += 1) at += 12 + padded(views.i32[(at >>> 2) + 2]!);
  return rows;
}

/**
 * How large the blocks of a run are: somewhat less than what fits, so that a row of any block, laid out in its widest form,
 * fits a block that a merge lays out.
 */
export function leastBlockBytes(blockBytes: number, maxBlockBytes: number): number {
  return (Math.min(blockBytes, maxBlockBytes) & ~3) - 16;
}

/** Writes a row that is too long for a block of `most` bytes, in pieces laid out at `base` of `views`. */
export function writeLong(
  writer: RunWriter,
  views: Views,
  base: number,
  most: number,
  from: Views,
  at: number,
  length: number,
  prefixLow: number,
  prefixHigh: number,
  isNull: boolean,
): void {
  const word = base >>> 2;
  views.i32[word] = LONG_START | (isNull ? 256 : 0);
  views.i32[word + 1] = length;
  views.i32[word + 2] = prefixLow;
  views.i32[word + 3] = prefixHigh;
  let lead = 16;
  for (let done = 0; done < length; lead = BLOCK_HEAD_BYTES) {
    if (done > 0) views.i32[word] = LONG_REST;
    const bytes = Math.min(length - done, most - lead);
    copyRow(from, at + done, views, base + lead, bytes);
    writer.writeBlock(views.u8, base, lead + bytes, done === 0 ? 1 : 0);
    done += bytes;
  }
}
