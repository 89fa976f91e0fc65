// The block store: blocks of bytes or of values in the storage pools, kept in the order of their last use, dropped oldest
// first when somebody needs the room (section 8 of the law), or in the order of another policy. Over a shared table it is one
// worker's hold on blocks that all workers have: each operation is a decision of the accounts, bytes are copied outside of it,
// and what may take long or comes from others (a disk, a handler) runs while the accounts are marked as deciding.

import { readConf } from "../config/keys.js";
import { DEFAULT_GENERATION } from "../config/release.js";
import { assert } from "../fault.js";
import type { Ledger } from "../memory/ledger.js";
import { type Evictor, invalidRequest, type MemoryManager } from "../memory/manager.js";
import { type Mode, OFF_HEAP, ON_HEAP } from "../memory/mode.js";
import { MemoryBusy } from "../memory/wait.js";
import { type BlockId, blockName, canonical, NO_RDD, rddOf } from "./block.js";
import { type BytesKeeper, NO_PLACE } from "./bytes.js";
import type { ByteChunks } from "./codec.js";
import {
  type BlockDisk,
  BlockExists,
  BlockMisuse,
  type BlockOwner,
  DeserializedRefused,
  type Fate,
  type StoreWatcher,
  TooManyBlocks,
} from "./contract.js";
import { NO_TASK } from "./locks.js";
import { type StorageRules, storageRules } from "./rules.js";
import { ARRIVING, type BlockTable, LEAVING, LocalTable, NONE } from "./table.js";
import { UnrollAccounts } from "./unroll-accounts.js";
import type { Reservation } from "./unrolled.js";
import { type EvictionChoice, type Victims, victimsOf } from "./victims.js";

export {
  type BlockDisk,
  BlockExists,
  BlockMisuse,
  type BlockOwner,
  DeserializedRefused,
  type Fate,
  type StoreWatcher,
  TooManyBlocks,
};

/** What a store is wired to: whose memory it uses, where bytes lie, and who leaves first. */
export interface StoreOptions {
  readonly manager: MemoryManager;
  /** Where bytes lie, by mode; without a keeper the store keeps accounts and no bytes. */
  readonly keepers?: readonly [BytesKeeper | null, BytesKeeper | null];
  /** Needed for blocks whose fate is `disk`, where the store keeps bytes. */
  readonly disk?: BlockDisk | null;
  /** By default those of Spark's own configuration in the default generation. */
  readonly rules?: StorageRules;
  /** Who leaves first, where that is not who was used longest ago. Locks, the same-RDD rule and all-or-nothing stay the store's. Over this thread's own table only. */
  readonly eviction?: EvictionChoice | null;
  /**
   * Where blocks are known; a table of this thread's own when left out. Over a shared table the keepers' places must mean the
   * same to every worker, and either all workers have a disk or none: one on which each finds what the others wrote.
   */
  readonly table?: BlockTable;
}

const NOTHING = new Uint8Array(0);

// A thread that must not sleep still awaits a copy in memory.
const LEAST_ARRIVAL_MS = 100;

/**
 * Section 8 of the law: putBytes, get, pins, unroll memory, removal and eviction. Sizes are bytes.
 *
 * @example
 * ```ts
 * import { type BlockStore, openExecutor } from "tungsten-memory";
 *
 * const store: BlockStore = openExecutor().store;
 * console.log(store.put("rdd_0_0", Uint8Array.of(1, 2, 3))); // true
 * console.log(store.get("rdd_0_0"), store.getSize("rdd_0_0")); // Uint8Array(3) [ 1, 2, 3 ] 3
 * ```
 */
export class BlockStore implements Evictor {
  readonly rules: StorageRules;
  readonly #manager: MemoryManager;
  readonly #ledger: Ledger;
  readonly #table: BlockTable;
  // By slot of the table: blocks of values only.
  readonly #values = new Map<number, readonly unknown[]>();
  readonly #keepers: readonly [BytesKeeper | null, BytesKeeper | null];
  readonly #disk: BlockDisk | null;
  // What this worker's tasks have reserved.
  readonly #unroll = new UnrollAccounts();
  // Null: Spark's own order, which is that of the table.
  readonly #victims: readonly [Victims, Victims] | null;
  #owner: BlockOwner | null = null;
  readonly #selected: number[] = [];
  #evicting = false;
  // How deep this worker is outside of a decision that it is in the middle of.
  #away = 0;
  /** Told of each block that leaves memory by an eviction of this worker. */
  onEvict: ((block: string, bytes: number, mode: Mode, to: Fate) => void) | null = null;
  /** Told before `onEvict`, which stays the embedder's: the place of whoever records. */
  watcher: StoreWatcher | null = null;
  /** Blocks that evictions of this worker have dropped. */
  evictions = 0;
  /** Values that could not be closed when they left memory; `onCloseFailure` is told why. */
  closeFailures = 0;
  onCloseFailure: ((error: unknown) => void) | null = null;

  constructor(options: StoreOptions) {
    this.rules = options.rules ?? storageRules(readConf({}, DEFAULT_GENERATION));
    this.#manager = options.manager;
    this.#ledger = options.manager.ledger;
    this.#table = options.table ?? new LocalTable();
    this.#keepers = options.keepers ?? [null, null];
    this.#disk = options.disk ?? null;
    this.#victims = options.eviction ? victimsOf(options.eviction) : null;
    if (this.#victims !== null && !this.#table.alone)
      throw new BlockMisuse("blocks that workers share leave in Spark's order: an eviction policy serves one thread");
    if (!this.#table.agreeOnDisk(this.#disk !== null))
      throw new BlockMisuse(
        this.#disk === null
          ? "other workers write evicted blocks to a disk, and this one has none"
          : "other workers have no disk, and would not find what this one writes",
      );
    options.manager.setEvictor(this);
  }

  /** The block manager, set once. From then on only blocks that it knows and nobody holds are evicted. */
  setOwner(owner: BlockOwner): void {
    assert(this.#owner === null, "a store has one owner");
    if (!this.#table.alone)
      throw new BlockMisuse("a block manager knows the blocks of one thread, and these are shared");
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
   * block leaves memory, so pin a block to read it across other calls. Over a shared table, where others may evict it at any
   * time, one that this worker has not pinned is refused. A block that keeps no bytes gives an empty view; one of values is
   * refused.
   */
  get(block: BlockId): Uint8Array | null {
    const table = this.#table;
    if (!table.alone) return this.#getPinned(block);
    const slot = table.find(canonical(block));
    if (slot === NONE) return null;
    this.#use(slot);
    if (table.isValues(slot)) throw new BlockMisuse(`block ${block} is kept as values`);
    return this.#viewAt(slot);
  }

  /** The values of a block in memory, which becomes the newest, or null. One of bytes is refused. */
  getValues(block: BlockId): readonly unknown[] | null {
    const slot = this.#enter(canonical(block));
    try {
      if (slot === NONE) return null;
      this.#use(slot);
      const values = this.#values.get(slot);
      if (values === undefined) throw new BlockMisuse(`block ${block} is kept as bytes`);
      return values;
    } finally {
      this.#ledger.end();
    }
  }

  /** Whether a block in memory is one of values. Changes no order. */
  isValues(block: BlockId): boolean {
    if (this.#values.size === 0) return false;
    const slot = this.#table.find(canonical(block));
    return slot !== NONE && this.#table.isValues(slot);
  }

  /** The size of a block in memory, which becomes the newest (section 8.1), or null. */
  getSize(block: BlockId): number | null {
    const slot = this.#enter(canonical(block));
    try {
      if (slot === NONE) return null;
      this.#use(slot);
      return this.#table.bytes(slot);
    } finally {
      this.#ledger.end();
    }
  }

  /** Whether the block is in memory. Changes no order. */
  has(block: BlockId): boolean {
    const id = canonical(block);
    this.#table.checkName(id);
    this.#ledger.begin();
    const found = this.#table.find(id) !== NONE;
    this.#ledger.end();
    return found;
  }

  /** A copy of a block's bytes from memory or else from disk; null when it is in neither. A block in memory becomes the newest. */
  read(block: BlockId): Uint8Array | null {
    const id = canonical(block);
    for (;;) {
      const bytes = this.#copyOf(id);
      if (bytes !== null || this.#disk === null) return bytes;
      const onDisk = this.#disk.read(blockName(id));
      // It may have come back between the two looks, and then its copy on disk was removed.
      if (onDisk !== null || !this.has(id)) return onDisk;
    }
  }

  /** One more read lock: the block stays until it is unpinned as often. Over a shared table it is this worker's lock. */
  pin(block: BlockId): void {
    const slot = this.#enter(canonical(block));
    try {
      if (slot === NONE) throw new BlockMisuse(`block ${block} is not in memory and cannot be pinned`);
      if (this.#table.pins(slot) < 0) throw this.#busy(slot);
      this.#table.pin(slot);
    } finally {
      this.#ledger.end();
    }
  }

  unpin(block: BlockId): void {
    this.#alone(() => {
      const slot = this.#table.find(canonical(block));
      if (slot === NONE || this.#table.ownPins(slot) === 0) throw new BlockMisuse(`block ${block} is not pinned`);
      this.#table.unpin(slot);
    });
  }

  /** Removes a block from memory and disk; false when it was in neither. A pinned block is refused. */
  remove(block: BlockId): boolean {
    const id = canonical(block);
    const slot = this.#enter(id);
    try {
      if (slot !== NONE) {
        const pins = this.#table.pins(slot);
        if (pins < 0) throw this.#busy(slot);
        if (pins > 0) throw new BlockMisuse(`block ${blockName(id)} is pinned ${pins} times and cannot be removed`);
        this.#drop(slot);
      }
      // Before anybody else can put it anew.
      return this.#forgetInDecision(id) || slot !== NONE;
    } finally {
      this.#ledger.end();
    }
  }

  /**
   * Drops every block, whatever is pinned, and all unroll reservations; storage used becomes 0 (section 8.10). Over a shared
   * table the reservations of other workers stay theirs, and a block that another worker has pinned is refused.
   */
  clear(): void {
    const table = this.#table;
    this.#alone(() => {
      if (this.#evicting) throw new BlockMisuse("a store is not cleared while it evicts");
      for (const mode of [ON_HEAP, OFF_HEAP] as const) {
        for (let slot = table.oldest(mode); slot !== NONE; slot = table.next(slot)) {
          const pins = table.pins(slot);
          if (pins < 0) throw this.#busy(slot);
          if (pins > table.ownPins(slot))
            throw new BlockMisuse(`block ${blockName(table.idAt(slot))} is pinned by another worker`);
        }
      }
      for (const mode of [ON_HEAP, OFF_HEAP] as const) {
        for (let slot = table.oldest(mode); slot !== NONE; slot = table.oldest(mode)) this.#drop(slot);
        const reserved = this.#unroll.total(mode);
        table.addUnrolled(-reserved, mode);
        if (table.alone) this.#manager.releaseAllStorage(mode);
        else this.#manager.releaseStorage(reserved, mode);
      }
      this.#unroll.clear();
    });
  }

  /** Reserves unroll memory for a task, by default outside of any (section 8.4). */
  reserveUnroll(block: BlockId, bytes: number, mode: Mode, task: number = NO_TASK): boolean {
    return this.#alone(() => {
      const reserved = this.#manager.acquireUnroll(canonical(block), bytes, mode);
      if (reserved) {
        this.#unroll.add(bytes, task, mode);
        this.#table.addUnrolled(bytes, mode);
      }
      return reserved;
    });
  }

  /** Gives back at most what the task has reserved. */
  releaseUnroll(bytes: number, mode: Mode, task: number = NO_TASK): void {
    if (!(bytes >= 0 && Number.isSafeInteger(bytes))) throw invalidRequest("release of unroll memory", bytes);
    return this.#alone(() => {
      const released = this.#unroll.take(bytes, task, mode);
      if (released === 0) return;
      this.#table.addUnrolled(-released, mode);
      this.#manager.releaseStorage(released, mode);
    });
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
    this.#ledger.begin();
    const bytes = this.#table.unrolled(mode);
    this.#ledger.end();
    return bytes;
  }

  /** Bytes that a task of this worker has reserved for unrolling. */
  unrolledBy(task: number, mode: Mode): number {
    return this.#unroll.balance(task, mode);
  }

  /** The end of an unrolling: what was reserved, `bytes` or more, becomes a block of values. */
  putUnrolledValues(block: BlockId, values: readonly unknown[], bytes: number, reservation: Reservation): true {
    this.checkKeepsValues(block);
    const slot = this.#transfer(canonical(block), bytes, null, reservation);
    this.#table.setValues(slot);
    this.#values.set(slot, values);
    this.#table.arrived(slot);
    return true;
  }

  /** The same for a block of bytes; false, and the reservation stays, when the memory itself has run out. */
  putUnrolledBytes(block: BlockId, content: ByteChunks, bytes: number, reservation: Reservation): boolean {
    const keeper = this.#keepers[reservation.mode];
    const slot = this.#transfer(canonical(block), bytes, keeper, reservation);
    if (slot === NONE) return false;
    const place = this.#table.place(slot);
    let at = 0;
    if (place !== NO_PLACE)
      content.drain({
        write(part) {
          keeper!.write(place, part, at);
          at += part.length;
        },
      });
    this.#table.arrived(slot);
    return true;
  }

  /** Throws DeserializedRefused where blocks cannot be kept as values. */
  checkKeepsValues(block: BlockId): void {
    if (!this.#table.alone)
      throw new DeserializedRefused(
        `block ${block}: values belong to one thread, and several workers share these blocks`,
      );
  }

  /** Bytes of the blocks in memory. */
  used(mode: Mode): number {
    return this.#alone(() => this.#table.used(mode));
  }

  /** Number of blocks in memory, both modes. */
  get size(): number {
    return this.#alone(() => this.#table.size);
  }

  /** Calls `visit` for every block of a mode as they are now, oldest use first: its name, its bytes, its read locks. */
  forEachBlock(mode: Mode, visit: (block: string, bytes: number, pins: number) => void): void {
    const table = this.#table;
    const found: [string, number, number][] = [];
    this.#alone(() => {
      for (let slot = table.oldest(mode); slot !== NONE; slot = table.next(slot))
        found.push([blockName(table.idAt(slot)), table.bytes(slot), table.pins(slot)]);
    });
    for (const [block, bytes, pins] of found) visit(block, bytes, pins);
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
    const names: string[] = [];
    this.forEachBlock(mode, (block) => names.push(block));
    yield* names;
  }

  /**
   * Section 8.5: whole blocks, oldest first, enough of them or none. Called by the manager, in its decision. A block that is selected is
   * locked until it has left, against what disk and observer do meanwhile. A write to disk that throws leaves that block
   * and the later ones where they are; earlier ones are gone.
   */
  evict(forBlock: BlockId | null, bytes: number, mode: Mode): number {
    return this.#evict(forBlock === null ? NO_RDD : rddOf(forBlock), bytes, mode);
  }

  /**
   * Takes back what a dead worker had locked and reserved in the table that it shared, and drops what it was in the middle
   * of putting. Inside of the decision that recovers its accounts, which gives its storage bytes back.
   */
  recover(dead: number): void {
    for (const slot of this.#table.recover(dead)) this.#drop(slot);
    const places = new Set<number>();
    for (const mode of [ON_HEAP, OFF_HEAP] as const)
      for (let slot = this.#table.oldest(mode); slot !== NONE; slot = this.#table.next(slot))
        places.add(this.#table.place(slot));
    for (const keeper of new Set(this.#keepers)) keeper?.sweep?.(places);
  }

  // The `evict` of section 8.5, for a block of the RDD.
  #evict(rdd: number, bytes: number, mode: Mode): number {
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
      this.#table.pinned === 0 &&
      this.#table.arriving === 0 &&
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
    if (table.used(mode) < bytes) return 0;
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
      this.#table.stay(slot);
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
      table.leave(slot);
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
    const free = table.pinned === 0 && rdd === NO_RDD && owner === null && !this.#evicting;
    let freed = 0;
    while (freed < bytes) {
      const slot = this.#victims![mode].take(free ? null : mayLeave, this.#manager.maxStorage(mode));
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
    const owner = this.#owner;
    if (owner !== null) {
      const id = this.#table.idAt(slot);
      return this.#outside(() => owner.leaving(id));
    }
    if (!this.#table.toDisk(slot)) return "gone";
    if (this.#disk !== null && this.#table.place(slot) !== NO_PLACE) this.#outside(() => this.#writeOut(slot));
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
    if (table.alone) this.#tell(id, bytes, mode, fate);
    else this.#outside(() => this.#tell(id, bytes, mode, fate));
  }

  #tell(id: BlockId, bytes: number, mode: Mode, fate: Fate): void {
    this.#owner?.unlock(id, fate);
    this.watcher?.evicted(id, bytes, mode, fate);
    this.onEvict?.(blockName(id), bytes, mode, fate);
  }

  // A block that is on disk already is not written again (section 8.6).
  #writeOut(slot: number): void {
    const name = blockName(this.#table.idAt(slot));
    if (!this.#disk!.has(name)) this.#disk!.write(name, this.#viewAt(slot));
  }

  #put(id: BlockId, bytes: number, content: Uint8Array | null, mode: Mode, fate: Fate): boolean {
    let slot = NONE;
    this.#table.checkName(id);
    this.#ledger.begin();
    try {
      slot = this.#admit(id, bytes, content === null ? null : this.#keepers[mode], mode, fate);
    } finally {
      this.#ledger.end();
    }
    if (slot === NONE) return false;
    if (content !== null) this.#fill(slot, id, content);
    this.#table.arrived(slot);
    return true;
  }

  // Room for a block, and its slot; NONE where there is no room.
  #admit(id: BlockId, bytes: number, keeper: BytesKeeper | null, mode: Mode, fate: Fate): number {
    const table = this.#table;
    if (table.find(id) !== NONE) throw exists(id);
    const { puts } = table;
    this.#victims?.[mode].wanted(id, bytes, this.#manager.maxStorage(mode));
    if (!this.#manager.acquireStorage(id, bytes, mode)) return NONE;
    let slot = NONE;
    try {
      // Somebody may have put it while others made room.
      if (table.puts !== puts && table.find(id) !== NONE) throw exists(id);
      if (table.full) throw tooMany(id, table.size);
      const place = keeper === null || bytes === 0 ? NO_PLACE : keeper.take(bytes);
      if (place !== NO_PLACE || keeper === null || bytes === 0) slot = this.#insert(id, bytes, place, mode, fate);
    } finally {
      if (slot === NONE) this.#manager.releaseStorage(bytes, mode);
    }
    return slot;
  }

  // The bytes of an arriving block. Where that fails it has never been.
  #fill(slot: number, id: BlockId, content: Uint8Array): void {
    const table = this.#table;
    const place = table.place(slot);
    let filled = false;
    try {
      if (place !== NO_PLACE) this.#keepers[table.mode(slot)]!.write(place, content, 0);
      // A copy that an earlier block of this name left on disk is not this one.
      if (this.#disk !== null) this.#forgetOnDisk(id);
      filled = true;
    } finally {
      if (!filled) this.#alone(() => this.#drop(slot));
    }
  }

  #insert(id: BlockId, bytes: number, place: number, mode: Mode, fate: Fate): number {
    const slot = this.#table.insert(id, bytes, mode, place, fate === "disk");
    this.#ledger.intoBlock(bytes, mode);
    this.#victims?.[mode].arrived(id, slot, bytes);
    return slot;
  }

  // What is reserved covers the block, so that nothing has to make room for it. NONE, and the reservation stays, when the
  // memory itself has run out.
  #transfer(id: BlockId, bytes: number, keeper: BytesKeeper | null, reservation: Reservation): number {
    const { mode, task } = reservation;
    const table = this.#table;
    table.checkName(id);
    return this.#alone(() => {
      if (table.find(id) !== NONE || (this.#forgetInDecision(id) && table.find(id) !== NONE)) throw exists(id);
      if (table.full) throw tooMany(id, table.size);
      const place = keeper === null || bytes === 0 ? NO_PLACE : keeper.take(bytes);
      if (place === NO_PLACE && keeper !== null && bytes > 0) return NONE;
      this.releaseUnroll(reservation.bytes, mode, task);
      reservation.bytes = 0;
      this.#victims?.[mode].wanted(id, bytes, this.#manager.maxStorage(mode));
      assert(this.#manager.acquireStorage(id, bytes, mode), "what unrolling reserved holds the block");
      return this.#insert(id, bytes, place, mode, "gone");
    });
  }

  #forgetInDecision(id: BlockId): boolean {
    return this.#disk !== null && this.#outside(() => this.#forgetOnDisk(id));
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

  #getPinned(block: BlockId): Uint8Array | null {
    const slot = this.#enter(canonical(block));
    try {
      if (slot === NONE) return null;
      this.#use(slot);
      if (this.#table.ownPins(slot) === 0)
        throw new BlockMisuse(`block ${block} is not pinned: another worker may evict it while it is looked at`);
      return this.#viewAt(slot);
    } finally {
      this.#ledger.end();
    }
  }

  // A block that is used becomes the newest.
  #use(slot: number): void {
    this.#table.touch(slot);
    if (this.#victims !== null) this.#victims[this.#table.mode(slot)].used(this.#table.idAt(slot), slot);
  }

  // The copying needs no decision: the block stays where it is as long as it is pinned.
  #copyOf(id: BlockId): Uint8Array | null {
    const table = this.#table;
    const slot = this.#enter(id);
    try {
      if (slot === NONE) return null;
      this.#use(slot);
      if (table.isValues(slot)) throw new BlockMisuse(`block ${blockName(id)} is kept as values`);
      // What leaves or arrives here is seen by handlers alone, and stays for as long as they look.
      if (table.pins(slot) < 0) return this.#viewAt(slot).slice();
      table.pin(slot);
    } finally {
      this.#ledger.end();
    }
    const copy = this.#viewAt(slot).slice();
    this.#alone(() => table.unpin(slot));
    return copy;
  }

  // Begins a decision about a block and answers its slot, or NONE. Bytes that another worker is putting are awaited, which needs
  // no decision, for as long as this thread has patience: who puts them may have died.
  #enter(id: BlockId): number {
    const table = this.#table;
    table.checkName(id);
    this.#ledger.begin();
    const slot = table.find(id);
    return slot === NONE || table.pins(slot) !== ARRIVING || table.isOwn(slot) ? slot : this.#enterArrived(id, slot);
  }

  #enterArrived(id: BlockId, arriving: number): number {
    const table = this.#table;
    const { patienceMs } = this.#ledger;
    const until = performance.now() + Math.max(patienceMs, LEAST_ARRIVAL_MS);
    for (let slot = arriving; ;) {
      // Handlers come here in the middle of a decision, which nobody can leave.
      const refusal = this.#away > 0 ? this.#busy(slot) : null;
      this.#ledger.end();
      if (refusal !== null) throw refusal;
      if (performance.now() > until) throw new MemoryBusy(patienceMs);
      table.awaitArrival(slot);
      this.#ledger.begin();
      slot = table.find(id);
      if (slot === NONE || table.pins(slot) !== ARRIVING) return slot;
    }
  }

  #busy(slot: number): BlockMisuse {
    const block = blockName(this.#table.idAt(slot));
    return new BlockMisuse(`block ${block} is being ${this.#table.pins(slot) === LEAVING ? "evicted" : "put"}`);
  }

  #alone<T>(call: () => T): T {
    this.#ledger.begin();
    try {
      return call();
    } finally {
      this.#ledger.end();
    }
  }

  // In the middle of a decision, for disks and handlers.
  #outside<T>(call: () => T): T {
    this.#away += 1;
    try {
      return this.#ledger.outside(call);
    } finally {
      this.#away -= 1;
    }
  }

  // A step of its own, that is whole or undone.
  #drop(slot: number): void {
    const table = this.#table;
    const bytes = table.bytes(slot);
    const mode = table.mode(slot);
    const place = table.place(slot);
    this.#victims?.[mode].left(slot);
    table.remove(slot);
    this.#manager.releaseBlock(bytes, mode);
    this.#ledger.commit();
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

function tooMany(id: BlockId, blocks: number): TooManyBlocks {
  return new TooManyBlocks(`block ${blockName(id)} is one too many: the shared table was made for ${blocks} blocks`);
}

function exists(id: BlockId): BlockExists {
  return new BlockExists(`block ${blockName(id)} is in memory already`);
}
