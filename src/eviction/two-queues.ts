// 2Q (Johnson and Shasha, VLDB 1994), the full version: who is new waits in a FIFO and is remembered for a while after it has
// left; only who is wanted again then comes into the main queue, an LRU.

import { type Allowed, NOBODY } from "./policy.js";
import { forget, QueuedPolicy, oldestAllowed, remember } from "./queued.js";

const IN = -1;
const MAIN = -2;
const OUT = -9;

/** Parts of the capacity: of the queue of new objects, and of what is remembered beyond the cache. */
export interface TwoQueuesOptions {
  readonly inRatio: number;
  readonly outRatio: number;
}

export class TwoQueues extends QueuedPolicy {
  readonly name = "2q";
  readonly #options: TwoQueuesOptions;
  #inLimit = 0;
  #outLimit = 0;
  #remembered = NOBODY;

  constructor(options: TwoQueuesOptions) {
    super();
    this.#options = options;
  }

  override resize(capacity: number): void {
    this.#inLimit = Math.floor(capacity * this.#options.inRatio);
    this.#outLimit = Math.floor(capacity * this.#options.outRatio);
    forget(this.queues, OUT, this.#outLimit);
  }

  hit(id: number): boolean {
    const queue = this.queues.queueOf(id);
    if (queue === 0 || queue === OUT) return false;
    if (queue === MAIN) this.queues.renew(id);
    return true;
  }

  override miss(id: number): void {
    const remembered = this.queues.queueOf(id) === OUT;
    this.#remembered = remembered ? id : NOBODY;
    if (remembered) this.queues.take(id);
  }

  insert(id: number, size: number): void {
    this.queues.push(id === this.#remembered ? MAIN : IN, id, size);
    this.#remembered = NOBODY;
  }

  evict(allowed: Allowed | null): number {
    const { queues } = this;
    const fromIn = queues.total(IN) > this.#inLimit || queues.count(MAIN) === 0;
    let id = oldestAllowed(queues, fromIn ? IN : MAIN, allowed);
    if (id < 0) id = oldestAllowed(queues, fromIn ? MAIN : IN, allowed);
    if (id < 0) return NOBODY;
    const isNew = queues.queueOf(id) === IN;
    queues.take(id);
    if (isNew) remember(queues, OUT, id, this.#outLimit);
    return id;
  }
}
