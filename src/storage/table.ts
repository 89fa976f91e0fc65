// The blocks in memory, as one thread knows them (shared-table.ts is for several): found by id, linked in the order of their
// last use, one record of numbers a block. A block is known here by its slot, a small integer; nothing is allocated when one
// block takes the place of another, and whoever comes to a block finds all that is known of it in two places.

import type { Mode } from "../memory/mode.js";
import { type BlockId, rddOf } from "./block.js";
import { NO_PLACE } from "./bytes.js";
import { PartitionIndex } from "./index-by-rdd.js";

const FIRST_SLOTS = 64;

/** No slot: the end of a list. */
export const NONE = -1;

/** In the column of read locks: selected for eviction, write-locked. */
export const LEAVING = -1;

/** In the column of read locks: being put. The block is accounted for, and its bytes are not there yet. */
export const ARRIVING = -2;

// A record is 4 doubles and 4 integers.
const FIELDS = 4;
const KEY = 0;
const BYTES = 1;
const RDD = 2;
const PLACE = 3;
const OLDER = 0;
const NEWER = 1;
const PINS = 2;
const FLAGS = 3;

// Bits of the flags.
const MODE = 1;
const TO_DISK = 2;
const VALUES = 4;
const NAMED = 8;

/** A table of blocks, as the store uses it. Operations are those of LocalTable; sizes are bytes. */
export interface BlockTable extends Pick<LocalTable, Exclude<keyof LocalTable, "alone">> {
  /** Whether only one thread comes here. */
  readonly alone: boolean;
}

/**
 * The table of one thread. Slots by id, and two rings (one a mode) of slots from the oldest use to the newest. Slots 0 and 1
 * are the rings' heads.
 */
export class LocalTable {
  readonly alone = true;
  #doubles = new Float64Array(FIRST_SLOTS * FIELDS);
  #ints = new Int32Array(FIRST_SLOTS * FIELDS);
  // Names by slot, of the blocks that have one.
  readonly #names: (string | undefined)[] = [];
  // Free slots are linked through NEWER.
  #free = NONE;
  #slots = 2;
  readonly #partitions = new PartitionIndex();
  readonly #named = new Map<string, number>();
  readonly #used: [number, number] = [0, 0];
  readonly #unrolled: [number, number] = [0, 0];
  /** Number of blocks. */
  size = 0;
  /** Read locks over all blocks. */
  pinned = 0;
  /** Blocks that are being put. */
  arriving = 0;
  /** Blocks put since the table was made. */
  puts = 0;
  /** Whether there is no room for another block. */
  readonly full: boolean = false;

  constructor() {
    for (const ring of [0, 1]) {
      this.#ints[ring * FIELDS + OLDER] = ring;
      this.#ints[ring * FIELDS + NEWER] = ring;
    }
  }

  /** Throws where a canonical id cannot be known here. */
  checkName(_id: BlockId): void {}

  /** The slot of a canonical id, or NONE. */
  find(id: BlockId): number {
    return typeof id === "number" ? this.#partitions.find(id) : (this.#named.get(id) ?? NONE);
  }

  /** The id at a slot. */
  idAt(slot: number): BlockId {
    return (this.#ints[slot * FIELDS + FLAGS]! & NAMED) === 0
      ? this.#doubles[slot * FIELDS + KEY]!
      : this.#names[slot]!;
  }

  /** Size in bytes. */
  bytes(slot: number): number {
    return this.#doubles[slot * FIELDS + BYTES]!;
  }

  /** The RDD it belongs to, or NO_RDD. */
  rdd(slot: number): number {
    return this.#doubles[slot * FIELDS + RDD]!;
  }

  /** Where its keeper has its bytes, or NO_PLACE. */
  place(slot: number): number {
    return this.#doubles[slot * FIELDS + PLACE]!;
  }

  /** Whose pool it is charged to. */
  mode(slot: number): Mode {
    return (this.#ints[slot * FIELDS + FLAGS]! & MODE) as Mode;
  }

  /** Whether it is written to disk when it is evicted. */
  toDisk(slot: number): boolean {
    return (this.#ints[slot * FIELDS + FLAGS]! & TO_DISK) !== 0;
  }

  /** Whether it is kept as values. */
  isValues(slot: number): boolean {
    return (this.#ints[slot * FIELDS + FLAGS]! & VALUES) !== 0;
  }

  setValues(slot: number): void {
    this.#ints[slot * FIELDS + FLAGS]! |= VALUES;
  }

  /** Read locks, or LEAVING, or ARRIVING. */
  pins(slot: number): number {
    return this.#ints[slot * FIELDS + PINS]!;
  }

  /** One more read lock of this worker on a block that is neither leaving nor arriving. */
  pin(slot: number): void {
    this.#ints[slot * FIELDS + PINS]! += 1;
    this.pinned += 1;
  }

  /** Takes a read lock of this worker off again. */
  unpin(slot: number): void {
    this.#ints[slot * FIELDS + PINS]! -= 1;
    this.pinned -= 1;
  }

  /** Read locks of this worker. */
  ownPins(slot: number): number {
    return Math.max(0, this.pins(slot));
  }

  /** Locks a block without read locks for its eviction. */
  leave(slot: number): void {
    this.#ints[slot * FIELDS + PINS] = LEAVING;
  }

  /** Takes that lock off. */
  stay(slot: number): void {
    this.#ints[slot * FIELDS + PINS] = 0;
  }

  /** The bytes of an arriving block are there. */
  arrived(slot: number): void {
    this.#ints[slot * FIELDS + PINS] = 0;
    this.arriving -= 1;
  }

  /** Whether all workers have a disk, or none has. */
  agreeOnDisk(_disk: boolean): boolean {
    return true;
  }

  /** Takes back what a dead worker had locked and reserved. The slots of blocks that it was putting are to be dropped. */
  recover(_dead: number): number[] {
    return [];
  }

  /** Whether an arriving block is put by this worker. */
  isOwn(_slot: number): boolean {
    return true;
  }

  /** Sleeps while a block of another worker is arriving. Outside of decisions. */
  awaitArrival(_slot: number): void {}

  /** Bytes of the blocks of a mode. */
  used(mode: Mode): number {
    return this.#used[mode];
  }

  /** Bytes reserved for unrolling over all tasks. */
  unrolled(mode: Mode): number {
    return this.#unrolled[mode];
  }

  /** Reserves bytes for unrolling, or gives them back when negative. */
  addUnrolled(bytes: number, mode: Mode): void {
    this.#unrolled[mode] += bytes;
  }

  /** A slot for a canonical id that has none, as the newest of its mode, ARRIVING. There must be room for it. */
  insert(id: BlockId, bytes: number, mode: Mode, place: number = NO_PLACE, toDisk: boolean = false): number {
    let slot = this.#free;
    if (slot === NONE) {
      if (this.#slots * FIELDS === this.#ints.length) this.#grow();
      slot = this.#slots;
      this.#slots += 1;
    } else {
      this.#free = this.#ints[slot * FIELDS + NEWER]!;
    }
    let flags = toDisk ? mode | TO_DISK : mode;
    const doubles = this.#doubles;
    const at = slot * FIELDS;
    if (typeof id === "number") {
      doubles[at + KEY] = id;
      this.#partitions.add(id, slot);
    } else {
      flags |= NAMED;
      this.#names[slot] = id;
      this.#named.set(id, slot);
    }
    doubles[at + BYTES] = bytes;
    doubles[at + RDD] = rddOf(id);
    doubles[at + PLACE] = place;
    this.#ints[at + PINS] = ARRIVING;
    this.#ints[at + FLAGS] = flags;
    this.#linkNewest(slot, mode);
    this.#used[mode] += bytes;
    this.size += 1;
    this.arriving += 1;
    this.puts += 1;
    return slot;
  }

  /** Takes a slot out of the table, with whatever locks it has. */
  remove(slot: number): void {
    const at = slot * FIELDS;
    const pins = this.#ints[at + PINS]!;
    const flags = this.#ints[at + FLAGS]!;
    if (pins > 0) this.pinned -= pins;
    else if (pins === ARRIVING) this.arriving -= 1;
    this.#used[(flags & MODE) as Mode] -= this.#doubles[at + BYTES]!;
    if ((flags & NAMED) === 0) {
      this.#partitions.remove(this.#doubles[at + KEY]!);
    } else {
      this.#named.delete(this.#names[slot]!);
      this.#names[slot] = undefined;
    }
    this.#unlink(slot);
    this.#ints[slot * FIELDS + NEWER] = this.#free;
    this.#free = slot;
    this.size -= 1;
  }

  /** Makes a slot the newest of its mode. */
  touch(slot: number): void {
    const mode = this.mode(slot);
    if (this.#ints[slot * FIELDS + NEWER] === mode) return;
    this.#unlink(slot);
    this.#linkNewest(slot, mode);
  }

  /** The slot of the oldest use in a mode, or NONE. */
  oldest(mode: Mode): number {
    return this.next(mode);
  }

  /** The slot used next after `slot`, or NONE. */
  next(slot: number): number {
    const newer = this.#ints[slot * FIELDS + NEWER]!;
    return newer < 2 ? NONE : newer;
  }

  #unlink(slot: number): void {
    const ints = this.#ints;
    const older = ints[slot * FIELDS + OLDER]!;
    const newer = ints[slot * FIELDS + NEWER]!;
    ints[older * FIELDS + NEWER] = newer;
    ints[newer * FIELDS + OLDER] = older;
  }

  #linkNewest(slot: number, ring: number): void {
    const ints = this.#ints;
    const newest = ints[ring * FIELDS + OLDER]!;
    ints[slot * FIELDS + OLDER] = newest;
    ints[slot * FIELDS + NEWER] = ring;
    ints[newest * FIELDS + NEWER] = slot;
    ints[ring * FIELDS + OLDER] = slot;
  }

  #grow(): void {
    const doubles = new Float64Array(2 * this.#doubles.length);
    doubles.set(this.#doubles);
    this.#doubles = doubles;
    const ints = new Int32Array(2 * this.#ints.length);
    ints.set(this.#ints);
    this.#ints = ints;
  }
}
