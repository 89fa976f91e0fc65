// Off-heap memory that the workers of one executor share: as many arenas as the budget needs, made at once, since all must be
// known to whoever attaches. Pages are their worker's own; the bytes of blocks belong to a place that no thread has, so that
// they stay when the worker that put them goes.

import { assert } from "./fault.js";
import { arenaBytes } from "./storage/arena-bytes.js";
import { type BytesKeeper, NO_PLACE } from "./storage/bytes.js";
import { Arena } from "./memory/arena.js";
import { type ArenaMemories, MAX_ARENA_BYTES } from "./memory/arena-options.js";
import { OFF_HEAP } from "./memory/mode.js";
import { PageError } from "./memory/page-error.js";
import type { Page, PageAllocator } from "./memory/page.js";
import { MemoryBusy } from "./memory/wait.js";

/** What is needed of shared arenas to attach: to be posted. */
export interface SharedArenaMemories {
  readonly memories: readonly ArenaMemories[];
  /** The place that the bytes of blocks belong to. */
  readonly blocksPlace: number;
}

/** Pages that a worker keeps for itself after it has freed them. */
const CACHED_PAGES = 4;

/** Longest wait for the lock of an arena, milliseconds, before a burial is put off. */
const RECOVER_WAIT_MS = 100;

// A place names the arena above 32 bits and the block's handle below.
const HANDLES = 2 ** 32;

export interface SharedArenasOptions {
  /** Bytes that pages and blocks may take together. */
  readonly limitBytes: number;
  /** Workers, the maker included, 1 to 63. */
  readonly workers: number;
  /** The usual size of a page. */
  readonly pageBytes: number;
  /** Longest wait for what others do to an arena's tables, milliseconds; 0 where this thread must not sleep. */
  readonly patienceMs: number;
}

/** One worker's hold on shared arenas. */
export class SharedArenas implements PageAllocator {
  readonly mode = OFF_HEAP;
  readonly arenas: readonly Arena[];
  readonly shared: SharedArenaMemories;
  // What is to be left. The maker holds the place of the blocks as well: it stays taken as long as the maker lives.
  readonly #places: Arena[];

  /** New arenas; the caller is worker 1. Throws ArenaError `memory` when the host has no address space for them. */
  static create({ limitBytes, workers, pageBytes, patienceMs }: SharedArenasOptions): SharedArenas {
    // What lies between pages must not cost a page: address space is more than the budget.
    const count = Math.max(1, Math.ceil((limitBytes * 5) / 4 / MAX_ARENA_BYTES));
    const cacheBytes = Math.min(CACHED_PAGES * pageBytes, MAX_ARENA_BYTES);
    const arenas = Array.from({ length: count }, () => Arena.create({ workers: workers + 1, cacheBytes }));
    const blocksPlace = workers + 1;
    const hold = arenas.map(({ memories }) => Arena.attach(memories, blocksPlace));
    return new SharedArenas(
      arenas,
      { memories: arenas.map(({ memories }) => memories), blocksPlace },
      hold,
      patienceMs,
    );
  }

  /** The arenas that another worker has made, as worker `worker`. Throws ArenaError. */
  static attach(shared: SharedArenaMemories, worker: number, patienceMs: number): SharedArenas {
    return new SharedArenas(
      shared.memories.map((memories) => Arena.attach(memories, worker)),
      shared,
      [],
      patienceMs,
    );
  }

  private constructor(
    arenas: readonly Arena[],
    shared: SharedArenaMemories,
    hold: readonly Arena[],
    patienceMs: number,
  ) {
    this.arenas = arenas;
    this.shared = shared;
    this.#places = [...arenas, ...hold];
    for (const arena of this.#places) arena.patienceMs = patienceMs;
  }

  allocate(bytes: number): Page | null {
    for (const arena of this.arenas) {
      const page = arena.allocate(bytes);
      if (page !== null) return page;
    }
    return null;
  }

  free(page: Page): void {
    const arena = this.arenas.find(({ views }) => views === page.views);
    if (arena === undefined)
      throw new PageError(
        "foreign page",
        `a page of ${page.bytes} bytes is of none of the ${this.arenas.length} arenas`,
      );
    arena.free(page);
  }

  /** Where the bytes of blocks lie, whichever mode they are charged to. */
  blockBytes(): BytesKeeper {
    const keepers = this.arenas.map((arena) => arenaBytes(arena, this.shared.blocksPlace));
    const of = (place: number): BytesKeeper => keepers[Math.floor(place / HANDLES)]!;
    return {
      take(bytes) {
        for (const [index, keeper] of keepers.entries()) {
          const handle = keeper.take(bytes);
          if (handle !== NO_PLACE) return index * HANDLES + handle;
        }
        return NO_PLACE;
      },
      write: (place, content, at) => of(place).write(place % HANDLES, content, at),
      view: (place, bytes) => of(place).view(place % HANDLES, bytes),
      give: (place, bytes) => of(place).give(place % HANDLES, bytes),
      sweep(kept) {
        const ofEach = keepers.map(() => new Set<number>());
        for (const place of kept) if (place !== NO_PLACE) ofEach[Math.floor(place / HANDLES)]!.add(place % HANDLES);
        for (const [index, keeper] of keepers.entries()) keeper.sweep!(ofEach[index]!);
      },
    };
  }

  /** Takes back what a worker that has ended held, filled with `fill` if that is given. Throws MemoryBusy: then again later. */
  recover(worker: number, fill?: number): void {
    assert(worker !== this.shared.blocksPlace, "nobody ends at the place of the blocks");
    for (const arena of this.arenas) {
      const recovered = arena.recover(worker, { waitMs: RECOVER_WAIT_MS, ...(fill === undefined ? {} : { fill }) });
      if (recovered === null) throw new MemoryBusy(RECOVER_WAIT_MS);
    }
  }

  /** Gives back all that this worker holds, and its places. After MemoryBusy it is to be called again, and goes on. */
  detach(): void {
    for (let arena = this.#places[0]; arena !== undefined; arena = this.#places[0]) {
      arena.detach();
      this.#places.shift();
    }
  }

  /** Proves every arena's tables sound. */
  check(): void {
    for (const arena of this.arenas) arena.check();
  }
}
