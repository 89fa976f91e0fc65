// What the scripts of all pages with charts share: charts that follow the theme and the width and answer arrow keys.

import type uPlotClass from "uplot";
import { colour, onTheme } from "./page.js";

declare const uPlot: typeof uPlotClass;
export type Plot = uPlotClass;
export type Options = uPlotClass.Options;
export type Axis = uPlotClass.Axis;
export type Series = uPlotClass.Series;

export function bytes(value: number): string {
  const units = ["B", "KiB", "MiB", "GiB"];
  let unit = 0;
  while (value >= 1024 && unit < 3) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 || Number.isInteger(value) ? value : value.toFixed(1)} ${units[unit]!}`;
}

export const POWERS_OF_TWO = Array.from({ length: 40 }, (_, i) => 2 ** i);

export function axis(more: Axis): Axis {
  return {
    stroke: () => colour("muted"),
    grid: { stroke: () => colour("line"), width: 1 },
    ticks: { show: false },
    font: "12px system-ui, sans-serif",
    size: 30,
    ...more,
  };
}

/** A box that a chart is drawn into, with the line that tells the values under the cursor. */
export interface Frame {
  readonly box: HTMLElement;
  tell(text: string): void;
}

export function frame(id: string): Frame | null {
  const box = document.getElementById(id);
  if (box === null) return null;
  const readout = box.parentElement!.querySelector("output")!;
  const rest = readout.textContent;
  return { box, tell: (text) => (readout.textContent = text === "" ? rest : text) };
}

/** Where the arrow keys take the cursor. */
export interface Stops {
  /** The places along x, ascending. */
  readonly xs: ArrayLike<number>;
  /** Where the cursor is now, null where it is nowhere. */
  readonly at: () => number | null;
  /** Brings a place into view; returns how far from the top the cursor goes, CSS pixels. */
  readonly reach: (index: number) => number;
}

/**
 * Draws a chart as wide as its box for as long as the page lives, and makes it answer the arrow keys: they go from one value to
 * the next, or as `stops` says.
 */
export function show(
  { box }: Frame,
  height: number,
  options: Omit<Options, "width" | "height">,
  columns: unknown,
  stops?: (plot: Plot) => Stops,
): Plot {
  const width = (): number => Math.max(240, box.clientWidth);
  const plot = new uPlot(
    { legend: { show: false }, padding: [8, 12, 0, 0], ...options, width: width(), height },
    columns as uPlotClass.AlignedData,
    box,
  );
  const { xs, at, reach } = stops?.(plot) ?? {
    xs: plot.data[0],
    at: () => plot.cursor.idx ?? null,
    reach: () => plot.over.clientHeight / 2,
  };
  onTheme(() => plot.redraw());
  new ResizeObserver(() => plot.setSize({ width: width(), height })).observe(box);
  box.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1, PageUp: 10, PageDown: -10 }[event.key];
    const end = { Home: 0, End: xs.length - 1 }[event.key];
    if (event.shiftKey || (step === undefined && end === undefined) || xs.length === 0) return;
    event.preventDefault();
    const index = end ?? Math.min(xs.length - 1, Math.max(0, (at() ?? -step!) + step!));
    const top = reach(index);
    plot.setCursor({ left: plot.valToPos(xs[index]!, "x"), top });
  });
  box.addEventListener("blur", () => plot.setCursor({ left: -10, top: -10 }));
  return plot;
}

/** What is drawn in steps holds until the next sample; half a pixel counts as there. */
export function stepIndex(plot: Plot, _series: number, nearest: number, x: number): number {
  const halfPixel = (plot.scales["x"]!.max! - plot.scales["x"]!.min!) / plot.over.clientWidth / 2;
  return nearest > 0 && plot.data[0][nearest]! > x + halfPixel ? nearest - 1 : nearest;
}
