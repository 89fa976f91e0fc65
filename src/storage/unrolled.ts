// What is left of a block that could not be put: the records gathered so far and the ones not read yet. The memory that was
// reserved for it stays reserved until the handle here is read to its end or closed, or its task ends (section 8.3 of the law).

import { Refusal } from "../fault.js";
import type { Mode } from "../memory/mode.js";
import type { ByteChunks, ByteSink, RecordCodec, RecordWriter } from "./codec.js";
import type { BlockStore } from "./store.js";

/** Unroll memory that is reserved for one block. Bytes. */
export interface Reservation {
  /** Whose pool it is of. */
  readonly mode: Mode;
  /** The task that unrolls. */
  readonly task: number;
  /** What is reserved now. */
  bytes: number;
}

/**
 * A second use of a handle that can be used once.
 *
 * @example
 * ```ts
 * import { HandleUsed, type UnrolledBytes } from "tungsten-memory";
 *
 * export function discard(handle: UnrolledBytes<unknown>): void {
 *   try {
 *     handle.discard();
 *   } catch (error) {
 *     if (!(error instanceof HandleUsed)) throw error; // it was finished or read before
 *   }
 * }
 * ```
 */
export class HandleUsed extends Refusal {
  override readonly name = "HandleUsed";
}

/**
 * The task was interrupted while it serialized a block. Its reservation stays until the task ends.
 *
 * @example
 * ```ts
 * import { type Executor, putRecords, type RecordCodec, TaskInterrupted } from "tungsten-memory";
 *
 * // Whether it was put; false when the user has stopped the task meanwhile.
 * export function put<T>(executor: Executor, block: string, records: T[], codec: RecordCodec<T>, stopped: AbortSignal) {
 *   try {
 *     return putRecords(executor.store, block, records, codec, 0, { task: 1, interrupted: () => stopped.aborted }) === null;
 *   } catch (error) {
 *     if (error instanceof TaskInterrupted) return false;
 *     throw error;
 *   }
 * }
 * ```
 */
export class TaskInterrupted extends Refusal {
  override readonly name = "TaskInterrupted";
  /** The task that was interrupted. */
  readonly task: number;

  constructor(task: number) {
    super(`task ${task} was interrupted while it put a block`);
    this.task = task;
  }
}

/**
 * The values of a block that could not be put, in order. The reservation is released when the unrolled part is exhausted.
 *
 * @example
 * ```ts
 * import { openExecutor, putValues } from "tungsten-memory";
 *
 * const { store } = openExecutor({ conf: { "spark.executor.memory": "500m" } });
 * const left = putValues(store, "rdd_0_0", [1, 2, 3], 0, { sizeOf: () => 2 ** 30 });
 * // Too large: an UnrolledValues, which gives the values all the same.
 * console.log(left === null ? "in memory" : [...left]); // [ 1, 2, 3 ]
 * ```
 */
export class UnrolledValues<T> implements IterableIterator<T> {
  readonly #store: BlockStore;
  readonly #reservation: Reservation;
  #unrolled: Iterator<T> | null;
  #rest: Iterator<T> | null;

  constructor(store: BlockStore, reservation: Reservation, unrolled: Iterator<T>, rest: Iterator<T>) {
    this.#store = store;
    this.#reservation = reservation;
    this.#unrolled = unrolled;
    this.#rest = rest;
  }

  /** The next value: first those that were unrolled, whose memory goes back after the last of them, then the rest. */
  next(): IteratorResult<T, undefined> {
    if (this.#unrolled !== null) {
      const next = this.#unrolled.next();
      if (next.done !== true) return next;
      this.#release();
    }
    const next = this.#rest?.next();
    if (next !== undefined && next.done !== true) return next;
    this.#rest = null;
    return { done: true, value: undefined };
  }

  /** Gives the reservation back and ends the iteration. */
  close(): void {
    this.#release();
    this.#rest?.return?.();
    this.#rest = null;
  }

  /** Closes: a loop that breaks off leaves nothing behind. */
  return(): IteratorResult<T, undefined> {
    this.close();
    return { done: true, value: undefined };
  }

  [Symbol.iterator](): this {
    return this;
  }

  #release(): void {
    this.#unrolled = null;
    giveBack(this.#store, this.#reservation);
  }
}

/** What a block in the making is written with. */
export interface PartlyWritten<T> {
  readonly codec: RecordCodec<T>;
  /** What has been written. */
  readonly chunks: ByteChunks;
  /** Where the writer writes to. */
  readonly redirect: { to: ByteSink };
  readonly writer: RecordWriter<T>;
  /** Whether the writer has been closed. */
  readonly closed: boolean;
  readonly rest: Iterator<T>;
}

/**
 * A block of records that could not be put as bytes. Can be used once: finished, or read, or discarded.
 *
 * @example
 * ```ts
 * import { ByteChunks, type UnrolledBytes } from "tungsten-memory";
 *
 * // What did not fit the memory goes to a disk as a whole, what has been written so far first.
 * export function toDisk<T>(left: UnrolledBytes<T>): Uint8Array {
 *   const chunks = new ByteChunks(2 ** 16);
 *   left.finish(chunks);
 *   return chunks.joined();
 * }
 * ```
 */
export class UnrolledBytes<T> {
  readonly #store: BlockStore;
  readonly #reservation: Reservation;
  #part: PartlyWritten<T> | null;

  constructor(store: BlockStore, reservation: Reservation, part: PartlyWritten<T>) {
    this.#store = store;
    this.#reservation = reservation;
    this.#part = part;
  }

  /** Writes the whole block to a sink and returns its bytes; the reservation is released before the rest is serialized. Throws HandleUsed. */
  finish(sink: ByteSink): number {
    const { chunks, redirect, writer, closed, rest } = this.#use("finished");
    let bytes = 0;
    const counted: ByteSink = {
      write(part) {
        bytes += part.length;
        sink.write(part);
      },
    };
    try {
      chunks.drain(counted);
    } finally {
      giveBack(this.#store, this.#reservation);
    }
    redirect.to = counted;
    for (let next = rest.next(); next.done !== true; next = rest.next()) writer.write(next.value);
    if (!closed) writer.close();
    return bytes;
  }

  /** The records: those read back from the bytes, then the rest. Throws HandleUsed. */
  values(): UnrolledValues<T> {
    const { codec, chunks, writer, closed, rest } = this.#use("read");
    if (!closed) writer.close();
    const written = codec.read(chunks.joined());
    return new UnrolledValues(this.#store, this.#reservation, written[Symbol.iterator](), rest);
  }

  /** Gives the reservation back. A handle that has been used is left alone. */
  discard(): void {
    if (this.#part === null) return;
    this.#part.rest.return?.();
    this.#part = null;
    giveBack(this.#store, this.#reservation);
  }

  #use(what: string): PartlyWritten<T> {
    const part = this.#part;
    if (part === null)
      throw new HandleUsed(
        `a block that has been finished, read or discarded cannot be ${what}`,
        "INTERNAL_ERROR_STORAGE",
      );
    this.#part = null;
    return part;
  }
}

function giveBack(store: BlockStore, reservation: Reservation): void {
  const { bytes, mode, task } = reservation;
  reservation.bytes = 0;
  if (bytes > 0) store.releaseUnroll(bytes, mode, task);
}
