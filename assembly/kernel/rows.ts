// Rows on their way out of pages: gathered in sorted order into blocks, and blocks of several runs merged into one. The
// layout of a block is drawn in src/execution/rows.ts, whose twins do the same over buffers of the JavaScript heap.

const VARIED: u32 = 0;
const KEYED: u32 = 2;

/** A run in a merge: where its next row stands, where its window ends, how its rows are laid out. */
const RUN_BYTES_SHIFT: usize = 5;

// @ts-ignore: decorator
@inline
function padded(length: u32): u32 {
  return (length + 3) & ~3;
}

/** Copies `length` bytes and pads them with zeros to whole words. Never reads past the source. */
// @ts-ignore: decorator
@inline
function copyRow(from: usize, to: usize, length: u32): void {
  if (length > 256) {
    memory.copy(to, from, length);
    from += length & ~3;
    to += length & ~3;
  } else {
    const end16 = from + (length & ~15);
    for (; from < end16; from += 16, to += 16) v128.store(to, v128.load(from));
    const end4 = from + (length & 12);
    for (; from < end4; from += 4, to += 4) store<u32>(to, load<u32>(from));
  }
  const rest = length & 3;
  if (rest == 0) return;
  let word: u32 = load<u8>(from);
  if (rest > 1) word |= (<u32>load<u8>(from, 1)) << 8;
  if (rest > 2) word |= (<u32>load<u8>(from, 2)) << 16;
  store<u32>(to, word);
}

/**
 * Lays out the rows of up to `n` records (address, prefix) from `records` on at `out`, as long as they fit before `outEnd`
 * and suit `kind` and `length`. `bases` holds the byte address of every page number. Returns how many rows were laid out;
 * at `result` their end and (as a double) the bytes of the rows themselves.
 */
export function gatherRows(
  records: usize,
  n: u32,
  bases: usize,
  out: usize,
  outEnd: usize,
  kind: u32,
  length: u32,
  result: usize,
): u32 {
  const end = records + ((<usize>n) << 4);
  let r = records;
  let bytes: f64 = 0;
  if (kind == VARIED) {
    for (; r < end; r += 16) {
      const at = rowAt(r, bases);
      const size = load<u32>(at);
      if (<u64>out + 12 + padded(size) > <u64>outEnd) break;
      store<u64>(out, load<u64>(r, 8));
      store<u32>(out, size, 8);
      copyRow(at + 4, out + 12, size);
      out += 12 + padded(size);
      bytes += <f64>size;
    }
  } else {
    const lead: usize = kind == KEYED ? 0 : 8;
    const stride = lead + padded(length);
    const room = <u32>((outEnd - out) / stride);
    const last = min(end, records + ((<usize>room) << 4));
    if (kind == KEYED && length == 16) {
      // Four rows at a time, whose loads do not wait for each other.
      for (; r + 48 < last; r += 64, out += 64) {
        const a = rowAt(r, bases);
        const b = rowAt(r + 16, bases);
        const c = rowAt(r + 32, bases);
        const d = rowAt(r + 48, bases);
        const rowA = v128.load(a, 4);
        const rowB = v128.load(b, 4);
        const rowC = v128.load(c, 4);
        const rowD = v128.load(d, 4);
        const sizes = (load<u32>(a) ^ 16) | (load<u32>(b) ^ 16) | (load<u32>(c) ^ 16) | (load<u32>(d) ^ 16);
        const keys =
          (v128.extract_lane<u64>(rowA, 0) ^ load<u64>(r, 8)) |
          (v128.extract_lane<u64>(rowB, 0) ^ load<u64>(r, 24)) |
          (v128.extract_lane<u64>(rowC, 0) ^ load<u64>(r, 40)) |
          (v128.extract_lane<u64>(rowD, 0) ^ load<u64>(r, 56));
        if (((<u64>sizes) | keys) != 0) break;
        v128.store(out, rowA);
        v128.store(out, rowB, 16);
        v128.store(out, rowC, 32);
        v128.store(out, rowD, 48);
      }
      for (; r < last; r += 16, out += 16) {
        const at = rowAt(r, bases);
        const row = v128.load(at, 4);
        if (load<u32>(at) != 16 || v128.extract_lane<u64>(row, 0) != load<u64>(r, 8)) break;
        v128.store(out, row);
      }
    } else {
      for (; r < last; r += 16, out += stride) {
        const at = rowAt(r, bases);
        if (load<u32>(at) != length) break;
        const prefix = load<u64>(r, 8);
        if (kind == KEYED) {
          if (load<u64>(at, 4) != prefix) break;
        } else {
          store<u64>(out, prefix);
        }
        copyRow(at + 4, out + lead, length);
      }
    }
    bytes = <f64>((r - records) >> 4) * <f64>length;
  }
  store<u32>(result, <u32>out);
  store<f64>(result, bytes, 8);
  return <u32>((r - records) >> 4);
}

// @ts-ignore: decorator
@inline
function rowAt(record: usize, bases: usize): usize {
  const address = <i64>load<f64>(record);
  return <usize>(load<u32>(bases + ((<usize>(address >> 40)) << 2)) + <u32>address);
}

// @ts-ignore: decorator
@inline
function keyOf(run: usize, flip: u64): u64 {
  return load<u64>(load<u32>(run)) ^ flip;
}

/**
 * Merges `ways` runs (2 or more) by their prefixes; among equal ones the run with the lower number comes first. A run is
 * eight words at `runs`: position, end, kind, length, and room for its key. `losers` has room for `ways` words. Rows are
 * laid out at `out` before `outEnd` as `kind` says: that of all the runs, or VARIED. Ends when a run's window is exhausted
 * and returns its number; returns -1 after `limit` rows or when the next row may not fit. At `result` the end of the rows
 * and their count.
 */
export function mergeRuns(
  runs: usize,
  ways: u32,
  losers: usize,
  out: usize,
  outEnd: usize,
  order: u32,
  kind: u32,
  length: u32,
  limit: u32,
  result: usize,
): i32 {
  const flip: u64 = (order & 1 ? u64.MAX_VALUE : 0) ^ (order & 2 ? 0x8000000000000000 : 0);
  let run: usize;
  for (let i: u32 = 0; i < ways; i++) {
    run = runs + ((<usize>i) << RUN_BYTES_SHIFT);
    store<u64>(run, keyOf(run, flip), 16);
  }
  let winner = plant(runs, ways, losers, 1);
  const stride: u32 = kind == VARIED ? 0 : (kind == KEYED ? 0 : 8) + padded(length);
  let count: u32 = 0;
  let exhausted = -1;
  while (count < limit) {
    run = runs + ((<usize>winner) << RUN_BYTES_SHIFT);
    let at = <usize>load<u32>(run);
    if (stride != 0) {
      if (out + stride > outEnd) break;
      if (stride == 16) v128.store(out, v128.load(at));
      else copyRow(at, out, stride);
      out += stride;
      at += stride;
    } else {
      const laid = load<u32>(run, 8);
      const size = laid == VARIED ? load<u32>(at, 8) : load<u32>(run, 12);
      const bytes = padded(size);
      if (<u64>out + 12 + bytes > <u64>outEnd) break;
      const lead: u32 = laid == VARIED ? 12 : laid == KEYED ? 0 : 8;
      store<u64>(out, load<u64>(at));
      store<u32>(out, size, 8);
      copyRow(at + lead, out + 12, bytes);
      out += 12 + bytes;
      at += lead + bytes;
    }
    count++;
    store<u32>(run, <u32>at);
    if (<u32>at == load<u32>(run, 4)) {
      exhausted = <i32>winner;
      break;
    }
    let key = load<u64>(at) ^ flip;
    store<u64>(run, key, 16);
    for (let node = (winner + ways) >> 1; node > 0; node >>= 1) {
      const slot = losers + ((<usize>node) << 2);
      const other = load<u32>(slot);
      const otherKey = load<u64>(runs + ((<usize>other) << RUN_BYTES_SHIFT), 16);
      const lost = (<i32>(otherKey < key)) | ((<i32>(otherKey == key)) & (<i32>(other < winner)));
      store<u32>(slot, select<u32>(winner, other, lost));
      winner = select<u32>(other, winner, lost);
      key = select<u64>(otherKey, key, lost);
    }
  }
  store<u32>(result, <u32>out);
  store<u32>(result, count, 4);
  return exhausted;
}

/** Plays the matches below `node` of the tree, whose leaves `ways` to `2 * ways - 1` are the runs; returns who won there. */
function plant(runs: usize, ways: u32, losers: usize, node: u32): u32 {
  if (node >= ways) return node - ways;
  const a = plant(runs, ways, losers, node << 1);
  const b = plant(runs, ways, losers, (node << 1) + 1);
  const keyA = load<u64>(runs + ((<usize>a) << RUN_BYTES_SHIFT), 16);
  const keyB = load<u64>(runs + ((<usize>b) << RUN_BYTES_SHIFT), 16);
  const aWins = keyA < keyB || (keyA == keyB && a < b);
  store<u32>(losers + ((<usize>node) << 2), aWins ? b : a);
  return aWins ? a : b;
}
