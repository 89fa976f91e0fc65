// The block manager beyond the scenarios of the law: levels, locks, and what is left when something fails on the way.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { OFF_HEAP, ON_HEAP } from "../../src/memory/mode.js";
import { blockName } from "../../src/storage/block.js";
import { checkLevel, InvalidLevel, levelFlags, levelMode, levelOf, LEVELS } from "../../src/storage/level.js";
import type { BlockRead } from "../../src/storage/read.js";
import { BlockLocked, NO_TASK, PinLeak } from "../../src/storage/locks.js";
import { seeded } from "../help/seed.js";
import { encoded, filled, world, type World } from "./world.js";

const ONE = filled(1, 4000);

describe("levels", () => {
  test.each([
    ["NONE", 0, 1],
    ["DISK_ONLY", 8, 1],
    ["DISK_ONLY_2", 8, 2],
    ["DISK_ONLY_3", 8, 3],
    ["MEMORY_ONLY", 5, 1],
    ["MEMORY_ONLY_2", 5, 2],
    ["MEMORY_ONLY_SER", 4, 1],
    ["MEMORY_ONLY_SER_2", 4, 2],
    ["MEMORY_AND_DISK", 13, 1],
    ["MEMORY_AND_DISK_2", 13, 2],
    ["MEMORY_AND_DISK_SER", 12, 1],
    ["MEMORY_AND_DISK_SER_2", 12, 2],
    ["OFF_HEAP", 14, 1],
  ] as const)("%s is %d, %d copies", (name, flags, copies) => {
    expect(LEVELS[name]).toEqual(levelOf(flags, copies));
    expect(levelFlags(LEVELS[name])).toBe(flags);
    expect(levelMode(LEVELS[name])).toBe(name === "OFF_HEAP" ? OFF_HEAP : ON_HEAP);
  });

  test("that keep a block nowhere are refused, and flags and copies that are none", () => {
    for (const flags of [0, 1, 2, 3]) expect(() => checkLevel(levelOf(flags), true)).toThrow(InvalidLevel);
    for (const flags of [4, 8, 10, 15]) expect(() => checkLevel(levelOf(flags), true)).not.toThrow();
    expect(() => checkLevel(levelOf(4, 0), true)).toThrow("at least one copy");
    expect(() => checkLevel(levelOf(7), false)).toThrow("from 3.2 on");
    for (const flags of [-1, 16, 1.5]) expect(() => levelOf(flags)).toThrow(InvalidLevel);
    for (const copies of [40, 0.5]) expect(() => levelOf(4, copies)).toThrow(InvalidLevel);
    expect(levelOf(4, 39).copies).toBe(39);
  });

  test("values off-heap are a level from 3.2 on", () => {
    const put = (generation: string) => world({ generation }).blocks.putIterator("a", ONE, levelOf(7));
    expect(put("4.1")).toBe(true);
    expect(() => put("2.4")).toThrow(InvalidLevel);
  });
});

describe("locks", () => {
  test("a task reads again what it reads, and ends with all of its locks", () => {
    const { blocks, executor, check } = world();
    blocks.putIterator("a", ONE, LEVELS.MEMORY_ONLY);
    blocks.putIterator("b", ONE, LEVELS.MEMORY_ONLY);
    for (const block of ["a", "a", "b"]) blocks.getValues(block, { task: 1 });
    const other = blocks.getBytes("a", { task: 2 })!;
    expect(blocks.locks.record("a")!.readLocks).toBe(3);
    expect(() => blocks.remove("a")).toThrow(BlockLocked);
    executor.task(1);
    executor.endTask(1);
    expect([blocks.locks.record("a")!.readLocks, blocks.locks.record("b")!.readLocks]).toEqual([1, 0]);
    other.release();
    other.release();
    expect([blocks.locks.record("a")!.readLocks, blocks.remove("a"), blocks.remove("a")]).toEqual([0, true, false]);
    expect(check()).toEqual([]);
  });

  test("left by a task that did not fail are told where the configuration asks for it", () => {
    const { blocks, executor } = world({ conf: { "spark.storage.exceptionOnPinLeak": "true" } });
    blocks.putIterator("a", ONE, LEVELS.MEMORY_ONLY);
    for (const failed of [true, false]) {
      executor.task(1);
      blocks.getValues("a", { task: 1 });
      if (failed) expect(executor.endTask(1, failed).bytes).toBe(0);
      else expect(() => executor.endTask(1, failed)).toThrow(PinLeak);
    }
    expect(blocks.endTask(1)).toEqual([]);
  });

  test("a reading that outlives its task takes nobody else's lock off", () => {
    const { blocks } = world();
    blocks.putIterator("a", ONE, LEVELS.MEMORY_ONLY);
    const reading = blocks.getValues("a", { task: 1 })!;
    blocks.endTask(1);
    blocks.getValues("a", { task: 2 });
    expect([...reading]).toEqual(ONE);
    expect(blocks.locks.record("a")!.readLocks).toBe(1);
    blocks.unlock("a", 2);
    expect(() => blocks.unlock("a", 2)).toThrow("task 2 holds no read lock of block a");
    expect(() => blocks.unlock("a")).toThrow(BlockLocked);
  });

  test("a block that is being put can neither be read nor put nor removed", () => {
    const { blocks, check } = world();
    const refused: unknown[] = [];
    const records = function* () {
      for (const ask of [
        () => blocks.getValues("a"),
        () => blocks.getBytes("a"),
        () => blocks.putIterator("a", [], LEVELS.MEMORY_ONLY),
        () => blocks.remove("a"),
      ]) {
        try {
          ask();
        } catch (error) {
          refused.push(error);
        }
      }
      yield* ONE;
    };
    expect(blocks.putIterator("a", records(), LEVELS.MEMORY_ONLY)).toBe(true);
    expect(refused.map((error) => error instanceof BlockLocked)).toEqual([true, true, true, true]);
    expect(check()).toEqual([]);
  });
});

describe("a put", () => {
  test("of a known block changes nothing and reads nothing", () => {
    const { blocks } = world();
    blocks.putIterator("a", ONE, LEVELS.MEMORY_ONLY);
    const unread = {
      [Symbol.iterator]: (): Iterator<Uint8Array> => expect.fail("read"),
    };
    expect(blocks.putIterator("a", unread, LEVELS.DISK_ONLY)).toBe(true);
    expect(blocks.putBytes("a", encoded(ONE), LEVELS.DISK_ONLY)).toBe(true);
    expect(blocks.status("a")).toEqual({ level: LEVELS.MEMORY_ONLY, memoryBytes: 4040, diskBytes: 0 });
  });

  test.each([
    [LEVELS.MEMORY_ONLY, 4040, 0],
    [LEVELS.MEMORY_ONLY_SER, 4004, 0],
    [LEVELS.OFF_HEAP, 4004, 0],
    [LEVELS.MEMORY_AND_DISK, 4040, 0],
    [LEVELS.DISK_ONLY, 0, 4004],
    [levelOf(9), 0, 4004],
  ])("of bytes and of records is the same block: %o", (level, memoryBytes, diskBytes) => {
    for (const bytes of [false, true]) {
      const { blocks, check } = world();
      const stored = bytes ? blocks.putBytes("a", encoded(ONE), level) : blocks.putIterator("a", ONE, level);
      expect([stored, blocks.status("a")]).toEqual([true, { level, memoryBytes, diskBytes }]);
      expect([...blocks.getValues("a")!]).toEqual(ONE);
      const found = blocks.getBytes("a")!;
      expect(Buffer.compare(found.bytes, encoded(ONE))).toBe(0);
      found.release();
      expect([blocks.remove("a"), check()]).toEqual([true, []]);
    }
  });

  test.each([LEVELS.MEMORY_ONLY, LEVELS.MEMORY_AND_DISK_SER, LEVELS.DISK_ONLY])(
    "whose records fail leaves no block: %o",
    (level) => {
      const { blocks, disk, store, unroll, check } = world();
      const failing = function* () {
        yield* ONE;
        throw new Error("the source");
      };
      expect(() => blocks.putIterator("a", failing(), level)).toThrow("the source");
      expect([blocks.status("a"), disk.has("a"), store.size, unroll()]).toEqual([null, false, 0, 0]);
      expect(blocks.putIterator("a", ONE, level)).toBe(true);
      expect(check()).toEqual([]);
    },
  );

  test("or what is there: got, made, or handed back", () => {
    const { blocks, unroll } = world();
    const made = blocks.getOrPut("a", LEVELS.MEMORY_ONLY, () => ONE);
    expect([...made.read!]).toEqual(ONE);
    const got = blocks.getOrPut("a", LEVELS.MEMORY_ONLY, () => expect.fail("made again"));
    expect([got.read!.from, [...got.read!], got.left]).toEqual(["memory", ONE, null]);
    expect(blocks.locks.record("a")!.readLocks).toBe(0);
    for (const level of [LEVELS.MEMORY_ONLY, LEVELS.MEMORY_ONLY_SER]) {
      const back = blocks.getOrPut("b", level, () => filled(5, 4000));
      expect([back.read, unroll() > 0]).toEqual([null, true]);
      expect([...back.left!]).toEqual(filled(5, 4000));
      expect([unroll(), blocks.status("b")]).toEqual([0, null]);
    }
    const onDisk = blocks.getOrPut("b", LEVELS.MEMORY_AND_DISK, () => filled(5, 4000));
    expect([onDisk.read!.from, [...onDisk.read!].length]).toEqual(["disk", 5]);
  });
});

describe("a read", () => {
  test("that is broken off leaves no lock and no reservation", () => {
    const { blocks, unroll } = world({ memory: 5000 });
    blocks.putIterator("a", filled(5, 4000), LEVELS.MEMORY_AND_DISK);
    const reading = blocks.getValues("a")!;
    expect(unroll()).toBeGreaterThan(0);
    for (const record of reading) {
      expect(record.length).toBe(4000);
      break;
    }
    expect([unroll(), blocks.locks.record("a")!.readLocks, reading.next().done]).toEqual([0, 0, true]);
  });

  test("of values in memory only serializes them, and of both takes the disk's copy without a touch", () => {
    const { blocks, kept } = world();
    for (const block of ["a", "b"]) blocks.putIterator(block, ONE, LEVELS.MEMORY_AND_DISK);
    expect(Buffer.compare(blocks.getBytes("a")!.bytes, encoded(ONE))).toBe(0);
    expect(kept()).toEqual(["b", "a"]);
    blocks.unlock("a");
    blocks.putIterator("c", ONE, LEVELS.MEMORY_AND_DISK);
    expect([...blocks.getValues("b")!]).toEqual(ONE);
    expect(kept()).toEqual(["c", "b"]);
    blocks.getValues("c")!.release();
    blocks.getBytes("b")!.release();
    expect(kept()).toEqual(["b", "c"]);
  });

  test("of a block that is nowhere gives nothing", () => {
    const { blocks } = world();
    expect([blocks.getValues("a"), blocks.getBytes("a"), blocks.status("a")]).toEqual([null, null, null]);
  });
});

describe("an eviction", () => {
  test("whose write fails leaves the block, newest now, and no lock", () => {
    const { blocks, disk, kept, check } = world();
    for (const block of ["a", "b"]) blocks.putIterator(block, ONE, LEVELS.MEMORY_AND_DISK);
    const stream = disk.stream.bind(disk);
    disk.stream = () => {
      throw new Error("no space left");
    };
    expect(() => blocks.putIterator("c", ONE, LEVELS.MEMORY_ONLY)).toThrow("no space left");
    expect([kept(), blocks.status("c")]).toEqual([["b", "a"], null]);
    disk.stream = stream;
    expect(blocks.putIterator("c", ONE, LEVELS.MEMORY_ONLY)).toBe(true);
    expect([kept(), disk.bytes("b")]).toEqual([["a", "c"], 4004]);
    expect(check()).toEqual([]);
  });

  test("does not write again what is on disk", () => {
    const { blocks, disk } = world();
    let writes = 0;
    const stream = disk.stream.bind(disk);
    disk.stream = (block, fill) => {
      writes += 1;
      return stream(block, fill);
    };
    for (const block of ["a", "b", "c"]) blocks.putIterator(block, ONE, LEVELS.MEMORY_AND_DISK);
    // a comes back and b goes; then b comes back and c goes; then a, which is on disk still, makes room for c.
    for (const block of ["a", "b", "c"]) expect([...blocks.getValues(block)!]).toEqual(ONE);
    expect(writes).toBe(3);
  });

  test.each([0, 3, 10])("that a disk breaks off after %d writes leaves no write lock", (writes) => {
    const { blocks, disk, store, check } = world({ memory: 100 });
    const level = LEVELS.MEMORY_AND_DISK_SER;
    const trouble = new Error("no space left");
    let left = writes;
    const write = disk.write.bind(disk);
    disk.write = (block, bytes) => {
      if (left === 0) throw trouble;
      left -= 1;
      write(block, bytes);
    };
    for (let i = 0; i < 10; i += 1) expect(blocks.putBytes(`rdd_1_${i}`, new Uint8Array(10), level)).toBe(true);
    const put = (): boolean => blocks.putBytes("rdd_2_0", new Uint8Array(100), LEVELS.MEMORY_ONLY_SER);
    const fails = writes < 10;
    if (fails) expect(put).toThrow(trouble);
    else expect(put()).toBe(true);
    const known: string[] = [];
    blocks.locks.forEach((id, record) => {
      known.push(blockName(id));
      expect([record.readLocks, typeof record.writer]).toEqual([0, "symbol"]);
    });
    expect(known.length).toBe(fails ? 10 : 11);
    expect(store.size).toBe(fails ? 10 - writes : 1);
    expect(check()).toEqual([]);
    // No write lock is left.
    for (const block of known) expect(blocks.remove(block)).toBe(true);
  });
});

test("a cleared manager knows nothing", () => {
  const { blocks, store, disk, check } = world();
  blocks.putIterator("a", ONE, LEVELS.DISK_ONLY);
  blocks.putIterator("b", ONE, LEVELS.MEMORY_ONLY);
  blocks.getValues("b");
  blocks.clear();
  expect([store.size, disk.has("a"), blocks.status("a"), blocks.status("b")]).toEqual([0, false, null, null]);
  expect(check()).toEqual([]);
});

// What must hold after any sequence of requests, whoever asks.
const LEVELS_USED = [4, 5, 6, 7, 8, 12, 13, 14, 15];
type Step = readonly [ask: number, block: number, size: number, level: number, task: number];

function drain(reading: BlockRead<Uint8Array> | null): void {
  while (reading?.next().done === false);
}

function apply({ blocks, store }: World, [ask, number, size, level, task]: Step): void {
  const block = number % 2 === 0 ? `rdd_${number % 4}_${number}` : `b${number}`;
  const options = { task: task === 0 ? NO_TASK : task };
  const records = filled(1 + (size % 7), 1 + size * 3);
  try {
    if (ask < 3) blocks.putIterator(block, records, levelOf(LEVELS_USED[level]!), options);
    else if (ask < 4) blocks.putBytes(block, encoded(records), levelOf(LEVELS_USED[level]!), options);
    else if (ask < 5) blocks.getOrPut(block, levelOf(LEVELS_USED[level]!), () => records, options).read?.release();
    else if (ask < 7) drain(blocks.getValues(block, options));
    else if (ask < 8) blocks.getBytes(block, options);
    else if (ask < 9) blocks.remove(block);
    else store.endTask(options.task);
  } catch (error) {
    if (!(error instanceof BlockLocked)) throw error;
  }
}

test("any requests: the laws hold, and blocks in memory are known", () => {
  const step = fc.tuple(fc.nat(9), fc.nat(9), fc.nat(400), fc.nat(8), fc.nat(2));
  fc.assert(
    fc.property(fc.array(step, { minLength: 20, maxLength: 80 }), (steps) => {
      const w = world({ memory: 12000 });
      for (const each of steps) {
        apply(w, each);
        expect(w.check()).toEqual([]);
      }
      for (const mode of [ON_HEAP, OFF_HEAP] as const) {
        for (const block of w.kept(mode)) expect(w.blocks.status(block)).not.toBeNull();
      }
      w.blocks.locks.forEach((id, { level }) => {
        const { memoryBytes, diskBytes } = w.blocks.status(id)!;
        expect(memoryBytes + diskBytes).toBeGreaterThan(0);
        expect([memoryBytes === 0 || level.memory, diskBytes === 0 || level.disk]).toEqual([true, true]);
      });
      for (const task of [NO_TASK, 1, 2]) w.store.endTask(task);
      expect(w.unroll()).toBe(0);
    }),
    seeded(30),
  );
});
