// Velox' memory arbitration (SharedArbitrator; Velox documentation, Memory Management, "Memory Arbitration Process"): a query
// that needs more than it has is given what is free; failing that, memory in use is reclaimed "from the candidate pools with
// the most reclaimable memory" by having them spill, its own among them, until the request is covered; it is met whole or
// fails. The file cache gives way to queries.
//
// Queries are tasks; a task's own order of spilling chooses the operator (`largest` is Velox'). Capacity is what a task holds:
// there are no reservations beyond it to shrink first, and no bound of a query below the whole. Velox ends the query with the
// largest capacity when spilling was not enough; a policy ends nobody, so the request comes back short and its task decides.

import { lendFree, NO_CEILING, wholeOrNothing } from "./greedy.js";
import { NOBODY, type Policy } from "./policy.js";
import { storageShortfall } from "./share.js";

/** Velox' arbitration: whole or nothing; the task with most to give spills for whoever is short, blocks give way. */
export const arbitrated: Policy = {
  name: "arbitrated",
  ceiling: () => NO_CEILING,
  reclaim: (view, missing) => Math.min(missing, view.storageSize),
  share: (view, _held, bytes) => wholeOrNothing(view, bytes),
  lend: lendFree,
  evict: (view, bytes) => storageShortfall(view, bytes),

  arbitrate(_view, _claim, tasks) {
    let most = NOBODY;
    tasks.forEach(({ spillable }, at) => {
      if (spillable > 0 && (most === NOBODY || spillable > tasks[most]!.spillable)) most = at;
    });
    return most;
  },
};
