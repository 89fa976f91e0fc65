// Segmented LRU (Karedla et al. 1994; more than two segments: Huang et al. 2013): an object enters at the bottom, each use lifts
// it one segment, and who does not fit there any more sinks by one. Segments are equal parts of the capacity. As libCacheSim has it,
// who sinks out of the lowest leaves the cache, be there room elsewhere.

import { type Allowed, NOBODY } from "./policy.js";
import { QueuedPolicy, oldestAllowed } from "./queued.js";
import { FIRST } from "./queues.js";

export class Slru extends QueuedPolicy {
  readonly name = "slru";
  readonly #segments: number;
  #limit = 0;
  // The last use has let somebody sink to the bottom, which else holds all that does not fit above.
  #sunk = false;

  /** `segments`: 1 to 8. */
  constructor(segments: number) {
    super();
    this.#segments = segments;
  }

  override resize(capacity: number): void {
    this.#limit = Math.floor(capacity / this.#segments);
  }

  hit(id: number): boolean {
    const { queues } = this;
    const segment = queues.queueOf(id);
    if (segment === 0) return false;
    // Segments are the queues -1, -2, ... from the bottom up.
    const above = segment - 1;
    this.#sunk = false;
    if (above < -this.#segments) queues.renew(id);
    else {
      queues.move(id, above);
      this.#sink(above);
    }
    return true;
  }

  insert(id: number, size: number): void {
    // The lowest segment with room, so that the upper ones are used while the cache fills.
    let segment = FIRST;
    while (segment >= -this.#segments && this.queues.total(segment) + size > this.#limit) segment -= 1;
    this.queues.push(segment < -this.#segments ? FIRST : segment, id, size);
  }

  evict(allowed: Allowed | null): number {
    const { queues } = this;
    for (let segment = FIRST; segment >= -this.#segments; segment -= 1) {
      const id = oldestAllowed(queues, segment, allowed);
      if (id < 0) continue;
      queues.take(id);
      return id;
    }
    return NOBODY;
  }

  overfull(): boolean {
    return this.#sunk && this.queues.total(FIRST) > this.#limit;
  }

  // What is too much in a segment goes down, as far as the bottom.
  #sink(from: number): void {
    const { queues } = this;
    for (let segment = from; segment < FIRST; segment += 1)
      while (queues.total(segment) > this.#limit) {
        queues.move(queues.oldest(segment), segment + 1);
        this.#sunk = segment + 1 === FIRST;
      }
  }
}
