// The figures of a recording as tables, where its raw rows lie, and what can be saved.

import { humanBytes } from "../../human.js";
import { grouped } from "../../study/text.js";
import { FACT_KINDS, type FactKind } from "../../why/facts.js";
import { partyText } from "../../why/matrix.js";
import { html, type Html } from "../html.js";
import { table } from "../table.js";
import { MODES, modeText } from "../pools.js";
import { ranked, type RecordingData } from "./data.js";
import type { Digest } from "./digest.js";
import type { Source } from "./page.js";

const FACT_TITLES: Readonly<Record<FactKind, string>> = {
  asked: "requests for execution memory that were not simply granted",
  wanted: "requests for storage memory that were not simply granted",
  moved: "moves of the boundary",
  evicted: "evictions",
  short: "short grants",
  waits: "looks of a request that had to wait on",
  woken: "wakes of a request that waited",
  spilled: "spills",
  refused: "blocks refused",
  deadlock: "deadlocks",
  starved: "starvations noticed",
};

export function figures({ file, raw }: Source, digest: Digest, data: RecordingData): Html {
  const { story, tallies, peaks, rows } = digest;
  const save = `${file.replace(/(\.jsonl|\.causes)?(\.gz)?$/, "")}-drawn.json`;
  return html`<section class="card" aria-labelledby="raw">
    <h2 id="raw">Raw numbers</h2>
    ${table(
      "tasks",
      "By task",
      ["", "spills", "spilled", "evictions", "evicted", "waits", "rows waited", "short grants"],
      ranked(tallies),
      (each) => [
        partyText(each.party),
        grouped(each.spills),
        humanBytes(each.spilledBytes),
        grouped(each.evictions),
        humanBytes(each.evictedBytes),
        grouped(each.waits),
        grouped(each.waitedRows),
        grouped(each.shortGrants),
      ],
    )}
    ${table(
      "payments",
      "Who paid for whom, bytes",
      ["paid by", "for", "spilled", "evicted", "waited for"],
      story.payments,
      (each) => [
        partyText(each.payer),
        partyText(each.for),
        grouped(each.spilledBytes),
        grouped(each.evictedBytes),
        grouped(each.waitedBytes),
      ],
    )}
    ${table("peaks", "The most in use, bytes", ["", "execution", "at row", "storage", "at row"], MODES, (mode) => [
      modeText(mode),
      grouped(peaks[mode].executionUsed),
      grouped(peaks[mode].executionRow),
      grouped(peaks[mode].storageUsed),
      grouped(peaks[mode].storageRow),
    ])}
    ${table(
      "facts",
      "What was recorded",
      ["", "times"],
      [
        ["requests", rows] as const,
        ...FACT_KINDS.filter((kind) => story.counts[kind] > 0).map(
          (kind) => [FACT_TITLES[kind], story.counts[kind]] as const,
        ),
      ],
      ([what, times]) => [what, grouped(times)],
    )}
    <p class="quiet">
      The raw rows are in <a href="${encodeURIComponent(raw)}">${raw}</a>, beside this page. For any of them:
      <code>tungsten-memory explain ${raw} --row N</code>.
    </p>
    <p>
      <button type="button" id="save" data-saves="data" data-as="${save}">
        Save what is drawn as JSON (${grouped(data.pools.reduce((sum, { row }) => sum + row.length, 0))} states,
        ${grouped(data.events.row.length)} marks)
      </button>
    </p>
  </section>`;
}
