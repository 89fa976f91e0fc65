// What real Spark answered, row by row: the result, what was evicted and spilled, who was resumed, the state of the pools;
// and every law after each row.

import { readdirSync, readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { ON_HEAP } from "../../src/memory/mode.js";
import { SharedLedger } from "../../src/memory/shared-ledger.js";
import { readHeader, readRow, type Row, type TraceHeader } from "../../src/trace/format.js";
import { Replay } from "../../src/trace/replay.js";

const GOLDEN = new URL("../golden/", import.meta.url);
const FILES = readdirSync(GOLDEN).filter((file) => /^\d+\.\d+\.\d+-(?!blocks)[a-z]+-\d+\.jsonl\.gz$/.test(file));
const SPARKS = ["2.4.8", "3.5.7", "4.1.1"];
const PROFILES = ["consumers", "execution", "executor", "failures", "mixed", "pages", "tiny", "waiting"];

interface Trace {
  readonly header: TraceHeader;
  readonly rows: readonly Row[];
}

function read(file: string): Trace {
  const text = gunzipSync(readFileSync(new URL(file, GOLDEN))).toString();
  const [first, ...lines] = text.trimEnd().split("\n");
  const rows = lines.map((line, i) => readRow(JSON.parse(line), file, i + 2, i + 1));
  expect(rows.pop()).toEqual({ end: rows.length });
  return { header: readHeader(JSON.parse(first!), file), rows: rows as Row[] };
}

/** The first row that is answered differently, or null. */
function disagreement(replay: Replay, rows: readonly Row[]): unknown {
  for (const row of rows) {
    const { result, evicted, spills, resumed, state } = replay.apply(row);
    const got = JSON.stringify([sorted(result), evicted, spills, resumed?.map(sorted), state]);
    const expected = JSON.stringify([sorted(row.result), row.evicted, row.spills, row.resumed?.map(sorted), row.state]);
    const broken = replay.executor.check(replay.rawStorage, false);
    if (got !== expected || broken.length > 0) return { row, got: JSON.parse(got), broken };
  }
  return null;
}

/** The same fields in one order. */
function sorted(value: object): object {
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, field]) => [
        name,
        Array.isArray(field) ? field.map(sorted) : isObject(field) ? sorted(field) : field,
      ]),
  );
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

test("there is a trace of every profile from every Spark", () => {
  for (const spark of SPARKS) {
    for (const profile of spark === "2.4.8" ? [...PROFILES, "static"] : PROFILES)
      expect(FILES).toContain(`${spark}-${profile}-1.jsonl.gz`);
  }
});

test.each(FILES)("%s", (file) => {
  const { header, rows } = read(file);
  const replay = new Replay(header);
  expect(replay.state).toEqual(header.state);
  expect(replay.executor.numbers.pageBytes).toBe(header.pageSize);
  expect(replay.executor.mode === ON_HEAP ? "onHeap" : "offHeap").toBe(header.tungstenMode);
  expect(disagreement(replay, rows)).toBeNull();
  // What shows a finding is short.
  expect(rows.length).toBeGreaterThan(/-findings-/.test(file) ? 1 : 400);
});

// The same accounts as several workers would share them, kept here by one.
test.each(FILES)("%s, on shared accounts", (file) => {
  const { header, rows } = read(file);
  const ledger = SharedLedger.create({ slots: 64 });
  const replay = new Replay(header, { ledger });
  expect(disagreement(replay, rows)).toBeNull();
  expect(ledger.decisions).toBeGreaterThan(rows.length / 4);
});

describe("a replay can disagree", () => {
  const { header, rows } = read("4.1.1-waiting-1.jsonl.gz");

  test.each([
    ["a grant", (row: Row) => "granted" in row.result, (row: Row) => ({ ...row, result: { granted: 1e9 } })],
    ["an eviction", (row: Row) => row.evicted !== undefined, (row: Row) => ({ ...row, evicted: [] })],
    ["a resumption", (row: Row) => row.resumed !== undefined, (row: Row) => ({ ...row, resumed: [] })],
    [
      "a state",
      (row: Row) => row.i === 1400,
      (row: Row) => ({ ...row, state: { ...row.state, offHeap: [1, 2, 3, 4] as const } }),
    ],
  ])("about %s", (_what, pick, change) => {
    const at = rows.findIndex(pick);
    expect(at).toBeGreaterThanOrEqual(0);
    const changed = rows.map((row, i) => (i === at ? (change(row) as Row) : row));
    expect(disagreement(new Replay(header), changed)).toMatchObject({ row: { i: at + 1 } });
  });

  test("about the rules of another generation", () => {
    const strict = read("3.5.7-consumers-1.jsonl.gz");
    expect(disagreement(new Replay({ ...strict.header, generation: "2.4.8" }), strict.rows)).not.toBeNull();
  });

  test("about the answer of an altered request", () => {
    const at = rows.findIndex((row) => row.op === "execAcquire" && "granted" in row.result);
    const changed = rows.map((row, i) =>
      i === at ? ({ ...row, bytes: (row as { bytes: number }).bytes + 1 } as Row) : row,
    );
    expect(disagreement(new Replay(header), changed)).not.toBeNull();
  });
});
