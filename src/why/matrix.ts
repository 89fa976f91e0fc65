// Who paid for whom as a square: those who matter most have a line and a column each, the others share one.

import type { Party, Payment } from "./story.js";

/** Parties that have a line of their own. */
const MOST_PARTIES = 12;

/** The name of those who share a line. */
export const OTHERS = "others";

/** What one party paid for another: bytes spilled, evicted and waited for. */
export type Paid = [spilledBytes: number, evictedBytes: number, waitedBytes: number];

export interface Matrix {
  /** Tasks in order, storage, then OTHERS where there are any. */
  readonly names: readonly string[];
  /** A line for each payer, a column for each that it was paid for. */
  readonly cells: readonly (readonly Readonly<Paid>[])[];
}

/** `payments`: the most first. */
export function matrixOf(payments: readonly Payment[]): Matrix {
  const parties = [...new Set(payments.flatMap((each) => [each.payer, each.for]))];
  const shown = parties.slice(0, MOST_PARTIES).sort(byParty);
  const rest = parties.length > shown.length;
  const names = [...shown.map(partyText), ...(rest ? [OTHERS] : [])];
  const cells = names.map(() => names.map((): Paid => [0, 0, 0]));
  const places = new Map(shown.map((party, at) => [party, at]));
  const at = (party: Party): number => places.get(party) ?? shown.length;
  for (const { payer, for: whose, spilledBytes, evictedBytes, waitedBytes } of payments) {
    const cell = cells[at(payer)]![at(whose)]!;
    cell[0] += spilledBytes;
    cell[1] += evictedBytes;
    cell[2] += waitedBytes;
  }
  return { names, cells };
}

/** Tasks by number, storage after them. */
export function byParty(a: Party, b: Party): number {
  if (a === "storage" || b === "storage") return a === b ? 0 : a === "storage" ? 1 : -1;
  return a - b;
}

export function partyText(party: Party): string {
  return party === "storage" ? party : `task ${party}`;
}
