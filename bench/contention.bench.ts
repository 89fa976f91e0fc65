// Several workers on one memory, each with a task of its own, against Spark's threads on one manager. What the hardware gives
// stands beside it: a pair of uncontended atomic operations, and plain computing by as many workers.

import { availableParallelism } from "node:os";

import { crew, regionOf, sorters } from "./contention-crew.js";
import { decisionCosts, opsPerSecond } from "./contention-model.js";
import type { Work } from "./contention-worker.js";
import { type Bench, type Case, type Goal, MILLION_OPS, MILLION_ROWS, NS_PER_PAIR, nsPer } from "./harness.js";
import { type Outcome, parameter, type Settings } from "./harness.js";
import { spark } from "./spark.js";

const times = (text: string, least: number): Goal => ({
  text,
  reached: (row) => row.ratio !== null && row.ratio >= least,
});

const NS_PER_DECISION = nsPer("op");
const NS_PER_TURN = nsPer("turn");

/** Tasks that decisions are timed with. */
const FEW = 1;
const MANY = 64;

/** Machines that the model is asked about. */
const ELSEWHERE = [16, 64];

export const contention: Bench = {
  name: "contention",
  about:
    "N workers, each with a task of its own, on one shared memory; Spark: N threads on one manager. `pairs`: acquireExecution + " +
    "releaseExecution of 1 MiB by tasks that hold 1 byte, 2 GiB region, never short. `mix`, in turn: an acquire of more than twice " +
    "the task's share, three of 64 bytes on top of what that was cut to, all of it back, four of 64 bytes by a task that holds nothing " +
    "else; so half of them are decided, some are cut short and some wait. A block of 1 KiB is put with one acquire in 64, and evicted " +
    "when execution wants its bytes (storageFraction 0, 1 MiB region). An operation is an acquire and its release. All workers " +
    "together, from the first start to the last end; one call of the public manager an operation. `atomics`: two uncontended atomic " +
    "operations from JavaScript. `compute`: no memory at all. `sort`: each of two workers sorts 2 M rows of 16 bytes off-heap, under " +
    "26 MiB together, a quarter of the need; against one worker that sorts the two one after the other under 13 MiB, with as many " +
    "spills. `decision`: an acquire of more than there is, and its release, by one of so many tasks. `line`: a word goes from one " +
    "worker to the other. `sleep`: the same, with a sleep until it comes. From these the model of bench/contention-model.ts makes its rows.",
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
    ...counts(settings)
      .filter((workers) => workers > 2)
      .map((workers) => ({ ...one(settings, "pairs", workers), peers: threads(settings, "pairs", workers) })),
    ...counts(settings).map((workers) => one(settings, "compute", workers)),
    ...counts(settings).map((workers) => ({
      ...one(settings, "mix", workers),
      goal: () => times("> 1 x", 1),
      peers: threads(settings, "mix", workers),
    })),
    { ...one(settings, "line", 2), name: "line", unit: NS_PER_TURN },
    { ...one(settings, "sleep", 2), name: "sleep", unit: NS_PER_TURN },
    decision(settings, FEW),
    decision(settings, MANY),
    {
      name: "sort, 2 workers",
      unit: MILLION_ROWS,
      goal: () => times(">= 1.6 x", 1.6),
      mostRounds: 3,
      ours: () => sorters(settings, 2),
      peers: [async () => ({ ...sorters(settings, 1), name: "one after the other" })],
    },
  ],
  conclude: (outcomes) =>
    outcomes.some(({ row }) => row.case === named("mix", 8))
      ? [secondWorker(outcomes), eightWorkers(outcomes), ...modelled(outcomes)]
      : [],
};

/** Workers to measure with: beyond eight, as many as the machine has cores. */
function counts(settings: Settings): number[] {
  const all = [1, 2, 4, 8];
  const cores = availableParallelism();
  for (let workers = 16; workers < cores; workers *= 2) all.push(workers);
  if (cores > 8) all.push(cores);
  return parameter(settings, [2], all);
}

function one(settings: Settings, work: Work, workers: number): Case {
  return { name: named(work, workers), unit: MILLION_OPS, ours: () => crew(settings, work, workers), peers: [] };
}

function named(work: Work, workers: number): string {
  return `${work}, ${workers} ${workers === 1 ? "worker" : "workers"}`;
}

function decision(settings: Settings, tasks: number): Case {
  return {
    name: decisionName(tasks),
    unit: NS_PER_DECISION,
    ours: () => crew(settings, "decisions", 1, { idle: tasks - 1 }),
    peers: [],
  };
}

function decisionName(tasks: number): string {
  return `decision, ${tasks} ${tasks === 1 ? "task" : "tasks"}`;
}

function threads(settings: Settings, work: Work, workers: number): Case["peers"] {
  const ops = parameter(settings, 64, work === "mix" ? 200_000 : 1_000_000);
  return spark(settings, "contend", { threads: workers, mix: String(work === "mix"), bytes: regionOf(work), ops });
}

// ---- rows that are made of others

function outcomeOf(outcomes: readonly Outcome[], name: string): Outcome {
  return outcomes.find((outcome) => outcome.row.case === name)!;
}

/** A row of one figure, made of others. */
function concluded(from: Outcome, name: string, figure: number, goal: Outcome["goal"] = null): Outcome {
  const median = Number(figure.toPrecision(4));
  const unit = goal === null ? MILLION_OPS.text : "x";
  const alone = { peer: null, peerVersion: null, peerMedian: null, ratio: null };
  const row = { ...from.row, case: name, unit, median, min: median, max: median, ...alone };
  return { ...from, row, goal, peerRange: null, more: "" };
}

/** What a second worker gains, as a part of what computing alone gains by it. */
function secondWorker(outcomes: readonly Outcome[]): Outcome {
  const median = (name: string): number => {
    const { row } = outcomeOf(outcomes, name);
    return row.unit === NS_PER_PAIR.text ? 1000 / row.median : row.median;
  };
  const ours = median("pairs, 2 workers") / median("pairs, 1 worker");
  const gain = ours / (median("compute, 2 workers") / median("compute, 1 worker"));
  const goal = { text: ">= 0.95 x", reached: gain >= 0.95 };
  return concluded(outcomes[0]!, "second worker, of what computing gains", gain, goal);
}

function eightWorkers(outcomes: readonly Outcome[]): Outcome {
  const eight = outcomeOf(outcomes, "mix, 8 workers");
  const part = eight.row.median / outcomeOf(outcomes, "mix, 2 workers").row.median;
  const goal = { text: ">= 0.7 x", reached: part >= 0.7 };
  return concluded(eight, "mix, 8 workers, of what 2 workers do", part, goal);
}

/** What the model says of each mix, beside the figure, and what it expects of larger machines. */
function modelled(outcomes: readonly Outcome[]): Outcome[] {
  const median = (name: string): number => outcomeOf(outcomes, name).row.median;
  const few = { tasks: FEW, ns: median(decisionName(FEW)) };
  const many = { tasks: MANY, ns: median(decisionName(MANY)) };
  const costs = { ...decisionCosts(few, many), line: median("line"), sleep: median("sleep") };
  const mixes = [...new Map(outcomes.map((outcome) => [outcome.row.case, outcome]))]
    .filter(([name]) => name.startsWith("mix, "))
    .map(([, outcome]) => ({ outcome, workers: Number(/\d+/.exec(outcome.row.case)) }));
  const alone = mixes.find(({ workers }) => workers === 1)!.outcome;
  const aside = Math.max(0, 1000 / alone.row.median - alone.figures["decisions/op"]! * few.ns);
  const expected = ({ figures }: Outcome, workers: number, cores: number): number => {
    const demand = { decisions: figures["decisions/op"]!, sleeps: figures["sleeps/op"]!, aside };
    return opsPerSecond(costs, demand, workers, cores) / 1e6;
  };
  const most = mixes.at(-1)!.outcome;
  return [
    ...mixes.map(({ outcome, workers }) => besideModel(outcome, expected(outcome, workers, availableParallelism()))),
    ...ELSEWHERE.flatMap((n) => [
      concluded(most, `pairs, ${n} workers, ${n} cores: expected`, (1000 * n) / median("pairs, 1 worker")),
      concluded(most, `mix, ${n} workers, ${n} cores: expected`, expected(most, n, n)),
    ]),
  ];
}

/** The figure again, and the model's in the peer's place: the ratio is the model's error. */
function besideModel(outcome: Outcome, expected: number): Outcome {
  const { row } = concluded(outcome, `${outcome.row.case}: by the model`, outcome.row.median);
  const ratio = Number((row.median / expected).toPrecision(3));
  const model = { peer: "model", peerVersion: "", peerMedian: Number(expected.toPrecision(4)), ratio };
  return { ...concluded(outcome, row.case, row.median), row: { ...row, ...model } };
}
