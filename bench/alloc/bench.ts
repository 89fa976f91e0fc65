// One trace, several allocators, the same driver: how many operations a second, and how much of the memory is used.

import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { readTrace } from "../../src/alloc-trace/read.js";
import { replay, type ReplayTarget } from "../../src/alloc-trace/replay.js";
import type { AllocTrace, TraceFormat } from "../../src/alloc-trace/trace.js";
import type { Adapter, Contender } from "./adapters.js";

export interface AllocResult {
  readonly name: string;
  readonly version: string;
  /** One figure a round; empty when the contender was too slow to be timed. */
  readonly opsPerSecond: readonly number[];
  /** Peak of requested live bytes / high water; null when the replay did not end in time. */
  readonly utilisation: number | null;
  readonly highWater: number | null;
  readonly refused: number;
  readonly note: string | null;
}

export interface AllocBench {
  readonly operations: number;
  readonly peakLive: number;
  readonly results: readonly AllocResult[];
}

/** A contender that needs longer than this for one replay is not timed. */
const PATIENCE_MS = 20_000;

class OutOfPatience extends Error {}

/** Replays the trace `rounds` times on each adapter, in turn, after an unmeasured replay that finds its high water. */
export function allocBench(
  file: string,
  format: TraceFormat,
  rounds: number,
  adapters: readonly Adapter[],
  patienceMs = PATIENCE_MS,
): AllocBench {
  const bytes = readFileSync(file);
  const trace = readTrace(bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzipSync(bytes) : bytes, format, file);
  const observed = adapters.map((adapter) => observe(trace, adapter, patienceMs));
  const timed = adapters.map((): number[] => []);
  for (let round = -1; round < rounds; round += 1)
    for (const [i, adapter] of adapters.entries()) {
      if (observed[i]!.highWater === null) continue;
      const contender = adapter.create();
      // Dead memories of earlier rounds are not collected on this one's time.
      globalThis.gc?.();
      const { seconds } = replay(trace, contender);
      if (round >= 0) timed[i]!.push(trace.operations / seconds);
    }
  return {
    operations: trace.operations,
    peakLive: Math.max(...observed.map((o) => o.peakLive)),
    results: adapters.map(({ name, version }, i) => {
      const { highWater, peakLive, refused } = observed[i]!;
      return {
        name,
        version,
        opsPerSecond: timed[i]!,
        utilisation: highWater === null ? null : peakLive / highWater,
        highWater,
        refused,
        note: highWater === null ? `one replay takes longer than ${patienceMs / 1000} s` : null,
      };
    }),
  };
}

/** One replay with a look at every block: high water, peak and refusals; null for the first when patience ended. */
export function observe(
  trace: AllocTrace,
  adapter: Adapter,
  patienceMs: number,
): { highWater: number | null; peakLive: number; refused: number } {
  const contender = adapter.create();
  const deadline = performance.now() + patienceMs;
  let highest = 0;
  let calls = 0;
  const look = (handle: number, bytes: number): number => {
    if (handle !== 0 && contender.endOf) highest = Math.max(highest, contender.endOf(handle, bytes));
    if (++calls % 256 === 0 && performance.now() > deadline) throw new OutOfPatience();
    return handle;
  };
  try {
    const { peakLiveBytes, refused } = replay(trace, looking(contender, look));
    return { highWater: contender.highWater?.() ?? highest, peakLive: peakLiveBytes, refused };
  } catch (error) {
    if (!(error instanceof OutOfPatience)) throw error;
    return { highWater: null, peakLive: 0, refused: 0 };
  }
}

function looking(contender: Contender, look: (handle: number, bytes: number) => number): ReplayTarget {
  return {
    allocate: (bytes, align) => look(contender.allocate(bytes, align), bytes),
    allocateZeroed: (bytes) => look(contender.allocateZeroed(bytes), bytes),
    reallocate: (handle, bytes) => look(contender.reallocate(handle, bytes), bytes),
    free(handle) {
      look(0, 0);
      contender.free(handle);
    },
  };
}
