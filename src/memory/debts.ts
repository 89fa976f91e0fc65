// What a thread has given back while others kept it from doing so for longer than it may wait. To give back must not fail half
// way: it is put down here, and done in order as soon as others let it.

import { MemoryBusy } from "./wait.js";

const RETRY_MS = 5;

/** What one thread still owes. */
export class Debts {
  readonly #owed: (() => void)[] = [];
  readonly #settle: () => void;
  #paying = false;
  #timer: unknown = null;

  /** `settle` comes to call `pay`, without sleep, or throws MemoryBusy: it is tried when the thread is idle. */
  constructor(settle: () => void) {
    this.#settle = settle;
  }

  /** Whether there is something to pay. */
  get due(): boolean {
    return this.#owed.length > 0 && !this.#paying;
  }

  /** Takes down a call that is to be made. */
  owe(call: () => void): void {
    this.#owed.push(call);
    this.#settleLater();
  }

  /** Makes the calls that are owed. One that throws MemoryBusy stays, with all after it. */
  pay(): void {
    this.#paying = true;
    try {
      for (let call = this.#owed[0]; call !== undefined; call = this.#owed[0]) {
        call();
        this.#owed.shift();
      }
    } finally {
      this.#paying = false;
    }
  }

  // Who has nothing else to do with the memory must not keep others waiting for what it owes. Keeps no process alive.
  #settleLater(): void {
    if (this.#timer !== null) return;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      try {
        if (this.due) this.#settle();
      } catch (error) {
        if (!(error instanceof MemoryBusy)) throw error;
        this.#settleLater();
      }
    }, RETRY_MS);
    // Node has objects for timers, browsers have numbers.
    (this.#timer as { unref?: () => void }).unref?.();
  }
}
