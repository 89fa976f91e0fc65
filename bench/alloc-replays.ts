// Rounds of replays of one trace on one allocator, alone in its process, so that the calls of the loop go to one allocator only.

import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";

import type { Adapter } from "./alloc/adapters.js";
import { observe } from "./alloc/observe.js";
import type { Reading } from "./harness.js";
import { fold } from "./hash.js";
import { readTrace } from "../src/alloc-trace/read.js";
import { replay } from "../src/alloc-trace/replay.js";
import type { AllocTrace, TraceFormat } from "../src/alloc-trace/trace.js";

/** Most replays of a round: every one makes and drops a whole allocator. */
const MOST_REPLAYS = 10;

/** An allocator that takes longer for one replay is timed once: that it is slow is clear. */
const SLOW_MS = 2000;

export function readTraceFile(file: string, format: TraceFormat): AllocTrace {
  const bytes = readFileSync(file);
  return readTrace(bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzipSync(bytes) : bytes, format, file);
}

/** What does a round of `ms`; or why there is none, for an allocator that takes longer than `patienceMs` for one replay. */
export function openReplays(
  trace: AllocTrace,
  adapter: Adapter,
  patienceMs: number,
): ((ms: number) => Reading) | { absent: string } {
  const started = performance.now();
  const { highWater, peakLive } = observe(trace, adapter, patienceMs);
  const slow = performance.now() - started > SLOW_MS;
  let only: Reading | null = null;
  if (highWater === null)
    return { absent: `${adapter.name} takes longer than ${patienceMs / 1000} s for ${trace.operations} operations` };
  return (ms) => {
    if (only !== null) return only;
    let seconds = 0;
    let replays = 0;
    let hash = 0;
    let refused = 0;
    while (replays === 0 || (replays < MOST_REPLAYS && seconds * 1000 < ms)) {
      const contender = adapter.create();
      globalThis.gc?.(); // dead memories of earlier replays are not collected on this one's time
      const result = replay(trace, contender);
      seconds += result.seconds;
      replays += 1;
      refused = result.refused;
      hash = fold(fold(fold(0, trace.operations), result.peakLiveBytes), refused);
    }
    const more = { utilisation: (100 * peakLive) / highWater, highWater, refused };
    const reading = { ops: trace.operations * replays, seconds, hash, more };
    if (slow) only = reading;
    return reading;
  };
}
