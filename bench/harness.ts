// How every bench is run. A case has one contender of ours and any number of peers; their rounds alternate (A B A B), so that
// a machine that gets slower gets slower for all. A round beside a busy neighbour is thrown away and taken again. Equal work is
// proven, not assumed: all rounds of a case must arrive at the same hash, the peers' too.

import { hex } from "./hash.js";
import { type CpuTimes, foreignCores } from "./load.js";
import { type Machine, machine } from "./machine.js";
import { type Block, blocksPerSample, timeBlocks } from "./timer.js";

/** Cores' worth of CPU that others may take in a round before it is thrown away. */
export const MAX_FOREIGN_CORES = 0.2;

/** `tiny` for tests, `quick` for a first answer, `real` for figures. */
export type Scale = "tiny" | "quick" | "real";

export interface Settings {
  readonly scale: Scale;
  readonly seed: number;
  /** Rounds to keep per contender, and the most that are tried. */
  readonly rounds: number;
  readonly maxRounds: number;
  /** Length of a round of short operations. Long operations are one run a round, however long it takes. */
  readonly roundMs: number;
  readonly warmMs: number;
  /** The same for peers that compile more slowly. */
  readonly peerWarmMs: number;
  /** Versions of Spark to measure beside us; none leaves it out. */
  readonly sparks: readonly string[];
  /** Whether peers out of npm take part, DuckDB for one. */
  readonly npmPeers: boolean;
  /** Whether a peer that is not set up yet may be set up now, which takes a while and the network. */
  readonly install: boolean;
  /** Folder of allocation traces; see arena.bench.ts for what it may hold. */
  readonly traces: string;
  /** CPU times as of now, null where they cannot be known. */
  readonly cpuTimes: () => CpuTimes | null;
  /** Something the reader of the figures must know. */
  readonly note: (text: string) => void;
}

/** A parameter of a bench: small for tests, and of the size that the question is about. */
export function parameter<T>(settings: Settings, tiny: T, real: T, quick: T = real): T {
  return settings.scale === "tiny" ? tiny : settings.scale === "quick" ? quick : real;
}

/** What figures are told in. */
export interface Unit {
  readonly text: string;
  readonly better: "lower" | "higher";
  /** The figure of a round. */
  readonly of: (reading: Reading) => number;
}

export const nsPer = (what: string): Unit => ({
  text: `ns/${what}`,
  better: "lower",
  of: ({ ops, seconds }) => (seconds * 1e9) / ops,
});
const millions = (what: string): Unit => ({
  text: `M${what}/s`,
  better: "higher",
  of: ({ ops, seconds }) => ops / seconds / 1e6,
});

export const NS_PER_PAIR = nsPer("pair");
export const NS_PER_PUT = nsPer("put");
export const NS_PER_BLOCK = nsPer("block");
export const MILLION_ROWS = millions("rows");
export const MILLION_OPS = millions("ops");
export const MILLION_REQUESTS = millions("requests");
/** Of readings whose operations are bytes. */
export const MIB_PER_SECOND: Unit = {
  text: "MiB/s",
  better: "higher",
  of: ({ ops, seconds }) => ops / seconds / 2 ** 20,
};

/** What a row has to show. */
export interface Goal {
  readonly text: string;
  readonly reached: (row: Row) => boolean;
}

export function atLeast(times: number): Goal {
  return { text: `>= ${times} x`, reached: (row) => row.ratio !== null && row.ratio >= times };
}

export const AHEAD: Goal = { text: "> 1 x", reached: (row) => row.ratio !== null && row.ratio > 1 };

/** What one round did. `hash` is null where a contender cannot tell it. */
export interface Reading {
  readonly ops: number;
  readonly seconds: number;
  readonly hash: number | null;
  /** Other figures of the round, for the notes: spills, bytes, parts of the time. */
  readonly more?: Readonly<Record<string, number>>;
  /** What lives on until the next round has begun, see `whole`. */
  readonly kept?: unknown;
}

/** One who takes part in a case. */
export interface Contender {
  readonly name: string;
  readonly version: string;
  warm(): Promise<void> | void;
  round(): Promise<Reading> | Reading;
  close(): Promise<void> | void;
}

/** A peer that cannot take part, and why. */
export interface Absent {
  readonly absent: string;
}

/** One figure of a case. */
export interface Measure {
  readonly name: string;
  readonly unit: Unit;
  /** What is aimed at beside the peer of that name. */
  readonly goal?: (peer: string) => Goal | null;
}

export interface Case extends Measure {
  readonly ours: () => Promise<Contender> | Contender;
  readonly peers: readonly (() => Promise<Contender | Absent>)[];
  /** Further figures of the same rounds. */
  readonly also?: readonly Measure[];
  /** Most rounds that are kept, for rounds that last seconds. */
  readonly mostRounds?: number;
}

export interface Bench {
  readonly name: string;
  /** What is compared, what is inside the timed part, what is not. Printed above the table. */
  readonly about: string;
  /** What keeps the figures from being better, as found out by profile, counter or physical limit. */
  readonly bound?: string;
  readonly cases: (settings: Settings) => readonly Case[];
  /** Rows that are made of all others, when every case has run. */
  readonly conclude?: (outcomes: readonly Outcome[]) => Outcome | readonly Outcome[];
}

/** One line of `--json`. Figures are in `unit`; `ratio` > 1 means that we are better. */
export interface Row {
  readonly bench: string;
  readonly case: string;
  readonly median: number;
  readonly min: number;
  readonly max: number;
  readonly unit: string;
  /** Rounds behind the median, the peer's as well. */
  readonly rounds: number;
  readonly peer: string | null;
  readonly peerVersion: string | null;
  readonly peerMedian: number | null;
  readonly ratio: number | null;
  /** The most that others took during a round that counts, ours or the peer's, in cores; null where it cannot be known. */
  readonly load: number | null;
  readonly hash: string;
  readonly seed: number;
  readonly node: string;
  readonly cpu: string;
}

/** A row, and what the table says beyond it. */
export interface Outcome {
  readonly row: Row;
  readonly goal: { readonly text: string; readonly reached: boolean } | null;
  readonly peerRange: readonly [number, number] | null;
  /** Rounds thrown away, ours and the peer's. */
  readonly discarded: number;
  /** Whether rounds beside a busy neighbour had to be kept for want of better ones. */
  readonly disturbed: boolean;
  /** The other figures of the last round that counts, ours and the peer's. */
  readonly more: string;
  /** Ours of them, as numbers. */
  readonly figures: Readonly<Record<string, number>>;
}

/** What is measured is the code beside the bench. */
export const OURS = "this checkout";

/** A contender of ours that does short operations, `ops` a block. The hash and the rounds are the timer's. */
export function looped(settings: Settings, ops: number, block: Block, close: () => void = () => {}): Contender {
  let blocks = 1;
  return {
    name: "ours",
    version: OURS,
    warm() {
      const end = performance.now() + settings.warmMs;
      while (performance.now() < end) block();
      blocks = blocksPerSample(block);
    },
    round() {
      const timing = timeBlocks(block, ops, blocks, settings.roundMs);
      return { ops: 1, seconds: timing.nsPerOp / 1e9, hash: timing.hash };
    },
    close,
  };
}

/**
 * A contender whose round is one whole run; the garbage of the run before is collected first, untimed. Where a run makes its
 * own objects, one of each kind is to be `kept`: with the last of its kind the collection throws away the code compiled for it,
 * and every round would be a cold one.
 */
export function whole(
  settings: Settings,
  name: string,
  version: string,
  run: () => Promise<Reading> | Reading,
): Contender {
  const last: { kept?: unknown } = {};
  const keeping = async (): Promise<Reading> => {
    const { kept, ...reading } = await run();
    last.kept = kept;
    return reading;
  };
  return {
    name,
    version,
    async warm() {
      const end = performance.now() + settings.warmMs;
      do await keeping();
      while (performance.now() < end);
    },
    round() {
      globalThis.gc?.();
      return keeping();
    },
    close() {
      delete last.kept;
    },
  };
}

interface Taken extends Reading {
  readonly load: number | null;
}

interface Side {
  readonly contender: Contender;
  readonly clean: Taken[];
  readonly disturbed: Taken[];
}

/** Runs one case of a bench: for each figure an outcome for each peer that takes part, or one without a peer. */
export async function runCase(bench: string, c: Case, given: Settings): Promise<Outcome[]> {
  const settings = { ...given, rounds: Math.min(given.rounds, c.mostRounds ?? Infinity) };
  const sides: Side[] = [];
  try {
    for (const make of [c.ours, ...c.peers]) {
      const contender = await make();
      if ("absent" in contender) {
        settings.note(`goes on without a peer: ${contender.absent}`);
      } else {
        sides.push({ contender, clean: [], disturbed: [] });
        await contender.warm();
      }
    }
    await takeRounds(sides, settings);
  } finally {
    for (const side of sides) await side.contender.close();
  }
  const here = machine();
  const also = (c.also ?? []).flatMap((measure) => [...outcomes(bench, measure, sides, settings, here)]);
  return [...outcomes(bench, c, sides, settings, here), ...also.map((outcome) => ({ ...outcome, more: "" }))];
}

/** Turns of one round for every side that is short of clean ones, until none is or the bound is reached. */
async function takeRounds(sides: readonly Side[], settings: Settings): Promise<void> {
  for (let turn = 0; turn < settings.maxRounds; turn += 1) {
    const short = sides.filter((side) => side.clean.length < settings.rounds);
    if (short.length === 0) return;
    for (const side of short) {
      const taken = await takeRound(side.contender, settings);
      (taken.load === null || taken.load <= MAX_FOREIGN_CORES ? side.clean : side.disturbed).push(taken);
    }
  }
}

async function takeRound(contender: Contender, { cpuTimes }: Settings): Promise<Taken> {
  const before = cpuTimes();
  const start = performance.now();
  const reading = await contender.round();
  const seconds = (performance.now() - start) / 1000;
  const after = cpuTimes();
  return { ...reading, load: before === null || after === null ? null : foreignCores(before, after, seconds) };
}

function* outcomes(
  bench: string,
  c: Measure,
  sides: readonly Side[],
  settings: Settings,
  here: Machine,
): Generator<Outcome> {
  const [ours, ...peers] = sides;
  const kept = keep(ours!, settings);
  const hash = agreedHash(bench, c.name, sides);
  const figures = kept.map(c.unit.of);
  for (const peer of peers.length > 0 ? peers : [null]) {
    const peerKept = peer === null ? [] : keep(peer, settings);
    const peerFigures = peerKept.map(c.unit.of);
    const peerMedian = peer === null ? null : median(peerFigures);
    const loads = [...kept, ...peerKept].map((r) => r.load);
    const load = loads.some((l) => l === null) ? null : Math.max(...(loads as number[]));
    const taken = [ours!, ...(peer === null ? [] : [peer])];
    const row: Row = {
      bench,
      case: c.name,
      median: round(median(figures)),
      min: round(Math.min(...figures)),
      max: round(Math.max(...figures)),
      unit: c.unit.text,
      rounds: figures.length,
      peer: peer === null ? null : peer.contender.name,
      peerVersion: peer === null ? null : peer.contender.version,
      peerMedian: peerMedian === null ? null : round(peerMedian),
      ratio: peerMedian === null ? null : round(ratio(median(figures), peerMedian, c.unit)),
      load: load === null ? null : Math.round(load * 100) / 100,
      hash,
      seed: settings.seed,
      node: here.node,
      cpu: here.cpu,
    };
    const goal = peer === null ? null : (c.goal?.(peer.contender.name) ?? null);
    yield {
      row,
      goal: goal && { text: goal.text, reached: goal.reached(row) },
      peerRange: peer === null ? null : [round(Math.min(...peerFigures)), round(Math.max(...peerFigures))],
      discarded:
        taken.reduce((n, side) => n + side.clean.length + side.disturbed.length, 0) - kept.length - peerKept.length,
      disturbed: load !== null && load > MAX_FOREIGN_CORES,
      more: [tell("ours", kept.at(-1)?.more), tell(peer?.contender.name ?? "", peerKept.at(-1)?.more)]
        .filter(Boolean)
        .join("; "),
      figures: kept.at(-1)?.more ?? {},
    };
  }
}

/** The rounds that count: the clean ones, filled up with the least disturbed where they are too few. */
function keep(side: Side, settings: Settings): Taken[] {
  const missing = settings.rounds - side.clean.length;
  const leastLoaded = side.disturbed.toSorted((a, b) => a.load! - b.load!);
  return [...side.clean, ...leastLoaded.slice(0, Math.max(0, missing))];
}

function agreedHash(bench: string, name: string, sides: readonly Side[]): string {
  const hashes = new Map<string, string>();
  for (const side of sides) {
    for (const { hash } of [...side.clean, ...side.disturbed]) {
      if (hash !== null) hashes.set(hex(hash), `${side.contender.name} ${side.contender.version}`);
    }
  }
  if (hashes.size > 1) {
    const all = [...hashes].map(([hash, who]) => `${hash} by ${who}`).join(", ");
    throw new Error(`${bench}, ${name}: the results differ (${all}), so the figures mean nothing`);
  }
  const [hash] = hashes.keys();
  if (hash === undefined) throw new Error(`${bench}, ${name}: nobody told a hash of the result`);
  return hash;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** How many times better our figure is. */
export function ratio(ours: number, theirs: number, unit: Unit): number {
  return unit.better === "lower" ? theirs / ours : ours / theirs;
}

/** Four significant digits: more is noise. */
function round(value: number): number {
  return Number(value.toPrecision(4));
}

function tell(who: string, more: Readonly<Record<string, number>> | undefined): string {
  if (more === undefined || Object.keys(more).length === 0) return "";
  const parts = Object.entries(more).map(([name, value]) => `${name} ${Number(value.toPrecision(6))}`);
  return `${who}: ${parts.join(", ")}`;
}
