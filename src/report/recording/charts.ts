// Where the script of a recording's page draws, and the buttons that say which rows.

import { grouped } from "../../study/text.js";
import { modeClass } from "../headline.js";
import { html, type Html } from "../html.js";
import type { RowPools } from "../pools.js";
import { HOW, zoomButtons } from "../zoom.js";
import type { RecordingData } from "./data.js";
import type { Digest } from "./digest.js";

export function rowCharts(data: RecordingData, digest: Digest): Html {
  return html`<section class="card" aria-labelledby="pools">
      <h2 id="pools">Pools over the rows</h2>
      <p class="quiet">
        Every row is a request; a recording has no clock. ${thinness(data, digest)} The marks above each drawing are
        spills, evictions and waits.
      </p>
      ${zoomButtons(data.rows)} ${data.pools.map(poolChart)}
    </section>
    ${lanes(data)}`;
}

/** What the drawing leaves out, said on the page. */
function thinness({ pools, events, stateRows, markRows }: RecordingData, { pools: all }: Digest): string {
  const of = pools.map(({ mode, name, row }) => `${grouped(row.length)} of ${grouped(all[mode].changes)} ${name}`);
  const said = pools.every(({ mode, row }) => row.length >= all[mode].changes)
    ? ["Every state is drawn."]
    : [
        `Drawn are ${of.join(" and ")} states: of every ${grouped(stateRows)} rows the least and the greatest of each pool, and the last.`,
      ];
  if (markRows > 1) {
    const count = events.count.reduce((sum, each) => sum + each, 0);
    said.push(
      `${grouped(count)} events are drawn as ${grouped(events.row.length)} marks: those of one kind and lane within ${grouped(markRows)} rows are one, with their sum and the largest.`,
    );
  }
  return said.join(" ");
}

function poolChart({ name, row, executionUsed, storageUsed }: RowPools, index: number): Html {
  const label = `${name} pools over ${row.at(-1)} rows, ${Math.max(...executionUsed)} bytes of execution and ${Math.max(...storageUsed)} of storage at the most`;
  return html`<div class="pools ${modeClass(name)}">
    <h3><span class="dot"></span>${name}</h3>
    <output class="two">${HOW}</output>
    <div class="chart" id="pools-${index}" tabindex="0" role="img" aria-label="${label}"></div>
    <ul class="legend">
      <li><i class="used"></i>execution used</li>
      <li><i class="size"></i>execution pool; storage is what lies above</li>
      <li><i class="store"></i>storage used</li>
      <li><i class="tick spill"></i>spill</li>
      <li><i class="tick store"></i>eviction</li>
      <li><i class="tick wait"></i>wait</li>
    </ul>
  </div>`;
}

function lanes({ lanes: names, events, kinds, rows }: RecordingData): Html | null {
  if (names.length === 0) return null;
  const counts = kinds.map((_, kind) =>
    events.count.reduce((sum, each, i) => sum + (events.kind[i] === kind ? each : 0), 0),
  );
  const label = `${names.length} lanes: ${counts.map((each, kind) => `${each} ${kinds[kind]!}s`).join(", ")}`;
  return html`<section class="card" aria-labelledby="lanes-title">
    <h2 id="lanes-title">Spills and evictions, a lane for each task</h2>
    <p class="quiet">
      In the lane of who gave the memory up or waited. Tasks that gave up the most have a lane of their own; a block of
      no known task is storage's. A mark is the higher the larger its event.
    </p>
    ${zoomButtons(rows)}
    <output class="three">${HOW}</output>
    <div class="chart" id="lanes" tabindex="0" role="img" aria-label="${label}"></div>
    <ul class="legend">
      <li><i class="tick spill"></i>spill</li>
      <li><i class="tick store"></i>eviction</li>
      <li><i class="tick wait"></i>wait, until it was served</li>
    </ul>
  </section>`;
}
