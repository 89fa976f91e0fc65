// One replay of a trace on an allocator with a look at every block: how much of its memory the allocator needs.

import { replay, type ReplayTarget } from "../../src/alloc-trace/replay.js";
import type { AllocTrace } from "../../src/alloc-trace/trace.js";
import type { Adapter, Contender } from "./adapters.js";

class OutOfPatience extends Error {}

/** High water and the peak of requested live bytes; null for the first when the replay takes longer than `patienceMs`. */
export function observe(
  trace: AllocTrace,
  adapter: Adapter,
  patienceMs: number,
): { highWater: number | null; peakLive: number } {
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
    const { peakLiveBytes } = replay(trace, looking(contender, look));
    return { highWater: contender.highWater?.() ?? highest, peakLive: peakLiveBytes };
  } catch (error) {
    if (!(error instanceof OutOfPatience)) throw error;
    return { highWater: null, peakLive: 0 };
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
