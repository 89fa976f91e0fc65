// The model of contention at its ends, where its answer is known.

import { describe, expect, it } from "vitest";
import { decisionCosts, holdNs, opsPerSecond } from "../../bench/contention-model.js";

const costs = { decision: 100, slot: 2, line: 50, sleep: 5000 };
const demand = { decisions: 0.5, sleeps: 0, aside: 300 };

describe("the model of contention", () => {
  it("is the time of one worker, for one worker", () => {
    expect(opsPerSecond(costs, demand, 1, 1)).toBeCloseTo(1e9 / (300 + 0.5 * 102));
  });

  it("is the lock alone, for many workers on many cores", () => {
    const hold = holdNs(costs, 200, 200);
    expect(hold).toBeCloseTo(100 + 2 * 200 + (199 / 200) * 50 * 205);
    expect(opsPerSecond(costs, demand, 200, 200)).toBeCloseTo(1e9 / (0.5 * hold), 0);
  });

  it("is as many times one worker as there are cores, where nothing is decided to speak of", () => {
    const rare = { ...demand, decisions: 1e-9 };
    expect(opsPerSecond(costs, rare, 16, 16) / opsPerSecond(costs, rare, 1, 1)).toBeCloseTo(16, 3);
  });

  it("takes sleeps and workers beyond the cores as a cost", () => {
    expect(opsPerSecond(costs, { ...demand, sleeps: 0.01 }, 2, 2)).toBeLessThan(opsPerSecond(costs, demand, 2, 2));
    expect(opsPerSecond(costs, demand, 8, 2)).toBeLessThan(opsPerSecond(costs, demand, 2, 2));
  });

  it("draws the line through two decisions", () => {
    expect(decisionCosts({ tasks: 1, ns: 102 }, { tasks: 64, ns: 228 })).toEqual({ slot: 2, decision: 100 });
  });
});
