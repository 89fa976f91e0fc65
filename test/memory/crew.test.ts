// Several workers of one arena in one thread: what each may do, and what they see of each other.

import { describe, expect, test } from "vitest";
import { Arena, ArenaError, type ArenaOptions } from "../../src/memory/arena.js";
import type { CrewExports } from "../../src/memory/crew.js";
import { DebugPages, FREED_BYTE } from "../../src/memory/debug.js";
import { FREED_IN_ALLOCATOR, type Page } from "../../src/memory/page.js";
import { PageError } from "../../src/memory/page-error.js";
import { instantiate } from "../../src/memory/wasm.js";

const MIB = 2 ** 20;

function crew(workers: number, options: ArenaOptions = {}): Arena[] {
  const first = Arena.create({ limitBytes: 8 * MIB, workers, ...options });
  return [first, ...Array.from({ length: workers - 1 }, () => Arena.attach(first.memories))];
}

const reasonOf = (act: () => unknown): string => {
  try {
    act();
  } catch (error) {
    return error instanceof ArenaError ? error.reason : String(error);
  }
  return "none";
};

describe("places", () => {
  test("are taken in turn, by number, and no more of them than there are", () => {
    const first = Arena.create({ workers: 3 });
    expect(first.worker).toBe(1);
    expect(Arena.attach(first.memories, 3).worker).toBe(3);
    expect(Arena.attach(first.memories).worker).toBe(2);
    expect(reasonOf(() => Arena.attach(first.memories))).toBe("worker");
    expect(reasonOf(() => Arena.attach(first.memories, 2))).toBe("worker");
    for (const worker of [0, 4, 1.5, Number.NaN])
      expect(reasonOf(() => Arena.attach(first.memories, worker))).toBe("worker");
  });

  test.each([0, 65, -1, 2.5, Number.NaN])("an arena is not for %d workers", (workers) => {
    expect(reasonOf(() => Arena.create({ workers }))).toBe("worker");
  });

  test("need shared memory, and an arena that was made for them", () => {
    expect(reasonOf(() => Arena.create({ workers: 2, shared: false }))).toBe("memory");
    expect(reasonOf(() => Arena.create({ workers: 2, limitBytes: MIB, cacheBytes: MIB + 1 }))).toBe("limit");
    const alone = Arena.create({ limitBytes: MIB });
    expect(alone.worker).toBe(0);
    expect(reasonOf(() => Arena.attach(alone.memories, 1))).toBe("worker");
    for (const act of [() => alone.detach(), () => alone.recover(1), () => alone.receive(1, 1)])
      expect(reasonOf(act)).toBe("worker");
  });

  test("64 workers have one each", () => {
    const all = crew(64);
    const handles = all.map((arena) => arena.allocateBlock(1000));
    expect(new Set(handles).size).toBe(64);
    all[0]!.check();
    expect(all[63]!.liveBlocks).toBe(64);
  });

  test("are vacant after their worker has left, with all that it held", () => {
    const [first, second] = crew(2);
    const kept = first!.allocateBlock(5000);
    second!.allocateBlock(300_000);
    second!.freeBlock(second!.allocateBlock(70));
    second!.detach();
    expect(first!.stats()).toMatchObject({ blocks: 1, usedBytes: first!.bytesOf(kept) });
    expect(second!.allocateBlock(10)).toBe(0);
    expect(() => second!.freeBlock(kept)).toThrow(PageError);
    expect(Arena.attach(first!.memories).worker).toBe(2);
    first!.check();
  });
});

describe("blocks", () => {
  test("are freed by whoever has their handle, once", () => {
    const [first, second, third] = crew(3);
    const handle = first!.allocateBlock(100);
    second!.freeBlock(handle);
    for (const arena of [first!, second!, third!]) expect(() => arena.freeBlock(handle)).toThrow(/double free/);
    expect(third!.liveBlocks).toBe(0);
    // The next of its size is the one that was just freed, for the worker who freed it.
    expect(second!.allocateBlock(100)).toBe(handle);
    third!.check();
  });

  test("in caches are free, and given to others before they are refused", () => {
    const [first, second, third] = crew(3, { limitBytes: MIB });
    const handles = Array.from({ length: 60 }, () => first!.allocateBlock(1000));
    for (const [i, handle] of handles.entries()) (i % 2 === 0 ? second! : third!).freeBlock(handle);
    expect([first!.usedBytes, first!.liveBlocks]).toEqual([0, 0]);
    const all = first!.allocateBlock(MIB);
    expect(all).not.toBe(0);
    second!.freeBlock(all);
    expect(third!.stats()).toMatchObject({ usedBytes: 0, freeBytes: 0, largestFreeBytes: MIB, fragmentation: 0 });
  });

  test("are seen by a worker who was there before the memories grew", () => {
    const [first, second] = crew(2, { limitBytes: 64 * MIB });
    const small = Array.from({ length: 3000 }, () => first!.allocateBlock(40));
    const large = first!.allocateBlock(20 * MIB);
    const at = second!.addressOf(large);
    expect(second!.bytesOf(large)).toBe(20 * MIB);
    second!.views.u8[at + 20 * MIB - 1] = 7;
    expect(first!.views.u8[at + 20 * MIB - 1]).toBe(7);
    for (const handle of small) second!.freeBlock(handle);
    second!.freeBlock(large);
    expect(first!.stats().blocks).toBe(0);
  });
});

describe("a page that is handed over", () => {
  test("is the other worker's, and dead here", () => {
    const [first, second, third] = crew(3);
    const page = first!.allocate(5001)!;
    const handle = first!.handOver(page, 2);
    expect(page.number).toBe(FREED_IN_ALLOCATOR);
    expect(() => first!.free(page)).toThrow(/double free/);
    expect(() => third!.receive(handle, 5001)).toThrow(/foreign page/);
    expect(() => second!.receive(handle, 50_001)).toThrow(/foreign page/);
    const received = second!.receive(handle, 5001);
    expect(received).toMatchObject({ bytes: 5001, base: page.base, handle });
    expect(first!.recover(3)).toEqual({ blocks: 0, bytes: 0 });
    second!.free(received);
    expect(first!.liveBlocks).toBe(0);
  });

  test("survives who handed it over, and dies with who has it", () => {
    const [first, second] = crew(3);
    const handle = second!.handOver(second!.allocate(100)!, 3);
    expect(first!.recover(2)).toEqual({ blocks: expect.any(Number) as number, bytes: expect.any(Number) as number });
    expect(first!.liveBlocks).toBe(1);
    expect(first!.recover(3)!.blocks).toBe(1);
    expect(() => first!.freeBlock(handle)).toThrow(/double free/);
    expect(first!.liveBlocks).toBe(0);
  });

  test("must be the worker's own, and somebody must be there", () => {
    const [first, second] = crew(2);
    const page = first!.allocate(100)!;
    const twin = second!.receive(second!.handOver(second!.allocate(100)!, 2), 100);
    expect(() => second!.handOver(Object.assign(twin, { handle: page.handle }), 1)).toThrow(/foreign page/);
    for (const worker of [0, 3, 1.5]) expect(reasonOf(() => first!.handOver(page, worker))).toBe("worker");
    second!.detach();
    expect(reasonOf(() => first!.handOver(page, 2))).toBe("worker");
    first!.free(page);
  });
});

describe("recovery", () => {
  test("of who is alive here, or is nobody, is refused", () => {
    const [first] = crew(2);
    for (const worker of [0, 1, 3, 0.5]) expect(reasonOf(() => first!.recover(worker))).toBe("worker");
  });

  test("brings back blocks and cache, and says how much", () => {
    const [first, second] = crew(2);
    for (let i = 0; i < 10; i += 1) second!.allocateBlock(100_000);
    second!.freeBlock(second!.allocateBlock(50_000));
    expect(first!.recover(2)).toEqual({ blocks: 11, bytes: 1_050_000 });
    expect(first!.stats()).toMatchObject({ blocks: 0, usedBytes: 0, freeBytes: 0 });
  });

  test("waits for a lock whose owner is not called dead, and breaks one whose owner is", () => {
    const [first, second] = crew(3);
    second!.allocateBlock(100_000);
    const third = instantiate<CrewExports>("shared", first!.memories.map);
    first!.recover(3);
    expect(third.crewAttach(3)).toBe(1);
    third.crewLock();
    expect(first!.recover(2, { waitMs: 20 })).toBeNull();
    expect(first!.recover(3, { waitMs: 20 })).toMatchObject({ blocks: 1 });
    expect(first!.stats().blocks).toBe(0);
    first!.check();
  });
});

describe("debug pages of several workers", () => {
  const debug = (arenas: Arena[]): DebugPages[] => arenas.map((arena) => new DebugPages(arena, { crew: true }));
  const touch = (page: Page, at: number): void => void (page.views.u8[page.base + at] = 1);

  test("find a write past the end on the way from one to the other", () => {
    const [first, second] = debug(crew(2));
    const page = first!.allocate(100)!;
    const received = second!.receive(first!.handOver(page, 2), 100);
    expect(() => first!.free(page)).toThrow(/double free/);
    touch(received, 100);
    expect(() => second!.check()).toThrow(/write past the end/);
    expect(() => second!.handOver(received, 1)).toThrow(/write past the end/);
    expect(() => second!.free(received)).toThrow(/write past the end/);
    expect(() => second!.free(received)).toThrow(/double free/);
  });

  test("find a write into what another one has freed", () => {
    const arenas = crew(2, { cacheBytes: 0 });
    const [first, second] = debug(arenas);
    const page = first!.allocate(40_000)!;
    first!.free(page);
    touch(page, 77);
    expect(() => second!.allocate(40_000)).toThrow(/write after free/);
    expect(second!.allocate(40_000)).not.toBeNull();
    second!.check();
    expect(arenas[0]!.liveBlocks).toBe(1);
  });

  test("do not take what a dead worker wrote for a write after free", () => {
    const arenas = crew(2);
    const [first, second] = debug(arenas);
    const page = second!.allocate(40_000)!;
    page.views.u8.fill(9, page.base, page.base + 40_000);
    expect(arenas[0]!.recover(2, { fill: FREED_BYTE })!.blocks).toBe(1);
    expect(first!.allocate(40_000)!.base).toBe(page.base);
  });
});
