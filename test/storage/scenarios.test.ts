// Scenarios M2 to M6, M8, M9 and B1 to B9 of section 13 of the law, with values and with the block manager. What the store
// alone decides of them stands with the other scenarios.

import { describe, expect, test } from "vitest";
import { MemoryManager } from "../../src/memory/manager.js";
import { type Mode, OFF_HEAP, ON_HEAP } from "../../src/memory/mode.js";
import { unified } from "../../src/policy/unified.js";
import { blockName, canonical, rddBlock } from "../../src/storage/block.js";
import { LEVELS, levelOf, type StorageLevel } from "../../src/storage/level.js";
import { BlockLocks, NO_TASK } from "../../src/storage/locks.js";
import { BlockStore } from "../../src/storage/store.js";
import { putRecords, putValues } from "../../src/storage/unroll.js";
import { UnrolledBytes, type UnrolledValues } from "../../src/storage/unrolled.js";
import { NO_REGION, region } from "../memory/doubles.js";
import { arrays, encoded, filled, remembering, world, type World } from "./world.js";

const SMALL = filled(40, 100);
const BIG = filled(40, 1000);

/** What is left of a put that fails; the test fails with one that does not. */
function remaining<T>(handle: T | null): T {
  expect(handle).not.toBeNull();
  return handle!;
}

describe("13.6 block store, with values", () => {
  test("M2: forty arrays, and the oldest block makes room", () => {
    const { blocks, store, kept, unroll, check } = world();
    expect(blocks.putIterator("unroll", SMALL, LEVELS.MEMORY_ONLY)).toBe(true);
    expect([store.getSize("unroll"), unroll()]).toEqual([4976, 0]);
    expect(blocks.remove("unroll")).toBe(true);
    for (const block of ["someBlock1", "someBlock2", "unroll"])
      expect(blocks.putIterator(block, SMALL, LEVELS.MEMORY_ONLY)).toBe(true);
    expect([kept(), unroll()]).toEqual([["someBlock2", "unroll"], 0]);
    expect(check()).toEqual([]);
  });

  test("M3: what does not fit comes back whole", () => {
    const { blocks, kept, unroll, check } = world();
    for (const block of ["someBlock2", "someBlock3"]) blocks.putIterator(block, SMALL, LEVELS.MEMORY_ONLY);
    const handle = remaining(blocks.getOrPut("unroll", LEVELS.MEMORY_ONLY, () => BIG).left);
    expect(kept()).toEqual(["someBlock3"]);
    expect(unroll()).toBeGreaterThan(0);
    expect([...handle]).toEqual(BIG);
    expect([unroll(), blocks.status("unroll")]).toEqual([0, null]);
    expect(check()).toEqual([]);
  });

  const asValues =
    (mode: Mode, bytesOf: (record: Uint8Array) => number) => (w: World, block: string, records: Uint8Array[]) =>
      putInto(w, block, mode, 1, () => putValues(w.store, block, records, mode, { sizeOf: bytesOf }));
  const asBytes = (w: World, block: string, records: Uint8Array[]) =>
    putInto(w, block, ON_HEAP, 0, () => putRecords(w.store, block, records, arrays, ON_HEAP));

  test.each<[string, number, Mode, ReturnType<typeof asValues> | typeof asBytes]>([
    ["values on-heap", 12000, ON_HEAP, asValues(ON_HEAP, (record) => 16 + 8 * Math.ceil(record.length / 8))],
    [
      "values off-heap of exact size",
      12000,
      OFF_HEAP,
      asValues(OFF_HEAP, (record) => (record.length === 100 ? 110 : 1500)),
    ],
    // 8400 bytes in the law, where the serializer buffers; this one does not, so that more is reserved on the way.
    ["bytes", 9500, ON_HEAP, asBytes],
  ])("M4: small ones push out the oldest, a big one fails: %s", (_what, memory, mode, put) => {
    const w = world({ memory });
    for (const block of ["b1", "b2", "b3"]) expect(put(w, block, SMALL)).toBeNull();
    expect(w.kept(mode)).toEqual(["b2", "b3"]);
    const handle = remaining(put(w, "b4", BIG));
    expect(w.kept(mode)).toEqual(["b3"]);
    expect(w.unroll()).toBeGreaterThan(0);
    if (handle instanceof UnrolledBytes) handle.discard();
    else handle.close();
    expect(w.unroll()).toBe(0);
    expect(w.check()).toEqual([]);
  });

  test.each(["as an iterator", "to a stream"])("M5: a failed put of bytes reproduces its values %s", (how) => {
    const { store, unroll, check } = world();
    const handle = remaining(putRecords(store, "b1", BIG, arrays, ON_HEAP));
    expect(unroll()).toBeGreaterThan(0);
    const to = remembering();
    if (how === "to a stream") expect(handle.finish(to)).toBe(40 * 1004);
    expect(how === "to a stream" ? [...arrays.read(to.bytes())] : [...handle.values()]).toEqual(BIG);
    expect([unroll(), store.has("b1")]).toEqual([0, false]);
    expect(check()).toEqual([]);
  });

  test("M6: blocks that the lock manager does not know cannot be evicted", () => {
    const { store, kept, unroll } = world();
    const put = (block: string, records: Uint8Array[]) => putValues(store, block, records, ON_HEAP);
    expect([put("b1", SMALL), put("b2", SMALL)]).toEqual([null, null]);
    remaining(put("b3", SMALL));
    const afterThird = unroll();
    expect(afterThird).toBeGreaterThan(0);
    remaining(put("b4", SMALL));
    const afterFourth = unroll();
    expect(afterFourth).toBeGreaterThan(afterThird);
    for (const block of ["b5", "b6", "b7"]) remaining(put(block, SMALL));
    expect([unroll(), kept()]).toEqual([afterFourth, ["b1", "b2"]]);
    store.endTask(NO_TASK);
    expect(unroll()).toBe(0);
  });

  test.each([0, 3, 10])("M8: a handler that throws after %d drops leaves no write lock", (drops) => {
    for (const to of ["gone", "disk"] as const) {
      const manager = new MemoryManager({ policy: unified, onHeap: region(100), offHeap: NO_REGION });
      const store = new BlockStore({ manager });
      const locks = new BlockLocks();
      let left = drops;
      store.setOwner({
        lockForEviction: (id) => locks.writeForEviction(id),
        leaving() {
          if (left === 0) throw new Error("the handler");
          left -= 1;
          return to;
        },
        unlock(id, fate) {
          if (fate === "gone") locks.forget(id);
          else locks.unlockWriter(id);
        },
        unlockAll: () => [],
      });
      const put = (rdd: number, part: number, bytes: number): boolean => {
        const id = rddBlock(rdd, part);
        locks.add(id, LEVELS.MEMORY_AND_DISK_SER, NO_TASK);
        let stored = false;
        try {
          stored = store.putAccount(id, bytes);
        } finally {
          if (stored) locks.unlockWriter(id);
          else locks.forget(id);
        }
        return stored;
      };
      for (let i = 0; i < 10; i += 1) expect(put(1, i, 10)).toBe(true);
      if (drops < 10) expect(() => put(2, 0, 100)).toThrow("the handler");
      else expect(put(2, 0, 100)).toBe(true);
      const known: string[] = [];
      locks.forEach((id) => known.push(blockName(id)));
      const put10 = drops === 10 ? 1 : 0;
      expect([known.length, store.size]).toEqual([(to === "disk" ? 10 : 10 - drops) + put10, 10 - drops + put10]);
      for (const block of known) expect(locks.write(canonical(block), NO_TASK)).not.toBeNull();
    }
  });

  test.each(["remove", "clear", "eviction"])("M9: what can be closed is closed on %s", (how) => {
    const w = world();
    const closed: number[] = [];
    const values = [1, 2].map((i) => ({ estimatedBytes: 4000, close: () => closed.push(i) }));
    const records = [...values, { estimatedBytes: 8 }];
    expect(putInto(w, "b1", ON_HEAP, 1, () => putValues(w.store, "b1", records, ON_HEAP))).toBeNull();
    expect(closed).toEqual([]);
    if (how === "remove") w.store.remove("b1");
    else if (how === "clear") w.store.clear();
    else w.store.put("b2", new Uint8Array(11000));
    expect([closed, w.store.closeFailures]).toEqual([[1, 2], 0]);
  });
});

/** Puts below the block manager a block that is known, as it is known while it is put. */
function putInto<T>(
  { blocks }: World,
  block: string,
  mode: Mode,
  deserialized: 0 | 1,
  put: () => UnrolledValues<T> | UnrolledBytes<T> | null,
): UnrolledValues<T> | UnrolledBytes<T> | null {
  blocks.locks.add(block, levelOf(4 + deserialized + (mode === OFF_HEAP ? 2 : 0)), NO_TASK);
  const handle = put();
  if (handle === null) blocks.locks.unlockWriter(block);
  else blocks.locks.forget(block);
  return handle;
}

const ONE = filled(1, 4000);
const put = (w: World, level: StorageLevel, ...blocks: string[]): boolean[] =>
  blocks.map((block) => w.blocks.putIterator(block, ONE, level));
/** Reads to the end: where it was found, or null. */
const read = ({ blocks }: World, block: string): string | null => {
  const found = blocks.getValues(block);
  if (found !== null) expect([...found]).toEqual(ONE);
  return found?.from ?? null;
};
const readBytes = ({ blocks }: World, block: string): number | null => {
  const found = blocks.getBytes(block);
  found?.release();
  return found?.bytes.length ?? null;
};
const where = ({ blocks }: World, block: string): string => {
  const status = blocks.status(block);
  return status === null
    ? "nowhere"
    : `${status.memoryBytes > 0 ? "memory " : ""}${status.diskBytes > 0 ? "disk" : ""}`.trim();
};

const MEMORY_LEVELS: [string, StorageLevel][] = [
  ["MEMORY_ONLY", LEVELS.MEMORY_ONLY],
  ["MEMORY_ONLY_SER", LEVELS.MEMORY_ONLY_SER],
  ["off-heap memory only", levelOf(6)],
];

describe("13.7 block manager", () => {
  test.each(MEMORY_LEVELS)("B1: the block whose use is longest ago goes: %s", (_name, level) => {
    const w = world();
    expect(put(w, level, "a1", "a2", "a3")).toEqual([true, true, true]);
    expect(["a1", "a2", "a3"].map((block) => where(w, block))).toEqual(["nowhere", "memory", "memory"]);
    expect(["a2", "a3", "a1", "a2"].map((block) => read(w, block))).toEqual(["memory", "memory", null, "memory"]);
    expect(put(w, level, "a1")).toEqual([true]);
    expect(w.kept(level.offHeap ? OFF_HEAP : ON_HEAP)).toEqual(["a2", "a1"]);
    expect(w.check()).toEqual([]);
  });

  test("B1: values of 4040 bytes", () => {
    const w = world();
    put(w, LEVELS.MEMORY_ONLY, "a1");
    expect(w.blocks.status("a1")).toEqual({ level: LEVELS.MEMORY_ONLY, memoryBytes: 4040, diskBytes: 0 });
  });

  test("B2: an RDD does not push itself out", () => {
    const w = world();
    expect(put(w, LEVELS.MEMORY_ONLY, "rdd_0_1", "rdd_0_2", "rdd_0_3")).toEqual([true, true, false]);
    expect(w.kept()).toEqual(["rdd_0_1", "rdd_0_2"]);
    expect(w.blocks.status("rdd_0_3")).toBeNull();
    expect(w.unroll()).toBe(0);
  });

  test("B3: it pushes others out, oldest use first", () => {
    const w = world();
    expect(put(w, LEVELS.MEMORY_ONLY, "rdd_0_1", "rdd_0_2", "rdd_1_1")).toEqual([true, true, true]);
    expect(w.kept()).toEqual(["rdd_0_2", "rdd_1_1"]);
    read(w, "rdd_0_2");
    expect(put(w, LEVELS.MEMORY_ONLY, "rdd_0_3")).toEqual([true]);
    expect(w.kept()).toEqual(["rdd_0_2", "rdd_0_3"]);
    expect(put(w, LEVELS.MEMORY_ONLY, "rdd_0_4")).toEqual([false]);
    expect(w.kept()).toEqual(["rdd_0_2", "rdd_0_3"]);
  });

  test("B4: even newer ones, when its own are in the way", () => {
    const w = world();
    put(w, LEVELS.MEMORY_ONLY, "rdd_0_0", "rdd_1_0");
    read(w, "rdd_1_0");
    expect(put(w, LEVELS.MEMORY_ONLY, "rdd_0_1")).toEqual([true]);
    expect(w.kept()).toEqual(["rdd_0_0", "rdd_0_1"]);
  });

  test.each([
    ["MEMORY_AND_DISK", LEVELS.MEMORY_AND_DISK, "disk"],
    ["MEMORY_AND_DISK_SER", LEVELS.MEMORY_AND_DISK_SER, "memory disk"],
    ["OFF_HEAP", LEVELS.OFF_HEAP, "memory disk"],
  ])("B5: what went to disk comes back into memory when it is read: %s", (_name, level, afterBytes) => {
    for (const as of ["values", "bytes"]) {
      const w = world();
      expect(put(w, level, "a1", "a2", "a3")).toEqual([true, true, true]);
      expect(["a1", "a2", "a3"].map((block) => where(w, block))).toEqual(["disk", "memory", "memory"]);
      expect([read(w, "a2"), read(w, "a3")]).toEqual(["memory", "memory"]);
      if (as === "values") expect(read(w, "a1")).toBe("disk");
      else expect(readBytes(w, "a1")).toBe(4004);
      expect(where(w, "a1")).toBe(as === "values" ? "memory disk" : afterBytes);
      expect([...w.blocks.getValues("a1")!]).toEqual(ONE);
      expect(w.unroll()).toBe(0);
      expect(w.check()).toEqual([]);
    }
  });

  test("B6: each to its own level", () => {
    const w = world();
    put(w, LEVELS.MEMORY_ONLY_SER, "a1", "a2");
    put(w, LEVELS.DISK_ONLY, "a3");
    put(w, LEVELS.MEMORY_AND_DISK_SER, "a4");
    expect(["a1", "a2", "a3", "a4"].map((block) => read(w, block))).toEqual([null, "memory", "disk", "memory"]);
    expect(w.check()).toEqual([]);
  });

  test("B7: blocks that are read stay", () => {
    const w = world();
    put(w, LEVELS.MEMORY_ONLY, "a1", "a2");
    const [a1, a2, again] = ["a1", "a2", "a2"].map((block) => w.blocks.getValues(block)!);
    expect(put(w, LEVELS.MEMORY_ONLY, "a3")).toEqual([false]);
    a2!.release();
    expect(put(w, LEVELS.MEMORY_ONLY, "a3")).toEqual([false]);
    expect([...again!]).toEqual(ONE);
    expect(put(w, LEVELS.MEMORY_ONLY, "a3")).toEqual([true]);
    expect(w.kept()).toEqual(["a1", "a3"]);
    a1!.release();
    expect(w.check()).toEqual([]);
  });

  test("B8: a block larger than memory", () => {
    const w = world({ memory: 5000 });
    const large = filled(1, 10000);
    for (const from of ["iterator", "bytes"]) {
      const putLarge = (level: StorageLevel): boolean =>
        from === "iterator" ? w.blocks.putIterator("a1", large, level) : w.blocks.putBytes("a1", encoded(large), level);
      expect(putLarge(LEVELS.MEMORY_ONLY)).toBe(false);
      expect(where(w, "a1")).toBe("nowhere");
      for (const level of [LEVELS.MEMORY_AND_DISK, LEVELS.MEMORY_AND_DISK_SER]) {
        expect(putLarge(level)).toBe(true);
        expect(where(w, "a1")).toBe("disk");
        expect([...w.blocks.getValues("a1")!]).toEqual(large);
        expect(w.unroll()).toBe(0);
        w.blocks.remove("a1");
      }
    }
    expect(w.check()).toEqual([]);
  });

  test("B9: what a put does to others, block by block", () => {
    const w = world();
    const list = filled(2, 2000);
    const lists = ["list1", "list2", "list3", "list4", "list5"];
    const places = (): string[] => lists.map((block) => where(w, block));
    w.blocks.putIterator("list1", list, LEVELS.MEMORY_ONLY);
    w.blocks.putIterator("list2", list, LEVELS.MEMORY_AND_DISK);
    w.blocks.putIterator("list3", list, LEVELS.MEMORY_ONLY);
    expect(w.blocks.status("list3")!.memoryBytes).toBe(4056);
    expect(w.kept()).toEqual(["list2", "list3"]);
    w.blocks.putIterator("list4", list, LEVELS.MEMORY_ONLY);
    expect(places()).toEqual(["nowhere", "disk", "memory", "memory", "nowhere"]);
    expect(w.blocks.putIterator("list5", filled(8, 2000), LEVELS.MEMORY_ONLY)).toBe(false);
    expect(places()).toEqual(["nowhere", "disk", "memory", "memory", "nowhere"]);
    expect(w.blocks.remove("list2")).toBe(true);
    expect([where(w, "list2"), w.disk.has("list2")]).toEqual(["nowhere", false]);
    expect(w.check()).toEqual([]);
  });
});
