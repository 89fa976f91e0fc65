// DataFusion's GreedyMemoryPool: first come, first served, up to one size, and a request gets all of it or nothing
// (GreedyMemoryPool in datafusion-execution's memory_pool). "If the allocation fails, the operator must
// either first free memory (e.g. by spilling to local disk) and try again, or error": so nobody waits, and nobody is pushed.
//
// The pool is the region. Cached blocks are one more consumer of it: execution takes what is free on either side of the
// boundary and evicts nothing; a block that finds too little free makes room among its own kind.

import { type Policy, REFUSE, type RegionView } from "./policy.js";
import { storageShortfall } from "./share.js";

/** Above every request: tasks have no bound of their own. */
export const NO_CEILING: number = Number.MAX_SAFE_INTEGER;

/** DataFusion's GreedyMemoryPool: first come, first served, whole or nothing; nobody waits or is pushed. */
export const greedy: Policy = {
  name: "greedy",
  ceiling: () => NO_CEILING,
  reclaim: (view, missing) => Math.min(missing, view.storageSize - view.storageUsed),
  share: (view, _held, bytes) => wholeOrNothing(view, bytes),
  lend: lendFree,
  evict: (view, bytes) => storageShortfall(view, bytes),
};

/** All of `bytes`, or 0 where less is free. Never a wait. */
export function wholeOrNothing(view: RegionView, bytes: number): number {
  return bytes <= view.executionSize - view.executionUsed ? bytes : 0;
}

/** What is free in execution, as far as storage lacks it; refused where not even a store without other blocks could hold it. */
export function lendFree(view: RegionView, bytes: number): number {
  if (bytes > view.total - view.executionUsed) return REFUSE;
  return Math.min(view.executionSize - view.executionUsed, storageShortfall(view, bytes));
}
