// What no policy can beat, be the sizes what they may: the practical flow-based offline bound (PFOO-L; Berger, Beckmann and
// Harchol-Balter, SIGMETRICS 2018). To hit an object again a cache has held it all the while, which takes its size for so many
// requests; all hits together take no more than the capacity for all requests. The cheapest first are the most that can be.

import type { Requests } from "./requests.js";

/**
 * The most hits that a cache of `capacity` can have on the requests, whatever its policy knows beforehand. Of an object that
 * comes in several sizes the smallest counts.
 *
 * @example
 * ```ts
 * import { mostHits } from "tungsten-memory/eviction";
 *
 * const requests = { ids: Uint32Array.of(0, 1, 2, 0, 1, 2), objects: 3, sizes: null };
 * console.log(mostHits(requests, 1), mostHits(requests, 3)); // 2 3
 * ```
 */
export function mostHits({ ids, objects, sizes }: Requests, capacity: number): number {
  const least = new Float64Array(objects).fill(sizes === null ? 1 : Infinity);
  if (sizes !== null) ids.forEach((id, i) => (least[id] = Math.min(least[id]!, sizes[i]!)));
  const last = new Float64Array(objects).fill(-1);
  const costs = new Float64Array(ids.length);
  let known = 0;
  ids.forEach((id, i) => {
    const size = least[id]!;
    if (last[id]! >= 0 && size <= capacity) costs[known++] = size * (i - last[id]!);
    last[id] = i;
  });
  const cheapest = costs.subarray(0, known).sort();
  let left = capacity * ids.length;
  let hits = 0;
  while (hits < known && cheapest[hits]! <= left) left -= cheapest[hits++]!;
  return hits;
}
