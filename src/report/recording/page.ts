// The page of a recording: what happened how often, the pools over its rows with the events in them, a lane for each task, who
// paid for whom, the largest spills in words, and the figures as tables.

import { humanBytes } from "../../human.js";
import type { TraceHeader } from "../../trace/format.js";
import { grouped } from "../../study/text.js";
import { matrixOf, OTHERS } from "../../why/matrix.js";
import { html, type Html } from "../html.js";
import { sheet } from "../sheet.js";
import { rowCharts } from "./charts.js";
import { recordingData } from "./data.js";
import type { Digest } from "./digest.js";
import { figures } from "./tables.js";

/** Where a recording comes from and what is beside its page. */
export interface Source {
  /** Its name, as the page tells it. */
  readonly file: string;
  /** Where its raw rows lie, as a link from the page. */
  readonly raw: string;
  readonly header: TraceHeader;
  /** Rows that this library answers differently than a plain trace says. */
  readonly different: number;
}

/** The page of a recording that has been read to its end. */
export function recordingPage(source: Source, digest: Digest): string {
  const data = recordingData(source.file, digest);
  return sheet({
    kind: "recording",
    title: `${source.file}: ${verdict(digest)}`,
    sections: [
      overview(source, digest),
      rowCharts(data, digest),
      matrix(digest),
      inWords(digest),
      figures(source, digest, data),
    ],
    data,
    script: "recording",
  });
}

const count = (n: number, one: string, many: string = `${one}s`): string => `${grouped(n)} ${n === 1 ? one : many}`;

/** What there is to say first, in a line. */
export function verdict({ rows, story: { counts } }: Digest): string {
  const asked = `${count(rows, "request")}: ${count(counts.spilled, "spill")}, ${count(counts.evicted, "eviction")}`;
  const trouble = [
    ...(counts.deadlock > 0 ? [count(counts.deadlock, "deadlock")] : []),
    ...(counts.starved > 0 ? [count(counts.starved, "starvation")] : []),
  ];
  return trouble.length === 0 ? `${asked}, nobody starved.` : `${asked}, ${trouble.join(" and ")}.`;
}

function overview({ file, header, different }: Source, digest: Digest): Html {
  const { story, tallies, peaks, stillWaiting } = digest;
  const { counts } = story;
  const sum = (of: (each: (typeof tallies)[number]) => number): number =>
    tallies.reduce((total, each) => total + of(each), 0);
  const item = (kind: "good" | "bad" | "", text: string): Html => html`<li class="${kind}">${text}</li>`;
  const who = [
    `Spark ${header.generation}'s rules`,
    ...(header.policy === undefined ? [] : [`policy ${header.policy}`]),
    ...(header.spillOrder === undefined ? [] : [`spilling ${header.spillOrder}`]),
    ...(header.manager === "static" ? ["static manager"] : []),
    count(header.cores, "core"),
  ].join(", ");
  return html`<h1>${verdict(digest)}</h1>
    <p class="lead"><b>${file}</b>, recorded by ${header.engine}: ${who}.</p>
    <ul class="checks">
      ${counts.deadlock === 0 ? item("good", "no deadlock") : item("bad", count(counts.deadlock, "deadlock"))}
      ${
        counts.starved === 0
          ? item("good", "no task starved")
          : item("bad", `starvation was noticed ${count(counts.starved, "time")}`)
      }
      ${stillWaiting === 0 ? null : item("bad", `${count(stillWaiting, "request")} still waited at the end`)}
      ${
        different === 0
          ? null
          : item(
              "bad",
              `this library answers ${count(different, "row")} differently: the causes are of its own answers`,
            )
      }
    </ul>
    <section class="card" aria-label="In short">
      <dl class="facts">
        ${fact("spilled", humanBytes(sum((each) => each.spilledBytes)))}
        ${fact("evicted", humanBytes(sum((each) => each.evictedBytes)))} ${fact("short grants", grouped(counts.short))}
        ${fact("waits", grouped(sum((each) => each.waits)))} ${fact("blocks refused", grouped(counts.refused))}
        ${fact("moves of the boundary", grouped(counts.moved))}
        ${fact("most execution", peakText(peaks.onHeap.executionUsed, peaks.offHeap.executionUsed))}
        ${fact("most storage", peakText(peaks.onHeap.storageUsed, peaks.offHeap.storageUsed))}
      </dl>
    </section>`;
}

function peakText(onHeap: number, offHeap: number): string {
  if (offHeap === 0) return humanBytes(onHeap);
  return onHeap === 0 ? `${humanBytes(offHeap)} off-heap` : `${humanBytes(onHeap)}, off-heap ${humanBytes(offHeap)}`;
}

function fact(what: string, value: string): Html {
  return html`<div>
    <dt>${what}</dt>
    <dd>${value}</dd>
  </div>`;
}

function matrix({ story: { payments } }: Digest): Html | null {
  if (payments.length === 0) return null;
  const { names, cells } = matrixOf(payments);
  const all = (paid: readonly number[]): number => paid.reduce((sum, bytes) => sum + bytes, 0);
  // Next to what all others paid together, no task's field would show.
  const shown = names.at(-1) === OTHERS ? -1 : undefined;
  const most = Math.max(1, ...cells.slice(0, shown).flatMap((line) => line.slice(0, shown).map(all)));
  return html`<section class="card" aria-labelledby="paid">
    <h2 id="paid">Who paid for whom</h2>
    <p class="quiet">
      Each line is a task that gave memory up or waited, each column the one for whose sake. Storage stands for blocks
      of no known task. The darker a field, the more bytes.
    </p>
    <ul class="legend">
      <li><i class="spill"></i>spilled</li>
      <li><i class="store"></i>evicted</li>
      <li><i class="wait"></i>waited for</li>
    </ul>
    <div class="scroll" role="region" aria-labelledby="paid" tabindex="0">
      <table id="matrix">
        <thead>
          <tr>
            <th scope="col">paid by</th>
            ${names.map((name) => html`<th scope="col">for ${name}</th>`)}
          </tr>
        </thead>
        <tbody>
          ${cells.map(
            (line, i) =>
              html`<tr>
                <th scope="row">${names[i]!}</th>
                ${line.map((paid) => html`<td style="--share:${shade(all(paid), most)}%">${paidText(paid)}</td>`)}
              </tr>`,
          )}
        </tbody>
      </table>
    </div>
  </section>`;
}

/** How dark a field is, in percent: as the square root, so that small payments show beside large ones. */
function shade(bytes: number, most: number): string {
  return (Math.sqrt(Math.min(1, bytes / most)) * 45).toFixed(1);
}

const PAID = ["spill", "store", "wait"] as const;
const PAID_TITLES = ["spilled", "evicted", "waited for"] as const;

function paidText(paid: readonly number[]): Html {
  if (paid.every((bytes) => bytes === 0)) return html`·`;
  const parts = paid.flatMap((bytes, i) =>
    bytes === 0 ? [] : [html`<span class="${PAID[i]!}" title="${PAID_TITLES[i]!}">${humanBytes(bytes)}</span>`],
  );
  return html`${parts}`;
}

/** Chains that are told. */
const MOST_CHAINS = 12;

function inWords({ story: { largest, trouble } }: Digest): Html | null {
  const told = [...trouble.slice(0, MOST_CHAINS), ...largest];
  if (told.length === 0) return null;
  return html`<section class="card" aria-labelledby="words">
    <h2 id="words">Why, in words</h2>
    <p class="quiet">
      ${trouble.length === 0 ? "" : `${trouble.length > MOST_CHAINS ? `The first ${MOST_CHAINS} deadlocks and starvations` : "Deadlocks and starvations"}, then the `}${trouble.length === 0 ? "The " : ""}largest
      spills, each with what led to it, the latest first.
    </p>
    ${told.map(
      ({ row, chain: [first, ...before] }) =>
        html`<div class="chain">
          <p><b>Row ${grouped(row)}</b> ${first!}.</p>
          ${
            before.length === 0
              ? null
              : html`<details>
                  <summary>What led to it: ${count(before.length, "step")}</summary>
                  <ol>
                    ${before.map((each) => html`<li>${each}</li>`)}
                  </ol>
                </details>`
          }
        </div>`,
    )}
  </section>`;
}
