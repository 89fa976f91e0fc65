// The page of the full study: its verdicts, then every setting with the ratio of the modes as a bar from end to end of its
// interval. It needs no script, and like the other page asks nobody for anything.

import type { GridResults } from "../study/grid/conduct.js";
import type { Ratio } from "../study/grid/contest.js";
import { gridTable, SETTING_COLUMNS } from "../study/grid/table.js";
import { endText } from "../study/grid/text.js";
import { type Verdict, verdictsOf } from "../study/grid/verdicts.js";
import { humanBytes } from "../human.js";
import { html, type Html, trusted } from "./html.js";
import { STYLE } from "./style.js";

const POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:";

const GRID_STYLE = `
.ratio { display: block; width: 180px; height: 16px; }
.ratio line { stroke: var(--line); stroke-width: 1; }
.ratio .even { stroke: var(--muted); }
.ratio rect, .ratio circle { fill: var(--mode, var(--muted)); }
.ratio rect { fill-opacity: .4; }
.verdicts dt { color: var(--muted); font-size: 13.5px; margin-top: 12px; }
.verdicts dd { margin: 0; }
`;

/** The page, complete. */
export function gridPage(results: GridResults): string {
  const { experiment, machine, contests, unvisited, resumed, made } = results;
  const verdicts = verdictsOf(experiment.axes, contests);
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta http-equiv="Content-Security-Policy" content="${POLICY}" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <link rel="icon" href="data:," />
        <title>On-heap against off-heap</title>
        <style>
          ${trusted(STYLE + GRID_STYLE)}
        </style>
      </head>
      <body>
        <header>
          <p class="eyebrow"><b>tungsten-memory</b> study</p>
        </header>
        <main>
          <h1>On-heap against off-heap</h1>
          <p class="lead">
            ${resumed + made} visits to ${contests.length} of ${contests.length + unvisited.length} settings;
            ${endText(results)}. ${humanBytes(experiment.dataBytes)} of rows a setting, seed ${experiment.seed}.
          </p>
          ${verdictCard(verdicts)} ${gridCard(results)}
        </main>
        <footer>
          Node ${machine.node}, ${machine.cpu}, ${machine.cores} cores, ${humanBytes(machine.memoryBytes)},
          ${machine.system}. Every repetition: ${results.file}.
        </footer>
      </body>
    </html>`.text.trimStart();
}

/** Questions and answers; a part of any page. */
export function verdictCard(verdicts: readonly Verdict[]): Html {
  return html`<section class="card" aria-labelledby="verdicts">
    <h2 id="verdicts">Verdicts</h2>
    <dl class="verdicts">
      ${verdicts.map(
        ({ question, answer }) =>
          html`<dt>${question}</dt>
            <dd>${answer}</dd>`,
      )}
    </dl>
  </section>`;
}

/** The grid as a table; a part of any page. */
export function gridCard({ contests }: Pick<GridResults, "contests">): Html {
  const { columns, rows } = gridTable(contests);
  const split = <T>(list: readonly T[], put: T | Html, as: (one: T | Html, column: number) => Html): Html[] =>
    [...list.slice(0, SETTING_COLUMNS), put, ...list.slice(SETTING_COLUMNS)].map(as);
  return html`<section class="card" aria-labelledby="grid">
    <h2 id="grid">Settings</h2>
    <p class="quiet">
      Bars are rows per second off-heap over on-heap: 95 % bootstrap intervals from 1/4 to 4, even in the middle. GC is
      full + young collections a task and their share of its time; p99 is of a batch of rows.
    </p>
    <div class="scroll">
      <table id="grid-table">
        <thead>
          <tr>
            ${split<string>(columns, "1/4 to 4", (title) => html`<th scope="col">${title}</th>`)}
          </tr>
        </thead>
        <tbody>
          ${rows.map(
            ({ cells, notes }, i) =>
              html`<tr>
                  ${split<string>(cells, ratioBar(contests[i]!.speed), tableCell)}
                </tr>
                ${notes.map(
                  (note) =>
                    html`<tr class="detail">
                      <td class="wrap" colspan="${columns.length + 1}">${note}</td>
                    </tr>`,
                )}`,
          )}
        </tbody>
      </table>
    </div>
  </section>`;
}

function tableCell(cell: string | Html, column: number): Html {
  return column === 0 ? html`<th scope="row">${cell}</th>` : html`<td>${cell}</td>`;
}

/** The scale goes from one over this to this. */
const SCALE_END = 4;

function ratioBar({ median, low, high, outcome }: Ratio): Html {
  if (!Number.isFinite(median * low * high)) return html``;
  const x = (ratio: number): number => Math.min(100, Math.max(0, 50 + (50 * Math.log2(ratio)) / Math.log2(SCALE_END)));
  const mode = outcome === "off-heap" ? "off" : outcome === "on-heap" ? "on" : "";
  const text = `${median.toFixed(2)}, from ${low.toFixed(2)} to ${high.toFixed(2)}`;
  return html`<svg class="ratio ${mode}" role="img" aria-label="${text}">
    <title>${text}</title>
    <line x1="0" x2="100%" y1="8" y2="8" />
    <line class="even" x1="50%" x2="50%" y1="0" y2="16" />
    <rect x="${x(low).toFixed(1)}%" y="5" width="${(x(high) - x(low)).toFixed(1)}%" height="6" rx="3" />
    <circle cx="${x(median).toFixed(1)}%" cy="8" r="4" />
  </svg>`;
}
