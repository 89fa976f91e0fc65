// Flink's managed memory by its documented rule: "a TaskManager with three slots will dedicate 1/3 of its managed memory to each
// slot", and tasks do not compete for it.

import { expect, test } from "vitest";
import { MUST_WAIT, REFUSE } from "../../src/policy/policy.js";
import { slotsPolicy } from "../../src/policy/slots.js";
import { holder, thousand, view } from "./view.js";

const three = slotsPolicy(3);

test("three slots have a third each, however many tasks there are", () => {
  for (const entries of [1, 2, 3]) {
    expect(three.share(view({ entries, executionUsed: 0 }), 0, 200)).toBe(200);
    expect(three.share(view({ entries, executionUsed: 0 }), 0, 201)).toBe(0);
    expect(three.share(view({ entries, executionUsed: 100 }), 100, 101)).toBe(0);
  }
});

test("the slots are the executor's cores", () => {
  const executor = thousand({ policy: "slots", cores: 4 });
  const alone = holder(executor, 1);
  expect([alone.acquireMemory(150), executor.manager.policy.name]).toEqual([150, "slots"]);
  // A slot keeps its part when nobody else is there.
  expect([alone.acquireMemory(1), alone.asked]).toEqual([1, [["of 1", 1]]]);
});

test("no boundary moves, and storage keeps to itself", () => {
  expect(three.reclaim(view(), 1000)).toBe(0);
  expect(three.lend(view(), 400, "storage")).toBe(0);
  expect(three.lend(view(), 401, "unroll")).toBe(REFUSE);
  expect(three.evict(view(), 300, "storage", 0)).toBe(50);
});

test("with more tasks than slots the last waits for a slot, and gets it", () => {
  const executor = thousand({ policy: "slots", cores: 2 });
  const holders = [holder(executor, 1), holder(executor, 2)];
  for (const each of holders) each.acquireMemory(300);
  const third = holder(executor, 3);
  const step = executor.task(3).begin(third.acquireRequest(300));
  expect(step.waiting).toBe(true);
  executor.endTask(1);
  executor.manager.waits.settle();
  expect(step.value).toBe(300);
  executor.endTask(2);
  expect(executor.check()).toEqual([]);
});

test("who holds something is refused, not made to wait", () => {
  expect(three.share(view({ executionUsed: 600 }), 0, 1)).toBe(MUST_WAIT);
  expect(three.share(view({ executionUsed: 600 }), 1, 1)).toBe(0);
});
