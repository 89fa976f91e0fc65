import { describe, expect, test } from "vitest";
import { Arena } from "../../src/memory/arena.js";
import { DebugPages } from "../../src/memory/debug.js";
import { HeapPool } from "../../src/memory/heap.js";
import { PageError } from "../../src/memory/page-error.js";
import { FREED_IN_ALLOCATOR, FREED_IN_TASK, type PageAllocator } from "../../src/memory/page.js";

const MIB = 2 ** 20;
const makers: [string, () => PageAllocator][] = [
  ["heap", () => new HeapPool()],
  ["arena", () => Arena.create({ limitBytes: 16 * MIB, shared: false })],
];

const faultOf = (act: () => unknown): unknown => {
  try {
    act();
  } catch (error) {
    expect(error).toBeInstanceOf(PageError);
    const { fault, owner } = error as PageError;
    return [fault, owner];
  }
  return "none";
};

describe.each(makers)("debug pages over the %s", (_, make) => {
  const create = (): DebugPages => new DebugPages(make(), { describe: (page) => `sorter of ${page.bytes}` });
  test.each([1, 100, 4097, MIB])(
    "A4: %i bytes are 0xA5 after allocate, again after reuse, and 0x5A after free",
    (bytes) => {
      const pages = create();
      for (let round = 0; round < 2; round += 1) {
        const page = pages.allocate(bytes)!;
        const held = (): Uint8Array => page.views.u8.subarray(page.base, page.base + bytes);
        expect(held().every((byte) => byte === 0xa5)).toBe(true);
        expect(page.base % 16).toBe(0);
        pages.free(page);
        expect(held().every((byte) => byte === 0x5a)).toBe(true);
        expect(page.number).toBe(FREED_IN_ALLOCATOR);
      }
      pages.check();
    },
  );

  test("A1 holds: the same bytes are used again", () => {
    const pages = create();
    const page = pages.allocate(MIB)!;
    pages.free(page);
    const again = pages.allocate(MIB)!;
    expect([again.views, again.base]).toEqual([page.views, page.base]);
  });

  test.each([0, 1, 63])("a write %i bytes past the end is caught at free, with the owner's name", (past) => {
    const pages = create();
    const page = pages.allocate(1001)!;
    page.views.u8[page.base + 1001 + past] = 0;
    expect(faultOf(() => pages.check())).toEqual(["write past the end", "sorter of 1001"]);
    expect(faultOf(() => pages.free(page))).toEqual(["write past the end", "sorter of 1001"]);
    expect(page.number).toBe(FREED_IN_ALLOCATOR);
  });

  test("a write before the start is caught at free, with the owner's name", () => {
    const pages = create();
    const page = pages.allocate(1000)!;
    page.views.u8[page.base - 1] = 0;
    expect(faultOf(() => pages.free(page))).toEqual(["write before the start", "sorter of 1000"]);
  });

  test("a write into a freed page is caught at check", () => {
    const pages = create();
    const page = pages.allocate(5000)!;
    pages.free(page);
    page.views.u8[page.base + 4000] = 1;
    expect(faultOf(() => pages.check())).toEqual(["write after free", "sorter of 5000"]);
  });

  test("a write into a freed page is caught when it is handed out again", () => {
    const pages = create();
    const page = pages.allocate(2 * MIB)!;
    pages.free(page);
    page.views.u8[page.base] = 1;
    expect(faultOf(() => pages.allocate(2 * MIB))).toEqual(["write after free", "sorter of 2097152"]);
    pages.free(pages.allocate(2 * MIB)!);
    pages.check();
  });

  test("double free, foreign free and free in a task are caught and named", () => {
    const pages = create();
    const page = pages.allocate(3000)!;
    page.number = 5;
    expect(faultOf(() => pages.free(page))).toEqual(["freed while in a task", "sorter of 3000"]);
    page.number = FREED_IN_TASK;
    pages.free(page);
    expect(faultOf(() => pages.free(page))).toEqual(["double free", "sorter of 3000"]);
    expect(faultOf(() => pages.free(create().allocate(10)!))).toEqual(["foreign page", "sorter of 10"]);
  });

  test("what follows the rules is silent", () => {
    const pages = create();
    const held = Array.from({ length: 50 }, (_x, i) => pages.allocate(500 + 37 * i)!);
    for (const page of held) page.views.u8.fill(9, page.base, page.base + page.bytes);
    for (const page of held) if (page.bytes % 2 === 0) pages.free(page);
    for (let i = 0; i < 30; i += 1) pages.allocate(700)!;
    pages.check();
    for (const page of held) if (page.bytes % 2 === 1) pages.free(page);
    pages.check();
  });

  test("a refusal of the allocator inside stays a refusal", () => {
    const pages = new DebugPages(Arena.create({ limitBytes: 1024, shared: false }));
    expect(pages.allocate(4000)).toBeNull();
  });
});
