// The contract of an allocation policy: pure opinion. Each question gets a read-only view of one region and a request, and
// is answered with a number; the manager carries the answer out, or refuses an answer that breaks a law.

import { Refusal } from "../fault.js";
import type { Mode } from "../memory/mode.js";

/** What `share` answers when the task must wait for another task to release memory. */
export const MUST_WAIT = -1;

/** What `lend` answers when a storage request cannot be met, whatever is evicted. */
export const REFUSE = -1;

/** What `arbitrate` answers when nobody shall spill. */
export const NOBODY = -1;

/** Sizes of one region at the start, in bytes. `execution + storage = total`. */
export interface RegionSizes {
  /** M: what the two pools have together. */
  readonly total: number;
  /** R: storage up to here is not evicted for execution. */
  readonly protectedStorage: number;
  /** The execution pool. */
  readonly execution: number;
  /** The storage pool. */
  readonly storage: number;
}

/** One region (one mode's pair of pools) as a policy sees it. All fields are bytes but `mode` and `entries`. */
export interface RegionView {
  /** Whose pools these are. */
  readonly mode: Mode;
  /** M: what the two pools have together, fixed. */
  readonly total: number;
  /** R: the part of M that execution does not ask storage to give up, fixed. */
  readonly protectedStorage: number;
  /** The execution pool. */
  readonly executionSize: number;
  /** What of it tasks hold. */
  readonly executionUsed: number;
  /** The storage pool. */
  readonly storageSize: number;
  /** Blocks, unroll and raw storage bytes. */
  readonly storageUsed: number;
  /** U: what unmanaged consumers reported last (section 4.4); 0 when nobody polls. */
  readonly unmanaged: number;
  /** N: tasks that have an entry in the execution pool, those with a balance of 0 included. */
  readonly entries: number;
}

/** What storage memory is wanted for: a block, or the unrolling of one (section 8.3). */
export type StoragePurpose = "storage" | "unroll";

/** A task whose consumers could spill, as `arbitrate` sees it. Bytes. */
export interface TaskView {
  /** Its id. */
  readonly task: number;
  /** Its balance in the pool. */
  readonly held: number;
  /** What those of its consumers hold that may be asked to spill. */
  readonly spillable: number;
}

/** A request of a task's consumer that came up short. Bytes. */
export interface Claim {
  /** The task that asks. */
  readonly task: number;
  /** The task's balance in the pool, what was granted of this request included. */
  readonly held: number;
  /** What the request still lacks. */
  readonly missing: number;
  /** Whether the task would have to wait: `share` said MUST_WAIT. */
  readonly waits: boolean;
}

/**
 * An allocation policy. Functions are pure: the same view and request give the same answer, nothing is kept, nothing read
 * but the arguments, nothing thrown. An answer that would break a law is refused with BrokenLaw.
 */
export interface Policy {
  /** How it is chosen and reported. */
  readonly name: string;

  /**
   * The size that tasks share: a task may hold up to `ceiling / N` without a decision. The manager grants a whole request
   * from free memory without asking `share` as long as that holds, so `share` must agree with it. Bytes, 0 or more. It is
   * asked again when the boundary, storage or unmanaged memory has moved, so it may depend on everything but
   * `executionUsed` and `entries`.
   */
  ceiling(view: RegionView): number;

  /**
   * Bytes to ask of the storage pool (free ones first, then by eviction) when execution is short of `missing` (> 0). More than
   * can be had gets what is free.
   */
  reclaim(view: RegionView, missing: number): number;

  /** Bytes to grant now, 0 to `bytes` and at most what is free, or MUST_WAIT. `held` is the task's balance. */
  share(view: RegionView, held: number, bytes: number): number;

  /** Bytes of free execution memory to move to the storage pool for a request of `bytes`, or REFUSE. */
  lend(view: RegionView, bytes: number, purpose: StoragePurpose): number;

  /** Bytes to evict for a storage request of `bytes`, after `lend`. `unrolled` is what is reserved for unrolling now. */
  evict(view: RegionView, bytes: number, purpose: StoragePurpose, unrolled: number): number;

  /**
   * Optional: which task shall spill for a consumer's request that came up short, by its place in `tasks` (those that
   * could, the claiming one perhaps among them, in the order in which they came), or NOBODY. Asked again until the request
   * is granted whole; a task that freed nothing is not offered again. Without it a task's consumers spill for their own task
   * alone, as in Spark, which they still do for what is missing in the end.
   */
  arbitrate?(view: RegionView, claim: Claim, tasks: readonly TaskView[]): number;

  /** Optional: the sizes to start a region with, in place of those that the configuration gives. */
  sizes?(configured: RegionSizes): RegionSizes;
}

/** What a policy is asked, or an order of spilling (`pick`). */
export type Question = keyof Policy | "pick";

/**
 * An answer of a policy or an order of spilling that would break a law, or none: it threw. It is not carried out; what it was asked for is as if it had
 * not been asked, but for what others have evicted or spilled until then.
 *
 * @example
 * ```ts
 * import { BrokenLaw, openExecutor, unified } from "tungsten-memory";
 *
 * const generous = { ...unified, name: "generous", share: (_view: unknown, _held: number, bytes: number) => bytes + 1 };
 * const executor = openExecutor({ policy: generous, pages: "accounts" });
 * try {
 *   executor.manager.acquireExecution(2 ** 20, 1, 0);
 *   executor.manager.acquireExecution(2 ** 30, 1, 0);
 * } catch (error) {
 *   if (error instanceof BrokenLaw) console.log(error.law, error.policy); // 2 generous
 * }
 * ```
 */
export class BrokenLaw extends Refusal {
  override readonly name = "BrokenLaw";
  /** The law's number (README, "The laws"). */
  readonly law: number;
  /** The policy's name. */
  readonly policy: string;
  /** The question that it answered so. */
  readonly question: Question;

  constructor(law: number, policy: string, question: Question, why: string, options?: { cause?: unknown }) {
    super(`law ${law}: policy ${policy} answers ${question} with ${why}`, null, options);
    this.law = law;
    this.policy = policy;
    this.question = question;
  }
}

/**
 * a / b for whole numbers, rounded down, exact for every a below 2^53.
 *
 * @example
 * ```ts
 * import { divide } from "tungsten-memory";
 *
 * console.log(divide(7, 2), divide(2 ** 53 - 1, 3)); // 3 3002399751580330
 * ```
 */
export function divide(a: number, b: number): number {
  // A quotient that is not whole is 1 / b or more from the next whole number, which is more than rounding moves it: a + b < 2^54.
  return Math.floor(a / b);
}
