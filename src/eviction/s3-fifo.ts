// S3-FIFO (Yang et al., SOSP 2023): a small FIFO from which most objects leave unused, a main FIFO that takes who was used there
// and gives second chances, and ghosts of the small one, which come straight into the main one when they are wanted again.

import { type Allowed, NOBODY } from "./policy.js";
import { forget, QueuedPolicy, oldestAllowed, remember } from "./queued.js";

const SMALL = -1;
const MAIN = -2;
const GHOSTS = -9;

/** Uses that count in the main queue. */
const MOST_USES = 3;

export interface S3FifoOptions {
  /** Part of the capacity of the small queue. */
  readonly smallRatio: number;
  /** What is remembered beyond the cache, as a part of the capacity. */
  readonly ghostRatio: number;
  /** Uses in the small queue with which an object goes on to the main one. */
  readonly threshold: number;
}

export class S3Fifo extends QueuedPolicy {
  readonly name = "s3-fifo";
  readonly #options: S3FifoOptions;
  #mainLimit = 0;
  #ghostLimit = 0;
  #remembered = NOBODY;

  constructor(options: S3FifoOptions) {
    super();
    this.#options = options;
  }

  override resize(capacity: number): void {
    this.#mainLimit = capacity - Math.floor(capacity * this.#options.smallRatio);
    this.#ghostLimit = Math.floor(capacity * this.#options.ghostRatio);
    forget(this.queues, GHOSTS, this.#ghostLimit);
  }

  hit(id: number): boolean {
    const { queues } = this;
    if (!queues.resident(id)) return false;
    queues.setMark(id, queues.mark(id) + 1);
    return true;
  }

  override miss(id: number): void {
    const remembered = this.queues.queueOf(id) === GHOSTS;
    this.#remembered = remembered ? id : NOBODY;
    if (remembered) this.queues.take(id);
  }

  insert(id: number, size: number): void {
    this.queues.push(id === this.#remembered ? MAIN : SMALL, id, size);
    this.#remembered = NOBODY;
  }

  evict(allowed: Allowed | null): number {
    const { queues } = this;
    const mainFirst = queues.total(MAIN) > this.#mainLimit || queues.count(SMALL) === 0;
    let id = mainFirst ? this.#evictMain(allowed) : this.#evictSmall(allowed);
    // Nobody there: all are locked, or all of the small queue have gone on to the main one.
    if (id < 0) id = mainFirst ? this.#evictSmall(allowed) : this.#evictMain(allowed);
    // Who has gone on to the main queue just now may still leave.
    if (id < 0 && mainFirst) id = this.#evictMain(allowed);
    return id;
  }

  #evictSmall(allowed: Allowed | null): number {
    const { queues } = this;
    for (let id = oldestAllowed(queues, SMALL, allowed); id >= 0; id = oldestAllowed(queues, SMALL, allowed)) {
      if (queues.mark(id) < this.#options.threshold) {
        queues.take(id);
        remember(queues, GHOSTS, id, this.#ghostLimit);
        return id;
      }
      queues.setMark(id, 0);
      queues.move(id, MAIN);
    }
    return NOBODY;
  }

  #evictMain(allowed: Allowed | null): number {
    const { queues } = this;
    for (let id = oldestAllowed(queues, MAIN, allowed); id >= 0; id = oldestAllowed(queues, MAIN, allowed)) {
      const uses = queues.mark(id);
      if (uses === 0) {
        queues.take(id);
        return id;
      }
      queues.setMark(id, Math.min(uses, MOST_USES) - 1);
      queues.renew(id);
    }
    return NOBODY;
  }
}
