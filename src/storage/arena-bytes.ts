// Bytes of blocks in an arena that several workers share, whichever mode they are charged to: any worker reads them and
// frees them. A worker that ends takes its pages with it, so those of blocks are handed to a place of the arena that no
// thread has.

import type { Page } from "../memory/page.js";
import type { Views } from "../memory/views.js";
import { type BytesKeeper, NO_PLACE } from "./bytes.js";

/** What of the arena is needed. A handle means the same block to every worker. */
export interface BlockArena {
  /** The views over its memory. */
  readonly views: Views;
  /** A page of `bytes` bytes, or null when the memory has run out. */
  allocate(bytes: number): Page | null;
  /** Makes a page that of another place, and answers its handle. */
  handOver(page: Page, place: number): number;
  /** Where the block begins in `views`, which reach it then. */
  addressOf(handle: number): number;
  /** Gives a block back. */
  freeBlock(handle: number): void;
  /** Calls `visit` for the handle of every live block of a place. */
  forEachHeld(place: number, visit: (handle: number) => void): void;
}

/**
 * A keeper over one arena. `place` is where the pages of blocks belong: no worker's, and never recovered. Places are taken
 * and given inside the decisions of the accounts, so that a sweep there finds none on its way.
 *
 * @example
 * ```ts
 * import { arenaBytes, type BlockArena, BlockStore, heapBytes, MAX_WORKERS, type MemoryManager } from "tungsten-memory";
 *
 * // Blocks off-heap in an arena of several workers, at a place that none of them has.
 * export function storeOver(manager: MemoryManager, arena: BlockArena): BlockStore {
 *   return new BlockStore({ manager, keepers: [heapBytes(), arenaBytes(arena, MAX_WORKERS)] });
 * }
 * ```
 */
export function arenaBytes(arena: BlockArena, place: number): BytesKeeper {
  return {
    take(bytes) {
      const page = arena.allocate(bytes);
      if (page === null) return NO_PLACE;
      try {
        return arena.handOver(page, place) >>> 0;
      } catch (error) {
        arena.freeBlock(page.handle);
        throw error;
      }
    },
    write(handle, content, at) {
      const address = arena.addressOf(handle);
      arena.views.u8.set(content, address + at);
    },
    view(handle, bytes) {
      const address = arena.addressOf(handle);
      return arena.views.u8.subarray(address, address + bytes);
    },
    give: (handle) => arena.freeBlock(handle),
    sweep(kept) {
      const lost: number[] = [];
      arena.forEachHeld(place, (handle) => {
        if (!kept.has(handle >>> 0)) lost.push(handle);
      });
      for (const handle of lost) arena.freeBlock(handle);
    },
  };
}
