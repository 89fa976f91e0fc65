// A measuring process: does what it is told, one sort at a time, and ends when nobody listens any more.

import { rmdirSync } from "node:fs";
import { openExecutor, type Executor } from "../executor.js";
import { openSpillStore } from "../spill/index.js";
import type { SpillStore } from "../spill/contract.js";
import { GcWatch } from "./gc.js";
import { compresses, type Plan } from "./plan.js";
import type { Answer, Question } from "./protocol.js";
import type { Round } from "./round.js";
import { sortOnce } from "./sort.js";
import { residentPeakBytes } from "./resident.js";
import { readTable, type Table } from "./table.js";

interface Bench {
  readonly plan: Plan;
  readonly table: Table;
  readonly executor: Executor;
  readonly store: SpillStore;
  readonly gc: GcWatch;
}

let bench: Bench | null = null;
let rounds = 0;

process.on("message", (question) => {
  // Where nobody listens any more, what happens on disconnect is all there is to do.
  void answer(question as Question).then((said) => process.send?.(said, () => {}));
});

process.on("disconnect", () => {
  if (bench !== null) {
    bench.store.close();
    try {
      // Empty by now, unless the other process is still at it: whoever is last removes it.
      rmdirSync(bench.plan.directory);
    } catch {}
  }
  process.exit();
});

async function answer(question: Question): Promise<Answer> {
  try {
    if (question.ask === "open") {
      bench = open(question.plan);
      return { tell: "ready", residentBytes: process.memoryUsage.rss() };
    }
    if (bench === null) return { tell: "trouble", message: "was asked for a round before anything was opened" };
    return { tell: "round", round: await round(bench) };
  } catch (error) {
    return { tell: "trouble", message: error instanceof Error ? error.message : String(error) };
  }
}

function open(plan: Plan): Bench {
  const { conf, cores, directory } = plan;
  return {
    plan,
    table: readTable(plan.tableFile, plan.table),
    executor: openExecutor({ conf, cores }),
    store: openSpillStore({ directory, compression: compresses(conf) ? "lz4" : "none" }),
    gc: new GcWatch(),
  };
}

async function round({ executor, store, table, gc }: Bench): Promise<Round> {
  const { startMs, endMs, ...sorted } = sortOnce(executor, store, table, rounds);
  rounds += 1;
  const pauses = await gc.between(startMs, endMs);
  return {
    ...sorted,
    gc: pauses.map((pause) => ({ ...pause, startMs: pause.startMs - startMs })),
    residentBytes: process.memoryUsage.rss(),
    residentPeakBytes: residentPeakBytes(),
  };
}
