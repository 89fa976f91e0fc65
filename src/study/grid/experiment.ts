// The plan of the experiment and its order: three passes, the most telling settings first, each visited again and again until
// its interval is narrow. What comes next follows from the plan and the visits so far alone, so a run that was cut off goes on
// where it stopped.

import { createHash } from "node:crypto";
import { VERSION } from "../../generated/version.js";
import { randomWords } from "../generate.js";
import { type Axes, type Axis, nameOf, type Setting, settingsOf } from "./setting.js";

/** Everything that results depend on and a user can choose, or a release can change. */
export interface Experiment {
  /** Of this plan's form and of how the work is done. */
  readonly version: 1;
  readonly library: string;
  readonly seed: number;
  readonly axes: Axes;
  /** Bytes of the rows of all tasks of a setting together. */
  readonly dataBytes: number;
  /** Measured repetitions of each process, after warm-ups: at least so many, and until those of a mode have taken so long. */
  readonly repetitions: number;
  readonly seconds: number;
  readonly warmUps: number;
}

/** Processes of each mode before anything is said of a setting. */
export const LEAST_VISITS = 3;

/** Visits that the first two passes spend on a setting whose interval stays wide. */
const PATIENT_VISITS = 5;

/** A setting of which so many visits said nothing gets no more. */
const HOPELESS_VISITS = 2;

/** Most repetitions of a process, in multiples of the least. */
export const MOST_REPETITIONS = 10;

/** An interval of the ratio of the modes is narrow when its high end is at most so many times its low end: about +-5 %. */
export const NARROW = 1.1;

export function experimentOf(request: Omit<Experiment, "version" | "library">): Experiment {
  return { version: 1, library: VERSION, ...request };
}

/** Sixteen hexadecimal digits that two plans share only when they are the same plan. */
export function identityOf(experiment: Experiment): string {
  return createHash("sha256").update(JSON.stringify(experiment)).digest("hex").slice(0, 16);
}

export interface Pass {
  readonly name: "coarse" | "lines" | "grid";
  readonly settings: readonly Setting[];
  readonly mostVisits: number;
}

/** The setting that the lines cross at: of each axis the least, but a quarter of the need and rows of 128 bytes. */
export function baseOf({ share, recordBytes, cores, ballastBytes }: Axes): Omit<Setting, "workload"> {
  return {
    share: share.includes(4) ? 4 : share.at(-1)!,
    recordBytes: recordBytes.includes(128) ? 128 : recordBytes[0]!,
    cores: cores[0]!,
    ballastBytes: ballastBytes[0]!,
  };
}

/** The axes along which settings are compared. */
export const LINES = ["ballastBytes", "share", "recordBytes", "cores"] as const satisfies readonly Axis[];

/**
 * Coarse: each workload with and without memory enough, with no and with most live objects. Lines: all settings that differ
 * from the base in one axis only; the verdicts stand on these. Grid: the rest.
 */
export function passesOf({ axes }: Experiment): Pass[] {
  const all = settingsOf(axes);
  const base = baseOf(axes);
  const differs = (setting: Setting): Axis[] => LINES.filter((axis) => setting[axis] !== base[axis]);
  const outer = [axes.ballastBytes[0], axes.ballastBytes.at(-1)];
  const isCoarse = (setting: Setting): boolean =>
    differs(setting).every((axis) => axis === "ballastBytes" || axis === "share") &&
    outer.includes(setting.ballastBytes) &&
    [axes.share[0], base.share].includes(setting.share);
  return [
    { name: "coarse", settings: all.filter(isCoarse), mostVisits: PATIENT_VISITS },
    { name: "lines", settings: all.filter((setting) => differs(setting).length <= 1), mostVisits: PATIENT_VISITS },
    { name: "grid", settings: all, mostVisits: Number.POSITIVE_INFINITY },
  ];
}

/** How far a setting is. */
export interface Standing {
  readonly visits: number;
  /** Visits of which both modes count. */
  readonly telling: number;
  readonly isNarrow: boolean;
}

const UNSEEN: Standing = { visits: 0, telling: 0, isNarrow: false };

/** What to visit next, and in which pass; null when every interval is narrow or hopeless. Standings are by name. */
export function nextOf(
  experiment: Experiment,
  passes: readonly Pass[],
  standings: ReadonlyMap<string, Standing>,
): { readonly pass: Pass; readonly setting: Setting; readonly first: "on-heap" | "off-heap" } | null {
  const of = (setting: Setting): Standing => standings.get(nameOf(setting)) ?? UNSEEN;
  for (const [i, pass] of passes.entries()) {
    const open = pass.settings.filter((setting) => !isOver(of(setting), pass.mostVisits));
    if (open.length === 0) continue;
    const visits = Math.min(...open.map((setting) => of(setting).visits));
    const due = new Set(open.filter((setting) => of(setting).visits === visits));
    const order = shuffled(pass.settings, experiment.seed + 1000 * (i + 1) + visits);
    const setting = order.find((candidate) => due.has(candidate))!;
    return { pass, setting, first: firstMode(experiment.seed, setting, visits) };
  }
  return null;
}

function isOver({ visits, telling, isNarrow }: Standing, mostVisits: number): boolean {
  if (telling === 0 && visits >= HOPELESS_VISITS) return true;
  return visits >= mostVisits || (isNarrow && telling >= LEAST_VISITS);
}

/** Modes begin in turn; which one does at first is drawn. */
function firstMode(seed: number, setting: Setting, visits: number): "on-heap" | "off-heap" {
  return (seedOf(seed, nameOf(setting)) + visits) % 2 === 0 ? "on-heap" : "off-heap";
}

/** A seed for what is drawn about `name`. */
export function seedOf(seed: number, name: string): number {
  return createHash("sha256").update(`${seed} ${name}`).digest().readUInt32LE();
}

function shuffled<T>(list: readonly T[], seed: number): T[] {
  const words = randomWords(seed);
  const order = [...list];
  for (let i = order.length - 1; i > 0; i -= 1) {
    const j = words() % (i + 1);
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  return order;
}
