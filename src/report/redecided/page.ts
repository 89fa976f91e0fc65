// The page of a trace decided again under several policies: who answers as recorded and where others part, every figure side by
// side, and the pools of each policy over the same rows.

import { partingText, TALLY_FIGURES, type TallyFigure } from "../../lab/tally-figures.js";
import type { Outcome } from "../../lab/redecide.js";
import { grouped } from "../../study/text.js";
import { modeClass } from "../headline.js";
import { html, type Html } from "../html.js";
import { inkOf } from "../policies/data.js";
import type { RowPools } from "../pools.js";
import { sheet } from "../sheet.js";
import { table } from "../table.js";
import { HOW, zoomButtons } from "../zoom.js";
import type { RedecidedData } from "./data.js";

/** The page, complete. `raw`: the trace, as a link from the page. */
export function redecidedPage(data: RedecidedData, raw: string): string {
  return sheet({
    kind: "what-if",
    title: `${data.file}: ${verdict(data)}`,
    sections: [overview(data), sideBySide(data), pools(data), figures(data, raw)],
    data,
    script: "redecided",
  });
}

/** What there is to say first, in a line. */
export function verdict({ rows, outcomes }: RedecidedData): string {
  const [, ...policies] = outcomes;
  const alike = policies.filter(({ parts }) => parts === null).map(({ label }) => label);
  const asked = `${grouped(rows)} requests decided again`;
  if (alike.length === policies.length) return `${asked}: ${alike.join(", ")} as recorded.`;
  const others = `${policies.length - alike.length} of ${policies.length} policies part from the recording`;
  const rest = alike.length === 0 ? "" : `; ${alike.join(", ")} ${alike.length === 1 ? "does" : "do"} not`;
  return `${asked}: ${others}${rest}.`;
}

function overview(data: RedecidedData): Html {
  const broken = data.outcomes.filter(({ brokenLaws }) => brokenLaws.length > 0).map(({ label }) => label);
  return html`<h1>${verdict(data)}</h1>
    <p class="lead">
      <b>${data.file}</b>: the same requests in the same order under each policy, decided by the shipped manager. What a
      request asks stays as recorded, also where the other history would have asked something else.
    </p>
    <ul class="checks">
      ${data.interrupted ? html`<li class="bad">interrupted: what comes after row ${grouped(data.rows)} is left out</li>` : null}
      <li class="${broken.length === 0 ? "good" : "bad"}">
        ${broken.length === 0 ? "every law holds at the end of each" : `laws are broken under ${broken.join(", ")}`}
      </li>
    </ul>`;
}

function sideBySide({ outcomes }: RedecidedData): Html {
  const [compared, parting] = [TALLY_FIGURES.slice(0, -1), TALLY_FIGURES.at(-1)!];
  const differ = compared.filter(({ of }) => outcomes.some((outcome) => of(outcome) !== of(outcomes[0]!)));
  const alike = compared.filter((figure) => !differ.includes(figure));
  return html`<section class="card" aria-labelledby="side-by-side">
    <h2 id="side-by-side">Side by side</h2>
    <p class="quiet">A bar is as long as its figure, on a scale of its own for each.</p>
    <div class="forest tallies">${differ.map((figure) => bars(figure, outcomes))}</div>
    ${
      alike.length === 0
        ? null
        : html`<p class="quiet">
            The same everywhere: ${alike.map(({ title, tell }) => `${title} ${tell(outcomes[0]!)}`).join(", ")}.
          </p>`
    }
    <h3>Where each first parts</h3>
    <ul class="partings">
      ${outcomes.slice(1).map((outcome) => {
        const told = partingText(outcome);
        return told === null
          ? html`<li>${outcome.label} answers every row as recorded.</li>`
          : html`<li title="${parting.title}">${told.where}<br /><span class="quiet">${told.how}</span></li>`;
      })}
    </ul>
  </section>`;
}

function bars({ title, of, tell }: TallyFigure, outcomes: readonly Outcome[]): Html {
  const most = Math.max(1, ...outcomes.map(of));
  return html`<div class="figure">
    <h3>${title}</h3>
    ${outcomes.map(
      (outcome, i) =>
        html`<div class="policy tallied" style="--mode:var(--${inkOf(i)})">
          <span class="name"><span class="dot"></span>${outcome.label}</span>
          <svg class="range" role="img" aria-label="${outcome.label}: ${tell(outcome)}">
            <line x1="0" x2="100%" y1="9" y2="9" />
            <rect x="0" y="4" width="${((100 * of(outcome)) / most).toFixed(2)}%" height="10" rx="3" />
          </svg>
          <span class="value">${tell(outcome)}</span>
        </div>`,
    )}
  </div>`;
}

function pools({ rows, outcomes, pools: all, stateRows }: RedecidedData): Html {
  return html`<section class="card" aria-labelledby="pools">
    <h2 id="pools">Pools over the rows</h2>
    <p class="quiet">
      ${
        stateRows === 1
          ? "Every state is drawn."
          : `Drawn are of every ${grouped(stateRows)} rows the least and the greatest of each pool, and the last.`
      }
      A line stands where a policy first parts from the recording.
    </p>
    ${zoomButtons(rows)}
    <ul class="legend">
      <li><i class="used"></i>execution used</li>
      <li><i class="size"></i>execution pool; storage is what lies above</li>
      <li><i class="store"></i>storage used</li>
    </ul>
    <p class="quiet">${HOW}</p>
    ${outcomes.flatMap(({ label }, column) => all[column]!.map((of, mode) => poolChart(label, of, `${column}-${mode}`)))}
  </section>`;
}

function poolChart(label: string, { name, executionUsed, storageUsed }: RowPools, id: string): Html {
  const most = `${Math.max(...executionUsed)} bytes of execution and ${Math.max(...storageUsed)} of storage at the most`;
  return html`<div class="pools ${modeClass(name)}">
    <h3><span class="dot"></span>${label}, ${name}</h3>
    <output></output>
    <div class="chart" id="pools-${id}" tabindex="0" role="img" aria-label="${label}, ${name}: ${most}"></div>
  </div>`;
}

function figures({ outcomes, pools: all }: RedecidedData, raw: string): Html {
  const states = all.flat().reduce((sum, { row }) => sum + row.length, 0);
  return html`<section class="card" aria-labelledby="raw">
    <h2 id="raw">Raw numbers</h2>
    ${table("figures", "All figures", ["", ...outcomes.map(({ label }) => label)], TALLY_FIGURES, ({ title, tell }) => [
      title,
      ...outcomes.map(tell),
    ])}
    <p class="quiet">
      The requests and what was recorded are in <a href="${encodeURIComponent(raw)}">${raw}</a>, beside this page. A
      history of one policy, row by row: <code>tungsten-memory record --requests ${raw} --policy NAME</code>.
    </p>
    <p>
      <button type="button" id="save" data-saves="data" data-as="${raw.replace(/\.jsonl(?:\.gz)?$/, "")}-drawn.json">
        Save what is drawn as JSON (${grouped(states)} states)
      </button>
    </p>
  </section>`;
}
