// A page: a run of bytes that one task holds. The same object serves both modes, so consumer code is written once.

import type { Mode } from "./mode.js";
import type { Views } from "./views.js";

/** Page numbers that are not places in a task's page table (section 6 of the law). */
export const NO_PAGE = -1;
export const FREED_IN_TASK = -2;
export const FREED_IN_ALLOCATOR = -3;

/** Who a page was allocated for, as messages name it. */
export interface PageOwner {
  readonly name: string;
  readonly task: { readonly id: number };
}

/**
 * A run of `bytes` bytes that starts at offset `base` of the buffer behind `views` (on-heap pages have a buffer of
 * their own and base 0, unless the debug build puts a red zone before it; off-heap pages share the arena's). `base` is a
 * multiple of 16. `number` is the place in the page table of the task that holds it, or one of the negative constants.
 *
 * @example
 * ```ts
 * import { HeapPool, type Page } from "tungsten-memory";
 *
 * const page: Page = new HeapPool().allocate(1024)!;
 * const { views, base } = page;
 * views.u32[base / 4] = 42; // the first word of the page
 * console.log(page.bytes, views.u8[base]); // 1024 42
 * ```
 */
export class Page {
  /** Its place in the page table of the task that holds it, or one of the negative constants. */
  number: number = NO_PAGE;
  /** Set by the task that the page is allocated for; stays after the page was freed. */
  owner: PageOwner | null = null;
  /** Where it lies. */
  readonly mode: Mode;
  /** Its size, bytes. */
  readonly bytes: number;
  /** Where it begins in the buffer, bytes, a multiple of 16. */
  readonly base: number;
  /** The views over the buffer. */
  readonly views: Views;
  /** What the allocator knows the page by; means nothing to anybody else. */
  readonly handle: number;

  constructor(mode: Mode, bytes: number, base: number, views: Views, handle: number) {
    this.mode = mode;
    this.bytes = bytes;
    this.base = base;
    this.views = views;
    this.handle = handle;
  }
}

/**
 * Where pages come from. An allocator moves bytes, it keeps no account: the task memory manager has acquired the bytes
 * before it asks here.
 */
export interface PageAllocator {
  /** The mode of its pages. */
  readonly mode: Mode;
  /** A page of exactly `bytes` bytes with number NO_PAGE, or null when the memory itself has run out. Contents are unspecified. */
  allocate(bytes: number): Page | null;
  /** Takes the page back. Its number must be NO_PAGE or FREED_IN_TASK; it becomes FREED_IN_ALLOCATOR. */
  free(page: Page): void;
}

/** Pages that several workers take from and give back to, each through an allocator of its own. */
export interface CrewPages extends PageAllocator {
  /**
   * Makes a page of this worker one of `worker`, and answers the handle by which that one receives it. The page is dead here,
   * as if freed. Throws PageError when it is not this worker's to give.
   */
  handOver(page: Page, worker: number): number;
  /** The page of `bytes` bytes that another worker has handed over. Throws PageError when it has not. */
  receive(handle: number, bytes: number): Page;
}
