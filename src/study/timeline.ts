// What the pools held and when: one sample each time something was acquired or given back, in columns that grow.

/** A sample's columns: milliseconds since the round began, then bytes. */
export const COLUMNS = ["ms", "executionSize", "executionUsed", "storageSize", "storageUsed"] as const;
export type Column = (typeof COLUMNS)[number];
export type Samples = Readonly<Record<Column, Float64Array>>;

const WIDTH = COLUMNS.length;

export class Timeline {
  #cells = new Float64Array(WIDTH * 1024);
  #length = 0;

  add(ms: number, executionSize: number, executionUsed: number, storageSize: number, storageUsed: number): void {
    const at = this.#length * WIDTH;
    if (at === this.#cells.length) {
      const larger = new Float64Array(2 * at);
      larger.set(this.#cells);
      this.#cells = larger;
    }
    this.#cells[at] = ms;
    this.#cells[at + 1] = executionSize;
    this.#cells[at + 2] = executionUsed;
    this.#cells[at + 3] = storageSize;
    this.#cells[at + 4] = storageUsed;
    this.#length += 1;
  }

  samples(): Samples {
    const column = (c: number): Float64Array =>
      Float64Array.from({ length: this.#length }, (_, i) => this.#cells[i * WIDTH + c]!);
    return Object.fromEntries(COLUMNS.map((name, c) => [name, column(c)])) as Record<Column, Float64Array>;
  }
}

/**
 * The places of at most `most` (10 or more) samples that show what all of them show: first and last, and of each stretch
 * between the least and the greatest of every one of `columns`. In order.
 */
export function thinned(columns: readonly Float64Array[], most: number): number[] {
  const length = columns[0]?.length ?? 0;
  if (length <= most) return Array.from({ length }, (_, i) => i);
  const stretches = Math.max(1, Math.floor((most - 2) / (2 * columns.length)));
  const kept = new Set([0, length - 1]);
  for (let s = 0; s < stretches; s += 1) {
    const from = Math.floor((s * length) / stretches);
    const to = Math.floor(((s + 1) * length) / stretches);
    for (const column of columns) {
      let least = from;
      let greatest = from;
      for (let i = from; i < to; i += 1) {
        if (column[i]! < column[least]!) least = i;
        if (column[i]! > column[greatest]!) greatest = i;
      }
      kept.add(least).add(greatest);
    }
  }
  return [...kept].sort((a, b) => a - b);
}

/** The samples at `places`. */
export function picked(samples: Samples, places: readonly number[]): Samples {
  const pick = (column: Float64Array): Float64Array => Float64Array.from(places, (i) => column[i]!);
  return Object.fromEntries(COLUMNS.map((name) => [name, pick(samples[name])])) as Record<Column, Float64Array>;
}
