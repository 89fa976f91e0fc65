// One seed for every random test, fixed so that a run repeats. `SEED=n` tries another; a failure prints the seed and the
// path to the smallest counterexample.

/** Settings of fast-check for `runs` runs. */
export function seeded(runs: number): { seed: number; numRuns: number; endOnFailure: boolean } {
  const seed = Number(process.env["SEED"] ?? 20261121);
  const factor = Number(process.env["RUNS"] ?? 1);
  return { seed, numRuns: Math.ceil(runs * factor), endOnFailure: false };
}

/** A source of numbers in [0, 1) that repeats from its seed. */
export function numbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
