// A disagreement as a person needs it: what was asked, what differs, the state before, the last rows about the same task,
// block or pool, and where the law speaks of it. What is remembered of earlier rows is bounded.

import type { Row, State } from "./format.js";

/** What of a row is compared, in this order. */
export const COMPARED = ["result", "evicted", "spills", "resumed", "state"] as const;
export type Compared = (typeof COMPARED)[number];

/** Where the law speaks of what a row asks. */
const SECTIONS: Readonly<Record<Row["op"], string>> = {
  execAcquire: "3.2 and 4.1",
  execRelease: "3.2",
  execReleaseAll: "3.2",
  storageAcquire: "3.1 and 4.2",
  storageRelease: "3.1",
  unrollReserve: "4.2 and 8.4",
  unrollRelease: "8.4",
  put: "4.2 and 8.2",
  get: "8.1",
  has: "8.1",
  pin: "8.9",
  unpin: "8.9",
  remove: "8.10",
  consumer: "5.1",
  acquire: "5.2",
  free: "5.3",
  allocatePage: "5.4 and 5.8",
  freePage: "5.5",
  endTask: "5.7 and 10",
  interrupt: "3.2, consequence 10",
  retry: "3.2 and 4.1",
  unmanaged: "4.4",
  clear: "8.10",
  unmanagedRegister: "4.4",
  unmanagedAnswer: "4.4",
  unmanagedUnregister: "4.4",
  unmanagedUsed: "4.4",
  unmanagedPoll: "4.4",
  unmanagedClear: "4.4",
};

/** Effects have sections of their own. */
const EFFECTS: Readonly<Partial<Record<Compared, string>>> = {
  evicted: "8.5",
  spills: "5.2",
  resumed: "3.2, consequence 8",
};

const CELLS = ["execution size", "execution used", "storage size", "storage used"];

/** Rows that are remembered, and how many of them are shown for each reason. */
const REMEMBERED = 1024;
const SHOWN = 4;

/** The section of the law that rules a row, and the effect that differs. */
export function sectionOf(op: Row["op"], field: Compared): string {
  const effect = EFFECTS[field];
  return effect === undefined || effect === SECTIONS[op] ? SECTIONS[op] : `${SECTIONS[op]}; ${effect}`;
}

/** The last rows of a trace: a ring, so that a trace of any length leaves no more than its end behind. */
export class LastRows {
  readonly #rows: Row[] = [];
  #next = 0;

  add(row: Row): void {
    this.#rows[this.#next] = row;
    this.#next = (this.#next + 1) % REMEMBERED;
  }

  /** Earlier rows that touched what `row` touches, each with the reason, oldest first. */
  related(row: Row): { readonly row: Row; readonly why: string }[] {
    const found: { row: Row; why: string }[] = [];
    const counts = new Map<string, number>();
    for (let back = 1; back <= this.#rows.length; back += 1) {
      const other = this.#rows.at(this.#next - back)!;
      const why = common(row, other);
      const count = why === null ? SHOWN : (counts.get(why) ?? 0);
      if (why === null || count === SHOWN) continue;
      counts.set(why, count + 1);
      found.push({ row: other, why });
    }
    return found.toReversed();
  }
}

/** The text beside a disagreement, one fact a line. */
export function explain(row: Row, field: Compared, got: unknown, before: State, last: LastRows): string {
  return [
    `asked: ${requestText(row)}`,
    ...(field === "state" ? stateDifferences(row.state, got as State) : []),
    `state before: ${stateText(before)}`,
    ...last.related(row).map(({ row: other, why }) => `earlier, ${why}: ${rowText(other)}`),
    `the law: section ${sectionOf(row.op, field)}`,
  ].join("\n  ");
}

/** Both modes, a mode without memory left out. */
export function stateText({ onHeap, offHeap }: State): string {
  const texts = Object.entries({ "on-heap": onHeap, "off-heap": offHeap })
    .filter(([, cells]) => cells.some((bytes) => bytes !== 0))
    .map(
      ([mode, [size, used, storage, stored]]) =>
        `${mode} execution ${used} of ${size}, storage ${stored} of ${storage}`,
    );
  return texts.length === 0 ? "no memory in either mode" : texts.join("; ");
}

/** The cells of two states that differ, in words. */
export function stateDifferences(expected: State, got: State): string[] {
  return (["onHeap", "offHeap"] as const).flatMap((mode) =>
    CELLS.flatMap((cell, i) =>
      expected[mode][i] === got[mode][i] ? [] : [`${mode} ${cell}: expected ${expected[mode][i]}, got ${got[mode][i]}`],
    ),
  );
}

/** A row on one line: the request, the answer, what it caused. */
export function rowText(row: Row): string {
  const effects = (["evicted", "spills", "resumed"] as const)
    .filter((name) => row[name] !== undefined)
    .map((name) => `, ${name} ${JSON.stringify(row[name])}`);
  return `row ${row.i} ${requestText(row)} -> ${JSON.stringify(row.result)}${effects.join("")}`;
}

/** What a row asks. */
export function requestText(row: Row): string {
  const { i: _i, op, result: _result, state: _state, evicted: _e, spills: _s, resumed: _r, ...asked } = row;
  return [op, ...Object.entries(asked).map(([name, value]) => `${name}=${value}`)].join(" ");
}

/** What two rows have in common: the nearest thing first. */
function common(row: Row, other: Row): string | null {
  if ("consumer" in row && "consumer" in other && row.consumer === other.consumer) return `consumer ${row.consumer}`;
  if ("task" in row && "task" in other && row.task === other.task) return `task ${row.task}`;
  if ("block" in row && touchesBlock(other, row.block)) return `block ${row.block}`;
  if ("mode" in row && "mode" in other && row.mode === other.mode) return `${row.mode} pools`;
  return null;
}

function touchesBlock(row: Row, block: string): boolean {
  return ("block" in row && row.block === block) || (row.evicted?.some((each) => each.block === block) ?? false);
}
