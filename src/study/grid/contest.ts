// What all visits to a setting say: each mode in figures, the ratio of the two with its interval, and who won. Repetitions
// that say nothing are counted and left out; so is a visit of which only one mode says anything, as ratios are paired.

import type { Collected } from "../study.js";
import { GC_KINDS, type GcKind } from "../gc.js";
import { median } from "../statistics.js";
import { LEAST_VISITS, NARROW, seedOf, type Standing } from "./experiment.js";
import { type Interval, medianInterval, ratioInterval, type Sample } from "./interval.js";
import {
  type CellVisit,
  type PackedHistogram,
  type Repetition,
  unpacked,
  vacuityOf,
  type Visit,
} from "./repetition.js";
import { nameOf, type Setting } from "./setting.js";

/** `alike`: the whole interval is within +-5 %. `undecided`: it holds 1 and more. `missing`: too few visits count. */
export type Outcome = "off-heap" | "on-heap" | "alike" | "undecided" | "missing";

/** How far from 1 a ratio may lie and still be called none. */
export const ALIKE = 1.05;

/** A comparison of the modes: off-heap over on-heap. */
export interface Ratio extends Interval {
  readonly outcome: Outcome;
}

export interface Contest {
  readonly setting: Setting;
  readonly visits: number;
  /** Visits of which both modes count. */
  readonly telling: number;
  readonly onHeap: CellSummary;
  readonly offHeap: CellSummary;
  /** Of rows per second: above 1 off-heap is faster. */
  readonly speed: Ratio;
  /** Of the 99th percentile of a batch of rows: above 1 on-heap is faster at the worst. */
  readonly tail: Ratio;
  /** Of processor time per row. */
  readonly cpu: Ratio;
  /** Of the most resident bytes. */
  readonly resident: Ratio;
}

/** Nanoseconds; null where there are too few values for such a share to exist. */
export interface Quantiles {
  readonly count: number;
  readonly p50: number | null;
  readonly p90: number | null;
  readonly p99: number | null;
  readonly p999: number | null;
}

/** One cell in figures, of the repetitions that count. Medians where nothing else is said; NaN of none. */
export interface CellSummary {
  readonly repetitions: number;
  /** Why others do not count, and how many. */
  readonly vacuous: readonly { readonly why: string; readonly repetitions: number }[];
  /** What a process could not do. */
  readonly trouble: string | null;
  readonly rowsPerSecond: Interval;
  readonly cpuSecondsPerMillionRows: number;
  readonly spills: number;
  readonly memoryBytesSpilled: number;
  readonly diskBytesSpilled: number;
  readonly peakBytes: number;
  readonly gc: GcSummary;
  readonly acquires: Quantiles;
  readonly batches: Quantiles;
  readonly ballastBytes: number;
  readonly residentBaseBytes: number;
  readonly residentPeakBytes: number;
  readonly heapBytes: number;
  readonly arenaBytes: number | null;
  readonly fragmentation: number;
  readonly minorFaults: number;
  readonly majorFaults: number;
}

export interface GcSummary {
  /** Of all repetitions that count. */
  readonly byKind: Readonly<Record<GcKind, Collected>>;
  /** Collections of a task: means over all that count. */
  readonly fullPerTask: number;
  readonly youngPerTask: number;
  readonly longestMs: number;
  /** Of the time of tasks. */
  readonly share: number;
  /** Which of GC_LIMITS it breaks. */
  readonly broken: readonly GcLimit[];
}

/** What tuning guides for Spark call healthy, applied to V8: a full collection is a mark-compact pause, a young one a scavenge. */
export const GC_LIMITS = { fullPerTask: 0, youngPerTask: 10, longestMs: 200, share: 0.05 } as const;
export type GcLimit = keyof typeof GC_LIMITS;

/** Sums up all visits to one setting. `seed` is the experiment's. */
export function contestOf(setting: Setting, visits: readonly Visit[], seed: number): Contest {
  const telling = tellingOf(setting, visits);
  const ratio = (what: string, of: (repetitions: readonly Repetition[]) => Sample): Ratio =>
    ratioOf(what, setting, telling, seed, of);
  const each = (of: (repetition: Repetition) => number) => (repetitions: readonly Repetition[]) => repetitions.map(of);
  const summary = (mode: "onHeap" | "offHeap"): CellSummary =>
    summaryOf(
      setting,
      visits.map((visit) => visit[mode]),
      telling.map((visit) => visit[mode]),
      seedOf(seed, `${mode}, ${nameOf(setting)}`),
    );
  return {
    setting,
    visits: visits.length,
    telling: telling.length,
    onHeap: summary("onHeap"),
    offHeap: summary("offHeap"),
    speed: ratio("speed", each(speedOf)),
    tail: lowerWins(ratio("tail", (all) => [quantilesOf(all.map(({ batches }) => batches)).p99 ?? Number.NaN])),
    cpu: lowerWins(
      ratio(
        "cpu",
        each(({ cpuSeconds, rows }) => cpuSeconds / rows),
      ),
    ),
    resident: lowerWins(ratio("resident", (all) => [Math.max(...all.map((one) => one.residentPeakBytes))])),
  };
}

/** How far a setting is; much cheaper than all of its contest. */
export function standingOf(setting: Setting, visits: readonly Visit[], seed: number): Standing {
  const telling = tellingOf(setting, visits);
  const { low, high } = ratioOf("speed", setting, telling, seed, (all) => all.map(speedOf));
  return { visits: visits.length, telling: telling.length, isNarrow: high <= NARROW * low };
}

/** A visit's repetitions that count. */
interface Telling {
  readonly onHeap: readonly Repetition[];
  readonly offHeap: readonly Repetition[];
}

function tellingOf(setting: Setting, visits: readonly Visit[]): Telling[] {
  const counting = (cell: CellVisit): Repetition[] =>
    cell.repetitions.filter((one) => vacuityOf(setting, one) === null);
  return visits
    .map(({ onHeap, offHeap }) => ({ onHeap: counting(onHeap), offHeap: counting(offHeap) }))
    .filter(({ onHeap, offHeap }) => onHeap.length > 0 && offHeap.length > 0);
}

function ratioOf(
  what: string,
  setting: Setting,
  telling: readonly Telling[],
  seed: number,
  of: (repetitions: readonly Repetition[]) => Sample,
): Ratio {
  const on = telling.map(({ onHeap }) => of(onHeap));
  const off = telling.map(({ offHeap }) => of(offHeap));
  const interval = ratioInterval(on, off, seedOf(seed, `${what}, ${nameOf(setting)}`));
  return { ...interval, outcome: outcomeOf(interval, telling.length) };
}

/** What an interval of a ratio of which more is better says, from so many processes of each mode. */
export function outcomeOf({ low, high }: Interval, processes: number): Outcome {
  if (processes < LEAST_VISITS || Number.isNaN(low) || Number.isNaN(high)) return "missing";
  if (low >= 1 / ALIKE && high <= ALIKE) return "alike";
  if (low > 1) return "off-heap";
  return high < 1 ? "on-heap" : "undecided";
}

function lowerWins(ratio: Ratio): Ratio {
  if (ratio.outcome === "off-heap") return { ...ratio, outcome: "on-heap" };
  return ratio.outcome === "on-heap" ? { ...ratio, outcome: "off-heap" } : ratio;
}

function speedOf({ rows, seconds }: Repetition): number {
  return rows / seconds;
}

function summaryOf(
  setting: Setting,
  cells: readonly CellVisit[],
  processes: readonly (readonly Repetition[])[],
  seed: number,
): CellSummary {
  const all = processes.flat();
  const middle = (of: (repetition: Repetition) => number): number => median(all.map(of));
  return {
    repetitions: all.length,
    vacuous: vacuousOf(setting, cells),
    trouble: cells.find(({ trouble }) => trouble !== null)?.trouble ?? null,
    rowsPerSecond: medianInterval(
      processes.map((repetitions) => repetitions.map(speedOf)),
      seed,
    ),
    cpuSecondsPerMillionRows: middle(({ cpuSeconds, rows }) => (cpuSeconds / rows) * 1e6),
    spills: middle(({ spills }) => spills),
    memoryBytesSpilled: middle((one) => one.memoryBytesSpilled),
    diskBytesSpilled: middle((one) => one.diskBytesSpilled),
    peakBytes: middle(({ peakBytes }) => peakBytes),
    gc: gcOf(all, setting.cores),
    acquires: quantilesOf(all.map(({ acquires }) => acquires)),
    batches: quantilesOf(all.map(({ batches }) => batches)),
    ballastBytes: median(cells.map(({ ballastBytes }) => ballastBytes)),
    residentBaseBytes: median(cells.map(({ residentBaseBytes }) => residentBaseBytes)),
    residentPeakBytes: Math.max(Number.NEGATIVE_INFINITY, ...all.map((one) => one.residentPeakBytes)),
    heapBytes: middle(({ heapBytes }) => heapBytes),
    arenaBytes: all[0]?.arenaBytes == null ? null : middle(({ arenaBytes }) => arenaBytes ?? 0),
    fragmentation: middle(({ fragmentation }) => fragmentation),
    minorFaults: middle(({ minorFaults }) => minorFaults),
    majorFaults: middle(({ majorFaults }) => majorFaults),
  };
}

function vacuousOf(setting: Setting, cells: readonly CellVisit[]): CellSummary["vacuous"] {
  const counts = new Map<string, number>();
  for (const repetition of cells.flatMap(({ repetitions }) => repetitions)) {
    const why = vacuityOf(setting, repetition);
    if (why !== null) counts.set(why, (counts.get(why) ?? 0) + 1);
  }
  return [...counts].map(([why, repetitions]) => ({ why, repetitions }));
}

function gcOf(all: readonly Repetition[], cores: number): GcSummary {
  const byKind = Object.fromEntries(
    GC_KINDS.map((kind) => {
      const each = all.map(({ gc }) => gc[kind]);
      const sum = (of: (one: Collected) => number): number => each.reduce((total, one) => total + of(one), 0);
      const longestMs = Math.max(0, ...each.map((one) => one.longestMs));
      return [kind, { count: sum(({ count }) => count), totalMs: sum(({ totalMs }) => totalMs), longestMs }];
    }),
  ) as Record<GcKind, Collected>;
  const tasks = all.length * cores;
  const seconds = all.reduce((sum, { taskSeconds }) => sum + taskSeconds, 0);
  const totalMs = GC_KINDS.reduce((sum, kind) => sum + byKind[kind].totalMs, 0);
  const figures = {
    fullPerTask: byKind.major.count / tasks,
    youngPerTask: byKind.minor.count / tasks,
    longestMs: Math.max(...GC_KINDS.map((kind) => byKind[kind].longestMs)),
    share: totalMs / 1000 / seconds,
  };
  const isBroken: Readonly<Record<GcLimit, boolean>> = {
    fullPerTask: figures.fullPerTask > GC_LIMITS.fullPerTask,
    youngPerTask: figures.youngPerTask >= GC_LIMITS.youngPerTask,
    longestMs: figures.longestMs >= GC_LIMITS.longestMs,
    share: figures.share >= GC_LIMITS.share,
  };
  const broken = (Object.keys(GC_LIMITS) as GcLimit[]).filter((limit) => isBroken[limit]);
  return { byKind, ...figures, broken };
}

function quantilesOf(lines: readonly PackedHistogram[]): Quantiles {
  const all = unpacked(lines);
  const [p50, p90, p99, p999] = [0.5, 0.9, 0.99, 0.999].map((q) => all.quantile(q)) as [number, number, number, number];
  return { count: all.total, p50, p90, p99, p999 };
}
