// Pages under suspicion: a wrapper around any allocator that fills what is handed out and what comes back, fences every
// page with red zones, and names whoever wrote where he should not. It wraps, so that it costs nothing when it is absent.
// The allocator inside must serve nobody else, but other workers through debug pages of their own.

import { humanBytes } from "../human.js";
import { type Mode, modeName } from "./mode.js";
import { PageError, type PageFault } from "./page-error.js";
import { type CrewPages, FREED_IN_ALLOCATOR, FREED_IN_TASK, NO_PAGE, Page, type PageAllocator } from "./page.js";
import type { Views } from "./views.js";

/** What fresh and freed bytes hold: Spark's own patterns (section 6.3 of the law). */
export const FRESH_BYTE = 0xa5;
export const FREED_BYTE = 0x5a;

/** What the zones before and after a page hold, and how long each is; a multiple of 16 keeps pages aligned. */
export const RED_BYTE = 0xbd;
export const RED_ZONE_BYTES = 64;

/** Whom pages that are watched belong to. */
export interface DebugOptions {
  /** Names the owner of a page for messages, asked when the page is freed or found damaged; by default as the page itself does. */
  readonly describe?: (page: Page) => string;
  /**
   * Whether other workers take pages from the same memory. Then whoever gets a page looks whether it still holds what its last
   * owner, whoever that was, left there; nobody remembers who. All workers have debug pages then, and who recovers one fills
   * what it held with FREED_BYTE. Default false.
   */
  readonly crew?: boolean;
}

interface Freed {
  readonly start: number;
  readonly end: number;
  readonly what: string;
  readonly owner: string | null;
}

/** Freed ranges remembered for each buffer; the oldest are forgotten first. */
const MOST_FREED = 4096;

/**
 * An allocator that detects misuse of its pages. Every finding is a PageError; the page is given back before it is thrown.
 *
 * @example
 * ```ts
 * import { DebugPages, HeapPool, PageError } from "tungsten-memory";
 *
 * const pages = new DebugPages(new HeapPool());
 * const page = pages.allocate(64)!;
 * page.views.u8[page.base + 64] = 1; // one byte too far
 * try {
 *   pages.free(page);
 * } catch (error) {
 *   if (error instanceof PageError) console.log(error.fault); // write past the end
 * }
 * ```
 */
export class DebugPages implements CrewPages {
  /** The mode of the pages within. */
  readonly mode: Mode;
  readonly #inner: PageAllocator;
  readonly #describe: ((page: Page) => string) | null;
  readonly #crew: boolean;
  /** Pages handed out, each with the page of the inner allocator that holds it. */
  readonly #live = new Map<Page, Page>();
  readonly #freed = new WeakMap<Views, Freed[]>();
  readonly #freedViews = new Set<WeakRef<Views>>();

  constructor(inner: PageAllocator, options: DebugOptions = {}) {
    this.mode = inner.mode;
    this.#inner = inner;
    this.#describe = options.describe ?? null;
    this.#crew = options.crew ?? false;
  }

  allocate(bytes: number): Page | null {
    const inner = this.#inner.allocate(bytes + 2 * RED_ZONE_BYTES);
    if (inner === null) return null;
    const { views, base } = inner;
    const damage = this.#crew ? checkReused(inner) : this.#takeFreed(views, base, base + inner.bytes);
    if (damage !== null) {
      if (this.#crew) views.u8.fill(FREED_BYTE, base, base + inner.bytes);
      this.#inner.free(inner);
      throw damage;
    }
    const page = this.#within(inner, bytes);
    views.u8.fill(RED_BYTE, base, base + RED_ZONE_BYTES);
    views.u8.fill(FRESH_BYTE, page.base, page.base + bytes);
    views.u8.fill(RED_BYTE, page.base + bytes, page.base + bytes + RED_ZONE_BYTES);
    return page;
  }

  free(page: Page): void {
    const inner = this.#innerOf(page);
    const damage = this.#checkZones(page);
    const { views } = page;
    const freed = { start: inner.base, end: inner.base + inner.bytes, what: what(page), owner: this.#owner(page) };
    views.u8.fill(FREED_BYTE, freed.start, freed.end);
    if (!this.#crew) this.#remember(views, freed);
    this.#live.delete(page);
    page.number = FREED_IN_ALLOCATOR;
    this.#inner.free(inner);
    if (damage !== null) throw damage;
  }

  /** Hands the page over with its zones, which the other worker looks at as well. The allocator inside must be one for workers. */
  handOver(page: Page, worker: number): number {
    const inner = this.#innerOf(page);
    const damage = this.#checkZones(page);
    if (damage !== null) throw damage;
    const handle = (this.#inner as CrewPages).handOver(inner, worker);
    this.#live.delete(page);
    page.number = FREED_IN_ALLOCATOR;
    return handle;
  }

  receive(handle: number, bytes: number): Page {
    const page = this.#within((this.#inner as CrewPages).receive(handle, bytes + 2 * RED_ZONE_BYTES), bytes);
    const damage = this.#checkZones(page);
    if (damage !== null) throw damage;
    return page;
  }

  /** Looks at the zones of every live page and at every freed byte still remembered. Throws the first finding. */
  check(): void {
    for (const page of this.#live.keys()) {
      const damage = this.#checkZones(page);
      if (damage !== null) throw damage;
    }
    for (const reference of this.#freedViews) {
      const views = reference.deref();
      if (views === undefined) {
        this.#freedViews.delete(reference);
        continue;
      }
      for (const freed of this.#freed.get(views) ?? []) {
        const damage = checkFreed(views, freed);
        if (damage !== null) throw damage;
      }
    }
  }

  #within(inner: Page, bytes: number): Page {
    const page = new Page(this.mode, bytes, inner.base + RED_ZONE_BYTES, inner.views, inner.handle);
    this.#live.set(page, inner);
    return page;
  }

  #innerOf(page: Page): Page {
    const inner = this.#live.get(page);
    if (inner === undefined) {
      const fault: PageFault = page.number === FREED_IN_ALLOCATOR ? "double free" : "foreign page";
      throw new PageError(fault, what(page), this.#owner(page));
    }
    if (page.number !== NO_PAGE && page.number !== FREED_IN_TASK)
      throw new PageError("freed while in a task", `${what(page)}, number ${page.number}`, this.#owner(page));
    return inner;
  }

  #owner(page: Page): string | null {
    if (this.#describe !== null) return this.#describe(page);
    return page.owner === null ? null : `${page.owner.name} of task ${page.owner.task.id}`;
  }

  #checkZones(page: Page): PageError | null {
    const { u8 } = page.views;
    const end = page.base + page.bytes;
    const before = firstOther(u8, page.base - RED_ZONE_BYTES, page.base, RED_BYTE);
    const after = firstOther(u8, end, end + RED_ZONE_BYTES, RED_BYTE);
    if (after >= 0)
      return new PageError("write past the end", `${what(page)}, byte ${after - page.base}`, this.#owner(page));
    if (before >= 0)
      return new PageError("write before the start", `${what(page)}, byte ${before - page.base}`, this.#owner(page));
    return null;
  }

  #remember(views: Views, freed: Freed): void {
    let ranges = this.#freed.get(views);
    if (ranges === undefined) {
      this.#freed.set(views, (ranges = []));
      this.#freedViews.add(new WeakRef(views));
    }
    ranges.push(freed);
    if (ranges.length > MOST_FREED) ranges.shift();
  }

  /** Forgets what was freed between `start` and `end`, after looking whether anybody wrote there since. */
  #takeFreed(views: Views, start: number, end: number): PageError | null {
    const ranges = this.#freed.get(views);
    if (ranges === undefined) return null;
    let damage: PageError | null = null;
    const kept: Freed[] = [];
    for (const freed of ranges) {
      if (freed.end <= start || freed.start >= end) {
        kept.push(freed);
        continue;
      }
      damage ??= checkFreed(views, freed);
      if (freed.start < start) kept.push({ ...freed, end: start });
      if (freed.end > end) kept.push({ ...freed, start: end });
    }
    this.#freed.set(views, kept);
    return damage;
  }
}

function checkFreed(views: Views, freed: Freed): PageError | null {
  const at = firstOther(views.u8, freed.start, freed.end, FREED_BYTE);
  if (at < 0) return null;
  const byte = at - freed.start - RED_ZONE_BYTES;
  return new PageError("write after free", `${freed.what}, near byte ${byte}`, freed.owner);
}

/** Of memory that any worker may have had: it holds what a freed page holds, or has never been used. */
function checkReused({ views: { u8 }, base, bytes }: Page): PageError | null {
  for (let at = base; at < base + bytes; at += 1) {
    if (u8[at] === FREED_BYTE || u8[at] === 0) continue;
    return new PageError("write after free", `byte ${at} of the arena, which no page has`);
  }
  return null;
}

/** The first place from `start` to `end` that does not hold `byte`, or -1. */
function firstOther(u8: Uint8Array, start: number, end: number, byte: number): number {
  for (let at = start; at < end; at += 1) if (u8[at] !== byte) return at;
  return -1;
}

function what(page: Page): string {
  return `${modeName(page.mode)} page of ${humanBytes(page.bytes)}`;
}
