import { describe, expect, test } from "vitest";
import { Arena } from "../../src/memory/arena.js";
import { HeapPool, POOLED_FROM_BYTES } from "../../src/memory/heap.js";
import { PageError } from "../../src/memory/page-error.js";
import { FREED_IN_ALLOCATOR, FREED_IN_TASK, NO_PAGE, type Page } from "../../src/memory/page.js";

const MIB = 2 ** 20;
const gc = globalThis.gc!;
const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));

const reused = (pool: HeapPool, first: number, second: number): boolean => {
  const page = pool.allocate(first)!;
  pool.free(page);
  return pool.allocate(second)!.views === page.views;
};

describe("heap pool", () => {
  test("A1: 1 MiB, freed, 1 MiB: the same buffer", () => {
    expect(reused(new HeapPool(), MIB, MIB)).toBe(true);
  });

  test("A5: 513 then 514: different; 1048577 then 1048583: the same, bytes as requested", () => {
    const pool = new HeapPool();
    expect(reused(pool, 513, 514)).toBe(false);
    const page = pool.allocate(1_048_577)!;
    expect([page.bytes, page.views.u8.length]).toEqual([1_048_577, 1_048_584]);
    pool.free(page);
    const again = pool.allocate(1_048_583)!;
    expect(again.views === page.views).toBe(true);
    expect(again.bytes).toBe(1_048_583);
  });

  test.each([
    [1_048_577, 1_048_584, true],
    [1_048_584, 1_048_585, false],
    [1_048_576, 1_048_577, false],
    [1_048_569, 1_048_576, true],
    [1_048_568, 1_048_568, false],
  ])("key: %i then %i share a buffer: %s", (first, second, same) => {
    expect(reused(new HeapPool(), first, second)).toBe(same);
  });

  test("A2, A3: a freed page says so, and a second free is refused", () => {
    const pool = new HeapPool();
    const page = pool.allocate(MIB)!;
    expect(page.number).toBe(NO_PAGE);
    pool.free(page);
    expect(page.number).toBe(FREED_IN_ALLOCATOR);
    expect(() => pool.free(page)).toThrow(/double free/);
  });

  test("foreign pages and pages in a task are refused", () => {
    const pool = new HeapPool();
    expect(() => pool.free(new HeapPool().allocate(MIB)!)).toThrow(/foreign page/);
    expect(() => pool.free(Arena.create({ limitBytes: MIB }).allocate(MIB)!)).toThrow(PageError);
    const page = pool.allocate(MIB)!;
    page.number = 0;
    expect(() => pool.free(page)).toThrow(/freed while in a task/);
    page.number = FREED_IN_TASK;
    pool.free(page);
  });

  test("new buffers are zero, reused ones dirty", () => {
    const pool = new HeapPool();
    const page = pool.allocate(MIB)!;
    expect(page.views.u8.every((byte) => byte === 0)).toBe(true);
    page.views.u8[77] = 1;
    pool.free(page);
    expect(pool.allocate(MIB)!.views.u8[77]).toBe(1);
  });

  test("first freed, first used again", () => {
    const pool = new HeapPool();
    const pages = Array.from({ length: 11 }, () => pool.allocate(MIB)!);
    for (const page of pages) pool.free(page);
    expect(pages.map((page) => pool.allocate(MIB)!.views === page.views)).toEqual(pages.map(() => true));
    expect(pool.stats()).toMatchObject({ strongHits: 11, misses: 11, hotBytes: 0 });
  });

  test("the hot set is bounded, and what is over the bound is held weakly", async () => {
    const pool = new HeapPool({ hotBytes: 4 * MIB });
    let pages: Page[] | null = Array.from({ length: 8 }, () => pool.allocate(MIB)!);
    for (const page of pages) {
      pool.free(page);
      expect(pool.stats().hotBytes).toBeLessThanOrEqual(4 * MIB);
    }
    const hot = pool.stats().hotBytes / MIB;
    for (let i = 0; i < 8; i += 1) pool.allocate(MIB);
    expect(pool.stats()).toMatchObject({ strongHits: hot, weakHits: 8 - hot, misses: 8 });

    pages = Array.from({ length: 8 }, () => pool.allocate(MIB)!);
    for (const page of pages) pool.free(page);
    pages = null;
    for (let i = 0; i < 3; i += 1) {
      await turn();
      gc();
    }
    for (let i = 0; i < 8; i += 1) pool.allocate(MIB);
    expect(pool.stats().collected).toBeGreaterThan(0);
    expect(pool.stats().strongHits).toBeGreaterThan(hot);
  });

  test("trim lets everything go", () => {
    const pool = new HeapPool();
    const page = pool.allocate(2 * MIB)!;
    pool.free(page);
    expect(pool.trim()).toBe(2 * MIB);
    expect(pool.stats().hotBytes).toBe(0);
    expect(pool.allocate(2 * MIB)!.views === page.views).toBe(false);
  });

  test("a buffer that the host cannot make is null", () => {
    const pool = new HeapPool();
    expect(pool.allocate(2 ** 52) === null).toBe(true);
    expect(pool.stats().failures).toBe(1);
  });

  test("small pages are not kept", () => {
    const pool = new HeapPool();
    pool.free(pool.allocate(POOLED_FROM_BYTES - 8)!);
    expect(pool.stats().hotBytes).toBe(0);
  });
});
