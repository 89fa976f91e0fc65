// The scenarios of section 13.8 of the law that speak of the external sorter, on real pages, with a manager that can be told
// to refuse.

import { describe, expect, test } from "vitest";
import { TaskOutOfMemory } from "../../src/execution/refusal.js";
import { Sorter } from "../../src/execution/sorter.js";
import { TaskMemoryManager } from "../../src/execution/task.js";
import { HeapPool } from "../../src/memory/heap.js";
import { MemoryManager } from "../../src/memory/manager.js";
import type { Mode } from "../../src/memory/mode.js";
import { sparkSpillOrder } from "../../src/policy/victim.js";
import { unified } from "../../src/policy/unified.js";
import { openMemorySpillStore } from "../../src/spill/memory.js";
import { Greedy, NO_REGION, region } from "../memory/doubles.js";

const MIB = 2 ** 20;

/** Grants 0 to the next requests, as many as it is told. */
class Refusing extends MemoryManager {
  refusals = 0;

  constructor() {
    super({ policy: unified, onHeap: region(256 * MIB, 0), offHeap: NO_REGION });
  }

  override acquireExecution(bytes: number, task: number, mode: Mode): number {
    if (this.refusals === 0) return super.acquireExecution(bytes, task, mode);
    this.refusals -= 1;
    return 0;
  }
}

function open(
  pageBytes: number,
  initialRecords: number,
): { manager: Refusing; task: TaskMemoryManager; sorter: Sorter } {
  const manager = new Refusing();
  const spillOrder = sparkSpillOrder(401);
  const task = new TaskMemoryManager({ id: 1, manager, allocator: new HeapPool(), pageBytes, spillOrder });
  return { manager, task, sorter: new Sorter(task, { store: openMemorySpillStore(), initialRecords }) };
}

const ROW = new Uint8Array(2048);

/** Inserts rows of four bytes, their numbers as keys, highest first. */
function insert(sorter: Sorter, from: number, to: number): void {
  for (let key = from; key > to; key -= 1) {
    new DataView(ROW.buffer).setInt32(0, key, true);
    sorter.insert(ROW, 0, 4, 0, key);
  }
}

/** Reads 1 to `rows`, and calls `at` with each number once it stands there. */
function expectInOrder(sorter: Sorter, rows: number, at: (row: number) => void = () => {}): void {
  const reader = sorter.sorted();
  for (let row = 1; row <= rows; row += 1) {
    if (!reader.next()) expect.fail(`only ${row - 1} of ${rows} rows`);
    if (reader.prefixLow !== row) expect(reader.prefixLow).toBe(row);
    at(row);
    if (new DataView(reader.u8.buffer).getInt32(reader.u8.byteOffset + reader.offset, true) !== row)
      expect.fail(`the row at ${row} cannot be read`);
  }
  expect(reader.next()).toBe(false);
}

describe("13.8 the external sorter", () => {
  test("E1: rows fill a page exactly; the next one, refused once, spills", () => {
    const rows = (4 * MIB) / 8;
    const { manager, sorter } = open(4 * MIB, 2 * (rows + 8));
    const array = sorter.memoryBytes;
    insert(sorter, rows + 1, 1);
    expect([sorter.memoryBytes - array, sorter.metrics.spills]).toEqual([4 * MIB, 0]);
    manager.refusals = 1;
    insert(sorter, 1, 0);
    expect([sorter.metrics.spills, sorter.records]).toEqual([1, 1]);
    expectInOrder(sorter, rows + 1);
    sorter.close();
    expect(manager.executionUsed).toBe(0);
  });

  test("E2: the peak grows by a page at a time, and a spill does not move it", () => {
    const { sorter } = open(256, 1024);
    const array = sorter.memoryBytes;
    for (let row = 1; row <= 320; row += 1) {
      insert(sorter, row, row - 1);
      expect(sorter.metrics.peakExecutionBytes).toBe(array + 256 * Math.ceil(row / 32));
    }
    sorter.spillSelf();
    insert(sorter, 32, 0);
    expect(sorter.metrics.peakExecutionBytes).toBe(array + 2560);
    sorter.close();
  });

  test.each([
    ["at its start", 1],
    ["in the middle", 150],
    ["at its end", 300],
  ])("E3: a read is spilled %s, once, and goes on", (_where, when) => {
    const { task, sorter } = open(256, 1024);
    const other = new Greedy(task, "other");
    insert(sorter, 300, 0);
    expectInOrder(sorter, 300, (row) => {
      if (row !== when) return;
      expect(sorter.spill(1, other)).toBeGreaterThan(0);
      expect(sorter.spill(1, other)).toBe(0);
    });
    sorter.close();
  });

  test("E4: a spill needs no memory, and rows go in again when there is some", () => {
    const { manager, sorter } = open(256, 64);
    insert(sorter, 60, 30);
    manager.refusals = Infinity;
    expect(sorter.spillSelf()).toBe(256);
    expect(() => insert(sorter, 30, 29)).toThrow(TaskOutOfMemory);
    manager.refusals = 0;
    insert(sorter, 30, 0);
    expectInOrder(sorter, 60);
    sorter.close();
    expect(manager.executionUsed).toBe(0);
  });

  test("E5: a row longer than a page has one of its own", () => {
    const { sorter } = open(256, 64);
    const array = sorter.memoryBytes;
    insert(sorter, 1, 0);
    sorter.insert(ROW, 0, 1000, 0, 2);
    expect(sorter.memoryBytes - array).toBe(256 + 1004);
    sorter.close();
  });
});
