// First in, first out: who came first leaves first, whatever its use.

import type { Allowed } from "./policy.js";
import { QueuedPolicy, oldestAllowed } from "./queued.js";
import { FIRST } from "./queues.js";

export class Fifo extends QueuedPolicy {
  readonly name = "fifo";

  hit(id: number): boolean {
    return this.queues.queueOf(id) !== 0;
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
