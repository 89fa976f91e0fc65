// A thread's part of a cell: its rows, its executor or place in one, its spill files, and one task after the other over them.

import { getHeapStatistics } from "node:v8";
import type { Executor } from "../../executor.js";
import { ArenaSet } from "../../memory/arena-set.js";
import { SharedArenas } from "../../shared-arenas.js";
import { openSpillStore } from "../../spill/index.js";
import type { SpillStore } from "../../spill/contract.js";
import { GcWatch } from "../gc.js";
import { Histogram } from "../histogram.js";
import { compresses } from "../plan.js";
import type { Table } from "../table.js";
import { makeBallast } from "./ballast.js";
import type { CellPlan, TaskResult } from "./protocol.js";
import { makeRows } from "./rows.js";
import { BatchClock, timeAcquires } from "./work.js";
import { DO } from "./workloads.js";

export class Seat {
  readonly ballastBytes: number;
  readonly #plan: CellPlan;
  readonly #executor: Executor;
  readonly #taskNumber: number;
  readonly #table: Table;
  readonly #runs: SpillStore;
  readonly #gc: GcWatch;
  #turns = 0;

  /** Makes rows and live objects, a part of what the plan says for each thread. */
  constructor(plan: CellPlan, executor: Executor, taskNumber: number) {
    const { setting, dataBytes, seed, directory, conf } = plan;
    this.#plan = plan;
    this.#executor = executor;
    this.#taskNumber = taskNumber;
    this.#table = makeRows(setting, dataBytes, seed, taskNumber);
    this.#runs = openSpillStore({ directory, compression: compresses(conf) ? "lz4" : "none" });
    this.ballastBytes = makeBallast(setting.ballastBytes / setting.cores);
    this.#gc = new GcWatch();
  }

  /** One task over all rows of this thread. */
  async turn(): Promise<TaskResult> {
    const executor = this.#executor;
    const { manager } = executor;
    const { setting } = this.#plan;
    const id = this.#taskNumber + this.#turns * setting.cores;
    this.#turns += 1;
    const acquires = new Histogram();
    const batches = new BatchClock();
    let shortGrants = 0;
    let held = { heapBytes: 0, arenaBytes: null as number | null, fragmentation: 0 };
    manager.observer = { shortGrant: () => (shortGrants += 1) };
    const startMs = performance.now();
    const task = executor.task(id);
    const stopTiming = timeAcquires(task, acquires);
    let done;
    try {
      done = DO[setting.workload]({
        executor,
        task,
        runs: this.#runs,
        table: this.#table,
        acquires,
        batches,
        beforeEnd: () => (held = memoryOf(executor)),
      });
    } finally {
      stopTiming();
      manager.observer = null;
      executor.endTask(id, true);
    }
    const endMs = performance.now();
    const gc = await this.#gc.between(startMs, endMs);
    return {
      ...done,
      startMs: performance.timeOrigin + startMs,
      endMs: performance.timeOrigin + endMs,
      shortGrants: shortGrants + done.pressed,
      gc,
      acquires: { counts: acquires.counts, most: acquires.most },
      batches: { counts: batches.histogram.counts, most: batches.histogram.most },
      ...held,
    };
  }

  /** Removes its files. */
  close(): void {
    this.#runs.close();
  }
}

function memoryOf(executor: Executor): Pick<TaskResult, "heapBytes" | "arenaBytes" | "fragmentation"> {
  const heap = getHeapStatistics();
  const heapBytes = heap.total_heap_size + heap.external_memory;
  const allocator = executor.allocator(executor.mode);
  if (!(allocator instanceof ArenaSet || allocator instanceof SharedArenas))
    return { heapBytes, arenaBytes: null, fragmentation: 1 - heap.used_heap_size / heap.total_heap_size };
  const stats = allocator.arenas.map((arena) => arena.stats());
  return {
    heapBytes,
    arenaBytes: stats.reduce((sum, { committedBytes }) => sum + committedBytes, 0),
    fragmentation: Math.max(0, ...stats.map(({ fragmentation }) => fragmentation)),
  };
}
