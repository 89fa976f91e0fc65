// DataFusion's FairSpillPool: whoever can spill may hold an even part of the pool, less what cannot be spilled, that is
// `(pool size - unspillable) / spillable consumers`; the rest is first come, first served, and a request gets all of it or
// nothing (FairSpillPool in datafusion-execution's memory_pool).
//
// Consumers that can spill are the tasks that hold something or have asked; what cannot be spilled is what storage uses and what
// nobody manages. One difference: the original looks at a consumer's part alone and so gives out more than the pool when
// consumers register late. Here nothing is granted beyond what is free (law 1).

import { lendFree } from "./greedy.js";
import { divide, type Policy, type RegionView } from "./policy.js";
import { storageShortfall } from "./share.js";

const spillable = (view: RegionView): number => Math.max(0, view.total - view.storageUsed - view.unmanaged);

/** DataFusion's FairSpillPool: an even part for each task of what can be spilled, whole or nothing. */
export const fair: Policy = {
  name: "fair",
  ceiling: spillable,
  reclaim: (view, missing) => Math.min(missing, view.storageSize - view.storageUsed),

  share(view, held, bytes) {
    const mine = divide(spillable(view), view.entries);
    const free = view.executionSize - view.executionUsed;
    return held + bytes <= mine && bytes <= free ? bytes : 0;
  },

  lend: lendFree,
  evict: (view, bytes) => storageShortfall(view, bytes),
};
