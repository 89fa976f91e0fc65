import { expect, test } from "vitest";
import { ended, executorAdded, manager, reportEvents, stageInfo, started, submitted, taskEnd } from "./help.js";

const MIB = 2 ** 20;
const SQL = { Event: "org.apache.spark.sql.execution.ui.SparkListenerSQLExecutionStart" };
/** Region of 8 GiB. */
const REGION = 4_965_217_075;

const events = (conf: Record<string, string>, ...more: object[]) => [
  ...started({ "spark.executor.memory": "8g", ...conf }),
  SQL,
  ...["1", "2"].flatMap((id) => [executorAdded(id, 4), manager(id, REGION)]),
  submitted(stageInfo(1, 200, [])),
  ...more,
  ended(),
];

test("spills: a heap in which every task has what the neediest wanted, more partitions, or fewer tasks", async () => {
  const need = taskEnd({ stage: 1, task: 3, peak: 1000 * MIB, spilled: 1000 * MIB, disk: 50 });
  const { advice } = await reportEvents(events({}, need, taskEnd({ stage: 1, task: 4, peak: 3 * MIB, spilled: MIB })));
  expect(advice.map(({ key, current, proposed }) => [key, current, proposed])).toEqual([
    // 4 x 2000 MiB / 0.6 + 300 MiB = 13633.3 MiB
    ["spark.executor.memory", "8g", "13634m"],
    // 2000 MiB / (4965217075 / 4) = 1.69; 200 x 1.69 = 337.9
    ["spark.sql.shuffle.partitions", "200", "338"],
    // 4965217075 bytes hold two times 2000 MiB
    ["spark.executor.cores", "4", "2"],
  ]);
  expect(advice[0]!.figures).toMatchObject({ needBytes: 2000 * MIB, shareBytes: 1_241_304_268, executorsCount: 2 });
  expect(advice[0]!.figures["addedBytes"]).toBe((13_634 - 8192) * MIB);
});

test("what storage protects is not counted as execution's", async () => {
  const metrics = { OnHeapStorageMemory: 3 * 2 ** 30 };
  const { advice } = await reportEvents(
    events({}, taskEnd({ stage: 1, task: 1, peak: 900 * MIB, spilled: 100 * MIB, metrics })),
  );
  // R is 2482608537: 4 x 1000 MiB + R.
  expect(advice[0]!.figures).toMatchObject({
    protectedBytes: 2_482_608_537,
    shareBytes: Math.floor((REGION - 2_482_608_537) / 4),
    wantedRegionBytes: 4000 * MIB + 2_482_608_537,
  });
});

test("a task that would have had room alone is no ground", async () => {
  const { advice } = await reportEvents(events({}, taskEnd({ stage: 1, task: 1, peak: 10 * MIB, spilled: 10 * MIB })));
  expect(advice).toEqual([]);
});

test("off-heap execution asks for off-heap memory", async () => {
  const conf = { "spark.memory.offHeap.enabled": "true", "spark.memory.offHeap.size": "1g" };
  const made = events(conf, taskEnd({ stage: 1, task: 1, peak: 300 * MIB, spilled: 100 * MIB })).map((event) =>
    "Maximum Offheap Memory" in event
      ? { ...event, "Maximum Offheap Memory": 1024 * MIB, "Maximum Memory": REGION + 1024 * MIB }
      : event,
  );
  const { advice, agrees } = await reportEvents(made);
  expect(agrees).toBe(true);
  expect(advice[0]).toMatchObject({ key: "spark.memory.offHeap.size", current: "1g", proposed: "1600m" });
});

test("cached blocks that were pushed out: a region for all of them", async () => {
  const level = [{ id: 1, cached: true, partitions: 200 }];
  const { advice } = await reportEvents([
    ...events({}).slice(0, -2),
    submitted(stageInfo(1, 200, level)),
    taskEnd({ stage: 1, task: 0, partition: 0, blocks: [["rdd_1_0", 4e9, 0]] }),
    taskEnd({ stage: 1, task: 1, partition: 1, blocks: [["rdd_1_1", 4e9, 0]] }),
    taskEnd({
      stage: 1,
      task: 2,
      partition: 2,
      blocks: [
        ["rdd_1_0", 0, 0],
        ["rdd_1_2", 4e9, 0],
      ],
    }),
    ended(),
  ]);
  // 12e9 in two stores need 6e9 each: 6e9 / 0.6 + 300 MiB = 9836.7 MiB
  expect(advice.map(({ key, proposed }) => [key, proposed])).toEqual([["spark.executor.memory", "9837m"]]);
  expect(advice[0]!.figures).toMatchObject({ cachedBytes: 12e9, storesCount: 2, evictionsCount: 1 });
});

test("heap that nothing used, only where every executor was sampled", async () => {
  const metrics = { JVMHeapMemory: 1000 * MIB, OnHeapUnifiedMemory: 1200 * MIB };
  const one = taskEnd({ stage: 1, task: 1, metrics });
  const two = taskEnd({ stage: 1, task: 2, executor: "2", metrics });
  expect((await reportEvents(events({}, one))).advice).toEqual([]);
  // 1200 MiB / 0.6 + 300 MiB = 2300 MiB, more than the heap in use
  expect((await reportEvents(events({}, one, two))).advice).toMatchObject([
    { key: "spark.executor.memory", current: "8g", proposed: "2300m" },
  ]);
  expect((await reportEvents(events({}, one, two))).advice[0]!.why).toMatch(/the larger is 2\.2 GiB$/);
  const busy = { JVMHeapMemory: 7000 * MIB, OnHeapUnifiedMemory: 1200 * MIB };
  const all = [one, two, taskEnd({ stage: 1, task: 3, metrics: busy })];
  expect((await reportEvents(events({}, ...all))).advice).toEqual([]);
  // Whoever ran out of memory is not told to have less.
  const failed = taskEnd({ stage: 1, task: 3, failed: "java.lang.OutOfMemoryError" });
  const short = await reportEvents(events({}, one, two, failed));
  expect(short.tasks).toMatchObject({ failed: 1, outOfMemory: 1 });
  expect(short.advice).toEqual([]);
});

test("executors that were killed for memory are told", async () => {
  const reason = "Container killed by YARN for exceeding memory limits. 5.6 GB of 5.5 GB physical memory used.";
  const gone = { Event: "SparkListenerExecutorRemoved", Timestamp: 1, "Executor ID": "2", "Removed Reason": reason };
  const idle = { ...gone, "Removed Reason": "Executor killed by driver, idle for 60 s" };
  expect((await reportEvents(events({}, gone, idle))).killedForMemory).toEqual({ count: 1, reasons: [reason] });
});
