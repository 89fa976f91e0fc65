// Whom to spill: the order in which a task's own consumers are asked to make room (section 5.2 of the law). A pure choice
// from a snapshot; the task memory manager does the asking.

/** A consumer that could spill, as it was when the request first came up short. */
export interface Candidate<C> {
  readonly consumer: C;
  /** What it held then, bytes; 0 for the requester, so that it is chosen only when nobody else is left. */
  readonly key: number;
}

/** An order of spilling. */
export interface SpillOrder {
  readonly name: string;
  /** The requester is a candidate among the others, or spills itself after them, once or until it frees nothing. */
  readonly requester: "candidate" | "once-after-others" | "repeatedly-after-others";
  /** The index of the candidate to ask for `need` bytes. `candidates` is sorted by key and not empty. */
  pick(candidates: readonly Candidate<unknown>[], need: number): number;
}

/** The smallest candidate that covers the need, else the largest; among equals the one that joined the task last. */
function smallestThatCovers(candidates: readonly Candidate<unknown>[], need: number): number {
  const covering = candidates.findIndex((candidate) => candidate.key >= need);
  let chosen = covering === -1 ? candidates.length - 1 : covering;
  while (candidates[chosen + 1]?.key === candidates[chosen]!.key) chosen += 1;
  return chosen;
}

/** Spark's order in a release (major * 100 + minor, 2.4 and later; section 5.2, differences by generation). */
export function sparkSpillOrder(release: number): SpillOrder {
  const requester = release < 302 ? "once-after-others" : release < 303 ? "repeatedly-after-others" : "candidate";
  return { name: "spark", requester, pick: smallestThatCovers };
}
