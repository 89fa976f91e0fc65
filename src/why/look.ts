// One look at the memory while it is under way: what is asked, by whom, what has come of it, and how the pools were before.

import type { Executor } from "../executor.js";
import type { Region } from "../memory/manager.js";
import { type Mode, ON_HEAP } from "../memory/mode.js";
import { divide, type Policy, type RegionView } from "../policy/policy.js";
import type { BlockId } from "../storage/block.js";
import { NO_TASK } from "../storage/locks.js";
import type { Bound, Limit, Purpose } from "./facts.js";

/** What a consumer wants, from its call to the answer. */
export interface Want {
  readonly consumer: string;
  readonly bytes: number;
  /** The fact in whose course it was wanted: what a consumer acquires while it spills for another. */
  readonly within: number;
  /** The last fact of this want: that it was granted short, or has to wait; then the last spill. */
  short: number;
  spill: number;
}

/** One look at the memory: what it asks, and what has come of it so far. One for each depth of calls, used again and again. */
export class Look {
  purpose: "execution" | Purpose = "execution";
  task: number = NO_TASK;
  block: BlockId = 0;
  bytes = 0;
  mode: Mode = ON_HEAP;
  /** What it follows from, and its own fact: 0 while nothing has come of it. */
  cause = 0;
  fact = 0;
  movedBytes = 0;
  evictedBytes = 0;
  /** Of its last eviction: whether it failed, and what it has passed over. */
  failed = false;
  passedBytes = 0;
  pinned = 0;
  ownRdd = 0;
  readonly rdds: Map<number, number> = new Map();

  begin(purpose: Look["purpose"], task: number, block: BlockId, bytes: number, mode: Mode): void {
    this.purpose = purpose;
    this.task = task;
    this.block = block;
    this.bytes = bytes;
    this.mode = mode;
    this.cause = this.fact = this.movedBytes = this.evictedBytes = 0;
    this.beginEviction();
  }

  beginEviction(): void {
    this.failed = false;
    this.passedBytes = this.pinned = this.ownRdd = 0;
    if (this.rdds.size > 0) this.rdds.clear();
  }

  /** The most blocks of one RDD among those that were passed over for being locked; 0 where no two are. */
  get alike(): number {
    const most = Math.max(0, ...this.rdds.values());
    return most > 1 ? most : 0;
  }
}

/** What storage could give for a look at execution memory, and why no more. */
export function storageOf(
  { manager, store }: Executor,
  look: Look,
  region: Region,
): { readonly storageBytes: number; readonly limit: Limit } {
  if (!look.failed) {
    const enough = region.executionSize - region.executionUsed >= look.bytes;
    const limit = enough || region.storageSize === 0 ? "enough" : region.storageUsed > 0 ? "protected" : "policy";
    return { storageBytes: look.movedBytes, limit };
  }
  const before: RegionView = {
    ...viewOf(region, region.executionUsed, region.entries),
    executionSize: region.executionSize - look.movedBytes,
    storageSize: region.storageSize + look.movedBytes,
  };
  const most = manager.policy.reclaim(before, Number.MAX_SAFE_INTEGER);
  const evictable = Math.max(0, store.used(look.mode) - look.passedBytes);
  return { storageBytes: Math.min(most, storageFreeBefore(look, region) + evictable), limit: "kept" };
}

// As a look has found the pools. What observers do meanwhile may have changed more than the look itself.

/** Free bytes of the execution pool before the look. */
export function executionFreeBefore(look: Look, region: Region): number {
  return Math.max(0, region.executionSize - look.movedBytes - region.executionUsed);
}

/** Free bytes of the storage pool before the look. */
export function storageFreeBefore(look: Look, region: Region): number {
  return Math.max(0, region.storageSize - region.storageUsed + look.movedBytes - look.evictedBytes);
}

/**
 * What bounds a task, and the most that it may hold. Within 1/N of the ceiling a policy is never asked; whether it ends there,
 * its answers to a task that has nothing in a pool that is all free tell.
 */
export function boundOf(policy: Policy, region: Region): { readonly bound: Bound; readonly capBytes: number } {
  if (region.ceiling >= Number.MAX_SAFE_INTEGER) return { bound: "none", capBytes: 0 };
  const capBytes = divide(region.ceiling, region.entries);
  if (capBytes >= region.executionSize) return { bound: "share", capBytes };
  const empty = viewOf(region, 0, region.entries);
  const granted = (bytes: number): boolean => policy.share(empty, 0, bytes) === bytes;
  if (!granted(capBytes + 1)) return { bound: "share", capBytes };
  return { bound: "own", capBytes: lastOf(capBytes + 1, region.executionSize, granted) };
}

/** The last number from `least`, of which it holds, to `most`, of which `holds` is true. It is true of all before that. */
function lastOf(least: number, most: number, holds: (n: number) => boolean): number {
  let [low, high] = [least, most];
  while (low < high) {
    const middle = high - divide(high - low, 2);
    if (holds(middle)) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** A pool as it would be with so much used by so many tasks. */
export function viewOf(region: Region, executionUsed: number, entries: number): RegionView {
  const { mode, total, protectedStorage, executionSize, storageSize, storageUsed, unmanaged } = region;
  return { mode, total, protectedStorage, executionSize, executionUsed, storageSize, storageUsed, unmanaged, entries };
}
