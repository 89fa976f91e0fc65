// LIRS (Jiang and Zhang, SIGMETRICS 2002): what is used twice within a short span, counted in other objects, is hot and keeps
// nearly all of the cache; the rest passes through a small queue. The stack orders uses of the hot, of the cold in the cache and
// of the cold that have left it, down to the oldest hot one.

import { type Allowed, type EvictionPolicy, NOBODY } from "./policy.js";
import { oldestAllowed } from "./queued.js";
import { Queues } from "./queues.js";

// The stack, newest use on top; and where the cold are: in the cache, or left and still in the stack.
const STACK = -1;
const COLD = -2;
const GONE = -9;

const HOT = 1;

/** The stack remembers at most so many times the capacity, as libCacheSim has it; the paper sets no bound. */
const STACK_LIMIT = 2;

/** Part of the capacity for the cold, above 0 and below 1; at least one unit. */
export interface LirsOptions {
  readonly coldRatio: number;
}

export class Lirs implements EvictionPolicy {
  readonly name = "lirs";
  readonly hint = "none";
  readonly #coldRatio: number;
  // An object can be in both: in the stack for its use, in a queue for being cold.
  readonly #stack = new Queues();
  readonly #cold = new Queues();
  #hotLimit = 0;
  #stackLimit = 0;
  // Sizes of the hot.
  #hot = 0;

  constructor(options: LirsOptions) {
    this.#coldRatio = options.coldRatio;
  }

  reserve(objects: number): void {
    this.#stack.reserve(objects);
    this.#cold.reserve(objects);
  }

  resize(capacity: number): void {
    this.#hotLimit = Math.max(0, capacity - Math.max(1, Math.floor(capacity * this.#coldRatio)));
    this.#stackLimit = STACK_LIMIT * capacity;
    this.#cool();
    this.#forget();
  }

  has(id: number): boolean {
    return this.#cold.queueOf(id) === COLD || this.#isHot(id);
  }

  knows(id: number): boolean {
    return this.#stack.queueOf(id) !== 0 || this.#cold.queueOf(id) !== 0;
  }

  sizeOf(id: number): number {
    return this.#stack.sizeOf(id);
  }

  hit(id: number): boolean {
    const stack = this.#stack;
    if (this.#isHot(id)) {
      const last = stack.oldest(STACK) === id;
      stack.renew(id);
      if (last) this.#prune();
      return true;
    }
    const cold = this.#cold;
    if (cold.queueOf(id) !== COLD) return false;
    if (stack.queueOf(id) === 0) {
      stack.push(STACK, id, stack.sizeOf(id));
      cold.renew(id);
      this.#prune();
    } else {
      cold.take(id);
      stack.renew(id);
      this.#heat(id);
    }
    return true;
  }

  miss(_id: number, _size: number): void {}

  insert(id: number, size: number): void {
    const stack = this.#stack;
    const remembered = stack.queueOf(id) !== 0;
    if (remembered) {
      this.#cold.take(id);
      stack.take(id);
    }
    stack.push(STACK, id, size);
    // While the cache fills, everybody is hot.
    if (remembered || this.#hot + size <= this.#hotLimit) this.#heat(id);
    else {
      this.#cold.push(COLD, id, size);
      this.#prune();
    }
    this.#forget();
  }

  evict(allowed: Allowed | null): number {
    const stack = this.#stack;
    const cold = this.#cold;
    let id = oldestAllowed(cold, COLD, allowed);
    if (id >= 0) {
      cold.take(id);
      if (stack.queueOf(id) !== 0) cold.push(GONE, id, stack.sizeOf(id));
      return id;
    }
    for (id = stack.oldest(STACK); id >= 0; id = stack.newer(id))
      if (this.#isHot(id) && (allowed === null || allowed(id))) {
        this.remove(id);
        return id;
      }
    return NOBODY;
  }

  remove(id: number): void {
    if (this.#cold.queueOf(id) !== 0) this.#cold.take(id);
    if (this.#stack.queueOf(id) === 0) return;
    if (this.#isHot(id)) this.#hot -= this.#stack.sizeOf(id);
    this.#stack.take(id);
    this.#prune();
  }

  note(_id: number, _hint: number): void {}

  #isHot(id: number): boolean {
    return this.#stack.queueOf(id) !== 0 && this.#stack.mark(id) === HOT;
  }

  #heat(id: number): void {
    this.#stack.setMark(id, HOT);
    this.#hot += this.#stack.sizeOf(id);
    this.#cool();
  }

  // The hot whose last use is oldest become cold until the rest is within its limit.
  #cool(): void {
    const stack = this.#stack;
    this.#prune();
    while (this.#hot > this.#hotLimit) {
      const id = stack.oldest(STACK);
      const size = stack.sizeOf(id);
      this.#hot -= size;
      stack.take(id);
      this.#cold.push(COLD, id, size);
      this.#prune();
    }
    this.#forget();
  }

  // Who left longest ago is forgotten.
  #forget(): void {
    const cold = this.#cold;
    while (cold.count(GONE) > 0 && this.#stack.total(STACK) > this.#stackLimit) {
      const id = cold.oldest(GONE);
      cold.take(id);
      this.#stack.take(id);
    }
  }

  // The oldest of the stack is hot: nobody below it can be used within a shorter span.
  #prune(): void {
    const stack = this.#stack;
    for (let id = stack.oldest(STACK); id >= 0 && stack.mark(id) !== HOT; id = stack.oldest(STACK)) {
      stack.take(id);
      if (this.#cold.queueOf(id) === GONE) this.#cold.take(id);
    }
  }
}
