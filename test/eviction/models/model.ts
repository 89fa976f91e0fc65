// What the slow models of eviction policies share: queues are arrays, oldest first, and everything is found by looking at
// all of it.

import { type Allowed, type EvictionPolicy, type Hint, NOBODY } from "../../../src/eviction/policy.js";

export interface Entry {
  readonly id: number;
  size: number;
  /** Uses, marks, references: whatever the policy counts. */
  n: number;
  /** Number of the call that used it last. */
  at: number;
}

export type Queue = Entry[];

export const sum = (queue: Queue): number => queue.reduce((total, { size }) => total + size, 0);
export const find = (queue: Queue, id: number): Entry | undefined => queue.find((entry) => entry.id === id);

export function take(queue: Queue, id: number): Entry | undefined {
  const at = queue.findIndex((entry) => entry.id === id);
  return at < 0 ? undefined : queue.splice(at, 1)[0];
}

export const firstAllowed = (queue: Queue, allowed: Allowed | null): Entry | undefined =>
  queue.find(({ id }) => allowed === null || allowed(id));

/** A queue of ghosts that holds at most `limit`. */
export function remember(ghosts: Queue, entry: Entry, limit: number): void {
  if (entry.size > limit) return;
  while (sum(ghosts) + entry.size > limit) ghosts.shift();
  ghosts.push(entry);
}

/** Leaves the newest ghosts, as many as `limit` holds. */
export function forget(ghosts: Queue, limit: number): void {
  while (sum(ghosts) > limit) ghosts.shift();
}

export abstract class Model implements EvictionPolicy {
  readonly name = "model";
  readonly hint: Hint = "none";
  protected capacity = 0;
  protected calls = 0;
  protected wanted: { id: number; size: number } | null = null;
  readonly #sizes = new Map<number, number>();

  /** Queues of objects in the cache, and of ghosts. */
  protected abstract queues(): Queue[];
  protected ghosts(): Queue[] {
    return [];
  }
  protected abstract used(entry: Entry, hint: number): void;
  protected abstract come(entry: Entry, hint: number): void;
  /** Takes one out of its queue. */
  protected abstract leave(allowed: Allowed | null): Entry | undefined;
  protected missed(_id: number): void {}

  reserve(): void {}

  resize(capacity: number): void {
    this.capacity = capacity;
  }

  has(id: number): boolean {
    return this.queues().some((queue) => find(queue, id));
  }

  knows(id: number): boolean {
    return [...this.queues(), ...this.ghosts()].some((queue) => find(queue, id));
  }

  sizeOf(id: number): number {
    return this.#sizes.get(id)!;
  }

  hit(id: number, hint: number): boolean {
    this.calls += 1;
    const entry = this.queues().flatMap((queue) => find(queue, id) ?? [])[0];
    if (entry === undefined) return false;
    this.used(entry, hint);
    entry.at = this.calls;
    return true;
  }

  miss(id: number, size: number): void {
    this.wanted = { id, size };
    this.missed(id);
  }

  insert(id: number, size: number, hint: number): void {
    this.#sizes.set(id, size);
    this.come({ id, size, n: 0, at: this.calls }, hint);
    this.wanted = null;
  }

  evict(allowed: Allowed | null): number {
    return this.leave(allowed)?.id ?? NOBODY;
  }

  remove(id: number): void {
    for (const queue of [...this.queues(), ...this.ghosts()]) take(queue, id);
  }

  note(_id: number, _hint: number): void {}
}
