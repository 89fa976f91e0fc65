// The three workloads: the library's own consumers over one table, the same code for both modes. Each hashes all that comes
// out and leaves nothing behind.

import { HashMap } from "../../execution/hash-map.js";
import { byMapKey } from "../../execution/map-sort.js";
import { Sorter } from "../../execution/sorter.js";
import { rddBlock } from "../../storage/block.js";
import { GroupHash } from "./groups.js";
import { BLOCK_BYTES, FIRST_SLOTS, rowsPerBlock, VALUE_BYTES } from "./rows.js";
import type { Workload } from "./setting.js";
import { BATCH_ROWS, type Desk, type Done, WordHash } from "./work.js";

export const DO: Readonly<Record<Workload, (desk: Desk) => Done>> = { sort, aggregate, scan };

/** All rows into a sorter, and out of it in order. */
function sort({ task, runs, table, batches, beforeEnd }: Desk): Done {
  const { rows, bytes, starts, prefixHi, prefixLo } = table;
  const recordBytes = starts[1]!;
  const sorter = new Sorter(task, { store: runs, signed: false });
  try {
    batches.start();
    for (let from = 0; from < rows; from += BATCH_ROWS) {
      for (let i = from, to = Math.min(rows, from + BATCH_ROWS); i < to; i += 1)
        sorter.insert(bytes, i * recordBytes, recordBytes, prefixHi[i]!, prefixLo[i]!);
      batches.lap();
    }
    const hash = new WordHash();
    const sorted = sorter.sorted();
    for (let left = rows; left > 0; left -= BATCH_ROWS) {
      for (let i = Math.min(left, BATCH_ROWS); i > 0 && sorted.next(); i -= 1)
        hash.add(sorted.views.i32, sorted.offset >>> 2, sorted.length >>> 2);
      batches.lap();
    }
    const more = sorted.next();
    beforeEnd();
    const { spills, memoryBytesSpilled, diskBytesSpilled } = sorter.metrics;
    const peakBytes = task.peak(task.mode);
    return {
      hash: more ? "rows too many" : hash.hex(),
      rows,
      spills,
      memoryBytesSpilled,
      diskBytesSpilled,
      pressed: 0,
      peakBytes,
    };
  } finally {
    sorter.close();
  }
}

/** Sums by key in a hash map, which falls back to sorting where memory is short, as Spark's aggregation does. */
function aggregate({ task, runs, table, batches, beforeEnd }: Desk): Done {
  const { rows, bytes, starts } = table;
  const recordBytes = starts[1]!;
  const keyBytes = recordBytes - VALUE_BYTES;
  const words = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length >>> 2);
  const map = new HashMap(task, { capacity: FIRST_SLOTS, store: runs });
  let sorter: Sorter | null = null;
  const fallBack = (): void => {
    sorter ??= map.openSorter({ store: runs, ...(keyBytes > 8 ? { comparator: byMapKey } : {}) });
    map.sortInto(sorter);
  };
  try {
    batches.start();
    for (let from = 0; from < rows; from += BATCH_ROWS) {
      for (let i = from, to = Math.min(rows, from + BATCH_ROWS); i < to; i += 1) {
        const at = i * recordBytes;
        while (!map.add(bytes, at, keyBytes, words[(at + keyBytes) >>> 2]!)) {
          if (map.keys === 0) throw task.outOfMemory(map, map.pageBytes, 0);
          fallBack();
        }
      }
      batches.lap();
    }
    const hash = new GroupHash(keyBytes >>> 2);
    if (sorter === null) {
      const records = map.drain();
      let groups = 0;
      while (records.next()) {
        const { i32 } = records.views;
        hash.add(i32, records.keyOffset >>> 2, i32[records.valueOffset >>> 2]!);
        if (++groups % BATCH_ROWS === 0) batches.lap();
      }
    } else {
      fallBack();
      map.free();
      addSorted(sorter, keyBytes, hash, batches);
    }
    beforeEnd();
    const metrics = (sorter as Sorter | null)?.metrics;
    return {
      hash: hash.hex(),
      rows,
      spills: metrics?.spills ?? 0,
      memoryBytesSpilled: metrics?.memoryBytesSpilled ?? 0,
      diskBytesSpilled: metrics?.diskBytesSpilled ?? 0,
      pressed: 0,
      peakBytes: task.peak(task.mode),
    };
  } finally {
    map.free();
    (sorter as Sorter | null)?.close();
  }
}

/** Rows of equal keys follow each other: a row is key, value and the key's length. */
function addSorted(sorter: Sorter, keyBytes: number, hash: GroupHash, batches: Desk["batches"]): void {
  const keyWords = keyBytes >>> 2;
  const key = new Int32Array(keyWords);
  const rows = sorter.sorted();
  let sum = 0;
  let parts = 0;
  while (rows.next()) {
    const { i32 } = rows.views;
    const at = rows.offset >>> 2;
    if (parts > 0 && !equalWords(key, i32, at)) {
      hash.add(key, 0, sum);
      sum = 0;
    }
    if (sum === 0) for (let i = 0; i < keyWords; i += 1) key[i] = i32[at + i]!;
    sum += i32[at + keyWords]!;
    if (++parts % BATCH_ROWS === 0) batches.lap();
  }
  if (parts > 0) hash.add(key, 0, sum);
}

function equalWords(key: Int32Array, words: Int32Array, at: number): boolean {
  for (let i = 0; i < key.length; i += 1) if (key[i] !== words[at + i]) return false;
  return true;
}

/** Times that all cached rows are read. */
export const SCANS = 4;

/**
 * Reads all blocks again and again through the cache: halves of them are RDDs of their own, since blocks of one RDD never
 * evict each other. A block that is missing is put anew from the rows at hand, so that a miss costs its copy and no more.
 */
function scan({ executor, table, batches, acquires, beforeEnd }: Desk): Done {
  const { rows, bytes, starts } = table;
  const recordBytes = starts[1]!;
  const { store, mode } = executor;
  const source = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length >>> 2);
  const blockRows = rowsPerBlock(recordBytes);
  const blocks = Math.ceil(rows / blockRows);
  const half = Math.ceil(blocks / 2);
  const idOf = (block: number) => rddBlock(block < half ? 0 : 1, block);
  const evictedBefore = store.evictions;
  const hash = new WordHash();
  let refused = 0;
  let peakBytes = 0;
  try {
    batches.start();
    for (let pass = 0; pass < SCANS; pass += 1) {
      for (let block = 0; block < blocks; block += 1) {
        const from = block * blockRows * recordBytes;
        const length = Math.min(blockRows, rows - block * blockRows) * recordBytes;
        let words = source;
        let word = from >>> 2;
        const cached = store.get(idOf(block));
        if (cached === null) {
          const before = performance.now();
          const isPut = store.put(idOf(block), bytes.subarray(from, from + length), mode);
          acquires.record((performance.now() - before) * 1e6);
          if (isPut) peakBytes = Math.max(peakBytes, store.used(mode));
          else refused += 1;
        } else {
          words = new Int32Array(cached.buffer, cached.byteOffset, length >>> 2);
          word = 0;
        }
        const end = word + (length >>> 2);
        const batchWords = (BATCH_ROWS * recordBytes) >>> 2;
        for (; word < end; word += batchWords) {
          for (let at = word, to = Math.min(end, word + batchWords); at < to; at += recordBytes >>> 2)
            hash.add(words, at, recordBytes >>> 2);
          batches.lap();
        }
      }
    }
    beforeEnd();
    const evicted = store.evictions - evictedBefore;
    const memoryBytesSpilled = evicted * BLOCK_BYTES;
    return {
      hash: hash.hex(),
      rows: SCANS * rows,
      spills: evicted,
      memoryBytesSpilled,
      diskBytesSpilled: 0,
      pressed: evicted + refused,
      peakBytes,
    };
  } finally {
    for (let block = 0; block < blocks; block += 1) store.remove(idOf(block));
  }
}
