// A region for tests of policies by table, and small executors on which a policy decides for consumers.

import { Consumer } from "../../src/execution/consumer.js";
import { Executor, type ExecutorOptions } from "../../src/executor.js";
import { ON_HEAP } from "../../src/memory/mode.js";
import type { RegionView } from "../../src/policy/policy.js";

/** 600 + 400 bytes, R = 400; 250 and 150 in use by two tasks and by blocks. */
export function view(part: Partial<RegionView> = {}): RegionView {
  return Object.freeze({
    mode: ON_HEAP,
    total: 1000,
    protectedStorage: 400,
    executionSize: 600,
    executionUsed: 250,
    storageSize: 400,
    storageUsed: 150,
    unmanaged: 0,
    entries: 2,
    ...part,
  });
}

/** An executor of 1000 bytes on-heap, 400 of them storage's at the start. */
export function thousand(options: ExecutorOptions): Executor {
  return new Executor({
    conf: {
      "spark.testing.memory": "1000",
      "spark.testing.reservedMemory": "0",
      "spark.memory.fraction": "1.0",
      "spark.memory.storageFraction": "0.4",
    },
    pages: "accounts",
    ...options,
  });
}

/** Holds bytes and gives them all back when it is asked, or at most `most` at a time. */
export class Holder extends Consumer {
  /** Who asked it to spill, and for how much. */
  readonly asked: [trigger: string, bytes: number][] = [];
  most = Infinity;
  writes: number | null = null;

  override spill(bytes: number, trigger: Consumer): number {
    this.asked.push([trigger.name, bytes]);
    const freed = Math.min(this.used, this.most);
    this.freeMemory(freed);
    return freed;
  }

  override spillCostBytes(): number {
    return this.writes ?? this.used;
  }
}

/** A consumer of a task, named after it. */
export function holder(executor: Executor, task: number, name = `of ${task}`): Holder {
  return new Holder(executor.task(task), { name });
}

/** One that has nothing to spill. */
export function stuck(executor: Executor, task: number): Holder {
  return Object.assign(holder(executor, task), { most: 0 });
}
