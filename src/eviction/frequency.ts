// How often objects were wanted lately: a count of up to 15 an object, all halved from time to time. Ids are dense here, so that
// every object has a count of its own where TinyLFU estimates by a sketch; halving is done when a count is looked at next.

const MOST = 15;
const BITS = 4;

/** Counts of uses that fade. */
export class Frequencies {
  // | halvings when it was written | count 4 bits |, by id.
  #counts = new Uint32Array(0);
  #halvings = 0;
  // Uses counted since the beginning, halved as the counts are.
  #sample = 0;

  reserve(objects: number): void {
    if (objects <= this.#counts.length) return;
    const counts = new Uint32Array(objects);
    counts.set(this.#counts);
    this.#counts = counts;
  }

  of(id: number): number {
    const written = this.#counts[id]!;
    const halvings = this.#halvings - (written >>> BITS);
    return halvings > BITS ? 0 : (written & MOST) >>> halvings;
  }

  /** Counts a use; after `period` of them all counts are halved. */
  add(id: number, period: number): void {
    const count = this.of(id);
    if (count === MOST) return;
    this.#counts[id] = ((this.#halvings << BITS) | (count + 1)) >>> 0;
    this.#sample += 1;
    if (this.#sample < period) return;
    this.#sample = Math.floor(this.#sample / 2);
    this.#halvings += 1;
  }

  forget(id: number): void {
    this.#counts[id] = 0;
  }
}
