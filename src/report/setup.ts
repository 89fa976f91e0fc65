// What it ran with: the region of each mode drawn to scale beside what the rows would need, and the settings to repeat it.

import { humanBytes } from "../human.js";
import { type ModeResult, modeTitle, type Study } from "../study/study.js";
import { modeClass } from "./headline.js";
import { html, type Html } from "./html.js";

export function setup(study: Study): Html {
  const { machine, table } = study;
  const most = Math.max(study.neededBytes, ...study.modes.map((mode) => mode.layout.total));
  const keys = [...new Set(study.modes.flatMap((mode) => Object.keys(mode.conf)))].sort();
  return html`<section class="card" aria-labelledby="setup">
    <h2 id="setup">Configuration and layout</h2>
    <p class="quiet">
      Each region as it starts, and below it what sorting all ${humanBytes(table.recordBytes)} of rows at once would
      take: pages and a pointer array of ${humanBytes(study.neededBytes)}.
    </p>
    <div class="pair${study.modes.length === 1 ? " alone" : ""}">
      ${study.modes.map((mode) => region(mode, study, most))}
    </div>
    <div class="scroll">
      <table>
        <thead>
          <tr>
            <th scope="col">setting</th>
            ${study.modes.map(({ mode }) => html`<th scope="col">${modeTitle(mode)}</th>`)}
          </tr>
        </thead>
        <tbody>
          ${keys.map(
            (key) =>
              html`<tr>
                <th scope="row" class="wrap">${key}</th>
                ${study.modes.map(({ conf }) => html`<td class="wrap">${conf[key] ?? ""}</td>`)}
              </tr>`,
          )}
        </tbody>
      </table>
    </div>
    <p class="quiet">
      ${study.warmUps} rounds to warm up, then ${Math.max(0, ...study.modes.map((mode) => mode.rounds.length))}
      measured, the modes in turn, each in a process of its own; ${study.cores} ${study.cores === 1 ? "core" : "cores"}
      of the executor. A round lasts from the first insert until the last row was read and hashed.
    </p>
    <p class="quiet">
      Node ${machine.node} on ${machine.cpu}, ${machine.cores} cores, ${humanBytes(machine.memoryBytes)},
      ${machine.system}.
    </p>
  </section>`;
}

function region({ mode, layout }: ModeResult, { neededBytes }: Study, most: number): Html {
  const name = modeTitle(mode);
  const share = (bytes: number): string => `${((bytes / most) * 100).toFixed(2)}%`;
  const part = (bytes: number): string => `${((bytes / layout.total) * 100).toFixed(2)}%`;
  return html`<figure class="${modeClass(name)}" style="margin:0">
    <h3><span class="dot"></span>${name}: ${humanBytes(layout.total)}, pages of ${humanBytes(layout.pageBytes)}</h3>
    <div class="region" style="margin-top:8px">
      <div class="execution" style="width:${part(layout.execution)}">execution ${humanBytes(layout.execution)}</div>
      <div class="storage" style="width:${part(layout.storage)}">storage ${humanBytes(layout.storage)}</div>
    </div>
    <div
      style="margin-top:10px"
      role="img"
      aria-label="The region is ${humanBytes(layout.total)}, the rows need ${humanBytes(neededBytes)}"
    >
      <div class="fit" style="width:${share(layout.total)}"></div>
      <p class="scale">region</p>
      <div class="bar" style="width:${share(neededBytes)}"></div>
      <p class="scale">needed, ${(neededBytes / layout.total).toFixed(1)} times the region</p>
    </div>
  </figure>`;
}
