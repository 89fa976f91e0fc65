// The page of a study: who was faster, the pools over time, acquires and pauses, and every figure as a table.

import { type Study, summarise, verdict } from "../study/study.js";
import { acquireChart, pauseChart, poolCharts } from "./charts.js";
import { pageData } from "./data.js";
import { headline } from "./headline.js";
import { html } from "./html.js";
import { setup } from "./setup.js";
import { sheet } from "./sheet.js";
import { comparisonTable, rawFigures } from "./tables.js";

/** The page of a study, complete. */
export function reportPage(study: Study): string {
  const summaries = study.modes.map((mode) => summarise(mode, study.table, study.referenceHash));
  const measured = summaries.some((summary) => summary.rounds > 0);
  return sheet({
    kind: "study",
    title: verdict(study),
    sections: [
      headline(study, summaries),
      measured ? poolCharts(study) : null,
      measured ? html`<div class="pair">${acquireChart(summaries)} ${pauseChart(summaries)}</div>` : null,
      comparisonTable(study, summaries),
      setup(study),
      rawFigures(study),
    ],
    data: pageData(study),
    script: "study",
  });
}
