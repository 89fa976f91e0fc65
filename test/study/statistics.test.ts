// Medians, histograms and thinning against the plain definitions.

import fc from "fast-check";
import { expect, test } from "vitest";
import { GcWatch } from "../../src/study/gc.js";
import { Histogram } from "../../src/study/histogram.js";
import { median, nearestToMedian, spread } from "../../src/study/statistics.js";
import { thinned, Timeline } from "../../src/study/timeline.js";

const SEED = { seed: 20_261_121, numRuns: 300 };

test("median and range", () => {
  expect(median([3, 1, 2])).toBe(2);
  expect(median([4, 1, 3, 2])).toBe(2.5);
  expect(median([])).toBeNaN();
  expect(spread([5, 9, 1])).toEqual({ median: 5, least: 1, most: 9 });
  expect(nearestToMedian([10, 1, 4, 5])).toBe(2);
});

test("a quantile is within a bucket's width of the exact one", () => {
  const values = fc.array(
    fc.integer({ min: 0, max: 2 ** 31 - 1 }).map((n) => n >> (n % 25)),
    { minLength: 1 },
  );
  fc.assert(
    fc.property(values, fc.constantFrom(0, 0.25, 0.5, 0.9), (all, q) => {
      const histogram = new Histogram();
      for (const value of all) histogram.record(value);
      const exact = [...all].sort((a, b) => a - b)[Math.max(0, Math.ceil(q * all.length) - 1)]!;
      const told = histogram.quantile(q);
      if (all.length * (1 - q) < 1) expect(told).toBeNull();
      else expect(Math.abs(told! - exact)).toBeLessThanOrEqual(exact / 32 + 0.5);
      expect(histogram.filled().reduce((sum, [, , count]) => sum + count, 0)).toBe(all.length);
      for (const [low, beyond] of histogram.filled()) expect(all.some((v) => v >= low && v < beyond)).toBe(true);
    }),
    SEED,
  );
});

test("histograms add up, and huge values share the last bucket", () => {
  const [a, b] = [new Histogram(), new Histogram()];
  a.record(10);
  b.record(2 ** 40);
  a.add(b);
  expect([a.total, a.most, a.filled().length]).toEqual([2, 2 ** 40, 2]);
});

test("thinning keeps the ends, the order, and the extremes of every column", () => {
  const column = fc.array(fc.integer({ min: -1000, max: 1000 }), { minLength: 1, maxLength: 400 });
  fc.assert(
    fc.property(column, fc.integer({ min: 10, max: 100 }), (values, most) => {
      const columns = [Float64Array.from(values), Float64Array.from(values, (value) => -2 * (value % 7))];
      const places = thinned(columns, most);
      expect(places.length).toBeLessThanOrEqual(Math.max(most, 10));
      expect(places).toEqual([...new Set(places)].sort((x, y) => x - y));
      expect([places[0], places.at(-1)]).toEqual([0, values.length - 1]);
      for (const c of columns) {
        expect(Math.max(...places.map((i) => c[i]!))).toBe(Math.max(...c));
        expect(Math.min(...places.map((i) => c[i]!))).toBe(Math.min(...c));
      }
    }),
    SEED,
  );
});

test("a timeline keeps every sample as it grows", () => {
  const timeline = new Timeline();
  for (let i = 0; i < 3000; i += 1) timeline.add(i, 4 * i, 3 * i, 2 * i, -i);
  const { ms, executionSize, storageUsed } = timeline.samples();
  expect([ms.length, ms[2999], executionSize[2999], storageUsed[1025]]).toEqual([3000, 2999, 11_996, -1025]);
});

test("a collection is seen in its time and no other", async () => {
  expect(globalThis.gc, "tests run with --expose-gc").toBeTypeOf("function");
  const watch = new GcWatch();
  const before = performance.now();
  globalThis.gc!();
  const after = performance.now();
  const pauses = await watch.between(before, after);
  expect(pauses.some(({ kind, durationMs }) => kind === "major" && durationMs > 0)).toBe(true);
  expect(pauses.every(({ startMs }) => startMs >= before && startMs < after)).toBe(true);
  expect(await watch.between(before, after)).toEqual([]);
});
