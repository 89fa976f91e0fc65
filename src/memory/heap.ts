// On-heap pages: buffers of the JavaScript heap, kept by size for reuse as Spark's heap allocator keeps its arrays
// (section 6.1 of the law). Making a large buffer costs clearing it, so a bounded set of freed ones is held for certain;
// the rest is held only as long as the collector likes.

import { assert, AssertionError } from "../fault.js";
import { humanBytes } from "../human.js";
import { ON_HEAP } from "./mode.js";
import { PageError } from "./page-error.js";
import { FREED_IN_ALLOCATOR, FREED_IN_TASK, NO_PAGE, Page, type PageAllocator } from "./page.js";
import { Views } from "./views.js";

/** Buffers from this size on are kept; smaller ones are left to the collector. */
export const POOLED_FROM_BYTES = 1024 * 1024;

/** Bytes of freed buffers held strongly, unless the pool is told otherwise. */
const HOT_BYTES = 256 * 1024 * 1024;

/** How much of what comes back the pool holds on to. */
export interface HeapPoolOptions {
  /** Most bytes of freed buffers held strongly, 0 or more. Default 256 MiB. */
  readonly hotBytes?: number;
}

/** What a pool has done so far. */
export interface HeapPoolStats {
  /** Requests served by a buffer held strongly. */
  readonly strongHits: number;
  /** Requests served by a buffer that the collector had left. */
  readonly weakHits: number;
  /** Requests of a pooled size that made a new buffer. */
  readonly misses: number;
  /** Bytes of freed buffers held strongly now. */
  readonly hotBytes: number;
  /** Buffers that the collector took before they were asked for again, as far as seen. */
  readonly collected: number;
  /** Times that the host had no memory for a new buffer. */
  readonly failures: number;
}

/** Freed buffers of one size, each part oldest first. Those held weakly are older than those held strongly. */
interface Shelf {
  readonly keyBytes: number;
  /** A ring of a power of two places. */
  hot: (Views | null)[];
  first: number;
  count: number;
  readonly weak: WeakRef<Views>[];
}

let pools = 0;

/**
 * Pages in buffers of their own, at offset 0. New buffers are zero, reused ones are as they were left.
 *
 * @example
 * ```ts
 * import { HeapPool } from "tungsten-memory";
 *
 * const pool = new HeapPool({ hotBytes: 2 ** 26 });
 * const page = pool.allocate(2 ** 20)!;
 * pool.free(page);
 * pool.free(pool.allocate(2 ** 20)!);
 * console.log(pool.stats().strongHits); // 1
 * ```
 */
export class HeapPool implements PageAllocator {
  readonly mode = ON_HEAP;
  readonly #hotLimitBytes: number;
  /** Handle of every page of this pool, so that it knows its own. */
  readonly #id = ++pools;
  readonly #shelves = new Map<number, Shelf>();
  /** The shelf last used: pages of one task are mostly of one size. */
  #shelf: Shelf = newShelf(0);
  #hotBytes = 0;
  #strongHits = 0;
  #weakHits = 0;
  #misses = 0;
  #collected = 0;
  #failures = 0;

  constructor({ hotBytes = HOT_BYTES }: HeapPoolOptions = {}) {
    assert(hotBytes >= 0, `the bytes held strongly are not negative: ${hotBytes}`);
    this.#hotLimitBytes = hotBytes;
  }

  /** A page of `bytes` bytes, or null when the host has no memory for it. Sizes 8n-7 to 8n share their buffers. */
  allocate(bytes: number): Page | null {
    const keyBytes = roundUp8(bytes);
    if (keyBytes >= POOLED_FROM_BYTES) {
      const shelf = this.#shelf.keyBytes === keyBytes ? this.#shelf : this.#turnTo(keyBytes);
      if (shelf.count > 0) {
        const { hot, first } = shelf;
        const views = hot[first]!;
        hot[first] = null;
        shelf.first = (first + 1) & (hot.length - 1);
        shelf.count -= 1;
        this.#hotBytes -= keyBytes;
        this.#strongHits += 1;
        return new Page(ON_HEAP, bytes, 0, views, this.#id);
      }
      return this.#allocateRarely(bytes, shelf);
    }
    return this.#make(bytes, keyBytes);
  }

  free(page: Page): void {
    if (page.handle !== this.#id || (page.number !== NO_PAGE && page.number !== FREED_IN_TASK)) this.#refuseFree(page);
    if (page.mode !== ON_HEAP) this.#refuseFree(page);
    page.number = FREED_IN_ALLOCATOR;
    const keyBytes = roundUp8(page.bytes);
    if (keyBytes < POOLED_FROM_BYTES) return;
    const shelf = this.#shelf.keyBytes === keyBytes ? this.#shelf : this.#turnTo(keyBytes);
    if (shelf.count === shelf.hot.length) widen(shelf);
    const { hot } = shelf;
    hot[(shelf.first + shelf.count) & (hot.length - 1)] = page.views;
    shelf.count += 1;
    this.#hotBytes += keyBytes;
    if (this.#hotBytes > this.#hotLimitBytes) this.#cool();
  }

  /** Lets go of every freed buffer. Returns the bytes that were held strongly. */
  trim(): number {
    const released = this.#hotBytes;
    this.#shelves.clear();
    this.#shelf = newShelf(0);
    this.#hotBytes = 0;
    return released;
  }

  /** What it has done so far, and what it holds now. */
  stats(): HeapPoolStats {
    return {
      strongHits: this.#strongHits,
      weakHits: this.#weakHits,
      misses: this.#misses,
      hotBytes: this.#hotBytes,
      collected: this.#collected,
      failures: this.#failures,
    };
  }

  // ---- rare paths

  #turnTo(keyBytes: number): Shelf {
    let shelf = this.#shelves.get(keyBytes);
    if (shelf === undefined) this.#shelves.set(keyBytes, (shelf = newShelf(keyBytes)));
    return (this.#shelf = shelf);
  }

  /** The oldest buffer that the collector has left, else a new one. */
  #allocateRarely(bytes: number, shelf: Shelf): Page | null {
    while (shelf.weak.length > 0) {
      const views = shelf.weak.shift()!.deref();
      if (views !== undefined) {
        this.#weakHits += 1;
        return new Page(ON_HEAP, bytes, 0, views, this.#id);
      }
      this.#collected += 1;
    }
    this.#misses += 1;
    return this.#make(bytes, shelf.keyBytes);
  }

  #make(bytes: number, keyBytes: number): Page | null {
    if (!(bytes >= 1)) throw new AssertionError(`a page has at least 1 byte, not ${bytes}`);
    try {
      return new Page(ON_HEAP, bytes, 0, new Views(new ArrayBuffer(keyBytes)), this.#id);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      this.#failures += 1;
      return null;
    }
  }

  /**
   * Brings the buffers held strongly to three quarters of the bound, so that the next frees need not come here. Shelves
   * that were not used last give theirs up first, each from its oldest.
   */
  #cool(): void {
    const target = (this.#hotLimitBytes * 3) / 4;
    for (const shelf of this.#shelves.values()) if (shelf !== this.#shelf) this.#coolShelf(shelf, target);
    this.#coolShelf(this.#shelf, target);
  }

  #coolShelf(shelf: Shelf, targetBytes: number): void {
    while (shelf.count > 0 && this.#hotBytes > targetBytes) {
      shelf.weak.push(new WeakRef(shelf.hot[shelf.first]!));
      shelf.hot[shelf.first] = null;
      shelf.first = (shelf.first + 1) & (shelf.hot.length - 1);
      shelf.count -= 1;
      this.#hotBytes -= shelf.keyBytes;
    }
  }

  #refuseFree(page: Page): never {
    const what = `on-heap page of ${humanBytes(page.bytes)}`;
    if (page.mode !== ON_HEAP || page.handle !== this.#id)
      throw new PageError("foreign page", `a page of ${humanBytes(page.bytes)} is not of this pool`);
    if (page.number === FREED_IN_ALLOCATOR) throw new PageError("double free", what);
    throw new PageError("freed while in a task", `${what}, number ${page.number}`);
  }
}

function newShelf(keyBytes: number): Shelf {
  return { keyBytes, hot: Array.from({ length: 4 }, () => null), first: 0, count: 0, weak: [] };
}

/** Twice the places, the oldest at the first. */
function widen(shelf: Shelf): void {
  const { hot, first } = shelf;
  shelf.hot = [...hot.slice(first), ...hot.slice(0, first), ...Array.from({ length: hot.length }, () => null)];
  shelf.first = 0;
}

function roundUp8(bytes: number): number {
  return bytes + ((8 - (bytes % 8)) % 8);
}
