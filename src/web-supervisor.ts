// Supervision in a page. A browser tells nobody that a worker has ended, but it gives a worker's Web Locks back when it does, in
// whatever way: a worker holds a lock for as long as it lives, and whoever gets that lock knows that the worker is gone. Unlike
// a heartbeat this needs no patience and never takes a busy worker for a dead one.

import type { Estate } from "./memory/shared-ledger.js";
import type { Place, SharedExecutor } from "./shared.js";

/**
 * In the worker, before it tells the page that it is there: resolves once its life is known to the browser.
 *
 * @example
 * ```ts
 * import { attachExecutor, holdPlace, type Place, type SharedExecutor } from "tungsten-memory";
 *
 * // In a web worker that was posted its place.
 * export async function join(place: Place): Promise<SharedExecutor> {
 *   await holdPlace(place);
 *   return attachExecutor(place);
 * }
 * ```
 */
export function holdPlace(place: Place): Promise<void> {
  return new Promise((resolve, reject) => {
    const forLife = new Promise<never>(() => {});
    navigator.locks
      .request(nameOf(place), () => {
        resolve();
        return forLife;
      })
      .catch(reject);
  });
}

/**
 * In the page, when the worker has said that it is there: buries it when it has ended, and resolves with what came back.
 *
 * @example
 * ```ts
 * import { buryWhenGone, type Place, type SharedExecutor } from "tungsten-memory";
 *
 * // In the page, when the worker has posted that it is there.
 * export async function supervise(executor: SharedExecutor, place: Place): Promise<void> {
 *   const { execution, storage } = await buryWhenGone(executor, place);
 *   console.log(`came back: ${execution} bytes of execution, ${storage} of storage`);
 * }
 * ```
 */
export function buryWhenGone(executor: SharedExecutor, place: Place): Promise<Estate> {
  return navigator.locks.request(nameOf(place), () => executor.bury(place));
}

function nameOf({ executor, worker, tenancy }: Place): string {
  return `tungsten-memory ${executor} ${worker} ${tenancy}`;
}
