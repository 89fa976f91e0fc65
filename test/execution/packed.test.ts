// Packed pointers and their sorts: scenario P1 of the law, and both sorts against the language's stable one.

import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  MAX_PACKED_PAGE_BYTES,
  MAX_PARTITIONS,
  mergeSortPacked,
  packedOffset,
  packedPage,
  packHigh,
  packLow,
  partitionOf,
  radixSortPacked,
} from "../../src/execution/packed.js";
import { AssertionError } from "../../src/fault.js";
import { MAX_PAGES } from "../../src/memory/address.js";
import { Views } from "../../src/memory/views.js";
import { numbers, seeded } from "../help/seed.js";

function roundTrip(partition: number, page: number, offset: number): number[] {
  // As they lie in an array: 32 bits, signed.
  const halves = Int32Array.of(packLow(page, offset), packHigh(partition, page));
  const [low, high] = [halves[0]!, halves[1]!];
  return [partitionOf(high), packedPage(high, low), packedOffset(low)];
}

describe("13.8 sorters", () => {
  test("P1: partition, page and offset in one word", () => {
    expect(roundTrip(360, 1, 42)).toEqual([360, 1, 42]);
    expect(roundTrip(MAX_PARTITIONS - 1, 1, 42)).toEqual([16_777_215, 1, 42]);
    expect(() => packHigh(16_777_216, 1)).toThrow(AssertionError);
    expect(() => packHigh(-1, 1)).toThrow(AssertionError);
    expect(roundTrip(360, 1, 2 ** 27 - 1)).toEqual([360, 1, 2 ** 27 - 1]);
    expect(roundTrip(360, 1, 2 ** 27)).toEqual([360, 1, 0]);
    expect(MAX_PACKED_PAGE_BYTES).toBe(134_217_728);
  });
});

test("every part round-trips", () => {
  fc.assert(
    fc.property(
      fc.nat({ max: MAX_PARTITIONS - 1 }),
      fc.nat({ max: MAX_PAGES - 1 }),
      fc.nat({ max: MAX_PACKED_PAGE_BYTES - 1 }),
      (partition, page, offset) => {
        expect(roundTrip(partition, page, offset)).toEqual([partition, page, offset]);
      },
    ),
    seeded(500),
  );
});

/** Words of (partition, place) with as much room behind them as `spare` words, and a guard after that. */
function filled(partitions: readonly number[], at: number, spare: number): Views {
  const views = new Views(new ArrayBuffer(at + (partitions.length + spare + 1) * 8));
  partitions.forEach((partition, i) => {
    views.i32[at / 4 + 2 * i] = i;
    views.i32[at / 4 + 2 * i + 1] = packHigh(partition, i & 8191);
  });
  views.f64[at / 8 + partitions.length + spare] = 4.75;
  return views;
}

function sorted(partitions: readonly number[]): [number, number][] {
  return partitions.map((partition, i): [number, number] => [partition, i]).sort((a, b) => a[0] - b[0]);
}

function read({ i32 }: Views, at: number, n: number): [number, number][] {
  return Array.from({ length: n }, (_, i) => [partitionOf(i32[at / 4 + 2 * i + 1]!), i32[at / 4 + 2 * i]!]);
}

const widths = [1, 2, 300, 4095, 4096, 5000, 2 ** 24];
const next = numbers(7);
const cases = widths.flatMap((width) =>
  [0, 1, 2, 3, 7, 100, 1001, 5000].map((n) => Array.from({ length: n }, () => Math.floor(next() * width))),
);
// Only the upper digit differs; only the lower one; both, falling.
cases.push([4096, 0, 8192, 0, 4096], [5, 3, 4, 3, 5], [2 ** 24 - 1, 2 ** 23, 4097, 4096, 1, 0]);

test("the radix sort is stable, and stays within what it was given", () => {
  for (const partitions of cases) {
    const n = partitions.length;
    const views = filled(partitions, 24, n);
    const at = radixSortPacked(views, 24, n, 24 + n * 8);
    expect(read(views, at, n)).toEqual(sorted(partitions));
    expect(views.f64[3 + 2 * n]).toBe(4.75);
  }
});

test("the merge sort does with half of the room", () => {
  for (const partitions of cases) {
    const n = partitions.length;
    const views = filled(partitions, 8, Math.ceil(n / 2));
    mergeSortPacked(views, 8, n);
    expect(read(views, 8, n)).toEqual(sorted(partitions));
    expect(views.f64[1 + n + Math.ceil(n / 2)]).toBe(4.75);
  }
});
