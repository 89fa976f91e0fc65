// Collections of objects that account by estimates: the rules of section 9.6 step by step, by kind and by release.

import { describe, expect, it } from "vitest";
import { type CollectionOptions, ObjectCollection } from "../../src/execution/collection.js";
import { Consumer } from "../../src/execution/consumer.js";
import { type Executor, openExecutor } from "../../src/executor.js";
import { WouldWait } from "../../src/memory/wait.js";
import { OFF_HEAP, ON_HEAP } from "../../src/memory/mode.js";

const TOTAL = 10_000;

function executor(generation: string = "4.1", conf: Record<string, string> = {}): Executor {
  return openExecutor({
    generation,
    pages: "accounts",
    conf: {
      "spark.testing.memory": String(TOTAL),
      "spark.testing.reservedMemory": "0",
      "spark.memory.fraction": "1.0",
      "spark.memory.storageFraction": "0",
      ...conf,
    },
  });
}

/** A collection of elements of 10 bytes. */
function filling(host: Executor, options: Partial<CollectionOptions> = {}) {
  let estimate = 0;
  const log: string[] = [];
  const collection: ObjectCollection = new ObjectCollection(host.task(1), {
    kind: "sorter",
    initialBytes: 100,
    estimate: () => estimate,
    spill() {
      log.push(`spill ${estimate} used ${collection.used}`);
      estimate = 0;
    },
    ...options,
  });
  const sorter = options.kind !== "map";
  const insert = (count: number): number => {
    let spilled = 0;
    for (let i = 0; i < count; i += 1) {
      if (!sorter && collection.count()) spilled += 1;
      estimate += 10;
      if (sorter && collection.count()) spilled += 1;
    }
    return spilled;
  };
  return { collection, insert, log };
}

/** Takes memory and gives nothing back. */
class Greedy extends Consumer {
  spill(): number {
    return 0;
  }
}

describe("object collections", () => {
  it("look every 32 elements, and ask for twice what they take", () => {
    const { collection, insert } = filling(executor());
    insert(31);
    expect(collection.used).toBe(0);
    insert(1);
    // 2 * 320 - 100 on top of the first 100.
    expect(collection.used).toBe(540);
    insert(32);
    // 640 is what it may take: the threshold counts as reached.
    expect(collection.used).toBe(2 * 640 - 100);
    insert(63);
    expect(collection.used).toBe(1180);
    insert(1);
    expect([collection.used, collection.spills, collection.peakBytes]).toEqual([2 * 1280 - 100, 0, 1280]);
  });

  it("of kind map look before they count: at 0, 32, ...", () => {
    const { collection, insert } = filling(executor(), { kind: "map" });
    insert(32);
    expect([collection.used, collection.elements]).toEqual([0, 32]);
    insert(1);
    expect(collection.used).toBe(540);
    expect(collection.peakBytes).toBe(320);
  });

  it("spill when memory does not do, and start again with what is free", () => {
    const host = executor();
    const { collection, insert, log } = filling(host);
    const greedy = new Greedy(host.task(1), { name: "greedy", mode: ON_HEAP });
    greedy.acquireMemory(TOTAL - 200);
    expect(insert(32)).toBe(1);
    // All there was came: 100 for free and 200, which 320 exceed.
    expect(log).toEqual(["spill 320 used 200"]);
    expect([collection.used, collection.memoryBytesSpilled, collection.elements]).toEqual([0, 320, 0]);
    greedy.freeMemory(greedy.used);
    expect(insert(31)).toBe(0);
    expect(insert(1)).toBe(0);
    expect(collection.used).toBe(540);
    collection.releaseMemory();
    expect([collection.used, host.manager.executionUsed]).toEqual([0, 0]);
    expect(host.endTask(1).bytes).toBe(0);
  });

  it("keep what a grant covers exactly one byte short of", () => {
    const host = executor();
    const { insert, collection } = filling(host);
    const greedy = new Greedy(host.task(1), { name: "greedy", mode: ON_HEAP });
    // 100 + 221 > 320 >= 100 + 220.
    greedy.acquireMemory(TOTAL - 221);
    expect(insert(32)).toBe(0);
    expect(collection.used).toBe(221);
    collection.releaseMemory();
    greedy.acquireMemory(1);
    expect(insert(32)).toBe(1);
  });

  it.each([
    ["2.4", 540],
    ["3.5", 540],
    ["4.1", 0],
  ])("that have too many elements spill; %s has asked for memory first", (generation, used) => {
    const { insert, log, collection } = filling(executor(generation), { spillRecords: 31 });
    expect(insert(31)).toBe(0);
    expect(insert(1)).toBe(1);
    expect(log).toEqual([`spill 320 used ${used}`]);
    expect(collection.used).toBe(0);
    const map = filling(executor(generation), { kind: "map", spillRecords: 31 });
    // Not more than 31 have been counted at the 32nd.
    expect(map.insert(32)).toBe(0);
    expect(map.insert(1)).toBe(1);
    expect(map.collection.elements).toBe(1);
  });

  it.each([
    ["3.5", 0],
    ["4.1", 1],
  ])("that take too much spill from 4.1 on; in %s: %i", (generation, spills) => {
    const { insert, log } = filling(executor(generation), { spillBytes: 49 });
    expect(insert(4)).toBe(0);
    expect(insert(1)).toBe(spills);
    expect(log).toEqual(spills === 0 ? [] : ["spill 50 used 0"]);
  });

  it("give others what they acquired, and keep counting", () => {
    const host = executor();
    let given = 0;
    const { collection, insert, log } = filling(host, { kind: "map", spillForOthers: () => (given += 1) < 2 });
    insert(40);
    expect(collection.used).toBe(540);
    const greedy = new Greedy(host.task(1), { name: "greedy", mode: ON_HEAP });
    expect(greedy.acquireMemory(TOTAL)).toBe(TOTAL);
    expect([collection.used, collection.memoryBytesSpilled, collection.spills]).toEqual([0, 540, 0]);
    // Unlike its own spills this does not start the elements anew: Spark does not either.
    expect([collection.elements, log]).toEqual([40, []]);
    greedy.freeMemory(TOTAL);
    insert(25);
    expect(collection.used).toBe(2 * 640 - 100);
    expect(greedy.acquireMemory(TOTAL)).toBe(TOTAL - 1180);
    expect([given, collection.used]).toEqual([2, 1180]);
  });

  it("give others nothing where nobody can spill, for themselves, and beside off-heap pages", () => {
    const host = executor();
    const { collection, insert } = filling(host);
    insert(32);
    const greedy = new Greedy(host.task(1), { name: "greedy", mode: ON_HEAP });
    expect(greedy.acquireMemory(TOTAL)).toBe(TOTAL - 540);
    expect(collection.spillSelf()).toBe(0);

    const offHeap = executor("4.1", { "spark.memory.offHeap.enabled": "true", "spark.memory.offHeap.size": "1000" });
    expect(offHeap.mode).toBe(OFF_HEAP);
    const beside = filling(offHeap, { spillForOthers: () => expect.fail("was asked to spill") });
    beside.insert(32);
    expect([beside.collection.mode, beside.collection.used]).toEqual([ON_HEAP, 540]);
    expect(new Greedy(offHeap.task(1), { name: "greedy", mode: ON_HEAP }).acquireMemory(TOTAL)).toBe(TOTAL - 540);
  });

  it("can be told again what would have had to wait", () => {
    for (const kind of ["sorter", "map"] as const) {
      const host = executor();
      const { collection, insert } = filling(host, { kind });
      insert(kind === "sorter" ? 31 : 32);
      const other = new Greedy(host.task(2), { name: "other", mode: ON_HEAP });
      other.acquireMemory(TOTAL);
      expect(() => insert(1)).toThrow(WouldWait);
      expect(collection.elements).toBe(kind === "sorter" ? 31 : 32);
      other.freeMemory(TOTAL);
      expect(collection.count()).toBe(false);
      expect(collection.elements).toBe(kind === "sorter" ? 32 : 33);
      expect(collection.used).toBeGreaterThan(0);
    }
  });
});
