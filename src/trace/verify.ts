// Checks a memory trace: every request is asked again here, and every answer, effect and state is compared with what the
// trace says came of it.

import { Refusal } from "../fault.js";
import { COMPARED, explain, LastRows } from "./explain.js";
import { readHeader } from "./format.js";
import type { Json } from "./json.js";
import { Replay } from "./replay.js";
import { RowReader } from "./rows.js";
import { HEADER_ANSWERS, headerAnswers } from "./state.js";
import { type Disagreement, type RecordedFile, Unreadable, type Verdict } from "./source.js";

/** Replays a trace up to its first disagreement. Throws Unreadable for a file that breaks the format. */
export async function checkTrace(recorded: RecordedFile): Promise<Verdict> {
  const { file } = recorded;
  const header = readHeader(recorded.header, file);
  const replay = refusable(file, 1, () => new Replay(header));
  const made = headerAnswers(replay.executor);
  const different = HEADER_ANSWERS.find((field) => !same(header[field], made[field]));
  if (different !== undefined) {
    const differs = { field: different, expected: json(header[different]), got: json(made[different]) };
    return { rows: 0, disagreement: { row: 0, line: 1, op: "header", ...differs, note: "the law: sections 1 and 7" } };
  }
  const last = new LastRows();
  const reader = new RowReader(file, replay.peaks);
  let before = replay.state;
  for await (const each of recorded.rows) {
    const row = reader.read(each);
    if (row === null) continue;
    const { line } = each;
    const impossible = row.result["skipped"] !== undefined;
    const answer = impossible ? replay.applyIfPossible(row) : refusable(file, line, () => replay.apply(row));
    const field = COMPARED.find((name) => !same(row[name], answer[name]));
    if (field !== undefined) {
      const disagreement: Disagreement = {
        row: row.i,
        line,
        op: row.op,
        field,
        expected: json(row[field]),
        got: json(answer[field]),
        note: explain(row, field, answer[field], before, last),
      };
      return { rows: row.i - 1, disagreement };
    }
    before = answer.state;
    last.add(row);
  }
  reader.finish();
  return { rows: reader.rows, disagreement: null };
}

/** What the library refuses outright no recording of Spark asks: the row breaks the format. */
export function refusable<T>(file: string, line: number, call: () => T): T {
  try {
    return call();
  } catch (error) {
    if (error instanceof Refusal && !(error instanceof Unreadable)) {
      throw new Unreadable(file, line, error.message, { cause: error });
    }
    throw error;
  }
}

/** Deep equality of JSON values, whatever the order of keys. */
export function same(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Array.isArray(a)) return Array.isArray(b) && sameList(a, b);
  if (Array.isArray(b)) return false;
  let keys = 0;
  for (const key in a) {
    if (!same((a as Record<string, unknown>)[key], (b as Record<string, unknown>)[key])) return false;
    keys += 1;
  }
  for (const _ in b) keys -= 1;
  return keys === 0;
}

function sameList(a: readonly unknown[], b: readonly unknown[]): boolean {
  if (a.length !== b.length) return false;
  for (let at = 0; at < a.length; at += 1) if (!same(a[at], b[at])) return false;
  return true;
}

function json(value: unknown): Json {
  return (value ?? null) as Json;
}
