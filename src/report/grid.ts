// The page of the full study: its verdicts, then every setting with the ratio of the modes as a bar from end to end of its
// interval.

import { basename } from "node:path";
import type { GridResults } from "../study/grid/conduct.js";
import type { Ratio } from "../study/grid/contest.js";
import { gridTable, SETTING_COLUMNS } from "../study/grid/table.js";
import { endText, gridJson } from "../study/grid/text.js";
import { type Verdict, verdictsOf } from "../study/grid/verdicts.js";
import { humanBytes } from "../human.js";
import { html, type Html } from "./html.js";
import { sheet } from "./sheet.js";

/** The page, complete. */
export function gridPage(results: GridResults): string {
  const { experiment, contests } = results;
  return sheet({
    kind: "study",
    title: "On-heap against off-heap",
    sections: [overview(results), verdictCard(verdictsOf(experiment.axes, contests)), gridCard(results), raw(results)],
    data: gridJson(results),
    script: null,
  });
}

function overview(results: GridResults): Html {
  const { experiment, contests, unvisited, resumed, made } = results;
  return html`<h1>On-heap against off-heap</h1>
    <p class="lead">
      ${resumed + made} visits to ${contests.length} of ${contests.length + unvisited.length} settings;
      ${endText(results)}. ${humanBytes(experiment.dataBytes)} of rows a setting, seed ${experiment.seed}.
    </p>`;
}

function raw({ machine, file }: GridResults): Html {
  const name = basename(file);
  return html`<section class="card" aria-labelledby="raw">
    <h2 id="raw">Raw numbers</h2>
    <p class="quiet">
      Every repetition is in <a href="${encodeURIComponent(name)}">${name}</a>, beside this page. Node ${machine.node},
      ${machine.cpu}, ${machine.cores} cores, ${humanBytes(machine.memoryBytes)}, ${machine.system}.
    </p>
    <p>
      <button type="button" id="save" data-saves="data" data-as="${name.replace(/\.jsonl$/, "")}.json">
        Save what is shown as JSON
      </button>
    </p>
  </section>`;
}

/** Questions and answers */
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

/** The grid as a table */
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
