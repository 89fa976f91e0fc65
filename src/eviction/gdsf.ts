// Greedy-Dual-Size-Frequency (Cherkasova 1998): an object is worth its uses times its cost for each unit of its size, on top
// of the worth of whoever was evicted last, so that old fame fades.

import { RankedPolicy } from "./ranked.js";

export class Gdsf extends RankedPolicy {
  readonly name = "gdsf";
  readonly hint = "cost";
  #uses = new Float64Array(0);
  #costs = new Float64Array(0);
  // The worth of the last one evicted.
  #age = 0;

  override reserve(objects: number): void {
    super.reserve(objects);
    if (objects <= this.#uses.length) return;
    const uses = new Float64Array(objects);
    uses.set(this.#uses);
    this.#uses = uses;
    const costs = new Float64Array(objects);
    costs.set(this.#costs);
    this.#costs = costs;
  }

  override note(id: number, cost: number): void {
    if (!this.has(id)) return;
    const gained = cost - this.#costs[id]!;
    this.#costs[id] = cost;
    this.rerank(id, this.heap.key(id) + (this.#uses[id]! * gained) / sizeFor(this.sizeOf(id)));
  }

  protected rankIn(id: number, size: number, cost: number): number {
    this.#uses[id] = 1;
    this.#costs[id] = cost;
    return this.#age + cost / sizeFor(size);
  }

  protected rankUsed(id: number, _rank: number, cost: number): number {
    const uses = this.#uses[id]! + 1;
    this.#uses[id] = uses;
    this.#costs[id] = cost;
    return this.#age + (uses * cost) / sizeFor(this.sizeOf(id));
  }

  protected override evicted(rank: number): void {
    // A filter can let a worthier one leave before; the age does not go back.
    this.#age = Math.max(this.#age, rank);
  }
}

// Of nothing, any use is worth more than of something.
function sizeFor(size: number): number {
  return Math.max(size, 1);
}
