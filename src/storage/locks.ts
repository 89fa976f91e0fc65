// Who reads and who writes which block: many readers or one writer, readers counted by task so that a task may read again
// what it reads (section 8.9 of the law). Nobody waits here: a lock that cannot be had now is refused.

import { Refusal } from "../fault.js";
import { type BlockId, blockName } from "./block.js";
import type { StorageLevel } from "./level.js";

/** The task of whoever asks outside of any task, as far as locks and unroll memory are concerned. */
export const NO_TASK = -1;

/**
 * A lock that somebody else has, or that nobody holds and is to be released.
 *
 * @example
 * ```ts
 * import { BlockLocked, BlockManager, LEVELS, MemoryDisk, openExecutor, type RecordCodec } from "tungsten-memory";
 *
 * const codec: RecordCodec<number> = {
 *   writer: (sink) => ({ write: (record) => sink.write(Uint8Array.of(record)), close() {} }),
 *   read: (bytes) => bytes,
 * };
 * const disk = new MemoryDisk();
 * const blocks = new BlockManager({ store: openExecutor({ disk }).store, disk, codec });
 * blocks.putIterator("rdd_0_0", [1, 2, 3], LEVELS.MEMORY_ONLY_SER);
 * const read = blocks.getValues("rdd_0_0");
 * try {
 *   blocks.remove("rdd_0_0"); // while it is read
 * } catch (error) {
 *   console.log(error instanceof BlockLocked); // true
 * }
 * read?.release();
 * ```
 */
export class BlockLocked extends Refusal {
  override readonly name = "BlockLocked";
}

/**
 * A task that did not fail has left read locks behind.
 *
 * @example
 * ```ts
 * import { type Executor, PinLeak } from "tungsten-memory";
 *
 * export function end(executor: Executor, task: number): void {
 *   try {
 *     executor.endTask(task);
 *   } catch (error) {
 *     if (!(error instanceof PinLeak)) throw error;
 *     console.log(`task ${error.task} never released ${error.blocks.join(", ")}`);
 *   }
 * }
 * ```
 */
export class PinLeak extends Refusal {
  override readonly name = "PinLeak";
  /** The task that has ended. */
  readonly task: number;
  /** What it had still locked, by name. */
  readonly blocks: readonly string[];

  constructor(task: number, blocks: readonly string[]) {
    super(`task ${task} has ended with read locks of ${blocks.join(", ")}`, "INTERNAL_ERROR_EXECUTOR");
    this.task = task;
    this.blocks = blocks;
  }
}

const NOBODY = Symbol("nobody");
// A writer that is no task: eviction.
const EVICTION = Symbol("eviction");

/** What is known of a block, wherever its bytes are. */
export interface BlockRecord {
  readonly level: StorageLevel;
  /** Read locks over all tasks. */
  readLocks: number;
  writer: number | typeof NOBODY | typeof EVICTION;
}

/** The records of all known blocks, by canonical id. */
export class BlockLocks {
  readonly #records = new Map<BlockId, BlockRecord>();
  // Read locks of each task that has any.
  readonly #readers = new Map<number, Map<BlockId, number>>();

  /** The record of a block, or null when it is not known. Takes no lock. */
  record(id: BlockId): BlockRecord | null {
    return this.#records.get(id) ?? null;
  }

  /** Calls `visit` for every known block. */
  forEach(visit: (id: BlockId, record: BlockRecord) => void): void {
    this.#records.forEach((record, id) => visit(id, record));
  }

  /** A record for a block that is to be put, write-locked by the task; null when the block is known already. */
  add(id: BlockId, level: StorageLevel, task: number): BlockRecord | null {
    if (this.#records.has(id)) return null;
    const record: BlockRecord = { level, readLocks: 0, writer: task };
    this.#records.set(id, record);
    return record;
  }

  /** One more read lock; null for a block that is not known. Throws BlockLocked while somebody writes. */
  read(id: BlockId, task: number): BlockRecord | null {
    const record = this.#records.get(id);
    if (record === undefined) return null;
    if (record.writer !== NOBODY) throw new BlockLocked(`block ${blockName(id)} is being written and cannot be read`);
    let locks = this.#readers.get(task);
    if (locks === undefined) {
      locks = new Map();
      this.#readers.set(task, locks);
    }
    locks.set(id, (locks.get(id) ?? 0) + 1);
    record.readLocks += 1;
    return record;
  }

  /** The write lock; null for a block that is not known. Throws BlockLocked while anybody else, or the task itself, holds it. */
  write(id: BlockId, task: number): BlockRecord | null {
    const record = this.#records.get(id);
    if (record === undefined) return null;
    if (!free(record))
      throw new BlockLocked(`block ${blockName(id)} is held by ${record.readLocks} readers or a writer`);
    record.writer = task;
    return record;
  }

  /** The write lock for an eviction, if it can be had. */
  writeForEviction(id: BlockId): boolean {
    const record = this.#records.get(id);
    if (record === undefined || !free(record)) return false;
    record.writer = EVICTION;
    return true;
  }

  /** Releases the write lock of whoever has it. */
  unlockWriter(id: BlockId): void {
    this.#records.get(id)!.writer = NOBODY;
  }

  /** Turns the task's write lock into a read lock. */
  downgrade(id: BlockId, task: number): void {
    this.unlockWriter(id);
    this.read(id, task);
  }

  /** Releases one read lock of the task. Throws BlockLocked where it holds none. */
  unlock(id: BlockId, task: number): void {
    const locks = this.#readers.get(task);
    const count = locks?.get(id) ?? 0;
    if (count === 0) throw new BlockLocked(`task ${task} holds no read lock of block ${blockName(id)}`);
    if (count > 1) locks!.set(id, count - 1);
    else if (locks!.size > 1) locks!.delete(id);
    else this.#readers.delete(task);
    this.#records.get(id)!.readLocks -= 1;
  }

  /** Whether the task holds a read lock of the block. */
  isReading(id: BlockId, task: number): boolean {
    return this.#readers.get(task)?.has(id) ?? false;
  }

  /** Forgets a block that nobody reads. */
  forget(id: BlockId): void {
    this.#records.delete(id);
  }

  /** The end of a task: its read locks are released. Returns the blocks that it had locked. */
  releaseAll(task: number): BlockId[] {
    const locks = this.#readers.get(task);
    if (locks === undefined) return [];
    this.#readers.delete(task);
    for (const [id, count] of locks) this.#records.get(id)!.readLocks -= count;
    return [...locks.keys()];
  }

  clear(): void {
    this.#records.clear();
    this.#readers.clear();
  }
}

function free(record: BlockRecord): boolean {
  return record.writer === NOBODY && record.readLocks === 0;
}
