// A block store under every policy keeps the laws of the store: all or nothing, locks, the same-RDD rule, accounts; and the
// policy knows just the blocks that are there.

import { describe, expect, test } from "vitest";
import { EVICTION_NAMES, type EvictionName, evictionPolicy } from "../../src/eviction/names.js";
import { openExecutor } from "../../src/executor.js";
import { type Mode, OFF_HEAP, ON_HEAP } from "../../src/memory/mode.js";
import { BlockManager } from "../../src/storage/block-manager.js";
import { type BlockId, blockName, canonical, NO_RDD, rddBlock, rddOf } from "../../src/storage/block.js";
import { MemoryDisk } from "../../src/storage/disk.js";
import { LEVELS } from "../../src/storage/level.js";
import type { EvictionChoice } from "../../src/storage/victims.js";
import { numbers } from "../help/seed.js";
import { arrays } from "../storage/world.js";

const CONF = {
  "spark.testing.memory": "100000",
  "spark.testing.reservedMemory": "0",
  "spark.memory.offHeap.enabled": "true",
  "spark.memory.offHeap.size": "60000",
};

const choice = (name: EvictionName): EvictionChoice => ({ policy: () => evictionPolicy(name) });
const open = (eviction: EvictionChoice | null, disk = new MemoryDisk()) =>
  openExecutor({ conf: CONF, pages: "accounts", disk, eviction });

describe.each(EVICTION_NAMES)("%s", (name) => {
  test("a store keeps every law while blocks come and go and execution borrows", () => {
    const random = numbers(7);
    const below = (n: number): number => Math.floor(random() * n);
    const executor = open(choice(name));
    const { store, manager } = executor;
    const pinned: BlockId[] = [];
    let wanting: BlockId | null = null;
    store.onEvict = (block) => {
      const id = canonical(block);
      expect(pinned, "a pinned block stays").not.toContain(id);
      if (wanting !== null && rddOf(wanting) !== NO_RDD) expect(rddOf(id)).not.toBe(rddOf(wanting));
    };
    let held = 0;
    for (let step = 0; step < 1500; step += 1) {
      const id = canonical(random() < 0.8 ? rddBlock(below(6), below(12)) : `broadcast_${below(8)}`);
      const mode: Mode = random() < 0.7 ? ON_HEAP : OFF_HEAP;
      const act = random();
      if (act < 0.6) {
        if (store.getSize(id) === null) {
          const evictions = store.evictions;
          wanting = id;
          const put = store.putAccount(id, 1 + below(random() < 0.05 ? 70_000 : 9000), mode);
          wanting = null;
          if (!put) expect(store.evictions, "nothing leaves in vain").toBe(evictions);
        }
      } else if (act < 0.68) {
        if (store.has(id)) {
          store.pin(id);
          pinned.push(id);
        }
      } else if (act < 0.8) {
        const at = below(pinned.length);
        if (pinned.length > 0) store.unpin(pinned.splice(at, 1)[0]!);
      } else if (act < 0.84) {
        if (!pinned.includes(id)) store.remove(id);
      } else if (act < 0.92) {
        if (held === 0) held = Math.max(0, manager.acquireExecution(1 + below(40_000), 1, ON_HEAP));
      } else if (held > 0) {
        manager.releaseExecution(held, 1, ON_HEAP);
        held = 0;
      }
      if (step % 50 === 0) expect(executor.check([0, 0], false)).toEqual([]);
    }
    expect(store.evictions).toBeGreaterThan(20);
    expect(executor.check([0, 0], false)).toEqual([]);
    store.clear();
    expect(executor.check([0, 0], false)).toEqual([]);
    expect(store.size).toBe(0);
  });

  test("a block manager on top of it writes out what must be kept", () => {
    const executor = open(choice(name));
    const disk = new MemoryDisk();
    const blocks = new BlockManager({ store: executor.store, disk, codec: arrays });
    const random = numbers(3);
    for (let n = 0; n < 60; n += 1) {
      const level = LEVELS[n % 2 === 0 ? "MEMORY_AND_DISK_SER" : "MEMORY_ONLY_SER"];
      blocks.putBytes(`broadcast_${n}`, new Uint8Array(500 + Math.floor(random() * 9000)).fill(n), level);
      for (let old = 0; old <= n; old += 2)
        expect(executor.store.has(`broadcast_${old}`) || disk.has(`broadcast_${old}`)).toBe(true);
    }
    expect(executor.store.evictions).toBeGreaterThan(0);
    expect(executor.check([0, 0], false)).toEqual([]);
  });
});

test("LRU by policy evicts what the store evicts by itself", () => {
  const histories = [null, choice("lru")].map((eviction) => {
    const { store, manager } = open(eviction);
    const log: string[] = [];
    store.onEvict = (block) => void log.push(block);
    const random = numbers(11);
    for (let step = 0; step < 3000; step += 1) {
      const id = rddBlock(Math.floor(random() * 5), Math.floor(random() * 20));
      const bytes = 1 + Math.floor(random() * 6000);
      if (store.getSize(id) === null) store.putAccount(id, bytes);
      if (step % 40 === 0) manager.releaseExecution(manager.acquireExecution(20_000, 1, ON_HEAP), 1, ON_HEAP);
    }
    return log;
  });
  expect(histories[0]!.length).toBeGreaterThan(100);
  expect(histories[1]).toEqual(histories[0]);
});

test("a policy may be told of blocks, and decides by that", () => {
  const refs = (block: BlockId): number => (blockName(canonical(block)) === "rdd_0_0" ? 9 : 1);
  const { store } = open({ policy: () => evictionPolicy("lrc"), hint: refs });
  for (const rdd of [0, 1, 2, 3]) store.putAccount(rddBlock(rdd, 0), 25_000);
  expect(store.has("rdd_0_0")).toBe(true);
  expect(store.has("rdd_1_0")).toBe(false);
});

test("blocks beyond number are told apart by few numbers, once the policy has forgotten them", () => {
  const reserved: number[] = [];
  const policy = () => {
    const made = evictionPolicy("2q");
    const reserve = made.reserve.bind(made);
    made.reserve = (objects) => {
      reserved.push(objects);
      reserve(objects);
    };
    return made;
  };
  const { store } = open({ policy });
  for (let n = 0; n < 20_000; n += 1) store.putAccount(rddBlock(n, 0), 1000);
  expect(Math.max(...reserved)).toBeLessThan(1000);
});

test("a disk that fails leaves the block where it was, and the policy knows", () => {
  const disk = new MemoryDisk();
  const executor = openExecutor({ conf: CONF, disk, eviction: choice("s3-fifo") });
  const { store } = executor;
  store.put("a", new Uint8Array(30_000), ON_HEAP, "disk");
  store.put("b", new Uint8Array(25_000), ON_HEAP, "disk");
  disk.write = () => {
    throw new Error("no space left");
  };
  expect(() => store.put("c", new Uint8Array(40_000))).toThrow("no space left");
  expect([store.has("a"), store.has("b"), store.has("c")]).toEqual([true, true, false]);
  expect(executor.check()).toEqual([]);
});
