// What policies made of one heap have in common: an object leaves when its rank is the smallest, and among equals who was
// used longest ago.

import type { Allowed, EvictionPolicy, Hint } from "./policy.js";
import { Heap, Positions } from "./heap.js";

/** A policy that gives every object a number and evicts the smallest. It remembers nobody that is gone. */
export abstract class RankedPolicy implements EvictionPolicy {
  abstract readonly name: string;
  abstract readonly hint: Hint;
  protected readonly positions = new Positions();
  protected readonly heap = new Heap(this.positions);
  #sizes = new Float64Array(0);
  // Counts uses: the tie between equal ranks.
  #now = 0;

  /** The rank of an object that comes in. */
  protected abstract rankIn(id: number, size: number, hint: number): number;
  /** The rank of an object of that rank that is used. */
  protected abstract rankUsed(id: number, rank: number, hint: number): number;
  /** An object of that rank is evicted. */
  protected evicted(_rank: number): void {}

  reserve(objects: number): void {
    this.positions.reserve(objects);
    if (objects <= this.#sizes.length) return;
    const sizes = new Float64Array(objects);
    sizes.set(this.#sizes);
    this.#sizes = sizes;
  }

  resize(_capacity: number): void {}

  miss(_id: number, _size: number, _hint: number): void {}

  note(_id: number, _hint: number): void {}

  has(id: number): boolean {
    return this.heap.has(id);
  }

  sizeOf(id: number): number {
    return this.#sizes[id]!;
  }

  hit(id: number, hint: number): boolean {
    if (!this.heap.has(id)) return false;
    this.heap.change(id, this.rankUsed(id, this.heap.key(id), hint), (this.#now += 1));
    return true;
  }

  insert(id: number, size: number, hint: number): void {
    this.#sizes[id] = size;
    this.heap.push(id, this.rankIn(id, size, hint), (this.#now += 1));
  }

  evict(allowed: Allowed | null): number {
    const id = this.heap.first(allowed);
    if (id < 0) return id;
    this.evicted(this.heap.key(id));
    this.heap.take(id);
    return id;
  }

  remove(id: number): void {
    if (this.heap.has(id)) this.heap.take(id);
  }

  knows(id: number): boolean {
    return this.heap.has(id);
  }

  /** Gives an object of the cache another rank without a use. */
  protected rerank(id: number, rank: number): void {
    if (this.heap.has(id)) this.heap.change(id, rank, this.heap.tie(id));
  }
}
