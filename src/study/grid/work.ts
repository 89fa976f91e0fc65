// What the workloads are done with: the same desk for each of them, in both modes.

import type { Executor } from "../../executor.js";
import type { TaskMemoryManager } from "../../execution/task.js";
import type { SpillStore } from "../../spill/contract.js";
import { Histogram } from "../histogram.js";
import type { Table } from "../table.js";

/** Rows between two looks at the clock. */
export const BATCH_ROWS = 256;

export interface Desk {
  readonly executor: Executor;
  readonly task: TaskMemoryManager;
  readonly runs: SpillStore;
  readonly table: Table;
  readonly acquires: Histogram;
  readonly batches: BatchClock;
  /** Called once, before the last memory is given back. */
  readonly beforeEnd: () => void;
}

/** What a task did. Bytes and counts. */
export interface Done {
  readonly hash: string;
  /** Rows in; of a scan, in all of its passes. */
  readonly rows: number;
  readonly spills: number;
  readonly memoryBytesSpilled: number;
  readonly diskBytesSpilled: number;
  /** Blocks that found no room, or for which others had to leave. */
  readonly pressed: number;
  readonly peakBytes: number;
}

/** Times batches of rows, one after the other. */
export class BatchClock {
  readonly histogram = new Histogram();
  #startedMs = 0;

  start(): void {
    this.#startedMs = performance.now();
  }

  /** A batch has ended and the next begins. */
  lap(): void {
    const nowMs = performance.now();
    this.histogram.record((nowMs - this.#startedMs) * 1e6);
    this.#startedMs = nowMs;
  }
}

/** Times a task's acquires, spills that made room for them included, until the returned function is called. */
export function timeAcquires(task: TaskMemoryManager, into: Histogram): () => void {
  const timed = <A extends unknown[], R>(call: (...args: A) => R): ((...args: A) => R) => {
    return (...args) => {
      const before = performance.now();
      try {
        return call(...args);
      } finally {
        into.record((performance.now() - before) * 1e6);
      }
    };
  };
  task.acquireExecutionMemory = timed(task.acquireExecutionMemory.bind(task));
  task.allocatePage = timed(task.allocatePage.bind(task));
  return () => {
    for (const name of ["acquireExecutionMemory", "allocatePage"] as const) Reflect.deleteProperty(task, name);
  };
}

/** A hash of words in their order; four times as fast as one of bytes, so that long rows do not measure the hash. */
export class WordHash {
  #a = 0x811c9dc5 | 0;
  #b = 0x9747b28c | 0;

  /** Takes in one record: `count` words from word `at` on. */
  add(words: Int32Array, at: number, count: number): void {
    let own = count | 0;
    for (let i = at, end = at + count; i < end; i += 1) own = Math.imul(own ^ words[i]!, 0x01000193) ^ (own >>> 15);
    this.#a = Math.imul(((this.#a << 15) | (this.#a >>> 17)) ^ own, 0x9e3779b1);
    this.#b = Math.imul(((this.#b << 13) | (this.#b >>> 19)) ^ (own >>> 7) ^ this.#a, 0x85ebca6b);
  }

  /** Sixteen hexadecimal digits. */
  hex(): string {
    return hexOf(this.#a, this.#b);
  }
}

export function hexOf(a: number, b: number): string {
  return [a, b].map((half) => (half >>> 0).toString(16).padStart(8, "0")).join("");
}
