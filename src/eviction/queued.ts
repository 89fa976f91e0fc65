// What policies made of queues have in common: membership, and the oldest of a queue that may leave.

import { type Allowed, type EvictionPolicy, NOBODY } from "./policy.js";
import { Queues } from "./queues.js";

/** A policy whose objects, ghosts included, lie in queues. */
export abstract class QueuedPolicy implements EvictionPolicy {
  abstract readonly name: string;
  readonly hint = "none";
  protected readonly queues = new Queues();

  abstract hit(id: number): boolean;
  abstract insert(id: number, size: number): void;
  abstract evict(allowed: Allowed | null): number;

  reserve(objects: number): void {
    this.queues.reserve(objects);
  }

  resize(_capacity: number): void {}

  miss(_id: number, _size: number): void {}

  note(_id: number, _hint: number): void {}

  has(id: number): boolean {
    return this.queues.resident(id);
  }

  sizeOf(id: number): number {
    return this.queues.sizeOf(id);
  }

  remove(id: number): void {
    if (this.queues.queueOf(id) !== 0) this.queues.take(id);
  }

  knows(id: number): boolean {
    return this.queues.queueOf(id) !== 0;
  }
}

/** The oldest object of a queue that may leave, or NOBODY. */
export function oldestAllowed(queues: Queues, queue: number, allowed: Allowed | null): number {
  let id = queues.oldest(queue);
  if (allowed !== null) while (id >= 0 && !allowed(id)) id = queues.newer(id);
  return id < 0 ? NOBODY : id;
}

/** Puts an object into a queue of ghosts that remembers at most `limit`, forgetting the oldest; one too large is forgotten itself. */
export function remember(queues: Queues, ghosts: number, id: number, limit: number): void {
  const size = queues.sizeOf(id);
  if (size > limit) return;
  queues.push(ghosts, id, size);
  forget(queues, ghosts, limit);
}

/** Forgets the oldest ghosts until the rest is within `limit`. */
export function forget(queues: Queues, ghosts: number, limit: number): void {
  while (queues.total(ghosts) > limit) queues.take(queues.oldest(ghosts));
}
