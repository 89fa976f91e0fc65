// What the block store asks of others, the disk and the block manager, and how it refuses.

import { Refusal } from "../fault.js";
import type { Mode } from "../memory/mode.js";
import type { BlockId } from "./block.js";

/** Where a block goes when it is evicted: dropped, or written to the store's disk first. */
export type Fate = "gone" | "disk";

/** Takes blocks that leave memory and keeps them. A method that throws leaves the block where it was. */
export interface BlockDisk {
  /** Keeps a block; one of that name is replaced. */
  write(block: string, bytes: Uint8Array): void;
  /** A copy of the block's bytes, or null. */
  read(block: string): Uint8Array | null;
  /** Whether it keeps a block. */
  has(block: string): boolean;
  /** Drops a block; one that is not there is none of its trouble. */
  remove(block: string): void;
}

/** Who decides about blocks beyond their place in memory: the block manager. Asked when blocks are to leave, with canonical ids. */
export interface BlockOwner {
  /** The write lock of a block, if it can be had now. A block that is not known cannot leave. */
  lockForEviction(id: BlockId): boolean;
  /** Keeps of a block what must be kept, while it is in memory still, and says where it will be. A throw leaves it where it was. */
  leaving(id: BlockId): Fate;
  /** Takes the lock off again. `left`: where the block is now; null when it has not left. */
  unlock(id: BlockId, left: Fate | null): void;
  /** Releases the locks of a task that ends, and names the blocks that it had locked. */
  unlockAll(task: number): string[];
}

/** Whoever records: told of what evictions do. */
export interface StoreWatcher {
  /** A block has left memory by eviction. */
  evicted(id: BlockId, bytes: number, mode: Mode, to: Fate): void;
  /** An eviction passes over a block: it is locked, or of the RDD of the block that comes. */
  passed(id: BlockId, bytes: number, why: "locked" | "ownRdd"): void;
}

/**
 * A put of a block that is in memory already.
 *
 * @example
 * ```ts
 * import { BlockExists, openExecutor } from "tungsten-memory";
 *
 * const { store } = openExecutor();
 * store.put("rdd_0_0", Uint8Array.of(1));
 * try {
 *   store.put("rdd_0_0", Uint8Array.of(2));
 * } catch (error) {
 *   console.log(error instanceof BlockExists); // true
 * }
 * ```
 */
export class BlockExists extends Refusal {
  override readonly name = "BlockExists";
}

/**
 * A pin of a block that is not in memory, an unpin of one that is not pinned, a removal of one that is.
 *
 * @example
 * ```ts
 * import { BlockMisuse, openExecutor } from "tungsten-memory";
 *
 * try {
 *   openExecutor().store.unpin("rdd_0_0");
 * } catch (error) {
 *   console.log(error instanceof BlockMisuse); // true
 * }
 * ```
 */
export class BlockMisuse extends Refusal {
  override readonly name = "BlockMisuse";
}

/**
 * One more block than a shared table was made for, and none that had to leave for it.
 *
 * @example
 * ```ts
 * import { shareExecutor, TooManyBlocks } from "tungsten-memory";
 *
 * const { store } = shareExecutor({ pages: "accounts", blocks: 1 });
 * try {
 *   for (const block of ["rdd_0_0", "rdd_0_1"]) store.putAccount(block, 100);
 * } catch (error) {
 *   console.log(error instanceof TooManyBlocks); // true
 * }
 * ```
 */
export class TooManyBlocks extends Refusal {
  override readonly name = "TooManyBlocks";
}

/**
 * A block of values where several workers share the blocks: objects belong to one thread.
 *
 * @example
 * ```ts
 * import { DeserializedRefused, putValues, shareExecutor } from "tungsten-memory";
 *
 * try {
 *   // Values belong to one worker's heap: what workers share are bytes.
 *   putValues(shareExecutor({ pages: "accounts", blocks: 10 }).store, "rdd_0_0", [1, 2, 3], 0);
 * } catch (error) {
 *   console.log(error instanceof DeserializedRefused); // true
 * }
 * ```
 */
export class DeserializedRefused extends Refusal {
  override readonly name = "DeserializedRefused";
}
