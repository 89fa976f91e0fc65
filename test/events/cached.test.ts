import { expect, test } from "vitest";
import { CachedBlocks } from "../../src/events/cached.js";
import { cachedFrontier } from "../../src/events/lineage.js";
import { comparePolicies, replayBlocks } from "../../src/events/policies.js";
import { mostAtOnce, RequestLog } from "../../src/events/requests.js";
import {
  completed,
  jobEnd,
  jobStart,
  manager,
  readText,
  reportEvents,
  stageInfo,
  started,
  submitted,
  taskEnd,
  textOf,
} from "./help.js";

const rdd = (id: number, parents: number[] | null, cached = false) => ({ rdd: id, parents, cached });

test("the cached RDDs that a stage reads first", () => {
  // 5 -> 4 -> 3 (cached) -> 2 (cached); 5 -> 1 (cached)
  const all = [rdd(5, [4, 1]), rdd(4, [3]), rdd(3, [2], true), rdd(2, [], true), rdd(1, [], true)];
  expect(cachedFrontier(all).map((each) => each.rdd)).toEqual([1, 3]);
  // The RDD that the stage computes is cached itself.
  expect(cachedFrontier([rdd(7, [6], true), rdd(6, [], true)]).map((each) => each.rdd)).toEqual([7]);
  // Parents that lie in other stages end the walk; without parents every cached RDD counts.
  expect(cachedFrontier([rdd(9, [8]), rdd(3, [2], true)]).map((each) => each.rdd)).toEqual([3]);
  expect(cachedFrontier([rdd(2, null, true), rdd(1, null, true), rdd(3, null)]).map((each) => each.rdd)).toEqual([
    1, 2,
  ]);
  expect(cachedFrontier([])).toEqual([]);
});

const cachedRdd = { id: 1, cached: true };

test("what leaves memory is evicted, unless it was unpersisted or its executor went", async () => {
  const report = await reportEvents([
    ...started(),
    manager("1", 455_501_414),
    manager("2", 455_501_414),
    submitted(stageInfo(0, 4, [cachedRdd])),
    taskEnd({
      stage: 0,
      task: 0,
      blocks: [
        ["rdd_1_0", 100, 0],
        ["broadcast_0", 7, 0],
      ],
    }),
    taskEnd({ stage: 0, task: 1, blocks: [["rdd_1_1", 200, 0]] }),
    taskEnd({ stage: 0, task: 2, executor: "2", blocks: [["rdd_1_2", 400, 0]] }),
    // Dropped to disk, then dropped altogether.
    taskEnd({
      stage: 0,
      task: 3,
      blocks: [
        ["rdd_1_0", 0, 60],
        ["rdd_1_1", 0, 0],
        ["rdd_1_3", 800, 0],
      ],
    }),
    completed(stageInfo(0, 4, [cachedRdd])),
    { Event: "SparkListenerBlockManagerRemoved", "Block Manager ID": { "Executor ID": "2", Host: "h", Port: 1 } },
    { Event: "SparkListenerUnpersistRDD", "RDD ID": 1 },
    taskEnd({ stage: 0, task: 4, blocks: [["rdd_1_3", 0, 0]] }),
  ]);
  expect(report.cached).toMatchObject({
    count: 1,
    evictions: 2,
    evictedBytes: 300,
    dropped: 1,
    peakMemoryBytes: 1200,
    peakDiskBytes: 60,
    tracked: true,
  });
  expect(report.cached.rdds[0]).toMatchObject({ evictions: 2, dropped: 1, unpersisted: true, peakBlocks: 3 });
  expect(report.cached.overTime).toEqual([{ timeMs: 2000, memoryBytes: 1200, diskBytes: 60 }]);
});

test("logged block updates count as those of tasks do", async () => {
  const update = (block: string, memory: number) => ({
    Event: "SparkListenerBlockUpdated",
    "Block Updated Info": {
      "Block Manager ID": { "Executor ID": "1", Host: "h", Port: 1 },
      "Block ID": block,
      "Storage Level": {},
      "Memory Size": memory,
      "Disk Size": 0,
    },
  });
  const { cached } = await reportEvents([
    ...started(),
    submitted(stageInfo(0, 1, [cachedRdd])),
    update("rdd_1_0", 50),
    update("rdd_1_0", 0),
    update("rdd_9_0", 70),
  ]);
  expect(cached).toMatchObject({ evictions: 1, evictedBytes: 50, peakMemoryBytes: 50 });
});

test("requests come from tasks, with the stages that wait and the time of the first", async () => {
  const stages = [0, 1, 2].map((stage) => stageInfo(stage, 2, [{ id: 10 + stage, parents: [1] }, cachedRdd]));
  const log = await readText(
    textOf([
      ...started(),
      jobStart(0, stages),
      submitted(stages[0]!),
      taskEnd({ stage: 0, task: 0, runMs: 70 }),
      taskEnd({ stage: 0, task: 1, runMs: 30 }),
      taskEnd({ stage: 0, task: 1, failed: "java.lang.Error" }),
      completed(stages[0]!),
      submitted(stages[1]!),
      taskEnd({ stage: 1, task: 2, partition: 1, runMs: 5 }),
      completed(stages[1]!),
      jobEnd(0),
      { Event: "SparkListenerUnpersistRDD", "RDD ID": 1 },
      submitted(stages[2]!),
      taskEnd({ stage: 2, task: 3, partition: 1, runMs: 5 }),
    ]),
  );
  const requests = log.requests();
  expect(requests).toMatchObject({ count: 4, objects: 2, unit: "objects", dropped: 0 });
  expect([...requests.ids]).toEqual([0, 1, 1, 1]);
  expect([...requests.groups]).toEqual([1, 1, 1, 1]);
  expect([...requests.costs]).toEqual([70, 30, 30, 30]);
  expect([...requests.refs]).toEqual([2, 2, 1, 0]);
  expect([...requests.nextUse]).toEqual([4, 2, 3, 4]);
  expect(requests.changes).toEqual([
    { at: 2, group: 1, refs: 1 },
    { at: 3, group: 1, refs: 0 },
    { at: 3, group: 1, refs: null },
  ]);
});

/** Blocks "rdd.partition" in order; "-rdd" unpersists. */
function requestsOf(text: string, sizes: Record<string, number> = {}) {
  const log = new RequestLog();
  for (const word of text.split(" ")) {
    if (word.startsWith("-")) {
      log.unpersisted(Number(word.slice(1)));
      continue;
    }
    const [rddId, partition] = word.split(".").map(Number);
    log.ask(rddId!, partition!, 10);
    log.sized(rddId!, partition!, sizes[word] ?? 1);
  }
  return log.finish();
}

test("what is held at most at once", () => {
  expect(mostAtOnce(requestsOf("1.0 1.1 2.0 1.0"))).toBe(3);
  expect(mostAtOnce(requestsOf("1.0 1.1 -1 2.0"))).toBe(2);
  expect(mostAtOnce(requestsOf("1.0 -1 1.0 2.0", { "1.0": 5, "2.0": 7 }))).toBe(12);
});

test("policies by hand: order of use against order of insertion, and never the own RDD", () => {
  // Capacity 2. FIFO: 1 2 | hit 1 | 3 puts out 1 | 1 puts out 2 | 2 puts out 3. LRU: 3 puts out 2, 1 hits, 2 puts out 3.
  const requests = requestsOf("1.0 2.0 1.0 3.0 1.0 2.0");
  expect(replayBlocks(requests, "fifo", 2)).toMatchObject({ hits: 1, misses: 5, again: 2, againMs: 20, refused: 0 });
  expect(replayBlocks(requests, "lru", 2)).toMatchObject({ hits: 2, misses: 4, again: 1, againMs: 10 });
  // The third block of RDD 1 finds blocks of RDD 1 only.
  expect(replayBlocks(requestsOf("1.0 1.1 1.2 1.0 1.2"), "lru", 2)).toMatchObject({ hits: 1, refused: 2 });
  // Too large for the store, and nobody leaves for it.
  const large = requestsOf("1.0 2.0 1.0", { "1.0": 2, "2.0": 9 });
  expect(replayBlocks(large, "lru", 4)).toMatchObject({ hits: 1, oversize: 1, missed: 11 });
  // Unpersisted blocks are gone, and making them is not making them again.
  expect(replayBlocks(requestsOf("1.0 -1 1.0"), "lru", 4)).toMatchObject({ hits: 0, again: 0 });
});

test("capacities: parts of what is held at most, and the log's own", () => {
  const outcomes = comparePolicies(requestsOf("1.0 2.0", { "1.0": 60, "2.0": 20 }), 33);
  expect(outcomes.filter(({ policy }) => policy === "lru").map(({ capacity }) => capacity)).toEqual([
    10, 20, 40, 80, 33,
  ]);
  expect(comparePolicies(new RequestLog().finish(), 5)).toEqual([]);
});

test("where there is room for all, no policy misses a block twice", () => {
  const requests = requestsOf("1.0 2.0 3.0 1.0 2.0 3.0 1.0 2.0 3.0", { "1.0": 30, "2.0": 50, "3.0": 20 });
  for (const { policy, capacity, hits } of comparePolicies(requests, null))
    if (capacity === 100) expect([policy, hits]).toEqual([policy, 6]);
});

test("a log of requests has an end, and says what came after it", () => {
  const log = new RequestLog(3);
  for (let i = 0; i < 5; i += 1) log.ask(1, i, 0);
  expect(log.finish()).toMatchObject({ count: 3, objects: 3, dropped: 2 });
});

test("a task whose partition the cached RDD does not have asks for nothing, and that is counted", () => {
  const cached = new CachedBlocks();
  const info = {
    rdd: 1,
    name: "",
    parents: [],
    cached: true,
    partitions: 1,
    cachedPartitions: 0,
    memoryBytes: 0,
    diskBytes: 0,
  };
  cached.stageSubmitted({ stage: 0, attempt: 0, name: "", tasks: 2, shuffled: false, rdds: [info] });
  const end = {
    kind: "taskEnd",
    stage: 0,
    attempt: 0,
    task: 0,
    executor: "1",
    finishMs: 0,
    succeeded: true,
    reason: "",
  } as const;
  const zeros = {
    runMs: 0,
    gcMs: 0,
    memorySpilledBytes: 0,
    diskSpilledBytes: 0,
    peakBytes: 0,
    peakOnHeapBytes: 0,
    peakOffHeapBytes: 0,
  };
  cached.taskEnded({ ...end, ...zeros, partition: 1, blocks: [], metrics: {} });
  expect(cached.summary().unmapped).toBe(1);
  expect(cached.requests().count).toBe(0);
});
