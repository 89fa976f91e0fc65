// Bootstrap intervals: what must hold of any, and how often they hold the truth.

import fc from "fast-check";
import { expect, test } from "vitest";
import { medianInterval, ratioInterval, type Sample } from "../../src/study/grid/interval.js";
import { median } from "../../src/study/statistics.js";
import { numbers, seeded } from "../help/seed.js";

const sample = fc.array(fc.double({ min: 1, max: 1000, noNaN: true }), { minLength: 1, maxLength: 6 });
const samples = fc.array(sample, { minLength: 1, maxLength: 5 });

test("an interval lies within what was measured, repeats from its seed, and scales with the values", () => {
  fc.assert(
    fc.property(samples, fc.nat(), (all, seed) => {
      const told = medianInterval(all, seed);
      expect(told.median).toBe(median(all.flat()));
      expect(told.low).toBeGreaterThanOrEqual(Math.min(...all.flat()));
      expect(told.high).toBeLessThanOrEqual(Math.max(...all.flat()));
      expect(told.low).toBeLessThanOrEqual(told.high);
      expect(medianInterval(all, seed)).toEqual(told);
      const doubled = medianInterval(
        all.map((one) => one.map((value) => 2 * value)),
        seed,
      );
      expect(doubled).toEqual({ median: 2 * told.median, low: 2 * told.low, high: 2 * told.high });
    }),
    seeded(30),
  );
});

test("what slows both modes alike leaves no doubt about their ratio", () => {
  const on: Sample[] = [
    [10, 10],
    [20, 20],
    [5, 5],
  ];
  const off = on.map((one) => one.map((value) => 1.5 * value));
  expect(ratioInterval(on, off, 1)).toEqual({ median: 1.5, low: 1.5, high: 1.5 });
  const { low, high } = medianInterval(on, 1);
  expect(high / low).toBe(4);
});

test("nothing measured gives no number", () => {
  expect(medianInterval([], 1)).toEqual({ median: Number.NaN, low: Number.NaN, high: Number.NaN });
  expect(ratioInterval([], [], 1).high).toBeNaN();
});

test("processes are what counts: repeating in three of them does not make the interval narrow", () => {
  const processes = [1, 2, 3];
  const few = medianInterval(
    processes.map((value) => [value]),
    7,
  );
  const many = medianInterval(
    processes.map((value) => Array<number>(50).fill(value)),
    7,
  );
  expect(few).toMatchObject({ low: 1, high: 3 });
  expect(many).toMatchObject({ low: 1, high: 3 });
});

test("intervals of ten processes hold the true ratio about as often as they claim", () => {
  const random = numbers(20_261_121);
  const noise = (): number => 1 + 0.2 * (random() + random() + random() - 1.5);
  let held = 0;
  const TRIALS = 100;
  for (let trial = 0; trial < TRIALS; trial += 1) {
    const processes = Array.from({ length: 10 }, () => {
      const [on, off] = [noise(), 1.3 * noise()];
      return [
        [on * noise(), on * noise(), on * noise()],
        [off * noise(), off * noise(), off * noise()],
      ] as const;
    });
    const { low, high } = ratioInterval(
      processes.map(([on]) => on),
      processes.map(([, off]) => off),
      trial,
    );
    if (low <= 1.3 && 1.3 <= high) held += 1;
  }
  expect(held).toBeGreaterThanOrEqual(88);
});
