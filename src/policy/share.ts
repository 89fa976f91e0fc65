// A task's bounds in the execution pool: at most 1/N of what the pool could have, and no short answer below 1/2N of what
// it has (section 3.2 of the law).

import { divide, MUST_WAIT, type RegionView } from "./policy.js";

/**
 * Spark's offer to a task that holds `held` and asks for `bytes`: what its cap and the free memory allow, or MUST_WAIT when
 * that is short of the request and would leave the task below its floor. `ceiling` is the size that tasks share.
 */
export function fairShare(view: RegionView, ceiling: number, held: number, bytes: number): number {
  const cap = divide(ceiling, view.entries);
  const floor = divide(view.executionSize, 2 * view.entries);
  const free = view.executionSize - view.executionUsed;
  const offer = Math.min(bytes, Math.max(0, cap - held), free);
  return offer < bytes && held + offer < floor ? MUST_WAIT : offer;
}

/** What storage has to evict for `bytes` when only the room it lacks must come from blocks. */
export function storageShortfall(view: RegionView, bytes: number): number {
  return Math.max(0, bytes - (view.storageSize - view.storageUsed));
}
