// The scenarios of the law that speak of the hash map (section 13.8: H1 to H6), by their names.

import { describe, expect, it } from "vitest";
import { Consumer } from "../../src/execution/consumer.js";
import { HashMap } from "../../src/execution/hash-map.js";
import { MAX_PAGE_BYTES, TaskOutOfMemory } from "../../src/execution/refusal.js";
import { Refusal } from "../../src/fault.js";
import { openMemorySpillStore } from "../../src/spill/memory.js";
import { executor, MEMORIES, taskOf } from "../help/maps.js";

class Greedy extends Consumer {
  spill(): number {
    return 0;
  }
}

const key = new Uint8Array(8);
const words = new Int32Array(key.buffer);
const value = new Uint8Array(1 << 20);

/** Appends a key by its number. */
function append(map: HashMap, n: number, valueBytes = 8): boolean {
  words[0] = n;
  return map.append(key, 0, 8, value, 0, valueBytes);
}

describe.each(MEMORIES)("%s", (kind) => {
  const open = (totalBytes: number, pageBytes: number) => {
    const host = executor(kind, totalBytes, pageBytes);
    return { host, task: taskOf(host, kind) };
  };

  it("H1: a limit of 1024 bytes builds a map of capacity 1 and refuses its first append", () => {
    const { task } = open(1024, 1024);
    const map = new HashMap(task, { capacity: 1 });
    expect([map.capacity, map.memoryBytes]).toEqual([64, 1024]);
    expect(append(map, 1)).toBe(false);
    expect([map.keys, map.values, map.memoryBytes]).toEqual([0, 0, 1024]);
    map.free();
    expect(task.end().bytes).toBe(0);
  });

  it("H2: with no memory after the first record some later append is refused, and earlier ones succeeded", () => {
    const { task } = open(1_000_000, 4096);
    const map = new HashMap(task, { capacity: 1 });
    expect(append(map, 0)).toBe(true);
    const greedy = new Greedy(task, { name: "greedy" });
    greedy.acquireMemory(1_000_000);
    let appended = 1;
    while (append(map, appended)) appended += 1;
    // The array cannot double at 32 keys, which refuses them before the page is full.
    expect([appended, map.canGrow, map.pageCount]).toEqual([32, false, 1]);
    for (let n = 0; n < appended; n += 1) {
      words[0] = n;
      expect(map.lookup(key, 0, 8)).not.toBe(null);
    }
    greedy.freeMemory(greedy.used);
    expect(append(map, appended)).toBe(false);
    map.reset();
    for (let n = 0; n < 40; n += 1) expect(append(map, n)).toBe(true);
    expect(map.capacity).toBe(128);
    map.free();
    expect(task.end().bytes).toBe(0);
  });

  it("H3: an iteration spills nothing, a destructive one at least what was asked, and both come to their end", () => {
    const { task } = open(1_000_000, 1024);
    const map = new HashMap(task, { capacity: 1, store: openMemorySpillStore() });
    const greedy = new Greedy(task, { name: "greedy" });
    for (let n = 0; n < 600; n += 1) append(map, n);
    const kept = map.records();
    for (let n = 0; n < 10; n += 1) expect(kept.next()).toBe(true);
    expect(map.spill(2048, greedy)).toBe(0);
    let rest = 10;
    while (kept.next()) rest += 1;
    expect(rest).toBe(600);

    const pages = map.pageCount;
    expect(pages).toBeGreaterThan(2);
    const records = map.drain();
    expect(map.capacity).toBe(0);
    for (let n = 0; n < 10; n += 1) expect(records.next()).toBe(true);
    expect(map.spill(2048, greedy)).toBe(2048);
    expect(map.pageCount).toBe(pages - 2);
    let read = 10;
    while (records.next()) read += 1;
    expect(read).toBe(600);
    map.free();
    expect(task.end().bytes).toBe(0);
  });

  it("H3: one page that is left is not spilled, nor the one being read", () => {
    const { task } = open(1_000_000, 1024);
    const greedy = new Greedy(task, { name: "greedy" });
    for (const keys of [20, 50]) {
      const map = new HashMap(task, { capacity: 64, store: openMemorySpillStore() });
      for (let n = 0; n < keys; n += 1) append(map, n);
      const records = map.drain();
      records.next();
      expect(map.spill(2 ** 40, greedy)).toBe(keys === 20 ? 0 : 1024);
      let read = 1;
      while (records.next()) read += 1;
      expect(read).toBe(keys);
      map.free();
    }
    expect(task.end().bytes).toBe(0);
  });

  it("H4: pages of 264 bytes and records of 32: the total grows by 264 every 8 records, and freeing leaves the peak", () => {
    const { task } = open(1_000_000, 264);
    const map = new HashMap(task, { capacity: 4096 });
    const array = map.memoryBytes;
    expect(array).toBe(4096 * 16);
    for (let n = 0; n < 1000; n += 1) {
      append(map, n);
      const total = array + 264 * (1 + Math.floor(n / 8));
      expect([n, map.memoryBytes, map.peakExecutionBytes]).toEqual([n, total, total]);
    }
    const peak = map.peakExecutionBytes;
    map.free();
    expect([map.memoryBytes, map.peakExecutionBytes]).toEqual([0, peak]);
    expect(task.end().bytes).toBe(0);
  });

  it("H5: capacities and pages out of range are refused, and leave nothing", () => {
    const { task } = open(1_000_000, 4096);
    for (const capacity of [0, 2 ** 29 + 1, -1, 1.5, Number.NaN])
      expect(() => new HashMap(task, { capacity })).toThrow(Refusal);
    expect(() => new HashMap(task, { capacity: 1, pageBytes: MAX_PAGE_BYTES + 1 })).toThrow(/pages have at most/);
    for (const loadFactor of [0, 1, Number.NaN])
      expect(() => new HashMap(task, { capacity: 1, loadFactor })).toThrow(Refusal);
    expect(task.used).toBe(0);
  });

  it("H6: a reset that gets no array is out of memory, and the map can be freed afterwards, or reset again", () => {
    const { host, task } = open(5000, 1024);
    const map = new HashMap(task, { capacity: 256, pageBytes: 512 });
    const greedy = new Greedy(task, { name: "greedy" });
    expect(append(map, 1)).toBe(true);
    // Somebody takes what the reset gives back, before it asks again.
    const release = task.freePage.bind(task);
    task.freePage = (page, consumer) => {
      release(page, consumer);
      greedy.acquireMemory(5000);
    };
    expect(() => map.reset()).toThrow(TaskOutOfMemory);
    task.freePage = release;
    expect(() => append(map, 1)).toThrow(/freed/);
    map.free();
    greedy.freeMemory(greedy.used);
    map.reset();
    expect(append(map, 1)).toBe(true);
    map.free();
    expect(task.end().bytes).toBe(0);
    expect(host.check()).toEqual([]);
  });
});
