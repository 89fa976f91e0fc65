// The figures as tables: the comparison that the terminal prints, and every round as it was measured.

import { humanBytes } from "../human.js";
import { type Round, vacuityOf } from "../study/round.js";
import { modeTitle, type Study, type Summary } from "../study/study.js";
import { comparison, grouped, NOTHING } from "../study/text.js";
import { modeClass } from "./headline.js";
import { html, type Html, jsonScript } from "./html.js";
import { studyJson } from "../study/json.js";

export function comparisonTable({ disk }: Study, summaries: readonly Summary[]): Html {
  const [header, ...rows] = comparison(summaries);
  const rate = (bytesPerSecond: number): string => `${(bytesPerSecond / 1e6).toFixed(0)} MB/s`;
  return html`<section class="card" aria-labelledby="comparison">
    <h2 id="comparison">Comparison</h2>
    <div class="scroll" role="region" aria-labelledby="comparison" tabindex="0">
      <table id="comparison-table">
        <caption>
          Medians of the rounds that count, unless a line says otherwise.
        </caption>
        <thead>
          <tr>
            <th scope="col"></th>
            ${header!.values.map((name) => html`<th scope="col" class="${modeClass(name)}"><span class="dot"></span>${name}</th>`)}
          </tr>
        </thead>
        <tbody>
          ${rows.map(
            ({ what, detail, values }) =>
              html`<tr class="${detail ? "detail" : "whole"}">
                <th scope="row">${what}</th>
                ${values.map((value) => html`<td>${value}</td>`)}
              </tr>`,
          )}
          ${
            disk === null
              ? null
              : html`<tr class="whole">
                  <th scope="row">spill rate, calls to the disk</th>
                  ${summaries.map((s) => html`<td>${s.rounds === 0 ? NOTHING : rate(s.spillBytesPerSecond)}</td>`)}
                </tr>`
          }
        </tbody>
      </table>
    </div>
    ${
      disk === null
        ? null
        : html`<p class="quiet">
            The disk itself takes ${humanBytes(disk.bytes)}, what a round spills, at ${rate(disk.writeBytesPerSecond)}
            as spill files are written, and at ${rate(disk.syncedBytesPerSecond)} with fdatasync at the end.
          </p>`
    }
  </section>`;
}

export function rawFigures(study: Study): Html {
  return html`<section class="card" aria-labelledby="raw">
    <h2 id="raw">Raw figures</h2>
    ${study.modes.map(
      (mode) =>
        html`<details class="${modeClass(modeTitle(mode.mode))}">
          <summary><span class="dot"></span>${modeTitle(mode.mode)}: ${mode.rounds.length} rounds</summary>
          <div class="scroll">
            <table>
              <thead>
                <tr>
                  ${["round", "ms", "until last insert", "rows/s", "spills", "to disk", "GC", "acquires", "resident", ""].map((title) => html`<th scope="col">${title}</th>`)}
                </tr>
              </thead>
              <tbody>
                ${mode.rounds.map(
                  (round, i) =>
                    html`<tr>
                      <th scope="row">${i + 1}</th>
                      <td>${(round.seconds * 1000).toFixed(1)}</td>
                      <td>${(round.insertSeconds * 1000).toFixed(1)}</td>
                      <td>${grouped(study.table.rows / round.seconds)}</td>
                      <td>${round.spills}</td>
                      <td>${humanBytes(round.diskBytesSpilled)}</td>
                      <td>${collections(round)}</td>
                      <td>${round.acquires.counts.reduce((sum, count) => sum + count, 0)}</td>
                      <td>${humanBytes(round.residentBytes)}</td>
                      <td>${vacuityOf(round)}</td>
                    </tr>`,
                )}
              </tbody>
            </table>
          </div>
        </details>`,
    )}
    <p><button type="button" id="save" data-saves="figures" data-as="study.json">Save all figures as JSON</button></p>
    ${jsonScript("figures", studyJson(study))}
  </section>`;
}

function collections({ gc }: Round): string {
  return gc.length === 0
    ? NOTHING
    : `${gc.length} in ${gc.reduce((sum, pause) => sum + pause.durationMs, 0).toFixed(1)} ms`;
}
