// Several arenas behind one allocator, for budgets that one linear memory cannot hold. The budget counts bytes of pages;
// each arena has the whole address space of a linear memory, so that what lies between pages never costs a page.

import { Arena, ArenaError, MAX_ARENA_BYTES } from "./arena.js";
import { OFF_HEAP } from "./mode.js";
import { PageError } from "./page-error.js";
import type { Page, PageAllocator } from "./page.js";

/** How much memory there is in all, and in what arenas. */
export interface ArenaSetOptions {
  /** Most bytes of pages at any time. */
  readonly limitBytes: number;
  /** Whether workers can attach to the arenas. Default: where the host allows shared memory. */
  readonly shared?: boolean;
  /** Most bytes of one arena; only a test has a reason to lower it. */
  readonly arenaBytes?: number;
}

/**
 * Off-heap pages from as many arenas as they need; the first that has room serves.
 *
 * @example
 * ```ts
 * import { ArenaSet } from "tungsten-memory";
 *
 * const arenas = new ArenaSet({ limitBytes: 2 ** 24 });
 * const page = arenas.allocate(2 ** 20);
 * console.log(page?.bytes, arenas.arenas.length); // 1048576 1
 * ```
 */
export class ArenaSet implements PageAllocator {
  readonly mode = OFF_HEAP;
  /** Most bytes of pages of all its arenas. */
  readonly limitBytes: number;
  readonly #arenas: Arena[] = [];
  readonly #options: ArenaSetOptions;
  #liveBytes = 0;

  constructor(options: ArenaSetOptions) {
    this.limitBytes = options.limitBytes;
    this.#options = options;
  }

  /** The arenas made so far, lowest first. */
  get arenas(): readonly Arena[] {
    return this.#arenas;
  }

  /** Bytes of the pages handed out. */
  get liveBytes(): number {
    return this.#liveBytes;
  }

  allocate(bytes: number): Page | null {
    if (this.#liveBytes + bytes > this.limitBytes) return null;
    const arenas = this.#arenas;
    for (let i = 0; i < arenas.length; i += 1) {
      const page = arenas[i]!.allocate(bytes);
      if (page !== null) return this.#count(page);
    }
    return this.#allocateInNew(bytes);
  }

  free(page: Page): void {
    const arenas = this.#arenas;
    for (let i = 0; i < arenas.length; i += 1) {
      if (arenas[i]!.views !== page.views) continue;
      arenas[i]!.free(page);
      this.#liveBytes -= page.bytes;
      return;
    }
    throw new PageError("foreign page", `a page of ${page.bytes} bytes is of none of the ${arenas.length} arenas`);
  }

  /** Proves every arena's tables sound. */
  check(): void {
    for (const arena of this.#arenas) arena.check();
  }

  #count(page: Page): Page {
    this.#liveBytes += page.bytes;
    return page;
  }

  /** A further arena, unless no arena could hold the page or the host has no room for one more. */
  #allocateInNew(bytes: number): Page | null {
    const { arenaBytes = MAX_ARENA_BYTES, shared } = this.#options;
    if (bytes > arenaBytes) return null;
    try {
      const arena = Arena.create({ limitBytes: arenaBytes, ...(shared === undefined ? {} : { shared }) });
      const page = arena.allocate(bytes);
      if (page === null) return null;
      this.#arenas.push(arena);
      return this.#count(page);
    } catch (error) {
      if (error instanceof ArenaError && error.reason === "memory") return null;
      throw error;
    }
  }
}

/**
 * Off-heap pages for a budget of `limitBytes`. Nothing is reserved before the first page.
 *
 * @example
 * ```ts
 * import { createArenas } from "tungsten-memory";
 *
 * const arenas = createArenas({ limitBytes: 2 ** 33 }); // more than one linear memory can hold
 * console.log(arenas.arenas.length, arenas.liveBytes); // 0 0
 * ```
 */
export function createArenas(options: ArenaSetOptions): ArenaSet {
  return new ArenaSet(options);
}
