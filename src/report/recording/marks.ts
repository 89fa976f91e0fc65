// Spills, evictions and waits while they come by, in bounded memory: one mark a stretch of rows, kind, mode and party, which
// counts what it stands for and keeps the largest. When marks become too many, the stretches of all are doubled.

import type { ModeName } from "../../memory/mode.js";
import type { Fact } from "../../why/facts.js";
import type { Party } from "../../why/story.js";

export const KINDS = ["spill", "eviction", "wait"] as const;
export type MarkKind = (typeof KINDS)[number];

/** Events of one kind, mode and party that are drawn as one. */
export interface Mark {
  /** Rows of the first and of the last; a wait lasts until its request was served. */
  row: number;
  until: number;
  count: number;
  /** What all of them gave up or needed, and the largest of them with its row. Bytes. */
  bytes: number;
  mostBytes: number;
  mostRow: number;
  /** The largest, and what led to it. */
  because: readonly (Fact | undefined)[];
}

/** The marks of one kind, mode and party, in the order of rows. */
export interface Lane {
  readonly party: Party;
  readonly kind: MarkKind;
  readonly mode: ModeName;
  marks: Mark[];
}

export class Marks {
  readonly #most: number;
  // By party, then a place for each kind and mode.
  readonly #lanes = new Map<Party, (Lane | undefined)[]>();
  #laneCount = 0;
  #rowsEach = 1;
  #count = 0;

  /** `most` marks are kept, or four for each lane where those are more. */
  constructor(most: number) {
    this.#most = most;
  }

  /** Rows that a mark may stand for. */
  get rowsEach(): number {
    return this.#rowsEach;
  }

  get lanes(): Lane[] {
    return [...this.#lanes.values()].flatMap((lanes) => lanes.filter((lane) => lane !== undefined));
  }

  add(party: Party, kind: MarkKind, mode: ModeName, mark: Mark): void {
    let mine = this.#lanes.get(party);
    if (mine === undefined) {
      mine = [];
      this.#lanes.set(party, mine);
    }
    const place = 2 * KINDS.indexOf(kind) + (mode === "onHeap" ? 0 : 1);
    let lane = mine[place];
    if (lane === undefined) {
      lane = { party, kind, mode, marks: [] };
      mine[place] = lane;
      this.#laneCount += 1;
    }
    const last = lane.marks.at(-1);
    if (last !== undefined && this.#stretch(last) >= this.#stretch(mark)) {
      unite(last, mark);
      return;
    }
    lane.marks.push(mark);
    this.#count += 1;
    if (this.#count > Math.max(this.#most, 4 * this.#laneCount)) this.#join();
  }

  #stretch({ row }: Mark): number {
    return Math.floor(row / this.#rowsEach);
  }

  #join(): void {
    this.#rowsEach *= 2;
    this.#count = 0;
    for (const lane of this.lanes) {
      lane.marks = united(lane.marks, this.#rowsEach);
      this.#count += lane.marks.length;
    }
  }
}

/** Marks in the order of rows, those of a stretch of `rowsEach` rows as one. */
export function united(marks: readonly Mark[], rowsEach: number): Mark[] {
  const kept: Mark[] = [];
  for (const mark of marks) {
    const last = kept.at(-1);
    if (last !== undefined && Math.floor(last.row / rowsEach) === Math.floor(mark.row / rowsEach)) unite(last, mark);
    else kept.push(mark);
  }
  return kept;
}

/** Takes a later mark into one. */
function unite(into: Mark, mark: Mark): void {
  into.until = Math.max(into.until, mark.until);
  into.count += mark.count;
  into.bytes += mark.bytes;
  if (mark.mostBytes <= into.mostBytes) return;
  into.mostBytes = mark.mostBytes;
  into.mostRow = mark.mostRow;
  into.because = mark.because;
}
