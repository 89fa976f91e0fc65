// Small worlds for tests: managers with the stub eviction that the scenarios of section 13 speak of, executors of a thousand
// bytes, and consumers that spill as they are told.

import { Consumer, type ConsumerOptions } from "../../src/execution/consumer.js";
import { TaskMemoryManager } from "../../src/execution/task.js";
import { Executor, type ExecutorOptions, openExecutor } from "../../src/executor.js";
import { accountPages } from "../../src/memory/account-pages.js";
import { MemoryManager, type RegionSizes } from "../../src/memory/manager.js";
import { type Mode, OFF_HEAP, ON_HEAP } from "../../src/memory/mode.js";
import type { PageAllocator } from "../../src/memory/page.js";
import { MUST_WAIT } from "../../src/policy/policy.js";
import { staticPolicy } from "../../src/policy/static.js";
import { unified } from "../../src/policy/unified.js";
import { sparkSpillOrder } from "../../src/policy/victim.js";

/** A region of which `protectedBytes` belong to storage at the start. */
export function region(total: number, protectedBytes: number = total / 2): RegionSizes {
  return { total, protectedStorage: protectedBytes, execution: total - protectedBytes, storage: protectedBytes };
}

export const NO_REGION: RegionSizes = region(0, 0);

/** A manager whose eviction frees exactly what is asked when storage uses that much, else nothing; it notes what was asked. */
export class StubbedManager extends MemoryManager {
  /** Bytes that eviction was asked for since `takeEvictions`. */
  #asked: number[] = [];
  /** What eviction throws, if anything. */
  trouble: Error | null = null;
  /** What the store would say is reserved for unrolling. */
  unrolledBytes = 0;

  constructor(onHeap: RegionSizes, offHeap: RegionSizes = NO_REGION, policy = unified) {
    super({ policy, onHeap, offHeap, offHeapStorage: policy.name !== "static" });
    this.setEvictor({
      evict: (_block, bytes, mode) => {
        this.#asked.push(bytes);
        if (this.trouble !== null) throw this.trouble;
        if (this.storageUsed < bytes) return 0;
        this.releaseStorage(bytes, mode);
        return bytes;
      },
      unrolled: () => this.unrolledBytes,
    });
  }

  takeEvictions(): number[] {
    return this.#asked.splice(0);
  }

  exec(task: number, bytes: number, mode: Mode = ON_HEAP): number | "waits" {
    const granted = this.acquireExecution(bytes, task, mode);
    return granted === MUST_WAIT ? "waits" : granted;
  }

  stor(bytes: number, mode: Mode = ON_HEAP): boolean {
    return this.acquireStorage("test_0", bytes, mode);
  }
}

/** The static manager: a hard boundary. */
export function staticManager(execution: number, storage: number, maxUnroll = 0): StubbedManager {
  const sizes = { total: execution + storage, protectedStorage: storage, execution, storage };
  return new StubbedManager(sizes, NO_REGION, staticPolicy(maxUnroll));
}

/** An executor of 1000 bytes a mode that owns no page. */
export function smallExecutor(conf: Record<string, string> = {}, options: ExecutorOptions = {}): Executor {
  return openExecutor({
    conf: {
      "spark.testing.memory": "1000",
      "spark.testing.reservedMemory": "0",
      "spark.memory.fraction": "1.0",
      "spark.memory.storageFraction": "0.5",
      "spark.buffer.pageSize": "100",
      ...conf,
    },
    pages: "accounts",
    ...options,
  });
}

export const OFF_HEAP_1000 = { "spark.memory.offHeap.size": "1000" };

/** A task of a manager, outside of any executor. */
export function taskOf(
  manager: MemoryManager,
  id: number,
  options: { mode?: Mode; pageBytes?: number; allocator?: PageAllocator; release?: number } = {},
): TaskMemoryManager {
  return new TaskMemoryManager({
    id,
    manager,
    allocator: options.allocator ?? accountPages(options.mode ?? ON_HEAP),
    pageBytes: options.pageBytes ?? 1024,
    spillOrder: sparkSpillOrder(options.release ?? 401),
    release: options.release ?? 401,
  });
}

/** Spills everything it holds without pages. */
export class Greedy extends Consumer {
  /** Bytes that were asked of it, and by whom. */
  readonly asked: [number, string][] = [];
  spilled = 0;

  constructor(task: TaskMemoryManager, name: string, options: ConsumerOptions = {}) {
    super(task, { name, ...options });
  }

  override spill(bytes: number, trigger: Consumer): number {
    this.asked.push([bytes, trigger.name]);
    return this.give(this.used);
  }

  give(bytes: number): number {
    this.freeMemory(bytes);
    this.spilled += bytes;
    return bytes;
  }
}

/** Spills no more than it is asked for. */
export class Thrifty extends Greedy {
  override spill(bytes: number, trigger: Consumer): number {
    this.asked.push([bytes, trigger.name]);
    return this.give(Math.min(bytes, this.used));
  }
}

/** Cannot spill. */
export class Stubborn extends Greedy {
  override spill(bytes: number, trigger: Consumer): number {
    this.asked.push([bytes, trigger.name]);
    return 0;
  }
}

export { OFF_HEAP, ON_HEAP };
