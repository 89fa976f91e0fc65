// A consumer: whoever holds execution memory for a task and can spill. To write one, extend this class and implement
// `spill`; everything else is given.

import { invalidRequest } from "../memory/manager.js";
import type { Mode } from "../memory/mode.js";
import type { Page } from "../memory/page.js";
import type { Request } from "../memory/wait.js";
import { Misuse } from "./refusal.js";
import type { TaskMemoryManager } from "./task.js";

/** What a consumer is called, and what its pages are. Bytes. */
export interface ConsumerOptions {
  /** For messages and reports. */
  readonly name?: string;
  /** Defaults to the mode of the task's pages. */
  readonly mode?: Mode;
  /** Smallest page to ask for, bytes; defaults to the manager's page size. */
  readonly pageBytes?: number;
}

/**
 * Section 5.8 of the law. Every size is in bytes.
 *
 * @example
 * ```ts
 * import { Consumer, openExecutor } from "tungsten-memory";
 *
 * class Cache extends Consumer {
 *   spill(): number {
 *     const bytes = this.used;
 *     this.freeMemory(bytes); // after writing it away
 *     return bytes;
 *   }
 * }
 * const executor = openExecutor({ pages: "accounts" });
 * const cache = new Cache(executor.task(1), { name: "cache" });
 * console.log(cache.acquireMemory(2 ** 20), cache.used); // 1048576 1048576
 * ```
 */
export abstract class Consumer {
  /** Whose memory it holds. */
  readonly task: TaskMemoryManager;
  /** Where its memory lies. */
  readonly mode: Mode;
  /** Smallest page that it asks for, bytes. */
  readonly pageBytes: number;
  /** For messages and reports; the name of the class by default. */
  readonly name: string;
  /** What this consumer holds, pages included. Changed here only, after the task memory manager has answered. */
  used = 0;
  /** Whether the task counts this consumer among those it may ask to spill; kept by the task memory manager. */
  enrolled = false;

  constructor(task: TaskMemoryManager, options: ConsumerOptions = {}) {
    this.task = task;
    this.mode = options.mode ?? task.mode;
    this.pageBytes = options.pageBytes ?? task.pageBytes;
    this.name = options.name ?? this.constructor.name;
  }

  /**
   * Frees memory by writing data away: at least `bytes` if possible, and returns how many bytes were given back; 0 means
   * that nothing can be done and ends the asking. `trigger` is the consumer on whose behalf it is asked, perhaps this one.
   * Must not acquire memory for the data being spilled; a spill inside a spill must return 0. Under a policy that arbitrates
   * `trigger` may belong to another task, and the call may come while a request of this consumer's own task waits.
   */
  abstract spill(bytes: number, trigger: Consumer): number;

  /** Bytes that it would write to give back all it holds; for orders of spilling that go by cost. */
  spillCostBytes(): number {
    return this.used;
  }

  /** Asks for `bytes` (1 or more) and returns how many were granted, possibly fewer. Throws WouldWait where it had to wait. */
  acquireMemory(bytes: number): number {
    const granted = this.task.acquireExecutionMemory(bytes, this);
    this.used += granted;
    return granted;
  }

  /**
   * Gives back `bytes` of what `acquireMemory` granted. More than it holds is a Misuse: the rest would be taken from the
   * task's other consumers.
   */
  freeMemory(bytes: number): void {
    if (bytes > this.used) throw new Misuse(`${this.name} gives back ${bytes} bytes and holds ${this.used}`);
    this.task.releaseExecutionMemory(bytes, this);
    this.used -= bytes;
  }

  /** A page of at least `required` bytes, normally of the page size. Throws TaskOutOfMemory, WouldWait or TooLargePage. */
  allocatePage(required: number): Page {
    return this.#keep(this.task.allocatePage(this.#pageFor(required), this), required);
  }

  /** A page of exactly 8 * `words` bytes, whatever the page size. */
  allocateArray(words: number): Page {
    if (!(words > 0 && Number.isSafeInteger(words))) throw invalidRequest("array", 8 * words);
    return this.#keep(this.task.allocatePage(8 * words, this), 8 * words);
  }

  /** Gives a page (or array) back. */
  freePage(page: Page): void {
    this.task.freePage(page, this);
    this.used -= page.bytes;
  }

  /** `acquireMemory` as a request that can wait. */
  *acquireRequest(bytes: number): Request<number> {
    const granted = yield* this.task.acquireRequest(bytes, this);
    this.used += granted;
    return granted;
  }

  /** `allocatePage` as a request that can wait. */
  *pageRequest(required: number): Request<Page> {
    return this.#keep(yield* this.task.pageRequest(this.#pageFor(required), this), required);
  }

  /** `allocateArray` as a request that can wait. */
  *arrayRequest(words: number): Request<Page> {
    if (!(words > 0 && Number.isSafeInteger(words))) throw invalidRequest("array", 8 * words);
    return this.#keep(yield* this.task.pageRequest(8 * words, this), 8 * words);
  }

  /** Spills all that can be spilled, for this consumer's own sake. */
  spillSelf(): number {
    const asked = Number.MAX_SAFE_INTEGER;
    const freed = this.spill(asked, this);
    this.task.onSpill?.({ task: this.task.id, consumer: this, trigger: this, asked, freed });
    return freed;
  }

  #pageFor(required: number): number {
    if (!(required >= 0 && Number.isSafeInteger(required))) throw invalidRequest("page", required);
    return Math.max(this.pageBytes, required);
  }

  // A page between `required` and the page size is taken as it is; a smaller one is given back (section 5.8).
  #keep(page: Page | null, required: number): Page {
    if (page !== null && page.bytes >= required) {
      this.used += page.bytes;
      return page;
    }
    const received = page === null ? 0 : page.bytes;
    if (page !== null) this.task.freePage(page, this);
    throw this.task.outOfMemory(this, required, received);
  }
}
