// The contract of an allocation policy: pure opinion. Each question gets a read-only view of one region and a request, and
// is answered with a number; the manager carries the answer out, or refuses an answer that breaks a law.

import type { Mode } from "../memory/mode.js";

/** What `share` answers when the task must wait for another task to release memory. */
export const MUST_WAIT = -1;

/** What `lend` answers when a storage request cannot be met, whatever is evicted. */
export const REFUSE = -1;

/** One region (one mode's pair of pools) as a policy sees it. All fields are bytes but `mode` and `entries`. */
export interface RegionView {
  readonly mode: Mode;
  /** M: what the two pools have together, fixed. */
  readonly total: number;
  /** R: the part of M that execution does not ask storage to give up, fixed. */
  readonly protectedStorage: number;
  readonly executionSize: number;
  readonly executionUsed: number;
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

/**
 * An allocation policy. Functions are pure: the same view and request give the same answer, nothing is kept, nothing read
 * but the arguments.
 */
export interface Policy {
  readonly name: string;

  /**
   * The size that tasks share: a task may hold up to `ceiling / N` without a decision. The manager grants a whole request
   * from free memory without asking `share` as long as that holds, so `share` must agree with it. Bytes, 0 or more.
   */
  ceiling(view: RegionView): number;

  /** Bytes to ask of the storage pool (free ones first, then by eviction) when execution is short of `missing` (> 0). */
  reclaim(view: RegionView, missing: number): number;

  /** Bytes to grant now, 0 to `bytes` and at most what is free, or MUST_WAIT. `held` is the task's balance. */
  share(view: RegionView, held: number, bytes: number): number;

  /** Bytes of free execution memory to move to the storage pool for a request of `bytes`, or REFUSE. */
  lend(view: RegionView, bytes: number, purpose: StoragePurpose): number;

  /** Bytes to evict for a storage request of `bytes`, after `lend`. `unrolled` is what is reserved for unrolling now. */
  evict(view: RegionView, bytes: number, purpose: StoragePurpose, unrolled: number): number;
}

/** a / b for whole numbers, rounded down, exact for every a below 2^53. */
export function divide(a: number, b: number): number {
  return (a - (a % b)) / b;
}
