// The report: one file that needs nothing else and asks nobody for anything.

import { readFileSync } from "node:fs";
import { UPLOT_CSS, UPLOT_JS } from "../generated/uplot.js";
import { type Study, summarise, verdict } from "../study/study.js";
import { acquireChart, pauseChart, poolCharts } from "./charts.js";
import { pageData } from "./data.js";
import { headline } from "./headline.js";
import { html, jsonScript, trusted } from "./html.js";
import { setup } from "./setup.js";
import { STYLE } from "./style.js";
import { comparisonTable, rawFigures } from "./tables.js";

/** Forbids every request: what the page needs is in it. */
const POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:";

/** A system whose locale is no language tag makes uPlot fail as it loads. */
const LOCALE_GUARD = `try { new Intl.NumberFormat(navigator.language) }
catch { Object.defineProperty(navigator, "language", { value: "en-US" }) }`;

/** The page of a study, complete. Only the compiled library has the page's script beside it. */
export function reportPage(study: Study): string {
  const summaries = study.modes.map((mode) => summarise(mode, study.table, study.referenceHash));
  const measured = summaries.some((summary) => summary.rounds > 0);
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta http-equiv="Content-Security-Policy" content="${POLICY}" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <link rel="icon" href="data:," />
        <title>${verdict(study)}</title>
        <style>
          ${trusted(UPLOT_CSS)}
          ${trusted(STYLE)}
        </style>
      </head>
      <body>
        <header>
          <p class="eyebrow"><b>tungsten-memory</b> study</p>
          <button type="button" id="theme" aria-pressed="false">Dark theme</button>
        </header>
        <main>
          ${headline(study, summaries)} ${measured ? poolCharts(study) : null}
          ${measured ? html`<div class="pair">${acquireChart(summaries)} ${pauseChart(summaries)}</div>` : null}
          ${comparisonTable(study, summaries)} ${setup(study)} ${rawFigures(study)}
        </main>
        <footer>Charts drawn by uPlot (MIT licence, Leon Sorokin), which is part of this page.</footer>
        ${jsonScript("data", pageData(study))}
        <script>
          ${trusted(LOCALE_GUARD)};
          ${trusted(UPLOT_JS)};
        </script>
        <script type="module">
          ${trusted(pageScript())};
        </script>
      </body>
    </html>`.text.trimStart();
}

function pageScript(): string {
  return readFileSync(new URL("./client.js", import.meta.url), "utf8").replace(/^export \{\};?$/m, "");
}
