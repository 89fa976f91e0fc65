// The block store: named blocks of bytes in the storage pools, kept in the order of their last use, dropped oldest first
// when somebody needs the room (section 8 of the law).

import { Refusal } from "../fault.js";
import type { Evictor, MemoryManager } from "../memory/manager.js";
import { type Mode, modeName, OFF_HEAP, ON_HEAP } from "../memory/mode.js";
import { NO_RDD, rddOf } from "./block.js";
import type { BlockBytes, BytesKeeper } from "./bytes.js";

/** Where a block goes when it is evicted: dropped, or written to the store's disk first. */
export type Fate = "gone" | "disk";

/** Takes blocks that leave memory and keeps them. A method that throws leaves the block where it was. */
export interface BlockDisk {
  write(block: string, bytes: Uint8Array): void;
  /** A copy of the block's bytes, or null. */
  read(block: string): Uint8Array | null;
  has(block: string): boolean;
  remove(block: string): void;
}

/** A put of a name that is in memory already. */
export class BlockExists extends Refusal {
  override readonly name = "BlockExists";
}

/** A pin of a block that is not in memory, an unpin of one that is not pinned, a removal of one that is. */
export class BlockMisuse extends Refusal {
  override readonly name = "BlockMisuse";
}

export interface StoreOptions {
  readonly manager: MemoryManager;
  /** Where bytes lie, by mode; without a keeper the store keeps accounts and no bytes. */
  readonly keepers?: readonly [BytesKeeper | null, BytesKeeper | null];
  /** Needed for blocks whose fate is `disk`, where the store keeps bytes. */
  readonly disk?: BlockDisk | null;
}

/** A block in memory. A link of its mode's list, oldest use first. */
interface Entry {
  readonly block: string;
  readonly rdd: number;
  readonly bytes: number;
  readonly mode: Mode;
  readonly fate: Fate;
  place: BlockBytes | null;
  /** Read locks. A locked block is not evicted. */
  pins: number;
  older: Entry;
  newer: Entry;
}

/** Section 8 of the law: putBytes, get, pins, removal and eviction. Sizes are bytes. */
export class BlockStore implements Evictor {
  readonly #manager: MemoryManager;
  readonly #entries = new Map<string, Entry>();
  // Each list is a ring through a head that is no block: head.newer is the oldest block, head.older the newest.
  readonly #heads: readonly [Entry, Entry] = [head(ON_HEAP), head(OFF_HEAP)];
  readonly #keepers: readonly [BytesKeeper | null, BytesKeeper | null];
  readonly #disk: BlockDisk | null;
  readonly #used: [number, number] = [0, 0];
  readonly #unrolled: [number, number] = [0, 0];
  readonly #selected: Entry[] = [];
  /** Told of each block that leaves memory by eviction. */
  onEvict: ((block: string, bytes: number, mode: Mode, to: Fate) => void) | null = null;
  evictions = 0;

  constructor(options: StoreOptions) {
    this.#manager = options.manager;
    this.#keepers = options.keepers ?? [null, null];
    this.#disk = options.disk ?? null;
    options.manager.setEvictor(this);
  }

  /**
   * Puts a block of `content.length` bytes, evicting older ones where that makes room; false when it cannot be had, and then
   * nothing is kept (section 8.2). The bytes are copied. Throws BlockExists for a name that is in memory.
   */
  put(block: string, content: Uint8Array, mode: Mode = ON_HEAP, fate: Fate = "gone"): boolean {
    return this.#put(block, content.length, content, mode, fate);
  }

  /** The same for a block whose bytes are kept elsewhere or nowhere: only the account is kept. */
  putAccount(block: string, bytes: number, mode: Mode = ON_HEAP, fate: Fate = "gone"): boolean {
    return this.#put(block, bytes, null, mode, fate);
  }

  /**
   * The bytes of a block in memory, which becomes the newest, or null. The view is the store's own: it holds until the
   * block leaves memory, so pin a block to read it across other calls. A block that keeps no bytes gives an empty view.
   */
  get(block: string): Uint8Array | null {
    const entry = this.#entries.get(block);
    if (entry === undefined) return null;
    this.#touch(entry);
    return entry.place === null ? EMPTY : entry.place.bytes;
  }

  /** The size of a block in memory, which becomes the newest (section 8.1), or null. */
  getSize(block: string): number | null {
    const entry = this.#entries.get(block);
    if (entry === undefined) return null;
    this.#touch(entry);
    return entry.bytes;
  }

  /** Whether the block is in memory. Changes no order. */
  has(block: string): boolean {
    return this.#entries.has(block);
  }

  /** A copy of a block's bytes from memory or else from disk; null when it is in neither. A block in memory becomes the newest. */
  read(block: string): Uint8Array | null {
    const bytes = this.get(block);
    return bytes === null ? (this.#disk?.read(block) ?? null) : bytes.slice();
  }

  /** One more read lock: the block stays until it is unpinned as often. */
  pin(block: string): void {
    const entry = this.#entries.get(block);
    if (entry === undefined) throw new BlockMisuse(`block ${block} is not in memory and cannot be pinned`);
    entry.pins += 1;
  }

  unpin(block: string): void {
    const entry = this.#entries.get(block);
    if (entry === undefined || entry.pins === 0) throw new BlockMisuse(`block ${block} is not pinned`);
    entry.pins -= 1;
  }

  /** Removes a block from memory and disk; false when it was in neither. A pinned block is refused. */
  remove(block: string): boolean {
    const onDisk = this.#disk?.has(block) ?? false;
    const entry = this.#entries.get(block);
    if (entry !== undefined) {
      if (entry.pins > 0) throw new BlockMisuse(`block ${block} is pinned ${entry.pins} times and cannot be removed`);
      this.#drop(entry);
    }
    if (onDisk) this.#disk!.remove(block);
    return entry !== undefined || onDisk;
  }

  /** Drops every block, whatever is pinned, and all unroll reservations; storage used becomes 0 (section 8.10). */
  clear(): void {
    for (const entry of this.#entries.values()) this.#giveBytes(entry);
    this.#entries.clear();
    for (const mode of [ON_HEAP, OFF_HEAP] as const) {
      const ring = this.#heads[mode];
      ring.older = ring;
      ring.newer = ring;
      this.#used[mode] = 0;
      this.#unrolled[mode] = 0;
      this.#manager.releaseAllStorage(mode);
    }
  }

  /** Reserves unroll memory outside of any task (section 8.4). */
  reserveUnroll(block: string, bytes: number, mode: Mode): boolean {
    const reserved = this.#manager.acquireUnroll(block, bytes, mode);
    if (reserved) this.#unrolled[mode] += bytes;
    return reserved;
  }

  /** Gives back at most what is reserved. */
  releaseUnroll(bytes: number, mode: Mode): void {
    const released = Math.min(bytes, this.#unrolled[mode]);
    this.#unrolled[mode] -= released;
    if (released > 0) this.#manager.releaseStorage(released, mode);
  }

  /** Bytes reserved for unrolling. */
  unrolled(mode: Mode): number {
    return this.#unrolled[mode];
  }

  /** Bytes of the blocks in memory. */
  used(mode: Mode): number {
    return this.#used[mode];
  }

  /** Number of blocks in memory, both modes. */
  get size(): number {
    return this.#entries.size;
  }

  /** Names of the blocks of a mode, oldest use first. */
  *blocks(mode: Mode): Generator<string> {
    const ring = this.#heads[mode];
    for (let entry = ring.newer; entry !== ring; entry = entry.newer) yield entry.block;
  }

  /** Section 8.5: whole blocks, oldest first, enough of them or none. Called by the manager. */
  evict(forBlock: string | null, bytes: number, mode: Mode): number {
    const selected = this.#selected;
    const freed = this.#select(forBlock === null ? NO_RDD : rddOf(forBlock), bytes, mode);
    try {
      if (freed < bytes) return 0;
      for (const entry of selected) this.#evictOne(entry);
      return freed;
    } finally {
      selected.length = 0;
    }
  }

  #select(rdd: number, bytes: number, mode: Mode): number {
    const ring = this.#heads[mode];
    let freed = 0;
    for (let entry = ring.newer; entry !== ring && freed < bytes; entry = entry.newer) {
      if (entry.pins > 0 || (rdd !== NO_RDD && entry.rdd === rdd)) continue;
      this.#selected.push(entry);
      freed += entry.bytes;
    }
    return freed;
  }

  // A write to disk that throws leaves this block and the later ones where they are; earlier ones are gone (section 8.5).
  #evictOne(entry: Entry): void {
    const onDisk = entry.fate === "disk";
    if (onDisk && entry.place !== null && this.#disk !== null && !this.#disk.has(entry.block)) {
      this.#disk.write(entry.block, entry.place.bytes);
    }
    this.#drop(entry);
    this.evictions += 1;
    this.onEvict?.(entry.block, entry.bytes, entry.mode, entry.fate);
  }

  #put(block: string, bytes: number, content: Uint8Array | null, mode: Mode, fate: Fate): boolean {
    if (this.#entries.has(block)) throw new BlockExists(`block ${block} is in ${modeName(mode)} memory already`);
    if (!this.#manager.acquireStorage(block, bytes, mode)) return false;
    const keeper = this.#keepers[mode];
    let place: BlockBytes | null = null;
    if (content !== null && keeper !== null && bytes > 0) {
      place = keeper.take(bytes);
      if (place === null) {
        this.#manager.releaseStorage(bytes, mode);
        return false;
      }
      place.bytes.set(content);
    }
    const ring = this.#heads[mode];
    const entry: Entry = {
      block,
      rdd: rddOf(block),
      bytes,
      mode,
      fate,
      place,
      pins: 0,
      older: ring.older,
      newer: ring,
    };
    ring.older.newer = entry;
    ring.older = entry;
    this.#entries.set(block, entry);
    this.#used[mode] += bytes;
    return true;
  }

  #touch(entry: Entry): void {
    const ring = this.#heads[entry.mode];
    if (entry.newer === ring) return;
    unlink(entry);
    entry.older = ring.older;
    entry.newer = ring;
    ring.older.newer = entry;
    ring.older = entry;
  }

  #drop(entry: Entry): void {
    unlink(entry);
    this.#entries.delete(entry.block);
    this.#used[entry.mode] -= entry.bytes;
    this.#giveBytes(entry);
    this.#manager.releaseStorage(entry.bytes, entry.mode);
  }

  #giveBytes(entry: Entry): void {
    if (entry.place === null) return;
    this.#keepers[entry.mode]!.give(entry.place);
    entry.place = null;
  }
}

const EMPTY = new Uint8Array(0);

function head(mode: Mode): Entry {
  const ring = { block: "", rdd: NO_RDD, bytes: 0, mode, fate: "gone", place: null, pins: 0 } as unknown as Entry;
  ring.older = ring;
  ring.newer = ring;
  return ring;
}

function unlink(entry: Entry): void {
  entry.older.newer = entry.newer;
  entry.newer.older = entry.older;
}
