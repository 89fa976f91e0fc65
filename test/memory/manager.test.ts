// The manager at its edges: what observers and policies may not break, and what a refusal leaves behind.

import { describe, expect, test } from "vitest";
import { AssertionError } from "../../src/fault.js";
import { EntryLost, MemoryManager } from "../../src/memory/manager.js";
import { MUST_WAIT, type Policy, REFUSE } from "../../src/policy/policy.js";
import { unified } from "../../src/policy/unified.js";
import { OFF_HEAP, ON_HEAP, region, smallExecutor, StubbedManager } from "./doubles.js";

describe("observers", () => {
  test("are told of what the common path never does", () => {
    const manager = new StubbedManager(region(1000));
    const told: unknown[] = [];
    manager.observer = {
      boundaryMoved: (bytes, mode) => told.push(["moved", bytes, mode]),
      mustWait: (bytes, task) => told.push(["waits", bytes, task]),
      shortGrant: (asked, granted, task) => told.push(["short", asked, granted, task]),
    };
    manager.exec(1, 100);
    expect(told.splice(0)).toEqual([]);
    manager.exec(1, 700);
    manager.stor(150);
    manager.exec(1, 100);
    manager.exec(2, 200);
    expect(told).toEqual([
      ["moved", 300, ON_HEAP],
      ["moved", 50, ON_HEAP],
      ["short", 100, 50, 1],
      ["waits", 200, 2],
    ]);
  });

  test("that fail leave no byte charged that nobody got", () => {
    const manager = new StubbedManager(region(1000));
    manager.observer = {
      shortGrant: () => {
        throw new Error("the observer");
      },
    };
    manager.exec(1, 900);
    expect(() => manager.exec(1, 500)).toThrow("the observer");
    expect(manager.executionUsed).toBe(900);
    manager.observer = null;
    expect(manager.exec(1, 500)).toBe(100);
  });
});

describe("a policy that breaks a law", () => {
  const withPolicy = (part: Partial<Policy>): StubbedManager =>
    new StubbedManager(region(1000), region(1000), { ...unified, ceiling: () => 0, ...part });

  test.each<[string, number, Partial<Policy>]>([
    ["grants more than was asked", 10, { share: () => 11 }],
    ["grants a part of a byte", 10, { share: () => 0.5 }],
    ["grants less than nothing", 10, { share: () => -3 }],
    ["grants what is not free", 800, { share: (_view, _held, bytes) => bytes, reclaim: () => 0 }],
  ])("%s is stopped", (_what, bytes, part) => {
    const manager = withPolicy(part);
    manager.stor(500);
    const before = manager.state(ON_HEAP);
    expect(() => manager.exec(1, bytes)).toThrow(AssertionError);
    expect(manager.state(ON_HEAP)).toEqual(before);
  });

  test("reclaims more than there is gets what can be evicted", () => {
    const manager = withPolicy({ reclaim: () => 1500 });
    manager.stor(400);
    manager.exec(1, 800);
    // 100 were free; 1400 more cannot be evicted, so nothing is.
    expect([manager.takeEvictions(), manager.state(ON_HEAP)]).toEqual([[1400], [600, 600, 400, 400]]);
  });

  test("lends what execution uses is stopped", () => {
    const manager = withPolicy({ lend: () => 600 });
    expect(() => manager.stor(10)).toThrow(AssertionError);
    expect(manager.state(ON_HEAP)).toEqual([500, 0, 500, 0]);
  });

  test("refuses all storage is obeyed", () => {
    expect(withPolicy({ lend: () => REFUSE }).stor(1)).toBe(false);
  });
});

describe("waiting at the manager", () => {
  test("asks again only with an entry", () => {
    const manager = new StubbedManager(region(1000));
    expect(() => manager.retryExecution(10, 1, ON_HEAP)).toThrow(EntryLost);
    manager.exec(1, 1000);
    expect(manager.acquireExecution(10, 2, ON_HEAP)).toBe(MUST_WAIT);
    expect(manager.retryExecution(10, 2, ON_HEAP)).toBe(MUST_WAIT);
    manager.releaseExecution(0, 2, ON_HEAP);
    expect(() => manager.retryExecution(10, 2, ON_HEAP)).toThrow(EntryLost);
  });

  test("a release in one mode wakes those who wait in the other, storage wakes nobody", () => {
    const executor = smallExecutor({ "spark.memory.offHeap.size": "1000" });
    const { manager } = executor;
    let looks = 0;
    manager.observer = {
      mustWait: () => {
        looks += 1;
      },
    };
    manager.acquireExecution(1000, 1, ON_HEAP);
    manager.acquireExecution(5, 1, OFF_HEAP);
    executor.waits.start(manager.executionRequest(100, 2, ON_HEAP));
    const looked = (act: () => unknown): number => {
      looks = 0;
      act();
      manager.waits.settle();
      return looks;
    };
    expect(looked(() => manager.releaseExecution(5, 1, OFF_HEAP))).toBe(1);
    // Always, also when nothing changed; and by a new entry of either mode, and by the end of a task.
    expect(looked(() => manager.releaseExecution(7, 99, OFF_HEAP))).toBe(1);
    expect(looked(() => manager.acquireExecution(1, 3, OFF_HEAP))).toBe(1);
    expect(looked(() => manager.acquireExecution(1, 3, OFF_HEAP))).toBe(0);
    expect(looked(() => manager.taskEnded())).toBe(1);
    expect(looked(() => manager.releaseAllExecution(99))).toBe(1);
    expect(looked(() => executor.store.putAccount("a", 100, OFF_HEAP))).toBe(0);
    expect(looked(() => executor.store.remove("a"))).toBe(0);
    expect(looked(() => manager.setUnmanaged(10, ON_HEAP))).toBe(0);
  });
});

test("a manager has one evictor, and pools that make their region", () => {
  const manager = new StubbedManager(region(1000));
  expect(() => manager.setEvictor({ evict: () => 0, unrolled: () => 0 })).toThrow(AssertionError);
  const wrong = { total: 10, protectedStorage: 5, execution: 5, storage: 6 };
  expect(() => new MemoryManager({ policy: unified, onHeap: wrong, offHeap: region(0) })).toThrow(AssertionError);
});

test("without an evictor nothing is evicted", () => {
  const manager = new MemoryManager({ policy: unified, onHeap: region(1000, 0), offHeap: region(0) });
  expect(manager.acquireStorage("a", 800, ON_HEAP)).toBe(true);
  expect(manager.acquireStorage("b", 300, ON_HEAP)).toBe(false);
  expect(manager.acquireExecution(500, 1, ON_HEAP)).toBe(200);
});

test("an executor of 64 GB is accounted for without owning it", () => {
  const bytes = 64 * 2 ** 30;
  const manager = new StubbedManager(region(bytes), region(bytes));
  expect([manager.exec(1, bytes - 1), manager.exec(1, 1, OFF_HEAP), manager.exec(1, 2)]).toEqual([bytes - 1, 1, 1]);
  expect([manager.executionUsed, manager.maxStorage(ON_HEAP), manager.maxStorage(OFF_HEAP)]).toEqual([
    bytes + 1,
    0,
    bytes - 1,
  ]);
});
