// ARC (Megiddo and Modha, FAST 2003): those seen once lately and those seen twice have a queue each, and each queue its ghosts.
// A ghost that is wanted again says that its queue was too short, and moves the target between the two. Cases I to IV are the
// paper's; sizes count where it counts pages.

import { type Allowed, NOBODY } from "./policy.js";
import { QueuedPolicy, oldestAllowed } from "./queued.js";

const T1 = -1;
const T2 = -2;
const B1 = -9;
const B2 = -10;
const NOWHERE = 0;

export class Arc extends QueuedPolicy {
  readonly name = "arc";
  #capacity = 0;
  // How much of the capacity T1 shall have.
  #target = 0;
  // Of the object that is wanted: its ghosts' queue, or NOWHERE, and its size; 0 when nobody is wanted.
  #ghosts = NOWHERE;
  #wanted = 0;

  override resize(capacity: number): void {
    const shrinks = capacity < this.#capacity;
    this.#capacity = capacity;
    this.#target = Math.min(this.#target, capacity);
    if (shrinks) this.#forget();
  }

  hit(id: number): boolean {
    const { queues } = this;
    const queue = queues.queueOf(id);
    if (queue === T1) queues.move(id, T2);
    else if (queue === T2) queues.renew(id);
    else return false;
    return true;
  }

  override miss(id: number, size: number): void {
    const { queues } = this;
    this.#wanted = size;
    this.#ghosts = queues.queueOf(id);
    if (this.#ghosts === NOWHERE) return;
    const once = queues.total(B1);
    const twice = queues.total(B2);
    if (this.#ghosts === B1) this.#target = Math.min(this.#capacity, this.#target + step(twice, once));
    else this.#target = Math.max(0, this.#target - step(once, twice));
    queues.take(id);
  }

  insert(id: number, size: number): void {
    this.queues.push(this.#ghosts === NOWHERE ? T1 : T2, id, size);
    this.#ghosts = NOWHERE;
    this.#wanted = 0;
  }

  evict(allowed: Allowed | null): number {
    const { queues } = this;
    if (this.#ghosts !== NOWHERE) return this.#replace(allowed);
    const l1 = queues.total(T1) + queues.total(B1);
    if (l1 + this.#wanted > this.#capacity) {
      if (queues.count(B1) === 0) {
        const id = oldestAllowed(queues, T1, allowed);
        if (id < 0) return this.#replace(allowed);
        queues.take(id);
        return id;
      }
      queues.take(queues.oldest(B1));
    } else if (l1 + queues.total(T2) + queues.total(B2) >= 2 * this.#capacity && queues.count(B2) > 0)
      queues.take(queues.oldest(B2));
    return this.#replace(allowed);
  }

  // The paper's REPLACE: the oldest of the queue that is over its target becomes a ghost.
  #replace(allowed: Allowed | null): number {
    const { queues } = this;
    const once = queues.total(T1);
    const over = once > this.#target || (this.#ghosts === B2 && once === this.#target);
    const from = queues.count(T1) > 0 && over ? T1 : T2;
    let id = oldestAllowed(queues, from, allowed);
    if (id < 0) id = oldestAllowed(queues, from === T1 ? T2 : T1, allowed);
    if (id < 0) return NOBODY;
    queues.move(id, queues.queueOf(id) === T1 ? B1 : B2);
    if (this.#wanted === 0) this.#forget();
    return id;
  }

  // Ghosts beyond what the paper lets be remembered, where no miss has seen to it: the capacity has shrunk, or somebody
  // takes room who wants no object.
  #forget(): void {
    const { queues } = this;
    while (queues.count(B1) > 0 && queues.total(T1) + queues.total(B1) > this.#capacity) queues.take(queues.oldest(B1));
    let all = queues.total(T1) + queues.total(B1) + queues.total(T2) + queues.total(B2);
    while (queues.count(B2) > 0 && all > 2 * this.#capacity) {
      const id = queues.oldest(B2);
      all -= queues.sizeOf(id);
      queues.take(id);
    }
  }
}

/** How far a ghost moves the target: the other ghosts' sizes by those of its own queue, 1 at least. Ghosts may take no room. */
function step(others: number, own: number): number {
  return others <= own ? 1 : others / own;
}
