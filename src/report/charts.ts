// Where the page's script draws: boxes with what a reader needs to read the drawing, and a sentence for who cannot see it.

import { GC_KINDS } from "../study/gc.js";
import { type ModeResult, modeTitle, type Study, type Summary, typicalRound } from "../study/study.js";
import { GC_TITLES, grouped, nanoseconds, NOTHING } from "../study/text.js";
import { modeClass } from "./headline.js";
import { html, type Html } from "./html.js";

const HOW = "Move over it, or focus it and use the arrow keys.";

export function poolCharts({ modes }: Study): Html | null {
  const shown = modes.filter((mode) => typicalRound(mode) !== null);
  if (shown.length === 0) return null;
  return html`<section class="card" aria-labelledby="pools">
    <h2 id="pools">Pools over time</h2>
    <p class="quiet">
      The round of each mode nearest to its median, on one scale. Execution starts with its part of the region, takes
      over what storage does not use, and spills whenever a page would not fit any more.
    </p>
    ${shown.map(poolChart)}
  </section>`;
}

function poolChart(mode: ModeResult, index: number): Html {
  const name = modeTitle(mode.mode);
  const round = typicalRound(mode)!;
  const label = `${name} pools during one round of ${(round.seconds * 1000).toFixed(0)} ms with ${round.spills} spills`;
  return html`<div class="pools ${modeClass(name)}">
    <h3><span class="dot"></span>${name}</h3>
    <output>${HOW}</output>
    <div class="chart" id="pools-${index}" tabindex="0" role="img" aria-label="${label}"></div>
    <ul class="legend">
      <li><i class="used"></i>execution used</li>
      <li><i class="size"></i>execution pool; storage is what lies above</li>
      <li><i class="store"></i>storage used</li>
      <li><i class="spill"></i>spill</li>
    </ul>
  </div>`;
}

export function acquireChart(summaries: readonly Summary[]): Html {
  const label = summaries
    .map((s) => `${s.name} median ${nanoseconds(s.acquires.p50)}, 99th percentile ${nanoseconds(s.acquires.p99)}`)
    .join("; ");
  return html`<section class="card" aria-labelledby="acquire">
    <h2 id="acquire">How long an acquire takes</h2>
    <p class="quiet">
      Every request for bytes or a page, with the page's memory, and with the spill where one was needed:
      ${summaries.map((s) => `${grouped(s.acquires.count)} ${s.name}`).join(", ")}. Both axes are logarithmic.
    </p>
    <output>${HOW}</output>
    <div class="chart" id="acquires" tabindex="0" role="img" aria-label="Histogram of acquires: ${label}"></div>
    ${modeLegend(summaries)}
    <div class="scroll">
      <table>
        <thead>
          <tr>
            <th scope="col">not above</th>
            ${summaries.map((s) => html`<th scope="col">${s.name}</th>`)}
          </tr>
        </thead>
        <tbody>
          ${QUANTILES.map(
            ([key, title]) =>
              html`<tr>
                <th scope="row">${title}</th>
                ${summaries.map((s) => html`<td>${nanoseconds(s.acquires[key])}</td>`)}
              </tr>`,
          )}
        </tbody>
      </table>
    </div>
  </section>`;
}

const QUANTILES = [
  ["p50", "half (p50)"],
  ["p99", "99 % (p99)"],
  ["p999", "99.9 % (p99.9)"],
] as const;

export function pauseChart(summaries: readonly Summary[]): Html {
  const ms = (value: number): string => `${value.toFixed(2)} ms`;
  const label = summaries
    .map((s) => `${s.name} ${s.gc.count} pauses, ${ms(s.gc.totalMs)} in all, longest ${ms(s.gc.longestMs)}`)
    .join("; ");
  const kinds = GC_KINDS.filter((kind) => summaries.some((s) => s.gcByKind[kind].count > 0));
  return html`<section class="card" aria-labelledby="gc">
    <h2 id="gc">Pauses of the collector</h2>
    <p class="quiet">Over all measured rounds, one after another; each stem is a pause.</p>
    <output>${HOW}</output>
    <div class="chart" id="pauses" tabindex="0" role="img" aria-label="Collector pauses: ${label}"></div>
    ${modeLegend(summaries)}
    <div class="scroll">
      <table>
        <thead>
          <tr>
            <th scope="col">all rounds</th>
            ${summaries.map((s) => html`<th scope="col">${s.name}</th>`)}
          </tr>
        </thead>
        <tbody>
          ${kinds.map(
            (kind) =>
              html`<tr>
                <th scope="row">${GC_TITLES[kind]}</th>
                ${summaries.map(
                  ({ gcByKind: { [kind]: of } }) =>
                    html`<td>${of.count === 0 ? NOTHING : `${of.count} × ${ms(of.totalMs / of.count)}`}</td>`,
                )}
              </tr>`,
          )}
        </tbody>
      </table>
    </div>
  </section>`;
}

function modeLegend(summaries: readonly Summary[]): Html {
  return html`<ul class="legend">
    ${summaries.map(({ name }) => html`<li class="${modeClass(name)}"><span class="dot"></span>${name}</li>`)}
  </ul>`;
}
