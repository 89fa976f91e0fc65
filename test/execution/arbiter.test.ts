// Spilling across tasks: what is asked of whom, what happens when it fails, and that a task which waits is not harmed by it.

import { describe, expect, test } from "vitest";
import { TaskOutOfMemory } from "../../src/execution/refusal.js";
import { MUST_WAIT, NOBODY, type Policy } from "../../src/policy/policy.js";
import { greedy } from "../../src/policy/greedy.js";
import { unified } from "../../src/policy/unified.js";
import { Holder, holder, stuck, thousand } from "../policy/view.js";

/** Unified, and anybody but the claimant spills for a request that is short. */
const others: Policy = {
  ...unified,
  name: "others",
  arbitrate: (_view, claim, tasks) => tasks.findIndex(({ task }) => task !== claim.task),
};

class Torn extends Holder {
  override spill(): number {
    throw Object.assign(new Error("the disk is full"), { code: "ENOSPC" });
  }
}

test("a spill that fails for another task is that task's error, and nothing is lost", () => {
  const executor = thousand({ policy: others });
  const torn = new Torn(executor.task(1), { name: "torn" });
  torn.acquireMemory(1000);
  const asking = holder(executor, 2, "asks");
  let error: unknown;
  try {
    asking.acquireMemory(100);
  } catch (thrown) {
    error = thrown;
  }
  expect(error).toBeInstanceOf(TaskOutOfMemory);
  const { message, shortage, spillFailed, condition } = error as TaskOutOfMemory;
  expect(message).toContain("torn of task 1 could not spill: the disk is full; asks of task 2 asked for 100 bytes");
  expect([shortage.task, shortage.consumer, spillFailed, condition]).toEqual([2, "asks", true, "SPILL_OUT_OF_MEMORY"]);
  expect([torn.used, asking.used, executor.check()]).toEqual([1000, 0, []]);
});

test("what a policy is told: who claims, what is missing, and who could spill how much in this mode", () => {
  const told: unknown[] = [];
  const policy: Policy = {
    ...greedy,
    name: "told",
    arbitrate(view, claim, tasks) {
      told.push([view.executionUsed, { ...claim }, tasks.map((task) => ({ ...task }))]);
      return tasks.length - 1;
    },
  };
  const executor = thousand({
    policy,
    conf: {
      "spark.testing.memory": "1000",
      "spark.testing.reservedMemory": "0",
      "spark.memory.fraction": "1.0",
      "spark.memory.offHeap.size": "1000",
    },
  });
  const off = new Holder(executor.task(3), { name: "off", mode: 1 });
  off.acquireMemory(500);
  executor.manager.acquireExecution(300, 4, 0);
  holder(executor, 1, "a").acquireMemory(200);
  stuck(executor, 1).acquireMemory(100);
  stuck(executor, 2).acquireMemory(400);
  const asking = holder(executor, 5, "asks");
  expect(asking.acquireMemory(50)).toBe(50);
  const claim = { task: 5, held: 0, missing: 50, waits: false };
  const [one, two] = [
    { task: 1, held: 300, spillable: 300 },
    { task: 2, held: 400, spillable: 400 },
  ];
  expect(told).toEqual([
    [1000, claim, [one, two]],
    // The second had nothing and is not offered again.
    [1000, claim, [one]],
  ]);
});

describe("a task that waits", () => {
  test("may be made to spill; it comes in anew, and is served", () => {
    const executor = thousand({ policy: others });
    const [rich, waiting, late] = [stuck(executor, 1), holder(executor, 2), holder(executor, 3)];
    rich.acquireMemory(900);
    waiting.acquireMemory(100);
    const first = executor.task(2).begin(waiting.acquireRequest(300));
    expect([first.waiting, executor.task(2).blocked]).toEqual([true, true]);
    // All that the waiting task holds goes to the one that has come late.
    expect([late.acquireMemory(100), waiting.used]).toEqual([100, 0]);
    expect(executor.manager.hasEntry(2, 0)).toBe(false);
    executor.endTask(1);
    executor.manager.waits.settle();
    expect(first.value).toBe(300);
    expect(executor.check()).toEqual([]);
  });

  test("keeps what it was granted before it had to wait", () => {
    const policy: Policy = {
      ...others,
      name: "piecemeal",
      ceiling: () => 0,
      // What is free to a task that has nothing; all or a wait to one that has something.
      share(view, held, bytes) {
        const free = view.executionSize - view.executionUsed;
        if (bytes <= free) return bytes;
        return held === 0 && free > 0 ? free : MUST_WAIT;
      },
    };
    const executor = thousand({ policy });
    const rich = holder(executor, 1);
    rich.acquireMemory(900);
    rich.most = 50;
    const asking = holder(executor, 2);
    expect(asking.acquireMemory(200)).toBe(200);
    expect([rich.asked, rich.used]).toEqual([
      [
        ["of 2", 100],
        ["of 2", 100],
      ],
      800,
    ]);
    expect(executor.check()).toEqual([]);
  });
});

test("a consumer that is asked in the middle of a spill of its task is not offered", () => {
  const offered: number[] = [];
  const nested = thousand({
    policy: {
      ...greedy,
      name: "nested",
      arbitrate: (_view, _claim, tasks) => {
        offered.push(...tasks.map(({ task }) => task));
        return tasks.length === 0 ? NOBODY : 0;
      },
    },
  });
  class Asks extends Holder {
    override spill(bytes: number, trigger: Holder): number {
      // Breaks the contract of a consumer, and is contained.
      holder(nested, 2, "inner").acquireMemory(10);
      return super.spill(bytes, trigger);
    }
  }
  const outer = new Asks(nested.task(1), { name: "outer" });
  outer.acquireMemory(1000);
  expect(holder(nested, 3, "asks").acquireMemory(100)).toBe(100);
  expect(offered).toEqual([1]);
  expect(nested.check()).toEqual([]);
});

test("an executor whose policy does not arbitrate spills for its own task alone", () => {
  const executor = thousand({ policy: "greedy" });
  const other = holder(executor, 1);
  other.acquireMemory(1000);
  expect([holder(executor, 2).acquireMemory(1), other.asked]).toEqual([0, []]);
});
