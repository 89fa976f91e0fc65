// SIEVE (Zhang et al., NSDI 2024): a queue in order of arrival and a hand that moves from old to new. Who was used since the
// hand came by stays where it is and is not moved; the hand takes the first who was not.

import { type Allowed, NOBODY } from "./policy.js";
import { QueuedPolicy } from "./queued.js";
import { FIRST } from "./queues.js";

const USED = 1;

/** Rounds after which everybody who may leave has been seen unused: the rest of this one, a whole one, and the marks are gone. */
const ROUNDS = 2;

export class Sieve extends QueuedPolicy {
  readonly name = "sieve";
  // Whom the hand looks at next; FIRST, the queue itself: the oldest.
  #hand = FIRST;

  hit(id: number): boolean {
    if (this.queues.queueOf(id) === 0) return false;
    this.queues.setMark(id, USED);
    return true;
  }

  insert(id: number, size: number): void {
    this.queues.push(FIRST, id, size);
  }

  evict(allowed: Allowed | null): number {
    const { queues } = this;
    let id = this.#hand;
    for (let ends = 0; ends <= ROUNDS;) {
      if (id < 0) {
        ends += 1;
        id = queues.oldest(FIRST);
        if (id < 0) return NOBODY;
      }
      const next = queues.newer(id);
      if (allowed === null || allowed(id)) {
        if (queues.mark(id) !== USED) {
          queues.take(id);
          this.#hand = next;
          return id;
        }
        queues.setMark(id, 0);
      }
      id = next;
    }
    this.#hand = id;
    return NOBODY;
  }

  override remove(id: number): void {
    if (this.#hand === id) this.#hand = this.queues.newer(id);
    super.remove(id);
  }
}
