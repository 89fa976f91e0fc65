// DataFusion's FairSpillPool by its documented rule: whoever can spill holds at most
// `(pool_size - unspillable_memory) / num_spillable_reservations`.

import { expect, test } from "vitest";
import { fair } from "../../src/policy/fair.js";
import { holder, stuck, thousand, view } from "./view.js";

test.each<[string, number, number, Parameters<typeof view>[0], number]>([
  // what, held, asked, view, granted
  ["an even part of all but what cannot be spilled", 0, 425, {}, 425],
  ["nothing of a request beyond it, not even a part", 0, 426, {}, 0],
  ["what is left of its part", 400, 25, {}, 25],
  ["less where more cannot be spilled", 0, 400, { storageUsed: 250 }, 0],
  ["less for what nobody manages", 0, 400, { unmanaged: 100 }, 0],
  ["a smaller part among more", 0, 283, { entries: 3, executionUsed: 0 }, 283],
  ["nothing of what others hold", 0, 100, { executionUsed: 550 }, 0],
])("a task is granted %s", (_what, held, bytes, part, granted) => {
  const given = view({ storageSize: 400, ...part });
  expect(fair.share(part?.executionUsed === undefined ? { ...given, executionUsed: 150 } : given, held, bytes)).toBe(
    granted,
  );
});

test("two that can spill have a half each, whoever comes first", () => {
  const executor = thousand({ policy: "fair" });
  const [first, second] = [stuck(executor, 1), stuck(executor, 2)];
  expect([first.acquireMemory(10), second.acquireMemory(10)]).toEqual([10, 10]);
  expect([first.acquireMemory(490), first.acquireMemory(1)]).toEqual([490, 0]);
  expect(second.acquireMemory(490)).toBe(490);
});

test("what cannot be spilled is first come, first served, and makes every part smaller", () => {
  const executor = thousand({ policy: "fair" });
  executor.store.putAccount("rdd_0_0", 200);
  const [first, second] = [stuck(executor, 1), stuck(executor, 2)];
  first.acquireMemory(1);
  second.acquireMemory(1);
  expect([first.acquireMemory(399), first.acquireMemory(1), second.acquireMemory(399)]).toEqual([399, 0, 399]);
  // All is given out now: a block finds no room and pushes nobody.
  expect(executor.store.putAccount("rdd_1_0", 201)).toBe(false);
  expect(executor.check()).toEqual([]);
});

test("it sometimes makes a task spill although memory is free: the rest is kept for others", () => {
  const executor = thousand({ policy: "fair" });
  const [idle, busy] = [holder(executor, 2), holder(executor, 1)];
  idle.acquireMemory(1);
  busy.acquireMemory(500);
  expect(busy.acquireMemory(100)).toBe(100);
  expect(busy.asked).toEqual([["of 1", 100]]);
});

test("a late comer cannot make it give out more than there is", () => {
  const executor = thousand({ policy: "fair" });
  expect(holder(executor, 1).acquireMemory(1000)).toBe(1000);
  expect(holder(executor, 2).acquireMemory(1)).toBe(0);
});
