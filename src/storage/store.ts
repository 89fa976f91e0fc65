// The block store: blocks of bytes or of values in the storage pools, kept in the order of their last use, dropped oldest
// first when somebody needs the room (section 8 of the law), or in the order of another policy.

import { readConf } from "../config/keys.js";
import { DEFAULT_GENERATION } from "../config/release.js";
import { assert } from "../fault.js";
import { type Evictor, invalidRequest, type MemoryManager } from "../memory/manager.js";
import { type Mode, OFF_HEAP, ON_HEAP } from "../memory/mode.js";
import { type BlockId, blockName, canonical, NO_RDD, rddOf } from "./block.js";
import { type BytesKeeper, NO_PLACE } from "./bytes.js";
import type { ByteChunks } from "./codec.js";
import { type BlockDisk, BlockExists, BlockMisuse, type BlockOwner, type Fate, type StoreWatcher } from "./contract.js";
import { NO_TASK } from "./locks.js";
import { type StorageRules, storageRules } from "./rules.js";
import { BlockTable, NONE } from "./table.js";
import { UnrollAccounts } from "./unroll-accounts.js";
import type { Reservation } from "./unrolled.js";
import { type EvictionChoice, type Victims, victimsOf } from "./victims.js";

export { type BlockDisk, BlockExists, BlockMisuse, type BlockOwner, type Fate, type StoreWatcher };

export interface StoreOptions {
  readonly manager: MemoryManager;
  /** Where bytes lie, by mode; without a keeper the store keeps accounts and no bytes. */
  readonly keepers?: readonly [BytesKeeper | null, BytesKeeper | null];
  /** Needed for blocks whose fate is `disk`, where the store keeps bytes. */
  readonly disk?: BlockDisk | null;
  /** By default those of Spark's own configuration in the default generation. */
  readonly rules?: StorageRules;
  /** Who leaves first, where that is not who was used longest ago. Locks, the same-RDD rule and all-or-nothing stay the store's. */
  readonly eviction?: EvictionChoice | null;
}

const NOTHING = new Uint8Array(0);

// In the column of read locks: selected for eviction, write-locked.
const LEAVING = -1;

/** Section 8 of the law: putBytes, get, pins, unroll memory, removal and eviction. Sizes are bytes. */
export class BlockStore implements Evictor {
  readonly rules: StorageRules;
  readonly #manager: MemoryManager;
  readonly #table = new BlockTable();
  // By slot of the table: blocks of values only.
  readonly #values = new Map<number, readonly unknown[]>();
  readonly #keepers: readonly [BytesKeeper | null, BytesKeeper | null];
  readonly #disk: BlockDisk | null;
  readonly #used: [number, number] = [0, 0];
  readonly #unroll = new UnrollAccounts();
  // Null: Spark's own order, which is that of the table.
  readonly #victims: readonly [Victims, Victims] | null;
  #owner: BlockOwner | null = null;
  // Read locks over all blocks.
  #pins = 0;
  readonly #selected: number[] = [];
  #evicting = false;
  #puts = 0;
  /** Told of each block that leaves memory by eviction. */
  onEvict: ((block: string, bytes: number, mode: Mode, to: Fate) => void) | null = null;
  /** Told before `onEvict`, which stays the embedder's: the place of whoever records. */
  watcher: StoreWatcher | null = null;
  evictions = 0;
  /** Values that could not be closed when they left memory; `onCloseFailure` is told why. */
  closeFailures = 0;
  onCloseFailure: ((error: unknown) => void) | null = null;

  constructor(options: StoreOptions) {
    this.rules = options.rules ?? storageRules(readConf({}, DEFAULT_GENERATION));
    this.#manager = options.manager;
    this.#keepers = options.keepers ?? [null, null];
    this.#disk = options.disk ?? null;
    this.#victims = options.eviction ? victimsOf(options.eviction) : null;
    options.manager.setEvictor(this);
  }

  /** The block manager, set once. From then on only blocks that it knows and nobody holds are evicted. */
  setOwner(owner: BlockOwner): void {
    assert(this.#owner === null, "a store has one owner");
    this.#owner = owner;
  }

  /**
   * Puts a block of `content.length` bytes, evicting older ones where that makes room; false when it cannot be had, and then
   * nothing is kept (section 8.2). The bytes are copied. Throws BlockExists for a block that is in memory.
   */
  put(block: BlockId, content: Uint8Array, mode: Mode = ON_HEAP, fate: Fate = "gone"): boolean {
    if (fate === "disk" && this.#disk === null && this.#keepers[mode] !== null)
      throw new BlockMisuse(`block ${block} is to go to disk when it is evicted, and this store has none`);
    return this.#put(canonical(block), content.length, content, mode, fate);
  }

  /** The same for a block whose bytes are kept elsewhere or nowhere: only the account is kept. */
  putAccount(block: BlockId, bytes: number, mode: Mode = ON_HEAP, fate: Fate = "gone"): boolean {
    return this.#put(canonical(block), bytes, null, mode, fate);
  }

  /**
   * The bytes of a block in memory, which becomes the newest, or null. The view is the store's own: it holds until the
   * block leaves memory, so pin a block to read it across other calls. A block that keeps no bytes gives an empty view;
   * one of values is refused.
   */
  get(block: BlockId): Uint8Array | null {
    const slot = this.#touched(block);
    if (slot === NONE) return null;
    if (this.#table.isValues(slot)) throw new BlockMisuse(`block ${block} is kept as values`);
    return this.#viewAt(slot);
  }

  /** The values of a block in memory, which becomes the newest, or null. One of bytes is refused. */
  getValues(block: BlockId): readonly unknown[] | null {
    const slot = this.#touched(block);
    if (slot === NONE) return null;
    const values = this.#values.get(slot);
    if (values === undefined) throw new BlockMisuse(`block ${block} is kept as bytes`);
    return values;
  }

  /** Whether a block in memory is one of values. Changes no order. */
  isValues(block: BlockId): boolean {
    const slot = this.#table.find(canonical(block));
    return slot !== NONE && this.#table.isValues(slot);
  }

  /** The size of a block in memory, which becomes the newest (section 8.1), or null. */
  getSize(block: BlockId): number | null {
    const slot = this.#touched(block);
    return slot === NONE ? null : this.#table.bytes(slot);
  }

  /** Whether the block is in memory. Changes no order. */
  has(block: BlockId): boolean {
    return this.#table.find(canonical(block)) !== NONE;
  }

  /** A copy of a block's bytes from memory or else from disk; null when it is in neither. A block in memory becomes the newest. */
  read(block: BlockId): Uint8Array | null {
    const bytes = this.get(block);
    return bytes === null ? (this.#disk?.read(blockName(canonical(block))) ?? null) : bytes.slice();
  }

  /** One more read lock: the block stays until it is unpinned as often. */
  pin(block: BlockId): void {
    const slot = this.#table.find(canonical(block));
    if (slot === NONE) throw new BlockMisuse(`block ${block} is not in memory and cannot be pinned`);
    if (this.#table.pins(slot) === LEAVING) throw new BlockMisuse(`block ${block} is being evicted`);
    this.#table.setPins(slot, this.#table.pins(slot) + 1);
    this.#pins += 1;
  }

  unpin(block: BlockId): void {
    const slot = this.#table.find(canonical(block));
    if (slot === NONE || this.#table.pins(slot) <= 0) throw new BlockMisuse(`block ${block} is not pinned`);
    this.#table.setPins(slot, this.#table.pins(slot) - 1);
    this.#pins -= 1;
  }

  /** Removes a block from memory and disk; false when it was in neither. A pinned block is refused. */
  remove(block: BlockId): boolean {
    const id = canonical(block);
    const slot = this.#table.find(id);
    if (slot !== NONE) {
      const pins = this.#table.pins(slot);
      if (pins === LEAVING) throw new BlockMisuse(`block ${blockName(id)} is being evicted`);
      if (pins > 0) throw new BlockMisuse(`block ${blockName(id)} is pinned ${pins} times and cannot be removed`);
      this.#drop(slot);
    }
    return this.#forgetOnDisk(id) || slot !== NONE;
  }

  /** Drops every block, whatever is pinned, and all unroll reservations; storage used becomes 0 (section 8.10). */
  clear(): void {
    if (this.#evicting) throw new BlockMisuse("a store is not cleared while it evicts");
    for (const mode of [ON_HEAP, OFF_HEAP] as const) {
      for (let slot = this.#table.oldest(mode); slot !== NONE; slot = this.#table.oldest(mode)) this.#drop(slot);
      this.#manager.releaseAllStorage(mode);
    }
    this.#pins = 0;
    this.#unroll.clear();
  }

  /** Reserves unroll memory for a task, by default outside of any (section 8.4). */
  reserveUnroll(block: BlockId, bytes: number, mode: Mode, task: number = NO_TASK): boolean {
    const reserved = this.#manager.acquireUnroll(canonical(block), bytes, mode);
    if (reserved) this.#unroll.add(bytes, task, mode);
    return reserved;
  }

  /** Gives back at most what the task has reserved. */
  releaseUnroll(bytes: number, mode: Mode, task: number = NO_TASK): void {
    if (!(bytes >= 0 && Number.isSafeInteger(bytes))) throw invalidRequest("release of unroll memory", bytes);
    const released = this.#unroll.take(bytes, task, mode);
    if (released > 0) this.#manager.releaseStorage(released, mode);
  }

  /** The end of a task (section 10): its unroll memory and its locks are released. Returns the blocks that it had locked. */
  endTask(task: number): string[] {
    for (const mode of [ON_HEAP, OFF_HEAP] as const) {
      const reserved = this.#unroll.balance(task, mode);
      if (reserved > 0) this.releaseUnroll(reserved, mode, task);
    }
    return this.#owner?.unlockAll(task) ?? [];
  }

  /** Bytes reserved for unrolling over all tasks. */
  unrolled(mode: Mode): number {
    return this.#unroll.total(mode);
  }

  /** Bytes that a task has reserved for unrolling. */
  unrolledBy(task: number, mode: Mode): number {
    return this.#unroll.balance(task, mode);
  }

  /** The end of an unrolling: what was reserved, `bytes` or more, becomes a block of values. */
  putUnrolledValues(block: BlockId, values: readonly unknown[], bytes: number, reservation: Reservation): true {
    const slot = this.#transfer(canonical(block), bytes, NO_PLACE, reservation);
    this.#table.setValues(slot);
    this.#values.set(slot, values);
    return true;
  }

  /** The same for a block of bytes; false, and the reservation stays, when the memory itself has run out. */
  putUnrolledBytes(block: BlockId, content: ByteChunks, bytes: number, reservation: Reservation): boolean {
    const keeper = this.#keepers[reservation.mode];
    let place = NO_PLACE;
    if (keeper !== null && bytes > 0) {
      place = keeper.take(bytes);
      if (place === NO_PLACE) return false;
      let at = 0;
      content.drain({
        write(part) {
          keeper.write(place, part, at);
          at += part.length;
        },
      });
    }
    try {
      this.#transfer(canonical(block), bytes, place, reservation);
    } catch (error) {
      if (place !== NO_PLACE) keeper!.give(place, bytes);
      throw error;
    }
    return true;
  }

  /** Bytes of the blocks in memory. */
  used(mode: Mode): number {
    return this.#used[mode];
  }

  /** Number of blocks in memory, both modes. */
  get size(): number {
    return this.#table.size;
  }

  /** Calls `visit` for every block of a mode, oldest use first: its name, its bytes, its read locks. */
  forEachBlock(mode: Mode, visit: (block: string, bytes: number, pins: number) => void): void {
    const table = this.#table;
    for (let slot = table.oldest(mode); slot !== NONE; slot = table.next(slot))
      visit(blockName(table.idAt(slot)), table.bytes(slot), table.pins(slot));
  }

  /** Whether the eviction policy knows just the blocks of a mode, with their sizes; true without one. */
  policyAgrees(mode: Mode): boolean {
    if (this.#victims === null) return true;
    const victims = this.#victims[mode];
    let blocks = 0;
    for (let slot = this.#table.oldest(mode); slot !== NONE; slot = this.#table.next(slot), blocks += 1)
      if (!victims.holds(slot, this.#table.bytes(slot))) return false;
    return blocks === victims.size;
  }

  /** Names of the blocks of a mode, oldest use first. */
  *blocks(mode: Mode): Generator<string> {
    const table = this.#table;
    for (let slot = table.oldest(mode); slot !== NONE; slot = table.next(slot)) yield blockName(table.idAt(slot));
  }

  /**
   * Section 8.5: whole blocks, oldest first, enough of them or none. Called by the manager. A block that is selected is
   * locked until it has left, against what disk and observer do meanwhile. A write to disk that throws leaves that block
   * and the later ones where they are; earlier ones are gone.
   */
  evict(forBlock: BlockId | null, bytes: number, mode: Mode): number {
    const rdd = forBlock === null ? NO_RDD : rddOf(forBlock);
    const nested = this.#evicting;
    if (this.#unwatched && !nested) {
      const freed = this.#evictOldest(rdd, bytes, mode);
      if (freed >= 0) return freed;
    }
    const selected = nested ? [] : this.#selected;
    const freed =
      this.#victims === null
        ? this.#select(selected, rdd, bytes, mode)
        : this.#selectByPolicy(selected, rdd, bytes, mode);
    if (freed < bytes) {
      this.#stay(selected, 0);
      return 0;
    }
    let left = 0;
    let slot = NONE;
    this.#evicting = true;
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
      this.#evicting = nested;
    }
  }

  // Whether nobody can hold a block here or come between while blocks leave, so that nothing has to be selected first.
  get #unwatched(): boolean {
    return (
      this.#pins === 0 &&
      this.#owner === null &&
      this.#disk === null &&
      this.onEvict === null &&
      this.#victims === null &&
      this.watcher === null &&
      this.#values.size === 0
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
      this.evictions += 1;
      this.#drop(slot);
      return freed;
    }
    if (this.#used[mode] < bytes) return 0;
    let freed = 0;
    for (; freed < bytes; slot = table.oldest(mode)) {
      freed += table.bytes(slot);
      this.evictions += 1;
      this.#drop(slot);
    }
    return freed;
  }

  // Unlocks selected blocks from the `left`th on, which have not left.
  #stay(selected: number[], left: number): void {
    for (let at = left; at < selected.length; at += 1) {
      const slot = selected[at]!;
      this.#table.setPins(slot, 0);
      this.#owner?.unlock(this.#table.idAt(slot), null);
      this.#victims?.[this.#table.mode(slot)].stays(this.#table.idAt(slot), slot, this.#table.bytes(slot));
    }
    selected.length = 0;
  }

  #select(selected: number[], rdd: number, bytes: number, mode: Mode): number {
    const table = this.#table;
    let freed = 0;
    for (let slot = table.oldest(mode); slot !== NONE && freed < bytes; slot = table.next(slot)) {
      if (rdd !== NO_RDD && table.rdd(slot) === rdd) {
        this.watcher?.passed(table.idAt(slot), table.bytes(slot), "ownRdd");
        continue;
      }
      const held = table.pins(slot) !== 0;
      if (held || (this.#owner !== null && !this.#owner.lockForEviction(table.idAt(slot)))) {
        this.watcher?.passed(table.idAt(slot), table.bytes(slot), "locked");
        continue;
      }
      table.setPins(slot, LEAVING);
      selected.push(slot);
      freed += table.bytes(slot);
    }
    return freed;
  }

  // The same in the order of the policy. It is asked only when enough may leave: what it has let go it forgets.
  #selectByPolicy(selected: number[], rdd: number, bytes: number, mode: Mode): number {
    const table = this.#table;
    const owner = this.#owner;
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
    const free = this.#pins === 0 && rdd === NO_RDD && owner === null && !this.#evicting;
    let freed = 0;
    while (freed < bytes) {
      const slot = this.#victims![mode].take(free ? null : mayLeave, this.#manager.maxStorage(mode));
      assert(slot !== NONE, "those who may leave leave");
      owner?.lockForEviction(table.idAt(slot));
      table.setPins(slot, LEAVING);
      selected.push(slot);
      freed += table.bytes(slot);
    }
    return freed;
  }

  // Where the block will be; what must be kept is on disk then.
  #leaving(slot: number): Fate {
    if (this.#owner !== null) return this.#owner.leaving(this.#table.idAt(slot));
    if (!this.#table.toDisk(slot)) return "gone";
    this.#writeOut(slot);
    return "disk";
  }

  #evictOne(slot: number, fate: Fate): void {
    this.evictions += 1;
    if (this.onEvict === null && this.#owner === null && this.watcher === null) {
      this.#drop(slot);
      return;
    }
    const table = this.#table;
    const id = table.idAt(slot);
    const bytes = table.bytes(slot);
    const mode = table.mode(slot);
    this.#drop(slot);
    this.#owner?.unlock(id, fate);
    this.watcher?.evicted(id, bytes, mode, fate);
    this.onEvict?.(blockName(id), bytes, mode, fate);
  }

  // A block that is on disk already is not written again (section 8.6).
  #writeOut(slot: number): void {
    const name = blockName(this.#table.idAt(slot));
    if (this.#table.place(slot) !== NO_PLACE && this.#disk !== null && !this.#disk.has(name))
      this.#disk.write(name, this.#viewAt(slot));
  }

  #put(id: BlockId, bytes: number, content: Uint8Array | null, mode: Mode, fate: Fate): boolean {
    if (this.#table.find(id) !== NONE) throw exists(id);
    const puts = this.#puts;
    this.#victims?.[mode].wanted(id, bytes, this.#manager.maxStorage(mode));
    if (!this.#manager.acquireStorage(id, bytes, mode)) return false;
    if (this.#puts !== puts && this.#table.find(id) !== NONE) {
      // Somebody put it while others made room.
      this.#manager.releaseStorage(bytes, mode);
      throw exists(id);
    }
    const keeper = this.#keepers[mode];
    let place = NO_PLACE;
    if (content !== null) {
      let kept = false;
      try {
        if (keeper !== null && bytes > 0) {
          place = keeper.take(bytes);
          if (place === NO_PLACE) return false;
          keeper.write(place, content, 0);
        }
        // A copy that an earlier block of this name left on disk is not this one.
        if (this.#disk !== null) this.#forgetOnDisk(id);
        kept = true;
      } finally {
        if (!kept) {
          this.#manager.releaseStorage(bytes, mode);
          if (place !== NO_PLACE) keeper!.give(place, bytes);
        }
      }
    }
    this.#insert(id, bytes, place, mode, fate);
    return true;
  }

  #insert(id: BlockId, bytes: number, place: number, mode: Mode, fate: Fate): number {
    this.#puts += 1;
    const slot = this.#table.insert(id, bytes, mode, place, fate === "disk");
    this.#used[mode] += bytes;
    this.#victims?.[mode].arrived(id, slot, bytes);
    return slot;
  }

  // What is reserved covers the block, so that nothing has to make room for it.
  #transfer(id: BlockId, bytes: number, place: number, reservation: Reservation): number {
    const { mode, task } = reservation;
    if (this.#table.find(id) !== NONE) throw exists(id);
    if (this.#disk !== null) this.#forgetOnDisk(id);
    this.releaseUnroll(reservation.bytes, mode, task);
    reservation.bytes = 0;
    this.#victims?.[mode].wanted(id, bytes, this.#manager.maxStorage(mode));
    assert(this.#manager.acquireStorage(id, bytes, mode), "what unrolling reserved holds the block");
    return this.#insert(id, bytes, place, mode, "gone");
  }

  #forgetOnDisk(id: BlockId): boolean {
    const name = blockName(id);
    if (this.#disk?.has(name) !== true) return false;
    this.#disk.remove(name);
    return true;
  }

  #viewAt(slot: number): Uint8Array {
    const place = this.#table.place(slot);
    return place === NO_PLACE ? NOTHING : this.#keepers[this.#table.mode(slot)]!.view(place, this.#table.bytes(slot));
  }

  #touched(block: BlockId): number {
    const id = canonical(block);
    const slot = this.#table.find(id);
    if (slot !== NONE) {
      this.#table.touch(slot);
      this.#victims?.[this.#table.mode(slot)].used(id, slot);
    }
    return slot;
  }

  #drop(slot: number): void {
    const table = this.#table;
    const bytes = table.bytes(slot);
    const mode = table.mode(slot);
    const place = table.place(slot);
    this.#victims?.[mode].left(slot);
    table.remove(slot);
    this.#used[mode] -= bytes;
    this.#manager.releaseStorage(bytes, mode);
    if (place !== NO_PLACE) {
      this.#keepers[mode]!.give(place, bytes);
    } else if (this.#values.size > 0) {
      this.#dropValues(slot);
    }
  }

  #dropValues(slot: number): void {
    const values = this.#values.get(slot);
    if (values === undefined) return;
    this.#values.delete(slot);
    if (!this.rules.closesValues) return;
    for (const value of values) {
      if (!isClosable(value)) continue;
      try {
        value.close();
      } catch (error) {
        // As in Spark, a value that cannot be closed does not keep its block in memory.
        this.closeFailures += 1;
        this.onCloseFailure?.(error);
      }
    }
  }
}

function isClosable(value: unknown): value is { close(): void } {
  return typeof value === "object" && value !== null && typeof (value as { close?: unknown }).close === "function";
}

function exists(id: BlockId): BlockExists {
  return new BlockExists(`block ${blockName(id)} is in memory already`);
}
