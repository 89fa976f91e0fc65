// Runs the cells of an experiment on several threads. A cell is whole or not there: whoever stops early keeps all that were
// finished.

import { existsSync } from "node:fs";
import { setImmediate as nextTurn } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { Refusal } from "../fault.js";
import { loadPolicies } from "../lab/load-policy.js";
import { type Cell, type CellResult, cellsOf, type Experiment, runCell } from "../sim/experiment.js";
import { type RecordedTrace, recordedWorkload } from "../sim/recorded.js";
import type { Workload } from "../sim/plan.js";

export interface CellsOptions {
  /** The trace that is the workload; null where that is a named one. */
  readonly recorded: RecordedTrace | null;
  /** Cells that need not be run. */
  readonly done: readonly CellResult[];
  /** Threads to run on; 0 is this one, which then hears of signals between two cells only. */
  readonly threads: number;
  readonly signal: AbortSignal;
  /** Told after each cell. */
  readonly onDone: (done: number, all: number) => void;
}

/** Finished cells, in the order of `cellsOf` whatever ran first. All of them, unless the signal was raised. */
export async function runCells(experiment: Experiment, options: CellsOptions): Promise<CellResult[]> {
  const given: Given = { experiment, recorded: options.recorded };
  const queue = new Queue(cellsOf(experiment), options);
  if (options.threads === 0) await inThisThread(given, queue);
  else await inWorkers(given, queue, Math.min(options.threads, queue.left));
  return queue.results.filter((result) => result !== undefined);
}

/** What a thread is told to run cells of. Plain data. */
export interface Given {
  readonly experiment: Experiment;
  readonly recorded: RecordedTrace | null;
}

/** Runs cells, one at a time, on this thread. */
export async function cellRunner({ experiment, recorded }: Given): Promise<(cell: Cell) => CellResult> {
  const policyOf = await loadPolicies(experiment.policies);
  const workload: Workload | undefined = recorded === null ? undefined : recordedWorkload(recorded);
  return (cell) => ({ ...cell, outcome: runCell(experiment, cell, policyOf, workload) });
}

class Queue {
  readonly signal: AbortSignal;
  /** In the order of the cells. */
  readonly results: (CellResult | undefined)[];
  readonly #cells: readonly Cell[];
  readonly #onDone: CellsOptions["onDone"];
  #next = 0;
  #done: number;

  constructor(cells: readonly Cell[], { signal, onDone, done }: CellsOptions) {
    const key = ({ point, policy, seed }: Cell): string => JSON.stringify([point, policy, seed]);
    const have = new Map(done.map((result) => [key(result), result]));
    this.results = cells.map((cell) => have.get(key(cell)));
    this.#cells = cells;
    this.#onDone = onDone;
    this.#done = done.length;
    this.signal = signal;
  }

  /** Cells that are still to be run. */
  get left(): number {
    return this.#cells.length - this.#done;
  }

  /** The next cell and its place, or null when there is none or the user wants an end. */
  take(): readonly [number, Cell] | null {
    while (this.results[this.#next] !== undefined) this.#next += 1;
    if (this.signal.aborted || this.#next >= this.#cells.length) return null;
    this.#next += 1;
    return [this.#next - 1, this.#cells[this.#next - 1]!];
  }

  finish(place: number, result: CellResult): void {
    this.results[place] = result;
    this.#done += 1;
    this.#onDone(this.#done, this.#cells.length);
  }
}

async function inThisThread(given: Given, queue: Queue): Promise<void> {
  const run = await cellRunner(given);
  for (let taken = queue.take(); taken !== null; taken = queue.take()) {
    const [place, cell] = taken;
    queue.finish(place, run(cell));
    await nextTurn();
  }
}

const ENTRY = fileURLToPath(new URL("./cell-worker.js", import.meta.url));

async function inWorkers(given: Given, queue: Queue, threads: number): Promise<void> {
  if (!existsSync(ENTRY)) throw new Refusal(`${ENTRY} is not there: build first (npm run build), or use --threads 0`);
  const workers = Array.from({ length: threads }, () => new Worker(ENTRY, { workerData: given, execArgv: [] }));
  const stop = (): void => workers.forEach((worker) => void worker.terminate());
  queue.signal.addEventListener("abort", stop, { once: true });
  try {
    await Promise.all(workers.map((worker) => feed(worker, queue)));
  } finally {
    queue.signal.removeEventListener("abort", stop);
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
}

/** Gives one worker cells until there are none, or it is ended. */
function feed(worker: Worker, queue: Queue): Promise<void> {
  return new Promise((resolve, reject) => {
    let place = -1;
    const next = (): void => {
      const taken = queue.take();
      if (taken === null) return resolve();
      place = taken[0];
      worker.postMessage(taken[1], []);
    };
    worker.on("message", (result: CellResult) => {
      queue.finish(place, result);
      next();
    });
    worker.on("error", reject);
    worker.on("exit", () => resolve());
    next();
  });
}
