// What is kept of a log of any length: the greatest few of many, and a curve with its peaks.

/** Keeps the `limit` items of greatest rank. */
export class Greatest<T> {
  readonly #limit: number;
  readonly #rank: (item: T) => number;
  #items: T[] = [];

  constructor(limit: number, rank: (item: T) => number) {
    this.#limit = limit;
    this.#rank = rank;
  }

  offer(item: T): void {
    this.#items.push(item);
    if (this.#items.length >= 2 * this.#limit) this.#items = this.list();
  }

  /** Greatest first; equals in the order they came. */
  list(): T[] {
    return this.#items.toSorted((a, b) => this.#rank(b) - this.#rank(a)).slice(0, this.#limit);
  }
}

export interface Moment {
  readonly timeMs: number;
  readonly memoryBytes: number;
  readonly diskBytes: number;
}

const MOMENTS = 256;

/** A curve of at most 256 moments: of neighbours that must share one, that with more in memory stays. */
export class Curve {
  #moments: Moment[] = [];

  add(moment: Moment): void {
    const last = this.#moments.at(-1);
    if (last?.memoryBytes === moment.memoryBytes && last.diskBytes === moment.diskBytes) return;
    this.#moments.push(moment);
    if (this.#moments.length < 2 * MOMENTS) return;
    this.#moments = this.#moments.flatMap((first, i) => {
      const second = this.#moments[i + 1];
      if (i % 2 === 1 || second === undefined) return [];
      return second.memoryBytes > first.memoryBytes ? second : first;
    });
  }

  list(): readonly Moment[] {
    return this.#moments;
  }
}
