// What is compared: one setting is the same work, data and budget for both modes. A cell of the grid is a setting in one mode.

import { Refusal } from "../../fault.js";
import { parseBytes } from "../../config/bytes.js";
import { humanBytes } from "../../human.js";

export const WORKLOADS = ["sort", "aggregate", "scan"] as const;
export type Workload = (typeof WORKLOADS)[number];

export interface Setting {
  readonly workload: Workload;
  /** The budget is the need divided by this. */
  readonly share: number;
  /** Bytes of a row, a multiple of 8 from 16 on. */
  readonly recordBytes: number;
  /** Threads, each with a task of its own; they share one executor. */
  readonly cores: number;
  /** Objects that stay alive in the heap of the process, bytes: what the collector has to trace. */
  readonly ballastBytes: number;
}

/** What each axis of the grid takes. Every list ascends and none is empty. */
export interface Axes {
  readonly workload: readonly Workload[];
  readonly share: readonly number[];
  readonly recordBytes: readonly number[];
  readonly cores: readonly number[];
  readonly ballastBytes: readonly number[];
}

export type Axis = keyof Axes;

const MIB = 2 ** 20;

/** The whole grid: 180 settings. */
export const ALL: Axes = {
  workload: WORKLOADS,
  share: [1, 2, 4, 8],
  recordBytes: [16, 128, 1024],
  cores: [1, 2],
  ballastBytes: [0, 256 * MIB, 1024 * MIB],
};

/**
 * Every setting of `axes`. Blocks are scanned by one thread only: threads of one executor keep cached blocks where all of
 * them can read, whichever mode they are charged to, so that there is nothing to compare.
 */
export function settingsOf(axes: Axes): Setting[] {
  const all = axes.workload.flatMap((workload) =>
    axes.share.flatMap((share) =>
      axes.recordBytes.flatMap((recordBytes) =>
        axes.cores.flatMap((cores) =>
          axes.ballastBytes.map((ballastBytes) => ({ workload, share, recordBytes, cores, ballastBytes })),
        ),
      ),
    ),
  );
  return all.filter(({ workload, cores }) => workload !== "scan" || cores === 1);
}

/** `sort, 1/4 of the need, 128 B rows, 1 core, 1.0 GiB of live objects`. Names settings in files too. */
export function nameOf({ workload, share, recordBytes, cores, ballastBytes }: Setting): string {
  const live = `${ballastBytes === 0 ? "no" : `${humanBytes(ballastBytes)} of`} live objects`;
  return `${workload}, 1/${share} of the need, ${recordBytes} B rows, ${cores} core${cores === 1 ? "" : "s"}, ${live}`;
}

/** A choice that names no part of the grid. */
export class UnknownPart extends Refusal {
  override readonly name = "UnknownPart";
  /** What was written. */
  readonly part: string;

  constructor(part: string, why: string) {
    super(`--only ${part}: ${why}`);
    this.part = part;
  }
}

const AXIS_NAMES: Readonly<Record<string, Exclude<Axis, "workload">>> = {
  budget: "share",
  record: "recordBytes",
  cores: "cores",
  ballast: "ballastBytes",
};

/**
 * The part of the grid that `choices` leave: `sort`, `aggregate,scan`, `budget=1/4,1/8`, `record=128`, `cores=1`,
 * `ballast=0,256m`. Several choices hold together. Values need not be on the axis of the whole grid. Throws UnknownPart.
 */
export function axesOf(choices: readonly string[]): Axes {
  let axes = ALL;
  for (const choice of choices) {
    const at = choice.indexOf("=");
    if (at < 0) {
      axes = { ...axes, workload: workloads(choice) };
      continue;
    }
    const axis = AXIS_NAMES[choice.slice(0, at)];
    if (axis === undefined)
      throw new UnknownPart(choice, `write a workload, or one of ${Object.keys(AXIS_NAMES).join(", ")}, then =`);
    const values = choice
      .slice(at + 1)
      .split(",")
      .map((text) => valueOf(axis, text, choice));
    axes = { ...axes, [axis]: [...new Set(values)].sort((a, b) => a - b) };
  }
  if (settingsOf(axes).length === 0)
    throw new UnknownPart(choices.join(" --only "), "a scan has one core, and so there is no such setting");
  return axes;
}

function workloads(choice: string): Workload[] {
  const asked = new Set(choice.split(","));
  const known = WORKLOADS.filter((workload) => asked.delete(workload));
  if (asked.size > 0) throw new UnknownPart(choice, `the workloads are ${WORKLOADS.join(", ")}`);
  return known;
}

const LIMITS: Readonly<Record<Exclude<Axis, "workload">, readonly [least: number, most: number, rule: string]>> = {
  share: [1, 64, "budgets are 1/1 to 1/64 of the need"],
  recordBytes: [16, 1024, "rows have 16 to 1024 bytes, a multiple of 8"],
  cores: [1, 16, "1 to 16 cores"],
  ballastBytes: [0, 2 ** 36, "live objects are 0 to 64g"],
};

function valueOf(axis: Exclude<Axis, "workload">, text: string, choice: string): number {
  const [least, most, rule] = LIMITS[axis];
  const value = axis === "ballastBytes" ? bytesOf(text) : Number(axis === "share" ? text.replace(/^1\//, "") : text);
  if (!/\d/.test(text) || !Number.isInteger(value) || value < least || value > most)
    throw new UnknownPart(choice, rule);
  if (axis === "recordBytes" && value % 8 !== 0) throw new UnknownPart(choice, rule);
  return value;
}

function bytesOf(text: string): number {
  try {
    return Number(parseBytes(text, "BYTE"));
  } catch {
    return Number.NaN;
  }
}
