// Putting a block record by record, when its size is not known before it is there (sections 8.3 and 8.4 of the law). While it
// grows, memory is reserved ahead of it; when the last record has been seen the reservation turns into the block, and when
// no more can be reserved, what has been gathered and what has not been read yet go back to the caller as a handle.

import { type Mode, OFF_HEAP } from "../memory/mode.js";
import type { BlockId } from "./block.js";
import { ByteChunks, type ByteSink, type RecordCodec, type RecordWriter } from "./codec.js";
import { NO_TASK } from "./locks.js";
import type { SizeOf } from "./size.js";
import { BlockExists, BlockMisuse, type BlockStore } from "./store.js";
import { type Reservation, TaskInterrupted, UnrolledBytes, UnrolledValues } from "./unrolled.js";
import { GrowingVector } from "./vector.js";

const MAX_CHUNK_BYTES = 1024 * 1024;

/** For whom a block is unrolled. */
export interface UnrollOptions {
  /** The task that is charged for the reservation; NO_TASK outside of any. */
  readonly task?: number;
  /** Whether the task has been interrupted: asked before each record from 4.0 on, inside a task only. */
  readonly interrupted?: () => boolean;
}

/** For whom a block of values is unrolled, and how large they are. */
export interface ValuesOptions<T> extends UnrollOptions {
  /** The bytes that a value takes; by default as `javaSizeOf`. */
  readonly sizeOf?: SizeOf<T>;
}

/**
 * Puts a block of values. Returns null when it is in memory now, else what is left: the values already taken from
 * `values`, then the rest. Its reservation stays with the task until the handle is read to its end or closed, or the task
 * ends. Throws BlockExists for a block that is in memory.
 *
 * @example
 * ```ts
 * import { openExecutor, putValues } from "tungsten-memory";
 *
 * const { store } = openExecutor();
 * console.log(putValues(store, "rdd_0_0", [1, 2, 3], 0), store.getValues("rdd_0_0")); // null [ 1, 2, 3 ]
 * ```
 */
export function putValues<T>(
  store: BlockStore,
  block: BlockId,
  values: Iterable<T>,
  mode: Mode,
  options: ValuesOptions<T> = {},
): UnrolledValues<T> | null {
  if (mode === OFF_HEAP && !store.rules.offHeapValues)
    throw new BlockMisuse(`block ${block}: values off-heap are allowed from 3.2 on`);
  store.checkKeepsValues(block);
  const vector = new GrowingVector<T>(options.sizeOf, store.rules.vectorBytes);
  const rest = values[Symbol.iterator]();
  const kept = unroll(store, block, rest, mode, options, {
    add: (value) => vector.add(value),
    estimateBytes: () => vector.estimateBytes(),
    exactBytes: () => vector.exactBytes(),
    store: (bytes, reservation) => store.putUnrolledValues(block, vector.values, bytes, reservation),
  });
  return kept === null ? null : new UnrolledValues(store, kept.reservation, vector.values[Symbol.iterator](), rest);
}

/**
 * Puts a block of records as serialized bytes. Returns null when it is in memory now, else what is left: the bytes written
 * so far and the records not read yet. Throws TaskInterrupted when the task was (from 4.0 on).
 *
 * @example
 * ```ts
 * import { openExecutor, putRecords, type RecordCodec } from "tungsten-memory";
 *
 * const codec: RecordCodec<number> = {
 *   writer: (sink) => ({ write: (record) => sink.write(Uint8Array.of(record)), close() {} }),
 *   read: (bytes) => bytes,
 * };
 * const { store } = openExecutor();
 * console.log(putRecords(store, "rdd_0_0", [1, 2, 3], codec, 0), store.getSize("rdd_0_0")); // null 3
 * ```
 */
export function putRecords<T>(
  store: BlockStore,
  block: BlockId,
  records: Iterable<T>,
  codec: RecordCodec<T>,
  mode: Mode,
  options: UnrollOptions = {},
): UnrolledBytes<T> | null {
  const chunks = new ByteChunks(Math.max(1, Math.min(store.rules.unrollBytes, MAX_CHUNK_BYTES)));
  const redirect = { to: chunks as ByteSink, write: (bytes: Uint8Array) => redirect.to.write(bytes) };
  const rest = records[Symbol.iterator]();
  let writer: RecordWriter<T> | null = null;
  const kept = unroll(store, block, rest, mode, options, {
    add: (record) => (writer ??= codec.writer(redirect)).write(record),
    estimateBytes: () => chunks.bytes,
    exactBytes() {
      (writer ??= codec.writer(redirect)).close();
      return chunks.bytes;
    },
    store: (bytes, reservation) => store.putUnrolledBytes(block, chunks, bytes, reservation),
  });
  if (kept === null) return null;
  if (kept.interrupted) throw new TaskInterrupted(options.task!);
  return new UnrolledBytes(store, kept.reservation, {
    codec,
    chunks,
    redirect,
    rest,
    writer: writer ?? codec.writer(redirect),
    closed: kept.measured,
  });
}

/** What gathers the records of one form. */
interface Holder<T> {
  add(record: T): void;
  estimateBytes(): number;
  /** After the last record. */
  exactBytes(): number;
  /** The reservation becomes the block; false when the memory itself has run out. */
  store(bytes: number, reservation: Reservation): boolean;
}

/** Section 8.3: null for STORED, what is reserved for FAILED. */
function unroll<T>(
  store: BlockStore,
  block: BlockId,
  records: Iterator<T>,
  mode: Mode,
  { task = NO_TASK, interrupted }: UnrollOptions,
  holder: Holder<T>,
): Kept | null {
  if (store.has(block)) throw new BlockExists(`block ${block} is in memory already`);
  const { unrollBytes, checkPeriod, growthFactor, interruptible } = store.rules;
  const stopped = interruptible && task !== NO_TASK && interrupted !== undefined ? interrupted : never;
  const reservation = { mode, task, bytes: 0 };
  const reserve = (bytes: number): boolean => {
    const reserved = store.reserveUnroll(block, bytes, mode, task);
    if (reserved) reservation.bytes += bytes;
    return reserved;
  };
  try {
    let thresholdBytes = unrollBytes;
    let ok = reserve(thresholdBytes);
    for (let i = 0; ok && !stopped(); i += 1) {
      const next = records.next();
      if (next.done === true) break;
      holder.add(next.value);
      if (i % checkPeriod !== 0) continue;
      const estimate = holder.estimateBytes();
      if (estimate < thresholdBytes) continue;
      const ahead = Math.trunc(estimate * growthFactor - thresholdBytes);
      ok = reserve(ahead);
      // Raised also when the reservation failed.
      thresholdBytes += ahead;
    }
    if (stopped()) return { reservation, interrupted: true, measured: false };
    if (!ok) return { reservation, interrupted: false, measured: false };
    const bytes = holder.exactBytes();
    ok = bytes <= reservation.bytes || reserve(bytes - reservation.bytes);
    return ok && holder.store(bytes, reservation) ? null : { reservation, interrupted: false, measured: true };
  } catch (error) {
    // In a task the reservation stays until its end, as in Spark; outside of any nobody would give it back.
    if (task === NO_TASK) store.releaseUnroll(reservation.bytes, mode);
    throw error;
  }
}

/** A block that could not be put. */
interface Kept {
  readonly reservation: Reservation;
  readonly interrupted: boolean;
  /** All records have been read and the exact size is known. */
  readonly measured: boolean;
}

const never = (): boolean => false;
