// Storage levels: where a block may be kept and in which form (section 8.7 of the law).

import { Refusal } from "../fault.js";
import { type Mode, OFF_HEAP, ON_HEAP } from "../memory/mode.js";

/** Where a block may lie, and in what form. As Spark's StorageLevel. */
export interface StorageLevel {
  /** May lie on disk. */
  readonly disk: boolean;
  /** May lie in memory. */
  readonly memory: boolean;
  /** Lies off-heap while it is in memory. */
  readonly offHeap: boolean;
  /** Kept as values while in memory, else as serialized bytes. */
  readonly deserialized: boolean;
  /** 1 to 39. There is one executor here, so copies are remembered and not made. */
  readonly copies: number;
}

/**
 * A level that keeps a block nowhere, or that this generation does not have.
 *
 * @example
 * ```ts
 * import { InvalidLevel, levelOf } from "tungsten-memory";
 *
 * try {
 *   levelOf(99);
 * } catch (error) {
 *   console.log(error instanceof InvalidLevel); // true
 * }
 * ```
 */
export class InvalidLevel extends Refusal {
  override readonly name = "InvalidLevel";
}

const DISK = 8;
const MEMORY = 4;
const OFF = 2;
const DESERIALIZED = 1;
const MAX_COPIES = 39;

/**
 * The level of a flag integer: disk 8, memory 4, off-heap 2, deserialized 1.
 *
 * @example
 * ```ts
 * import { levelOf } from "tungsten-memory";
 *
 * console.log(levelOf(8 + 4)); // { disk: true, memory: true, offHeap: false, deserialized: false, copies: 1 }
 * ```
 */
export function levelOf(flags: number, copies: number = 1): StorageLevel {
  if (!(Number.isInteger(flags) && flags >= 0 && flags <= 15))
    throw new InvalidLevel(`flags of a level are 0 to 15, not ${flags}`);
  if (!(Number.isInteger(copies) && copies <= MAX_COPIES))
    throw new InvalidLevel(`a level has fewer than ${MAX_COPIES + 1} copies, not ${copies}`);
  return Object.freeze({
    disk: (flags & DISK) !== 0,
    memory: (flags & MEMORY) !== 0,
    offHeap: (flags & OFF) !== 0,
    deserialized: (flags & DESERIALIZED) !== 0,
    copies,
  });
}

/**
 * The flag integer of a level.
 *
 * @example
 * ```ts
 * import { levelFlags, LEVELS } from "tungsten-memory";
 *
 * console.log(levelFlags(LEVELS.MEMORY_AND_DISK)); // 13
 * ```
 */
export function levelFlags(level: StorageLevel): number {
  return (
    (level.disk ? DISK : 0) +
    (level.memory ? MEMORY : 0) +
    (level.offHeap ? OFF : 0) +
    (level.deserialized ? DESERIALIZED : 0)
  );
}

/** Spark's names. */
export const LEVELS = Object.freeze({
  NONE: levelOf(0),
  DISK_ONLY: levelOf(8),
  DISK_ONLY_2: levelOf(8, 2),
  DISK_ONLY_3: levelOf(8, 3),
  MEMORY_ONLY: levelOf(5),
  MEMORY_ONLY_2: levelOf(5, 2),
  MEMORY_ONLY_SER: levelOf(4),
  MEMORY_ONLY_SER_2: levelOf(4, 2),
  MEMORY_AND_DISK: levelOf(13),
  MEMORY_AND_DISK_2: levelOf(13, 2),
  MEMORY_AND_DISK_SER: levelOf(12),
  MEMORY_AND_DISK_SER_2: levelOf(12, 2),
  OFF_HEAP: levelOf(14),
});

export function levelMode(level: StorageLevel): Mode {
  return level.offHeap ? OFF_HEAP : ON_HEAP;
}

/** Throws InvalidLevel for a level that no block can be put at. `offHeapValues`: whether the generation has such (3.2). */
export function checkLevel(level: StorageLevel, offHeapValues: boolean): void {
  if (!(level.memory || level.disk) || level.copies < 1)
    throw new InvalidLevel(`a block needs memory or disk and at least one copy: ${JSON.stringify(level)}`);
  checkMade(level, offHeapValues);
}

/** Throws InvalidLevel for a level that the generation cannot even make, so that no call with it is answered. */
export function checkMade(level: StorageLevel, offHeapValues: boolean): void {
  if (level.offHeap && level.deserialized && !offHeapValues)
    throw new InvalidLevel("values off-heap are allowed from 3.2 on; before, off-heap blocks are serialized");
}
