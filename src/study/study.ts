// What a study found: everything that is printed, drawn or written as JSON, as plain data.

import { humanBytes } from "../human.js";
import { type Mode, modeName } from "../memory/mode.js";
import type { DiskSpeed } from "./disk.js";
import { GC_KINDS, type GcKind } from "./gc.js";
import { Histogram } from "./histogram.js";
import type { Conf } from "./plan.js";
import { type ArenaUse, type Round, vacuityOf } from "./round.js";
import { median, nearestToMedian, type Spread, spread } from "./statistics.js";
import type { TableHead } from "./table.js";

export interface Study {
  readonly table: TableHead;
  /** Bytes that sorting all rows in memory would take. */
  readonly neededBytes: number;
  readonly compress: boolean;
  readonly cores: number;
  readonly warmUps: number;
  readonly machine: Machine;
  readonly referenceHash: string;
  readonly modes: readonly ModeResult[];
  /** Null where no measured round spilled anything. */
  readonly disk: DiskSpeed | null;
  /** What was not as one would expect, in words. */
  readonly notices: readonly string[];
  readonly interrupted: boolean;
}

export interface Machine {
  readonly node: string;
  readonly cpu: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly system: string;
}

/** One mode: what it ran with and every round it ran. */
export interface ModeResult {
  readonly mode: Mode;
  readonly conf: Conf;
  readonly layout: Layout;
  /** Resident with the rows loaded and nothing sorted. */
  readonly residentBaseBytes: number;
  readonly rounds: readonly Round[];
}

/** The region of the mode as it starts. Bytes. */
export interface Layout {
  readonly total: number;
  readonly protectedStorage: number;
  readonly execution: number;
  readonly storage: number;
  readonly pageBytes: number;
}

/** One mode in figures. Bytes and counts are medians of a round's. */
export interface Summary {
  readonly name: string;
  /** Rounds that count: those under pressure. */
  readonly rounds: number;
  /** Why rounds do not count, and how many. */
  readonly vacuous: readonly { readonly why: string; readonly rounds: number }[];
  readonly rowsPerSecond: Spread;
  /** Time of processors by time passed. */
  readonly cpuShare: number;
  readonly spills: number;
  readonly memoryBytesSpilled: number;
  readonly diskBytesSpilled: number;
  readonly sparkDiskBytesSpilled: number;
  readonly spillBytesPerSecond: number;
  readonly peakBytes: number;
  /** Requests for pages and bytes, and the manager's answers that were short of what was asked, until a spill made room. */
  readonly requests: number;
  readonly shortGrants: number;
  readonly gc: Collected;
  readonly gcByKind: Readonly<Record<GcKind, Collected>>;
  readonly acquires: Acquires;
  readonly residentBaseBytes: number;
  readonly residentPeakBytes: number;
  readonly arena: ArenaUse | null;
  readonly sameAsReference: boolean;
}

/** Pauses of all rounds that count together. */
export interface Collected {
  readonly count: number;
  readonly totalMs: number;
  readonly longestMs: number;
}

/** All acquires of the rounds that count. Nanoseconds; null where there are too few for such a share to exist. */
export interface Acquires {
  readonly count: number;
  readonly p50: number | null;
  readonly p99: number | null;
  readonly p999: number | null;
  readonly most: number;
}

/** The rounds of a mode that say something: what follows from the others is told apart and never mixed in. */
export function countingRounds({ rounds }: ModeResult): readonly Round[] {
  return rounds.filter((round) => vacuityOf(round) === null);
}

export function summarise(result: ModeResult, { rows }: TableHead, referenceHash: string): Summary {
  const rounds = countingRounds(result);
  const middle = (of: (round: Round) => number): number => median(rounds.map(of));
  const pauses = rounds.flatMap((round) => round.gc);
  const acquires = acquiresOf(rounds);
  const last = result.rounds.at(-1);
  return {
    name: modeTitle(result.mode),
    rounds: rounds.length,
    vacuous: vacuousOf(result.rounds),
    rowsPerSecond: spread(rounds.map((round) => rows / round.seconds)),
    cpuShare: middle((round) => round.cpuSeconds / round.seconds),
    spills: middle((round) => round.spills),
    memoryBytesSpilled: middle((round) => round.memoryBytesSpilled),
    diskBytesSpilled: middle((round) => round.diskBytesSpilled),
    sparkDiskBytesSpilled: middle((round) => round.sparkDiskBytesSpilled),
    spillBytesPerSecond: middle((round) => round.diskBytesSpilled / round.writeSeconds),
    peakBytes: middle((round) => round.peakBytes),
    requests: middle((round) => round.acquires.counts.reduce((sum, count) => sum + count, 0)),
    shortGrants: middle((round) => round.shortGrants),
    gc: collected(pauses),
    gcByKind: Object.fromEntries(
      GC_KINDS.map((kind) => [kind, collected(pauses.filter((pause) => pause.kind === kind))]),
    ) as Record<GcKind, Collected>,
    acquires: {
      count: acquires.total,
      p50: acquires.quantile(0.5),
      p99: acquires.quantile(0.99),
      p999: acquires.quantile(0.999),
      most: acquires.most,
    },
    residentBaseBytes: result.residentBaseBytes,
    residentPeakBytes: last?.residentPeakBytes ?? Number.NaN,
    arena: last?.arena ?? null,
    sameAsReference: result.rounds.every((round) => round.hash === referenceHash),
  };
}

/** The round to show when only one can be shown; null when none counts. */
export function typicalRound(result: ModeResult): Round | null {
  const rounds = countingRounds(result);
  return rounds[nearestToMedian(rounds.map((round) => round.seconds))] ?? null;
}

export function acquiresOf(rounds: readonly Round[]): Histogram {
  const all = new Histogram();
  for (const round of rounds) all.add(round.acquires);
  return all;
}

/** `on-heap`, `off-heap`. */
export function modeTitle(mode: Mode): string {
  return modeName(mode) === "onHeap" ? "on-heap" : "off-heap";
}

/** The one sentence that a reader came for. */
export function verdict({ modes, table, referenceHash }: Study): string {
  const measured = modes.map((mode) => summarise(mode, table, referenceHash)).filter(({ rounds }) => rounds > 0);
  const [first, second] = measured.map(({ rowsPerSecond }) => rowsPerSecond.median);
  if (first === undefined) {
    return modes.some(({ rounds }) => rounds.length > 0)
      ? "Nothing was measured under memory pressure."
      : "Nothing was measured.";
  }
  if (second === undefined)
    return `Only ${measured[0]!.name} was measured: ${(first / 1e6).toFixed(2)} million rows/s.`;
  const ratio = second / first;
  return ratio >= 1
    ? `Off-heap sorts ${ratio.toFixed(2)} times as fast as on-heap.`
    : `On-heap sorts ${(1 / ratio).toFixed(2)} times as fast as off-heap.`;
}

/** A round that had a processor for less of its time was held up: by other processes, or by the disk. */
const LEAST_CPU_SHARE = 0.8;

/** Lines that a reader should know before believing a figure. */
export function cautions(study: Study): string[] {
  const measured = study.modes
    .map((mode) => summarise(mode, study.table, study.referenceHash))
    .filter(({ rounds }) => rounds > 0);
  const ranges = measured.map(({ rowsPerSecond }) => rowsPerSecond);
  const overlap =
    ranges.length === 2 && Math.max(...ranges.map(({ least }) => least)) <= Math.min(...ranges.map(({ most }) => most));
  const share = Math.min(...measured.map(({ cpuShare }) => cpuShare));
  return [
    ...study.notices,
    ...(overlap ? ["the ranges of the two modes' rounds overlap"] : []),
    ...(share < LEAST_CPU_SHARE
      ? [`rounds had a processor for ${(100 * share).toFixed(0)} % of their time: other work or the disk held them up`]
      : []),
    ...(study.interrupted ? ["interrupted: these are the rounds until then"] : []),
  ];
}

/** How tight the memory was, in words. */
export function pressure({ neededBytes, modes }: Study): string {
  const need = `${humanBytes(neededBytes)} of rows and pointers`;
  if (modes.length === 0) return need;
  const budgets = [...new Set(modes.map(({ layout }) => layout.total))];
  const under = budgets.map((budget) => {
    const times = neededBytes / budget;
    return `${humanBytes(budget)}${times > 1 ? `: ${times.toFixed(1)} times too much` : ", where they fit"}`;
  });
  return `${need} under ${under.join("; off-heap under ")}`;
}

function collected(pauses: readonly { readonly durationMs: number }[]): Collected {
  const durations = pauses.map((pause) => pause.durationMs);
  return {
    count: durations.length,
    totalMs: durations.reduce((sum, ms) => sum + ms, 0),
    longestMs: Math.max(0, ...durations),
  };
}

function vacuousOf(rounds: readonly Round[]): { why: string; rounds: number }[] {
  const reasons = new Map<string, number>();
  for (const round of rounds) {
    const why = vacuityOf(round);
    if (why !== null) reasons.set(why, (reasons.get(why) ?? 0) + 1);
  }
  return [...reasons].map(([why, count]) => ({ why, rounds: count }));
}
