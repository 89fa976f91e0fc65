// Waiting by sleep: a worker that must wait sleeps until another worker has released something, and looks again. A wake-up
// wakes everybody; who of them looks first is who first takes the accounts' lock, as it is with Spark's monitor.

import type { MemoryManager } from "./manager.js";
import type { SharedLedger } from "./shared-ledger.js";
import { type Request, type Runner, WaitEnded } from "./wait.js";

/**
 * Runs requests to their end in this thread, asleep while they must wait, for at most `waitMs` milliseconds each. A wait
 * that takes longer, or that another worker has interrupted, ends as WaitEnded; the task's entry keeps its balance.
 */
export function sleeper(manager: MemoryManager, ledger: SharedLedger, waitMs: number): Runner {
  return <T>(request: Request<T>): T => {
    let step = request.next();
    if (step.done === true) return step.value;
    const until = performance.now() + waitMs;
    while (step.done !== true) {
      const left = until - performance.now();
      // The epoch was read in the decision that said to wait: no wake-up since then is missed.
      const woken = left > 0 && ledger.sleep(manager.waitEpoch, left);
      const interrupted = ledger.interrupted();
      if (interrupted || !woken) {
        request.return(undefined as T);
        throw new WaitEnded(interrupted ? "cancelled" : "timed-out");
      }
      step = request.next();
    }
    return step.value;
  };
}

/** Whether this thread may sleep: a page's main thread may not. */
export function mayBlock(): boolean {
  try {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 1, 0);
    return true;
  } catch {
    return false;
  }
}
