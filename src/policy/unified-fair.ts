// Spark's rules, and one more of our own: a starving task does not have to wait for others to end. Where Spark has a task wait
// because it would stay below its floor of 1/2N (section 3.2 of the law), the task of those above 1/N that holds most is made
// to spill for it. Whoever is within 1/N is left alone, and nobody spills for a task that would not have waited.
//
// A task waits for want of free memory only while somebody holds more than 1/N of the pool: were all others within it, what is
// free would lift the task to its own 1/N. So there is always somebody to ask, though they may have nothing that spills.

import { divide, NOBODY, type Policy } from "./policy.js";
import { unified } from "./unified.js";

/** `unified`, but the largest holder above 1/N spills for a task that would have to wait. This library's own. */
export const unifiedFair: Policy = {
  ...unified,
  name: "unified-fair",

  arbitrate(view, claim, tasks) {
    if (!claim.waits) return NOBODY;
    const within = divide(view.executionSize, view.entries);
    let most = NOBODY;
    tasks.forEach(({ task, held }, at) => {
      if (task === claim.task || held <= within) return;
      if (most === NOBODY || held > tasks[most]!.held) most = at;
    });
    return most;
  },
};
