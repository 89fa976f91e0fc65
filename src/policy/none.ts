// No bound: every request is granted, nothing is evicted or spilled for want of memory. The lower bound on spills, and what
// DataFusion calls UnboundedMemoryPool ("enforces no limit"), its default.
//
// What it gives up is the configured size: a region starts with 2^51 bytes for each pool, so that the laws hold and are not felt.
// Pages need memory all the same: off-heap ones end with the arena.

import { NO_CEILING, wholeOrNothing } from "./greedy.js";
import { type Policy, REFUSE } from "./policy.js";

const POOL_BYTES = 2 ** 51;

/** No bound: everything is granted. The lower bound on spills and evictions (DataFusion's UnboundedMemoryPool). */
export const none: Policy = {
  name: "none",
  ceiling: () => NO_CEILING,
  reclaim: () => 0,
  share: (view, _held, bytes) => wholeOrNothing(view, bytes),
  lend: (view, bytes) => (bytes > view.storageSize - view.storageUsed ? REFUSE : 0),
  evict: () => 0,
  sizes: () => ({ total: 2 * POOL_BYTES, protectedStorage: POOL_BYTES, execution: POOL_BYTES, storage: POOL_BYTES }),
};
