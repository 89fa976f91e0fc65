// Radix sort of (address, prefix) pairs where they lie: the kernel over an arena, its twin over a heap page.

import { radixSort, SIGNED } from "../../src/execution/radix.js";
import type { RowKernels } from "../../src/execution/rows.js";
import { Arena, kernelsOver } from "../../src/memory/arena.js";
import { Views } from "../../src/memory/views.js";
import {
  type Bench,
  type Case,
  MILLION_ROWS,
  OURS,
  parameter,
  type Reading,
  type Settings,
  whole,
} from "../harness.js";
import { foldRow, keyHigh, keyLow } from "../rows.js";
import { spark } from "../spark.js";

const RECORD_BYTES = 16;

export const radix: Bench = {
  name: "radix",
  about:
    "(pointer, prefix) pairs with free space as large, uniformly random 64-bit prefixes, ascending, signed, all 8 bytes. " +
    "Timed: the sort; not timed: filling the array, checking the order.",
  cases: (settings) =>
    ["on", "off"].flatMap((mode) => [
      pairs(settings, mode, parameter(settings, 1_000, 1_000_000), "1 M"),
      pairs(settings, mode, parameter(settings, 5_000, 10_000_000), "10 M"),
    ]),
};

function pairs(settings: Settings, mode: string, rows: number, size: string): Case {
  const { seed } = settings;
  return {
    name: `${mode}-heap, ${size} records`,
    unit: MILLION_ROWS,
    ours() {
      const { views, at, sort } = mode === "on" ? heapArray(rows) : arenaArray(rows);
      return whole(settings, "ours", OURS, () => {
        fill(views, at, rows, seed);
        const start = performance.now();
        const sorted = sort();
        const seconds = (performance.now() - start) / 1000;
        return { ops: rows, seconds, hash: check(views, sorted, rows) } satisfies Reading;
      });
    },
    peers: spark(settings, "radix", { mode, rows, seed }),
  };
}

interface SortableArray {
  readonly views: Views;
  readonly at: number;
  readonly sort: () => number;
}

function heapArray(rows: number): SortableArray {
  const views = new Views(new ArrayBuffer(2 * rows * RECORD_BYTES));
  return { views, at: 0, sort: () => radixSort(views, 0, rows, SIGNED) };
}

function arenaArray(rows: number): SortableArray {
  const arena = Arena.create();
  const kernels = kernelsOver<RowKernels>(arena.views)!;
  const array = arena.allocate(2 * rows * RECORD_BYTES)!;
  const scratch = arena.allocate(kernels.radixScratchBytes())!;
  const sort = (): number => kernels.radixSort(array.base, rows, SIGNED, 0, 7, scratch.base) >>> 0;
  return { views: arena.views, at: array.base, sort };
}

function fill(views: Views, at: number, rows: number, seed: number): void {
  const { f64, i32 } = views;
  for (let row = 0, d = at / 8; row < rows; row += 1, d += 2) {
    const high = keyHigh(row, seed);
    f64[d] = row;
    i32[2 * d + 2] = keyLow(high, row);
    i32[2 * d + 3] = high;
  }
}

function check(views: Views, at: number, rows: number): number {
  const { f64, i32 } = views;
  let hash = 0;
  let previous = -(2 ** 31);
  for (let row = 0, d = at / 8; row < rows; row += 1, d += 2) {
    const high = i32[2 * d + 3]!;
    if (high < previous) throw new Error(`not ascending at ${row}`);
    previous = high;
    hash = foldRow(hash, high, i32[2 * d + 2]!, f64[d]!);
  }
  return hash;
}
