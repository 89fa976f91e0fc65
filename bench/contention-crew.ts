// Workers as a contender: threads on the code beside the bench, all of them on one executor, one round at a time.

import type { Counts, Done, Hired, Work } from "./contention-worker.js";
import { inFolder } from "./folder.js";
import { type Contender, parameter, type Reading, type Settings } from "./harness.js";
import { fold } from "./hash.js";
import { answerOf, threaded, threadOf } from "./threads.js";
import { ON_HEAP } from "../src/memory/mode.js";
import { shareExecutor } from "../src/shared.js";

const MIB = 2 ** 20;
const GIB = 2 ** 30;

/** The gate of a round and the line that is handed over. */
const GATE_BYTES = 512;

/** Operations of a worker in a round. */
const OPS: Readonly<Record<Work, number>> = {
  pairs: 4_000_000,
  mix: 200_000,
  sort: 2_000_000,
  atomics: 8_000_000,
  compute: 20_000_000,
  decisions: 400_000,
  line: 50_000,
  sleep: 5_000,
};

export interface CrewOptions {
  readonly directory?: string;
  /** Tasks that hold a byte and do nothing. */
  readonly idle?: number;
}

/** Bytes of the region that a work is about. */
export function regionOf(work: Work): number {
  return work === "pairs" ? 2 * GIB : MIB;
}

/** `workers` workers, each with a task of its own. Seconds are from the first start to the last end. */
export function crew(settings: Settings, work: Work, workers: number, options: CrewOptions = {}): Contender {
  const { directory = "", idle = 0 } = options;
  const sorting = work === "sort";
  const bytes = sorting ? (workers * parameter(settings, 3 * MIB, 26 * MIB, 6 * MIB)) / 2 : regionOf(work);
  const ops = sorting ? parameter(settings, 60_000, OPS.sort, 500_000) : parameter(settings, 64, OPS[work]);
  const sorts = sorting ? 2 / workers : 1;
  const executor = shareExecutor({
    conf: {
      "spark.testing.memory": String(sorting ? MIB : bytes),
      "spark.testing.reservedMemory": "0",
      "spark.memory.fraction": "1",
      // Blocks of the mix are execution's to evict, down to the last one.
      "spark.memory.storageFraction": work === "mix" ? "0" : "0.5",
      "spark.memory.offHeap.enabled": "true",
      "spark.memory.offHeap.size": String(bytes),
      "spark.buffer.pageSize": `${parameter(settings, MIB / 8, MIB)}b`,
    },
    workers: workers + 1,
  });
  for (let i = 0; i < idle; i += 1) executor.manager.acquireExecution(1, workers + i, ON_HEAP);
  const gate = new SharedArrayBuffer(GATE_BYTES);
  const hired = Array.from({ length: workers }, (_, task) => {
    const { seed } = settings;
    const data: Hired = { place: executor.place(), task, work, bytes, gate, hands: workers, directory, sorts, seed };
    return threadOf("contention-worker", data);
  });
  const round = async (): Promise<Reading> => {
    const answers = hired.map(answerOf<Done>);
    const decisions = executor.ledger.decisions;
    for (const worker of hired) worker.postMessage(ops);
    const done = await Promise.all(answers);
    const from = Math.min(...done.map((d) => d.from));
    const to = Math.max(...done.map((d) => d.to));
    const all = workers * ops * sorts;
    const sum = (count: keyof Counts): number => done.reduce((total, { counts }) => total + counts[count], 0);
    const seconds = (to - from) / 1e9;
    if (work === "atomics") return { ops: all, seconds, hash: null };
    if (sorting) return { ops: all, seconds, hash: done[0]!.hash, more: { spills: sum("spills") } };
    const hash = done.reduce((total, d) => fold(total, d.hash), 0);
    if (work !== "mix") return { ops: all, seconds, hash };
    const made = (executor.ledger.decisions - decisions) >>> 0;
    const more = { "decisions/op": made / all, "sleeps/op": sum("sleeps") / all };
    return { ops: all, seconds, hash, more: { ...more, blocks: sum("stored"), evicted: sum("evicted") } };
  };
  return threaded(settings, work === "pairs" || work === "mix" ? "ours" : work, hired, round);
}

/** The same for workers that sort, with a folder of their own to spill to. */
export function sorters(settings: Settings, workers: number): Contender {
  let hired: Contender | null = null;
  const contender = inFolder((directory) => (hired = crew(settings, "sort", workers, { directory })));
  return {
    ...contender,
    async close() {
      await hired!.close();
      await contender.close();
    },
  };
}
