// What one repetition of one cell came to, and what of it may be believed. Plain data: it goes through files.

import { type Collected } from "../study.js";
import { GC_KINDS, type GcKind, type GcPause } from "../gc.js";
import { Histogram } from "../histogram.js";
import type { Setting } from "./setting.js";

/** A histogram in a line of text: bucket and count in turn, then the largest value. */
export type PackedHistogram = readonly number[];

/** All tasks of the cell at once, from the first row in to the last row out. Bytes, seconds and counts. */
export interface Repetition {
  readonly rows: number;
  readonly seconds: number;
  /** Time of processors that the process took, collector and compiler included. */
  readonly cpuSeconds: number;
  /** Sum of the tasks' own times. */
  readonly taskSeconds: number;
  /** Whether every task's output hashed as the in-memory reference. */
  readonly correct: boolean;
  /** Runs written, or cached blocks that had to leave. */
  readonly spills: number;
  readonly memoryBytesSpilled: number;
  readonly diskBytesSpilled: number;
  /** Answers of the manager that were short of what was asked, and blocks that found no room or had to be made room for. */
  readonly shortGrants: number;
  /** Most memory of the mode that the tasks held, each at its own peak. */
  readonly peakBytes: number;
  readonly gc: Readonly<Record<GcKind, Collected>>;
  /** Nanoseconds. */
  readonly acquires: PackedHistogram;
  /** Nanoseconds for BATCH_ROWS rows in, or out. */
  readonly batches: PackedHistogram;
  readonly residentBytes: number;
  /** The most so far. */
  readonly residentPeakBytes: number;
  /** Committed for the heaps of all threads, buffers outside of them included; the off-heap arena is told apart. */
  readonly heapBytes: number;
  /** Null on-heap. */
  readonly arenaBytes: number | null;
  /**
   * 0 to 1. Off-heap the arena's: 1 - largest free run / all that is free. On-heap V8's: 1 - used / committed. They are not
   * the same thing and are shown, not compared.
   */
  readonly fragmentation: number;
  readonly minorFaults: number;
  readonly majorFaults: number;
}

/** One process of one cell. */
export interface CellVisit {
  /** Why there are no repetitions, or fewer: the process could not. */
  readonly trouble: string | null;
  /** Live objects as measured after they were made, bytes. */
  readonly ballastBytes: number;
  /** Resident before anything was done. */
  readonly residentBaseBytes: number;
  readonly repetitions: readonly Repetition[];
}

/** Both modes of a setting, side by side: one fresh process each, repetitions in turn. */
export interface Visit {
  readonly setting: Setting;
  /** Which mode went first. */
  readonly first: "on-heap" | "off-heap";
  readonly seconds: number;
  readonly onHeap: CellVisit;
  readonly offHeap: CellVisit;
}

/** Why a repetition does not say what its setting is there to say; null when it does. */
export function vacuityOf(setting: Setting, { correct, spills, shortGrants }: Repetition): string | null {
  if (!correct) return "the output differs from the reference";
  if (setting.share === 1) return spills > 0 ? "spilled although everything should fit" : null;
  if (spills === 0) return "nothing spilled";
  if (shortGrants === 0) return "the budget was never reached";
  return null;
}

export function packed({ counts, most }: { readonly counts: Uint32Array; readonly most: number }): number[] {
  const pairs: number[] = [];
  counts.forEach((count, bucket) => {
    if (count > 0) pairs.push(bucket, count);
  });
  return [...pairs, Math.round(most)];
}

/** All that `lines` counted. */
export function unpacked(lines: readonly PackedHistogram[]): Histogram {
  const all = new Histogram();
  for (const line of lines) {
    const counts = new Uint32Array(all.counts.length);
    for (let i = 0; i + 1 < line.length; i += 2) counts[line[i]!] = line[i + 1]!;
    all.add({ counts, most: line.at(-1)! });
  }
  return all;
}

export function collectedByKind(pauses: readonly GcPause[]): Record<GcKind, Collected> {
  return Object.fromEntries(
    GC_KINDS.map((kind) => {
      const own = pauses.filter((pause) => pause.kind === kind).map((pause) => pause.durationMs);
      const totalMs = own.reduce((sum, ms) => sum + ms, 0);
      return [kind, { count: own.length, totalMs: micro(totalMs), longestMs: micro(Math.max(0, ...own)) }];
    }),
  ) as Record<GcKind, Collected>;
}

function micro(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
