// The grid as a table: a row for each setting that was visited, one column for each thing worth comparing at a glance. Cells
// are texts, so that a terminal and a page show the same.

import { humanBytes } from "../../human.js";
import { millions, nanoseconds } from "../text.js";
import type { CellSummary, Contest, Outcome, Ratio } from "./contest.js";
import { nameOf } from "./setting.js";

export interface GridTable {
  readonly columns: readonly string[];
  readonly rows: readonly GridRow[];
}

export interface GridRow {
  readonly setting: string;
  readonly outcome: Outcome;
  /** As many as columns. */
  readonly cells: readonly string[];
  /** What a reader must know before believing the row. */
  readonly notes: readonly string[];
}

const COLUMNS = [
  "M rows/s on",
  "off",
  "off/on",
  "verdict",
  "spilled on",
  "off",
  "GC on",
  "off",
  "batch p99 on",
  "off",
  "resident on",
  "off",
];

/** All contests as texts. */
export function gridTable(contests: readonly Contest[]): GridTable {
  return { columns: COLUMNS, rows: contests.map(rowOf) };
}

const NONE = "-";

function rowOf(contest: Contest): GridRow {
  const { setting, onHeap, offHeap, speed, telling } = contest;
  const both = (of: (cell: CellSummary) => string): [string, string] => [
    onHeap.repetitions > 0 ? of(onHeap) : NONE,
    offHeap.repetitions > 0 ? of(offHeap) : NONE,
  ];
  return {
    setting: nameOf(setting),
    outcome: speed.outcome,
    cells: [
      ...both(({ rowsPerSecond }) => millions(rowsPerSecond.median)),
      ratioText(speed, telling),
      verdictText(speed.outcome),
      ...both((cell) => humanBytes(Math.round(cell.memoryBytesSpilled))),
      ...both(
        ({ gc }) => `${gc.fullPerTask.toFixed(1)}+${gc.youngPerTask.toFixed(0)} ${(100 * gc.share).toFixed(1)} %`,
      ),
      ...both(({ batches }) => nanoseconds(batches.p99)),
      ...both(({ residentPeakBytes }) => humanBytes(residentPeakBytes)),
    ],
    notes: (["onHeap", "offHeap"] as const).flatMap((mode) =>
      notesOf(mode === "onHeap" ? "on-heap" : "off-heap", contest[mode]),
    ),
  };
}

function ratioText({ median, low, high }: Ratio, telling: number): string {
  return telling === 0 ? NONE : `${median.toFixed(2)} [${low.toFixed(2)}, ${high.toFixed(2)}]`;
}

function verdictText(outcome: Outcome): string {
  return outcome === "undecided" ? "not decided" : outcome === "missing" ? "too few" : outcome;
}

function notesOf(mode: string, { vacuous, trouble }: CellSummary): string[] {
  return [
    ...vacuous.map(({ why, repetitions }) => `${mode}: ${repetitions} repetitions left out, ${why}`),
    ...(trouble === null ? [] : [`${mode}: ${trouble}`]),
  ];
}
