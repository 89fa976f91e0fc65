// Least recently used: the order of Spark's own block store (section 8.1 of the law).

import type { Allowed } from "./policy.js";
import { QueuedPolicy, oldestAllowed } from "./queued.js";
import { FIRST } from "./queues.js";

export class Lru extends QueuedPolicy {
  readonly name = "lru";

  hit(id: number): boolean {
    if (this.queues.queueOf(id) === 0) return false;
    this.queues.renew(id);
    return true;
  }

  insert(id: number, size: number): void {
    this.queues.push(FIRST, id, size);
  }

  evict(allowed: Allowed | null): number {
    const id = oldestAllowed(this.queues, FIRST, allowed);
    if (id >= 0) this.queues.take(id);
    return id;
  }
}
