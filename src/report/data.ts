// What the page's script draws from: a few arrays of numbers, thin enough for a page and true to the extremes.

import { type GcKind } from "../study/gc.js";
import { acquiresOf, countingRounds, modeTitle, type Study, summarise, typicalRound } from "../study/study.js";
import { thinned } from "../study/timeline.js";

export interface PageData {
  readonly pools: readonly PoolsData[];
  readonly acquires: readonly AcquiresData[];
  readonly pauses: readonly PausesData[];
}

/** One round's pools, samples in order. Milliseconds and bytes. */
export interface PoolsData {
  readonly name: string;
  readonly total: number;
  readonly ms: readonly number[];
  readonly executionSize: readonly number[];
  readonly executionUsed: readonly number[];
  readonly storageUsed: readonly number[];
  /** Start, end and bytes given back. */
  readonly spills: readonly (readonly [number, number, number])[];
  /** When the last row was in. */
  readonly insertedMs: number;
}

/** How long acquires took: buckets of (from, to, count), nanoseconds, and the quantiles worth a mark. */
export interface AcquiresData {
  readonly name: string;
  readonly buckets: readonly (readonly [number, number, number])[];
  readonly marks: readonly (readonly [string, number])[];
}

/** Collector pauses over all measured sorting of a mode, in seconds since its first round began. */
export interface PausesData {
  readonly name: string;
  readonly seconds: number;
  readonly at: readonly number[];
  readonly ms: readonly number[];
  readonly kind: readonly GcKind[];
}

/** Most samples of one series in the page. */
const MOST_SAMPLES = 4000;

export function pageData(study: Study): PageData {
  return {
    pools: study.modes.flatMap((mode) => {
      const round = typicalRound(mode);
      if (round === null) return [];
      const { samples } = round;
      const places = thinned([samples.executionSize, samples.executionUsed, samples.storageUsed], MOST_SAMPLES);
      const at = (column: Float64Array): number[] => places.map((i) => column[i]!);
      return {
        name: modeTitle(mode.mode),
        total: mode.layout.total,
        ms: at(samples.ms).map(toMicroseconds),
        executionSize: at(samples.executionSize),
        executionUsed: at(samples.executionUsed),
        storageUsed: at(samples.storageUsed),
        spills: round.marks.map(({ startMs, endMs, freedBytes }) => [startMs, endMs, freedBytes] as const),
        insertedMs: round.insertSeconds * 1000,
      };
    }),
    acquires: study.modes.map((mode) => {
      const { acquires } = summarise(mode, study.table, study.referenceHash);
      const marks = [
        ["p50", acquires.p50],
        ["p99", acquires.p99],
        ["p99.9", acquires.p999],
      ] as const;
      return {
        name: modeTitle(mode.mode),
        buckets: coarse(acquiresOf(countingRounds(mode)).filled()),
        marks: marks.flatMap(([name, ns]) => (ns === null ? [] : [[name, ns] as const])),
      };
    }),
    pauses: study.modes.map((mode) => {
      const rounds = countingRounds(mode);
      const starts = rounds.map((_, i) => rounds.slice(0, i).reduce((sum, round) => sum + round.seconds, 0));
      const pauses = rounds.flatMap((round, i) =>
        round.gc.map(({ startMs, durationMs, kind }) => ({ at: starts[i]! + startMs / 1000, ms: durationMs, kind })),
      );
      return {
        name: modeTitle(mode.mode),
        seconds: rounds.reduce((sum, round) => sum + round.seconds, 0),
        at: pauses.map((pause) => pause.at),
        ms: pauses.map((pause) => pause.ms),
        kind: pauses.map((pause) => pause.kind),
      };
    }),
  };
}

function toMicroseconds(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}

/** Bars in a power of two. */
const BARS = 4;

/** Fine buckets put together to bars of equal width on a logarithmic axis, without gaps. */
function coarse(fine: readonly (readonly [number, number, number])[]): [number, number, number][] {
  const counts = new Map<number, number>();
  for (const [low, , count] of fine) {
    const bar = Math.floor(Math.log2(Math.max(1, low)) * BARS);
    counts.set(bar, (counts.get(bar) ?? 0) + count);
  }
  if (counts.size === 0) return [];
  const first = Math.min(...counts.keys());
  const last = Math.max(...counts.keys());
  return Array.from({ length: last - first + 1 }, (_, i) => {
    const bar = first + i;
    return [2 ** (bar / BARS), 2 ** ((bar + 1) / BARS), counts.get(bar) ?? 0];
  });
}
