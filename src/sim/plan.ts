// What is to be done: jobs, their stages, their tasks, and the cached data that tasks read. A plan is made from a seed before
// anything runs and says nothing of memory, so that every policy and every executor meets the same demand.

import type { ExecutorOptions } from "../executor.js";
import type { Op } from "../trace/format.js";

/** What an operator does with its records; operator.ts says what memory that takes. */
export type OperatorKind = "sort" | "aggregate" | "join" | "shuffle";

/** One operator of a task. It is fed, then read by the next one, then freed; a join's table stays until the task ends. */
export interface OperatorPlan {
  readonly kind: OperatorKind;
  /** Records that it keeps: rows of a sort or shuffle, keys of an aggregation, rows of the smaller side of a join. */
  readonly records: number;
  /** Bytes of one kept record. */
  readonly recordBytes: number;
  /** Rows that come in for each that is kept; 1 but for aggregations. */
  readonly rowsPerRecord: number;
}

/** A partition of a cached RDD. */
export interface PartitionRef {
  readonly rdd: number;
  readonly partition: number;
}

/** What a recorded task asks of execution memory: a row of a memory trace. */
export type ExecutionAsk = Extract<
  Op,
  {
    op:
      | "consumer"
      | "execAcquire"
      | "execRelease"
      | "execReleaseAll"
      | "endTask"
      | "acquire"
      | "free"
      | "allocatePage"
      | "freePage";
  }
>;

/** What a recorded trace asks of storage, or tells of memory that nobody manages: rows that name no task. */
export type BlockAsk = Extract<
  Op,
  {
    op:
      | "storageAcquire"
      | "storageRelease"
      | "unrollReserve"
      | "unrollRelease"
      | "put"
      | "get"
      | "has"
      | "pin"
      | "unpin"
      | "remove"
      | "clear"
      | "unmanaged";
  }
>;

export type PutAsk = Extract<BlockAsk, { op: "put" }>;

/** One request of a recorded task. */
export interface AskPlan {
  /** Time since the answer to its last request, or since it began. */
  readonly afterUs: number;
  readonly ask: ExecutionAsk | BlockAsk;
  /** Bytes that it was given when it was recorded: granted or stored; 0 where it was refused. */
  readonly gotBytes: number;
  /** The number of the page that it was given then. */
  readonly page: number | null;
  /** Of a block that it found then: how that had been put. */
  readonly found: PutAsk | null;
}

export interface TaskPlan {
  /** Cached partitions that it reads, in order; the first says where it would best run. */
  readonly reads: readonly PartitionRef[];
  /** Bytes that it fetches from files or a shuffle. */
  readonly inputBytes: number;
  /** In the order in which rows go through them. */
  readonly operators: readonly OperatorPlan[];
  /** How much longer its computing takes than that of others: 1 is as long. A straggler has more. */
  readonly slowness: number;
  /** Of a recorded task all that it asks, in order; it has nothing else to do. */
  readonly asks?: readonly AskPlan[];
}

/** Tasks that may run together; the next stage begins when all have ended. */
export interface StagePlan {
  readonly name: string;
  readonly tasks: readonly TaskPlan[];
  /** RDDs that are unpersisted when it has ended. */
  readonly unpersists?: readonly number[];
}

export interface JobPlan {
  /** When it is submitted, microseconds from the start. */
  readonly arrivalUs: number;
  /** In order: each reads what the one before has written. */
  readonly stages: readonly StagePlan[];
}

/** Where an evicted partition goes: nowhere, to be computed again, or to the executor's disk. */
export type CacheLevel = "memory" | "memory-and-disk";

/** A cached RDD: what a partition is, and from what it comes. */
export interface RddPlan {
  /** Bytes of each partition in memory. */
  readonly partitionBytes: readonly number[];
  /** The RDD of which partition p is computed from partition p; null: from files. */
  readonly parent: number | null;
  /** Work to compute one byte of it, next to decoding one byte of rows: 1 is as much. */
  readonly work: number;
  readonly level: CacheLevel;
}

export interface Plan {
  readonly jobs: readonly JobPlan[];
  /** By id. */
  readonly rdds: readonly RddPlan[];
}

/** A workload: a named one, or a recorded trace. */
export interface Workload {
  readonly name: string;
  /** What it stands for, in a sentence. */
  readonly about: string;
  /** The plan of a seed. `scale` (above 0) multiplies how much there is to do: jobs, iterations or batches, at least one. */
  plan(seed: number, scale: number): Plan;
  /** What of its executors a configuration cannot say, of a recorded one. */
  readonly executor?: Pick<ExecutorOptions, "collector" | "layout">;
}
