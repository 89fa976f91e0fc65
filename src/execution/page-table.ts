// The page table of one task: 8192 places, the lowest clear number first (section 5.4 of the law).

import { MAX_PAGES } from "../memory/address.js";
import type { Page } from "../memory/page.js";
import type { Consumer } from "./consumer.js";

/** A number is taken when its bit is set; a place may be empty with its bit still set, after a clean-up. */
export class PageTable {
  readonly #pages: (Page | undefined)[] = [];
  readonly #owners: (Consumer | undefined)[] = [];
  // A set bit is a clear number, so that the lowest one is a count of trailing zeros. One summary bit a word.
  readonly #clear = new Int32Array(MAX_PAGES / 32).fill(-1);
  readonly #wordsWithClear = new Int32Array(MAX_PAGES / 32 / 32).fill(-1);

  /** Takes the lowest clear number; -1 when all are taken. */
  take(): number {
    for (let group = 0; group < this.#wordsWithClear.length; group += 1) {
      const words = this.#wordsWithClear[group]!;
      if (words === 0) continue;
      const word = 32 * group + lowestBit(words);
      const left = this.#clear[word]! & (this.#clear[word]! - 1);
      const number = 32 * word + lowestBit(this.#clear[word]!);
      this.#clear[word] = left;
      if (left === 0) this.#wordsWithClear[group] = words & ~(1 << (word & 31));
      return number;
    }
    return -1;
  }

  /** Clears the bit of a number that `take` gave, and its place. */
  give(number: number): void {
    const word = number >>> 5;
    this.#clear[word]! |= 1 << (number & 31);
    this.#wordsWithClear[word >>> 5]! |= 1 << (word & 31);
    this.#pages[number] = undefined;
    this.#owners[number] = undefined;
  }

  put(number: number, page: Page, owner: Consumer): void {
    this.#pages[number] = page;
    this.#owners[number] = owner;
  }

  /** Who allocated the page at a number that has one. */
  owner(number: number): Consumer {
    return this.#owners[number]!;
  }

  /** The page at a number, undefined where there is none. */
  get(number: number): Page | undefined {
    return this.#pages[number];
  }

  /** The pages in the table, lowest number first. */
  pages(): Page[] {
    return this.#pages.filter((page) => page !== undefined);
  }

  /** Empties every place; the bits stay set, so that later pages get higher numbers (section 5.7). */
  empty(): void {
    this.#pages.length = 0;
    this.#owners.length = 0;
  }
}

function lowestBit(bits: number): number {
  return 31 - Math.clz32(bits & -bits);
}
