// Drawings over rows: all show the same ones; whichever is zoomed or moved, by mouse, key or button, takes the others along.

import type uPlotClass from "uplot";
import type { RowPools } from "../pools.js";
import { colour, pageData } from "./page.js";
import { axis, bytes, type Frame, type Plot, POWERS_OF_TWO, type Series, show, stepIndex } from "./plots.js";

declare const uPlot: typeof uPlotClass;

export const number = (value: number): string => value.toLocaleString("en");

const ALL_ROWS = pageData<{ readonly rows: number }>().rows;
export const view: { from: number; to: number } = { from: 0, to: Math.max(1, ALL_ROWS) };
/** Fewest rows that fill a drawing. */
const LEAST_ROWS = Math.min(20, view.to);
const charts: Plot[] = [];

function look(from: number, to: number): void {
  const width = Math.min(ALL_ROWS || 1, Math.max(LEAST_ROWS, to - from));
  view.from = Math.max(0, Math.min(from, Math.max(1, ALL_ROWS) - width));
  view.to = view.from + width;
  // At once, since a cursor may be put into the new stretch.
  for (const plot of charts) plot.batch(() => plot.setScale("x", { min: view.from, max: view.to }));
  const text = `rows ${number(Math.ceil(view.from))} to ${number(Math.floor(view.to))}`;
  for (const each of document.querySelectorAll(".zoom .rows")) each.textContent = text;
}

/** Makes the drawn stretch so many times as long, around a row. */
function stretch(times: number, around: number = (view.from + view.to) / 2): void {
  look(around - (around - view.from) * times, around + (view.to - around) * times);
}

function move(part: number): void {
  const by = (view.to - view.from) * part;
  look(view.from + by, view.to + by);
}

/** Brings a row into view. */
export function reveal(row: number): void {
  const width = view.to - view.from;
  if (row < view.from || row > view.to) look(row - width / 2, row + width / 2);
}

const ACTIONS: Readonly<Record<string, (around?: number) => void>> = {
  in: (around) => stretch(0.5, around),
  out: (around) => stretch(2, around),
  back: () => move(-0.5),
  on: () => move(0.5),
  all: () => look(0, ALL_ROWS),
};

const KEYS: Readonly<Record<string, string>> = { "+": "in", "=": "in", "-": "out", "0": "all" };
const SHIFTED: Readonly<Record<string, string>> = { ArrowLeft: "back", ArrowRight: "on", "+": "in", "*": "in" };

/** What all drawings share: zooming and one cursor. */
export function shared(): Pick<uPlotClass.Options, "cursor" | "scales"> & { hooks: uPlotClass.Hooks.Arrays } {
  return {
    cursor: {
      // The others follow the cursor; what is dragged over is one drawing's affair, which takes them along.
      sync: {
        key: "rows",
        scales: ["x", null],
        filters: { pub: (type) => type === "mousemove" || type === "mouseleave" },
      },
      y: false,
      drag: { x: true, y: false, setScale: false },
      points: { show: false },
      bind: {
        dblclick: () => () => {
          ACTIONS["all"]!();
          return null;
        },
      },
    },
    scales: { x: { time: false, range: () => [view.from, view.to] } },
    hooks: {
      setSelect: [
        (plot) => {
          const { left, width } = plot.select;
          if (width < 4) return;
          plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
          look(plot.posToVal(left, "x"), plot.posToVal(left + width, "x"));
        },
      ],
    },
  };
}

export function joinIn(plot: Plot, box: HTMLElement): void {
  charts.push(plot);
  box.addEventListener("keydown", (event) => {
    const action = (event.shiftKey ? SHIFTED : KEYS)[event.key];
    if (action === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    const { left = -1 } = plot.cursor;
    ACTIONS[action]!(left < 0 ? undefined : plot.posToVal(left, "x"));
  });
}

/** Buttons that zoom or move. */
export function bindZoom(): void {
  for (const button of document.querySelectorAll<HTMLElement>("button[data-zoom]"))
    button.addEventListener("click", () => ACTIONS[button.dataset["zoom"]!]!());
}

export interface PoolsLook {
  /** CSS pixels: how high it is, and the room beside it for sizes and above it. */
  readonly height: number;
  readonly side: number;
  readonly top: number;
  /** Draws more on top. */
  readonly draw: (plot: Plot) => void;
  /** Tells what is under the cursor. */
  readonly tell: (plot: Plot) => void;
}

/** Two pools over the rows: execution from below, storage from above. */
export function poolsPlot(at: Frame, pools: RowPools, { height, side, top, draw, tell }: PoolsLook): Plot {
  const ink = pools.mode === "onHeap" ? "on" : "off";
  const stepped = uPlot.paths.stepped!({ align: 1 });
  const line = (stroke: string, more: Series): Series => ({
    stroke: () => colour(stroke),
    paths: stepped,
    points: { show: false },
    ...more,
  });
  const { cursor, scales, hooks } = shared();
  const roof = roofOf(pools);
  return show(
    at,
    height,
    {
      padding: [top, 30, 0, 0],
      cursor: { ...cursor!, dataIdx: stepIndex },
      scales: { ...scales, y: { range: [0, roof * 1.04] } },
      axes: [
        axis({ values: (_, ticks) => ticks.map(number), space: 80 }),
        axis({ values: (_, ticks) => ticks.map(bytes), incrs: POWERS_OF_TWO, size: side }),
      ],
      series: [
        {},
        line(ink, { width: 1.5, fill: () => colour(`${ink}-soft`) }),
        line(ink, { width: 1.5, dash: [5, 4] }),
        line("store", { width: 0, fillTo: roof, fill: () => colour("store-soft") }),
      ],
      hooks: { ...hooks, draw: [draw], setCursor: [tell] },
    },
    [pools.row, pools.executionUsed, pools.executionSize, pools.storageUsed.map((used) => roof - used)],
    (drawn) => ({
      xs: pools.row,
      at: () => drawn.cursor.idx ?? null,
      reach: (i) => {
        reveal(pools.row[i]!);
        return drawn.over.clientHeight / 2;
      },
    }),
  );
}

/** How high a drawing reaches: the region, or, where that is no bound at all, somewhat above what was ever used. */
function roofOf({ total, executionUsed, storageUsed }: RowPools): number {
  const most = 1.2 * Math.max(1, ...executionUsed.map((used, i) => used + storageUsed[i]!));
  return total > 1000 * most ? most : total;
}

/** The pools under the cursor in words; nothing where it is nowhere. */
export function poolsText({ cursor: { left = -1, idxs } }: Plot, pools: RowPools): string {
  const i = idxs?.[1];
  if (i === null || i === undefined || left < 0) return "";
  return (
    `row ${number(pools.row[i]!)} · execution uses ${bytes(pools.executionUsed[i]!)} of ${bytes(pools.executionSize[i]!)}` +
    ` · storage ${bytes(pools.storageUsed[i]!)} of ${bytes(pools.total - pools.executionSize[i]!)}`
  );
}
