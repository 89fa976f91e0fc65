// Live objects, for the collector to trace: small ones that point at each other, as caches of records do.

interface Link {
  readonly next: Link | null;
  readonly key: number;
  readonly value: { readonly left: number; readonly right: number };
}

/** A link and its value as V8 lays them out without pointer compression: three words of head each, and their fields. */
const LINK_BYTES = 48 + 40;

/** Links of one chain: marking works through many chains at a time. */
const CHAIN = 64;

/** Holds for good what it is given. */
const held: Link[][] = [];

/** Makes about `bytes` of objects that stay alive, and says how many bytes they take as V8 lays them out. */
export function makeBallast(bytes: number): number {
  if (bytes === 0) return 0;
  const chains: Link[] = [];
  held.push(chains);
  let made = 0;
  for (let key = 0; made < bytes; made += CHAIN * LINK_BYTES) {
    let next: Link | null = null;
    for (let i = 0; i < CHAIN; i += 1, key += 1) next = { next, key, value: { left: key, right: key + 1 } };
    chains.push(next!);
  }
  return made;
}
