// A binary heap of objects by a key, smallest first, ties by a second one. Keys lie in the order of the heap, so that a
// comparison does not go to the objects. Heaps may share one column of positions where an object is in one of them at most.

import { type Allowed, NOBODY } from "./policy.js";

/** Where each object is in its heap, counted from 1; 0 for none. */
export class Positions {
  values = new Int32Array(0);

  reserve(objects: number): void {
    if (objects <= this.values.length) return;
    const values = new Int32Array(objects);
    values.set(this.values);
    this.values = values;
  }
}

/** Parent of `at` is `at >> 1`; place 0 is empty. */
export class Heap {
  readonly #positions: Positions;
  #ids = new Int32Array(16);
  #keys = new Float64Array(16);
  #ties = new Float64Array(16);
  size = 0;

  constructor(positions: Positions) {
    this.#positions = positions;
  }

  has(id: number): boolean {
    return this.#positions.values[id] !== 0;
  }

  key(id: number): number {
    return this.#keys[this.#positions.values[id]!]!;
  }

  tie(id: number): number {
    return this.#ties[this.#positions.values[id]!]!;
  }

  /** The key of the first; the heap is not empty. */
  get firstKey(): number {
    return this.#keys[1]!;
  }

  push(id: number, key: number, tie: number): void {
    this.size += 1;
    if (this.size === this.#ids.length) this.#grow();
    this.#up(this.size, id, key, tie);
  }

  /** Gives an object of the heap another key. */
  change(id: number, key: number, tie: number): void {
    const at = this.#positions.values[id]!;
    if (before(key, tie, this.#keys[at]!, this.#ties[at]!)) this.#up(at, id, key, tie);
    else this.#down(at, id, key, tie);
  }

  take(id: number): void {
    const at = this.#positions.values[id]!;
    const last = this.size;
    this.size -= 1;
    this.#positions.values[id] = 0;
    if (at === last) return;
    const moved = this.#ids[last]!;
    this.#positions.values[moved] = at;
    const key = this.#keys[last]!;
    const tie = this.#ties[last]!;
    const up = at >> 1;
    if (up >= 1 && before(key, tie, this.#keys[up]!, this.#ties[up]!)) this.#up(at, moved, key, tie);
    else this.#down(at, moved, key, tie);
  }

  /** The first object that may leave, or NOBODY. Looks below those only that may not. */
  first(allowed: Allowed | null): number {
    if (this.size === 0) return NOBODY;
    if (allowed === null) return this.#ids[1]!;
    const best = this.#search(1, 0, allowed);
    return best === 0 ? NOBODY : this.#ids[best]!;
  }

  /** Shows objects to `visit`, each before those below it, which come no earlier; where it says false they are passed over. */
  descend(visit: (id: number, key: number, tie: number) => boolean, at: number = 1): void {
    if (at > this.size || !visit(this.#ids[at]!, this.#keys[at]!, this.#ties[at]!)) return;
    this.descend(visit, 2 * at);
    this.descend(visit, 2 * at + 1);
  }

  // The best place among `best` (0: none yet) and those from `at` downwards.
  #search(at: number, best: number, allowed: Allowed): number {
    if (at > this.size) return best;
    const keys = this.#keys;
    const ties = this.#ties;
    if (best !== 0 && !before(keys[at]!, ties[at]!, keys[best]!, ties[best]!)) return best;
    if (allowed(this.#ids[at]!)) return at;
    return this.#search(2 * at + 1, this.#search(2 * at, best, allowed), allowed);
  }

  #up(from: number, id: number, key: number, tie: number): void {
    let at = from;
    while (at > 1) {
      const up = at >> 1;
      if (!before(key, tie, this.#keys[up]!, this.#ties[up]!)) break;
      this.#place(at, this.#ids[up]!, this.#keys[up]!, this.#ties[up]!);
      at = up;
    }
    this.#place(at, id, key, tie);
  }

  #down(from: number, id: number, key: number, tie: number): void {
    const { size } = this;
    const keys = this.#keys;
    const ties = this.#ties;
    let at = from;
    for (let child = 2 * at; child <= size; child = 2 * at) {
      if (child < size && before(keys[child + 1]!, ties[child + 1]!, keys[child]!, ties[child]!)) child += 1;
      if (!before(keys[child]!, ties[child]!, key, tie)) break;
      this.#place(at, this.#ids[child]!, keys[child]!, ties[child]!);
      at = child;
    }
    this.#place(at, id, key, tie);
  }

  #place(at: number, id: number, key: number, tie: number): void {
    this.#ids[at] = id;
    this.#keys[at] = key;
    this.#ties[at] = tie;
    this.#positions.values[id] = at;
  }

  #grow(): void {
    const length = 2 * this.#ids.length;
    const ids = new Int32Array(length);
    ids.set(this.#ids);
    this.#ids = ids;
    const keys = new Float64Array(length);
    keys.set(this.#keys);
    this.#keys = keys;
    const ties = new Float64Array(length);
    ties.set(this.#ties);
    this.#ties = ties;
  }
}

function before(key: number, tie: number, otherKey: number, otherTie: number): boolean {
  return key < otherKey || (key === otherKey && tie < otherTie);
}
