// DataFusion's GreedyMemoryPool by its documented rule, "a greedy first-come first-serve limit".

import { expect, test } from "vitest";
import { greedy } from "../../src/policy/greedy.js";
import { REFUSE } from "../../src/policy/policy.js";
import { holder, stuck, thousand, view } from "./view.js";

test("who comes first is served, up to the size of the pool; then nobody is", () => {
  const executor = thousand({ policy: "greedy" });
  const [first, second] = [stuck(executor, 1), stuck(executor, 2)];
  expect([first.acquireMemory(900), second.acquireMemory(100), second.acquireMemory(1)]).toEqual([900, 100, 0]);
  first.freeMemory(50);
  expect(second.acquireMemory(50)).toBe(50);
  expect(executor.check()).toEqual([]);
});

test("a request gets all or nothing, and nobody waits", () => {
  expect(greedy.share(view({ executionUsed: 590 }), 0, 10)).toBe(10);
  expect(greedy.share(view({ executionUsed: 590 }), 0, 11)).toBe(0);
  expect(greedy.share(view({ executionUsed: 600, entries: 9 }), 0, 1)).toBe(0);
});

test("an operator that fails frees its own memory and tries again; that of others stays", () => {
  const executor = thousand({ policy: "greedy" });
  const [other, sort, join] = [holder(executor, 2), holder(executor, 1, "sort"), holder(executor, 1, "join")];
  other.acquireMemory(500);
  sort.acquireMemory(400);
  expect(join.acquireMemory(300)).toBe(300);
  expect([sort.asked, other.asked]).toEqual([[["join", 300]], []]);
});

test("execution takes what is free beyond the boundary, never a block", () => {
  expect(greedy.reclaim(view(), 1000)).toBe(250);
  expect(greedy.reclaim(view({ storageSize: 900, executionSize: 100, storageUsed: 900 }), 1)).toBe(0);
  const executor = thousand({ policy: "greedy" });
  executor.store.putAccount("rdd_0_0", 700);
  expect(holder(executor, 1).acquireMemory(301)).toBe(0);
  expect(executor.store.has("rdd_0_0")).toBe(true);
});

test("a block takes what is free, then the room of other blocks; nothing is lent beyond the pool", () => {
  expect(greedy.lend(view(), 250, "storage")).toBe(0);
  expect(greedy.lend(view(), 300, "storage")).toBe(50);
  expect(greedy.lend(view(), 751, "storage")).toBe(REFUSE);
  expect(greedy.evict(view(), 300, "storage", 0)).toBe(50);
});
