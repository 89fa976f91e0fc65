// The sort of a pointer array alone: (address, 8-byte key prefix) records with as much free space behind them.

import {
  atLeast,
  type Bench,
  type Case,
  MILLION_ROWS,
  OURS,
  parameter,
  type Reading,
  type Settings,
  whole,
} from "./harness.js";
import { modeText, modeWord } from "./manager.js";
import { foldRow, keyHigh, keyLow } from "./rows.js";
import { spark } from "./spark.js";
import { radixSort, SIGNED } from "../src/execution/radix.js";
import type { RowKernels } from "../src/execution/rows.js";
import { createArenas } from "../src/memory/arena-set.js";
import { kernelsOver } from "../src/memory/arena.js";
import { HeapPool } from "../src/memory/heap.js";
import { type Mode, OFF_HEAP, ON_HEAP } from "../src/memory/mode.js";
import type { Views } from "../src/memory/views.js";

const RECORD_BYTES = 16;

export const radix: Bench = {
  name: "radix",
  about:
    "Ascending sort of random signed 8-byte prefixes with their pointers, all 8 bytes, as much scratch space as data. Off-heap it " +
    "is one call into the WebAssembly kernel, on-heap TypeScript. Making the records, and checking and hashing the order, are untimed.",
  bound:
    "memory. Random records are read and written twice on their way through the near memory; off-heap a pass over " +
    "parts that fit the cache finishes them. Spark's sort is three to four times as fast here as the goal assumes " +
    "(9 M pairs/s).",
  cases: (settings) =>
    parameter(settings, [[1000, "1 k"] as const], [[1e6, "1 M"] as const, [1e7, "10 M"] as const]).flatMap(
      ([rows, text]) => ([OFF_HEAP, ON_HEAP] as const).map((mode) => sorts(settings, mode, rows, text)),
    ),
};

function sorts(settings: Settings, mode: Mode, rows: number, text: string): Case {
  const { seed } = settings;
  return {
    name: `${modeText(mode)}, ${text} pairs`,
    unit: { ...MILLION_ROWS, text: "Mpairs/s" },
    goal: () => atLeast(mode === OFF_HEAP ? 4 : 2),
    ours() {
      const { views, at, sort } = mode === OFF_HEAP ? inArena(rows) : onHeap(rows);
      return whole(settings, "ours", OURS, () => {
        fill(views, at, rows, seed);
        const start = performance.now();
        const sorted = sort();
        const seconds = (performance.now() - start) / 1000;
        return { ...hashed(views, sorted, rows), seconds };
      });
    },
    peers: spark(settings, "radix", { mode: modeWord(mode), rows, seed }),
  };
}

/** A pointer array with its free half, and the sort of all its records, which tells where they lie then. */
interface PointerArray {
  readonly views: Views;
  readonly at: number;
  readonly sort: () => number;
}

function inArena(rows: number): PointerArray {
  const arenas = createArenas({ limitBytes: 2 ** 30 });
  const array = arenas.allocate(2 * RECORD_BYTES * rows)!;
  const kernels = kernelsOver<RowKernels>(array.views)!;
  const scratch = arenas.allocate(kernels.radixScratchBytes())!;
  const sort = (): number => kernels.radixSort(array.base, rows, SIGNED, 0, 7, scratch.base) >>> 0;
  return { views: array.views, at: array.base, sort };
}

function onHeap(rows: number): PointerArray {
  const { views, base } = new HeapPool().allocate(2 * RECORD_BYTES * rows)!;
  return { views, at: base, sort: () => radixSort(views, base, rows, SIGNED) };
}

function fill({ f64, i32 }: Views, at: number, rows: number, seed: number): void {
  for (let i = 0; i < rows; i += 1) {
    const high = keyHigh(i, seed);
    f64[at / 8 + 2 * i] = i;
    i32[at / 4 + 4 * i + 2] = keyLow(high, i);
    i32[at / 4 + 4 * i + 3] = high;
  }
}

function hashed({ f64, i32 }: Views, at: number, rows: number): Pick<Reading, "ops" | "hash"> {
  let hash = 0;
  let last = -(2 ** 31);
  for (let i = 0; i < rows; i += 1) {
    const high = i32[at / 4 + 4 * i + 3]!;
    if (high < last) throw new Error("the records are out of order");
    last = high;
    hash = foldRow(hash, high, i32[at / 4 + 4 * i + 2]!, f64[at / 8 + 2 * i]!);
  }
  return { ops: rows, hash };
}
