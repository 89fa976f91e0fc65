// The grid as a table: a row for each setting that was visited, one column for each thing worth comparing at a glance. Cells
// are texts, so that a terminal and a page show the same.

import { humanBytes } from "../../human.js";
import { millions, nanoseconds } from "../text.js";
import type { CellSummary, Contest, Outcome, Ratio } from "./contest.js";

export interface GridTable {
  readonly columns: readonly string[];
  readonly rows: readonly GridRow[];
}

export interface GridRow {
  /** Who won on rows per second. */
  readonly outcome: Outcome;
  /** As many as columns. */
  readonly cells: readonly string[];
  /** What a reader must know before believing the row. */
  readonly notes: readonly string[];
}

/** So many of the columns come first and name the setting. */
export const SETTING_COLUMNS = 5;

const COLUMNS =
  "work,need,row,cores,live,M rows/s on,off,off/on 95 %,faster,GC on,off,p99 on,off,resident on,off".split(",");

/** All contests as texts. */
export function gridTable(contests: readonly Contest[]): GridTable {
  return { columns: COLUMNS, rows: contests.map(rowOf) };
}

const NONE = "-";

function rowOf(contest: Contest): GridRow {
  const { setting, onHeap, offHeap, speed, telling } = contest;
  const { workload, share, recordBytes, cores, ballastBytes } = setting;
  const both = (of: (cell: CellSummary) => string): string[] =>
    [onHeap, offHeap].map((cell) => (cell.repetitions > 0 ? of(cell) : NONE));
  return {
    outcome: speed.outcome,
    cells: [
      workload,
      `1/${share}`,
      `${recordBytes} B`,
      String(cores),
      ballastBytes === 0 ? "0" : humanBytes(ballastBytes),
      ...both(({ rowsPerSecond }) => millions(rowsPerSecond.median)),
      telling === 0 ? NONE : ratioText(speed),
      OUTCOMES[speed.outcome],
      ...both(({ gc }) => `${gc.fullPerTask.toFixed(1)}+${gc.youngPerTask.toFixed(0)} ${(100 * gc.share).toFixed(1)}%`),
      ...both(({ batches }) => nanoseconds(batches.p99)),
      ...both(({ residentPeakBytes }) => humanBytes(residentPeakBytes)),
    ],
    notes: [...notesOf("on-heap", onHeap), ...notesOf("off-heap", offHeap)],
  };
}

const OUTCOMES: Readonly<Record<Outcome, string>> = {
  "off-heap": "off-heap",
  "on-heap": "on-heap",
  alike: "alike",
  undecided: "not decided",
  missing: "too few",
};

function ratioText({ median, low, high }: Ratio): string {
  return `${median.toFixed(2)} [${low.toFixed(2)}, ${high.toFixed(2)}]`;
}

function notesOf(mode: string, { vacuous, trouble }: CellSummary): string[] {
  return [
    ...vacuous.map(({ why, repetitions }) => `${mode}: ${repetitions} repetitions left out, ${why}`),
    ...(trouble === null ? [] : [`${mode}: ${trouble}`]),
  ];
}
