// The script of a recording's page: pools over the rows with the events above them, and a lane for each task.

import type { RowPools } from "../pools.js";
import type { RecordingData } from "../recording/data.js";
import { colour, pageData } from "./page.js";
import { axis, bytes, frame, type Plot, show } from "./plots.js";
import { bindZoom, joinIn, number, poolsPlot, poolsText, reveal, shared, view } from "./rows.js";

const data = pageData<RecordingData>();
const { events, kinds, told } = data;
const INKS = { spill: "spill", eviction: "store", wait: "wait" } as const;
const DONE = { spill: "spilled", eviction: "lost", wait: "waited for" } as const;
/** CSS pixels. */
const LANE_HEIGHT = 26;
/** Room for the names of lanes and for sizes beside a drawing. */
const SIDE = Math.max(70, ...data.lanes.map((name) => 20 + 7 * name.length));

// Events --------------------------------------------------------------------------------------------------------------

/** An event in words: its own sentence where the page has it, else its numbers. */
function eventText(i: number): string {
  const kind = kinds[events.kind[i]!]!;
  const count = events.count[i]!;
  const who = data.lanes[events.lane[i]!]!;
  const sentence = told[i];
  const most = `row ${number(events.mostRow[i]!)}: ${sentence ?? `${who} ${DONE[kind]} ${bytes(events.mostBytes[i]!)}`}`;
  if (count > 1) {
    const many = kind === "wait" ? "waits" : `${kind}s`;
    return (
      `${number(count)} ${many} of ${who} in rows ${number(events.row[i]!)} to ${number(events.until[i]!)}, ` +
      `${bytes(events.bytes[i]!)} in all; the largest, ${most}`
    );
  }
  const until = kind === "wait" ? ` · until row ${number(events.until[i]!)}` : "";
  return `${most}${until}`;
}

/** How far from an event the cursor may be, CSS pixels. */
const REACH = 6;

/** The event nearest to the cursor among those that `counts`, of equally near ones the largest; null where none is within reach. */
function nearest(plot: Plot, left: number, counts: (i: number) => boolean): number | null {
  let found: number | null = null;
  let least = REACH;
  const perPixel = (view.to - view.from) / plot.over.clientWidth;
  const from = plot.posToVal(left, "x") - REACH * perPixel;
  const to = from + 2 * REACH * perPixel;
  for (let i = 0; i < events.row.length && events.row[i]! <= to; i += 1) {
    if (events.until[i]! < from || !counts(i)) continue;
    const [start, end] = [plot.valToPos(events.row[i]!, "x"), plot.valToPos(events.until[i]!, "x")];
    const far = Math.round(Math.max(start - left, left - end, 0));
    const isLarger = found !== null && far === least && events.mostBytes[i]! > events.mostBytes[found]!;
    if (far >= least && !isLarger) continue;
    least = far;
    found = i;
  }
  return found;
}

// Pools over the rows -------------------------------------------------------------------------------------------------

/** Room for the marks above a drawing of pools, CSS pixels. */
const MARKS_HEIGHT = 26;

function showPools(pools: RowPools, index: number): void {
  const at = frame(`pools-${index}`);
  if (at === null) return;
  const mode = data.modes.indexOf(pools.mode);
  const plot = poolsPlot(at, pools, {
    height: 230,
    side: SIDE,
    top: MARKS_HEIGHT + 4,
    draw: (drawn) => drawTicks(drawn, mode),
    tell: (drawn) => at.tell(poolsAt(drawn, pools, mode)),
  });
  joinIn(plot, at.box);
}

/** Marks above the drawing, a line for each kind of event. */
function drawTicks(plot: Plot, mode: number): void {
  const { ctx, bbox } = plot;
  const dot = devicePixelRatio;
  const last = kinds.map(() => -1);
  const inks = kinds.map((kind) => colour(INKS[kind]));
  ctx.save();
  for (let i = 0; i < events.row.length; i += 1) {
    if (events.mode[i] !== mode || events.until[i]! < view.from || events.row[i]! > view.to) continue;
    const kind = events.kind[i]!;
    const x = Math.round(plot.valToPos(Math.max(view.from, events.row[i]!), "x", true));
    if (x === last[kind] && events.until[i] === events.row[i]) continue;
    last[kind] = x;
    const end = kinds[kind] === "wait" ? plot.valToPos(Math.min(view.to, events.until[i]!), "x", true) : x;
    ctx.fillStyle = inks[kind]!;
    ctx.fillRect(x, bbox.top + (8 * kind - MARKS_HEIGHT) * dot, Math.max(2 * dot, end - x), 6 * dot);
  }
  ctx.restore();
}

function poolsAt(plot: Plot, pools: RowPools, mode: number): string {
  const text = poolsText(plot, pools);
  if (text === "") return "";
  const event = nearest(plot, plot.cursor.left ?? -1, (each) => events.mode[each] === mode);
  return event === null ? text : `${text} · ${eventText(event)}`;
}

// Lanes ---------------------------------------------------------------------------------------------------------------

/** The largest event of each kind. */
const MOST_BYTES = kinds.map((_, kind) =>
  events.mostBytes.reduce((most, each, i) => (events.kind[i] === kind ? Math.max(most, each) : most), 1),
);
/** Where a lane holds each kind: from its top, and how high. CSS pixels. */
const PARTS = [
  [1, 9],
  [10, 8],
  [19, 6],
] as const;

function laneTop(i: number): number {
  const [top, height] = PARTS[events.kind[i]!]!;
  return events.lane[i]! * LANE_HEIGHT + top + height / 2;
}

function showLanes(): void {
  const at = frame("lanes");
  if (at === null) return;
  const lanes = data.lanes.length;
  let cursorAt: number | null = null;
  let byKey = false;
  const { cursor, scales, hooks } = shared();
  const plot = show(
    at,
    lanes * LANE_HEIGHT + 34,
    {
      padding: [4, 30, 0, 0],
      cursor: cursor!,
      scales: { ...scales, y: { range: [0, lanes] } },
      axes: [
        axis({ values: (_, ticks) => ticks.map(number), space: 80, grid: { show: false } }),
        axis({
          size: SIDE,
          grid: { show: false },
          splits: () => data.lanes.map((_, lane) => lanes - lane - 0.5),
          values: () => [...data.lanes],
          filter: (_, ticks) => ticks,
        }),
      ],
      series: [{}, { show: false }],
      hooks: {
        ...hooks,
        drawClear: [drawLanes],
        setCursor: [
          (drawn) => {
            const { left = -1, top = -1 } = drawn.cursor;
            const lane = Math.floor(top / LANE_HEIGHT);
            if (left < 0 || lane < 0 || lane >= lanes) {
              cursorAt = null;
              return at.tell("");
            }
            const inPart = (i: number): boolean => events.lane[i] === lane && Math.abs(laneTop(i) - top) <= 5;
            const found = byKey
              ? cursorAt
              : (nearest(drawn, left, inPart) ?? nearest(drawn, left, (i) => events.lane[i] === lane));
            byKey = false;
            cursorAt = found ?? cursorAt;
            at.tell(
              found === null
                ? `${data.lanes[lane]!} · row ${number(Math.round(drawn.posToVal(left, "x")))}`
                : eventText(found),
            );
          },
        ],
      },
    },
    [
      [0, Math.max(1, data.rows)],
      [null, null],
    ],
    () => ({
      xs: events.row,
      at: () => cursorAt,
      reach: (i) => {
        reveal(events.row[i]!);
        cursorAt = i;
        byKey = true;
        return laneTop(i);
      },
    }),
  );
  joinIn(plot, at.box);
}

function drawLanes(plot: Plot): void {
  const { ctx, bbox } = plot;
  const dot = devicePixelRatio;
  const lane = LANE_HEIGHT * dot;
  const inks = kinds.map((kind) => colour(INKS[kind]));
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  ctx.fillStyle = colour("shade");
  for (let i = 0; i < data.lanes.length; i += 2) ctx.fillRect(bbox.left, bbox.top + i * lane, bbox.width, lane);
  for (let i = 0; i < events.row.length; i += 1) {
    if (events.until[i]! < view.from || events.row[i]! > view.to) continue;
    const kind = events.kind[i]!;
    const [top, full] = PARTS[kind]!;
    const share = Math.sqrt(events.mostBytes[i]! / MOST_BYTES[kind]!);
    const isWait = kinds[kind] === "wait";
    const height = Math.round((isWait ? full : Math.max(2, full * share)) * dot);
    const x = Math.round(plot.valToPos(events.row[i]!, "x", true));
    const end = isWait ? plot.valToPos(events.until[i]!, "x", true) : x;
    ctx.fillStyle = inks[kind]!;
    ctx.globalAlpha = isWait && events.count[i]! > 1 ? 0.6 : 1;
    const y = bbox.top + events.lane[i]! * lane + (top + full) * dot - height;
    ctx.fillRect(x, y, Math.max(2 * dot, end - x), height);
  }
  ctx.restore();
}

// The page ------------------------------------------------------------------------------------------------------------

data.pools.forEach(showPools);
showLanes();
bindZoom();
