// Recorded traces as workloads: who comes when, what is asked again in virtual time, and what cannot be asked under another history.

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import type { ExecutorOptions } from "../../src/executor.js";
import { POLICIES } from "../../src/policy/registry.js";
import { compressed, computeUs, diskUs, ROW_US } from "../../src/sim/costs.js";
import type { Outcome } from "../../src/sim/outcome.js";
import type { Plan } from "../../src/sim/plan.js";
import { readRecorded, type RecordedTrace, recordedWorkload } from "../../src/sim/recorded.js";
import { simulate } from "../../src/sim/simulator.js";
import type { Op } from "../../src/trace/format.js";
import { Recorder } from "../../src/trace/recorder.js";
import { decidedLines } from "../../src/trace/decide.js";
import { thousand } from "../policy/view.js";
import { recordedOf, SMALL, traceOf } from "../trace/traces.js";

const read = (lines: readonly string[]): Promise<RecordedTrace> => readRecorded(recordedOf(lines));

/** Every task at the pace at which it was recorded. */
function asRecorded(trace: RecordedTrace): Plan {
  const { jobs, rdds } = recordedWorkload(trace).plan(1, 1);
  const steady = jobs.map(({ arrivalUs, stages }) => ({
    arrivalUs,
    stages: stages.map((stage) => ({ ...stage, tasks: stage.tasks.map((task) => ({ ...task, slowness: 1 })) })),
  }));
  return { jobs: steady, rdds };
}

function run(trace: RecordedTrace, executor: ExecutorOptions = {}, plan: Plan = asRecorded(trace)): Outcome {
  const { conf, generation, collector, layout, cores } = trace;
  const options = { conf, generation, collector, layout, cores, ...executor };
  return simulate({ plan, executors: 1, cores, executor: options, audit: true });
}

/** So long, but for a few microseconds of garbage collection. */
const about = (us: number): unknown => expect.closeTo(us, -1);

/** The lines with times: row i is asked at `times[i - 1]`. */
function timed(lines: readonly string[], times: readonly number[]): string[] {
  return lines.map((line, at) => {
    const value = JSON.parse(line) as object;
    return JSON.stringify("op" in value ? { ...value, atUs: times[at - 1] } : value);
  });
}

const consumer = (task: number, name: string, onSpill: "all" | "nothing" = "nothing"): Op => ({
  op: "consumer",
  task,
  consumer: name,
  mode: "onHeap",
  onSpill,
});

// 1000 bytes: a takes most, b asks for more than is left.
const TWO: Op[] = [
  consumer(1, "a"),
  { op: "acquire", task: 1, consumer: "a", bytes: 800 },
  consumer(2, "b"),
  { op: "acquire", task: 2, consumer: "b", bytes: 300 },
  { op: "free", task: 1, consumer: "a", bytes: 800 },
  { op: "endTask", task: 1 },
  { op: "free", task: 2, consumer: "b", bytes: 300 },
  { op: "endTask", task: 2 },
];

describe("time", () => {
  test("goes by the rows' own, else by a constant from row to row", async () => {
    const plain = await read(traceOf(TWO));
    expect([plain.timed, plain.cores, plain.tasks.map(({ arrivalUs }) => arrivalUs)]).toEqual([
      false,
      2,
      [0, 2 * ROW_US],
    ]);
    const told = await read(timed(traceOf(TWO), [500, 600, 10_500, 20_000, 30_000, 50_000, 50_000, 51_000]));
    expect([told.timed, told.tasks.map(({ arrivalUs }) => arrivalUs)]).toEqual([true, [0, 10_000]]);
    // From the answer, which came with the fifth row, to the release.
    expect(told.tasks[1]!.asks.map(({ afterUs }) => afterUs)).toEqual([0, 9500, 20_000, 1000]);
    expect(run(told).makespanUs).toEqual(about(50_500));
  });

  test("stands still for whoever waits here, and is not lost", async () => {
    const greedy = await read(traceOf(TWO, { ...SMALL, policy: "none" }));
    const waits = run(greedy, { policy: "unified" });
    expect(run(greedy, { policy: "none" })).toMatchObject({ waits: 0, makespanUs: about(7 * ROW_US) });
    // From the fourth row to the fifth, when a gives back.
    expect(waits).toMatchObject({ waits: 1, waitUs: about(ROW_US), makespanUs: about(8 * ROW_US), shortfalls: 0 });
  });

  test("is taken by spills, their bytes read back by whoever takes the result", async () => {
    const ops: Op[] = [
      consumer(1, "a", "all"),
      consumer(1, "b"),
      { op: "acquire", task: 1, consumer: "a", bytes: 900 },
      { op: "acquire", task: 1, consumer: "b", bytes: 300 },
      { op: "endTask", task: 1 },
    ];
    const { spills, spillBytes, diskBytes, makespanUs } = run(await read(traceOf(ops)));
    expect([spills, spillBytes, diskBytes]).toEqual([1, 900, compressed(900)]);
    expect(makespanUs).toEqual(about(4 * ROW_US + 2 * diskUs(compressed(900))));
  });

  test.each<[string, (number | undefined)[], RegExp]>([
    ["goes back", [5, 3, 6, 7, 8, 9, 10, 11], /line 3: was asked before the row before it/],
    ["is told by some rows only", [5, 6, undefined, 7, 8, 9, 10, 11], /line 4: tells no time/],
    ["is told later only", [undefined, 6, 7, 7, 8, 9, 10, 11], /line 3: tells a time/],
    ["is no number of microseconds", [0, 0.5, 7, 7, 8, 9, 10, 11], /line 3: .*atUs/],
  ])("that %s is refused", (_, times, says) =>
    expect(read(timed(traceOf(TWO), times as number[]))).rejects.toThrow(says),
  );
});

describe("what was recorded", () => {
  test("comes out again where nothing is different", async () => {
    for (const policy of ["unified", "none"]) {
      const trace = await read(traceOf(TWO, { ...SMALL, policy }));
      expect(run(trace, { policy }), policy).toMatchObject({ shortfalls: 0, clipped: 0, tasks: 2, failedTasks: 0 });
    }
  });

  test("and was not got here is gone without, and what would give it back clipped", async () => {
    const trace = await read(traceOf(TWO, { ...SMALL, policy: "none" }));
    expect(run(trace, { policy: "greedy" })).toMatchObject({ shortfalls: 1, clipped: 1, waits: 0, failedTasks: 0 });
  });

  test("of an own run, times included, is asked again", async () => {
    const executor = thousand({ policy: "unified" });
    const lines: string[] = [];
    let nowUs = 7000;
    const recorder = new Recorder(
      executor,
      (line) => lines.push(line),
      () => (nowUs += 100),
    );
    const { manager } = executor;
    manager.acquireExecution(900, 1, 0);
    // Waits, looks again, and gets what is asked for.
    manager.acquireExecution(500, 2, 0);
    manager.releaseExecution(900, 1, 0);
    manager.retryExecution(500, 2, 0);
    recorder.end();
    const trace = await read(lines);
    expect(trace.timed).toBe(true);
    expect(trace.tasks.map(({ asks }) => asks.map(({ gotBytes }) => gotBytes))).toEqual([[900, 0], [500]]);
    expect(run(trace)).toMatchObject({ waits: 1, shortfalls: 0, tasks: 2 });
  });

  test("of a what-if leaves out what it could not ask", async () => {
    const lines: string[] = [];
    const ops: Op[] = [...TWO.slice(0, 2), { op: "pin", block: "test_1" }];
    const pinned = traceOf([{ op: "put", block: "test_1", bytes: 10, mode: "onHeap", onEvict: "gone" }, ...ops]);
    const refused = { name: "refuses", lend: () => -1 };
    const { unified } = await import("../../src/policy/unified.js");
    for await (const line of decidedLines(recordedOf(pinned), { policy: { ...unified, ...refused } })) lines.push(line);
    expect(lines[4]).toContain("skipped");
    const { tasks } = await read(lines.map((line) => line.replace(`"policy":"refuses",`, "")));
    expect(tasks.flatMap(({ asks }) => asks.map(({ ask }) => ask.op))).toEqual(["put", "consumer", "acquire"]);
  });
});

describe("blocks", () => {
  const put = (block: string, bytes: number, onEvict: "gone" | "disk" = "gone"): Op => ({
    op: "put",
    block,
    bytes,
    mode: "onHeap",
    onEvict,
  });

  test("that the recording found and that are gone here are computed and put again, or read from disk", async () => {
    const ops: Op[] = [
      put("rdd_0_0", 300),
      put("rdd_1_0", 200, "disk"),
      { op: "get", block: "rdd_0_0" },
      { op: "get", block: "rdd_1_0" },
    ];
    const found = await read(traceOf(ops));
    expect(run(found)).toMatchObject({ cacheHits: 2, cacheMisses: 0, recomputeUs: 0, makespanUs: about(3 * ROW_US) });
    // Half of the memory, and of that half for storage: one block at a time.
    const conf = { ...found.conf, "spark.testing.memory": "600" };
    const { makespanUs, ...short } = run(found, { conf, policy: "static" });
    expect(short).toMatchObject({ cacheHits: 0, cacheMisses: 2, recomputeBytes: 300, evictions: 2 });
    expect(short.diskBytes).toBe(compressed(200));
    expect(makespanUs).toBeGreaterThan(3 * ROW_US + computeUs(500) + 2 * diskUs(compressed(200)));
  });

  test("hold what is asked for without them, and give it back no more than it is", async () => {
    const ops: Op[] = [
      { op: "storageAcquire", block: "test_1", bytes: 400, mode: "onHeap" },
      { op: "unrollReserve", block: "test_2", bytes: 100, mode: "onHeap" },
      put("test_3", 300),
      { op: "pin", block: "test_3" },
      { op: "unrollRelease", bytes: 100, mode: "onHeap" },
      { op: "storageRelease", bytes: 400, mode: "onHeap" },
      { op: "unpin", block: "test_3" },
      { op: "has", block: "test_3" },
      { op: "remove", block: "test_3" },
      { op: "unmanaged", bytes: 10, mode: "onHeap" },
      { op: "clear" },
    ];
    const trace = await read(traceOf(ops));
    expect(run(trace)).toMatchObject({ clipped: 0, shortfalls: 0, peakStorageBytes: 800, tasks: 1 });
    // Nothing fits, so nothing is there to give back.
    const nothing = { ...trace.conf, "spark.testing.memory": "90" };
    expect(run(trace, { conf: nothing })).toMatchObject({ clipped: 4, shortfalls: 3, peakStorageBytes: 0 });
  });
});

const golden = (name: string): string[] =>
  gunzipSync(readFileSync(new URL(`../golden/${name}.jsonl.gz`, import.meta.url)))
    .toString()
    .trimEnd()
    .split("\n");

describe.each(["4.1.1-consumers-1", "3.5.7-executor-1", "2.4.8-static-1", "4.1.1-unmanaged-1"])(
  "real Spark's %s",
  (name) => {
    test("runs under every policy, every law after every step, nothing lost", async () => {
      const trace = await read(golden(name));
      for (const { name: policy } of POLICIES) {
        const outcome = run(trace, { policy });
        expect([policy, outcome.tasks, outcome.failedTasks]).toEqual([policy, trace.tasks.length, 0]);
        expect(outcome.requests).toBeGreaterThanOrEqual(trace.tasks.reduce((sum, { asks }) => sum + asks.length, 0));
      }
    });
  },
);

test("a seed is a pace of each task, and the same outcome each time", async () => {
  const trace = await read(golden("4.1.1-pages-1"));
  const workload = recordedWorkload(trace);
  const paces = workload
    .plan(3, 1)
    .jobs.flatMap(({ stages }) => stages.flatMap(({ tasks }) => tasks.map((t) => t.slowness)));
  for (const pace of paces) expect(Math.abs(pace - 1)).toBeLessThanOrEqual(0.25);
  expect(new Set(paces).size).toBe(trace.tasks.length);
  const [one, again, other] = [3, 3, 4].map((seed) => run(trace, {}, workload.plan(seed, 1)));
  expect(again).toEqual(one);
  expect(other).not.toEqual(one);
  // On every machine and every Node.
  const hash = createHash("sha256")
    .update(JSON.stringify([one, other]))
    .digest("hex");
  expect(hash).toBe("8c9fe7f4dd1bfaddcbf39ea005ea6b342d126b1b43af0286e237980cf35c7c13");
});
