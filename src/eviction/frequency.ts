// How often objects were wanted lately: a count of up to 15 an object, all halved from time to time. Ids are dense here, so that
// every object has a count of its own where TinyLFU estimates by a sketch; halving is done when a count is looked at next. It is
// the mark of the object's record, beside the links that a use goes to anyway.

import type { Queues } from "./queues.js";

const MOST = 15;
const BITS = 4;

/** Counts of uses that fade. A mark: | halvings when it was written | count 4 bits |. */
export class Frequencies {
  readonly #queues: Queues;
  #halvings = 0;
  // Uses counted since the beginning, halved as the counts are.
  #sample = 0;

  /** Who puts an object into one of the `queues` keeps its mark. */
  constructor(queues: Queues) {
    this.#queues = queues;
  }

  of(id: number): number {
    const written = this.#queues.mark(id);
    const halvings = this.#halvings - (written >>> BITS);
    return halvings > BITS ? 0 : (written & MOST) >>> halvings;
  }

  /** Counts a use; after `period` of them all counts are halved. */
  add(id: number, period: number): void {
    const count = this.of(id);
    if (count === MOST) return;
    this.#queues.setMark(id, (this.#halvings << BITS) | (count + 1));
    this.#sample += 1;
    if (this.#sample < period) return;
    this.#sample = Math.floor(this.#sample / 2);
    this.#halvings += 1;
  }

  forget(id: number): void {
    this.#queues.setMark(id, 0);
  }
}
