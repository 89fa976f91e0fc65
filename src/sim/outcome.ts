// What came of a run: one row of numbers, added up while it goes on.

import type { AskPlan } from "./plan.js";

/** Counted over a whole run. Times are virtual microseconds; `Us` sums are over tasks, not wall time. */
export interface Outcome {
  /** When the last task had ended. */
  makespanUs: number;
  /** Sum over jobs of the time from arrival to end. */
  jobUs: number;
  /** Sum over executors of the time that they were there. */
  executorUs: number;
  jobs: number;
  tasks: number;
  /** Attempts that ran out of memory, and tasks that were given up after their last one. */
  failedAttempts: number;
  failedTasks: number;
  /** Questions to the memory: pages, arrays, unroll reservations, blocks looked up and put. */
  requests: number;
  spills: number;
  /** Memory that spills gave back, and what went to disk for it. */
  spillBytes: number;
  diskBytes: number;
  evictions: number;
  evictedBytes: number;
  cacheHits: number;
  cacheMisses: number;
  /** Computing partitions that had been computed before. */
  recomputeUs: number;
  recomputeBytes: number;
  waits: number;
  waitUs: number;
  longestWaitUs: number;
  /** Tasks that waited longer than STARVED_US at one time. */
  starved: number;
  /** Times that nothing could go on any more and a waiting task was failed. */
  deadlocks: number;
  /** Jain's index over tasks of (time without waiting, spilling and recomputing) / (time taken): 1 / n to 1, 1 is fair. */
  fairness: number;
  /** The most that one executor had given out, and of that at its own time execution and storage. */
  peakBytes: number;
  peakExecutionBytes: number;
  peakStorageBytes: number;
  computeUs: number;
  gcUs: number;
  /** Requests of a recorded trace that got less than they had got there, and those that asked for what is not here, and did nothing. */
  shortfalls: number;
  clipped: number;
  /** Executors that were started and removed, and blocks that went with the removed ones. */
  executorsStarted: number;
  executorsRemoved: number;
  blocksLost: number;
}

export function noOutcome(): Outcome {
  return {
    makespanUs: 0,
    jobUs: 0,
    executorUs: 0,
    jobs: 0,
    tasks: 0,
    failedAttempts: 0,
    failedTasks: 0,
    requests: 0,
    spills: 0,
    spillBytes: 0,
    diskBytes: 0,
    evictions: 0,
    evictedBytes: 0,
    cacheHits: 0,
    cacheMisses: 0,
    recomputeUs: 0,
    recomputeBytes: 0,
    waits: 0,
    waitUs: 0,
    longestWaitUs: 0,
    starved: 0,
    deadlocks: 0,
    fairness: 1,
    peakBytes: 0,
    peakExecutionBytes: 0,
    peakStorageBytes: 0,
    computeUs: 0,
    gcUs: 0,
    shortfalls: 0,
    clipped: 0,
    executorsStarted: 0,
    executorsRemoved: 0,
    blocksLost: 0,
  };
}

/** Notes what a recorded request has got here. */
export function compareWithRecorded(outcome: Outcome, bytes: number, plan: Pick<AskPlan, "gotBytes">): void {
  if (bytes < plan.gotBytes) outcome.shortfalls += 1;
}

/** What can be asked of `asked` where there is `has`; notes that it is less. */
export function clip(outcome: Outcome, asked: number, has: number): number {
  if (asked > has) outcome.clipped += 1;
  return Math.min(asked, has);
}

/** Jain's fairness index (Jain, Chiu, Hawe 1984), one value at a time: (sum x)^2 / (n * sum x^2). */
export class Fairness {
  #sum = 0;
  #squares = 0;
  #count = 0;

  add(x: number): void {
    this.#sum += x;
    this.#squares += x * x;
    this.#count += 1;
  }

  /** 1 of nothing. */
  get index(): number {
    return this.#squares === 0 ? 1 : (this.#sum * this.#sum) / (this.#count * this.#squares);
  }
}
