// A table of figures that opens on a click, for pages of any kind.

import { grouped } from "../study/text.js";
import { html, type Html, type HtmlValue } from "./html.js";

/** Lines of a table; the raw rows hold the rest. */
const MOST_LINES = 200;

/** A table that opens on a click: a line for each of `items`; those beyond the most are counted. */
export function table<T>(
  id: string,
  title: string,
  head: readonly string[],
  items: readonly T[],
  lineOf: (item: T) => readonly HtmlValue[],
): Html {
  const shown = items.slice(0, MOST_LINES).map(lineOf);
  return html`<details>
    <summary>${title}: ${grouped(items.length)} ${items.length === 1 ? "line" : "lines"}</summary>
    <div class="scroll" role="region" aria-label="${title}" tabindex="0">
      <table id="${id}-table">
        <thead>
          <tr>
            ${head.map((each) => html`<th scope="col">${each}</th>`)}
          </tr>
        </thead>
        <tbody>
          ${shown.map(
            ([first, ...rest]) =>
              html`<tr>
                <th scope="row">${first!}</th>
                ${rest.map((each) => html`<td>${each}</td>`)}
              </tr>`,
          )}
        </tbody>
      </table>
    </div>
    ${
      items.length > shown.length
        ? html`<p class="quiet">${grouped(items.length - shown.length)} more are left out here.</p>`
        : null
    }
  </details>`;
}
