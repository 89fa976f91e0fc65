// Key-value rows in the sorter, and how the peak goes on after an open read was spilled: what differs by release.

import { describe, expect, it } from "vitest";
import { Consumer } from "../../src/execution/consumer.js";
import { Sorter } from "../../src/execution/sorter.js";
import type { SorterOptions } from "../../src/execution/sorter-options.js";
import { type Executor, openExecutor } from "../../src/executor.js";
import { openMemorySpillStore } from "../../src/spill/memory.js";

function executor(mode: "onHeap" | "offHeap", totalBytes: number, generation: string): Executor {
  return openExecutor({
    generation,
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

class Greedy extends Consumer {
  spill(): number {
    return 0;
  }
}

interface Pair {
  readonly prefix: number;
  readonly isNull: boolean;
  readonly key: Buffer;
  readonly value: Buffer;
}

function pairs(count: number): Pair[] {
  return Array.from({ length: count }, (_, i) => ({
    prefix: Math.imul(i, 0x9e3779b1) >> 8,
    isNull: i % 11 === 5,
    // Every fourth is aligned throughout; some are long enough for the language's own copy.
    key: Buffer.alloc(i % 4 === 0 ? 8 : 1 + (i % 90), i),
    value: Buffer.alloc(i % 4 === 0 ? 16 : i % 7, -i),
  }));
}

describe.each(["onHeap", "offHeap"] as const)("key-value rows, %s", (mode) => {
  it.each([
    ["one source", true],
    ["a source each", false],
  ])("come back as length of key, key, value: %s", (_, together) => {
    for (const totalBytes of [4_000_000, 60_000]) {
      const host = executor(mode, totalBytes, "4.1");
      const store = openMemorySpillStore();
      const sorter = new Sorter(host.task(1), { store, initialRecords: 64 });
      const rows = pairs(1_200);
      const both = new Uint8Array(4096);
      for (const { key, value, prefix, isNull } of rows) {
        if (together) {
          const from = key.length % 4 === 0 ? 4 : 1;
          both.set(key, from);
          both.set(value, from + key.length);
          const at = from + key.length;
          sorter.insertKeyValue(both, from, key.length, both, at, value.length, prefix >> 31, prefix, isNull);
        } else sorter.insertKeyValue(key, 0, key.length, value, 0, value.length, prefix >> 31, prefix, isNull);
      }
      const want = [
        ...rows.filter((row) => row.isNull),
        ...rows.filter((row) => !row.isNull).sort((a, b) => a.prefix - b.prefix),
      ];
      const reader = sorter.sorted();
      for (const { key, value, isNull } of want) {
        expect(reader.next()).toBe(true);
        const got = Buffer.from(reader.u8.subarray(reader.offset, reader.offset + reader.length));
        const keyLength = Buffer.alloc(4);
        keyLength.writeInt32LE(key.length);
        expect(reader.isNull).toBe(isNull);
        expect(got).toEqual(Buffer.concat([keyLength, key, value]));
      }
      expect(reader.next()).toBe(false);
      expect(sorter.metrics.spills > 0).toBe(totalBytes < 1_000_000);
      sorter.close();
      expect(host.endTask(1).bytes).toBe(0);
    }
  });

  it("pass both thresholds, and the next plain row does not", () => {
    const limits: [Partial<SorterOptions>, number][] = [
      [{ spillRecords: 10 }, 10],
      [{ spillBytes: 5_000 }, 10],
    ];
    for (const [limit] of limits) {
      const host = executor(mode, 4_000_000, "4.1");
      const sorter = new Sorter(host.task(1), { store: openMemorySpillStore(), initialRecords: 16, ...limit });
      const bytes = new Uint8Array(200);
      for (let i = 0; i < 100; i += 1) sorter.insertKeyValue(bytes, 0, 100, bytes, 100, 88, 0, i);
      expect([sorter.metrics.spills, sorter.records]).toEqual([0, 100]);
      // K + V + 8 bytes a row: 20 rows to a page of 4096, and an array that has doubled from 16 to 128 records.
      expect(sorter.memoryBytes).toBe(5 * 4096 + 2 * 16 * 16 * 8);
      sorter.insert(bytes, 0, 8, 0, 0);
      expect([sorter.metrics.spills, sorter.records]).toEqual([1, 1]);
      sorter.close();
      host.endTask(1);
    }
  });

  it("cost what plain rows of the same length cost", () => {
    const host = executor(mode, 4_000_000, "3.5");
    const store = openMemorySpillStore();
    const [paired, plain] = [1, 2].map(() => new Sorter(host.task(1), { store, initialRecords: 16 })) as [
      Sorter,
      Sorter,
    ];
    const bytes = new Uint8Array(300);
    for (let i = 0; i < 500; i += 1) {
      paired.insertKeyValue(bytes, 0, i % 100, bytes, 100, i % 64, 0, i);
      plain.insert(bytes, 0, 4 + (i % 100) + (i % 64), 0, i);
      expect(paired.memoryBytes).toBe(plain.memoryBytes);
    }
    paired.close();
    plain.close();
    host.endTask(1);
  });
});

describe("an open read that was spilled", () => {
  function reading(generation: string, rows: number) {
    const host = executor("onHeap", 100_000, generation);
    const task = host.task(1);
    const sorter = new Sorter(task, { store: openMemorySpillStore(), initialRecords: 16 });
    const bytes = new Uint8Array(200);
    for (let i = 0; i < rows; i += 1) sorter.insert(bytes, 0, 196, 0, i);
    const greedy = new Greedy(task, { name: "greedy" });
    const take = (): number => greedy.acquireMemory(100_000);
    const end = (): void => {
      sorter.close();
      greedy.freeMemory(greedy.used);
      expect(host.endTask(1).bytes).toBe(0);
    };
    return { sorter, reader: sorter.sorted(), take, end };
  }

  it.each([
    ["2.4", 16 * 16],
    ["3.5", 4096],
    ["4.0.1", 4096],
    ["4.1", 5 * 4096],
  ])("takes the peak in %s from %i bytes", (generation, peak) => {
    const { sorter, reader, take, end } = reading(generation, 100);
    reader.next();
    // Nothing has sampled the peak since the sorter was made with its first array.
    take();
    expect(sorter.used).toBe(4096);
    expect(sorter.metrics.peakExecutionBytes).toBe(peak);
    reader.next();
    expect(sorter.used).toBe(0);
    end();
    expect(sorter.metrics.peakExecutionBytes).toBe(peak);
  });

  it.each([
    ["2.4", false],
    ["3.5", true],
    ["4.1", true],
  ])("of which nothing is left gives its memory back in %s: %s", (generation, gives) => {
    for (const rows of [0, 100]) {
      const { sorter, reader, take, end } = reading(generation, rows);
      for (let i = 0; i < rows; i += 1) reader.next();
      const before = sorter.used;
      take();
      // The page of the last row stays.
      expect(sorter.used).toBe(gives ? (rows === 0 ? 0 : 4096) : before);
      expect(sorter.metrics).toMatchObject({ spills: 0, memoryBytesSpilled: before - sorter.used });
      expect(reader.next()).toBe(false);
      end();
    }
  });
});
