import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { readTrace } from "../../src/alloc-trace/read.js";
import {
  ALLOCATE,
  ALLOCATE_ZEROED,
  FREE,
  NOTHING,
  REALLOCATE,
  TraceError,
  type AllocTrace,
  type TraceFormat,
} from "../../src/alloc-trace/trace.js";
import { encodeMallocBench } from "./encode.js";

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
const rows = (trace: AllocTrace): number[][] =>
  Array.from({ length: trace.operations }, (_, i) => [
    trace.kinds[i]!,
    trace.blocks[i]!,
    trace.bytes[i]!,
    trace.aligns[i]!,
  ]);
const placeOf = (bytes: Uint8Array | string, format: TraceFormat): unknown => {
  try {
    readTrace(typeof bytes === "string" ? utf8(bytes) : bytes, format, "a.trace");
  } catch (error) {
    expect(error).toBeInstanceOf(TraceError);
    expect((error as TraceError).message).toContain("a.trace");
    return (error as TraceError).place;
  }
  return "readable";
};

test.each([
  ["find", 1130, 567, 66_494],
  ["grep-random-data", 198, 122, 53_926],
  ["ls", 82, 45, 55_989],
  ["source-map", 2402, 2087, 1_735_775],
])("%s: the operations and the peak that its collection states", (name, operations, allocations, peak) => {
  const file = fileURLToPath(new URL(`../golden/alloc/${name}.trace.gz`, import.meta.url));
  const trace = readTrace(gunzipSync(readFileSync(file)), "wee", name);
  expect(trace.operations).toBe(operations);
  expect(trace.kinds.filter((kind) => kind === ALLOCATE).length).toBe(allocations);
  const held = new Float64Array(trace.blockCount);
  let live = 0;
  let highest = 0;
  for (const [kind, block, bytes] of rows(trace)) {
    live += bytes! - held[block!]!;
    held[block!] = bytes!;
    expect(kind === ALLOCATE || kind === FREE).toBe(true);
    highest = Math.max(highest, live);
  }
  expect(highest).toBe(peak);
});

test("android: all 64 bits of a pointer count", () => {
  const pointer = (i: number): string => `0x${(0xb400007a1b2c3000n + 16n * BigInt(i)).toString(16)}`;
  const lines: string[] = [];
  for (let i = 0; i < 1000; i += 1) lines.push(`1: malloc ${pointer(i)} ${i % 2 === 0 ? 16 : 4096}`);
  for (let i = 1; i < 1000; i += 2) lines.push(`1: free ${pointer(i)}`);
  lines.push("1: free 0x0", `1: realloc ${pointer(1)} 0x0 10`, "1: malloc 0x10 18446744073709551615");
  const trace = readTrace(utf8(`${lines.join("\n")}\n`), "android", "t");
  const freed = rows(trace).filter(([kind]) => kind === FREE);
  expect(freed.map(([, block]) => block)).toEqual(Array.from({ length: 500 }, (_, i) => 2 * i + 1));
  expect(trace.blockCount).toBe(1000);
  expect(rows(trace).slice(1500)).toEqual([
    [NOTHING, 0, 0, 0],
    [ALLOCATE, 999, 10, 0],
    [ALLOCATE, 997, 2 ** 64, 0],
  ]);
});

describe("wee", () => {
  test("ordinals of Allocs become block numbers", () => {
    const trace = readTrace(utf8("Alloc(5),\nAlloc(0),\n\nFree(0),\nAlloc(7),\nFree(2),\nFree(1),\n"), "wee", "t");
    expect(rows(trace)).toEqual([
      [ALLOCATE, 0, 5, 0],
      [ALLOCATE, 1, 0, 0],
      [FREE, 0, 0, 0],
      [ALLOCATE, 0, 7, 0],
      [FREE, 0, 0, 0],
      [FREE, 1, 0, 0],
    ]);
    expect(trace.blockCount).toBe(2);
  });

  test.each([
    ["", 1],
    ["\n\n", 1],
    ["Alloc(5),\nFree(1),\n", 2],
    ["Alloc(5),\nFree(0),\nFree(0),\n", 3],
    ["Alloc(5),\nAlloc(", 2],
    ["Alloc(5),\nAlloc(5)", 2],
    ["Alloc(-5),\n", 1],
    ["202: malloc 0x10 5\n", 1],
  ])("%j is refused with its line", (text, line) => {
    expect(placeOf(text, "wee")).toEqual({ line });
  });

  test("binary input is refused with its byte", () => {
    expect(placeOf(new Uint8Array([65, 66, 0, 1]), "wee")).toEqual({ offset: 2 });
  });
});

describe("android", () => {
  test("pointers name blocks; NULL is nobody", () => {
    const text = [
      "1: malloc 0x10 100",
      "2: calloc 0x20 3 8",
      "1: memalign 0x30 64 9",
      "1: realloc 0x40 0x10 200",
      "1: realloc 0x50 0x0 7",
      "1: realloc 0x0 0x50 0",
      "1: free 0x0",
      "1: thread_done 0x0",
      "2: free 0x40",
      "",
    ].join("\n");
    expect(rows(readTrace(utf8(text), "android", "t"))).toEqual([
      [ALLOCATE, 0, 100, 0],
      [ALLOCATE_ZEROED, 1, 24, 0],
      [ALLOCATE, 2, 9, 64],
      [REALLOCATE, 0, 200, 0],
      [ALLOCATE, 3, 7, 0],
      [FREE, 3, 0, 0],
      [NOTHING, 0, 0, 0],
      [FREE, 0, 0, 0],
    ]);
  });

  test("a pointer given out before the line that frees it: the oldest block is freed", () => {
    const text = "1: malloc 0x10 1\n2: malloc 0x10 2\n1: free 0x10\n2: free 0x10\n";
    expect(rows(readTrace(utf8(text), "android", "t")).map((row) => row[1])).toEqual([0, 1, 0, 1]);
  });

  test.each([
    ["1: free 0x10\n", 1],
    ["1: malloc 0x10 1\n1: realloc 0x20 0x30 5\n", 2],
    ["1: malloc 0x10\n", 1],
    ["1: malloc 0x10 5 6\n", 1],
    ["1: memalign 0x10 24 6\n", 1],
    ["1: valloc 0x10 5\n", 1],
    ["malloc 0x10 5\n", 1],
    ["Alloc(5),\n", 1],
  ])("%j is refused with its line", (text, line) => {
    expect(placeOf(text, "android")).toEqual({ line });
  });
});

describe("malloc-bench", () => {
  const message = encodeMallocBench(
    [
      { malloc: { id: 0, size: 5 } },
      { calloc: { id: 1, count: 3, size: 8 } },
      { malloc: { id: 2, size: 300, alignment: 64 } },
      { realloc: { id: 3, input: 0, size: 36e9 } },
      { realloc: { id: 0, size: 9 } },
      { free: { input: 3 } },
      { free: {} },
      { realloc: { input: 0, size: 0 } },
    ],
    3,
  );

  test("each operation, and NULL where an id is absent", () => {
    expect(rows(readTrace(message, "malloc-bench", "t"))).toEqual([
      [ALLOCATE, 0, 5, 0],
      [ALLOCATE_ZEROED, 1, 24, 0],
      [ALLOCATE, 2, 300, 64],
      [REALLOCATE, 0, 36e9, 0],
      [ALLOCATE, 3, 9, 0],
      [FREE, 0, 0, 0],
      [NOTHING, 0, 0, 0],
      [FREE, 3, 0, 0],
    ]);
  });

  test("a message cut anywhere is refused", () => {
    for (let length = 0; length < message.length; length += 1)
      expect(placeOf(message.subarray(0, length), "malloc-bench"), `${length}`).toHaveProperty("offset");
  });

  test.each([
    ["another field", [0x1a, 0]],
    ["another wire type", [0x0d, 0, 0, 0, 0]],
    ["an empty operation", [0x0a, 0]],
    ["an unknown operation", [0x0a, 2, 0x2a, 0]],
    ["two sub-messages", [0x0a, 4, 0x12, 0, 0x12, 0]],
    ["a length behind the end", [0x0a, 9, 0x12, 0]],
    ["text", [...utf8("Alloc(5),\n")]],
  ])("%s is refused at its byte", (_, bytes) => {
    expect(placeOf(new Uint8Array(bytes), "malloc-bench")).toHaveProperty("offset");
  });

  test.each([
    ["freed twice", [{ malloc: { id: 0, size: 5 } }, { free: { input: 0 } }, { free: { input: 0 } }]],
    ["given out twice", [{ malloc: { id: 0, size: 5 } }, { malloc: { id: 0, size: 5 } }]],
    ["aligned to 24", [{ malloc: { id: 0, size: 5, alignment: 24 } }]],
  ])("a block %s is refused", (_, operations) => {
    expect(placeOf(encodeMallocBench(operations, 1), "malloc-bench")).toHaveProperty("offset");
  });
});
