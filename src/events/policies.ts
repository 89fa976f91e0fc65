// What eviction policies make of the requests for cached blocks, at several capacities.

import type { EvictionName } from "../eviction/index.js";
import { CACHE_POLICIES, openCache } from "./caches.js";
import { mostAtOnce, type CacheRequests } from "./requests.js";

/** What a policy made of the requests. Amounts are in the requests' unit. */
export interface Outcome {
  readonly policy: string;
  readonly capacity: number;
  readonly unit: CacheRequests["unit"];
  readonly requests: number;
  readonly hits: number;
  readonly misses: number;
  readonly missed: number;
  /** Requests for blocks larger than the capacity. */
  readonly oversize: number;
  /** Requests for blocks that only blocks of their own RDD could have made room for. */
  readonly refused: number;
  /** Misses of blocks that had been there: what must be read from disk or computed again. */
  readonly again: number;
  /** What tasks took that asked for those blocks first, milliseconds. */
  readonly againMs: number;
  /** 0 to 1. */
  readonly hitRatio: number;
}

/** Every policy at an eighth, a quarter, a half and all of what is cached at most at once, and at `capacity` bytes where that is known. */
export function comparePolicies(requests: CacheRequests, capacity: number | null): Outcome[] {
  if (requests.count === 0) return [];
  const whole = mostAtOnce(requests);
  const own = requests.unit === "bytes" && capacity !== null ? [capacity] : [];
  const capacities = [...new Set([...[8, 4, 2, 1].map((part) => Math.ceil(whole / part)), ...own])];
  return CACHE_POLICIES.flatMap((policy) => capacities.map((each) => replayBlocks(requests, policy, each)));
}

/** Runs one policy at one capacity. */
export function replayBlocks(requests: CacheRequests, policy: EvictionName, capacity: number): Outcome {
  const { count, objects, ids, sizes, groups, costs, changes, unit } = requests;
  const cache = openCache(policy, capacity);
  const hint = hintsOf(requests, cache.policy.hint);
  const ofGroup = new Map<number, Set<number>>();
  const seen = new Uint8Array(objects);
  const answers = { hit: 0, admitted: 0, oversize: 0, refused: 0 };
  let [missed, again, againMs, changed] = [0, 0, 0, 0];
  for (let i = 0; i < count; i += 1) {
    for (; changed < changes.length && changes[changed]!.at <= i; changed += 1) {
      const { group, refs } = changes[changed]!;
      for (const id of ofGroup.get(group) ?? []) {
        if (refs === null) {
          cache.remove(id);
          seen[id] = 0;
        } else if (cache.policy.hint === "refs") cache.note(id, refs);
      }
    }
    const id = ids[i]!;
    const group = groups[i]!;
    const answer = cache.request(id, sizes[i]!, group, hint(i));
    answers[answer] += 1;
    if (answer !== "hit") {
      missed += sizes[i]!;
      if (seen[id] === 1) {
        again += 1;
        againMs += costs[i]!;
      }
    }
    seen[id] = 1;
    const blocks = ofGroup.get(group);
    if (blocks === undefined) ofGroup.set(group, new Set([id]));
    else blocks.add(id);
  }
  const hits = answers.hit;
  return {
    policy,
    capacity,
    unit,
    requests: count,
    hits,
    misses: count - hits,
    missed,
    oversize: answers.oversize,
    refused: answers.refused,
    again,
    againMs,
    hitRatio: count === 0 ? 0 : hits / count,
  };
}

/** The number that a policy wants with request `i`. */
function hintsOf({ count, costs, refs, nextUse }: CacheRequests, hint: string): (i: number) => number {
  if (hint === "cost") return (i) => costs[i]!;
  if (hint === "refs") return (i) => refs[i]!;
  if (hint === "nextUse") return (i) => (nextUse[i]! < count ? nextUse[i]! : Infinity);
  return () => 1;
}
