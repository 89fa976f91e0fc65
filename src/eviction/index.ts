// Eviction policies for whoever keeps objects: by name, on a stream of requests, or as a cache without contents.

import { type Admission, EvictionCache, NO_GROUP } from "./cache.js";
import { type EvictionName, evictionPolicy } from "./names.js";
import type { EvictionPolicy } from "./policy.js";
import type { Hits } from "./replay.js";
import { hintsOf } from "./requests.js";

export { mostHits } from "./bound.js";
export { type Admission, EvictionCache, NO_GROUP } from "./cache.js";
export {
  EVICTION_NAMES,
  EVICTION_PARAMS,
  type EvictionName,
  type EvictionParam,
  type EvictionParams,
  evictionPolicy,
} from "./names.js";
export { type Allowed, type EvictionPolicy, type Hint, NOBODY } from "./policy.js";
export { type Hits, replay } from "./replay.js";
export { hintsOf, laterUses, nextUses, type Requests } from "./requests.js";

/** One request of a list. Everything but the id may be left out. */
export interface EvictionRequest {
  /** Whatever names the object. */
  readonly id: string | number;
  /** A whole number from 0, in the unit of the capacity; 1 by default. */
  readonly size?: number;
  /** Objects of a group, an RDD for one, do not make room for each other; -1: no group. */
  readonly group?: number;
  /** What it costs to have the object again, above 0 (gdsf); 1 by default. */
  readonly cost?: number;
  /** How many uses are known to follow (lrc); by default those in the list. */
  readonly refs?: number;
  /** The number of the next request for the object, from 0, Infinity for none (belady); by default that in the list. */
  readonly nextUse?: number;
}

/** What became of a list of requests. */
export interface ReplayedRequests extends Hits {
  /** Misses that were not admitted because too little may leave. */
  readonly refused: number;
  /** Objects that had to leave. */
  readonly evictions: number;
  /** The answers by request. */
  readonly answers: readonly Admission[];
}

/**
 * Replays a list of requests on a policy, empty or by name, under the same-group rule. Throws Refusal for a bad size or capacity.
 *
 * @example
 * ```ts
 * import { replayRequests } from "tungsten-memory/eviction";
 *
 * const requests = ["a", "b", "a", "c", "b"].map((id) => ({ id }));
 * const { hits, misses, answers } = replayRequests(requests, "arc", 2);
 * console.log(hits, misses, answers[2]); // 1 4 hit
 * ```
 */
export function replayRequests(
  requests: readonly EvictionRequest[],
  policy: EvictionName | EvictionPolicy,
  capacity: number,
): ReplayedRequests {
  const cache = new EvictionCache(typeof policy === "string" ? evictionPolicy(policy) : policy, capacity);
  const numbers = new Map<string | number, number>();
  const ids = Uint32Array.from(requests, ({ id }) => {
    const number = numbers.get(id) ?? numbers.size;
    numbers.set(id, number);
    return number;
  });
  const { hint } = cache.policy;
  const own = hintsOf({ ids, objects: numbers.size, sizes: null }, hint);
  let missedBytes = 0;
  const answers = requests.map((request, i) => {
    const { size = 1, group = NO_GROUP } = request;
    const told = hint === "none" ? undefined : request[hint];
    const answer = cache.request(ids[i]!, size, group, told ?? own?.[i] ?? 1);
    if (answer !== "hit") missedBytes += size;
    return answer;
  });
  const count = (answer: Admission): number => answers.filter((a) => a === answer).length;
  const hits = count("hit");
  return {
    requests: requests.length,
    hits,
    misses: requests.length - hits,
    missedBytes,
    oversize: count("oversize"),
    refused: count("refused"),
    evictions: cache.evictions,
    answers,
  };
}
