// The block manager: puts blocks at a storage level, finds them in memory or on disk, brings them back into memory, and
// decides what becomes of a block that memory has no room for (sections 8.6 to 8.10 of the law). One executor, one copy.

import { type BlockId, blockName, canonical } from "./block.js";
import { encodeRecords, ByteChunks, type RecordCodec } from "./codec.js";
import type { StreamDisk } from "./disk.js";
import { checkLevel, checkMade, levelMode, type StorageLevel } from "./level.js";
import { BlockLocks, NO_TASK } from "./locks.js";
import { type BlockBytesRead, BlockRead } from "./read.js";
import type { SizeOf } from "./size.js";
import type { BlockOwner, BlockStore, Fate } from "./store.js";
import { putRecords, putValues, type UnrollOptions } from "./unroll.js";
import type { UnrolledValues } from "./unrolled.js";

/** What a block manager is wired to: where blocks lie, and how records become bytes. */
export interface BlockManagerOptions<T> {
  /** The blocks in memory. */
  readonly store: BlockStore;
  /** Where blocks go that may lie on disk. */
  readonly disk: StreamDisk;
  /** How records become bytes and come back. */
  readonly codec: RecordCodec<T>;
  /** The bytes that a value takes in memory; by default as `javaSizeOf`. */
  readonly sizeOf?: SizeOf<T>;
}

/** Where a block is, and how large. Bytes. */
export interface BlockStatus {
  /** The level that it was put with. */
  readonly level: StorageLevel;
  /** What it takes of storage memory. */
  readonly memoryBytes: number;
  /** What it takes on disk. */
  readonly diskBytes: number;
}

/** What became of a block that was asked for or else made. */
export type GotOrPut<T> =
  { readonly read: BlockRead<T>; readonly left: null } | { readonly read: null; readonly left: UnrolledValues<T> };

const CHUNK_BYTES = 64 * 1024;

/**
 * Blocks of records of type T. Tasks are numbers; NO_TASK stands for everybody outside of one. Nothing waits here: a
 * block that somebody else is writing is refused with BlockLocked, as is the removal of one that is read.
 *
 * @example
 * ```ts
 * import { BlockManager, javaSizeOf, LEVELS, MemoryDisk, openExecutor, type RecordCodec } from "tungsten-memory";
 *
 * const codec: RecordCodec<number> = {
 *   writer: (sink) => ({ write: (record) => sink.write(Uint8Array.of(record)), close() {} }),
 *   read: (bytes) => bytes,
 * };
 * const disk = new MemoryDisk();
 * const { store } = openExecutor({ disk });
 * const blocks = new BlockManager({ store, disk, codec, sizeOf: javaSizeOf });
 * blocks.putIterator("rdd_0_0", [1, 2, 3], LEVELS.MEMORY_AND_DISK);
 * console.log([...blocks.getValues("rdd_0_0")!]); // [ 1, 2, 3 ]
 * ```
 */
export class BlockManager<T> {
  /** The blocks in memory. */
  readonly store: BlockStore;
  /** The blocks on disk. */
  readonly disk: StreamDisk;
  /** Read and write locks by block and task. */
  readonly locks = new BlockLocks();
  readonly #codec: RecordCodec<T>;
  readonly #sizeOf: SizeOf<T> | undefined;

  constructor(options: BlockManagerOptions<T>) {
    this.store = options.store;
    this.disk = options.disk;
    this.#codec = options.codec;
    this.#sizeOf = options.sizeOf;
    options.store.setOwner(this.#evictions());
  }

  /**
   * Puts a block of records as they come. False when there is no room for it, and then nothing of it is left. A block that
   * is known already stays as it is, which counts as put. Throws InvalidLevel.
   */
  putIterator(block: BlockId, records: Iterable<T>, level: StorageLevel, options: UnrollOptions = {}): boolean {
    const left = this.#put(canonical(block), level, options.task ?? NO_TASK, false, (id) =>
      this.#putRecords(id, records, level, options),
    );
    left?.close();
    return left === null;
  }

  /** Puts a block of bytes that the codec has made; they are copied. Otherwise as `putIterator`. */
  putBytes(block: BlockId, bytes: Uint8Array, level: StorageLevel, options: UnrollOptions = {}): boolean {
    const left = this.#put(canonical(block), level, options.task ?? NO_TASK, false, (id) =>
      this.#putBytes(id, bytes, level, options) ? null : "no room",
    );
    return left === null;
  }

  /**
   * The block, or else what `make` gives, put at a level and then read. Where there is no room the records come back as
   * they are, and the reservation made for them stays until they are read or closed.
   */
  getOrPut(block: BlockId, level: StorageLevel, make: () => Iterable<T>, options: UnrollOptions = {}): GotOrPut<T> {
    const task = options.task ?? NO_TASK;
    checkMade(level, this.store.rules.offHeapValues);
    const id = canonical(block);
    const found = this.getValues(id, options);
    if (found !== null) return { read: found, left: null };
    const left = this.#put(id, level, task, true, () => this.#putRecords(id, make(), level, options));
    if (left !== null) return { read: null, left };
    const read = this.getValues(id, options)!;
    // The put has kept a lock, so that nobody could take the block away in between.
    this.locks.unlock(id, task);
    return { read, left: null };
  }

  /**
   * The records of a block, or null. The block is read-locked until they are read to the end or released. One that is only
   * on disk is brought back into memory where its level and the room allow.
   */
  getValues(block: BlockId, options: UnrollOptions = {}): BlockRead<T> | null {
    const task = options.task ?? NO_TASK;
    return this.#locked(canonical(block), task, (id, level, unlock) => {
      if (level.memory && this.store.has(id)) {
        const records = level.deserialized ? this.#valuesOf(id) : this.#codec.read(this.store.get(id)!);
        return new BlockRead("memory", records[Symbol.iterator](), unlock);
      }
      const bytes = this.disk.read(blockName(id));
      if (bytes === null) return null;
      return new BlockRead("disk", this.#readBack(id, bytes, level, options)[Symbol.iterator](), unlock);
    });
  }

  /** The serialized bytes of a block, or null. Read-locked until released; the view holds until then. */
  getBytes(block: BlockId, options: UnrollOptions = {}): BlockBytesRead | null {
    const task = options.task ?? NO_TASK;
    return this.#locked(canonical(block), task, (id, level, unlock) => {
      const bytes = this.#bytesOf(id, level);
      return bytes === null ? null : { bytes, release: unlock };
    });
  }

  /** Releases one read lock of a task. Throws BlockLocked where it has none. */
  unlock(block: BlockId, task: number = NO_TASK): void {
    this.locks.unlock(canonical(block), task);
  }

  /** Where a block is, or null for one that is not known. Looking makes a block in memory the newest (section 8.1). */
  status(block: BlockId): BlockStatus | null {
    const id = canonical(block);
    const record = this.locks.record(id);
    if (record === null) return null;
    return {
      level: record.level,
      memoryBytes: this.store.getSize(id) ?? 0,
      diskBytes: this.disk.bytes(blockName(id)),
    };
  }

  /** Removes a block from memory and disk; false for one that is not known. Throws BlockLocked while somebody reads it. */
  remove(block: BlockId): boolean {
    const id = canonical(block);
    if (this.locks.write(id, NO_TASK) === null) return false;
    this.#forget(id);
    return true;
  }

  /** The end of a task that the executor does not know. Returns the blocks that it had left locked. */
  endTask(task: number): string[] {
    return this.store.endTask(task);
  }

  /** Forgets every block, locked or not. */
  clear(): void {
    this.store.clear();
    this.locks.forEach((id) => this.disk.remove(blockName(id)));
    this.locks.clear();
  }

  /** Section 8.8, the frame of every put: null when the block is put, else what is left of it. */
  #put<Left>(
    id: BlockId,
    level: StorageLevel,
    task: number,
    keepReadLock: boolean,
    body: (id: BlockId) => Left | null,
  ): Left | null {
    checkLevel(level, this.store.rules.offHeapValues);
    if (this.locks.add(id, level, task) === null) {
      this.locks.read(id, task);
      if (!keepReadLock) this.locks.unlock(id, task);
      return null;
    }
    let put = false;
    try {
      const left = body(id);
      put = left === null;
      if (!put) return left;
      // The manager asks for the size of what it has put.
      this.store.getSize(id);
      if (keepReadLock) this.locks.downgrade(id, task);
      else this.locks.unlockWriter(id);
      return null;
    } finally {
      if (!put) this.#forget(id);
    }
  }

  #putRecords(
    id: BlockId,
    records: Iterable<T>,
    level: StorageLevel,
    options: UnrollOptions,
  ): UnrolledValues<T> | null {
    const mode = levelMode(level);
    if (!level.memory) {
      this.#stream(id, records);
      return null;
    }
    if (level.deserialized) {
      const left = putValues(this.store, id, records, mode, this.#sized(options));
      if (left === null || !level.disk) return left;
      this.#stream(id, left);
      return null;
    }
    const left = putRecords(this.store, id, records, this.#codec, mode, options);
    if (left === null) return null;
    if (!level.disk) return left.values();
    this.disk.stream(blockName(id), (sink) => left.finish(sink));
    return null;
  }

  #putBytes(id: BlockId, bytes: Uint8Array, level: StorageLevel, options: UnrollOptions): boolean {
    if (level.memory && this.#remember(id, bytes, level, options)) return true;
    if (!level.disk) return false;
    this.disk.write(blockName(id), bytes);
    return true;
  }

  /** Serialized bytes into memory, in the form of the level. */
  #remember(id: BlockId, bytes: Uint8Array, level: StorageLevel, options: UnrollOptions): boolean {
    if (!level.deserialized) return this.store.put(id, bytes, levelMode(level));
    const left = putValues(this.store, id, this.#codec.read(bytes), levelMode(level), this.#sized(options));
    left?.close();
    return left === null;
  }

  /** The records of a block that is on disk, which is brought back into memory if that can be. */
  #readBack(id: BlockId, bytes: Uint8Array, level: StorageLevel, options: UnrollOptions): Iterable<T> {
    const records = this.#codec.read(bytes);
    if (!level.memory) return records;
    if (level.deserialized)
      return putValues(this.store, id, records, levelMode(level), this.#sized(options)) ?? this.#valuesOf(id);
    return this.store.put(id, bytes, levelMode(level)) ? this.#codec.read(this.store.get(id)!) : records;
  }

  /** A copy on disk spares serializing values, and is taken even where the block is in memory. */
  #bytesOf(id: BlockId, level: StorageLevel): Uint8Array | null {
    const inMemory = level.memory && this.store.has(id);
    if (inMemory && !level.deserialized) return this.store.get(id);
    const onDisk = this.disk.read(blockName(id));
    if (onDisk !== null) {
      const back = level.memory && !level.deserialized && this.store.put(id, onDisk, levelMode(level));
      return back ? this.store.get(id) : onDisk;
    }
    if (!inMemory) return null;
    const chunks = new ByteChunks(CHUNK_BYTES);
    encodeRecords(this.#codec, this.#valuesOf(id), chunks);
    return chunks.joined();
  }

  /** What `read` makes of a block that the task has locked; the lock is off again where that is nothing, or throws. */
  #locked<R>(
    id: BlockId,
    task: number,
    read: (id: BlockId, level: StorageLevel, unlock: () => void) => R | null,
  ): R | null {
    const record = this.locks.read(id, task);
    if (record === null) return null;
    let locked = true;
    const unlock = (): void => {
      if (!locked) return;
      locked = false;
      // At the end of the task the lock has gone, and the block perhaps with it.
      if (this.locks.record(id) === record && this.locks.isReading(id, task)) this.locks.unlock(id, task);
    };
    let found: R | null = null;
    try {
      found = read(id, record.level, unlock);
    } finally {
      if (found === null) unlock();
    }
    return found;
  }

  #valuesOf(id: BlockId): readonly T[] {
    return this.store.getValues(id) as readonly T[];
  }

  #sized(options: UnrollOptions): UnrollOptions & { sizeOf?: SizeOf<T> } {
    return this.#sizeOf === undefined ? options : { ...options, sizeOf: this.#sizeOf };
  }

  #stream(id: BlockId, records: Iterable<T>): void {
    this.disk.stream(blockName(id), (sink) => encodeRecords(this.#codec, records, sink));
  }

  #forget(id: BlockId): void {
    this.store.remove(id);
    this.disk.remove(blockName(id));
    this.locks.forget(id);
  }

  /** Section 8.6. */
  #evictions(): BlockOwner {
    return {
      lockForEviction: (id) => this.locks.writeForEviction(id),
      leaving: (id): Fate => {
        const name = blockName(id);
        if (!this.locks.record(id)!.level.disk) return "gone";
        if (!this.disk.has(name)) {
          if (this.store.isValues(id)) this.#stream(id, this.#valuesOf(id));
          else this.disk.write(name, this.store.get(id)!);
        }
        return "disk";
      },
      unlock: (id, left) => {
        if (left === "gone") this.locks.forget(id);
        else this.locks.unlockWriter(id);
      },
      unlockAll: (task) => this.locks.releaseAll(task).map(blockName),
    };
  }
}
