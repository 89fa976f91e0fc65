// Waiting by promise: many logical tasks on one thread. A request that must wait is looked at again, on a later microtask,
// whenever something was released; the longest waiter first.

import { InvalidRequest } from "./manager.js";
import { type Request, Step, WaitEnded, type WaitList } from "./wait.js";

/** What ends a wait before it is served: then it throws WaitEnded, and nothing has been taken. */
export interface WaitOptions {
  /** Ends the wait when it is raised. */
  readonly signal?: AbortSignal;
  /** Longest wait in milliseconds, 0 or more; no bound when left out or beyond 2^31 - 1, which is what a timer can hold. */
  readonly timeoutMs?: number;
}

/** Who starts a request: a task (which takes one at a time) or nobody in particular. */
export type Starter = <T>(request: Request<T>) => Step<T>;

const MAX_TIMER_MS = 2 ** 31 - 1;

/**
 * Drives the waiters of one manager by promises. One for each manager.
 *
 * @example
 * ```ts
 * import { AsyncWaits, MemoryManager, unified } from "tungsten-memory";
 *
 * const sizes = { total: 1000, protectedStorage: 500, storage: 500, execution: 500 };
 * const manager = new MemoryManager({ policy: unified, onHeap: sizes, offHeap: sizes });
 * const waits = new AsyncWaits(manager.waits);
 * console.log(await waits.run(manager.executionRequest(400, 1, 0), { timeoutMs: 1000 })); // 400
 * ```
 */
export class AsyncWaits {
  readonly #waits: WaitList;
  #scheduled = false;

  constructor(waits: WaitList) {
    this.#waits = waits;
    waits.onWake = () => this.#schedule();
  }

  /** Starts a request outside of any task. */
  start<T>(request: Request<T>): Step<T> {
    const step = new Step(request);
    if (!step.look()) this.#waits.add(step as Step<unknown>);
    return step;
  }

  /** Runs a request to its end. Rejects with what it threw, or with WaitEnded. */
  async run<T>(request: Request<T>, options: WaitOptions = {}, starter: Starter = (r) => this.start(r)): Promise<T> {
    const { signal, timeoutMs = Infinity } = options;
    if (signal?.aborted === true) throw new WaitEnded("cancelled", signal.reason);
    if (!(timeoutMs >= 0)) throw new InvalidRequest(`a wait of at most ${timeoutMs} ms`);
    const step = starter(request);
    if (!step.waiting) return step.value;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const onAbort = (): void => step.cancel(new WaitEnded("cancelled", signal!.reason));
    try {
      await new Promise<void>((resolve) => {
        step.onEnd(resolve);
        // The first look may have run code that aborted.
        if (signal?.aborted === true) onAbort();
        else signal?.addEventListener("abort", onAbort);
        if (timeoutMs <= MAX_TIMER_MS) timer = setTimeout(() => step.cancel(new WaitEnded("timed-out")), timeoutMs);
      });
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", onAbort);
      // A step that was given up leaves the list here; one that ended by itself has left it.
      this.#schedule();
    }
    return step.value;
  }

  #schedule(): void {
    if (this.#scheduled || this.#waits.size === 0) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      this.#waits.settle();
    });
  }
}
