// The page of the full study: its verdicts, then every setting with the ratio of the modes as a bar from end to end of its
// interval, then all that was measured as tables.

import { basename } from "node:path";
import { GC_KINDS } from "../study/gc.js";
import type { GridResults } from "../study/grid/conduct.js";
import type { CellSummary, Contest, Outcome, Quantiles, Ratio } from "../study/grid/contest.js";
import { nameOf } from "../study/grid/setting.js";
import { BATCH_ROWS } from "../study/grid/work.js";
import { grouped, millions, nanoseconds } from "../study/text.js";
import { modeText } from "../why/tell.js";
import { gridTable, SETTING_COLUMNS } from "../study/grid/table.js";
import { endText, gridJson } from "../study/grid/text.js";
import { LIMIT_WORDS, type Verdict, verdictsOf } from "../study/grid/verdicts.js";
import { humanBytes } from "../human.js";
import { html, type Html } from "./html.js";
import { sheet } from "./sheet.js";
import { table } from "./table.js";

/** The page, complete. */
export function gridPage(results: GridResults): string {
  const { experiment, contests } = results;
  return sheet({
    kind: "study",
    title: "On-heap against off-heap",
    sections: [
      overview(results),
      verdictCard(verdictsOf(experiment.axes, contests)),
      gridCard(results),
      figuresCard(results),
    ],
    data: gridJson({ ...results, file: basename(results.file) }),
    script: null,
  });
}

function overview(results: GridResults): Html {
  const { experiment, machine, contests, unvisited, resumed, made } = results;
  return html`<h1>${headline(contests)}</h1>
    <p class="lead">
      ${resumed + made} visits to ${contests.length} of ${contests.length + unvisited.length} settings;
      ${endText(results)}. ${humanBytes(experiment.dataBytes)} of rows a setting, seed ${experiment.seed}.
    </p>
    <p class="quiet">
      Node ${machine.node}, ${machine.cpu}, ${machine.cores} cores, ${humanBytes(machine.memoryBytes)},
      ${machine.system}.
    </p>`;
}

/** What there is to say first, in a line: how many settings each mode is faster in. */
function headline(contests: readonly Contest[]): string {
  const settings = `${contests.length} ${contests.length === 1 ? "setting" : "settings"}`;
  const parts = (["off-heap", "on-heap", "alike", "open"] as const).flatMap((said) => {
    const count = contests.filter(({ speed }) => SAID[speed.outcome] === said).length;
    if (count === 0) return [];
    if (said === "open") return [`${count} not decided`];
    return [said === "alike" ? `${count} alike` : `${said} is faster in ${count}`];
  });
  return parts.length === 0 ? "Nothing was measured." : `Of ${settings}: ${parts.join(", ")}.`;
}

const SAID: Readonly<Record<Outcome, "off-heap" | "on-heap" | "alike" | "open">> = {
  "off-heap": "off-heap",
  "on-heap": "on-heap",
  alike: "alike",
  undecided: "open",
  missing: "open",
};

/** Questions and answers; a part of any page. */
function verdictCard(verdicts: readonly Verdict[]): Html {
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
    <div class="scroll" role="region" aria-labelledby="grid" tabindex="0">
      <table id="grid-table">
        <thead>
          <tr>
            ${split<string>(columns, "1/4 to 4", headCell)}
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

function headCell(title: string | Html): Html {
  return html`<th scope="col">${title}</th>`;
}

/** All figures of each cell, and where the repetitions behind them lie. */
function figuresCard({ contests, file }: Pick<GridResults, "contests" | "file">): Html {
  const cells = contests.flatMap((contest) =>
    (["onHeap", "offHeap"] as const).map((mode) => ({ setting: contest.setting, mode, cell: contest[mode] })),
  );
  const counting = cells.filter(({ cell }) => cell.repetitions > 0);
  const figures = (id: string, title: string, head: readonly string[], of: (cell: CellSummary) => readonly string[]) =>
    table(id, title, ["setting", "mode", ...head], counting, ({ setting, mode, cell }) => [
      nameOf(setting),
      modeText(mode),
      ...of(cell),
    ]);
  const times = ({ count, p50, p90, p99, p999 }: Quantiles): string[] => [
    grouped(count),
    ...[p50, p90, p99, p999].map(nanoseconds),
  ];
  const results = basename(file);
  const save = `${results.replace(/\.jsonl$/, "")}.json`;
  return html`<section class="card" aria-labelledby="raw">
    <h2 id="raw">Raw numbers</h2>
    <p class="quiet">Medians of the repetitions that count, unless a title says otherwise.</p>
    ${figures(
      "work",
      "Work",
      ["repetitions", "M rows/s", "95 %", "CPU s / M rows", "spills", "spilled", "to disk"],
      (cell) => [
        grouped(cell.repetitions),
        millions(cell.rowsPerSecond.median),
        `${millions(cell.rowsPerSecond.low)} to ${millions(cell.rowsPerSecond.high)}`,
        cell.cpuSecondsPerMillionRows.toFixed(2),
        grouped(cell.spills),
        humanBytes(cell.memoryBytesSpilled),
        humanBytes(cell.diskBytesSpilled),
      ],
    )}
    ${figures(
      "gc",
      "Garbage collection, of all repetitions",
      [...GC_KINDS.flatMap((kind) => [kind, "ms"]), "longest", "share of task time", "thresholds broken"],
      ({ gc }) => [
        ...GC_KINDS.flatMap((kind) => [grouped(gc.byKind[kind].count), gc.byKind[kind].totalMs.toFixed(0)]),
        `${gc.longestMs.toFixed(1)} ms`,
        `${(100 * gc.share).toFixed(1)} %`,
        gc.broken.map((limit) => LIMIT_WORDS[limit]).join(", ") || "none",
      ],
    )}
    ${figures("acquires", "Acquiring memory", ["calls", "p50", "p90", "p99", "p99.9"], ({ acquires }) => times(acquires))}
    ${figures("batches", `Batches of ${BATCH_ROWS} rows`, ["batches", "p50", "p90", "p99", "p99.9"], ({ batches }) => times(batches))}
    ${figures(
      "memory",
      "Memory",
      [
        "live objects",
        "resident before",
        "at most",
        "heap committed",
        "arena",
        "fragmentation",
        "peak",
        "minor faults",
        "major",
      ],
      (cell) => [
        humanBytes(cell.ballastBytes),
        humanBytes(cell.residentBaseBytes),
        humanBytes(cell.residentPeakBytes),
        humanBytes(cell.heapBytes),
        cell.arenaBytes === null ? "-" : humanBytes(cell.arenaBytes),
        `${(100 * cell.fragmentation).toFixed(0)} %`,
        humanBytes(cell.peakBytes),
        grouped(cell.minorFaults),
        grouped(cell.majorFaults),
      ],
    )}
    <p class="quiet">
      Fragmentation is the arena's off-heap and V8's on-heap: not the same thing, shown and not compared. Every
      repetition is a line of <a href="${encodeURIComponent(results)}">${results}</a>, beside this page.
    </p>
    <p><button type="button" id="save" data-saves="data" data-as="${save}">Save all figures as JSON</button></p>
  </section>`;
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
