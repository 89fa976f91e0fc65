// Spark's unified manager (sections 4.1 and 4.2 of the law): a soft boundary. Execution may reclaim what storage has free
// or has borrowed above R, never the reverse.

import { type Policy, REFUSE, type RegionView } from "./policy.js";
import { fairShare, storageShortfall } from "./share.js";

function ceiling(view: RegionView): number {
  return Math.max(0, view.total - Math.min(view.storageUsed, view.protectedStorage) - view.unmanaged);
}

/**
 * Spark's unified manager (sections 4.1 and 4.2 of the law): a soft boundary, each task between 1/2N and 1/N, short tasks wait.
 */
export const unified: Policy = {
  name: "unified",

  ceiling,

  reclaim(view, missing) {
    const free = view.storageSize - view.storageUsed;
    return Math.min(missing, Math.max(free, view.storageSize - view.protectedStorage));
  },

  share(view, held, bytes) {
    return fairShare(view, ceiling(view), held, bytes);
  },

  lend(view, bytes) {
    if (bytes > Math.max(0, view.total - view.executionUsed - view.unmanaged)) return REFUSE;
    return Math.min(view.executionSize - view.executionUsed, storageShortfall(view, bytes));
  },

  evict(view, bytes) {
    return storageShortfall(view, bytes);
  },
};
