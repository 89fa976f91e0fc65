// The caches that cached-block requests are run through: every eviction policy by name, under the rule of Spark's store that a
// block pushes out blocks of other RDDs only, nobody when these do not make enough room, and nobody while there is room.

import { EVICTION_NAMES, EvictionCache, evictionPolicy, type EvictionName } from "../eviction/index.js";

/** Names that `openCache` knows. */
export const CACHE_POLICIES: readonly EvictionName[] = EVICTION_NAMES;

/** An empty cache under the policy. */
export function openCache(policy: EvictionName, capacity: number): EvictionCache {
  return new EvictionCache(evictionPolicy(policy), capacity, { byTheBook: false });
}
