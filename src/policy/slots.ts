// Flink's managed memory: each task slot has a fixed, even part of it, used or not. "A TaskManager with three slots will
// dedicate 1/3 of its managed memory to each slot", so that a subtask "has a certain amount of reserved managed memory" and
// does not compete with others for it (Flink documentation, Concepts: Task Slots and Resources). A reservation is
// made whole or refused.
//
// Slots are the executor's cores, the pools keep the sizes that the configuration gives, as Flink's memory components do. In
// Flink a task without a slot is not started: here one that holds nothing waits while the slots of others hold all.

import { divide, MUST_WAIT, type Policy, REFUSE } from "./policy.js";
import { storageShortfall } from "./share.js";

/**
 * `slots`: 1 or more, a whole number.
 *
 * @example
 * ```ts
 * import { openExecutor, slotsPolicy } from "tungsten-memory";
 *
 * const { manager } = openExecutor({ policy: slotsPolicy(4), pages: "accounts" });
 * const [{ executionSize }] = manager.regions;
 * console.log(manager.acquireExecution(executionSize, 1, 0) <= executionSize / 4); // true
 * ```
 */
export function slotsPolicy(slots: number): Policy {
  return {
    name: "slots",

    // What a single task may hold: N tasks that share it are all within their slots, whatever else is decided.
    ceiling: (view) => divide(view.executionSize, slots),

    reclaim: () => 0,

    share(view, held, bytes) {
      if (held + bytes > divide(view.executionSize, slots)) return 0;
      if (bytes <= view.executionSize - view.executionUsed) return bytes;
      // More tasks than slots. Who holds something must not wait: with everybody waiting nobody would give.
      return held === 0 ? MUST_WAIT : 0;
    },

    lend: (view, bytes) => (bytes > view.storageSize ? REFUSE : 0),

    evict: (view, bytes) => storageShortfall(view, bytes),
  };
}
