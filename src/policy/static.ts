// Spark's static manager, the legacy mode of 1.6 to 2.4 (section 4.6 of the law): a hard boundary, and a bound of its own
// on what unrolling may push out.

import { type Policy, REFUSE } from "./policy.js";
import { fairShare, storageShortfall } from "./share.js";

/**
 * `maxUnrollBytes`: the most that all unrolling together may hold by eviction (section 4.6).
 *
 * @example
 * ```ts
 * import { openExecutor, staticPolicy } from "tungsten-memory";
 *
 * const executor = openExecutor({ policy: staticPolicy(2 ** 20), pages: "accounts" });
 * console.log(executor.manager.policy.name); // static
 * ```
 */
export function staticPolicy(maxUnrollBytes: number): Policy {
  return {
    name: "static",

    ceiling: (view) => view.executionSize,

    reclaim: () => 0,

    share: (view, held, bytes) => fairShare(view, view.executionSize, held, bytes),

    // Only a block is refused at once; unrolling evicts what it may before it fails.
    lend: (view, bytes, purpose) => (purpose === "storage" && bytes > view.storageSize ? REFUSE : 0),

    evict(view, bytes, purpose, unrolled) {
      const shortfall = storageShortfall(view, bytes);
      if (purpose === "storage") return shortfall;
      const free = view.storageSize - view.storageUsed;
      return Math.max(0, Math.min(Math.max(0, maxUnrollBytes - unrolled - free), shortfall));
    },
  };
}
