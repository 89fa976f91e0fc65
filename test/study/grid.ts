// Made-up visits: what a measuring process could have answered, at speeds that a test names.

import type { CellVisit, Repetition, Visit } from "../../src/study/grid/repetition.js";
import type { Setting } from "../../src/study/grid/setting.js";

const NO_GC = { count: 0, totalMs: 0, longestMs: 0 };

export const SETTING: Setting = { workload: "sort", share: 4, recordBytes: 128, cores: 1, ballastBytes: 0 };

/** A repetition of 1000 rows under pressure. */
export function repetition(rowsPerSecond: number, more: Partial<Repetition> = {}): Repetition {
  const seconds = 1000 / rowsPerSecond;
  return {
    rows: 1000,
    seconds,
    cpuSeconds: seconds,
    taskSeconds: seconds,
    correct: true,
    spills: 2,
    memoryBytesSpilled: 4096,
    diskBytesSpilled: 2048,
    shortGrants: 2,
    peakBytes: 8192,
    gc: { minor: NO_GC, major: NO_GC, incremental: NO_GC, weak: NO_GC },
    acquires: [10, 5, 11, 5, 12],
    batches: [100, 200, 120, 1, 5000],
    residentBytes: 1e6,
    residentPeakBytes: 1e6,
    heapBytes: 1e6,
    arenaBytes: null,
    fragmentation: 0,
    minorFaults: 1,
    majorFaults: 0,
    ...more,
  };
}

/** Both modes at these rows per second, a repetition each. */
export function visit(
  setting: Setting,
  on: readonly number[],
  off: readonly number[],
  more: Partial<Repetition> = {},
): Visit {
  const at = setting.share === 1 ? { spills: 0, shortGrants: 0, ...more } : more;
  const cell = (rates: readonly number[]): CellVisit => ({
    trouble: null,
    ballastBytes: setting.ballastBytes,
    residentBaseBytes: 1e6,
    repetitions: rates.map((rate) => repetition(rate, at)),
  });
  return { setting, first: "on-heap", seconds: 1, onHeap: cell(on), offHeap: cell(off) };
}

/** Three visits at about these rates, so that something can be decided. */
export function visits(setting: Setting, on: number, off: number, more: Partial<Repetition> = {}): Visit[] {
  const around = (rate: number): number[] => [0.99 * rate, rate, 1.01 * rate];
  return [1, 2, 3].map(() => visit(setting, around(on), around(off), more));
}
