// W-TinyLFU (Einziger, Friedman and Manes, ACM ToS 2017): who is new waits in a small window, an LRU; at its end it takes the
// place of the main cache's next victim only if it was wanted more often lately. The main cache is an LRU of two segments.

import { type Allowed, NOBODY } from "./policy.js";
import { Frequencies } from "./frequency.js";
import { QueuedPolicy, oldestAllowed } from "./queued.js";

const WINDOW = -1;
const PROBATION = -2;
const PROTECTED = -3;

/** Counts are halved after so many uses for each object in the cache. */
const SAMPLES = 10;

export interface WTinyLfuOptions {
  /** Part of the capacity of the window. */
  readonly windowRatio: number;
  /** Part of the main cache that is kept for those used there. */
  readonly protectedRatio: number;
}

export class WTinyLfu extends QueuedPolicy {
  readonly name = "w-tinylfu";
  readonly #options: WTinyLfuOptions;
  readonly #frequencies = new Frequencies(this.queues);
  #windowLimit = 0;
  #mainLimit = 0;
  #protectedLimit = 0;
  // Size of the object that is wanted, 0 when nobody is.
  #wanted = 0;

  constructor(options: WTinyLfuOptions) {
    super();
    this.#options = options;
  }

  override resize(capacity: number): void {
    this.#windowLimit = Math.max(1, Math.floor(capacity * this.#options.windowRatio));
    this.#mainLimit = Math.max(0, capacity - this.#windowLimit);
    this.#protectedLimit = Math.floor(this.#mainLimit * this.#options.protectedRatio);
  }

  override knows(id: number): boolean {
    return super.knows(id) || this.#frequencies.of(id) > 0;
  }

  override remove(id: number): void {
    super.remove(id);
    this.#frequencies.forget(id);
  }

  hit(id: number): boolean {
    const { queues } = this;
    const queue = queues.queueOf(id);
    if (queue === 0) return false;
    this.#count(id);
    if (queue !== PROBATION) {
      queues.renew(id);
      return true;
    }
    queues.move(id, PROTECTED);
    while (queues.total(PROTECTED) > this.#protectedLimit) queues.move(queues.oldest(PROTECTED), PROBATION);
    return true;
  }

  override miss(id: number, size: number): void {
    this.#count(id);
    this.#wanted = size;
  }

  insert(id: number, size: number): void {
    const { queues } = this;
    this.#wanted = 0;
    const frequency = queues.mark(id);
    queues.push(WINDOW, id, size);
    queues.setMark(id, frequency);
    // Where the main cache has room, nobody has to compete for it.
    while (queues.total(WINDOW) > this.#windowLimit) {
      const oldest = queues.oldest(WINDOW);
      const main = queues.total(PROBATION) + queues.total(PROTECTED);
      if (main + queues.sizeOf(oldest) > this.#mainLimit) return;
      queues.move(oldest, PROBATION);
    }
  }

  evict(allowed: Allowed | null): number {
    const { queues } = this;
    let victim = oldestAllowed(queues, PROBATION, allowed);
    if (victim < 0) victim = oldestAllowed(queues, PROTECTED, allowed);
    const full = victim < 0 || queues.total(WINDOW) + this.#wanted > this.#windowLimit;
    const candidate = full ? oldestAllowed(queues, WINDOW, allowed) : NOBODY;
    if (candidate >= 0 && victim >= 0 && this.#frequencies.of(candidate) > this.#frequencies.of(victim))
      queues.move(candidate, PROBATION);
    else if (candidate >= 0) victim = candidate;
    if (victim < 0) victim = oldestAllowed(queues, WINDOW, allowed);
    if (victim >= 0) queues.take(victim);
    return victim;
  }

  #count(id: number): void {
    const { queues } = this;
    const objects = queues.count(WINDOW) + queues.count(PROBATION) + queues.count(PROTECTED);
    this.#frequencies.add(id, SAMPLES * Math.max(objects, 1));
  }
}
