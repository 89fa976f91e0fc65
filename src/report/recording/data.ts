// What the script of a recording's page draws from, and what the page offers for download: thin columns of numbers, true to the
// extremes, and the largest events in words.

import type { ModeName } from "../../memory/mode.js";
import { MODES, type RowPools, rowPools } from "../pools.js";
import { byParty, partyText } from "../../why/matrix.js";
import type { Party } from "../../why/story.js";
import { sentence } from "../../why/tell.js";
import type { Digest, Tally } from "./digest.js";
import { KINDS, type Mark, type MarkKind, united } from "./marks.js";

export interface RecordingData {
  readonly file: string;
  readonly rows: number;
  readonly pools: readonly RowPools[];
  readonly lanes: readonly string[];
  /** Kinds and modes of events, to which `events` point. */
  readonly kinds: readonly MarkKind[];
  readonly modes: readonly ModeName[];
  readonly events: Events;
  /** Rows of which the pools' extremes are kept, and within which events of one kind and lane are one mark. */
  readonly stateRows: number;
  readonly markRows: number;
  /** The largest events in words, by their place in `events`. */
  readonly told: Readonly<Record<number, string>>;
}

/** One entry a mark, in the order of first rows. */
export interface Events {
  readonly lane: readonly number[];
  readonly kind: readonly number[];
  readonly mode: readonly number[];
  /** Rows from the first event to the last that the mark stands for; how many those are. */
  readonly row: readonly number[];
  readonly until: readonly number[];
  readonly count: readonly number[];
  /** All of them together, and the largest with its row. */
  readonly bytes: readonly number[];
  readonly mostBytes: readonly number[];
  readonly mostRow: readonly number[];
}

/** Parties that have a lane of their own. */
const MOST_LANES = 12;
/** Marks that a page holds. */
const MOST_DRAWN = 20_000;
/** Marks of one kind that are told in words. */
const MOST_TOLD = 400;

/** Parties by what they gave up and waited for, the most first. */
export function ranked(tallies: readonly Tally[]): Tally[] {
  const bytes = (each: Tally): number => each.spilledBytes + each.evictedBytes;
  return tallies.toSorted(
    (a, b) => bytes(b) - bytes(a) || b.waitedRows - a.waitedRows || b.shortGrants - a.shortGrants,
  );
}

/** Of a recording that has been read to its end. */
export function recordingData(file: string, digest: Digest): RecordingData {
  const drawn = new Set(digest.marks.lanes.map(({ party }) => party));
  const known = ranked(digest.tallies)
    .map(({ party }) => party)
    .filter((party) => drawn.has(party));
  const shown = known.slice(0, MOST_LANES).sort(byParty);
  const rest = known.length - shown.length;
  const { placed, markRows } = thinned(marksOf(digest, shown), digest.marks.rowsEach);
  const marks = placed.sort((a, b) => a.mark.row - b.mark.row || a.lane - b.lane || a.kind - b.kind);
  const column = (of: (mark: Mark) => number): number[] => marks.map(({ mark }) => of(mark));
  return {
    file,
    rows: digest.rows,
    pools: MODES.flatMap((mode) => rowPools(mode, digest.pools[mode], digest.rows) ?? []),
    lanes: [...shown.map(partyText), ...(rest > 0 ? [`${rest} others`] : [])],
    kinds: KINDS,
    modes: MODES,
    stateRows: Math.max(...MODES.map((mode) => digest.pools[mode].rowsEach)),
    markRows,
    events: {
      lane: marks.map(({ lane }) => lane),
      kind: marks.map(({ kind }) => kind),
      mode: marks.map(({ mode }) => mode),
      row: column((mark) => mark.row),
      until: column((mark) => mark.until),
      count: column((mark) => mark.count),
      bytes: column((mark) => mark.bytes),
      mostBytes: column((mark) => mark.mostBytes),
      mostRow: column((mark) => mark.mostRow),
    },
    told: toldOf(marks),
  };
}

/** Where a mark is drawn: by its place in `lanes`, `kinds` and `modes`. */
interface Place {
  readonly lane: number;
  readonly kind: number;
  readonly mode: number;
}

interface Placed extends Place {
  readonly mark: Mark;
}

/** The marks of those that are shown, and those of all others in one lane, in the order of rows. */
function marksOf({ marks }: Digest, shown: readonly Party[]): { readonly place: Place; readonly marks: Mark[] }[] {
  const lanes = new Map<number, { readonly place: Place; readonly marks: Mark[] }>();
  for (const { party, kind, mode, marks: own } of marks.lanes) {
    const of = shown.indexOf(party);
    const place = { lane: of < 0 ? shown.length : of, kind: KINDS.indexOf(kind), mode: MODES.indexOf(mode) };
    const key = (place.lane * KINDS.length + place.kind) * MODES.length + place.mode;
    const lane = lanes.get(key) ?? { place, marks: [] };
    lanes.set(key, lane);
    for (const mark of own) lane.marks.push({ ...mark });
  }
  for (const lane of lanes.values()) lane.marks.sort((a, b) => a.row - b.row);
  return [...lanes.values()];
}

/** As many marks as a page holds: those of a lane within so many rows are one. */
function thinned(
  lanes: ReturnType<typeof marksOf>,
  rowsEach: number,
): { readonly placed: Placed[]; readonly markRows: number } {
  let thin = lanes;
  for (let markRows = rowsEach; ; markRows *= 2) {
    thin = thin.map(({ place, marks }) => ({ place, marks: united(marks, markRows) }));
    if (thin.reduce((sum, { marks }) => sum + marks.length, 0) > MOST_DRAWN) continue;
    return { placed: thin.flatMap(({ place, marks }) => marks.map((mark) => ({ ...place, mark }))), markRows };
  }
}

/** The largest of each kind in words. */
function toldOf(marks: readonly Placed[]): Record<number, string> {
  const told: Record<number, string> = {};
  KINDS.forEach((_, kind) => {
    marks
      .map(({ mark, kind: of }, at) => ({ mark, of, at }))
      .filter(({ of }) => of === kind)
      .sort((a, b) => b.mark.mostBytes - a.mark.mostBytes)
      .slice(0, MOST_TOLD)
      .forEach(({ mark: { because }, at }) => {
        const known = (n: number) => because.find((fact) => fact?.n === n);
        told[at] = sentence(because[0]!, known);
      });
  });
  return told;
}
