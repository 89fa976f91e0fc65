// Names of objects, up to 64 bits, to dense numbers in the order of their first appearance: a hash table in one typed array. Who
// is wanted often comes early, so that what a policy notes of popular objects lies side by side.

const FIELDS = 4;
const LOW = 0;
const HIGH = 1;
const NUMBER = 2;

/** Numbers from 0. */
export class Numbering {
  // | low u32 | high u32 | number + 1, 0 for empty | unused |, at most half of them taken.
  #table = new Uint32Array(1024 * FIELDS);
  #mask = 1023;
  size = 0;

  /** The number of the name whose halves are `low` and `high`, a new one if it has none. */
  of(low: number, high: number): number {
    const table = this.#table;
    let at = hash(low, high) & this.#mask;
    for (;;) {
      const number = table[at * FIELDS + NUMBER]!;
      if (number === 0) break;
      if (table[at * FIELDS + LOW] === low && table[at * FIELDS + HIGH] === high) return number - 1;
      at = (at + 1) & this.#mask;
    }
    this.size += 1;
    table[at * FIELDS + LOW] = low;
    table[at * FIELDS + HIGH] = high;
    table[at * FIELDS + NUMBER] = this.size;
    if (2 * this.size > this.#mask) this.#grow();
    return this.size - 1;
  }

  #grow(): void {
    const old = this.#table;
    this.#mask = 2 * this.#mask + 1;
    const table = new Uint32Array((this.#mask + 1) * FIELDS);
    for (let from = 0; from < old.length; from += FIELDS) {
      if (old[from + NUMBER] === 0) continue;
      let at = hash(old[from + LOW]!, old[from + HIGH]!) & this.#mask;
      while (table[at * FIELDS + NUMBER] !== 0) at = (at + 1) & this.#mask;
      table.set(old.subarray(from, from + FIELDS), at * FIELDS);
    }
    this.#table = table;
  }
}

function hash(low: number, high: number): number {
  let mixed = Math.imul(low, 0x9e3779b1) ^ Math.imul(high, 0x85ebca77);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x2c1b3c6d);
  return mixed ^ (mixed >>> 13);
}
