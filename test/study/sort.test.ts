// One measured sort in this process: its rows, its figures, and that nothing of the watching stays.

import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openExecutor } from "../../src/executor.js";
import { Sorter } from "../../src/execution/sorter.js";
import { type Mode, OFF_HEAP, ON_HEAP } from "../../src/memory/mode.js";
import { openSpillStore } from "../../src/spill/index.js";
import { generateTable } from "../../src/study/generate.js";
import { csvTable } from "../../src/study/input.js";
import { confOf } from "../../src/study/plan.js";
import { referenceHash } from "../../src/study/reference.js";
import { vacuityOf } from "../../src/study/round.js";
import { sortOnce, type Sorted } from "../../src/study/sort.js";
import type { Table } from "../../src/study/table.js";
import { watchTask } from "../../src/study/watch.js";

let directory = "";
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "study-sort-"));
});
afterAll(() => rmSync(directory, { recursive: true }));

const KIB = 1024;

function sortTable(table: Table, mode: Mode, memoryBytes: number): Sorted {
  const conf = confOf(mode, { memoryBytes, pageBytes: 4 * KIB, compress: null, cores: 1, conf: {} }, 0);
  const executor = openExecutor({ conf });
  const store = openSpillStore({ directory });
  try {
    sortOnce(executor, store, table, 1);
    const sorted = sortOnce(executor, store, table, 2);
    expect(executor.check()).toEqual([]);
    expect(executor.manager.executionUsed).toBe(0);
    return sorted;
  } finally {
    store.close();
    expect(readdirSync(directory)).toEqual([]);
  }
}

/** Texts that need the comparator, nulls among them. */
function words(): Table {
  const rows = Array.from({ length: 4000 }, (_, i) =>
    i % 50 === 0 ? `,${i}` : `"a common start ${(i * 7919) % 997}",${i}`,
  );
  return csvTable(new TextEncoder().encode(`k,v\n${rows.join("\n")}\n`), "k", "words");
}

test.each<[string, string, Mode, Table]>([
  ["on-heap", "numbers", ON_HEAP, generateTable(20_000, 3)],
  ["off-heap", "numbers", OFF_HEAP, generateTable(20_000, 3)],
  ["on-heap", "texts", ON_HEAP, words()],
  ["off-heap", "texts", OFF_HEAP, words()],
])("%s sorts %s", (_, __, mode, table) => {
  const sorted = sortTable(table, mode, 128 * KIB);
  expect(sorted.hash).toBe(referenceHash(table));
  expect(vacuityOf(sorted)).toBeNull();
  expect(sorted.spills).toBe(sorted.marks.length);
  expect(sorted.memoryBytesSpilled).toBeGreaterThan(0);
  expect(sorted.diskBytesSpilled).toBeGreaterThan(0);
  expect(sorted.writeSeconds).toBeGreaterThan(0);
  expect(sorted.peakBytes).toBeGreaterThan(64 * KIB);
  expect(sorted.peakBytes).toBeLessThanOrEqual(128 * KIB);
  expect(sorted.arena === null).toBe(mode === ON_HEAP);
  for (const { startMs, endMs, freedBytes } of sorted.marks) {
    expect(endMs).toBeGreaterThanOrEqual(startMs);
    expect(freedBytes).toBeGreaterThan(0);
  }
  const { ms, executionUsed, executionSize, storageSize } = sorted.samples;
  expect(ms.every((at, i) => i === 0 || at >= ms[i - 1]!)).toBe(true);
  expect(executionUsed.every((used, i) => used <= executionSize[i]!)).toBe(true);
  expect(executionSize.every((size, i) => 128 * KIB === size + storageSize[i]!)).toBe(true);
  expect([executionSize[0], Math.max(...executionSize)]).toEqual([64 * KIB, 128 * KIB]);
});

test("a budget that is large enough makes a vacuous round", () => {
  const sorted = sortTable(generateTable(1000, 3), OFF_HEAP, 4096 * KIB);
  expect(vacuityOf(sorted)).toBe("nothing spilled");
  expect(vacuityOf({ spills: 1, shortGrants: 0 })).toBe("the budget was never reached");
});

test("watching counts each acquire once, and leaves the task and the consumer as they were", () => {
  const executor = openExecutor({
    conf: confOf(ON_HEAP, { memoryBytes: 128 * KIB, pageBytes: 4 * KIB, compress: null, cores: 1, conf: {} }, 0),
  });
  const store = openSpillStore({ directory });
  const task = executor.task(1);
  const sorter = new Sorter(task, { store, initialRecords: 64 });
  const before = [Object.keys(task), Object.keys(sorter)];
  const watch = watchTask(task, sorter, performance.now());
  const page = sorter.allocatePage(1);
  sorter.freeMemory(sorter.acquireMemory(100));
  sorter.freePage(page);
  expect(watch.acquires.total).toBe(2);
  watch.stop();
  expect([Object.keys(task), Object.keys(sorter)]).toEqual(before);
  sorter.freePage(sorter.allocatePage(1));
  expect(watch.acquires.total).toBe(2);
  expect([...watch.timeline.samples().executionUsed]).toEqual([1024, 5120, 5220, 5120, 1024, 1024]);
  sorter.close();
  executor.endTask(1);
  store.close();
});
