// The tight loop: a stream of requests in columns on one policy, with a capacity that stays and nothing locked.

import { assert, Refusal } from "../fault.js";
import type { EvictionPolicy } from "./policy.js";
import type { Requests } from "./requests.js";

/** What became of the requests. `hits + misses` are all of them. */
export interface Hits {
  /** All of them. */
  readonly requests: number;
  /** Requests for what was in the cache. */
  readonly hits: number;
  /** The others, `oversize` included. */
  readonly misses: number;
  /** Sizes of the requests that missed. */
  readonly missedBytes: number;
  /** Misses of objects larger than the capacity, which are not admitted. */
  readonly oversize: number;
}

/**
 * Replays the requests on an empty policy. `capacity` is in the unit of the sizes; `hints` by request as the policy wants them
 * (`hintsOf`), null for 1. An object keeps the size with which it came in until it leaves. `weights` by request are
 * what `missedBytes` sums up where that is not the size.
 *
 * @example
 * ```ts
 * import { evictionPolicy, replay } from "tungsten-memory/eviction";
 *
 * const requests = { ids: Uint32Array.of(0, 1, 0, 2, 1), objects: 3, sizes: null };
 * console.log(replay(requests, evictionPolicy("lru"), 2, null).hits); // 1
 * ```
 */
export function replay(
  { ids, objects, sizes }: Requests,
  policy: EvictionPolicy,
  capacity: number,
  hints: Float64Array | null,
  weights: Float64Array | null = null,
): Hits {
  if (!(capacity >= 1 && Number.isSafeInteger(capacity)))
    throw new Refusal(`capacity: ${capacity} is no whole number from 1`);
  assert(hints !== null || policy.hint !== "nextUse", `${policy.name} must know the next uses`);
  policy.reserve(objects);
  policy.resize(capacity);
  const requests = ids.length;
  const overflows = policy.overfull !== undefined;
  let used = 0;
  let hits = 0;
  let missedBytes = 0;
  let oversize = 0;
  for (let i = 0; i < requests; i += 1) {
    const id = ids[i]!;
    const hint = hints === null ? 1 : hints[i]!;
    if (policy.hit(id, hint)) {
      hits += 1;
      if (overflows) while (policy.overfull!()) used -= policy.sizeOf(policy.evict(null));
      continue;
    }
    const size = sizes === null ? 1 : sizes[i]!;
    missedBytes += weights === null ? size : weights[i]!;
    if (size > capacity) {
      oversize += 1;
      continue;
    }
    policy.miss(id, size, hint);
    while (used + size > capacity) {
      const gone = policy.evict(null);
      used -= sizes === null ? 1 : policy.sizeOf(gone);
    }
    policy.insert(id, size, hint);
    used += size;
  }
  return { requests, hits, misses: requests - hits, missedBytes, oversize };
}
