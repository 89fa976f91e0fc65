// A stream of requests in columns, its objects numbered densely, and what an offline policy knows of it beforehand.

import type { Hint } from "./policy.js";

/** Request `i` is for object `ids[i]`. */
export interface Requests {
  /** Ids from 0 to `objects - 1`, in the order of their first request. */
  readonly ids: Uint32Array;
  readonly objects: number;
  /** Sizes by request, whole numbers from 0; null: every object is of size 1. */
  readonly sizes: Float64Array | null;
}

/** For each request the number of the next one for its object, Infinity for none. */
export function nextUses({ ids, objects }: Requests): Float64Array {
  const next = new Float64Array(ids.length);
  const seen = new Float64Array(objects).fill(Infinity);
  for (let i = ids.length - 1; i >= 0; i -= 1) {
    const id = ids[i]!;
    next[i] = seen[id]!;
    seen[id] = i;
  }
  return next;
}

/** For each request how many follow for its object. */
export function laterUses({ ids, objects }: Requests): Float64Array {
  const later = new Float64Array(ids.length);
  const seen = new Float64Array(objects);
  for (let i = ids.length - 1; i >= 0; i -= 1) {
    const id = ids[i]!;
    later[i] = seen[id]!;
    seen[id]! += 1;
  }
  return later;
}

/** The hints that a stream itself gives: next uses, the number of later uses as references, a cost of 1. Null where all are 1. */
export function hintsOf(requests: Requests, hint: Hint): Float64Array | null {
  if (hint === "nextUse") return nextUses(requests);
  if (hint === "refs") return laterUses(requests);
  return null;
}
