// A task's bounds in the execution pool: at most 1/N of what the pool could have, and no short answer below 1/2N of what
// it has (section 3.2 of the law).

import { divide, MUST_WAIT, type RegionView } from "./policy.js";

/**
 * Spark's offer to a task that holds `held` and asks for `bytes`: what its cap and the free memory allow, or MUST_WAIT when
 * that is short of the request and would leave the task below its floor. `ceiling` is the size that tasks share.
 *
 * @example
 * ```ts
 * import { fairShare, openExecutor } from "tungsten-memory";
 *
 * const { manager } = openExecutor({ conf: { "spark.executor.memory": "1g" }, pages: "accounts" });
 * manager.acquireExecution(1, 1, 0);
 * manager.acquireExecution(1, 2, 0);
 * const [region] = manager.regions;
 * // Two tasks: no more than a half for either, however much is free.
 * console.log(fairShare(region, region.total, 1, region.total) <= region.total / 2); // true
 * ```
 */
export function fairShare(view: RegionView, ceiling: number, held: number, bytes: number): number {
  const cap = divide(ceiling, view.entries);
  const floor = divide(view.executionSize, 2 * view.entries);
  const free = view.executionSize - view.executionUsed;
  const offer = Math.min(bytes, Math.max(0, cap - held), free);
  return offer < bytes && held + offer < floor ? MUST_WAIT : offer;
}

/**
 * What storage has to evict for `bytes` when only the room it lacks must come from blocks.
 *
 * @example
 * ```ts
 * import { openExecutor, storageShortfall } from "tungsten-memory";
 *
 * const [region] = openExecutor({ pages: "accounts" }).manager.regions;
 * console.log(storageShortfall(region, 2 ** 20)); // 0
 * ```
 */
export function storageShortfall(view: RegionView, bytes: number): number {
  return Math.max(0, bytes - (view.storageSize - view.storageUsed));
}
