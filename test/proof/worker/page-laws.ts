// The laws of pages that workers share, read from the raw records between any two steps: what the head of assembly/crew.ts
// says must hold of their holders, by somebody who knows the layout and nothing of the allocator's code.

import type { Layout } from "./laws.js";

const HOLDER_WORD = 6;
const CACHED = 0x8000_0000;
const BUSY = 0x4000_0000;
const NUMBER = 0x3fff_ffff;

// A note of the records, taken after every step: 1, the lock's owner, how many there are, and the holder of each.
const NOTED = 0;
const NOTED_LOCK = 1;
const NOTED_RECORDS = 2;
const NOTED_HOLDERS = 3;
const MOST_RECORDS = 64;
export const PAGE_NOTE_WORDS: number = NOTED_HOLDERS + MOST_RECORDS;

/** Reads the raw records of an arena that workers share. */
export class Pages {
  readonly u32: Uint32Array;
  readonly #layout: Layout;

  constructor(buffer: ArrayBufferLike, layout: Layout) {
    this.u32 = new Uint32Array(buffer);
    this.#layout = layout;
  }

  get lockOwner(): number {
    return this.u32[this.#layout["AT_CREW"]! / 4]! & ~CACHED;
  }

  /** Number of the first record; every second one is used. */
  get first(): number {
    const workers = this.u32[this.#layout["AT_WORKERS"]! >> 2]! >>> 16;
    const end = this.#layout["AT_PLACES"]! + workers * this.#layout["PLACE_BYTES"]!;
    return (Math.ceil((end - this.#layout["HEADER_BYTES"]!) / this.#layout["RECORD_BYTES"]!) + 1) & ~1;
  }

  /** The number behind the last record. */
  get end(): number {
    return this.u32[this.#layout["AT_RECORDS"]! / 4]!;
  }

  /** Index of a record's first word. */
  at(record: number): number {
    return (this.#layout["HEADER_BYTES"]! + record * this.#layout["RECORD_BYTES"]!) / 4;
  }
}

/**
 * What is wrong with the records as they lie, or null. `note` is what they were before the last step (0 in its first word:
 * unknown) and is brought up to date; `actor` is the number of the worker that took the step. Allocates nothing.
 */
export function brokenPages(pages: Pages, note: Uint32Array, actor: number): string | null {
  const { u32, first, end } = pages;
  if (end - first > 2 * MOST_RECORDS) return `${(end - first) / 2} records are too many to audit`;
  const noted = note[NOTED] === 1 ? note[NOTED_RECORDS]! : 0;
  const owner = note[NOTED_LOCK]!;
  let i = 0;
  for (let record = first; record < end; record += 2, i += 1) {
    const at = pages.at(record);
    const holder = u32[at + HOLDER_WORD]!;
    const was = i < noted ? note[NOTED_HOLDERS + i]! : holder;
    if (holder !== was && owner !== actor && !mayWithoutLock(was, holder, actor))
      return `record ${record}: worker ${actor} made holder ${inWords(was)} ${inWords(holder)} while ${owner === 0 ? "nobody" : `worker ${owner}`} has the lock`;
    note[NOTED_HOLDERS + i] = holder;
    if (holder === 0) continue;
    for (let other = first; other < record; other += 2)
      if (u32[pages.at(other) + HOLDER_WORD] !== 0 && touch(u32, at, pages.at(other)))
        return `records ${other} and ${record} share bytes, and both have a holder`;
  }
  note[NOTED] = 1;
  note[NOTED_LOCK] = pages.lockOwner;
  note[NOTED_RECORDS] = i;
  return null;
}

// A live block may go into the cache of whoever frees it, and a worker's own come out again.
function mayWithoutLock(was: number, is: number, actor: number): boolean {
  if (was === (CACHED | actor) >>> 0) return is === actor;
  return was !== 0 && was < BUSY && is === (CACHED | actor) >>> 0;
}

function touch(u32: Uint32Array, one: number, other: number): boolean {
  const from = u32[one]! & ~15;
  const otherFrom = u32[other]! & ~15;
  return from < otherFrom + u32[other + 1]! && otherFrom < from + u32[one + 1]!;
}

function inWords(holder: number): string {
  const marks = `${holder >= CACHED ? " cached" : ""}${(holder & BUSY) === 0 ? "" : " busy"}`;
  return `${holder & NUMBER}${marks}`;
}
