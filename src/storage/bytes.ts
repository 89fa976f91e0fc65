// Where the bytes of cached blocks lie. Buffers of evicted blocks are used again for later blocks of the same size: a store
// that is full replaces blocks all the time, and making a buffer costs many times what copying into one does.

import type { Page, PageAllocator } from "../memory/page.js";

/** A place for the bytes of one block. */
export interface BlockBytes {
  readonly bytes: Uint8Array;
  /** What the keeper knows the place by. */
  readonly page: Page | null;
}

export interface BytesKeeper {
  /** A place of `bytes` bytes (1 or more), dirty, or null when the memory itself has run out. */
  take(bytes: number): BlockBytes | null;
  give(place: BlockBytes): void;
}

/** Buffers of the JavaScript heap. Keeps at most `spareBytes` of buffers that no block uses. */
export function heapBytes(spareBytes: number = 16 * 1024 * 1024): BytesKeeper {
  const spares = new Map<number, BlockBytes[]>();
  let held = 0;
  // The list of the size used last: blocks of one size tend to come in a row.
  let lastBytes = 0;
  let lastList: BlockBytes[] = [];
  const listOf = (bytes: number): BlockBytes[] => {
    if (bytes === lastBytes) return lastList;
    let list = spares.get(bytes);
    if (list === undefined) {
      list = [];
      spares.set(bytes, list);
    }
    lastBytes = bytes;
    lastList = list;
    return list;
  };
  return {
    take(bytes) {
      const spare = listOf(bytes).pop();
      if (spare !== undefined) {
        held -= bytes;
        return spare;
      }
      try {
        return { bytes: new Uint8Array(bytes), page: null };
      } catch (error) {
        if (error instanceof RangeError) return null;
        throw error;
      }
    },
    give(place) {
      const bytes = place.bytes.length;
      if (held + bytes > spareBytes) return;
      held += bytes;
      listOf(bytes).push(place);
    },
  };
}

/** The bytes of a page, looked up each time: the arena's views are replaced when it grows. */
class PageBytes implements BlockBytes {
  readonly page: Page;

  constructor(page: Page) {
    this.page = page;
  }

  get bytes(): Uint8Array {
    return this.page.views.u8.subarray(this.page.base, this.page.base + this.page.bytes);
  }
}

/** Blocks of an allocator of pages, in practice the arena. */
export function pageBytes(allocator: PageAllocator): BytesKeeper {
  return {
    take(bytes) {
      const page = allocator.allocate(bytes);
      return page === null ? null : new PageBytes(page);
    },
    give(place) {
      allocator.free(place.page!);
    },
  };
}
