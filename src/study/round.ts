// What one round of one mode came to. Plain data: it travels from the measuring process to the one that reports.

import type { GcPause } from "./gc.js";
import type { SpillMark } from "./watch.js";
import type { Samples } from "./timeline.js";

/** The off-heap memory behind the pages, as far as it can be seen. Bytes. */
export interface ArenaUse {
  readonly committed: number;
  readonly highWater: number;
}

/** One sort of the whole table, from the first insert to the last row read. */
export interface Round {
  readonly seconds: number;
  /** Of these, until the last row was in. */
  readonly insertSeconds: number;
  /** Time of processors that the process took meanwhile, collector and compiler included. */
  readonly cpuSeconds: number;
  /** Hash of the rows as they came out. */
  readonly hash: string;
  readonly spills: number;
  readonly memoryBytesSpilled: number;
  readonly diskBytesSpilled: number;
  /** What the same records take in Spark's own format, uncompressed. */
  readonly sparkDiskBytesSpilled: number;
  /** Time in calls that write to the disk. */
  readonly writeSeconds: number;
  /** Most execution memory that the task held. */
  readonly peakBytes: number;
  /** Times that a request got less than it asked for: the budget was reached. */
  readonly shortGrants: number;
  /** Pauses; each starts so many milliseconds after the round began. */
  readonly gc: readonly GcPause[];
  /** Durations of acquires: a histogram of nanoseconds. */
  readonly acquires: { readonly counts: Uint32Array; readonly most: number };
  /** Pools over time, thinned; milliseconds from the beginning of the round. */
  readonly samples: Samples;
  readonly marks: readonly SpillMark[];
  /** Resident bytes of the process: now, and the most so far. */
  readonly residentBytes: number;
  readonly residentPeakBytes: number;
  readonly arena: ArenaUse | null;
}

/** Why a round says nothing about sorting under pressure; null when it does. */
export function vacuityOf(round: Pick<Round, "spills" | "shortGrants">): string | null {
  if (round.spills === 0) return "nothing spilled";
  if (round.shortGrants === 0) return "the budget was never reached";
  return null;
}
