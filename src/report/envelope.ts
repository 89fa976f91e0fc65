// Thins the state of two pools while it comes by, in bounded memory: of each stretch of rows it keeps the least and the
// greatest of every column and the last state, so that a drawing of what is kept reaches as far as one of everything. When the
// stretches become too many, each two are made one.

/** The state that a row has left: its number, and the cells of one mode as a trace has them. */
export type Sample = readonly [
  row: number,
  executionSize: number,
  executionUsed: number,
  storageSize: number,
  storageUsed: number,
];

/** Cells whose extremes are kept: the size of the storage pool is what the execution pool leaves. */
const WATCHED = [1, 2, 4] as const;
const LAST = 2 * WATCHED.length;

export class Envelope {
  readonly #most: number;
  // A stretch: the samples with the least and greatest of each watched cell in turn, then the last.
  #stretches: Sample[][] = [];
  #rowsEach = 1;
  #before: Sample | null = null;
  /** Samples that differed from the one before. */
  changes = 0;

  /** `most`: the largest number of stretches, an even number. */
  constructor(most: number) {
    this.#most = most;
  }

  /** Rows that a stretch stands for. */
  get rowsEach(): number {
    return this.#rowsEach;
  }

  /** Takes the state after the next row. */
  add(row: number, cells: readonly [number, number, number, number]): void {
    const before = this.#before;
    const [a, b, c, d] = cells;
    if (before !== null && before[1] === a && before[2] === b && before[3] === c && before[4] === d) return;
    const sample: Sample = [row, a, b, c, d];
    this.#before = sample;
    this.changes += 1;
    let at = Math.floor(row / this.#rowsEach);
    while (at >= this.#most) {
      this.#join();
      at = Math.floor(row / this.#rowsEach);
    }
    const stretch = this.#stretches[at];
    if (stretch === undefined) this.#stretches[at] = Array.from({ length: LAST + 1 }, () => sample);
    else widen(stretch, sample, sample);
  }

  /** What is kept, in the order of rows. */
  samples(): Sample[] {
    const kept = new Map<number, Sample>();
    for (const stretch of this.#stretches) for (const sample of stretch ?? []) kept.set(sample[0], sample);
    return [...kept.values()].sort((one, other) => one[0] - other[0]);
  }

  #join(): void {
    const joined: Sample[][] = [];
    for (let i = 0; i < this.#most; i += 2) {
      const [first, second] = [this.#stretches[i], this.#stretches[i + 1]];
      if (first === undefined && second === undefined) continue;
      joined[i / 2] = first ?? second!;
      if (first === undefined || second === undefined) continue;
      for (const sample of second) widen(first, sample, second[LAST]!);
    }
    this.#stretches = joined;
    this.#rowsEach *= 2;
  }
}

/** Takes a later sample into a stretch; of equal ones the earlier stays. */
function widen(stretch: Sample[], sample: Sample, last: Sample): void {
  for (let i = 0; i < WATCHED.length; i += 1) {
    const cell = WATCHED[i]!;
    if (sample[cell] < stretch[2 * i]![cell]) stretch[2 * i] = sample;
    if (sample[cell] > stretch[2 * i + 1]![cell]) stretch[2 * i + 1] = sample;
  }
  stretch[LAST] = last;
}
