// A trace cut into parts that several workers replay at the same time over one arena. What happens to one block keeps the
// order of the trace, whoever does it; all else may happen in any order.

import { ALLOCATE_ZEROED, type AllocTrace, NOTHING } from "./trace.js";

/** What one worker does, in the order of the trace. A life is one allocation with all that happens to it. */
export interface TracePart {
  readonly kinds: Uint8Array;
  readonly lives: Uint32Array;
  readonly bytes: Float64Array;
  readonly aligns: Uint32Array;
  /** How many operations on the same life come before this one. */
  readonly turns: Uint32Array;
  /** Whether the operation before it on the same life is another worker's. */
  readonly waits: Uint8Array;
  /** Whether the operation after it on the same life is another worker's. */
  readonly tells: Uint8Array;
}

export interface PartedTrace {
  readonly parts: readonly TracePart[];
  readonly lives: number;
}

/**
 * Cuts `trace` for `workers`. Threads of the recorded process are dealt out in turn. A trace that does not tell threads is
 * dealt by blocks: one worker allocates, the next one does the rest.
 */
export function partsOf(trace: AllocTrace, workers: number): PartedTrace {
  const { operations, kinds, blocks, threads, threadCount } = trace;
  const lifeOf = new Uint32Array(trace.blockCount);
  const lives = new Uint32Array(operations);
  const turns = new Uint32Array(operations);
  const waits = new Uint8Array(operations);
  const doers = new Uint8Array(operations);
  const done = new Uint32Array(operations);
  const tells = new Uint8Array(operations);
  const last = new Uint32Array(operations);
  let count = 0;
  for (let i = 0; i < operations; i += 1) {
    const kind = kinds[i]!;
    const starts = kind <= ALLOCATE_ZEROED;
    if (starts) lifeOf[blocks[i]!] = count++;
    const life = lifeOf[blocks[i]!]!;
    const doer = threadCount > 1 ? threads[i]! % workers : (starts ? life : life + 1) % workers;
    doers[i] = doer;
    if (kind === NOTHING) continue;
    lives[i] = life;
    turns[i] = done[life]!++;
    if (turns[i] !== 0 && doers[last[life]!] !== doer) waits[i] = tells[last[life]!] = 1;
    last[life] = i;
  }
  const parts = Array.from({ length: workers }, (_, worker) => {
    const mine = indices(doers, worker);
    return {
      kinds: pick(kinds, mine),
      lives: pick(lives, mine),
      bytes: Float64Array.from(mine, (i) => Math.max(1, trace.bytes[i]!)),
      aligns: pick(trace.aligns, mine),
      turns: pick(turns, mine),
      waits: pick(waits, mine),
      tells: pick(tells, mine),
    };
  });
  return { parts, lives: count };
}

function indices(doers: Uint8Array, doer: number): Uint32Array {
  let found = 0;
  const all = new Uint32Array(doers.length);
  for (let i = 0; i < doers.length; i += 1) if (doers[i] === doer) all[found++] = i;
  return all.slice(0, found);
}

function pick<T extends Uint8Array | Uint32Array>(from: T, at: Uint32Array): T {
  const picked = new (from.constructor as new (length: number) => T)(at.length);
  for (let i = 0; i < at.length; i += 1) picked[i] = from[at[i]!]!;
  return picked;
}
