// Whom to spill: the order in which a task's own consumers are asked to make room (section 5.2 of the law). A pure choice
// from a snapshot; the task memory manager does the asking. Spark's order is the first; the others are what schedulers and
// caches do with the same question.

/** What an order may want to know of a candidate besides its size. Kept only for orders that say so. */
export interface SpillFacts {
  /** Bytes it would write to give back all that it holds, as the consumer says (`spillCostBytes`). */
  readonly writes: number;
  /** When it last acquired memory: a count of the task's requests, higher is later. */
  readonly lastUse: number;
  /** When it was last asked to spill: a count of the task's spills, higher is later; 0 for never. */
  readonly lastSpill: number;
}

/** A consumer that could spill, as it was when the request first came up short. */
export interface Candidate<C> {
  /** Who could spill. */
  readonly consumer: C;
  /** What it held then, bytes; 0 for the requester, so that it is chosen only when nobody else is left. */
  readonly key: number;
  /** Of orders with `wantsFacts`. */
  readonly facts?: SpillFacts;
}

/** An order of spilling. */
export interface SpillOrder {
  /** How it is chosen and reported. */
  readonly name: string;
  /** The requester is a candidate among the others, or spills itself after them, once or until it frees nothing. */
  readonly requester: "candidate" | "once-after-others" | "repeatedly-after-others";
  /** Whether candidates carry `facts`: keeping them costs every request of a task a little. */
  readonly wantsFacts?: true;
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

/**
 * Spark's order in a release (major * 100 + minor, 2.4 and later; section 5.2, differences by generation).
 *
 * @example
 * ```ts
 * import { openExecutor, sparkSpillOrder } from "tungsten-memory";
 *
 * const executor = openExecutor({ spillOrder: sparkSpillOrder(204), pages: "accounts" });
 * console.log(executor.spillOrder.name); // spark
 * ```
 */
export function sparkSpillOrder(release: number): SpillOrder {
  const requester = release < 302 ? "once-after-others" : release < 303 ? "repeatedly-after-others" : "candidate";
  return { name: "spark", requester, pick: smallestThatCovers };
}

/**
 * The largest holder first, among equals the one that joined last: fewest spills, most bytes a spill. Velox' order within
 * a query ("the most reclaimable bytes" first).
 */
export const largestFirst: SpillOrder = {
  name: "largest",
  requester: "candidate",
  pick: (candidates) => candidates.length - 1,
};

/** Least recently used: the consumer that has acquired nothing for the longest time; a sort that waits for a join, say. */
export const leastRecentlyUsed: SpillOrder = {
  name: "lru",
  requester: "candidate",
  wantsFacts: true,
  pick: (candidates) => least(candidates, ({ facts }) => facts!.lastUse),
};

/**
 * Fewest bytes to write: of those that cover the need alone the one that writes least, else the one that writes least for
 * each byte that it gives back.
 */
export const cheapestToWrite: SpillOrder = {
  name: "cheapest",
  requester: "candidate",
  wantsFacts: true,
  pick(candidates, need) {
    const covering = candidates.findIndex(({ key }) => key >= need);
    if (covering === -1) return least(candidates, ({ facts, key }) => facts!.writes / key);
    return covering + least(candidates.slice(covering), ({ facts }) => facts!.writes);
  },
};

/** In turn: the consumer that was asked to spill longest ago, those never asked first. */
export const roundRobin: SpillOrder = {
  name: "round-robin",
  requester: "candidate",
  wantsFacts: true,
  pick: (candidates) => least(candidates, ({ facts }) => facts!.lastSpill),
};

/** The index of the least by `rank`, the smaller of equals; the requester, whose key is 0, only when it is alone. */
function least(candidates: readonly Candidate<unknown>[], rank: (candidate: Candidate<unknown>) => number): number {
  let best = candidates.length > 1 && candidates[0]!.key === 0 ? 1 : 0;
  for (let at = best + 1; at < candidates.length; at += 1) {
    if (rank(candidates[at]!) < rank(candidates[best]!)) best = at;
  }
  return best;
}
