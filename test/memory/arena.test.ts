import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Arena, ArenaError, type ArenaOptions, kernelsOver, MAX_ARENA_BYTES } from "../../src/memory/arena.js";
import { createArenas } from "../../src/memory/arena-set.js";
import { OFF_HEAP } from "../../src/memory/mode.js";
import { PageError } from "../../src/memory/page-error.js";
import { FREED_IN_ALLOCATOR, FREED_IN_TASK, NO_PAGE } from "../../src/memory/page.js";
import { createMemory, WASM_UNIT_BYTES } from "../../src/memory/wasm.js";
import { IntervalModel } from "./arena-model.js";

const MIB = 2 ** 20;
const SEED = 20_261_121;
const kinds: [string, ArenaOptions][] = [
  ["over shared memory", { shared: true }],
  ["over private memory", { shared: false }],
  ["for three workers, with one there", { workers: 3 }],
  ["for workers who keep nothing", { workers: 2, cacheBytes: 0 }],
];

describe.each(kinds)("arena %s", (_, options) => {
  const create = (limitBytes = 64 * MIB): Arena => Arena.create({ ...options, limitBytes });

  test("random steps agree with a list of intervals, and the tables hold after each", () => {
    const limitBytes = 3 * MIB;
    const step = fc.oneof(
      { weight: 4, arbitrary: fc.record({ kind: fc.constant("small"), bytes: fc.integer({ min: 1, max: 1100 }) }) },
      {
        weight: 2,
        arbitrary: fc.record({ kind: fc.constant("large"), bytes: fc.integer({ min: 900, max: 400_000 }) }),
      },
      {
        weight: 1,
        arbitrary: fc.record({
          kind: fc.constant("aligned"),
          bytes: fc.integer({ min: 1, max: 5000 }),
          power: fc.integer({ min: 0, max: 16 }),
        }),
      },
      { weight: 6, arbitrary: fc.record({ kind: fc.constant("free"), pick: fc.nat() }) },
      {
        weight: 3,
        arbitrary: fc.record({
          kind: fc.constant("resize"),
          pick: fc.nat(),
          bytes: fc.integer({ min: 1, max: 60_000 }),
        }),
      },
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 250 }), (steps) => {
        const arena = create(limitBytes);
        const model = new IntervalModel();
        for (const one of steps as { kind: string; bytes: number; pick: number; power: number }[]) {
          const handles = [...model.live.keys()];
          const handle = handles[one.pick % Math.max(1, handles.length)] ?? 0;
          if (one.kind === "free") {
            if (handle === 0) continue;
            const { address, bytes } = model.live.get(handle)!;
            expect(arena.views.u8[address]).toBe(handle & 255);
            expect(arena.views.u8[address + bytes - 1]).toBe(handle & 255);
            model.live.delete(handle);
            arena.freeBlock(handle);
          } else {
            const align = one.kind === "aligned" ? 2 ** one.power : 8;
            const resized = one.kind === "resize" ? handle : 0;
            const old = model.live.get(resized);
            const got =
              resized === 0 ? arena.allocateBlock(one.bytes, align) : arena.reallocateBlock(resized, one.bytes);
            if (got === 0) {
              // A refusal is right only when nothing of twice the length, alignment included, is to be had.
              expect(model.largestGap(limitBytes)).toBeLessThan(2 * (one.bytes + align) + 64 * 1024);
            } else {
              const address = arena.addressOf(got);
              expect(arena.bytesOf(got)).toBeGreaterThanOrEqual(one.bytes);
              if (old !== undefined) {
                expect(arena.views.u8[address]).toBe(resized & 255);
                expect(arena.views.u8[address + Math.min(old.bytes, one.bytes) - 1]).toBe(resized & 255);
                model.live.delete(resized);
              }
              model.add(got, { address, bytes: one.bytes }, align, limitBytes);
              arena.views.u8.fill(got & 255, address, address + one.bytes);
            }
          }
          arena.check();
          expect(arena.liveBlocks).toBe(model.live.size);
        }
        for (const handle of model.live.keys()) arena.freeBlock(handle);
        arena.check();
        expect(arena.usedBytes).toBe(0);
        // All that was used can be had again in one piece.
        expect(arena.allocateBlock(limitBytes)).not.toBe(0);
      }),
      { seed: SEED, numRuns: 60 },
    );
  });

  test.each([1, 8, 9, 256, 257, 1024, 1025, 65_536, 4 * MIB, 64 * MIB])("holds one request of %i bytes", (bytes) => {
    const arena = create(Math.max(bytes, 1));
    const handle = arena.allocateBlock(bytes);
    expect(handle).not.toBe(0);
    const at = arena.addressOf(handle);
    arena.views.u8[at] = 1;
    arena.views.u8[at + bytes - 1] = 1;
    arena.check();
    arena.freeBlock(handle);
    arena.check();
    expect(arena.usedBytes).toBe(0);
  });

  test("refuses more than the limit, and 36 GB, by answering 0, and changes nothing", () => {
    const arena = create(MIB);
    const before = arena.stats();
    expect(arena.allocateBlock(MIB + 1)).toBe(0);
    expect(arena.allocateBlock(36e9)).toBe(0);
    expect(arena.allocateZeroed(36e9)).toBe(0);
    expect(arena.allocate(36e9)).toBeNull();
    expect(arena.stats()).toEqual(before);
    const handle = arena.allocateBlock(1000);
    expect(arena.reallocateBlock(handle, 36e9)).toBe(0);
    expect(arena.liveBlocks).toBe(1);
    arena.check();
  });

  test.each([0, -1, 0.5, 1.5, Number.NaN, -Infinity])("%d bytes is no size: misuse, and nothing changes", (bytes) => {
    const arena = Arena.create({ limitBytes: 1 << 20 });
    const block = arena.allocateBlock(100);
    for (const ask of [
      () => arena.allocateBlock(bytes),
      () => arena.allocateZeroed(bytes),
      () => arena.allocate(bytes),
      () => arena.reallocateBlock(block, bytes),
    ]) {
      expect(ask).toThrow(expect.objectContaining({ fault: "bad size" }));
    }
    arena.check();
    expect(arena.liveBlocks).toBe(1);
  });

  test.each([0, 3, 24, -8, Number.NaN])("%d is no alignment", (align) => {
    const arena = Arena.create({ limitBytes: 1 << 20 });
    expect(() => arena.allocateBlock(8, align)).toThrow(expect.objectContaining({ fault: "bad size" }));
    expect(arena.liveBlocks).toBe(0);
  });

  test("merges neighbours at once: pairs freed serve their sum", () => {
    const arena = create(8 * MIB);
    const all = Array.from({ length: 8 }, () => arena.allocateBlock(MIB));
    expect(arena.allocateBlock(MIB)).toBe(0);
    for (const handle of [1, 2, 5, 6]) arena.freeBlock(all[handle]!);
    arena.check();
    expect(arena.stats().freeBlocks).toBe(2);
    const pairs = [arena.allocateBlock(2 * MIB), arena.allocateBlock(2 * MIB)];
    expect(pairs.map((pair) => arena.addressOf(pair)).sort((a, b) => a - b)).toEqual([MIB, 5 * MIB]);
    expect(arena.stats().fragmentation).toBe(0);
  });

  test("takes the lowest hole that fits again, and the untouched top last", () => {
    const arena = create();
    const blocks = Array.from({ length: 6 }, () => arena.allocateBlock(100_000));
    const high = arena.highWaterBytes;
    arena.freeBlock(blocks[3]!);
    arena.freeBlock(blocks[1]!);
    expect(arena.addressOf(arena.allocateBlock(100_000))).toBe(100_000);
    expect(arena.addressOf(arena.allocateBlock(100_000))).toBe(300_000);
    expect(arena.highWaterBytes).toBe(high);
  });

  test("grows in place into a free neighbour and at the top, and moves with its contents otherwise", () => {
    const arena = create();
    const [first, second, third] = [arena.allocateBlock(5000), arena.allocateBlock(5000), arena.allocateBlock(5000)];
    arena.views.u8.fill(7, arena.addressOf(first), arena.addressOf(first) + 5000);
    arena.freeBlock(second);
    // What a worker has freed is in its cache first, and free for neighbours after.
    if (options.workers !== undefined) arena.stats();
    expect(arena.reallocateBlock(first, 9000)).toBe(first);
    expect(arena.reallocateBlock(third, 3 * MIB)).toBe(third);
    const moved = arena.reallocateBlock(first, 20_000);
    expect(moved).not.toBe(first);
    const at = arena.addressOf(moved);
    expect(arena.views.u8.subarray(at, at + 5000).every((byte) => byte === 7)).toBe(true);
    expect(() => arena.freeBlock(first)).toThrow(PageError);
    expect(arena.reallocateBlock(moved, 100)).toBe(moved);
    arena.check();
  });

  test("zeroes what was dirty", () => {
    const arena = create();
    for (const bytes of [40, 3000, MIB]) {
      const dirty = arena.allocateBlock(bytes);
      arena.views.u8.fill(255, arena.addressOf(dirty), arena.addressOf(dirty) + bytes);
      arena.freeBlock(dirty);
      const clean = arena.allocateZeroed(bytes);
      const at = arena.addressOf(clean);
      expect(arena.views.u8.subarray(at, at + bytes).every((byte) => byte === 0)).toBe(true);
    }
  });

  test("a small arena stays small, and small blocks do not waste a unit each", () => {
    const arena = create();
    for (let i = 0; i < 1000; i += 1) arena.allocateBlock(24);
    const { highWaterBytes, committedBytes, tableBytes } = arena.stats();
    if (options.workers === undefined) {
      expect(highWaterBytes).toBeLessThan(1000 * 24 * 1.2 + 1500);
      expect(tableBytes).toBeLessThan(4000);
      expect(arena.memories.map.buffer.byteLength).toBe(WASM_UNIT_BYTES);
    } else {
      // Without slabs: a block of 32 bytes each, and a record of 64.
      expect(highWaterBytes - tableBytes).toBeLessThan(1000 * 32 + 2048);
      expect(tableBytes).toBeLessThan(1000 * 64 + 6000);
    }
    expect(committedBytes).toBe(WASM_UNIT_BYTES);
  });

  test("the tables grow when they must", () => {
    const arena = create(512 * MIB);
    const handles = Array.from({ length: 5000 }, () => arena.allocateBlock(2000));
    arena.check();
    expect(arena.memories.map.buffer.byteLength).toBeGreaterThan(WASM_UNIT_BYTES);
    for (let i = 0; i < handles.length; i += 2) arena.freeBlock(handles[i]!);
    arena.check();
    for (let i = 1; i < handles.length; i += 2) arena.freeBlock(handles[i]!);
    arena.check();
    expect(arena.stats().freeBytes).toBe(0);
  });

  test("a dead, foreign or invented handle is refused and changes nothing", () => {
    const arena = create();
    const block = arena.allocateBlock(5000);
    const slot = arena.allocateBlock(50);
    const keep = arena.allocateBlock(50);
    arena.freeBlock(block);
    arena.freeBlock(slot);
    for (const handle of [block, slot, 0, 77_777, -1, -(2 ** 31), 2 ** 31 + 5])
      expect(() => arena.freeBlock(handle), `${handle}`).toThrow(PageError);
    for (const handle of [block, slot, 0, 77_777, -1])
      expect(() => arena.reallocateBlock(handle, 10), `${handle}`).toThrow(PageError);
    arena.check();
    expect(arena.liveBlocks).toBe(1);
    arena.freeBlock(keep);
  });

  test("pages: exact bytes, aligned, freed once, not while in a task, not by another arena", () => {
    const arena = create();
    const page = arena.allocate(5001)!;
    expect(page).toMatchObject({ mode: OFF_HEAP, bytes: 5001, number: NO_PAGE });
    for (const bytes of [1, 8, 24, 100, 1000, 1032, 70_001]) expect(arena.allocate(bytes)!.base % 16).toBe(0);
    page.number = 3;
    expect(() => arena.free(page)).toThrow(/freed while in a task/);
    page.number = FREED_IN_TASK;
    arena.free(page);
    expect(page.number).toBe(FREED_IN_ALLOCATOR);
    expect(() => arena.free(page)).toThrow(/double free/);
    expect(() => arena.free(create().allocate(100)!)).toThrow(/foreign page/);
    arena.check();
  });

  test("a write through a page, wherever it lands in the data, cannot reach the tables", () => {
    const arena = create(MIB);
    const page = arena.allocate(1024)!;
    arena.allocate(1024);
    arena.views.u8.fill(0xff);
    arena.check();
    arena.free(page);
    arena.check();
  });

  test("views stay one object and see the data after it has grown", () => {
    const arena = create();
    const page = arena.allocate(1000)!;
    page.views.u8[page.base] = 42;
    const large = arena.allocate(20 * MIB)!;
    expect(large.views).toBe(page.views);
    expect(page.views.u8[page.base]).toBe(42);
    large.views.u8[large.base + 20 * MIB - 1] = 1;
    expect(kernelsOver(page.views)).not.toBeNull();
  });

  test("another instance attaches to the same arena", () => {
    const arena = create();
    const handle = arena.allocateBlock(5000);
    const other = Arena.attach(arena.memories);
    expect(other.addressOf(handle)).toBe(arena.addressOf(handle));
    other.freeBlock(handle);
    other.check();
    expect(arena.liveBlocks).toBe(0);
  });
});

test("the map begins as drawn", () => {
  const arena = Arena.create({ limitBytes: MIB, shared: false });
  const page = arena.allocate(4096)!;
  const words = [...new Uint32Array(arena.memories.map.buffer, 0, 20)];
  expect(words.slice(0, 16)).toEqual([0x52414d54, 2, 1432, MIB, 65_536, 4096, 4096, 4096, 1, 2, 0, 1, 0, 0, 0, 0]);
  const first = [...new Uint32Array(arena.memories.map.buffer, 1432 + 32, 6)];
  expect(first).toEqual([0 | 2, 4096, 0, 0, 0, 0]);
  expect(page.handle).toBe(1);
});

const reasonOf = (act: () => unknown): unknown => {
  try {
    act();
  } catch (error) {
    expect(error).toBeInstanceOf(ArenaError);
    return (error as ArenaError).reason;
  }
  return "none";
};

const damage = (word: number, change: (old: number) => number): (() => void) => {
  const arena = Arena.create({ limitBytes: MIB, shared: false });
  const handles = [2000, 3000, 4000, 40, 40].map((bytes) => arena.allocateBlock(bytes));
  arena.freeBlock(handles[1]!);
  arena.check();
  const words = new Uint32Array(arena.memories.map.buffer);
  words[word] = change(words[word]!);
  return () => arena.check();
};

const record = (index: number, word: number): number => 1432 / 4 + index * 8 + word;

describe("create and attach", () => {
  test.each([0, -1, 1.5, Number.NaN, MAX_ARENA_BYTES + 1])("create refuses a limit of %d", (limitBytes) => {
    expect(reasonOf(() => Arena.create({ limitBytes }))).toBe("limit");
  });

  test("the largest limit is 65 535 units", () => {
    const arena = Arena.create({ limitBytes: MAX_ARENA_BYTES, shared: false });
    expect(arena.stats().largestFreeBytes).toBe(4_294_901_760);
  });

  test.each([
    ["magic", 0, 7],
    ["version", 1, 3],
    ["size", 2, 64],
    ["size", 9, 10_000_000],
    ["size", 4, 1_000_000_000],
  ] as const)("attach refuses a wrong %s (word %i)", (reason, word, value) => {
    const { memories } = Arena.create({ limitBytes: MIB, shared: false });
    new Uint32Array(memories.map.buffer)[word] = value;
    expect(reasonOf(() => Arena.attach(memories))).toBe(reason);
  });

  test("attach refuses memories of two kinds and an empty map", () => {
    const { map } = Arena.create({ limitBytes: MIB, shared: false }).memories;
    const data = createMemory({ initialUnits: 1, maximumUnits: 16, shared: true });
    expect(reasonOf(() => Arena.attach({ map, data }))).toBe("memory");
    const empty = createMemory({ initialUnits: 1, maximumUnits: 1, shared: false });
    expect(reasonOf(() => Arena.attach({ map: empty, data: empty }))).toBe("magic");
  });

  test("check finds each kind of damage", () => {
    const cases: [number, (old: number) => number, RegExp][] = [
      [5, () => 2 * MIB, /not in order/],
      [7, (used) => used + 16, /a count/],
      [8, (live) => live - 1, /a count/],
      [9, (records) => records + 1, /neither in the chain nor spare/],
      [19, () => 0, /map of the free lists|free list/],
      [record(1, 3), () => 3, /chain of records/],
      [record(1, 1), (bytes) => bytes + 16, /does not end/],
      [record(3, 0), (word) => (word & ~15) | 1, /two free blocks/],
      [record(3, 0), (word) => word & ~15, /unused record/],
      [record(4, 7), () => 0x8000_0000, /a slab does not agree/],
    ];
    for (const [word, change, message] of cases) expect(damage(word, change), `word ${word}`).toThrow(message);
  });
});

describe("several arenas", () => {
  test("the first with room serves; the budget counts pages; nothing is left", () => {
    const set = createArenas({ limitBytes: 5 * MIB, arenaBytes: 2 * MIB });
    expect(set.arenas.length).toBe(0);
    const pages = [1, 1, 1, 1, 1].map(() => set.allocate(MIB)!);
    expect(set.arenas.map((arena) => arena.usedBytes / MIB)).toEqual([2, 2, 1]);
    expect(set.allocate(1)).toBeNull();
    set.free(pages[0]!);
    expect(set.allocate(MIB)!.views).toBe(set.arenas[0]!.views);
    expect(set.allocate(3 * MIB)).toBeNull();
    set.check();
    expect(() => set.free(pages[0]!)).toThrow(PageError);
    expect(set.liveBytes).toBe(5 * MIB);
    expect(() => set.free(Arena.create({ limitBytes: MIB }).allocate(100)!)).toThrow(/foreign page/);
  });

  test("a budget of 64 GiB reserves nothing before the first page", () => {
    const set = createArenas({ limitBytes: 64 * 2 ** 30 });
    const page = set.allocate(MIB)!;
    expect(set.arenas.length).toBe(1);
    set.free(page);
    expect(set.liveBytes).toBe(0);
  });
});
