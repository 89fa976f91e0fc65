// Belady's MIN for objects of several sizes, offline: who takes most room for longest until its next use leaves first, that is
// the largest product of size and distance. Exact, where others sample: objects of one size are ordered by their next use
// whatever the time, so that only the first of each size need be compared.

import { type Allowed, type EvictionPolicy, NOBODY } from "./policy.js";
import { Heap, Positions } from "./heap.js";

export class BeladySize implements EvictionPolicy {
  readonly name = "belady-size";
  readonly hint = "nextUse";
  readonly #positions = new Positions();
  #sizes = new Float64Array(0);
  // A heap for each size, by negated next use; empty ones stay for objects to come.
  readonly #bySize = new Map<number, Heap>();
  readonly #heaps: { readonly size: number; readonly heap: Heap }[] = [];
  // The number of the request that is served.
  #now = -1;

  reserve(objects: number): void {
    this.#positions.reserve(objects);
    if (objects <= this.#sizes.length) return;
    const sizes = new Float64Array(objects);
    sizes.set(this.#sizes);
    this.#sizes = sizes;
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
    this.#heapOf(id).change(id, -nextUse, this.#now);
    return true;
  }

  miss(_id: number, _size: number, _nextUse: number): void {}

  insert(id: number, size: number, nextUse: number): void {
    this.#sizes[id] = size;
    this.#heapOf(id).push(id, -nextUse, this.#now);
  }

  evict(allowed: Allowed | null): number {
    let worst = NOBODY;
    let most = -Infinity;
    let since = 0;
    for (const { size, heap } of this.#heaps) {
      const id = heap.first(allowed);
      if (id < 0) continue;
      // What takes no room is as good as anything to keep, but for who is never used again.
      const waste = (-heap.key(id) - this.#now) * Math.max(size, 1);
      if (waste > most || (waste === most && heap.tie(id) < since)) {
        most = waste;
        since = heap.tie(id);
        worst = id;
      }
    }
    if (worst >= 0) this.#heapOf(worst).take(worst);
    return worst;
  }

  remove(id: number): void {
    if (this.has(id)) this.#heapOf(id).take(id);
  }

  note(id: number, nextUse: number): void {
    if (!this.has(id)) return;
    const heap = this.#heapOf(id);
    heap.change(id, -nextUse, heap.tie(id));
  }

  #heapOf(id: number): Heap {
    const size = this.#sizes[id]!;
    let heap = this.#bySize.get(size);
    if (heap === undefined) {
      heap = new Heap(this.#positions);
      this.#bySize.set(size, heap);
      this.#heaps.push({ size, heap });
    }
    return heap;
  }
}
