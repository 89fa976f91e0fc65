// What stands beside drawings over rows: how they are used, and the buttons that say which rows.

import { grouped } from "../study/text.js";
import { html, type Html } from "./html.js";

export const HOW =
  "Move over it; drag to zoom, double-click for all. With keys: arrows, + and −, Shift and arrows to move along, 0 for all.";

export function zoomButtons(rows: number): Html {
  const button = (what: string, label: string, text: string): Html =>
    html`<button type="button" data-zoom="${what}" aria-label="${label}">${text}</button>`;
  return html`<div class="zoom" role="group" aria-label="Rows that are drawn">
    ${button("in", "Zoom in", "+")} ${button("out", "Zoom out", "−")} ${button("back", "Earlier rows", "◀")}
    ${button("on", "Later rows", "▶")} ${button("all", "All rows", "All")}
    <span class="rows">rows 0 to ${grouped(rows)}</span>
  </div>`;
}
