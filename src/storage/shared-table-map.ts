// Where things lie in the table of blocks that workers share, and the two ways to come by one: making it and attaching to it.
//
//   byte, from the annex on
//      0  magic "TMBT"     4  version            8  blocks it has room for    12  buckets (a power of two)
//     16  blocks in it    20  first free record 24  records ever used         28  puts (wraps)
//     32  read locks      36  who has a disk    40  highest worker seen
//     64  bytes of the blocks, a double a mode  80  bytes reserved for unrolling, a double a mode
//    128  workers, WORKER_BYTES each: byte 0 bytes reserved for unrolling, a double a mode; 16 blocks it is putting
//   2176  buckets: the first record of a chain each, 0 for none
//      .  records, RECORD_BYTES each, the first two the heads of the rings
//      .  names, NAME_UNITS units of UTF-16 a record
//      .  read locks by worker, MAX_WORKERS units of 16 bits a record
//
//   record byte 0  id, -1 for a name     8  bytes             16  RDD                24  place
//              32  older, newer         40  locks, flags      48  hash, next in chain or free list
//              56  worker putting it    60  length of its name

import { Refusal } from "../fault.js";
import { MAX_WORKERS } from "../memory/accounts-map.js";
import { OFF_HEAP } from "../memory/mode.js";
import type { SharedLedger } from "../memory/shared-ledger.js";

const MAGIC = 0x54424d54;
const VERSION = 1;

// Words of the head.
const MAGIC_AT = 0;
const VERSION_AT = 1;
const BLOCKS = 2;
const BUCKETS = 3;
export const SIZE = 4;
export const FREE = 5;
export const RECORDS_USED = 6;
export const PUTS = 7;
export const PINNED = 8;
export const DISK = 9;
export const HIGHEST_WORKER = 10;
// Doubles of the head.
export const USED = 8;
export const UNROLLED = 10;

export const WORKERS_AT = 128;
export const WORKER_BYTES = 32;
export const WORKER_PUTTING = 4;
export const BUCKETS_AT = WORKERS_AT + MAX_WORKERS * WORKER_BYTES;

export const RECORD_BYTES = 64;
// Doubles of a record.
export const KEY = 0;
export const BYTES = 1;
export const RDD = 2;
export const PLACE = 3;
// Words of a record.
export const OLDER = 8;
export const NEWER = 9;
export const PINS = 10;
export const FLAGS = 11;
export const HASH = 12;
export const CHAIN = 13;
export const WRITER = 14;
export const NAME_LENGTH = 15;

// Bits of the flags.
export const MODE = 1;
export const TO_DISK = 2;

export const NAMED = -1;

/** Longest name of a block in shared memory, UTF-16 units. */
export const NAME_UNITS = 128;

/** Most blocks that a shared table can be made for. */
export const MAX_SHARED_BLOCKS = 2 ** 22;

/** What of shared accounts the table needs. */
export type Annex = Pick<
  SharedLedger,
  "memory" | "worker" | "annexAt" | "annexBytes" | "u32" | "f64" | "putU32" | "putF64"
>;

/**
 * A shared table that cannot be made or attached to.
 *
 * @example
 * ```ts
 * import { SharedLedger, SharedTable, TableError } from "tungsten-memory";
 *
 * try {
 *   SharedTable.attach(SharedLedger.create({ annexBytes: SharedTable.bytesFor(100) }));
 * } catch (error) {
 *   console.log(error instanceof TableError); // true
 * }
 * ```
 */
export class TableError extends Refusal {
  override readonly name = "TableError";
}

/**
 * A name that is too long for shared memory.
 *
 * @example
 * ```ts
 * import { NAME_UNITS, NameTooLong, shareExecutor } from "tungsten-memory";
 *
 * const { store } = shareExecutor({ blocks: 10 });
 * try {
 *   store.put("x".repeat(NAME_UNITS + 1), Uint8Array.of(1));
 * } catch (error) {
 *   console.log(error instanceof NameTooLong); // true
 * }
 * ```
 */
export class NameTooLong extends Refusal {
  override readonly name = "NameTooLong";
}

/** The bytes of annex that `blocks` blocks take, a multiple of 64. Throws TableError. */
export function tableBytes(blocks: number): number {
  if (!(Number.isInteger(blocks) && blocks >= 1 && blocks <= MAX_SHARED_BLOCKS))
    throw new TableError(`a table of ${blocks} blocks: 1 to ${MAX_SHARED_BLOCKS} are possible`);
  const each = RECORD_BYTES + 2 * NAME_UNITS + 2 * MAX_WORKERS;
  return recordsAt(blocks) + (blocks + 2) * each;
}

/** Makes an empty table. Throws TableError for an annex that is too small. */
export function makeTable(annex: Annex, blocks: number): void {
  const bytes = tableBytes(blocks);
  if (bytes > annex.annexBytes)
    throw new TableError(`a table of ${blocks} blocks takes ${bytes} bytes, the annex has ${annex.annexBytes}`);
  const head = annex.annexAt / 4;
  const { u32 } = annex;
  u32[head + VERSION_AT] = VERSION;
  u32[head + BLOCKS] = blocks;
  u32[head + BUCKETS] = bucketsFor(blocks);
  u32[head + RECORDS_USED] = 2;
  const ring = (annex.annexAt + recordsAt(blocks) + RECORD_BYTES) / 4;
  u32[ring + OLDER] = OFF_HEAP;
  u32[ring + NEWER] = OFF_HEAP;
  Atomics.store(u32, head + MAGIC_AT, MAGIC);
}

/** Blocks that the table there has room for. Throws TableError where there is none of this version, or it is not whole. */
export function roomOf(annex: Annex): number {
  const head = annex.annexAt / 4;
  const { u32, annexBytes } = annex;
  if (annexBytes < BUCKETS_AT || Atomics.load(u32, head + MAGIC_AT) !== MAGIC)
    throw new TableError("the shared memory holds no table of blocks");
  if (u32[head + VERSION_AT] !== VERSION)
    throw new TableError(`the table of blocks is of version ${u32[head + VERSION_AT]}, this is version ${VERSION}`);
  const blocks = u32[head + BLOCKS]!;
  const bytes = tableBytes(blocks);
  if (bytes > annexBytes)
    throw new TableError(`a table of ${blocks} blocks takes ${bytes} bytes, the annex has ${annexBytes}`);
  return blocks;
}

export function bucketsFor(blocks: number): number {
  return 2 ** (32 - Math.clz32(Math.max(blocks, 16) - 1));
}

export function recordsAt(blocks: number): number {
  return Math.ceil((BUCKETS_AT + 4 * bucketsFor(blocks)) / 64) * 64;
}
