// Two recordings of the same requests, by two generations or two managers: where their answers part first, what stood there,
// why, and how many rows differ from there on.

import {
  COMPARED,
  type Compared,
  LastRows,
  requestText,
  rowText,
  sectionOf,
  stateDifferences,
  stateText,
} from "./explain.js";
import { requestOf } from "./decide.js";
import { readHeader, type Row, type State, type TraceHeader } from "./format.js";
import type { Json } from "./json.js";
import { type RecordedFile, Unreadable } from "./source.js";
import { HEADER_ANSWERS } from "./state.js";
import { rowsOf } from "./rows.js";
import { same } from "./verify.js";

/** The second file asks something else than the first. */
export class OtherRequests extends Unreadable {
  override readonly name = "OtherRequests";
}

/** A field of the two headers that differs. */
export interface HeaderDifference {
  readonly field: string;
  readonly a: Json;
  readonly b: Json;
}

/** The first row that is answered differently. */
export interface FirstDifference {
  readonly row: number;
  readonly line: number;
  readonly op: string;
  readonly field: Compared;
  readonly a: Json;
  readonly b: Json;
  /** The states before the row. */
  readonly before: { readonly a: State; readonly b: State };
  /** Of the law. */
  readonly section: string;
  /** For people: what was asked, what differs, earlier rows. */
  readonly note: string;
}

export interface TraceDifference {
  readonly rows: number;
  /** No answer differs, those of the headers included. */
  readonly same: boolean;
  /** Who answered, and what each derived from the configuration. */
  readonly header: readonly HeaderDifference[];
  readonly first: FirstDifference | null;
  /** Rows whose answers differ, the first included, and how many of them in more than the state. */
  readonly different: number;
  readonly answers: number;
}

const HEADER_FIELDS = [
  "engine",
  "generation",
  "manager",
  "policy",
  "spillOrder",
  "cores",
  "collector",
  "conf",
  ...HEADER_ANSWERS,
] as const;

/** Compares two traces, row by row. Throws Unreadable for a file that breaks the format, OtherRequests. */
export async function compareTraces(a: RecordedFile, b: RecordedFile): Promise<TraceDifference> {
  const headers = [readHeader(a.header, a.file), readHeader(b.header, b.file)] as const;
  const header = HEADER_FIELDS.filter((field) => !same(headers[0][field], headers[1][field])).map(
    (field): HeaderDifference => ({ field, a: json(headers[0][field]), b: json(headers[1][field]) }),
  );
  const last = new LastRows();
  let before = { a: headers[0].state, b: headers[1].state };
  let first: FirstDifference | null = null;
  let rows = 0;
  let different = 0;
  let answers = 0;
  for await (const [one, two, line] of inStep(a, b)) {
    if (!same(requestOf(one), requestOf(two)))
      throw otherRequests(a, b, line, requestText(one), requestText(two), first);
    rows += 1;
    const field = COMPARED.find((name) => !sameAnswer(one, two, name));
    if (field !== undefined) {
      different += 1;
      if (field !== "state") answers += 1;
      first ??= firstDifference(headers, header, one, two, line, field, before, last);
    }
    before = { a: one.state, b: two.state };
    if (first === null) last.add(one);
  }
  const derived = header.some(({ field }) => (HEADER_ANSWERS as readonly string[]).includes(field));
  return { rows, same: first === null && !derived, header, first, different, answers };
}

/** Rows of both files in step. A file that ends before the other asks something else. */
async function* inStep(a: RecordedFile, b: RecordedFile): AsyncGenerator<readonly [Row, Row, number]> {
  const ofA = rowsOf(a);
  const ofB = rowsOf(b);
  try {
    for (;;) {
      const [one, two] = [await ofA.next(), await ofB.next()];
      if (one.done === true && two.done === true) return;
      if (one.done === true)
        throw otherRequests(a, b, two.value!.line, "nothing more", requestText(two.value!.row), null);
      if (two.done === true)
        throw otherRequests(a, b, one.value.line, requestText(one.value.row), "nothing more", null);
      yield [one.value.row, two.value.row, one.value.line];
    }
  } finally {
    await ofA.return(undefined);
    await ofB.return(undefined);
  }
}

function otherRequests(
  a: RecordedFile,
  b: RecordedFile,
  line: number,
  one: string,
  two: string,
  first: FirstDifference | null,
): OtherRequests {
  const parted = first === null ? "" : ` (their answers had parted at row ${first.row})`;
  return new OtherRequests(
    b.file,
    line,
    `asks ${two} where ${a.file} asks ${one}${parted}: these are not recordings of the same requests`,
  );
}

/** Whether two answers to a row agree in a field. Peaks are told from 4.0 on: only where both tell them can they differ. */
export function sameAnswer(one: Row, two: Pick<Row, Compared>, name: Compared): boolean {
  if (name !== "result" || one.op !== "endTask") return same(one[name], two[name]);
  const both = "peak" in one.result && "peak" in two.result;
  return same(both ? one.result : one.result["leaked"], both ? two.result : two.result["leaked"]);
}

function firstDifference(
  headers: readonly [TraceHeader, TraceHeader],
  header: readonly HeaderDifference[],
  one: Row,
  two: Row,
  line: number,
  field: Compared,
  before: { readonly a: State; readonly b: State },
  last: LastRows,
): FirstDifference {
  const section = reasonOf(headers, header, one, field);
  const earlier = stateDifferences(before.a, before.b);
  const note = [
    `first: ${rowText(one)}`,
    `second: ${rowText(two)}`,
    ...stateDifferences(one.state, two.state).map(
      (text) => `state after, ${text.replace("expected", "first").replace("got", "second")}`,
    ),
    `state before: ${stateText(before.a)}`,
    ...(earlier.length === 0 ? [] : [`state before in the second: ${stateText(before.b)}`]),
    ...last.related(one).map(({ row, why }) => `earlier, ${why}: ${rowText(row)}`),
    `the law: section ${section}`,
  ].join("\n  ");
  const difference = { row: one.i, line, op: one.op, field, a: json(one[field]), b: json(two[field]) };
  return { ...difference, before, section, note };
}

/** The section that rules the row, and what in the headers makes a difference there. */
function reasonOf(
  [a, b]: readonly [TraceHeader, TraceHeader],
  header: readonly HeaderDifference[],
  row: Row,
  field: Compared,
): string {
  const reasons = [sectionOf(row.op, field)];
  const differs = (name: string): boolean => header.some((each) => each.field === name);
  const spills = row.op === "acquire" || row.op === "allocatePage" || field === "spills" || field === "resumed";
  if (differs("manager")) reasons.push(`4.6: manager ${a.manager} against ${b.manager}`);
  if (differs("policy")) reasons.push(`policy ${a.policy ?? a.manager} against ${b.policy ?? b.manager}`);
  if (differs("spillOrder") && spills)
    reasons.push(`order of spilling ${a.spillOrder ?? "spark"} against ${b.spillOrder ?? "spark"}`);
  if (differs("generation") && spills)
    reasons.push(`5.2, differences by generation: ${a.generation} against ${b.generation}`);
  if (differs("pageSize") && row.op === "allocatePage")
    reasons.push(`7: pages of ${a.pageSize} against ${b.pageSize} bytes`);
  return reasons.join("; ");
}

function json(value: unknown): Json {
  return (value ?? null) as Json;
}
