// The script of a study's page: draws its charts from the data in the page. plots.ts says how it gets there.

import type { AcquiresData, PageData, PausesData, PoolsData } from "../data.js";
import type uPlotClass from "uplot";
import { colour, pageData } from "./page.js";
import { axis, type Axis, bytes, frame, type Plot, POWERS_OF_TWO, type Series, show, stepIndex } from "./plots.js";

declare const uPlot: typeof uPlotClass;

const data = pageData<PageData>();

const inkOf = (mode: string): string => (mode === "on-heap" ? "on" : "off");

function nanoseconds(ns: number): string {
  if (ns < 1e3) return `${Math.round(ns)} ns`;
  if (ns < 1e6) return `${(ns / 1e3).toPrecision(3)} µs`;
  return `${(ns / 1e6).toPrecision(3)} ms`;
}

/** uPlot's name for it is an enum that only its own compilation sees. */
// oxlint-disable-next-line typescript/no-unsafe-enum-assignment
const LOGARITHMIC: uPlotClass.Scale.Distr = 3;

// Pools over time -----------------------------------------------------------------------------------------------------

function showPools(pools: PoolsData, index: number, longestMs: number): void {
  const at = frame(`pools-${index}`);
  if (at === null) return;
  const ink = inkOf(pools.name);
  const stepped = uPlot.paths.stepped!({ align: 1 });
  const top = pools.storageUsed.map((used) => pools.total - used);
  const line = (stroke: string, more: Series): Series => ({
    stroke: () => colour(stroke),
    paths: stepped,
    points: { show: false },
    ...more,
  });
  show(
    at,
    220,
    {
      cursor: {
        sync: { key: "pools" },
        y: false,
        drag: { x: false, y: false },
        points: { size: (_, i) => (i === 1 ? 7 : 0) },
        dataIdx: stepIndex,
      },
      scales: { x: { time: false, range: [0, longestMs] }, y: { range: [0, pools.total * 1.04] } },
      axes: [
        axis({ values: (_, ticks) => ticks.map((ms) => `${ms} ms`), space: 70 }),
        axis({ values: (_, ticks) => ticks.map(bytes), incrs: POWERS_OF_TWO, size: 70 }),
      ],
      series: [
        {},
        line(ink, { width: 1.5, fill: () => colour(`${ink}-soft`) }),
        line(ink, { width: 1.5, dash: [5, 4] }),
        line("store", { width: 0, fillTo: pools.total, fill: () => colour("store-soft") }),
      ],
      hooks: {
        drawClear: [(plot) => drawSpills(plot, pools)],
        setCursor: [(plot) => at.tell(poolsAt(plot, pools))],
      },
    },
    [pools.ms, pools.executionUsed, pools.executionSize, top],
  );
}

function drawSpills(plot: Plot, { spills, insertedMs }: PoolsData): void {
  const { ctx, bbox } = plot;
  const dot = devicePixelRatio;
  ctx.save();
  for (const [start, end] of spills) {
    const left = plot.valToPos(start, "x", true);
    const width = Math.max(2 * dot, plot.valToPos(end, "x", true) - left);
    ctx.fillStyle = colour("spill-soft");
    ctx.fillRect(left, bbox.top, width, bbox.height);
    ctx.fillStyle = colour("spill");
    ctx.fillRect(left, bbox.top, width, 3 * dot);
  }
  const inserted = plot.valToPos(insertedMs, "x", true);
  ctx.strokeStyle = colour("muted");
  ctx.lineWidth = dot;
  ctx.lineCap = "butt";
  ctx.setLineDash([2 * dot, 3 * dot]);
  ctx.beginPath();
  ctx.moveTo(inserted, bbox.top);
  ctx.lineTo(inserted, bbox.top + bbox.height);
  ctx.stroke();
  ctx.fillStyle = colour("muted");
  ctx.textAlign = "left";
  ctx.textBaseline = "alphabetic";
  ctx.font = `${11 * dot}px system-ui, sans-serif`;
  const label = "merge →";
  const room = bbox.left + bbox.width - inserted;
  if (room > ctx.measureText(label).width + 8 * dot) ctx.fillText(label, inserted + 5 * dot, bbox.top + 18 * dot);
  ctx.restore();
}

function poolsAt(plot: Plot, pools: PoolsData): string {
  const { left = -1, idxs } = plot.cursor;
  const i = idxs?.[1];
  if (i === null || i === undefined || left < 0) return "";
  const ms = plot.posToVal(left, "x");
  const spill = pools.spills.find(([start, end]) => ms >= start && ms <= end);
  return (
    `${ms.toFixed(2)} ms · execution uses ${bytes(pools.executionUsed[i]!)} of ${bytes(pools.executionSize[i]!)}` +
    ` · storage ${bytes(pools.storageUsed[i]!)} of ${bytes(pools.total - pools.executionSize[i]!)}` +
    (spill === undefined ? "" : ` · spill of ${bytes(spill[2])} in ${(spill[1] - spill[0]).toFixed(1)} ms`)
  );
}

// Acquire latency -----------------------------------------------------------------------------------------------------

function showAcquires(modes: readonly AcquiresData[]): void {
  const at = frame("acquires");
  if (at === null) return;
  const steps = modes.flatMap(({ buckets }) => buckets.flatMap(([from, to]) => [from, to]));
  if (steps.length === 0) return;
  const xs = [...new Set(steps)].sort((a, b) => a - b);
  const counts = modes.map(({ buckets }) => {
    const of = new Map(buckets.map(([from, , count]) => [from, count]));
    // Half of one stands for nothing on a logarithmic axis.
    return xs.map((x) => Math.max(0.5, of.get(x) ?? 0));
  });
  const most = Math.max(...counts.flat());
  show(
    at,
    260,
    {
      cursor: { y: false, drag: { x: false, y: false }, points: { show: false } },
      scales: {
        x: { time: false, distr: LOGARITHMIC, range: [xs[0]! / 1.2, xs.at(-1)! * 1.2] },
        y: { distr: LOGARITHMIC, range: [0.5, most * 6] },
      },
      axes: [powersOfTen(nanoseconds, {}), powersOfTen(String, { size: 52 })],
      series: [
        {},
        ...modes.map(({ name }): Series => ({
          stroke: () => colour(inkOf(name)),
          fill: () => colour(`${inkOf(name)}-soft`),
          width: 1.5,
          paths: uPlot.paths.stepped!({ align: 1 }),
          points: { show: false },
        })),
      ],
      hooks: {
        draw: [(plot) => drawQuantiles(plot, modes)],
        setCursor: [
          (plot) => {
            const left = plot.cursor.left ?? -1;
            if (left < 0) return at.tell("");
            const ns = plot.posToVal(left, "x");
            const told = modes.map(({ name, buckets }) => {
              const bucket = buckets.find(([from, to]) => ns >= from && ns < to);
              return `${name} ${bucket?.[2] ?? 0}`;
            });
            const bar = modes.flatMap(({ buckets }) => buckets).find(([from, to]) => ns >= from && ns < to);
            const span = bar === undefined ? nanoseconds(ns) : `${nanoseconds(bar[0])} to ${nanoseconds(bar[1])}`;
            at.tell(`${span} · ${told.join(" · ")} acquires`);
          },
        ],
      },
    },
    [xs, ...counts],
  );
}

/** A logarithmic axis with a line and a label at each power of ten from 1 on. */
function powersOfTen(label: (value: number) => string, more: Axis): Axis {
  return axis({
    ...more,
    splits: (_, __, least, most) =>
      Array.from({ length: 16 }, (_unused, exponent) => 10 ** exponent).filter((tick) => tick >= least && tick <= most),
    filter: (_, ticks) => ticks,
    values: (_, ticks) => ticks.map(label),
  });
}

function drawQuantiles(plot: Plot, modes: readonly AcquiresData[]): void {
  const { ctx, bbox } = plot;
  const dot = devicePixelRatio;
  ctx.save();
  ctx.font = `${11 * dot}px system-ui, sans-serif`;
  ctx.textAlign = "center";
  ctx.textBaseline = "alphabetic";
  modes.forEach(({ name, marks }, row) => {
    ctx.fillStyle = colour(inkOf(name));
    let free = -Infinity;
    for (const [text, ns] of marks) {
      const x = plot.valToPos(ns, "x", true);
      const y = bbox.top + (12 + 24 * row) * dot;
      const half = ctx.measureText(text).width / 2 + 3 * dot;
      if (x - half > free) {
        ctx.fillText(text, x, y);
        free = x + half;
      }
      ctx.beginPath();
      ctx.moveTo(x - 4 * dot, y + 3 * dot);
      ctx.lineTo(x + 4 * dot, y + 3 * dot);
      ctx.lineTo(x, y + 9 * dot);
      ctx.fill();
    }
  });
  ctx.restore();
}

// Collector pauses ----------------------------------------------------------------------------------------------------

const KINDS = { minor: "scavenge", major: "full collection", incremental: "incremental step", weak: "weak callbacks" };

function showPauses(modes: readonly PausesData[]): void {
  const at = frame("pauses");
  if (at === null) return;
  const pauses = modes
    .flatMap(({ name, at: when, ms, kind }) => when.map((s, i) => ({ name, s, ms: ms[i]!, kind: kind[i]! })))
    .sort((a, b) => a.s - b.s);
  const xs = pauses.map((pause) => pause.s);
  const columns = modes.map(({ name }) => pauses.map((pause) => (pause.name === name ? pause.ms : null)));
  const longest = Math.max(1, ...pauses.map((pause) => pause.ms));
  const end = Math.max(...modes.map(({ seconds }) => seconds));
  const stems: uPlotClass.Series.PathBuilder = (plot, index, from, to) => {
    const path = new Path2D();
    const ground = plot.valToPos(0, "y", true);
    for (let i = from; i <= to; i += 1) {
      const ms = plot.data[index]![i];
      if (ms === null || ms === undefined) continue;
      const x = plot.valToPos(xs[i]!, "x", true);
      path.moveTo(x, ground);
      path.lineTo(x, plot.valToPos(ms, "y", true));
    }
    return { stroke: path, flags: 0 };
  };
  show(
    at,
    260,
    {
      cursor: { y: false, drag: { x: false, y: false }, points: { size: 8 } },
      scales: { x: { time: false, range: [0, end] }, y: { range: [0, longest * 1.1] } },
      axes: [
        axis({ values: (_, ticks) => ticks.map((s) => `${s} s`) }),
        axis({ values: (_, ticks) => ticks.map((ms) => `${ms} ms`), size: 62 }),
      ],
      series: [
        {},
        ...modes.map(({ name }): Series => ({
          stroke: () => colour(inkOf(name)),
          width: 1.5,
          paths: stems,
          points: { show: true, size: 6, fill: () => colour(inkOf(name)) },
        })),
      ],
      hooks: {
        setCursor: [
          (plot) => {
            const i = plot.cursor.idx;
            const pause = i === null || i === undefined || (plot.cursor.left ?? -1) < 0 ? undefined : pauses[i];
            at.tell(
              pause === undefined
                ? ""
                : `${pause.name} · ${pause.ms.toFixed(2)} ms · ${KINDS[pause.kind]} · after ${pause.s.toFixed(2)} s of sorting`,
            );
          },
        ],
      },
    },
    [xs, ...columns],
  );
}

// The page ------------------------------------------------------------------------------------------------------------

const longestRound = Math.max(0, ...data.pools.map(({ ms }) => ms.at(-1) ?? 0));
data.pools.forEach((pools, i) => showPools(pools, i, longestRound));
showAcquires(data.acquires);
showPauses(data.pauses);
