// Checks a memory trace: every request is asked again here, and every answer, effect and state is compared with what the
// trace says came of it.

import { Refusal } from "../fault.js";
import type { ModeName } from "../memory/mode.js";
import { type Row, readHeader, readRow, type State } from "./format.js";
import type { Json } from "./json.js";
import { Replay } from "./replay.js";
import { type Disagreement, type Line, type RecordedFile, Unreadable, type Verdict } from "./source.js";

/** What of a row is compared, in this order. */
const COMPARED = ["result", "evicted", "spills", "resumed", "state"] as const;

/** Where the law speaks of what a row asks. */
const SECTIONS: Readonly<Record<Row["op"], string>> = {
  execAcquire: "3.2 and 4.1",
  execRelease: "3.2",
  execReleaseAll: "3.2",
  storageAcquire: "3.1 and 4.2",
  storageRelease: "3.1",
  unrollReserve: "4.2 and 8.4",
  unrollRelease: "8.4",
  put: "8.2 and 8.5",
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
  unmanagedRegister: "4.4",
  unmanagedAnswer: "4.4",
  unmanagedUnregister: "4.4",
  unmanagedUsed: "4.4",
  unmanagedPoll: "4.4",
  unmanagedClear: "4.4",
};

/** Replays a trace up to its first disagreement. Throws Unreadable for a file that breaks the format. */
export async function checkTrace(recorded: RecordedFile): Promise<Verdict> {
  const { file } = recorded;
  const header = readHeader(recorded.header, file);
  const replay = refusable(file, 1, () => new Replay(header));
  const made = { pageSize: replay.executor.numbers.pageBytes, tungstenMode: nameOfMode(replay), state: replay.state };
  for (const field of ["pageSize", "tungstenMode", "state"] as const) {
    if (same(header[field], made[field])) continue;
    return {
      rows: 0,
      disagreement: { row: 0, line: 1, op: "header", field, expected: json(header[field]), got: json(made[field]) },
    };
  }
  const last: Row[] = [];
  let rows = 0;
  let before = replay.state;
  for await (const { line, text } of recorded.rows) {
    const row = readRow(parse(file, { line, text }), file, line, rows + 1);
    if ("end" in row) {
      if (row.end !== rows)
        throw new Unreadable(file, line, `says that there are ${row.end} rows, but there are ${rows}`);
      await nothingAfter(recorded, file);
      return { rows, disagreement: null };
    }
    const answer = refusable(file, line, () => replay.apply(row));
    const field = COMPARED.find((name) => !same(row[name], answer[name]));
    if (field !== undefined) {
      const disagreement: Disagreement = {
        row: row.i,
        line,
        op: row.op,
        field,
        expected: json(row[field]),
        got: json(answer[field]),
        note: explain(row, before, last),
      };
      return { rows, disagreement };
    }
    rows += 1;
    before = answer.state;
    last.push(row);
    if (last.length > 200) last.shift();
  }
  throw new Unreadable(file, rows + 2, "the last line is missing: the file was cut off");
}

async function nothingAfter(recorded: RecordedFile, file: string): Promise<void> {
  for await (const { line } of recorded.rows) throw new Unreadable(file, line, "stands after the last line");
}

function parse(file: string, { line, text }: Line): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new Unreadable(file, line, `is not JSON: ${(cause as Error).message}`, { cause });
  }
}

// What the library refuses outright no recording of Spark asks: the row breaks the format.
function refusable<T>(file: string, line: number, call: () => T): T {
  try {
    return call();
  } catch (error) {
    if (error instanceof Refusal && !(error instanceof Unreadable)) {
      throw new Unreadable(file, line, error.message, { cause: error });
    }
    throw error;
  }
}

function nameOfMode(replay: Replay): ModeName {
  return replay.executor.mode === 0 ? "onHeap" : "offHeap";
}

/** Deep equality of JSON values, whatever the order of keys. */
function same(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const keys = Object.keys(a);
  return (
    keys.length === Object.keys(b).length &&
    keys.every((key) => same((a as Record<string, unknown>)[key], (b as Record<string, unknown>)[key]))
  );
}

function json(value: unknown): Json {
  return (value ?? null) as Json;
}

/** The state before a row, the last rows about the same things, and where the law speaks of it. */
function explain(row: Row, before: State, last: readonly Row[]): string {
  const { result: _result, state: _state, evicted: _evicted, spills: _spills, resumed: _resumed, ...asked } = row;
  const related = last.filter((other) => touches(row, other)).slice(-5);
  return [
    `asked: ${JSON.stringify(asked)}`,
    `state before: on-heap ${before.onHeap.join(", ")}; off-heap ${before.offHeap.join(", ")} (execution size, used, storage size, used)`,
    ...related.map((other) => `earlier: ${JSON.stringify(other)}`),
    `the law: section ${SECTIONS[row.op]}`,
  ].join("\n  ");
}

function touches(a: Row, b: Row): boolean {
  if ("task" in a && "task" in b) return a.task === b.task;
  if ("block" in a && "block" in b) return a.block === b.block;
  return "mode" in a && "mode" in b && a.mode === b.mode;
}
