// Several workers on one memory, each with a task of its own, against Spark's threads on one manager. What the hardware gives
// stands beside it: a pair of uncontended atomic operations, and plain computing by as many workers.

import { once } from "node:events";
import { Worker } from "node:worker_threads";

import type { Done, Hired, Work } from "./contention-worker.js";
import {
  type Bench,
  type Case,
  type Contender,
  type Goal,
  NS_PER_PAIR,
  OURS,
  type Outcome,
  parameter,
} from "./harness.js";
import { MILLION_OPS, MILLION_ROWS, type Reading, type Settings } from "./harness.js";
import { inFolder } from "./folder.js";
import { fold } from "./hash.js";
import { spark } from "./spark.js";
import { shareExecutor } from "../src/shared.js";

const MIB = 2 ** 20;
const GIB = 2 ** 30;

// Tests run the benches as they are written, without a build.
function workerOf(data: Hired): Worker {
  if (import.meta.url.endsWith(".js"))
    return new Worker(new URL("./contention-worker.js", import.meta.url), { workerData: data });
  const file = JSON.stringify(new URL("./contention-worker.ts", import.meta.url).href);
  const start = `import("tsx/esm/api").then((tsx) => (tsx.register(), import(${file})))`;
  return new Worker(start, { eval: true, workerData: data });
}

/** Operations of a worker in a round. */
const OPS: Readonly<Record<Work, number>> = {
  pairs: 4_000_000,
  mix: 80_000,
  sort: 2_000_000,
  atomics: 8_000_000,
  compute: 20_000_000,
};

const times = (text: string, least: number): Goal => ({
  text,
  reached: (row) => row.ratio !== null && row.ratio >= least,
});

export const contention: Bench = {
  name: "contention",
  about:
    "N workers, each with a task of its own, on one shared memory; Spark: N threads on one manager. `pairs`: acquireExecution + " +
    "releaseExecution of 1 MiB by tasks that hold 1 byte, 2 GiB region, never short. `mix`: half of the acquires are of an eighth of the " +
    "region or more, now and then of all of it, so that they are decided, cut short or wait. All workers together, from the first " +
    "start to the last end; one call of the public manager an operation. `atomics`: two uncontended atomic operations from " +
    "JavaScript. `compute`: no memory at all. `sort`: each of two workers sorts 2 M rows of 16 bytes off-heap, under 26 MiB together, a " +
    "quarter of the need; against one worker that sorts the two one after the other under 13 MiB, with as many spills.",
  bound: "two cores: from three workers on they take turns, and a waiting worker needs a wake-up from the kernel.",
  cases: (settings) => [
    {
      ...one(settings, "pairs", 1),
      unit: NS_PER_PAIR,
      goal: (peer) => (peer === "spark" ? times(">= 12 x", 12) : times("<= 1.5 times", 1 / 1.5)),
      peers: [...threads(settings, "pairs", 1), async () => crew(settings, "atomics", 1)],
    },
    {
      ...one(settings, "pairs", 2),
      goal: (peer) => (peer === "spark" ? times(">= 25 x", 25) : null),
      peers: [...threads(settings, "pairs", 2), async () => crew(settings, "atomics", 2)],
    },
    one(settings, "compute", 1),
    one(settings, "compute", 2),
    ...parameter(settings, [2], [1, 2, 4, 8]).map((workers) => ({
      ...one(settings, "mix", workers),
      goal: () => times("> 1 x", 1),
      peers: threads(settings, "mix", workers),
    })),
    {
      name: "sort, 2 workers",
      unit: MILLION_ROWS,
      goal: () => times(">= 1.6 x", 1.6),
      mostRounds: 3,
      ours: () => sorters(settings, 2),
      peers: [async () => ({ ...sorters(settings, 1), name: "one after the other" })],
    },
  ],
  conclude: scaling,
};

function one(settings: Settings, work: Work, workers: number): Case {
  return {
    name: `${work}, ${workers} ${workers === 1 ? "worker" : "workers"}`,
    unit: MILLION_OPS,
    ours: () => crew(settings, work, workers),
    peers: [],
  };
}

function threads(settings: Settings, work: Work, workers: number): Case["peers"] {
  const ops = parameter(settings, 64, work === "mix" ? 80_000 : 1_000_000);
  return spark(settings, "contend", { threads: workers, mix: String(work === "mix"), bytes: regionOf(work), ops });
}

function regionOf(work: Work): number {
  return work === "mix" ? 2 ** 20 : 2 * GIB;
}

/** Threads on the code beside the bench, one round at a time. */
function crew(settings: Settings, work: Work, workers: number, directory = ""): Contender {
  const bytes = work === "sort" ? (workers * parameter(settings, 3 * MIB, 26 * MIB, 6 * MIB)) / 2 : regionOf(work);
  const ops = work === "sort" ? parameter(settings, 60_000, OPS.sort, 500_000) : parameter(settings, 64, OPS[work]);
  const sorts = work === "sort" ? 2 / workers : 1;
  const executor = shareExecutor({
    conf: {
      "spark.testing.memory": String(work === "sort" ? MIB : bytes),
      "spark.testing.reservedMemory": "0",
      "spark.memory.fraction": "1",
      "spark.memory.offHeap.enabled": "true",
      "spark.memory.offHeap.size": String(bytes),
      "spark.buffer.pageSize": `${parameter(settings, MIB / 8, MIB)}b`,
    },
  });
  const gate = new SharedArrayBuffer(8);
  const hired = Array.from({ length: workers }, (_, task) => {
    const { seed } = settings;
    const data: Hired = { place: executor.place(), task, work, bytes, gate, hands: workers, directory, sorts, seed };
    return workerOf(data);
  });
  const control = work === "atomics";
  const round = async (): Promise<Reading> => {
    const answers = hired.map((worker) => once(worker, "message"));
    for (const worker of hired) worker.postMessage(ops);
    const done = (await Promise.all(answers)).map(([answer]) => answer as Done);
    const from = Math.min(...done.map((d) => d.from));
    const to = Math.max(...done.map((d) => d.to));
    const hash = control ? null : work === "sort" ? done[0]!.hash : done.reduce((all, d) => fold(all, d.hash), 0);
    const more = work === "sort" ? { more: { spills: done.reduce((all, d) => all + d.spills, 0) } } : {};
    return { ops: workers * ops * sorts, seconds: (to - from) / 1e9, hash, ...more };
  };
  return {
    name: work === "pairs" || work === "mix" ? "ours" : work,
    version: OURS,
    async warm() {
      const end = performance.now() + settings.warmMs;
      do await round();
      while (performance.now() < end);
    },
    round,
    async close() {
      await Promise.all(hired.map((worker) => worker.terminate()));
    },
  };
}

function sorters(settings: Settings, workers: number): Contender {
  let hired: Contender | null = null;
  const contender = inFolder((directory) => (hired = crew(settings, "sort", workers, directory)));
  return {
    ...contender,
    async close() {
      await hired!.close();
      await contender.close();
    },
  };
}

/** What a second worker gains, as a part of what computing alone gains by it. */
function scaling(outcomes: readonly Outcome[]): Outcome {
  const median = (name: string): number => {
    const { row } = outcomes.find((outcome) => outcome.row.case === name)!;
    return row.unit === NS_PER_PAIR.text ? 1000 / row.median : row.median;
  };
  const ours = median("pairs, 2 workers") / median("pairs, 1 worker");
  const most = median("compute, 2 workers") / median("compute, 1 worker");
  const gain = Math.round((1000 * ours) / most) / 1000;
  const row = {
    ...outcomes[0]!.row,
    case: "second worker, of what computing gains",
    median: gain,
    min: gain,
    max: gain,
    unit: "x",
    peer: null,
    peerVersion: null,
    peerMedian: null,
    ratio: null,
  };
  return {
    ...outcomes[0]!,
    row,
    goal: { text: ">= 0.95 x", reached: gain >= 0.95 },
    peerRange: null,
    more: "",
  };
}
