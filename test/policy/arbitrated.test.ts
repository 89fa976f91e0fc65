// Velox' memory arbitration by the steps of its documentation: free memory first, then what is in use is reclaimed from the
// query with the most reclaimable memory, until the request is covered; whole or not at all.

import { describe, expect, test } from "vitest";
import { arbitrated } from "../../src/policy/arbitrated.js";
import { NOBODY } from "../../src/policy/policy.js";
import { holder, thousand, view } from "./view.js";

const claim = { task: 9, held: 0, missing: 10, waits: false };
const tasks = (...spillable: number[]) => spillable.map((bytes, task) => ({ task, held: 1000, spillable: bytes }));

test("the task with the most to give is named, the first of equals, the claimant among them", () => {
  expect(arbitrated.arbitrate!(view(), claim, tasks(1, 30, 20))).toBe(1);
  expect(arbitrated.arbitrate!(view(), claim, tasks(30, 30))).toBe(0);
  expect(arbitrated.arbitrate!(view(), { ...claim, task: 1 }, tasks(1, 30))).toBe(1);
  expect(arbitrated.arbitrate!(view(), claim, tasks(0, 0))).toBe(NOBODY);
  expect(arbitrated.arbitrate!(view(), claim, [])).toBe(NOBODY);
});

test("whole or nothing, without a bound of its own", () => {
  expect(arbitrated.share(view({ executionUsed: 0 }), 0, 600)).toBe(600);
  expect(arbitrated.share(view({ executionUsed: 1 }), 0, 600)).toBe(0);
});

describe("a query that needs more", () => {
  test("is given what is free before anybody spills", () => {
    const executor = thousand({ policy: "arbitrated" });
    const [a, b] = [holder(executor, 1), holder(executor, 2)];
    a.acquireMemory(600);
    expect([b.acquireMemory(400), a.asked]).toEqual([400, []]);
  });

  test("has the query with the most to give spill, then the next, until it is covered", () => {
    const executor = thousand({ policy: "arbitrated" });
    const [a, b, c] = [holder(executor, 1), holder(executor, 2), holder(executor, 3)];
    a.acquireMemory(300);
    b.acquireMemory(500);
    c.acquireMemory(200);
    expect(c.acquireMemory(700)).toBe(700);
    expect([a.asked, b.asked, c.asked]).toEqual([[["of 3", 700]], [["of 3", 700]], []]);
    expect([a.used, b.used, c.used]).toEqual([0, 0, 900]);
    expect(executor.check()).toEqual([]);
  });

  test("may have itself spill, when it has the most", () => {
    const executor = thousand({ policy: "arbitrated" });
    const [a, b] = [holder(executor, 1), holder(executor, 2)];
    a.acquireMemory(800);
    b.acquireMemory(200);
    expect(a.acquireMemory(100)).toBe(100);
    expect([a.asked, b.asked]).toEqual([[["of 1", 100]], []]);
  });

  test("within a query the order of spilling chooses the operator", () => {
    const executor = thousand({ policy: "arbitrated", spillOrder: "largest" });
    const [small, large] = [holder(executor, 1, "small"), holder(executor, 1, "large")];
    small.acquireMemory(300);
    large.acquireMemory(700);
    expect(holder(executor, 2).acquireMemory(100)).toBe(100);
    expect([small.asked, large.asked]).toEqual([[], [["of 2", 100]]]);
  });

  test("is told that it is too little when all have spilled and it is not enough; nobody is ended", () => {
    const executor = thousand({ policy: "arbitrated" });
    const [a, b] = [holder(executor, 1), holder(executor, 2)];
    executor.manager.acquireExecution(500, 7, 0);
    a.acquireMemory(300);
    expect(b.acquireMemory(600)).toBe(0);
    expect([a.used, a.asked, [...executor.tasks].length]).toEqual([0, [["of 2", 600]], 2]);
    expect(executor.check([0, 0], false)).toEqual([]);
  });

  test("passes over one that frees nothing", () => {
    const executor = thousand({ policy: "arbitrated" });
    const [stuck, other] = [holder(executor, 1), holder(executor, 2)];
    stuck.acquireMemory(600);
    stuck.most = 0;
    other.acquireMemory(400);
    expect(holder(executor, 3).acquireMemory(300)).toBe(300);
    expect([stuck.asked, other.asked]).toEqual([[["of 3", 300]], [["of 3", 300]]]);
  });

  test("waits for nobody, so a caller that cannot wait is always answered", () => {
    const executor = thousand({ policy: "arbitrated" });
    holder(executor, 1).acquireMemory(1000);
    expect(holder(executor, 2).acquireMemory(1000)).toBe(1000);
  });
});

test("the cache gives way to queries, and grows into what they leave", () => {
  const executor = thousand({ policy: "arbitrated" });
  for (let i = 0; i < 9; i += 1) expect(executor.store.putAccount(`rdd_0_${i}`, 100)).toBe(true);
  expect(holder(executor, 1).acquireMemory(950)).toBe(950);
  expect(executor.store.size).toBe(0);
  expect(executor.check()).toEqual([]);
});
