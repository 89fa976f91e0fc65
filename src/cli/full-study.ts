// `study --full`: on-heap against off-heap over the whole grid, for as long as there is time; a file keeps what is measured,
// and the same command goes on where it stopped.

import { writeFileSync } from "node:fs";
import { Refusal } from "../fault.js";
import { humanBytes } from "../human.js";
import { gridPage } from "../report/grid.js";
import { conduct, type GridProgress, type GridRequest, type GridResults } from "../study/grid/conduct.js";
import { experimentOf } from "../study/grid/experiment.js";
import { axesOf, nameOf } from "../study/grid/setting.js";
import { gridJson, gridText } from "../study/grid/text.js";
import type { CellVisit } from "../study/grid/repetition.js";
import { median } from "../study/statistics.js";
import { millions } from "../study/text.js";
import { print, printJson } from "./output.js";
import type { ProgressLine } from "./progress.js";

export interface FullOptions {
  readonly budgetMinutes: number;
  readonly only?: readonly string[];
  readonly data: number;
  readonly rounds: number;
  /** How long the rounds of a process go on at least; 0 where `rounds` is their number. */
  readonly roundSeconds: number;
  readonly warmUp: number;
  readonly seed: number;
  readonly out: string;
  readonly dir: string;
  readonly json: boolean;
}

/** Live objects take so many times their bytes while they are made and traced, in two processes at once. */
const BALLAST_ROOM = 2.5;

/** So many times their bytes the rows take: in both processes and in pages and arrays, and here for reference. */
const DATA_ROOM = 12;

/** Runs it and prints what it says. The answer is whether it was interrupted, and whether an output was wrong. */
export async function fullStudy(
  options: FullOptions,
  progress: ProgressLine,
  signal: AbortSignal,
): Promise<{ readonly interrupted: boolean; readonly wrong: boolean }> {
  const results = await conduct(requestOf(options), progressOf(progress), signal);
  progress.clear();
  const page = writePage(results);
  if (options.json) printJson({ ...gridJson(results), report: page });
  else print(gridText(results, page));
  const wrong = results.contests.some((contest) =>
    [contest.onHeap, contest.offHeap].some(({ vacuous }) => vacuous.some(({ why }) => why.includes("reference"))),
  );
  return { interrupted: results.ended === "interrupted", wrong };
}

/** The page lies beside the results, under their name. */
function writePage(results: GridResults): string {
  const page = `${results.file.replace(/\.jsonl$/, "")}.html`;
  try {
    writeFileSync(page, gridPage(results));
  } catch (cause) {
    throw new Refusal(`${page}: ${cause instanceof Error ? cause.message : String(cause)}`, null, { cause });
  }
  return page;
}

function requestOf({
  budgetMinutes,
  only = [],
  data,
  rounds,
  roundSeconds,
  warmUp,
  seed,
  out,
  dir,
}: FullOptions): GridRequest {
  const axes = axesOf(only);
  const room = BALLAST_ROOM * axes.ballastBytes.at(-1)! + DATA_ROOM * data;
  const available = process.availableMemory();
  if (room > available)
    throw new Refusal(
      `${humanBytes(axes.ballastBytes.at(-1)!)} of live objects and ${humanBytes(data)} of rows in two processes need ` +
        `${humanBytes(room)} of memory, and ${humanBytes(available)} are to be had: choose less, as with --only ballast=0,256m`,
    );
  return {
    experiment: experimentOf({
      seed,
      axes,
      dataBytes: data,
      repetitions: rounds,
      seconds: roundSeconds,
      warmUps: warmUp,
    }),
    file: out,
    budgetSeconds: 60 * budgetMinutes,
    directory: dir,
  };
}

function progressOf(line: ProgressLine): GridProgress {
  return {
    resumed: (visits) => line.step(`${visits} visits are in the file already`),
    begin: (pass, setting, leftSeconds) => line.step(`${pass} pass, ${minutes(leftSeconds)} left: ${nameOf(setting)}`),
    visited: ({ setting, onHeap, offHeap }) =>
      line.step(`${nameOf(setting)}: on-heap ${rateOf(onHeap)}, off-heap ${rateOf(offHeap)}`),
  };
}

function minutes(seconds: number): string {
  return `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;
}

function rateOf({ trouble, repetitions }: CellVisit): string {
  if (trouble !== null) return `not (${trouble})`;
  return `${millions(median(repetitions.map(({ rows, seconds }) => rows / seconds)))} M rows/s`;
}
