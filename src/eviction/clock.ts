// CLOCK (Corbato 1968), or second chance: the hand passes over who was used since it came by last, as over who may not leave
// now; the latter keeps its place.

import { type Allowed, NOBODY } from "./policy.js";
import { QueuedPolicy } from "./queued.js";
import { FIRST } from "./queues.js";

export class Clock extends QueuedPolicy {
  readonly name = "clock";
  // How often an object can be passed over for its uses.
  readonly #most: number;

  /** `bits` of the counter of uses, 1 to 8. */
  constructor(bits: number) {
    super();
    this.#most = 2 ** bits - 1;
  }

  hit(id: number): boolean {
    const { queues } = this;
    if (queues.queueOf(id) === 0) return false;
    const uses = queues.mark(id);
    if (uses < this.#most) queues.setMark(id, uses + 1);
    return true;
  }

  insert(id: number, size: number): void {
    this.queues.push(FIRST, id, size);
  }

  evict(allowed: Allowed | null): number {
    const { queues } = this;
    let id = queues.oldest(FIRST);
    while (id >= 0) {
      const next = queues.newer(id);
      if (allowed === null || allowed(id)) {
        const uses = queues.mark(id);
        if (uses === 0) {
          queues.take(id);
          return id;
        }
        queues.setMark(id, uses - 1);
        queues.renew(id);
        // Who was the newest already is looked at once more.
        if (next >= 0) id = next;
      } else id = next;
    }
    return NOBODY;
  }
}
