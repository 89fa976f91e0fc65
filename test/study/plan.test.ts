// What the flags make of the Spark configuration of each mode.

import { expect, test } from "vitest";
import { ConfigError } from "../../src/config/keys.js";
import { OFF_HEAP, ON_HEAP } from "../../src/memory/mode.js";
import { type Budget, confOf, neededBytes, numbersOf } from "../../src/study/plan.js";
import { generateTable } from "../../src/study/generate.js";

const MIB = 2 ** 20;
const NEED = 20 * MIB;
const asked: Budget = { memoryBytes: null, pageBytes: null, compress: null, cores: 1, conf: {} };
const totals = (budget: Budget): [number, number] => [
  numbersOf(confOf(ON_HEAP, budget, NEED), budget.cores).onHeap.total,
  numbersOf(confOf(OFF_HEAP, budget, NEED), budget.cores).offHeap.total,
];

test("both modes get a fifth of the need, or what --memory says", () => {
  expect(totals(asked)).toEqual([4 * MIB, 4 * MIB]);
  expect(totals({ ...asked, memoryBytes: 3 * MIB + 1 })).toEqual([3 * MIB + 1, 3 * MIB + 1]);
  const conf = { "spark.testing.memory": "1000000000", "spark.memory.offHeap.size": "1g" };
  expect(totals({ ...asked, memoryBytes: MIB, conf })).toEqual([MIB, MIB]);
});

test("a size for one mode is the budget of both; a heap of the user's own stays as Spark reads it", () => {
  expect(totals({ ...asked, conf: { "spark.memory.offHeap.size": "6m" } })).toEqual([6 * MIB, 6 * MIB]);
  const [onHeap, offHeap] = totals({ ...asked, conf: { "spark.executor.memory": "1g" } });
  const total = Math.floor((1024 - 300) * MIB * 0.6);
  expect([onHeap, offHeap]).toEqual([total, total]);
});

test("pages follow Spark's rule from 64 KiB on, unless they are named", () => {
  const pages = (budget: Budget): string => confOf(OFF_HEAP, budget, NEED)["spark.buffer.pageSize"]!;
  expect(pages({ ...asked, memoryBytes: 4 * MIB })).toBe(String((2 * MIB) / 16));
  expect(pages({ ...asked, memoryBytes: MIB })).toBe(String(2 ** 16));
  expect(pages({ ...asked, memoryBytes: 4 * MIB, cores: 2 })).toBe(String(2 ** 16));
  expect(pages({ ...asked, memoryBytes: 64 * 1024 * MIB })).toBe(String(64 * MIB));
  expect(pages({ ...asked, pageBytes: 4096 })).toBe("4096");
  expect(pages({ ...asked, pageBytes: 4096, conf: { "spark.buffer.pageSize": "1m" } })).toBe("4096");
  expect(pages({ ...asked, conf: { "spark.buffer.pageSize": "1m" } })).toBe("1m");
});

test("compression is said only where it was asked for", () => {
  const compress = (budget: Budget) => confOf(ON_HEAP, budget, NEED)["spark.shuffle.spill.compress"];
  expect(compress(asked)).toBeUndefined();
  expect(compress({ ...asked, compress: false })).toBe("false");
  expect(compress({ ...asked, compress: false, conf: { "spark.shuffle.spill.compress": "true" } })).toBe("false");
  expect(compress({ ...asked, conf: { "spark.shuffle.spill.compress": "false" } })).toBe("false");
});

test("what Spark refuses is refused", () => {
  const conf = { "spark.memory.storageFraction": "1.5" };
  expect(() => numbersOf(confOf(ON_HEAP, { ...asked, conf }, NEED), 1)).toThrow(ConfigError);
});

test("the need is rows, their lengths, and a pointer array that doubles", () => {
  expect(neededBytes(generateTable(1000, 1))).toBe(16_000 + 4000 + 8 * 4096);
});
