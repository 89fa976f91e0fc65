// Numbers for generated traces: the same seed gives the same ones on any machine, so integers only, no logarithms.

/** A seeded source of numbers. */
export class Random {
  #state: number;

  /** `seed`: any integer; its low 32 bits count. */
  constructor(seed: number) {
    this.#state = seed | 0;
  }

  /** 32 bits: a counter, thoroughly mixed. */
  word(): number {
    this.#state = (this.#state + 0x9e3779b9) | 0;
    let word = Math.imul(this.#state ^ (this.#state >>> 16), 0x21f0aaad);
    word = Math.imul(word ^ (word >>> 15), 0x735a2d97);
    return (word ^ (word >>> 15)) >>> 0;
  }

  /** A fraction in [0, 1) with 53 bits. */
  fraction(): number {
    return ((this.word() >>> 5) * 2 ** 26 + (this.word() >>> 6)) / 2 ** 53;
  }

  /** A whole number from 0 to `end` - 1; `end` is 1 or more. */
  below(end: number): number {
    return Math.floor(this.fraction() * end);
  }

  /** Whether something happens that has this chance. */
  chance(chance: number): boolean {
    return this.fraction() < chance;
  }

  /** One of a list that is not empty. */
  of<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!;
  }
}
