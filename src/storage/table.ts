// The blocks in memory: found by id, linked in the order of their last use, one line of numbers a block. A block is known
// here by its slot, a small integer; nothing is allocated when one block takes the place of another.

import type { Mode } from "../memory/mode.js";
import { type BlockId, rddOf } from "./block.js";
import { NO_PLACE } from "./bytes.js";
import { PartitionIndex } from "./index-by-rdd.js";

const FIRST_SLOTS = 64;

/** No slot: the end of a list. */
export const NONE = -1;

/** Slots by id, and two rings (one a mode) of slots from the oldest use to the newest. Slots 0 and 1 are the rings' heads. */
export class BlockTable {
  // The id of a slot is its name, or its key where it has none.
  readonly #names: (string | null)[] = [null, null];
  #keys = new Float64Array(FIRST_SLOTS);
  /** Columns, by slot: size in bytes, RDD, where the bytes lie, read locks, mode, whether it goes to disk. */
  bytes = new Float64Array(FIRST_SLOTS);
  rdd = new Float64Array(FIRST_SLOTS);
  place = new Float64Array(FIRST_SLOTS);
  pins = new Int32Array(FIRST_SLOTS);
  mode = new Uint8Array(FIRST_SLOTS);
  toDisk = new Uint8Array(FIRST_SLOTS);
  #older = new Int32Array(FIRST_SLOTS);
  #newer = new Int32Array(FIRST_SLOTS);
  // Free slots are linked through #newer.
  #free = NONE;
  #slots = 2;
  readonly #partitions = new PartitionIndex();
  readonly #named = new Map<string, number>();
  size = 0;

  constructor() {
    this.#older[1] = 1;
    this.#newer[1] = 1;
  }

  /** The slot of a canonical id, or NONE. */
  find(id: BlockId): number {
    return typeof id === "number" ? this.#partitions.find(id) : (this.#named.get(id) ?? NONE);
  }

  /** The id at a slot. */
  idAt(slot: number): BlockId {
    return this.#names[slot] ?? this.#keys[slot]!;
  }

  /** A slot for a canonical id that has none, as the newest of its mode. */
  insert(id: BlockId, bytes: number, mode: Mode): number {
    if (this.#free === NONE && this.#slots === this.#keys.length) this.#grow();
    let slot = this.#free;
    if (slot === NONE) {
      slot = this.#slots;
      this.#slots += 1;
    } else {
      this.#free = this.#newer[slot]!;
    }
    if (typeof id === "number") {
      this.#names[slot] = null;
      this.#keys[slot] = id;
      this.#partitions.add(id, slot);
    } else {
      this.#names[slot] = id;
      this.#named.set(id, slot);
    }
    this.bytes[slot] = bytes;
    this.rdd[slot] = rddOf(id);
    this.place[slot] = NO_PLACE;
    this.pins[slot] = 0;
    this.toDisk[slot] = 0;
    this.mode[slot] = mode;
    this.#linkNewest(slot, mode);
    this.size += 1;
    return slot;
  }

  /** Takes a slot out of the table. */
  remove(slot: number): void {
    const name = this.#names[slot]!;
    if (name === null) {
      this.#partitions.remove(this.#keys[slot]!);
    } else {
      this.#named.delete(name);
      this.#names[slot] = null;
    }
    this.#unlink(slot);
    this.#newer[slot] = this.#free;
    this.#free = slot;
    this.size -= 1;
  }

  /** Makes a slot the newest of its mode. */
  touch(slot: number): void {
    const mode = this.mode[slot]!;
    if (this.#newer[slot] === mode) return;
    this.#unlink(slot);
    this.#linkNewest(slot, mode);
  }

  /** The slot of the oldest use in a mode, or NONE. */
  oldest(mode: Mode): number {
    return this.next(mode);
  }

  /** The slot used next after `slot`, or NONE. */
  next(slot: number): number {
    const newer = this.#newer[slot]!;
    return newer < 2 ? NONE : newer;
  }

  #unlink(slot: number): void {
    const older = this.#older[slot]!;
    const newer = this.#newer[slot]!;
    this.#newer[older] = newer;
    this.#older[newer] = older;
  }

  #linkNewest(slot: number, ring: number): void {
    const newest = this.#older[ring]!;
    this.#older[slot] = newest;
    this.#newer[slot] = ring;
    this.#newer[newest] = slot;
    this.#older[ring] = slot;
  }

  #grow(): void {
    const slots = 2 * this.#keys.length;
    this.#keys = copied(new Float64Array(slots), this.#keys);
    this.bytes = copied(new Float64Array(slots), this.bytes);
    this.rdd = copied(new Float64Array(slots), this.rdd);
    this.place = copied(new Float64Array(slots), this.place);
    this.pins = copied(new Int32Array(slots), this.pins);
    this.mode = copied(new Uint8Array(slots), this.mode);
    this.toDisk = copied(new Uint8Array(slots), this.toDisk);
    this.#older = copied(new Int32Array(slots), this.#older);
    this.#newer = copied(new Int32Array(slots), this.#newer);
  }
}

function copied<T extends Float64Array | Int32Array | Uint8Array>(to: T, from: T): T {
  to.set(from);
  return to;
}
