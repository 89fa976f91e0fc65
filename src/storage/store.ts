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
import { Eviction } from "./eviction.js";
import { Residents } from "./residents.js";
import { ARRIVING, type BlockTable, LEAVING, LocalTable, NONE } from "./table.js";
import { UnrollAccounts } from "./unroll-accounts.js";
import type { Reservation } from "./unrolled.js";
import { type EvictionChoice, victimsOf } from "./victims.js";

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
  /** Whose storage memory blocks take. */
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
  /** What generations differ in. */
  readonly rules: StorageRules;
  readonly #manager: MemoryManager;
  readonly #ledger: Ledger;
  readonly #table: BlockTable;
  readonly #keepers: readonly [BytesKeeper | null, BytesKeeper | null];
  readonly #disk: BlockDisk | null;
  readonly #residents: Residents;
  readonly #eviction: Eviction;
  // What this worker's tasks have reserved.
  readonly #unroll = new UnrollAccounts();
  /** Told of each block that leaves memory by an eviction of this worker. */
  onEvict: ((block: string, bytes: number, mode: Mode, to: Fate) => void) | null = null;
  /** Told before `onEvict`, which stays the embedder's: the place of whoever records. */
  watcher: StoreWatcher | null = null;
  /** Values that could not be closed when they left memory; `onCloseFailure` is told why. */
  closeFailures = 0;
  /** Told when a value that leaves cannot be closed; null: nobody is. */
  onCloseFailure: ((error: unknown) => void) | null = null;

  constructor(options: StoreOptions) {
    this.rules = options.rules ?? storageRules(readConf({}, DEFAULT_GENERATION));
    this.#manager = options.manager;
    this.#ledger = options.manager.ledger;
    this.#table = options.table ?? new LocalTable();
    this.#keepers = options.keepers ?? [null, null];
    this.#disk = options.disk ?? null;
    const victims = options.eviction ? victimsOf(options.eviction) : null;
    if (victims !== null && !this.#table.alone)
      throw new BlockMisuse("blocks that workers share leave in Spark's order: an eviction policy serves one thread");
    if (!this.#table.agreeOnDisk(this.#disk !== null))
      throw new BlockMisuse(
        this.#disk === null
          ? "other workers write evicted blocks to a disk, and this one has none"
          : "other workers have no disk, and would not find what this one writes",
      );
    const closeFailed = (error: unknown): void => {
      this.closeFailures += 1;
      this.onCloseFailure?.(error);
    };
    const closing = this.rules.closesValues ? closeFailed : null;
    this.#residents = new Residents(this.#table, this.#manager, this.#keepers, victims, closing);
    this.#eviction = new Eviction(this.#residents, this.#disk, this);
    options.manager.setEvictor(this);
  }

  /** Blocks that evictions of this worker have dropped. */
  get evictions(): number {
    return this.#eviction.count;
  }

  /** The block manager, set once. From then on only blocks that it knows and nobody holds are evicted. */
  setOwner(owner: BlockOwner): void {
    assert(this.#eviction.owner === null, "a store has one owner");
    if (!this.#table.alone)
      throw new BlockMisuse("a block manager knows the blocks of one thread, and these are shared");
    this.#eviction.owner = owner;
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
    this.#residents.use(slot);
    if (table.isValues(slot)) throw new BlockMisuse(`block ${block} is kept as values`);
    return this.#residents.view(slot);
  }

  /** The values of a block in memory, which becomes the newest, or null. One of bytes is refused. */
  getValues(block: BlockId): readonly unknown[] | null {
    const slot = this.#enter(canonical(block));
    try {
      if (slot === NONE) return null;
      this.#residents.use(slot);
      const values = this.#residents.values.get(slot);
      if (values === undefined) throw new BlockMisuse(`block ${block} is kept as bytes`);
      return values;
    } finally {
      this.#ledger.end();
    }
  }

  /** Whether a block in memory is one of values. Changes no order. */
  isValues(block: BlockId): boolean {
    if (this.#residents.values.size === 0) return false;
    const slot = this.#table.find(canonical(block));
    return slot !== NONE && this.#table.isValues(slot);
  }

  /** The size of a block in memory, which becomes the newest (section 8.1), or null. */
  getSize(block: BlockId): number | null {
    const slot = this.#enter(canonical(block));
    try {
      if (slot === NONE) return null;
      this.#residents.use(slot);
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

  /** Takes one of this worker's read locks off. Throws BlockMisuse for a block that is not pinned. After MemoryBusy it is to be called again. */
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
        this.#residents.drop(slot);
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
      if (this.#eviction.active) throw new BlockMisuse("a store is not cleared while it evicts");
      for (const mode of [ON_HEAP, OFF_HEAP] as const) {
        for (let slot = table.oldest(mode); slot !== NONE; slot = table.next(slot)) {
          const pins = table.pins(slot);
          if (pins < 0) throw this.#busy(slot);
          if (pins > table.ownPins(slot))
            throw new BlockMisuse(`block ${blockName(table.idAt(slot))} is pinned by another worker`);
        }
      }
      for (const mode of [ON_HEAP, OFF_HEAP] as const) {
        for (let slot = table.oldest(mode); slot !== NONE; slot = table.oldest(mode)) this.#residents.drop(slot);
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

  /** Gives back at most what the task has reserved; where other workers decide for too long, later. */
  releaseUnroll(bytes: number, mode: Mode, task: number = NO_TASK): void {
    if (!(bytes >= 0 && Number.isSafeInteger(bytes))) throw invalidRequest("release of unroll memory", bytes);
    this.#ledger.giveBack(() => {
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
    return this.#eviction.owner?.unlockAll(task) ?? [];
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
    this.#residents.values.set(slot, values);
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
    if (this.#residents.victims === null) return true;
    const victims = this.#residents.victims[mode];
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
    return this.#eviction.evict(forBlock === null ? NO_RDD : rddOf(forBlock), bytes, mode);
  }

  /**
   * Takes back what a dead worker had locked and reserved in the table that it shared, and drops what it was in the middle
   * of putting. Inside of the decision that recovers its accounts, which gives its storage bytes back.
   */
  recover(dead: number): void {
    for (const slot of this.#table.recover(dead)) this.#residents.drop(slot);
    const places = new Set<number>();
    for (const mode of [ON_HEAP, OFF_HEAP] as const)
      for (let slot = this.#table.oldest(mode); slot !== NONE; slot = this.#table.next(slot))
        places.add(this.#table.place(slot));
    for (const keeper of new Set(this.#keepers)) keeper?.sweep?.(places);
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
    this.#residents.victims?.[mode].wanted(id, bytes, this.#manager.maxStorage(mode));
    if (!this.#manager.acquireStorage(id, bytes, mode)) return NONE;
    let slot = NONE;
    try {
      // Somebody may have put it while others made room.
      if (table.puts !== puts && table.find(id) !== NONE) throw exists(id);
      if (table.full) throw tooMany(id, table.size);
      const place = keeper === null || bytes === 0 ? NO_PLACE : keeper.take(bytes);
      if (place !== NO_PLACE || keeper === null || bytes === 0)
        slot = this.#residents.insert(id, bytes, place, mode, fate);
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
      if (!filled) this.#ledger.giveBack(() => this.#residents.drop(slot));
    }
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
      this.#residents.victims?.[mode].wanted(id, bytes, this.#manager.maxStorage(mode));
      assert(this.#manager.acquireStorage(id, bytes, mode), "what unrolling reserved holds the block");
      return this.#residents.insert(id, bytes, place, mode, "gone");
    });
  }

  #forgetInDecision(id: BlockId): boolean {
    return this.#disk !== null && this.#residents.outside(() => this.#forgetOnDisk(id));
  }

  #forgetOnDisk(id: BlockId): boolean {
    const name = blockName(id);
    if (this.#disk?.has(name) !== true) return false;
    this.#disk.remove(name);
    return true;
  }

  #getPinned(block: BlockId): Uint8Array | null {
    const slot = this.#enter(canonical(block));
    try {
      if (slot === NONE) return null;
      this.#residents.use(slot);
      if (this.#table.ownPins(slot) === 0)
        throw new BlockMisuse(`block ${block} is not pinned: another worker may evict it while it is looked at`);
      return this.#residents.view(slot);
    } finally {
      this.#ledger.end();
    }
  }

  // The copying needs no decision: the block stays where it is as long as it is pinned.
  #copyOf(id: BlockId): Uint8Array | null {
    const table = this.#table;
    const slot = this.#enter(id);
    try {
      if (slot === NONE) return null;
      this.#residents.use(slot);
      if (table.isValues(slot)) throw new BlockMisuse(`block ${blockName(id)} is kept as values`);
      // What leaves or arrives here is seen by handlers alone, and stays for as long as they look.
      if (table.pins(slot) < 0) return this.#residents.view(slot).slice();
      table.pin(slot);
    } finally {
      this.#ledger.end();
    }
    try {
      return this.#residents.view(slot).slice();
    } finally {
      this.#ledger.giveBack(() => table.unpin(slot));
    }
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
      const refusal = this.#residents.away > 0 ? this.#busy(slot) : null;
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
}

function tooMany(id: BlockId, blocks: number): TooManyBlocks {
  return new TooManyBlocks(`block ${blockName(id)} is one too many: the shared table was made for ${blocks} blocks`);
}

function exists(id: BlockId): BlockExists {
  return new BlockExists(`block ${blockName(id)} is in memory already`);
}
