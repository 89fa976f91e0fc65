// A block while it is being read: its records, and the read lock that comes off with the last of them.

/**
 * A read of a block's records, which holds its lock until all have been read, or until `release`.
 *
 * @example
 * ```ts
 * import type { BlockManager } from "tungsten-memory";
 *
 * export function first<T>(blocks: BlockManager<T>, block: string): T | undefined {
 *   const read = blocks.getValues(block); // a BlockRead, or null
 *   if (read === null) return undefined;
 *   const { value } = read.next();
 *   read.release(); // not read to its end: the lock must be given back
 *   return value;
 * }
 * ```
 */
export class BlockRead<T> implements IterableIterator<T> {
  /** Where it was found. */
  readonly from: "memory" | "disk";
  readonly #unlock: () => void;
  #records: Iterator<T> | null;

  constructor(from: "memory" | "disk", records: Iterator<T>, unlock: () => void) {
    this.from = from;
    this.#records = records;
    this.#unlock = unlock;
  }

  /** The next value; the end of them gives the read lock back. */
  next(): IteratorResult<T, undefined> {
    const next = this.#records?.next();
    if (next !== undefined && next.done !== true) return next;
    this.#records = null;
    this.#unlock();
    return { done: true, value: undefined };
  }

  /** Ends the reading: the lock comes off, and what a failed return to memory has reserved is given back. */
  release(): void {
    this.#records?.return?.();
    this.#records = null;
    this.#unlock();
  }

  /** A loop that breaks off leaves nothing behind. */
  return(): IteratorResult<T, undefined> {
    this.release();
    return { done: true, value: undefined };
  }

  [Symbol.iterator](): this {
    return this;
  }
}

/** The bytes of a block while they are being read. */
export interface BlockBytesRead {
  /** The store's own: not to be written, and not to be read after the release. */
  readonly bytes: Uint8Array;
  /** Gives the read lock back. */
  release(): void;
}
