// A hash of groups and their sums that does not depend on their order: a map gives them as they came, a sorter by key.

import { hexOf } from "./work.js";

export class GroupHash {
  readonly #keyWords: number;
  #a = 0;
  #b = 0;
  #groups = 0;

  constructor(keyWords: number) {
    this.#keyWords = keyWords;
  }

  /** Takes in one group: its key from word `at` on, and the sum as a 32-bit number. */
  add(words: Int32Array, at: number, sum: number): void {
    let own = sum | 0;
    for (let i = at, end = at + this.#keyWords; i < end; i += 1)
      own = Math.imul(own ^ words[i]!, 0x01000193) ^ (own >>> 15);
    this.#a = (this.#a + Math.imul(own ^ (own >>> 16), 0x9e3779b1)) | 0;
    this.#b = (this.#b + Math.imul(own ^ (own >>> 13), 0x85ebca6b)) | 0;
    this.#groups += 1;
  }

  /** Sixteen hexadecimal digits and the number of groups. */
  hex(): string {
    return `${hexOf(this.#a, this.#b)}-${this.#groups}`;
  }
}
