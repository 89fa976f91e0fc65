// Belady's MIN for objects of several sizes, offline: who takes most room for longest until its next use leaves first, that is
// the largest product of size and distance. A rule of thumb and no bound (`mostHits` is one): to be best with sizes is as hard
// as packing knapsacks. Exact, where others sample: objects of about one size lie in a heap by their
// next use, and below who cannot be worse than the worst so far nobody is.

import { type Allowed, type EvictionPolicy, NOBODY } from "./policy.js";
import { Heap, Positions } from "./heap.js";

/** Sizes within an eighth of a doubling share a heap. */
const HEAPS_PER_DOUBLING = 8;

/** Objects of about one size by negated next use, those unused longest first among equals. */
interface SizeClass {
  readonly heap: Heap;
  /** No object in it weighs more. */
  most: number;
}

export class BeladySize implements EvictionPolicy {
  readonly name = "belady-size";
  readonly hint = "nextUse";
  readonly #positions = new Positions();
  #sizes = new Float64Array(0);
  #nextUses = new Float64Array(0);
  // Those that are not used again, by their last use: they leave before all others.
  readonly #never = new Heap(this.#positions);
  readonly #classes: SizeClass[] = [];
  // The number of the request that is served.
  #now = -1;
  // Of the search for the next to leave: who may, the worst so far, how much room for how long it takes, its last use.
  #allowed: Allowed | null = null;
  #worst = NOBODY;
  #waste = 0;
  #since = 0;
  // The most that an object of the class weighs that is searched.
  #weight = 0;

  reserve(objects: number): void {
    this.#positions.reserve(objects);
    if (objects <= this.#sizes.length) return;
    const sizes = new Float64Array(objects);
    sizes.set(this.#sizes);
    this.#sizes = sizes;
    const nextUses = new Float64Array(objects);
    nextUses.set(this.#nextUses);
    this.#nextUses = nextUses;
  }

  resize(_capacity: number): void {}

  has(id: number): boolean {
    return this.#positions.values[id] !== 0;
  }

  knows(id: number): boolean {
    return this.has(id);
  }

  sizeOf(id: number): number {
    return this.#sizes[id]!;
  }

  hit(id: number, nextUse: number): boolean {
    this.#now += 1;
    if (!this.has(id)) return false;
    this.#heapOf(id).take(id);
    this.#push(id, nextUse, this.#now);
    return true;
  }

  miss(_id: number, _size: number, _nextUse: number): void {}

  insert(id: number, size: number, nextUse: number): void {
    this.#sizes[id] = size;
    this.#push(id, nextUse, this.#now);
  }

  evict(allowed: Allowed | null): number {
    this.#worst = this.#never.first(allowed);
    if (this.#worst < 0) {
      this.#allowed = allowed;
      this.#waste = -Infinity;
      for (const sizeClass of this.#classes) {
        this.#weight = sizeClass.most;
        sizeClass.heap.descend(this.#weigh);
      }
    }
    if (this.#worst >= 0) this.#heapOf(this.#worst).take(this.#worst);
    return this.#worst;
  }

  remove(id: number): void {
    if (this.has(id)) this.#heapOf(id).take(id);
  }

  note(id: number, nextUse: number): void {
    if (!this.has(id)) return;
    const heap = this.#heapOf(id);
    const lastUse = heap.tie(id);
    heap.take(id);
    this.#push(id, nextUse, lastUse);
  }

  /** Weighs an object of a class; false when nobody below it in the heap, used no later, can be worse than the worst so far. */
  readonly #weigh = (id: number, key: number, lastUse: number): boolean => {
    const ahead = -key - this.#now;
    if ((ahead > 0 ? ahead * this.#weight : ahead) < this.#waste) return false;
    const waste = ahead * weightOf(this.#sizes[id]!);
    const worse = waste > this.#waste || (waste === this.#waste && lastUse < this.#since);
    if (worse && (this.#allowed === null || this.#allowed(id))) {
      this.#worst = id;
      this.#waste = waste;
      this.#since = lastUse;
    }
    return true;
  };

  #push(id: number, nextUse: number, lastUse: number): void {
    this.#nextUses[id] = nextUse;
    if (nextUse === Infinity) this.#never.push(id, 0, lastUse);
    else {
      const weight = weightOf(this.#sizes[id]!);
      const sizeClass = this.#classOf(weight);
      sizeClass.most = Math.max(sizeClass.most, weight);
      sizeClass.heap.push(id, -nextUse, lastUse);
    }
  }

  #heapOf(id: number): Heap {
    return this.#nextUses[id] === Infinity ? this.#never : this.#classOf(weightOf(this.#sizes[id]!)).heap;
  }

  #classOf(weight: number): SizeClass {
    const at = Math.floor(Math.log2(weight) * HEAPS_PER_DOUBLING);
    while (this.#classes.length <= at) this.#classes.push({ heap: new Heap(this.#positions), most: 0 });
    return this.#classes[at]!;
  }
}

/** What takes no room is as good as anything to keep, but for who is never used again. */
function weightOf(size: number): number {
  return Math.max(size, 1);
}
