// The shuffle sorter against a plain stable sort by partition, in both modes, with memory ample and short; scenario X1; its
// accounts, and what is left when something fails.

import * as fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import { Misuse, TaskOutOfMemory } from "../../src/execution/refusal.js";
import type { ShuffleRows } from "../../src/execution/shuffle-rows.js";
import { ShuffleSorter, type ShuffleSorterOptions } from "../../src/execution/shuffle-sorter.js";
import { type Executor, openExecutor } from "../../src/executor.js";
import { OFF_HEAP, ON_HEAP } from "../../src/memory/mode.js";
import type { Page } from "../../src/memory/page.js";
import type { SpillStore } from "../../src/spill/contract.js";
import { SpillError } from "../../src/spill/error.js";
import { openMemorySpillStore } from "../../src/spill/memory.js";
import { numbers, seeded } from "../help/seed.js";

type ModeWord = "onHeap" | "offHeap";

function executor(mode: ModeWord, totalBytes: number, conf: Record<string, string> = {}): Executor {
  return openExecutor({
    generation: conf["generation"] ?? "4.1",
    conf: {
      "spark.testing.memory": String(mode === "onHeap" ? totalBytes : 1_000_000),
      "spark.testing.reservedMemory": "0",
      "spark.memory.fraction": "1.0",
      "spark.memory.storageFraction": "0",
      "spark.buffer.pageSize": "4096",
      "spark.unsafe.exceptionOnMemoryLeak": "true",
      ...(mode === "offHeap"
        ? { "spark.memory.offHeap.enabled": "true", "spark.memory.offHeap.size": String(totalBytes) }
        : {}),
    },
  });
}

interface Row {
  readonly partition: number;
  readonly bytes: Buffer;
}

function makeRows(seed: number, count: number, partitions: number, longest: number): Row[] {
  const next = numbers(seed);
  return Array.from({ length: count }, (_, i) => ({
    partition: Math.floor(next() * partitions),
    bytes: Buffer.alloc(Math.floor(next() * (longest + 1)), i + 1),
  }));
}

/** Reads everything and compares it with a stable sort by partition. */
function expectRows(reader: ShuffleRows, rows: readonly Row[]): void {
  const want = rows.toSorted((a, b) => a.partition - b.partition);
  for (const [place, { partition, bytes }] of want.entries()) {
    if (!reader.next()) expect.fail(`row ${place} of ${want.length} is missing`);
    const got = reader.u8.subarray(reader.offset, reader.offset + reader.length);
    if (reader.partition !== partition || Buffer.compare(got, bytes) !== 0)
      expect.fail(
        `row ${place}: partition ${reader.partition}, ${got.length} bytes; not ${partition}, ${bytes.length}`,
      );
  }
  expect([reader.next(), reader.next()]).toEqual([false, false]);
}

function run(
  mode: ModeWord,
  totalBytes: number,
  rows: readonly Row[],
  options: Partial<ShuffleSorterOptions> & { partitions: number },
  storeBlockBytes: number = 4096,
): number {
  const host = executor(mode, totalBytes);
  const store = openMemorySpillStore({ blockBytes: storeBlockBytes });
  const sorter = new ShuffleSorter(host.task(1), { store, initialRecords: 16, ...options });
  for (const { bytes, partition } of rows) sorter.insert(bytes, 0, bytes.length, partition);
  expect(host.check()).toEqual([]);
  const reader = sorter.finish();
  expect(sorter.used).toBe(0);
  expect(host.manager.executionUsed).toBe(0);
  const { files } = sorter.metrics;
  expectRows(reader, rows);
  // Runs go as soon as they have been read.
  expect(store.counters.liveFiles).toBe(0);
  expect(sorter.metrics.recordsWritten).toBe(rows.length);
  const partitionBytes = new Float64Array(options.partitions);
  for (const { bytes, partition } of rows) partitionBytes[partition]! += bytes.length;
  expect(sorter.partitionBytes).toEqual(partitionBytes);
  sorter.close();
  expect(host.endTask(1)).toEqual({ bytes: 0, report: "" });
  return files;
}

describe.each(["onHeap", "offHeap"] as const)("shuffle sorter, %s", (mode) => {
  it("orders rows that lie in memory: one file", () => {
    expect(run(mode, 8_000_000, makeRows(1, 5_000, 30, 60), { partitions: 30 })).toBe(1);
    expect(run(mode, 8_000_000, makeRows(2, 5_000, 5_000, 9), { partitions: 5_000 })).toBe(1);
    expect(run(mode, 8_000_000, [], { partitions: 7 })).toBe(0);
  });

  it("orders rows that do not fit, with radix sort and without", () => {
    for (const radix of [true, false])
      expect(run(mode, 60_000, makeRows(3, 6_000, 50, 80), { partitions: 50, radix })).toBeGreaterThan(5);
  });

  it("reads more runs than it opens at once", () => {
    const rows = makeRows(4, 2_000, 9, 30);
    expect(run(mode, 1_000_000, rows, { partitions: 9, spillRecords: 6 })).toBe(Math.ceil(2_000 / 6));
  });

  it("takes rows longer than a block and than a page", () => {
    const rows = [...makeRows(5, 40, 4, 12_000), ...makeRows(6, 200, 4, 70)];
    run(mode, 2_000_000, rows, { partitions: 4, blockBytes: 64 }, 100);
    run(mode, 100_000, rows, { partitions: 4, blockBytes: 1000 });
  });

  it("agrees whatever is asked", () => {
    const row = fc.record({
      partition: fc.nat({ max: 6 }),
      bytes: fc.oneof(
        fc.uint8Array({ maxLength: 12 }).map((bytes) => Buffer.from(bytes)),
        fc.nat({ max: 400 }).map((length) => Buffer.alloc(length, length)),
      ),
    });
    fc.assert(
      fc.property(
        fc.array(row, { maxLength: 150 }),
        fc.record({
          radix: fc.boolean(),
          initialRecords: fc.constantFrom(2, 3, 64),
          spillRecords: fc.constantFrom(1, 5, 1000),
          spillBytes: fc.constantFrom(1, 9000, 1e9),
          blockBytes: fc.constantFrom(64, 100, 4096),
        }),
        fc.constantFrom(64, 333, 4096),
        (rows, options, storeBlockBytes) => {
          run(mode, 200_000, rows, { partitions: 7, ...options }, storeBlockBytes);
        },
      ),
      seeded(120),
    );
  });

  it("gives everything back whichever step of a spill or of reading fails", () => {
    const rows = makeRows(8, 900, 5, 90);
    let steps = 0;
    let fired = true;
    for (let failAt = 0; fired; failAt += 1 + (failAt >> 3)) {
      const host = executor(mode, 30_000);
      const inner = openMemorySpillStore({ blockBytes: 512 });
      steps = 0;
      const store = failing(inner, () => {
        if (steps++ === failAt) throw new SpillError("write", "it was told to fail");
      });
      const sorter = new ShuffleSorter(host.task(1), { store, partitions: 5, initialRecords: 16 });
      let outcome: unknown = null;
      try {
        for (const { bytes, partition } of rows) sorter.insert(bytes, 0, bytes.length, partition);
        expectRows(sorter.finish(), rows);
        sorter.close();
      } catch (error) {
        outcome = error;
      }
      fired = steps > failAt;
      expect(String(outcome)).toMatch(fired ? /it was told to fail/ : /^null$/);
      expect([sorter.used, inner.counters.liveFiles]).toEqual([0, 0]);
      if (fired) expect(() => sorter.insert(rows[0]!.bytes, 0, 0, 0)).toThrow(/closed/);
      host.endTask(1, true);
      expect(host.manager.executionHeld(1, host.mode)).toBe(0);
      expect(host.check()).toEqual([]);
    }
    expect(steps).toBeGreaterThan(30);
  });

  it("closes at any time and leaves nothing", () => {
    const rows = makeRows(9, 800, 5, 90);
    for (const read of [-1, 0, 1, 300]) {
      const host = executor(mode, 30_000);
      const store = openMemorySpillStore();
      const sorter = new ShuffleSorter(host.task(1), { store, partitions: 5, initialRecords: 16 });
      for (const { bytes, partition } of rows) sorter.insert(bytes, 0, bytes.length, partition);
      const reader = read < 0 ? null : sorter.finish();
      for (let i = 0; i < read; i += 1) reader!.next();
      expect(store.counters.liveFiles).toBeGreaterThan(0);
      sorter.close();
      sorter.close();
      expect(reader?.next() ?? false).toBe(false);
      expect(store.counters.liveFiles).toBe(0);
      expect(host.endTask(1).bytes).toBe(0);
    }
  });
});

/** A store that calls `step` before whatever would touch a disk. */
function failing(store: SpillStore, step: () => void): SpillStore {
  return {
    ...store,
    create(schema) {
      step();
      const writer = store.create(schema);
      return {
        ...writer,
        writeBlock(source, offset, length, records) {
          step();
          writer.writeBlock(source, offset, length, records);
        },
        finish() {
          step();
          const finished = writer.finish();
          return {
            ...finished,
            open() {
              step();
              const reader = finished.open();
              return {
                maxBlockBytes: reader.maxBlockBytes,
                recordsInBlock: 0,
                readBlock(target, offset) {
                  step();
                  return reader.readBlock(target, offset);
                },
                close: () => reader.close(),
              };
            },
          };
        },
      };
    },
  };
}

describe("memory of the shuffle sorter", () => {
  /** As other tasks would: takes all but 400 bytes when the array is asked for again. */
  class Robbed extends ShuffleSorter {
    /** Arrays asked for after the first one. */
    asked = 0;
    override allocateArray(words: number): Page {
      this.asked += 1;
      if (this.asked === 2) expect(this.task.manager.acquireExecution(1199, 2, ON_HEAP)).toBe(1199);
      return super.allocateArray(words);
    }
  }

  test("X1: the array cannot be had again after a spill", () => {
    const host = openExecutor({
      conf: {
        "spark.testing.memory": "1600",
        "spark.testing.reservedMemory": "0",
        "spark.memory.fraction": "0.9999",
      },
    });
    expect(host.manager.regions[ON_HEAP]).toMatchObject({ total: 1599, protectedStorage: 799 });
    const store = openMemorySpillStore();
    const sorter = new Robbed(host.task(1), { store, partitions: 4, initialRecords: 100 });
    const row = Buffer.alloc(1);
    sorter.insert(row, 0, 1, 0);
    // The first page is all that was left.
    expect(sorter.used).toBe(800 + 799);
    for (let i = 1; i < 50; i += 1) sorter.insert(row, 0, 1, i % 4);
    let thrown: unknown = null;
    try {
      sorter.insert(row, 0, 1, 0);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(TaskOutOfMemory);
    expect(thrown).toMatchObject({ requested: 800, received: 400, condition: "UNABLE_TO_ACQUIRE_MEMORY" });
    // Asked for were twice the size, then the first size again.
    expect(sorter.asked).toBe(2);
    expect([sorter.used, sorter.broken, sorter.metrics.files]).toEqual([0, true, 1]);
    // As in Spark, a spill that fails so late has not been counted as memory.
    expect(sorter.memoryBytesSpilled).toBe(0);
    // Nothing is lost: with memory at hand it goes on.
    host.manager.releaseAllExecution(2);
    sorter.insert(row, 0, 1, 3);
    const reader = sorter.finish();
    let rows = 0;
    while (reader.next()) rows += 1;
    expect(rows).toBe(51);
    sorter.close();
    expect(host.endTask(1).bytes).toBe(0);
  });

  it("spills for nobody else", () => {
    const host = executor("onHeap", 100_000);
    const sorter = new ShuffleSorter(host.task(1), { store: openMemorySpillStore(), partitions: 2 });
    sorter.insert(Buffer.alloc(10), 0, 10, 1);
    const other = new ShuffleSorter(host.task(1), { store: openMemorySpillStore(), partitions: 2, initialRecords: 64 });
    expect(sorter.spill(1, other)).toBe(0);
    expect(other.spillSelf()).toBe(0);
    const held = sorter.used;
    expect(sorter.spillSelf()).toBe(4096);
    expect(sorter.used).toBe(held - 4096);
    sorter.close();
    other.close();
    expect(host.endTask(1).bytes).toBe(0);
  });

  it.each([
    ["2.4", true],
    ["3.3.4", true],
    ["3.4.4", false],
    ["3.5", false],
    ["4.1", false],
  ])("counts the last file in %s as written whatever was before: %s", (generation, always) => {
    const host = executor("onHeap", 1_000_000, { generation });
    const sorters = [10, 1000].map(
      (spillRecords) => new ShuffleSorter(host.task(1), { store: openMemorySpillStore(), partitions: 3, spillRecords }),
    );
    const bytes = Buffer.alloc(20);
    for (const sorter of sorters) {
      for (let i = 0; i < 25; i += 1) sorter.insert(bytes, 0, 20, i % 3);
      sorter.finish();
    }
    const [spilled, whole] = sorters.map((sorter) => sorter.metrics);
    expect(spilled).toMatchObject({ files: 3, recordsWritten: 25, memoryBytesSpilled: 2 * 4096 });
    expect([spilled!.sparkDiskBytesSpilled, spilled!.sparkBytesWritten]).toEqual(always ? [400, 100] : [500, 0]);
    expect(spilled!.bytesWritten > 0).toBe(always);
    expect(whole).toMatchObject({ files: 1, recordsWritten: 25, memoryBytesSpilled: 0, diskBytesSpilled: 0 });
    expect([whole!.sparkDiskBytesSpilled, whole!.sparkBytesWritten]).toEqual([0, 500]);
    for (const sorter of sorters) sorter.close();
    host.endTask(1);
  });

  it("refuses what cannot be packed, and what comes too late", () => {
    const host = executor("offHeap", 1_000_000);
    expect(host.mode).toBe(OFF_HEAP);
    const store = openMemorySpillStore();
    const task = host.task(1);
    for (const partitions of [0, -1, 1.5, 2 ** 24 + 1, Number.NaN])
      expect(() => new ShuffleSorter(task, { store, partitions })).toThrow(Misuse);
    expect(() => new ShuffleSorter(task, { store, partitions: 1, initialRecords: 1 })).toThrow(/2 words/);
    expect(() => new ShuffleSorter(task, { store, partitions: 1, blockBytes: 8 })).toThrow(/64 bytes/);
    const sorter = new ShuffleSorter(task, { store, partitions: 3, initialRecords: 8, pageBytes: 2 ** 30 });
    expect(sorter.pageBytes).toBe(2 ** 27);
    for (const partition of [-1, 3, 0.5, Number.NaN])
      expect(() => sorter.insert(Buffer.alloc(4), 0, 4, partition)).toThrow("has partitions 0 to 2");
    sorter.finish();
    expect(() => sorter.insert(Buffer.alloc(4), 0, 4, 0)).toThrow(/finished/);
    expect(() => sorter.finish()).toThrow(/finished/);
    sorter.close();
    expect(host.endTask(1).bytes).toBe(0);
  });
});
