// Watches one task while it is being measured: how long its acquires take, and what the pools hold after each step. It
// stands in front of three methods of that one task and goes away afterwards; a task that is not watched pays nothing.

import type { Consumer } from "../execution/consumer.js";
import type { TaskMemoryManager } from "../execution/task.js";
import { Histogram } from "./histogram.js";
import { Timeline } from "./timeline.js";

/** A spill, on the clock of the round. */
export interface SpillMark {
  readonly startMs: number;
  readonly endMs: number;
  /** Bytes of memory given back. */
  readonly freedBytes: number;
}

export interface Watch {
  /** Durations of acquires in nanoseconds: pages and bytes, what was spilled to grant them included. */
  readonly acquires: Histogram;
  readonly timeline: Timeline;
  readonly spills: readonly SpillMark[];
  stop(): void;
}

/** Starts to watch. `startedMs` is the beginning of the round on the clock of `performance.now()`. */
export function watchTask(task: TaskMemoryManager, consumer: Consumer, startedMs: number): Watch {
  const region = task.manager.regions[task.mode];
  const acquires = new Histogram();
  const timeline = new Timeline();
  const spills: SpillMark[] = [];

  const sample = (nowMs: number): void =>
    timeline.add(nowMs - startedMs, region.executionSize, region.executionUsed, region.storageSize, region.storageUsed);
  const timed = <A extends unknown[], R>(call: (...args: A) => R): ((...args: A) => R) => {
    return (...args) => {
      const before = performance.now();
      try {
        return call(...args);
      } finally {
        const after = performance.now();
        acquires.record((after - before) * 1e6);
        sample(after);
      }
    };
  };

  sample(startedMs);
  const acquire = task.acquireExecutionMemory.bind(task);
  const allocate = task.allocatePage.bind(task);
  const release = task.releaseExecutionMemory.bind(task);
  const spill = consumer.spill.bind(consumer);
  task.acquireExecutionMemory = timed(acquire);
  task.allocatePage = timed(allocate);
  task.releaseExecutionMemory = (bytes, by) => {
    release(bytes, by);
    sample(performance.now());
  };
  consumer.spill = (bytes, trigger) => {
    const before = performance.now();
    const freedBytes = spill(bytes, trigger);
    if (freedBytes > 0) spills.push({ startMs: before - startedMs, endMs: performance.now() - startedMs, freedBytes });
    return freedBytes;
  };

  const stop = (): void => {
    sample(performance.now());
    for (const name of ["acquireExecutionMemory", "allocatePage", "releaseExecutionMemory"] as const) {
      Reflect.deleteProperty(task, name);
    }
    Reflect.deleteProperty(consumer, "spill");
  };
  return { acquires, timeline, spills, stop };
}
