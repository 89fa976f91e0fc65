// Real logs of Spark 1.3 to 4.1. The expected numbers stand in the logs themselves or were worked out by hand from them.

import { expect, test } from "vitest";
import { logNames, logText, reportText } from "./help.js";

const MIB = 2 ** 20;

/** Maximum Memory on-heap of each kind, and the heap that it implies, MiB: (heap - 300) x 0.6, before 1.6 heap x 0.54. */
const KINDS: Readonly<Record<string, readonly (readonly [string, number, number])[]>> = {
  "spark1.3-local-1422981780767-cached": [["survivor", 278_302_556, 491.5]],
  "spark1.5.2-ReduceByKey8cores": [
    ["survivor", 560_497_950, 989.875],
    ["survivor", 3_394_130_411, 5994.25],
  ],
  "spark2.1-app-20161116163331-offheap": [
    ["survivor", 384_093_388, 910.5],
    ["survivor", 384_093_388, 910.5],
  ],
  "spark2.3-application_1516285256255_0012": [["survivor", 956_615_884, 1820.5]],
  "spark2.4-application_1506645932520-peakmetrics": [
    ["survivor", 1_043_437_977, 1958.5],
    ["survivor", 956_615_884, 1820.5],
  ],
  "spark3.0-application_1553914137147_0018-7g": [
    ["survivor", 956_615_884, 1820.5],
    ["survivor", 3_820_172_083, 6372],
  ],
  "spark3.0.1amzn-TextSimilarity": [
    ["survivor", 1_078_827_417, 2014.75],
    ["survivor", 332_503_449, 828.5],
  ],
  "spark3.1-app-20200706201101": [
    ["survivor", 384_093_388, 910.5],
    ["survivor", 384_093_388, 910.5],
  ],
  "spark3.1.1-customshuffle": [["survivor", 415_550_668, 960.5]],
  "spark3.2.1-aqeshuffle": [["survivor", 415_550_668, 960.5]],
  "spark3.3.0amzn-ProcessLargeDataset": [
    ["survivor", 1_056_807_321, 1979.75],
    ["survivor", 5_070_598_963, 8359.5],
  ],
  "spark3.5.3-k8s-4g-110be3": [
    ["exact", 2_388_236_697, 4096],
    ["exact", 2_388_236_697, 4096],
  ],
  "spark3.5.3-nds_q72_dataproc": [
    ["exact", 32_023_511_040, 51_200],
    ["exact", 25_581_060_096, 40_960],
  ],
  "spark4.1.0-shs-e2e-app2-1g": [["exact", 455_501_414, 1024]],
};

test("there is an expectation for every log", () => {
  expect(logNames.map((name) => name.replace(".jsonl.gz", ""))).toEqual(Object.keys(KINDS));
});

test.each(Object.entries(KINDS))("%s agrees with the layout", async (name, kinds) => {
  const report = await reportText(logText(name));
  expect(report.agrees).toBe(true);
  const found = report.executors.map(({ check }) => [
    check.verdict,
    check.loggedOnHeapBytes,
    check.impliedHeapBytes! / MIB,
  ]);
  expect(found).toEqual(kinds);
  // A manager of one byte more has no heap that a JVM can have.
  const more = logText(name).replace(
    /"Maximum Onheap Memory":(\d+)/g,
    (_, bytes) => `"Maximum Onheap Memory":${BigInt(bytes) + 1n}`,
  );
  const tampered = await reportText(
    more.replace(/"Maximum Memory":(\d+)/g, (_, bytes) => `"Maximum Memory":${BigInt(bytes) + 1n}`),
  );
  expect(tampered.agrees).toBe(false);
  expect(tampered.executors.every(({ check }) => check.verdict === "contradiction")).toBe(true);
});

test("the off-heap region of the 2.1 log is told though no key asks for it", async () => {
  const [driver] = (await reportText(logText("spark2.1"))).executors;
  expect(driver!.check.loggedOffHeapBytes).toBe(524_288_000);
  expect(driver!.check.why).toContain("500 MiB off-heap though spark.memory.offHeap.size is not in the log");
});

test("pages of the 4.1 log are those that its operators' peaks are made of", async () => {
  const [driver] = (await reportText(logText("spark4.1"))).executors;
  // A peak of 8,650,736 is a page and a pointer array of 256 KiB.
  expect(driver!.layout!.pageBytes).toBe(8_650_736 - 262_144);
});

test("the spilling job: twelve tasks of a thirteen, and what would spare it", async () => {
  const report = await reportText(logText("spark3.2.1"));
  expect(report.tasks).toMatchObject({
    tasks: 26,
    spilledTasks: 12,
    memorySpilledBytes: 553_648_128,
    diskSpilledBytes: 118_948_980,
  });
  expect(report.peakTask!.peakBytes).toBe(58_720_256);
  expect(report.neediestTask).toMatchObject({
    peakBytes: 58_720_256,
    memorySpilledBytes: 46_137_344,
    needBytes: 104_857_600,
  });
  // 12 x 104,857,600 / 0.6 + 300 MiB = 2300 MiB, of which this JVM reports 960.5 / 1024: 2452.05.
  expect(report.advice.map(({ key, proposed }) => [key, proposed])).toEqual([
    ["spark.driver.memory", "2453m"],
    ["spark.sql.adaptive.coalescePartitions.enabled", "false"],
    ["spark.master", "local[3]"],
  ]);
  expect(report.advice[0]!.figures).toMatchObject({
    shareBytes: Math.floor(415_550_668 / 12),
    wantedRegionBytes: 1_258_291_200,
    addedBytes: 1429 * MIB,
  });
  // 13 x 104,857,600 / 34,629,222 = 39.4
  expect(report.advice[1]!.figures).toMatchObject({ leastTasksCount: 40, tasksCount: 200 });
});

test("the cached RDD of the 1.3 log: eight blocks of 3,500,016 bytes, read twice", async () => {
  const { cached, history } = await reportText(logText("spark1.3"));
  expect(cached).toMatchObject({
    count: 1,
    peakMemoryBytes: 28_000_128,
    peakDiskBytes: 0,
    evictions: 0,
    tracked: true,
  });
  expect(cached.rdds[0]).toMatchObject({ rdd: 0, partitions: 8, peakBlocks: 8, requests: 16 });
  expect(history).toMatchObject({ requests: 16, blocks: 8, unit: "bytes", mostAtOnce: 28_000_128 });
  // Blocks of one RDD do not push each other out: one, two, four and eight blocks stay, and are hit the second time.
  const lru = history.policies.filter(({ policy }) => policy === "lru").map(({ capacity, hits }) => [capacity, hits]);
  expect(lru).toEqual([
    [3_500_016, 1],
    [7_000_032, 2],
    [14_000_064, 4],
    [28_000_128, 8],
    [278_302_556, 8],
  ]);
});

test("peaks: the greatest sample of each kind of executors", async () => {
  const { executors } = await reportText(logText("spark2.4"));
  expect(executors[1]!.peaks).toMatchObject({ OnHeapExecutionMemory: 37_748_736, OnHeapUnifiedMemory: 100_853_193 });
  expect(executors[1]).toMatchObject({ count: 7, cores: 1, sampled: 4 });
});

test("the peaks of tasks before 3.0 come from accumulators", async () => {
  expect((await reportText(logText("spark1.5.2"))).peakTask!.peakBytes).toBe(28_469_340);
  expect((await reportText(logText("spark2.4"))).peakTask!.peakBytes).toBe(67_698_688);
});
