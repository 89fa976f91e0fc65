// Where the bytes of cached blocks lie. Small blocks of the heap lie side by side in slabs: an object for each would cost
// more than copying the block, and where blocks that are put in a row lie in a row, so do their copies. Cells and buffers of
// evicted blocks are used again: a store that is full replaces blocks all the time.

import type { Page, PageAllocator } from "../memory/page.js";

/** No place: a block without bytes, or memory that has run out. */
export const NO_PLACE = -1;

/** Keeps the bytes of blocks. A place is a number that only its keeper understands. */
export interface BytesKeeper {
  /** A place of `bytes` bytes (1 or more), dirty, or NO_PLACE when the memory itself has run out. */
  take(bytes: number): number;
  /** Copies `content` into a place, `at` bytes from its start. */
  write(place: number, content: Uint8Array, at: number): void;
  /** The bytes of a place, not a copy. */
  view(place: number, bytes: number): Uint8Array;
  /** Gives a place of `bytes` bytes back. */
  give(place: number, bytes: number): void;
  /** Gives back every place that is not in `kept`: what a worker had taken or not given yet when it died. */
  sweep?(kept: ReadonlySet<number>): void;
}

const SLAB_BYTES = 64 * 1024;
/** Larger blocks have buffers of their own. */
const MAX_CELL_BYTES = SLAB_BYTES / 4;
const MIN_CELL_BYTES = 64;
// The first place of the large ones.
const LARGE = 2 ** 50;

const NO_BYTES = new Uint8Array(0);

/** A slab is cut into cells of one size. */
interface Slab {
  bytes: Uint8Array;
  readonly cellBytes: number;
  /** Cells that are free: the first `freeCells` entries. */
  readonly free: Uint16Array;
  freeCells: number;
  /** Place of its first byte. */
  readonly base: number;
  /** Whether its size class knows that it has free cells. */
  listed: boolean;
  /** Given back. */
  gone: boolean;
}

/** Slabs of one cell size. `current` is where the next cell comes from, the others in turn after it. */
interface SizeClass {
  readonly cellBytes: number;
  current: Slab | null;
  readonly listed: Slab[];
}

/**
 * Memory of the JavaScript heap. Keeps at most `spareBytes` that no block uses, in whole slabs and buffers.
 *
 * @example
 * ```ts
 * import { heapBytes } from "tungsten-memory";
 *
 * const keeper = heapBytes(0);
 * const place = keeper.take(3);
 * keeper.write(place, Uint8Array.of(1, 2, 3), 0);
 * console.log([...keeper.view(place, 3)]); // [ 1, 2, 3 ]
 * keeper.give(place, 3);
 * ```
 */
export function heapBytes(spareBytes: number = 16 * 1024 * 1024): BytesKeeper {
  return new HeapBytes(spareBytes);
}

class HeapBytes implements BytesKeeper {
  readonly #spareBytes: number;
  readonly #classes = new Map<number, SizeClass>();
  readonly #slabs: (Slab | null)[] = [];
  readonly #freeSlabs: number[] = [];
  readonly #large: (Uint8Array | null)[] = [];
  readonly #freeLarge: number[] = [];
  readonly #spareLarge = new Map<number, Uint8Array[]>();
  #spare = 0;
  // The class of the size used last: blocks of one size tend to come in a row.
  #lastBytes = 0;
  #lastClass: SizeClass | null = null;

  constructor(spareBytes: number) {
    this.#spareBytes = spareBytes;
  }

  take(bytes: number): number {
    if (bytes > MAX_CELL_BYTES) return this.#takeLarge(bytes);
    const sizeClass = bytes === this.#lastBytes ? this.#lastClass! : this.#classOf(bytes);
    let slab = sizeClass.current;
    if (slab === null || slab.freeCells === 0) {
      slab = this.#nextSlab(sizeClass);
      if (slab === null) return NO_PLACE;
    }
    if (slab.freeCells === slab.free.length) this.#spare -= SLAB_BYTES;
    slab.freeCells -= 1;
    return slab.base + slab.free[slab.freeCells]! * slab.cellBytes;
  }

  write(place: number, content: Uint8Array, at: number): void {
    if (place >= LARGE) {
      this.#large[place - LARGE]!.set(content, at);
      return;
    }
    const slab = this.#slabAt(place);
    slab.bytes.set(content, place - slab.base + at);
  }

  view(place: number, bytes: number): Uint8Array {
    if (place >= LARGE) return this.#large[place - LARGE]!;
    const slab = this.#slabAt(place);
    return slab.bytes.subarray(place - slab.base, place - slab.base + bytes);
  }

  give(place: number, bytes: number): void {
    if (place >= LARGE) {
      this.#giveLarge(place - LARGE, bytes);
      return;
    }
    const slab = this.#slabAt(place);
    slab.free[slab.freeCells] = (place - slab.base) / slab.cellBytes;
    slab.freeCells += 1;
    if (!slab.listed) this.#list(slab);
    if (slab.freeCells === slab.free.length) this.#emptied(slab);
  }

  #slabAt(place: number): Slab {
    return this.#slabs[Math.floor(place / SLAB_BYTES)]!;
  }

  #classOf(bytes: number): SizeClass {
    const cellBytes = cellBytesOf(bytes);
    let sizeClass = this.#classes.get(cellBytes);
    if (sizeClass === undefined) {
      sizeClass = { cellBytes, current: null, listed: [] };
      this.#classes.set(cellBytes, sizeClass);
    }
    this.#lastBytes = bytes;
    this.#lastClass = sizeClass;
    return sizeClass;
  }

  #list(slab: Slab): void {
    slab.listed = true;
    this.#classes.get(slab.cellBytes)!.listed.push(slab);
  }

  #nextSlab(sizeClass: SizeClass): Slab | null {
    if (sizeClass.current !== null) sizeClass.current.listed = false;
    sizeClass.current = null;
    for (let slab = sizeClass.listed.pop(); slab !== undefined; slab = sizeClass.listed.pop()) {
      if (slab.gone) continue;
      sizeClass.current = slab;
      return slab;
    }
    const bytes = freshBytes(SLAB_BYTES);
    if (bytes === null) return null;
    const index = this.#freeSlabs.pop() ?? this.#slabs.length;
    const cells = Math.floor(SLAB_BYTES / sizeClass.cellBytes);
    // Taken from the end, so that cells are taken in order.
    const free = new Uint16Array(cells);
    for (let at = 0; at < cells; at += 1) free[at] = cells - 1 - at;
    const base = index * SLAB_BYTES;
    const slab: Slab = {
      bytes,
      cellBytes: sizeClass.cellBytes,
      free,
      freeCells: cells,
      base,
      listed: true,
      gone: false,
    };
    this.#slabs[index] = slab;
    this.#spare += SLAB_BYTES;
    sizeClass.current = slab;
    return slab;
  }

  // An empty slab stays as a spare while there is room for spares.
  #emptied(slab: Slab): void {
    const sizeClass = this.#classes.get(slab.cellBytes)!;
    this.#spare += SLAB_BYTES;
    if (this.#spare <= this.#spareBytes) return;
    this.#spare -= SLAB_BYTES;
    if (sizeClass.current === slab) sizeClass.current = null;
    // Its class may have it on its list still.
    slab.gone = true;
    slab.bytes = NO_BYTES;
    const index = slab.base / SLAB_BYTES;
    this.#slabs[index] = null;
    this.#freeSlabs.push(index);
  }

  #takeLarge(bytes: number): number {
    const spare = this.#spareLarge.get(bytes)?.pop();
    if (spare !== undefined) this.#spare -= bytes;
    const buffer = spare ?? freshBytes(bytes);
    if (buffer === null) return NO_PLACE;
    const index = this.#freeLarge.pop() ?? this.#large.length;
    this.#large[index] = buffer;
    return LARGE + index;
  }

  #giveLarge(index: number, bytes: number): void {
    const buffer = this.#large[index]!;
    this.#large[index] = null;
    this.#freeLarge.push(index);
    if (this.#spare + bytes > this.#spareBytes) return;
    this.#spare += bytes;
    const spares = this.#spareLarge.get(bytes);
    if (spares === undefined) this.#spareLarge.set(bytes, [buffer]);
    else spares.push(buffer);
  }
}

/** The cell for a block: at most an eighth larger. */
function cellBytesOf(bytes: number): number {
  if (bytes <= MIN_CELL_BYTES) return MIN_CELL_BYTES;
  const step = 2 ** (28 - Math.clz32(bytes - 1));
  return Math.ceil(bytes / step) * step;
}

function freshBytes(bytes: number): Uint8Array | null {
  try {
    return new Uint8Array(bytes);
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

/**
 * Blocks of an allocator of pages, in practice the arena.
 *
 * @example
 * ```ts
 * import { createArenas, NO_PLACE, pageBytes } from "tungsten-memory";
 *
 * const keeper = pageBytes(createArenas({ limitBytes: 2 ** 24 }));
 * const place = keeper.take(2 ** 20);
 * console.log(place === NO_PLACE); // false
 * keeper.give(place, 2 ** 20);
 * ```
 */
export function pageBytes(allocator: PageAllocator): BytesKeeper {
  const pages: Page[] = [];
  const free: number[] = [];
  return {
    take(bytes) {
      const page = allocator.allocate(bytes);
      if (page === null) return NO_PLACE;
      const place = free.pop() ?? pages.length;
      pages[place] = page;
      return place;
    },
    // Views are looked up each time: the arena's are replaced when it grows.
    write(place, content, at) {
      const page = pages[place]!;
      page.views.u8.set(content, page.base + at);
    },
    view(place, bytes) {
      const page = pages[place]!;
      return page.views.u8.subarray(page.base, page.base + bytes);
    },
    give(place) {
      allocator.free(pages[place]!);
      free.push(place);
    },
  };
}
