// Outcomes as tables, for a terminal (row by row, as they come) and for Markdown.

import type { Outcome } from "./harness.js";

interface Column {
  readonly heading: string;
  readonly width: number;
  readonly right: boolean;
  readonly cell: (outcome: Outcome) => string;
}

const column = (heading: string, width: number, right: boolean, cell: (outcome: Outcome) => string): Column => ({
  heading,
  width,
  right,
  cell,
});

/** `names` are the cases that will come: they decide the width of the first column. */
function columns(names: readonly string[]): readonly Column[] {
  return [
    column("case", Math.max(4, ...names.map((name) => name.length)), false, ({ row }) => row.case),
    column("median", 9, true, ({ row }) => figure(row.median)),
    column("range", 17, true, ({ row }) => range(row.min, row.max)),
    column("unit", 7, false, ({ row }) => row.unit),
    column("peer", 30, false, ({ row }) => (row.peer === null ? "-" : `${row.peer} ${row.peerVersion}`)),
    column("median", 9, true, ({ row }) => (row.peerMedian === null ? "-" : figure(row.peerMedian))),
    column("range", 17, true, ({ peerRange }) => (peerRange === null ? "-" : range(...peerRange))),
    column("ratio", 7, true, ({ row }) => (row.ratio === null ? "-" : `${figure(Number(row.ratio.toPrecision(3)))} x`)),
    column("goal", 7, true, ({ goal }) => goal?.text ?? "-"),
    column("reached", 7, false, ({ goal }) => (goal === null ? "-" : goal.reached ? "yes" : "no")),
    column("rounds", 8, true, ({ row, discarded }) =>
      discarded === 0 ? `${row.rounds}` : `${row.rounds} (-${discarded})`,
    ),
    column("load", 4, true, ({ row }) => (row.load === null ? "-" : row.load.toFixed(2))),
    column("hash", 8, false, ({ row }) => row.hash),
  ];
}

/** The lines of a table for a terminal: the head, then what each outcome adds. */
export function textTable(names: readonly string[]): { head: string; line: (outcome: Outcome) => string } {
  const all = columns(names);
  const join = (cells: readonly string[]): string =>
    cells
      .map((cell, i) => (all[i]!.right ? cell.padStart(all[i]!.width) : cell.padEnd(all[i]!.width)))
      .join("  ")
      .trimEnd();
  return {
    head: join(all.map((c) => c.heading)),
    line: (outcome) => join(all.map((c) => c.cell(outcome))) + (outcome.more === "" ? "" : `\n    ${outcome.more}`),
  };
}

export function markdownTable(outcomes: readonly Outcome[]): string {
  const all = columns([]);
  const rule = all.map((c) => (c.right ? "--:" : "---"));
  const lines = [all.map((c) => c.heading), rule, ...outcomes.map((outcome) => all.map((c) => c.cell(outcome)))];
  const more = outcomes.filter((outcome) => outcome.more !== "").map(({ row, more: text }) => `* ${row.case}: ${text}`);
  return `${[...lines.map((cells) => `| ${cells.join(" | ")} |`), ...(more.length > 0 ? ["", ...more] : [])].join("\n")}\n`;
}

function range(min: number, max: number): string {
  return `${figure(min)}..${figure(max)}`;
}

function figure(value: number): string {
  return value >= 10_000 ? Math.round(value).toLocaleString("en-US") : String(value);
}
