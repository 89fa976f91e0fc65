// Which cached RDDs the tasks of a stage read: walking up from what the stage computes, the first cached ones on every path.
// What lies behind a cached RDD is read only when a block of it is missing.

/** An RDD as the walk needs it. */
export interface Ancestor {
  readonly rdd: number;
  /** Null when the log does not tell. */
  readonly parents: readonly number[] | null;
  readonly cached: boolean;
}

/** The cached RDDs that are read first, ascending; all cached ones where parents are not told. */
export function cachedFrontier<T extends Ancestor>(rdds: readonly T[]): T[] {
  const byId = new Map(rdds.map((each) => [each.rdd, each]));
  if (rdds.some(({ parents }) => parents === null)) return ascending([...byId.values()].filter(({ cached }) => cached));
  const behind = new Set(rdds.flatMap(({ parents }) => parents ?? []));
  const queue = rdds.filter(({ rdd }) => !behind.has(rdd)).map(({ rdd }) => rdd);
  const seen = new Set(queue);
  const found: T[] = [];
  for (const id of queue) {
    const each = byId.get(id);
    if (each === undefined) continue;
    if (each.cached) {
      found.push(each);
      continue;
    }
    for (const parent of each.parents ?? []) {
      if (seen.has(parent)) continue;
      seen.add(parent);
      queue.push(parent);
    }
  }
  return ascending(found);
}

function ascending<T extends Ancestor>(rdds: T[]): T[] {
  return rdds.toSorted((a, b) => a.rdd - b.rdd);
}
