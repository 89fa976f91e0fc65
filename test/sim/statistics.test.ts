// Intervals, the sign-flip test and Holm's correction against closed forms and worked examples.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  bootstrapMean,
  EXACT_PAIRS,
  holm,
  leastP,
  mean,
  pairedDifference,
  RESAMPLES,
  signFlip,
} from "../../src/sim/statistics.js";
import { Random } from "../../src/trace/random.js";
import { seeded } from "../help/seed.js";

const SKEWED = Array.from({ length: 20 }, (_, i) => i * i * i);

describe("the bootstrap interval of a mean", () => {
  test("is that of the normal law for many values: the mean +- 1.96 s / sqrt(n)", () => {
    const random = new Random(5);
    const values = Array.from({ length: 400 }, () => random.fraction() + random.fraction() + random.fraction());
    const m = mean(values);
    const s = Math.sqrt(values.reduce((sum, v) => sum + (v - m) ** 2, 0) / values.length);
    const half = (1.96 * s) / Math.sqrt(values.length);
    const { low, high } = bootstrapMean(values, 1);
    expect(low).toBeCloseTo(m - half, 2);
    expect(high).toBeCloseTo(m + half, 2);
  });

  test("covers the true mean about as often as it says", () => {
    let covered = 0;
    for (let seed = 0; seed < 120; seed += 1) {
      const random = new Random(1000 + seed);
      const { low, high } = bootstrapMean(
        Array.from({ length: 30 }, () => random.fraction()),
        seed,
      );
      if (low <= 0.5 && 0.5 <= high) covered += 1;
    }
    // 95 % of 120, less what a sample of 30 and three standard deviations (7) may cost.
    expect(covered).toBeGreaterThanOrEqual(105);
    expect(covered).toBeLessThanOrEqual(119);
  });

  test("repeats from its seed, has no width for one value, and is NaN of nothing", () => {
    expect(bootstrapMean([1, 2, 4], 7)).toEqual(bootstrapMean([1, 2, 4], 7));
    expect(bootstrapMean(SKEWED, 7)).not.toEqual(bootstrapMean(SKEWED, 8));
    expect(bootstrapMean([3], 1)).toEqual({ mean: 3, low: 3, high: 3 });
    expect(bootstrapMean([], 1).mean).toBeNaN();
  });
});

describe("the sign-flip test", () => {
  test("counts patterns of signs: worked by hand", () => {
    // All of one sign: only that pattern and its mirror are as far.
    expect(signFlip([1, 2, 3, 4, 5], 1)).toBe(2 / 32);
    // 1 + 2 - 3 = 0: everything is as far.
    expect(signFlip([1, 2, -3], 1)).toBe(1);
    // Sums of +-1 +-2 +-4 are -7, -5 .. 7: |5| or more are 4 of 8.
    expect(signFlip([-1, 2, 4], 1)).toBe(4 / 8);
    expect(signFlip([0, 0, 0], 1)).toBe(1);
    expect(signFlip([0, 5], 1)).toBe(1);
  });

  test("drawn patterns come near to the exact ones", () => {
    // Sixteen ones, of which k are negative: the sum is 16 - 2 k, and exact tails are binomial.
    const values = Array.from({ length: 16 }, (_, i) => (i < 4 ? -1 : 1));
    let tail = 0;
    let ways = 1;
    for (let k = 0; k <= 4; k += 1) {
      tail += ways;
      ways = (ways * (16 - k)) / (k + 1);
    }
    const exact = (2 * tail) / 2 ** 16;
    const spread = Math.sqrt((exact * (1 - exact)) / RESAMPLES);
    expect(Math.abs(signFlip(values, 3) - exact)).toBeLessThan(4 * spread);
  });

  test("does not depend on the unit or on which policy comes first", () => {
    const pairs = fc.array(fc.integer({ min: -1000, max: 1000 }), { minLength: 1, maxLength: EXACT_PAIRS });
    fc.assert(
      fc.property(pairs, (values) => {
        const p = signFlip(values, 1);
        expect(
          signFlip(
            values.map((v) => -v),
            1,
          ),
        ).toBe(p);
        expect(
          signFlip(
            values.map((v) => v * 1e6),
            1,
          ),
        ).toBe(p);
        expect(p).toBeGreaterThanOrEqual(leastP(values.length));
        expect(p).toBeLessThanOrEqual(1);
      }),
      seeded(100),
    );
  });

  test("is right as often as it says where there is no difference", () => {
    let rejected = 0;
    for (let seed = 0; seed < 400; seed += 1) {
      const random = new Random(seed);
      if (
        signFlip(
          Array.from({ length: 10 }, () => random.fraction() - 0.5),
          seed,
        ) < 0.05
      )
        rejected += 1;
    }
    expect(rejected).toBeLessThan(400 * 0.05 + 3 * Math.sqrt(400 * 0.05 * 0.95));
    expect(rejected).toBeGreaterThan(0);
  });
});

test("a paired difference is of the pairs, not of the samples", () => {
  const a = [10, 200, 3000, 40_000, 500_000, 6_000_000];
  const {
    mean: by,
    low,
    high,
    p,
  } = pairedDifference(
    a,
    a.map((v) => v + 1),
    1,
  );
  expect([by, low, high]).toEqual([1, 1, 1]);
  expect(p).toBe(2 / 64);
});

test("Holm's correction: the worked example of four p-values, order kept, never above 1", () => {
  expect(holm([0.01, 0.04, 0.03, 0.005]).map((p) => Number(p.toFixed(4)))).toEqual([0.03, 0.06, 0.06, 0.02]);
  expect(holm([0.5, 0.9])).toEqual([1, 1]);
  expect(holm([])).toEqual([]);
});
