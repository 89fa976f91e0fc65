// Hears the wake-ups of other workers on behalf of those who wait by promise. It listens while somebody waits, and only then
// keeps a process alive.

import type { MemoryManager } from "./manager.js";
import type { SharedLedger } from "./shared-ledger.js";
import { WORD_EPOCH } from "./accounts-map.js";

// Where the host cannot await a word of shared memory, it is looked at this often.
const POLL_MS = 4;

/** Lets the waiters of one manager look after wake-ups of every worker. */
export function hearRemoteWakes(manager: MemoryManager, ledger: SharedLedger): void {
  const words = new Int32Array(ledger.memory.buffer);
  const { waits } = manager;
  let listening = false;
  let alive: ReturnType<typeof setInterval> | null = null;
  waits.onAdd = () => {
    alive ??= setInterval(restUnlessNeeded, KEEP_ALIVE_MS);
    if (listening) return;
    listening = true;
    void listen(manager.waitEpoch);
  };

  function restUnlessNeeded(): void {
    if (waits.size > 0 || alive === null) return;
    clearInterval(alive);
    alive = null;
  }

  async function listen(first: number): Promise<void> {
    let seen = first;
    while (waits.size > 0) {
      await change(words, seen);
      // Read before anybody looks: a later wake-up is heard in the next round.
      seen = ledger.epoch;
      waits.wake();
      // The woken look in a microtask that was asked for before this one.
      await Promise.resolve();
    }
    // In the step that saw nobody wait: who comes next listens anew.
    listening = false;
  }
}

const KEEP_ALIVE_MS = 1000;

async function change(words: Int32Array, seen: number): Promise<void> {
  if (typeof Atomics.waitAsync === "function") {
    await Atomics.waitAsync(words, WORD_EPOCH, seen | 0).value;
    return;
  }
  while (Atomics.load(words, WORD_EPOCH) >>> 0 === seen) await new Promise((resolve) => setTimeout(resolve, POLL_MS));
}
