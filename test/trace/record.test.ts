// Traces of our own: whatever the profile, seed and generation, replaying one agrees; two of the same requests can be compared.

import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { GENERATIONS, type Generation } from "../../src/config/release.js";
import { compact, replayCompact } from "../../src/trace/compact.js";
import { decidedLines, generatedLines, type Rules } from "../../src/trace/decide.js";
import { compareTraces, OtherRequests } from "../../src/trace/diff.js";
import { readHeader, readRow, type Row } from "../../src/trace/format.js";
import { PROFILE_NAMES, PROFILES } from "../../src/trace/profiles.js";
import { checkTrace } from "../../src/trace/verify.js";
import { Workload } from "../../src/trace/workload.js";
import { ENGINE } from "../../src/trace/write.js";
import { seeded } from "../help/seed.js";
import { recordedOf, SMALL, traceOf } from "./traces.js";

const ROWS = 200;

function lines(profile: string, seed: number, generation?: Generation): string[] {
  return [...generatedLines({ profile, seed, ...(generation === undefined ? {} : { generation }) }, ROWS)];
}

function rowsIn(trace: readonly string[]): Row[] {
  return trace.slice(1, -1).map((line, i) => readRow(JSON.parse(line), "trace", i + 2, i + 1) as Row);
}

async function decided(trace: readonly string[], rules: Rules): Promise<string[]> {
  const all: string[] = [];
  for await (const line of decidedLines(recordedOf(trace), rules)) all.push(line);
  return all;
}

function golden(name: string): string[] {
  const text = gunzipSync(readFileSync(new URL(`../golden/${name}`, import.meta.url))).toString();
  return text.trimEnd().split("\n");
}

const generationsOf = (profile: string): readonly Generation[] =>
  PROFILES[profile]!.manager === "static" ? ["2.4"] : GENERATIONS;

describe.each(PROFILE_NAMES)("profile %s", (profile) => {
  test("agrees with itself, and asks the same of every generation", async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(2 ** 32 - 1), async (seed) => {
        let asked: unknown = null;
        for (const generation of generationsOf(profile)) {
          const trace = lines(profile, seed, generation);
          const { rows, disagreement } = await checkTrace(recordedOf(trace));
          expect(disagreement).toBeNull();
          expect(rows).toBeGreaterThanOrEqual(ROWS);
          const requests = rowsIn(trace).map(
            ({ result: _r, state: _s, evicted: _e, spills: _p, resumed: _d, ...ask }) => ask,
          );
          asked ??= requests;
          expect(requests).toEqual(asked);
        }
      }),
      seeded(3),
    );
  });

  test("repeats from its seed, and gives everything back", () => {
    const trace = lines(profile, 5);
    expect(lines(profile, 5)).toEqual(trace);
    expect(lines(profile, 6)).not.toEqual(trace);
    const { state } = rowsIn(trace).at(-1)!;
    expect([state.onHeap[1], state.offHeap[1]]).toEqual([0, 0]);
  });

  test("keeps the rules of recorded traces: one waits at a time, and in turn; names are used once", () => {
    for (let seed = 0; seed < 3; seed += 1) {
      let waiting: Row | null = null;
      const names = new Set<string>();
      for (const row of rowsIn(lines(profile, seed))) {
        if (waiting !== null) {
          expect(row.result["waits"]).toBeUndefined();
          if ("task" in row) expect(row.task).not.toBe((waiting as Row & { task: number }).task);
        }
        if (row.result["waits"] === true) waiting = row;
        if (row.resumed?.at(-1)?.result["waits"] === undefined && row.resumed !== undefined) waiting = null;
        if (row.op === "get") expect(row.result["bytes"]).not.toBeNull();
        const name = row.op === "put" ? row.block : row.op === "consumer" ? row.consumer : null;
        if (name === null) continue;
        expect(names).not.toContain(name);
        names.add(name);
      }
      expect(waiting).toBeNull();
    }
  });
});

test("together the profiles do everything that a trace can show", () => {
  const seen = new Set<string>();
  for (const profile of PROFILE_NAMES) {
    for (let seed = 0; seed < 3; seed += 1) {
      for (const row of rowsIn(lines(profile, seed))) {
        seen.add(row.op);
        for (const name of ["evicted", "spills", "resumed"] as const) if (row[name] !== undefined) seen.add(name);
        if (row.resumed?.some(({ result }) => result["waits"] === true)) seen.add("looked and waits on");
        if (typeof row.result["error"] === "string") seen.add(row.result["error"]);
      }
    }
  }
  const ops = Object.values(PROFILES).flatMap(({ weights }) => Object.keys(weights));
  for (const each of [...ops, "evicted", "spills", "resumed", "looked and waits on", "unableToAcquire", "spillFailed"])
    expect(seen).toContain(each);
});

test("what there is no recording of is refused by name", () => {
  expect(() => new Workload({ profile: "static", seed: 1, generation: "3.5" })).toThrow("Spark 3.5 has none");
  expect(() => new Workload({ profile: "toString", seed: 1 })).toThrow('no profile "toString"');
});

describe("a what-if", () => {
  test.each(["4.1.1-consumers-1.jsonl.gz", "3.5.7-waiting-1.jsonl.gz", "2.4.8-static-1.jsonl.gz"])(
    "by the rules of %s itself answers as Spark did",
    async (name) => {
      const trace = golden(name);
      const again = await decided(trace, {});
      expect(JSON.parse(again[0]!)).toMatchObject({ engine: ENGINE, profile: name.split("-")[1], seed: 1 });
      expect(await compareTraces(recordedOf(trace), recordedOf(again))).toMatchObject({ same: true, different: 0 });
    },
  );

  test("by other rules parts from the recording, and agrees with itself", async () => {
    const trace = golden("4.1.1-consumers-1.jsonl.gz");
    const older = await decided(trace, { generation: "2.4" });
    expect((await checkTrace(recordedOf(older))).disagreement).toBeNull();
    const difference = await compareTraces(recordedOf(trace), recordedOf(older));
    expect(difference.same).toBe(false);
    expect(difference.first).toMatchObject({ section: expect.stringContaining("differences by generation") as string });
    expect(difference.different).toBeGreaterThan(difference.first === null ? 0 : 1);
    expect(difference.header.map(({ field }) => field)).toContain("generation");
  });

  test("under another manager says which requests its history makes impossible", async () => {
    const trace = lines("executor", 3, "2.4");
    const fixed = await decided(trace, { manager: "static" });
    const skipped = rowsIn(fixed).filter(({ result }) => result["skipped"] !== undefined);
    expect(skipped.length).toBeGreaterThan(0);
    expect(skipped[0]!.result["skipped"]).toMatch(/not in memory|not pinned|off-heap|waits/);
    const { disagreement, rows } = await checkTrace(recordedOf(fixed));
    expect([disagreement, rows]).toEqual([null, fixed.length - 2]);
    const { first } = await compareTraces(recordedOf(trace), recordedOf(fixed));
    expect(first!.section).toContain("4.6: manager unified against static");
    // A row that says it was skipped and could be asked disagrees.
    const at = trace.findIndex((line) => line.includes('"stored":true'));
    const lie = trace.map((line, i) => (i === at ? line.replace('"stored":true', '"skipped":"so"') : line));
    expect((await checkTrace(recordedOf(lie))).disagreement).toMatchObject({ row: at, field: "result" });
  });
});

describe("two recordings", () => {
  const of = (bytes: number, then = 5): string[] =>
    traceOf([
      { op: "execAcquire", task: 1, bytes, mode: "onHeap" },
      { op: "execAcquire", task: 1, bytes: then, mode: "onHeap" },
    ]);

  test("of the same requests and answers are the same, whoever answered", async () => {
    const other = of(700).map((line) => line.replace("test-1", "test-2"));
    expect(await compareTraces(recordedOf(of(700)), recordedOf(other))).toEqual({
      rows: 2,
      same: true,
      header: [{ field: "engine", a: "test-1", b: "test-2" }],
      first: null,
      different: 0,
      answers: 0,
    });
  });

  test("part where an answer first differs, and a header's answers count", async () => {
    const other = of(700).map((line) => line.replace('"granted":5', '"granted":4').replace("[705,705,", "[704,704,"));
    expect(await compareTraces(recordedOf(of(700)), recordedOf(other))).toMatchObject({
      same: false,
      first: {
        row: 2,
        line: 3,
        op: "execAcquire",
        field: "result",
        a: { granted: 5 },
        b: { granted: 4 },
        before: { a: { onHeap: [700, 700, 300, 0] }, b: { onHeap: [700, 700, 300, 0] } },
        section: "3.2 and 4.1",
      },
      different: 1,
      answers: 1,
    });
    const paged = of(700).map((line) => line.replace('"pageSize":64', '"pageSize":65'));
    expect(await compareTraces(recordedOf(of(700)), recordedOf(paged))).toMatchObject({ same: false, first: null });
  });

  test.each<[string, string[], string[], number, RegExp]>([
    ["other bytes", of(700), of(701), 2, /asks execAcquire .*=701 .* where a asks execAcquire .*=700/],
    [
      "more rows",
      of(700),
      traceOf([{ op: "execAcquire", task: 1, bytes: 700, mode: "onHeap" }]),
      3,
      /asks nothing more/,
    ],
    [
      "other kinds",
      of(700),
      traceOf([
        { op: "has", block: "a" },
        { op: "has", block: "b" },
      ]),
      2,
      /has block=a where/,
    ],
  ])("of %s are refused", async (_name, a, b, line, message) => {
    const compared = compareTraces(recordedOf(a, "a"), recordedOf(b, "b"));
    await expect(compared).rejects.toThrow(OtherRequests);
    await expect(compared).rejects.toMatchObject({ file: "b", line, reason: expect.stringMatching(message) as string });
  });

  test("say when their answers had parted before their requests", async () => {
    const other = of(700, 6).map((line) => line.replace('"granted":700', '"granted":699'));
    await expect(compareTraces(recordedOf(of(700)), recordedOf(other))).rejects.toThrow("had parted at row 1");
  });
});

describe("a disagreement", () => {
  test("shows the row, what differs, the state before, the rows that touched the same things, and the law", async () => {
    const trace = traceOf([
      { op: "execAcquire", task: 1, bytes: 300, mode: "onHeap" },
      { op: "put", block: "rdd_1_0", bytes: 600, mode: "onHeap", onEvict: "disk" },
      { op: "get", block: "rdd_1_0" },
      { op: "put", block: "test_9", bytes: 5, mode: "offHeap", onEvict: "gone" },
      { op: "execAcquire", task: 1, bytes: 200, mode: "onHeap" },
      { op: "get", block: "rdd_1_0" },
    ]);
    const wrong = trace.map((line) => line.replace('"result":{"bytes":null}', '"result":{"bytes":600}'));
    const { rows, disagreement } = await checkTrace(recordedOf(wrong));
    expect(rows).toBe(5);
    expect(disagreement).toMatchObject({
      row: 6,
      line: 7,
      op: "get",
      field: "result",
      expected: { bytes: 600 },
      got: { bytes: null },
    });
    expect(disagreement!.note!.split("\n").map((line) => line.trim())).toEqual([
      "asked: get block=rdd_1_0",
      "state before: on-heap execution 500 of 1000, storage 0 of 0; off-heap execution 0 of 250, storage 5 of 250",
      'earlier, block rdd_1_0: row 2 put block=rdd_1_0 bytes=600 mode=onHeap onEvict=disk -> {"stored":true}',
      'earlier, block rdd_1_0: row 3 get block=rdd_1_0 -> {"bytes":600}',
      'earlier, block rdd_1_0: row 5 execAcquire task=1 bytes=200 mode=onHeap -> {"granted":200}, evicted [{"block":"rdd_1_0","to":"disk"}]',
      "the law: section 8.1",
    ]);
    const states = trace.map((line) => line.replace("[1000,500,0,0]", "[1000,501,0,0]"));
    const { note } = (await checkTrace(recordedOf(states))).disagreement!;
    expect(note).toContain("onHeap execution used: expected 501, got 500");
    expect(note).toContain('earlier, task 1: row 1 execAcquire task=1 bytes=300 mode=onHeap -> {"granted":300}');
  });

  test("remembers no more than the end of a long trace", async () => {
    const trace = traceOf(
      [
        { op: "pin", block: "a" } as const,
        ...Array.from({ length: 2000 }, (_, i) => ({ op: "has", block: `b${i}` }) as const),
        { op: "unpin", block: "a" } as const,
      ].map((op, i) =>
        i === 0 ? ({ op: "has", block: "a" } as const) : op.op === "unpin" ? ({ op: "has", block: "a" } as const) : op,
      ),
    );
    const last = trace.length - 2;
    const wrong = trace.map((line, i) => (i === last ? line.replace("false", "true") : line));
    expect((await checkTrace(recordedOf(wrong))).disagreement!.note).not.toContain("earlier");
  });
});

test("a trace of any length is recorded and checked in the same memory", async () => {
  const heap: number[] = [];
  const endless = generatedLines({ profile: "waiting", seed: 1 }, 24_000);
  const first = endless.next().value as string;
  const recorded = {
    ...recordedOf([first]),
    rows: (async function* () {
      let line = 1;
      for (const text of endless) {
        yield { line: (line += 1), text };
        if (line % 8000 !== 0) continue;
        globalThis.gc!();
        heap.push(process.memoryUsage().heapUsed);
      }
    })(),
  };
  const { disagreement, rows } = await checkTrace(recorded);
  expect(disagreement).toBeNull();
  expect(rows).toBeGreaterThan(24_000);
  expect(heap).toHaveLength(3);
  expect(heap[2]! - heap[0]!).toBeLessThan(2 * 2 ** 20);
});

describe("a trace in columns", () => {
  test.each(["4.1.1-execution-1", "4.1.1-mixed-1", "3.5.7-mixed-2", "2.4.8-execution-2"])("%s agrees", (name) => {
    const trace = golden(`${name}.jsonl.gz`);
    const columns = compact(readHeader(JSON.parse(trace[0]!), name), rowsIn(trace));
    expect(replayCompact(columns).rows).toBe(columns.rows);
    // Every column is looked at.
    const changed: [keyof typeof columns, number][] = [
      ["answers", columns.answers.findIndex((answer) => answer > 0)],
      ["states", 8 * 700 + 1],
      ["resumed", columns.resumed.findIndex((answer) => answer >= 0)],
    ];
    for (const [column, at] of changed) {
      const cells = (columns[column] as Float64Array).slice();
      cells[at]! += 1;
      const row = column === "states" ? 700 : at;
      expect(replayCompact({ ...columns, [column]: cells }).rows, column).toBe(row);
    }
    const first = columns.evictions.findIndex((count) => count > 0);
    if (first >= 0) {
      const evicted = columns.evicted.map((each, i) => (i === 0 ? { ...each, block: "another" } : each));
      expect(replayCompact({ ...columns, evicted }).rows).toBe(first);
    }
  });

  test("has no room for consumers", () => {
    const trace = golden("4.1.1-consumers-1.jsonl.gz");
    expect(() => compact(readHeader(JSON.parse(trace[0]!), "x"), rowsIn(trace))).toThrow("above the memory manager");
    expect(readHeader(JSON.parse(traceOf([])[0]!), "x").conf).toEqual(SMALL.conf);
  });
});
