// A worker in this thread that dies: from some step on it takes no further one, whatever its code would still do.

import type { Tenant } from "../../src/memory/places.js";
import type { Estate } from "../../src/memory/shared-ledger.js";
import type { SharedWorker } from "./shared-world.js";

class Died extends Error {}

/**
 * Runs `live` as a worker that dies at the `step`th call of its code into the accounts, the table or the cells, before or
 * after that call. True when it died.
 */
export function dies(worker: SharedWorker, step: number, live: () => void): boolean {
  let steps = 0;
  for (const part of [worker.ledger, worker.table, worker.cells]) {
    for (const name of Object.getOwnPropertyNames(Object.getPrototypeOf(part))) {
      const method = (part as unknown as Record<string, unknown>)[name];
      if (typeof method !== "function" || name === "constructor") continue;
      const mortal = (...args: unknown[]): unknown => {
        steps += 1;
        if (steps >= step) throw new Died();
        const answer: unknown = Reflect.apply(method, part, args);
        steps += 1;
        if (steps >= step) throw new Died();
        return answer;
      };
      Object.defineProperty(part, name, { value: mortal, configurable: true });
    }
  }
  try {
    live();
    return false;
  } catch (error) {
    if (error instanceof Died) return true;
    throw error;
  }
}

/** What another worker does then. */
export function bury(undertaker: SharedWorker, dead: Tenant): Estate {
  const { ledger, manager, store } = undertaker;
  return ledger.recover(dead, () => {
    store.recover(dead.worker);
    manager.refreshCeilings();
  });
}
