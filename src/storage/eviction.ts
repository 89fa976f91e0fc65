// Who leaves memory when somebody needs the room, and how (section 8.5 of the law): whole blocks, oldest first or as a policy
// says, enough of them or none. A block that is selected is locked until it has left, against what disk and observers do
// meanwhile.

import { assert } from "../fault.js";
import type { Mode } from "../memory/mode.js";
import { type BlockId, blockName, NO_RDD } from "./block.js";
import { NO_PLACE } from "./bytes.js";
import type { BlockDisk, BlockOwner, Fate, StoreWatcher } from "./contract.js";
import type { Residents } from "./residents.js";
import { type BlockTable, NONE } from "./table.js";

/** Who is told of blocks that have left. */
export interface Told {
  readonly watcher: StoreWatcher | null;
  readonly onEvict: ((block: string, bytes: number, mode: Mode, to: Fate) => void) | null;
}

/** The evictions of one worker's store. */
export class Eviction {
  readonly #residents: Residents;
  readonly #table: BlockTable;
  readonly #disk: BlockDisk | null;
  readonly #told: Told;
  readonly #selected: number[] = [];
  owner: BlockOwner | null = null;
  /** Blocks that have left. */
  count = 0;
  /** Whether one is going on. */
  active = false;

  constructor(residents: Residents, disk: BlockDisk | null, told: Told) {
    this.#residents = residents;
    this.#table = residents.table;
    this.#disk = disk;
    this.#told = told;
  }

  /** Bytes freed, at least `bytes` or 0, for a block of an RDD or NO_RDD. A write that throws leaves its block and later ones in memory. */
  evict(rdd: number, bytes: number, mode: Mode): number {
    const nested = this.active;
    if (this.#unwatched && !nested) {
      const freed = this.#evictOldest(rdd, bytes, mode);
      if (freed >= 0) return freed;
    }
    const selected = nested ? [] : this.#selected;
    const freed =
      this.#residents.victims === null
        ? this.#select(selected, rdd, bytes, mode)
        : this.#selectByPolicy(selected, rdd, bytes, mode);
    if (freed < bytes) {
      this.#stay(selected, 0);
      return 0;
    }
    let left = 0;
    let slot = NONE;
    this.active = true;
    try {
      while (left < selected.length) {
        slot = selected[left]!;
        const fate = this.#leaving(slot);
        left += 1;
        this.#evictOne(slot, fate);
      }
      return freed;
    } finally {
      // Eviction looks a block up before it drops it: one that could not be dropped is the newest now (section 8.1).
      if (left < selected.length && slot === selected[left]) this.#table.touch(slot);
      this.#stay(selected, left);
      this.active = nested;
    }
  }

  // Whether nobody can hold a block here or come between while blocks leave, so that nothing has to be selected first.
  get #unwatched(): boolean {
    return (
      this.#table.pinned === 0 &&
      this.#table.arriving === 0 &&
      this.owner === null &&
      this.#disk === null &&
      this.#told.onEvict === null &&
      this.#residents.victims === null &&
      this.#told.watcher === null &&
      this.#residents.values.size === 0
    );
  }

  // Drops the oldest blocks, or of another RDD the oldest if that is enough. -1: it takes a selection to tell.
  #evictOldest(rdd: number, bytes: number, mode: Mode): number {
    const table = this.#table;
    let slot = table.oldest(mode);
    if (rdd !== NO_RDD) {
      while (slot !== NONE && table.rdd(slot) === rdd) slot = table.next(slot);
      if (slot === NONE) return 0;
      const freed = table.bytes(slot);
      if (freed < bytes) return -1;
      this.count += 1;
      this.#residents.drop(slot);
      return freed;
    }
    if (table.used(mode) < bytes) return 0;
    let freed = 0;
    for (; freed < bytes; slot = table.oldest(mode)) {
      freed += table.bytes(slot);
      this.count += 1;
      this.#residents.drop(slot);
    }
    return freed;
  }

  // Unlocks selected blocks from the `left`th on, which have not left.
  #stay(selected: number[], left: number): void {
    const table = this.#table;
    for (let at = left; at < selected.length; at += 1) {
      const slot = selected[at]!;
      const id = table.idAt(slot);
      table.stay(slot);
      this.owner?.unlock(id, null);
      this.#residents.victims?.[table.mode(slot)].stays(id, slot, table.bytes(slot));
    }
    selected.length = 0;
  }

  #select(selected: number[], rdd: number, bytes: number, mode: Mode): number {
    const table = this.#table;
    let freed = 0;
    for (let slot = table.oldest(mode); slot !== NONE && freed < bytes; slot = table.next(slot)) {
      if (rdd !== NO_RDD && table.rdd(slot) === rdd) {
        this.#passed(slot, "ownRdd");
        continue;
      }
      const held = table.pins(slot) !== 0;
      if (held || (this.owner !== null && !this.owner.lockForEviction(table.idAt(slot)))) {
        this.#passed(slot, "locked");
        continue;
      }
      table.leave(slot);
      selected.push(slot);
      freed += table.bytes(slot);
    }
    return freed;
  }

  #passed(slot: number, why: "locked" | "ownRdd"): void {
    const { watcher } = this.#told;
    if (watcher === null) return;
    const id = this.#table.idAt(slot);
    const bytes = this.#table.bytes(slot);
    this.#residents.ledger.afterwards(() => watcher.passed(id, bytes, why));
  }

  // The same in the order of the policy. It is asked only when enough may leave: what it has let go it forgets.
  #selectByPolicy(selected: number[], rdd: number, bytes: number, mode: Mode): number {
    const table = this.#table;
    const { owner } = this;
    const { manager, victims } = this.#residents;
    const mayLeave = (slot: number): boolean => {
      if (table.pins(slot) !== 0 || (rdd !== NO_RDD && table.rdd(slot) === rdd)) return false;
      if (owner === null) return true;
      const id = table.idAt(slot);
      if (!owner.lockForEviction(id)) return false;
      owner.unlock(id, null);
      return true;
    };
    let enough = 0;
    for (let slot = table.oldest(mode); slot !== NONE && enough < bytes; slot = table.next(slot))
      if (mayLeave(slot)) enough += table.bytes(slot);
    if (enough < bytes) return 0;
    const free = table.pinned === 0 && rdd === NO_RDD && owner === null && !this.active;
    let freed = 0;
    while (freed < bytes) {
      const slot = victims![mode].take(free ? null : mayLeave, manager.maxStorage(mode));
      assert(slot !== NONE, "those who may leave leave");
      owner?.lockForEviction(table.idAt(slot));
      table.leave(slot);
      selected.push(slot);
      freed += table.bytes(slot);
    }
    return freed;
  }

  // Where the block will be; what must be kept is on disk then.
  #leaving(slot: number): Fate {
    const owner = this.owner;
    if (owner !== null) {
      const id = this.#table.idAt(slot);
      return this.#residents.outside(() => owner.leaving(id));
    }
    if (!this.#table.toDisk(slot)) return "gone";
    if (this.#disk !== null && this.#table.place(slot) !== NO_PLACE)
      this.#residents.outside(() => this.#writeOut(slot));
    return "disk";
  }

  #evictOne(slot: number, fate: Fate): void {
    this.count += 1;
    if (this.#told.onEvict === null && this.owner === null && this.#told.watcher === null) {
      this.#residents.drop(slot);
      return;
    }
    const table = this.#table;
    const id = table.idAt(slot);
    const bytes = table.bytes(slot);
    const mode = table.mode(slot);
    this.#residents.drop(slot);
    if (table.alone) this.#tell(id, bytes, mode, fate);
    else this.#residents.outside(() => this.#tell(id, bytes, mode, fate));
  }

  #tell(id: BlockId, bytes: number, mode: Mode, fate: Fate): void {
    this.owner?.unlock(id, fate);
    this.#told.watcher?.evicted(id, bytes, mode, fate);
    this.#told.onEvict?.(blockName(id), bytes, mode, fate);
  }

  // A block that is on disk already is not written again (section 8.6).
  #writeOut(slot: number): void {
    const name = blockName(this.#table.idAt(slot));
    if (!this.#disk!.has(name)) this.#disk!.write(name, this.#residents.view(slot));
  }
}
