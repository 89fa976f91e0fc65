// A stream of requests in columns, its objects numbered densely, and what an offline policy knows of it beforehand.

import type { Hint } from "./policy.js";

/** Request `i` is for object `ids[i]`. */
export interface Requests {
  /** Ids from 0 to `objects - 1`, in the order of their first request. */
  readonly ids: Uint32Array;
  /** Different objects. */
  readonly objects: number;
  /** Sizes by request, whole numbers from 0; null: every object is of size 1. */
  readonly sizes: Float64Array | null;
}

/**
 * For each request the number of the next one for its object, Infinity for none.
 *
 * @example
 * ```ts
 * import { nextUses } from "tungsten-memory/eviction";
 *
 * console.log(nextUses({ ids: Uint32Array.of(0, 1, 0, 0), objects: 2, sizes: null })); // Float64Array(4) [ 2, Infinity, 3, Infinity ]
 * ```
 */
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

/**
 * For each request how many follow for its object.
 *
 * @example
 * ```ts
 * import { laterUses } from "tungsten-memory/eviction";
 *
 * console.log(laterUses({ ids: Uint32Array.of(0, 1, 0, 0), objects: 2, sizes: null })); // Float64Array(4) [ 2, 0, 1, 0 ]
 * ```
 */
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

/**
 * The hints that a stream itself gives: next uses, the number of later uses as references, a cost of 1. Null where all are 1.
 *
 * @example
 * ```ts
 * import { evictionPolicy, hintsOf, replay } from "tungsten-memory/eviction";
 *
 * const requests = { ids: Uint32Array.of(0, 1, 0, 2, 1), objects: 3, sizes: null };
 * const belady = evictionPolicy("belady"); // must know what will be asked for
 * console.log(replay(requests, belady, 2, hintsOf(requests, belady.hint)).hits); // 2
 * ```
 */
export function hintsOf(requests: Requests, hint: Hint): Float64Array | null {
  if (hint === "nextUse") return nextUses(requests);
  if (hint === "refs") return laterUses(requests);
  return null;
}
