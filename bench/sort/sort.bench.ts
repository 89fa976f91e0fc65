// The external sort: rows in, sorted rows out, with memory ample and with an eighth of it, runs compressed and not.

import { Sorter } from "../../src/execution/sorter.js";
import type { SortedRows } from "../../src/execution/sorted-rows.js";
import { type Executor, openExecutor } from "../../src/executor.js";
import { openSpillStore } from "../../src/spill/index.js";
import { duckdb } from "../duckdb.js";
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

const MIB = 2 ** 20;
const PAGE_BYTES = 4 * MIB;
const ROW_BYTES = 16;

export const sort: Bench = {
  name: "sort",
  about:
    "Rows of 16 bytes: a random 64-bit key, which is the prefix too, and the row's number. Timed: create, make and insert every row, " +
    "sort, read every row (order checked and hashed on the way); pages of 4 MiB, radix sort. `ample`: 1 GiB; `short`: 52 MiB, an " +
    "eighth of the peak. One thread on all sides; making the rows is inside on all sides.",
  cases: (settings) =>
    ["on", "off"].flatMap((mode) => [
      rows(settings, mode, 1024 * MIB, "ample", false),
      rows(settings, mode, 52 * MIB, "short, plain runs", false),
      rows(settings, mode, 52 * MIB, "short, lz4 runs", true),
    ]),
};

function rows(settings: Settings, mode: string, real: number, what: string, compress: boolean): Case {
  const { seed } = settings;
  const count = parameter(settings, 20_000, 8_000_000, 2_000_000);
  const budget = parameter(settings, real > 100 * MIB ? 64 * MIB : 2 * MIB, real, real > 100 * MIB ? real : real / 4);
  const page = parameter(settings, 65_536, PAGE_BYTES, real > 100 * MIB ? PAGE_BYTES : PAGE_BYTES / 4);
  return {
    name: `${mode}-heap, ${what}`,
    unit: MILLION_ROWS,
    ours() {
      const host = openHost(mode, budget, page);
      const store = openSpillStore({ compression: compress ? "lz4" : "none" });
      let task = 0;
      const contender = whole(settings, "ours", OURS, () => sortOnce(host, store, (task += 1), count, seed));
      return { ...contender, close: () => store.close() };
    },
    peers: [
      ...spark(settings, "sort", { mode, rows: count, seed, budget, page, compress }),
      ...(compress ? [] : duckdb(settings, { rows: count, budget, generation: "in" })),
    ],
  };
}

function openHost(mode: string, budget: number, page: number): Executor {
  const offHeap = mode === "off";
  return openExecutor({
    conf: {
      "spark.testing.memory": String(offHeap ? 1024 * MIB : budget),
      "spark.testing.reservedMemory": "0",
      "spark.memory.fraction": "1.0",
      "spark.buffer.pageSize": String(page),
      ...(offHeap ? { "spark.memory.offHeap.enabled": "true", "spark.memory.offHeap.size": String(budget) } : {}),
    },
  });
}

function sortOnce(
  host: Executor,
  store: ReturnType<typeof openSpillStore>,
  task: number,
  count: number,
  seed: number,
): Reading {
  const start = performance.now();
  const sorter = new Sorter(host.task(task), { store });
  insertAll(sorter, count, seed);
  const inserted = performance.now();
  const { read, hash } = readAll(sorter.sorted());
  const end = performance.now();
  if (read !== count) throw new Error(`${read} rows of ${count} came back`);
  const { spills, diskBytesSpilled, memoryBytesSpilled, peakExecutionBytes } = sorter.metrics;
  sorter.close();
  host.endTask(task);
  const more = {
    insertSeconds: (inserted - start) / 1000,
    readSeconds: (end - inserted) / 1000,
    spills,
    diskBytes: diskBytesSpilled,
    memoryBytes: memoryBytesSpilled,
    peakBytes: peakExecutionBytes,
  };
  return { ops: count, seconds: (end - start) / 1000, hash, more };
}

function insertAll(sorter: Sorter, count: number, seed: number): void {
  const row = new Uint8Array(ROW_BYTES);
  const words = new Int32Array(row.buffer);
  for (let i = 0; i < count; i += 1) {
    const high = keyHigh(i, seed);
    const low = keyLow(high, i);
    words[0] = low;
    words[1] = high;
    words[2] = i;
    sorter.insert(row, 0, ROW_BYTES, high, low);
  }
}

function readAll(sorted: SortedRows): { read: number; hash: number } {
  let read = 0;
  let hash = 0;
  let previous = -(2 ** 31);
  while (sorted.next()) {
    const { i32 } = sorted.views;
    const word = sorted.offset >>> 2;
    const high = i32[word + 1]!;
    if (high < previous) throw new Error(`not ascending at ${read}`);
    previous = high;
    hash = foldRow(hash, high, i32[word]!, i32[word + 2]!);
    read += 1;
  }
  return { read, hash };
}
