// The script of a trace's page: the pools of every policy over the same rows, with a line where it parts from the recording.

import type { RowPools } from "../pools.js";
import type { RedecidedData } from "../redecided/data.js";
import { colour, pageData } from "./page.js";
import { frame, type Plot } from "./plots.js";
import { bindZoom, joinIn, poolsPlot, poolsText, view } from "./rows.js";

const data = pageData<RedecidedData>();
/** Room beside a drawing for sizes, CSS pixels. */
const SIDE = 76;

function showPools(pools: RowPools, id: string, parts: number | null): void {
  const at = frame(`pools-${id}`);
  if (at === null) return;
  const plot = poolsPlot(at, pools, {
    height: 130,
    side: SIDE,
    top: 8,
    draw: (drawn) => drawParting(drawn, parts),
    tell: (drawn) => at.tell(poolsText(drawn, pools)),
  });
  joinIn(plot, at.box);
}

function drawParting(plot: Plot, row: number | null): void {
  if (row === null || row < view.from || row > view.to) return;
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.fillStyle = colour("spill");
  ctx.fillRect(Math.round(plot.valToPos(row, "x", true)), bbox.top, 2 * devicePixelRatio, bbox.height);
  ctx.restore();
}

data.outcomes.forEach(({ parts }, column) =>
  data.pools[column]!.forEach((pools, mode) => showPools(pools, `${column}-${mode}`, parts?.row ?? null)),
);
bindZoom();
