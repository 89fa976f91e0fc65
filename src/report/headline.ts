// The first thing on the page: who was faster, by how much, and whether the figures can be believed.

import { humanBytes } from "../human.js";
import { cautions, countingRounds, pressure, type Study, type Summary, verdict } from "../study/study.js";
import { grouped, millions, nanoseconds } from "../study/text.js";
import { html, type Html } from "./html.js";

export function headline(study: Study, summaries: readonly Summary[]): Html {
  const { table } = study;
  const fastest = Math.max(1, ...summaries.map((s) => s.rowsPerSecond.most).filter(Number.isFinite));
  return html`<h1>${unbroken(verdict(study))}</h1>
    <p class="lead">
      ${grouped(table.rows)} rows of ${table.source}, sorted by <b>${table.key}</b>. ${pressure(study)}.
    </p>
    <ul class="checks">
      ${checks(study, summaries)}
    </ul>
    <section class="pair${summaries.length === 1 ? " alone" : ""}" aria-label="The modes in short">
      ${summaries.map((summary, i) => modeCard(summary, rates(study, i), fastest))}
    </section>`;
}

/** The text with its modes kept from being broken at the hyphen. */
function unbroken(text: string): Html[] {
  return text
    .split(/(o[nf]f?-heap)/i)
    .map((part, i) => (i % 2 === 1 ? html`<span class="nowrap">${part}</span>` : html`${part}`));
}

/** `on` or `off`: the class that gives a mode its colour. */
export function modeClass(name: string): string {
  return name === "on-heap" ? "on" : "off";
}

function modeCard(summary: Summary, each: readonly number[], fastest: number): Html {
  const { rowsPerSecond, rounds, name } = summary;
  if (rounds === 0) {
    return html`<article class="card mode ${modeClass(name)}">
      <h2><span class="dot"></span>${name}</h2>
      <p class="quiet">No round under memory pressure.</p>
    </article>`;
  }
  return html`<article class="card mode ${modeClass(name)}">
    <h2><span class="dot"></span>${name}</h2>
    <p class="rate"><b>${millions(rowsPerSecond.median)}</b> million rows/s, median of ${rounds} rounds</p>
    ${strip(each, rowsPerSecond.median, fastest)}
    <dl class="facts">
      ${fact("spills a round", grouped(summary.spills))}
      ${fact("to disk a round", humanBytes(Math.round(summary.diskBytesSpilled)))}
      ${fact("GC a round", `${(summary.gc.totalMs / rounds).toFixed(1)} ms`)}
      ${fact("acquire p99", nanoseconds(summary.acquires.p99))}
    </dl>
  </article>`;
}

function fact(what: string, value: string): Html {
  return html`<div>
    <dt>${what}</dt>
    <dd>${value}</dd>
  </div>`;
}

/** Every round as a dot on a scale from nothing to the fastest of all modes, the median as a bar. */
function strip(each: readonly number[], median: number, fastest: number): Html {
  const x = (rate: number): string => `${((rate / fastest) * 100).toFixed(2)}%`;
  const label = `Rounds from ${millions(Math.min(...each))} to ${millions(Math.max(...each))} million rows/s`;
  return html`<svg class="strip" role="img" aria-label="${label}">
      <line x1="0" x2="100%" y1="17" y2="17" />
      ${each.map((rate) => html`<circle cx="${x(rate)}" cy="17" r="5"><title>${grouped(rate)} rows/s</title></circle>`)}
      <rect x="${x(median)}" y="5" width="3" height="24" rx="1.5" transform="translate(-1.5)">
        <title>median ${grouped(median)} rows/s</title>
      </rect>
    </svg>
    <p class="ends" aria-hidden="true"><span>0</span><span>${millions(fastest)} M rows/s</span></p>`;
}

function checks(study: Study, summaries: readonly Summary[]): Html[] {
  const item = (kind: "good" | "bad" | "", text: string): Html => html`<li class="${kind}">${text}</li>`;
  const measured = summaries.filter((s) => s.rounds + s.vacuous.length > 0);
  const wrong = measured.filter((s) => !s.sameAsReference);
  return [
    ...wrong.map((s) => item("bad", `${s.name}: rows differ from the in-memory sort`)),
    ...(wrong.length === 0 && measured.length > 0
      ? [item("good", `every output equals the in-memory sort (${study.referenceHash})`)]
      : []),
    ...measured.flatMap((s) =>
      s.vacuous.map(({ why, rounds }) =>
        item("bad", `${s.name}: ${rounds} of ${rounds + s.rounds} rounds left out, ${why}`),
      ),
    ),
    ...(measured.length > 0 && measured.every((s) => s.vacuous.length === 0)
      ? [item("good", "every round reached its budget and spilled")]
      : []),
    ...cautions(study).map((caution) => item("", caution)),
  ];
}

function rates(study: Study, mode: number): number[] {
  return countingRounds(study.modes[mode]!).map((round) => study.table.rows / round.seconds);
}
