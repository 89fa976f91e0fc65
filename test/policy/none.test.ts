// No bound: DataFusion's UnboundedMemoryPool "enforces no limit".

import { expect, test } from "vitest";
import { holder, thousand } from "./view.js";

test("every request is met, and nobody spills, waits or is evicted", () => {
  const executor = thousand({ policy: "none" });
  const all = Array.from({ length: 20 }, (_, task) => holder(executor, task));
  for (const each of all) expect(each.acquireMemory(2 ** 40)).toBe(2 ** 40);
  for (let i = 0; i < 20; i += 1) expect(executor.store.putAccount(`rdd_0_${i}`, 2 ** 40)).toBe(true);
  expect([executor.store.evictions, all.flatMap((each) => each.asked)]).toEqual([0, []]);
  expect(executor.check()).toEqual([]);
});

test("what it gives up is the configured size, and it says so", () => {
  const { manager } = thousand({ policy: "none" });
  expect(manager.regions.map(({ total }) => total)).toEqual([2 ** 52, 2 ** 52]);
});
