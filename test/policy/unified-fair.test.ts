// Spark's rules with one more: who would have to wait may make the largest holder of another task spill.

import { describe, expect, test } from "vitest";
import { NOBODY } from "../../src/policy/policy.js";
import { unified } from "../../src/policy/unified.js";
import { unifiedFair } from "../../src/policy/unified-fair.js";
import { holder, thousand, view } from "./view.js";

const waits = { task: 1, held: 0, missing: 100, waits: true };
const task = (id: number, held: number) => ({ task: id, held, spillable: 1 });

describe("names", () => {
  test("nobody for a task that does not starve", () =>
    expect(unifiedFair.arbitrate!(view(), { ...waits, waits: false }, [task(2, 600)])).toBe(NOBODY));

  test("the largest holder above 1/N", () =>
    expect(unifiedFair.arbitrate!(view(), waits, [task(2, 301), task(3, 310), task(4, 305)])).toBe(1));

  test("nobody within 1/N, and not the claimant", () =>
    expect(unifiedFair.arbitrate!(view(), waits, [task(1, 600), task(2, 300)])).toBe(NOBODY));
});

test("is unified in everything else", () => {
  expect({ ...unifiedFair, name: "unified", arbitrate: undefined }).toEqual(unified);
});

test("a starving task gets its part at once, where Spark has it wait", () => {
  for (const [policy, got] of [
    ["unified", null],
    ["unified-fair", 500],
  ] as const) {
    const executor = thousand({ policy });
    const [rich, poor] = [holder(executor, 1), holder(executor, 2)];
    rich.acquireMemory(1000);
    rich.most = 700;
    const step = executor.task(2).begin(poor.acquireRequest(600));
    expect([policy, step.waiting ? null : step.value, rich.asked.length]).toEqual([policy, got, got === null ? 0 : 1]);
    step.cancel(new Error("the test is over"));
    expect(executor.check()).toEqual([]);
  }
});

test("a caller that cannot wait is served too", () => {
  const executor = thousand({ policy: "unified-fair" });
  const [rich, poor] = [holder(executor, 1), holder(executor, 2)];
  rich.acquireMemory(1000);
  expect([poor.acquireMemory(400), rich.asked]).toEqual([400, [["of 2", 400]]]);
});

test("it waits where the largest holder has nothing to spill, and looks again after a release", () => {
  const executor = thousand({ policy: "unified-fair" });
  const [rich, poor] = [holder(executor, 1), holder(executor, 2)];
  rich.acquireMemory(1000);
  rich.most = 0;
  const step = executor.task(2).begin(poor.acquireRequest(400));
  expect([step.waiting, rich.asked.length]).toEqual([true, 1]);
  rich.most = Infinity;
  rich.freeMemory(1);
  executor.manager.waits.settle();
  expect([step.value, rich.used]).toEqual([400, 0]);
  expect(executor.check()).toEqual([]);
});
