// A recorded trace decided again under several policies: the same requests, the shipped manager, and what came of it counted.

import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { type Outcome, redecide } from "../../src/lab/redecide.js";
import { POLICIES } from "../../src/policy/registry.js";
import { unified } from "../../src/policy/unified.js";
import { decidedLines } from "../../src/trace/decide.js";
import type { Op } from "../../src/trace/format.js";
import { Recorder } from "../../src/trace/recorder.js";
import { checkTrace } from "../../src/trace/verify.js";
import { holder, thousand } from "../policy/view.js";
import { recordedOf, SMALL, traceOf } from "../trace/traces.js";

const all = POLICIES.map(({ name }) => ({ label: name, policy: name }));
const golden = (name: string): string[] =>
  gunzipSync(readFileSync(new URL(`../golden/${name}.jsonl.gz`, import.meta.url)))
    .toString()
    .trimEnd()
    .split("\n");
const byLabel = (outcomes: readonly Outcome[]): Record<string, Outcome> =>
  Object.fromEntries(outcomes.map((outcome) => [outcome.label, outcome]));

describe("recorded Spark", () => {
  test.each(["4.1.1-consumers-1", "3.5.7-pages-1", "4.1.1-crowd-1", "2.4.8-mixed-1", "4.1.1-failures-1"])(
    "%s under unified is what Spark answered, in every count",
    async (name) => {
      const { rows, outcomes } = await redecide(recordedOf(golden(name)), [{ label: "ours", policy: "unified" }]);
      const [recorded, ours] = outcomes as [Outcome, Outcome];
      expect(rows).toBeGreaterThan(400);
      expect(recorded.grantedBytes).toBeGreaterThan(0);
      expect(ours).toEqual({ ...recorded, label: "ours", policy: "unified", spillOrder: "spark" });
      expect([ours.parts, ours.different]).toEqual([null, 0]);
    },
  );

  test("2.4's static manager is what the policy static answers, where the layout is its own", async () => {
    const { outcomes } = await redecide(recordedOf(golden("2.4.8-static-1")), [{ label: "static", policy: "static" }]);
    expect(outcomes[1]).toMatchObject({ parts: null, different: 0, impossible: 0 });
  });

  test("another generation parts where it decides otherwise", async () => {
    const { outcomes } = await redecide(recordedOf(golden("4.1.1-consumers-1")), [
      { label: "old", policy: "unified", generation: "2.4" },
    ]);
    expect(outcomes[1]!.different).toBeGreaterThan(0);
    expect(outcomes[1]!.parts!.field).toBe("spills");
  });

  test("every policy keeps every law to the end, the same each time", async () => {
    const trace = golden("4.1.1-consumers-1");
    const [one, two] = [await redecide(recordedOf(trace), all), await redecide(recordedOf(trace), all)];
    expect(two).toEqual(one);
    const outcomes = byLabel(one.outcomes);
    for (const { label, brokenLaws } of one.outcomes) expect([label, brokenLaws]).toEqual([label, []]);
    expect(outcomes["none"]).toMatchObject({
      spills: 0,
      evictions: 0,
      waits: 0,
      shortGrants: 0,
      denied: 0,
      refused: 0,
    });
    expect(outcomes["greedy"]!.waits + outcomes["fair"]!.waits + outcomes["arbitrated"]!.waits).toBe(0);
    expect(outcomes["arbitrated"]!.spillsForOthers).toBeGreaterThan(0);
    expect(outcomes["unified"]!.spillsForOthers).toBe(0);
  });
});

// 1000 bytes, half of them storage's: a holds all, b comes.
const STORY: Op[] = [
  { op: "put", block: "rdd_0_0", bytes: 300, mode: "onHeap", onEvict: "gone" },
  { op: "consumer", task: 1, consumer: "a", mode: "onHeap", onSpill: "all" },
  { op: "consumer", task: 2, consumer: "b", mode: "onHeap", onSpill: "nothing" },
  { op: "acquire", task: 1, consumer: "a", bytes: 700 },
  { op: "acquire", task: 2, consumer: "b", bytes: 200 },
  { op: "endTask", task: 1 },
  { op: "endTask", task: 2 },
];

test("what came of it is told policy by policy", async () => {
  const { outcomes } = await redecide(recordedOf(traceOf(STORY)), all);
  const told = byLabel(outcomes);
  expect(told["as recorded"]).toMatchObject({ policy: null, waits: 1, stillWaiting: 0, grantedBytes: 900, spills: 0 });
  expect(told["unified-fair"]).toMatchObject({
    waits: 0,
    spills: 1,
    spilledBytes: 700,
    spillsForOthers: 1,
    parts: {
      row: 5,
      line: 6,
      asked: "acquire task=2 consumer=b bytes=200",
      field: "result",
      recorded: { waits: true },
    },
  });
  expect(told["arbitrated"]).toMatchObject({ evictions: 1, evictedBytes: 300, spills: 0, peakStorage: 300 });
  expect(told["greedy"]).toMatchObject({ waits: 0, shortGrants: 1, grantedBytes: 700, peakExecution: 700 });
  expect(told["none"]).toMatchObject({ grantedBytes: 900, peakExecution: 900, peakStorage: 300 });
});

test("a request that the other history made impossible is counted, and takes nothing from others", async () => {
  const ops: Op[] = [
    { op: "storageAcquire", block: "raw_1", bytes: 900, mode: "onHeap" },
    { op: "storageRelease", bytes: 900, mode: "onHeap" },
    { op: "put", block: "rdd_0_0", bytes: 300, mode: "onHeap", onEvict: "gone" },
    { op: "pin", block: "rdd_0_0" },
    { op: "storageAcquire", block: "raw_2", bytes: 600, mode: "onHeap" },
    { op: "storageRelease", bytes: 600, mode: "onHeap" },
    { op: "unpin", block: "rdd_0_0" },
  ];
  const stingy = { ...unified, name: "stingy", lend: () => -1 };
  const { outcomes } = await redecide(recordedOf(traceOf(ops)), [{ label: "stingy", policy: stingy }]);
  // The pin and the unpin of a block that was never stored.
  expect(outcomes[1]).toMatchObject({ refused: 3, impossible: 2, brokenLaws: [], parts: { row: 1 } });
});

test("a task that ends while it waits here waits no longer, and what is written of it replays", async () => {
  const ops: Op[] = [...STORY.slice(0, 5), { op: "endTask", task: 2 }, { op: "endTask", task: 1 }];
  const recorded = traceOf(ops, { ...SMALL, policy: "greedy" });
  const { outcomes } = await redecide(recordedOf(recorded), [{ label: "unified", policy: "unified" }]);
  expect(outcomes[0]).toMatchObject({ waits: 0 });
  expect(outcomes[1]).toMatchObject({ waits: 1, stillWaiting: 0, denied: 0, impossible: 0, brokenLaws: [] });
  const lines: string[] = [];
  for await (const line of decidedLines(recordedOf(recorded), { policy: "unified" })) lines.push(line);
  expect(JSON.parse(lines[6]!)).toMatchObject({ resumed: [{ i: 5, result: { error: "InterruptedException" } }] });
  expect((await checkTrace(recordedOf(lines))).disagreement).toBeNull();
});

test("ended early, it tells of the rows until then", async () => {
  const controller = new AbortController();
  const watch = (column: number, row: number): void => {
    if (column === 1 && row === 4) controller.abort();
  };
  const { signal } = controller;
  const told = await redecide(recordedOf(traceOf(STORY)), [{ label: "none", policy: "none" }], { watch, signal });
  expect(told).toMatchObject({ rows: 4, interrupted: true });
  expect(told.outcomes.map(({ grantedBytes }) => grantedBytes)).toEqual([700, 700]);
});

test("a policy that breaks a law stops everything, by the law's name", async () => {
  const bad = { ...unified, name: "bad", ceiling: () => 0, share: () => 1e9 };
  await expect(redecide(recordedOf(traceOf(STORY)), [{ label: "bad", policy: bad }])).rejects.toThrow(
    "law 2: policy bad answers share with 1000000000 bytes",
  );
});

test("a trace that names its policy is decided by it, unless another is asked for", async () => {
  const trace = traceOf(STORY, { ...SMALL, policy: "greedy", spillOrder: "largest" });
  const { outcomes } = await redecide(recordedOf(trace), [{ label: "same" }, { label: "other", policy: "fair" }]);
  expect(outcomes[1]).toMatchObject({ policy: "greedy", spillOrder: "largest", parts: null });
  expect(outcomes[2]).toMatchObject({ policy: "fair", spillOrder: "largest" });
});

describe("a run of one's own", () => {
  test.each(["unified", "greedy", "arbitrated", "none"])(
    "recorded under %s is decided alike under it",
    async (policy) => {
      const executor = thousand({ policy });
      const lines: string[] = [];
      const recorder = new Recorder(executor, (line) => lines.push(line));
      const [a, b] = [holder(executor, 1), holder(executor, 2)];
      executor.store.putAccount("rdd_0_0", 300);
      a.acquireMemory(700);
      const step = executor.task(2).begin(b.acquireRequest(200));
      a.freeMemory(a.used);
      executor.manager.waits.settle();
      expect(step.waiting).toBe(false);
      recorder.end();
      const { outcomes } = await redecide(recordedOf(lines), [{ label: "again", policy }]);
      expect(outcomes[1]).toMatchObject({ policy, parts: null, different: 0, impossible: 0, brokenLaws: [] });
      expect((await checkTrace(recordedOf(lines))).disagreement).toBeNull();
    },
  );
});
