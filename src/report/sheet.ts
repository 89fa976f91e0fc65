// A page of any kind: one file that needs nothing else and asks nobody for anything. What is in it is a list of sections, each
// made by a pure function from results to markup; what its script draws from lies in it as JSON.

import { readFileSync } from "node:fs";
import { UPLOT_CSS, UPLOT_JS } from "../generated/uplot.js";
import { html, type Html, jsonScript, trusted } from "./html.js";
import { STYLE } from "./style.js";

/** Forbids every request: what the page needs is in it. */
const POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:";

/** A system whose locale is no language tag makes uPlot fail as it loads. */
const LOCALE_GUARD = `try { new Intl.NumberFormat(navigator.language) }
catch { Object.defineProperty(navigator, "language", { value: "en-US" }) }`;

/** What a page's script is made of, by what it is called: each needs those before it. */
const PARTS = {
  study: ["page", "plots", "study"],
  recording: ["page", "plots", "rows", "recording"],
  policies: ["page", "plots", "policies"],
  redecided: ["page", "plots", "rows", "redecided"],
} as const;

export interface Sheet {
  /** What kind of page it is, in a word. */
  readonly kind: string;
  readonly title: string;
  readonly sections: readonly (Html | null)[];
  /** What the page's script draws from, and what may be saved. */
  readonly data: unknown;
  /** The file of `client/` that draws charts; null where there are none to draw. */
  readonly script: keyof typeof PARTS | null;
}

const CHARTS = html`<footer>Charts drawn by uPlot (MIT licence, Leon Sorokin), which is part of this page.</footer>
  <script>
    ${trusted(LOCALE_GUARD)};
    ${trusted(UPLOT_JS)};
  </script>`;

/** The page, complete. */
export function sheet({ kind, title, sections, data, script }: Sheet): string {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta http-equiv="Content-Security-Policy" content="${POLICY}" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <link rel="icon" href="data:," />
        <title>${title}</title>
        <style>
          ${trusted(UPLOT_CSS)}
          ${trusted(STYLE)}
        </style>
      </head>
      <body>
        <header>
          <p class="eyebrow"><b>tungsten-memory</b> ${kind}</p>
          <button type="button" id="theme" aria-pressed="false">Dark theme</button>
        </header>
        <main>${sections}</main>
        ${jsonScript("data", data)} ${script === null ? null : CHARTS}
        <script type="module">
          ${trusted((script === null ? ["page"] : PARTS[script]).map(scriptText).join("\n"))};
          finish();
        </script>
      </body>
    </html>`.text.trimStart();
}

/** The compiled scripts; run from its source, the library takes those of the last build. */
const SCRIPTS = new URL(import.meta.url.endsWith(".ts") ? "../../dist/report/client/" : "./client/", import.meta.url);

/** A compiled script of the page as part of one scope: without imports, and nothing exported. */
function scriptText(name: string): string {
  return readFileSync(new URL(`${name}.js`, SCRIPTS), "utf8")
    .replaceAll(/^import [^;]*;$/gm, "")
    .replaceAll(/^export \{\};?$/gm, "")
    .replaceAll(/^export (?=(?:function|const) )/gm, "");
}
