// What a task is told when memory cannot be had: who asked, for how much, what stood in the way, who holds the rest.

import { Refusal } from "../fault.js";
import { humanBytes } from "../human.js";

/** A consumer of the task and what it holds, bytes. */
export interface Holder {
  /** Its name. */
  readonly consumer: string;
  /** What it holds. */
  readonly bytes: number;
}

/** The facts of a refusal, in bytes. */
export interface Shortage {
  /** Who asked. */
  readonly task: number;
  /** For which consumer, by name. */
  readonly consumer: string;
  /** What was asked for. */
  readonly requested: number;
  /** What of it could be had. */
  readonly received: number;
  /** The task's balance in the pool. */
  readonly held: number;
  /** Free bytes of the execution pool. */
  readonly free: number;
  /** The task's bound: its 1/N of what the pool could have. */
  readonly cap: number;
  /** Tasks that share the pool. */
  readonly tasks: number;
  /** Consumers of the task that hold something, largest first. */
  readonly holders: readonly Holder[];
  /** What the task holds without a consumer: acquired and not used. */
  readonly unassociated: number;
}

/**
 * The task cannot have the memory it needs, or a consumer could not spill. It ends the task, not the process.
 *
 * @example
 * ```ts
 * import { Consumer, openExecutor, TaskOutOfMemory } from "tungsten-memory";
 *
 * class Buffer extends Consumer {
 *   spill = () => 0;
 * }
 * const executor = openExecutor({ conf: { "spark.executor.memory": "1g" }, pages: "accounts" });
 * try {
 *   new Buffer(executor.task(1), { name: "buffer" }).allocatePage(2 ** 33);
 * } catch (error) {
 *   if (error instanceof TaskOutOfMemory) console.log(error.shortage.consumer, error.requested); // buffer 8589934592
 * }
 * ```
 */
export class TaskOutOfMemory extends Refusal {
  override readonly name = "TaskOutOfMemory";
  /** The facts. */
  readonly shortage: Shortage;
  /** Whether memory is short because a consumer could not spill; `cause` is its error. */
  readonly spillFailed: boolean;

  constructor(message: string, condition: string | null, shortage: Shortage, cause?: unknown) {
    super(`${message}; ${describeShortage(shortage)}`, condition, cause === undefined ? {} : { cause });
    this.shortage = shortage;
    this.spillFailed = cause !== undefined;
  }

  /** What was asked for, bytes. */
  get requested(): number {
    return this.shortage.requested;
  }
  /** What of it could be had, bytes. */
  get received(): number {
    return this.shortage.received;
  }
}

/**
 * A page larger than any page may be: (2^31 - 1) * 8 bytes (section 5.4).
 *
 * @example
 * ```ts
 * import { Consumer, MAX_PAGE_BYTES, openExecutor, TooLargePage } from "tungsten-memory";
 *
 * class Buffer extends Consumer {
 *   spill = () => 0;
 * }
 * try {
 *   new Buffer(openExecutor({ pages: "accounts" }).task(1)).allocatePage(MAX_PAGE_BYTES + 1);
 * } catch (error) {
 *   if (error instanceof TooLargePage) console.log(error.bytes > MAX_PAGE_BYTES); // true
 * }
 * ```
 */
export class TooLargePage extends Refusal {
  override readonly name = "TooLargePage";
  /** The size that was asked for. */
  readonly bytes: number;

  constructor(bytes: number) {
    super(`a page of ${bytes} bytes is larger than the largest page of ${MAX_PAGE_BYTES} bytes`);
    this.bytes = bytes;
  }
}

/**
 * All 8192 numbers of the task's page table are in use.
 *
 * @example
 * ```ts
 * import { type Consumer, type Page, PageTableFull } from "tungsten-memory";
 *
 * export function nextPage(consumer: Consumer): Page | null {
 *   try {
 *     return consumer.allocatePage(1);
 *   } catch (error) {
 *     if (error instanceof PageTableFull) return null; // a task has 8192 pages at most: use larger ones
 *     throw error;
 *   }
 * }
 * ```
 */
export class PageTableFull extends Refusal {
  override readonly name = "PageTableFull";
}

/**
 * A page, consumer or task used in a way that would corrupt the accounts: freed twice, foreign, of the wrong mode.
 *
 * @example
 * ```ts
 * import { Misuse, openExecutor } from "tungsten-memory";
 *
 * try {
 *   openExecutor().endTask(1); // which never began
 * } catch (error) {
 *   console.log(error instanceof Misuse); // true
 * }
 * ```
 */
export class Misuse extends Refusal {
  override readonly name = "Misuse";
}

/**
 * Memory was still held when a task ended, and `spark.unsafe.exceptionOnMemoryLeak` is on.
 *
 * @example
 * ```ts
 * import { Consumer, MemoryLeak, openExecutor } from "tungsten-memory";
 *
 * class Buffer extends Consumer {
 *   spill = () => 0;
 * }
 * const executor = openExecutor({ conf: { "spark.unsafe.exceptionOnMemoryLeak": "true" }, pages: "accounts" });
 * new Buffer(executor.task(1)).acquireMemory(100);
 * try {
 *   executor.endTask(1);
 * } catch (error) {
 *   if (error instanceof MemoryLeak) console.log(error.task, error.bytes); // 1 100
 * }
 * ```
 */
export class MemoryLeak extends Refusal {
  override readonly name = "MemoryLeak";
  /** The task that has ended. */
  readonly task: number;
  /** What was still charged to it. */
  readonly bytes: number;

  constructor(task: number, bytes: number, report: string) {
    super(`task ${task} ended with ${bytes} bytes (${humanBytes(bytes)}) not given back: ${report}`, "INTERNAL_ERROR");
    this.task = task;
    this.bytes = bytes;
  }
}

/** Largest page, bytes: what an array of longs could hold in the JVM (section 5.3). */
export const MAX_PAGE_BYTES: number = (2 ** 31 - 1) * 8;

function describeShortage(s: Shortage): string {
  const holders = s.holders.slice(0, 3).map((h) => `${h.consumer} ${humanBytes(h.bytes)}`);
  if (s.unassociated > 0) holders.push(`no consumer ${humanBytes(s.unassociated)}`);
  return (
    `${s.consumer} of task ${s.task} asked for ${s.requested} bytes (${humanBytes(s.requested)}) and received ${s.received}; ` +
    `the task holds ${humanBytes(s.held)} of at most ${humanBytes(s.cap)} (1/${s.tasks} of the pool's reach), ` +
    `${humanBytes(s.free)} are free; largest holders: ${holders.length === 0 ? "none" : holders.join(", ")}`
  );
}
