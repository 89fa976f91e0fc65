// An arena: off-heap pages in a linear memory, and the tables that say who has what in another, so that no write through
// a page can reach them. The allocator itself is WebAssembly (assembly/arena.ts) and works on the tables alone; here are
// the two memories, their growth, and the calls in plain numbers.

import { assert, Refusal } from "../fault.js";
import { humanBytes } from "../human.js";
import { OFF_HEAP } from "./mode.js";
import { PageError } from "./page-error.js";
import { FREED_IN_ALLOCATOR, FREED_IN_TASK, NO_PAGE, Page, type PageAllocator } from "./page.js";
import { Views } from "./views.js";
import { createMemory, instantiate, MAX_WASM_UNITS, WASM_UNIT_BYTES } from "./wasm.js";

/** Largest arena, bytes: one 64 KiB unit short of 4 GiB. */
export const MAX_ARENA_BYTES = MAX_WASM_UNITS * WASM_UNIT_BYTES;

/** Pages begin at multiples of this; blocks at multiples of 8 unless asked otherwise. */
const PAGE_ALIGN = 16;
const BLOCK_ALIGN = 8;

// Words of the map (drawn in assembly/map.ts).
const MAGIC = 0x52414d54;
const VERSION = 1;
const HEADER_BYTES = 1432;
const RECORD_BYTES = 32;
const WORD_MAGIC = 0;
const WORD_VERSION = 1;
const WORD_HEADER_BYTES = 2;
const WORD_LIMIT = 3;
const WORD_COMMITTED = 4;
const WORD_TOP = 5;
const WORD_PEAK_TOP = 6;
const WORD_USED = 7;
const WORD_LIVE = 8;
const WORD_RECORDS = 9;
const WORD_DATA_WANTED = 12;
const WORD_MAP_WANTED = 13;
const WORD_SLABS = 14;
const WORD_FREE_BLOCKS = 15;
const FIRST_RECORD_WORD = HEADER_BYTES / 4;

/** What arenaResize answers. */
const RESIZED = 1;
const NOT_LIVE = 2;

/** What arenaCheck can find, by its number. */
const LAWS = [
  "",
  "the header is not one of this version",
  "top, highest top, committed and limit are not in order",
  "the chain of records is broken",
  "a run does not end where the next begins",
  "the chain holds an unused record",
  "two free blocks touch, or one touches the top",
  "a slab does not agree with its slots",
  "a free list holds a wrong block or misses one",
  "the map of the free lists does not agree with their heads",
  "a list of slabs holds a wrong one or misses one",
  "a record is neither in the chain nor spare",
  "a count does not agree with the records",
  "the slots of a class do not agree with its slabs",
];

interface Exports {
  readonly arenaCreate: (limitBytes: number, committedBytes: number, tablesCount: number) => void;
  readonly arenaAllocate: (bytes: number, align: number) => number;
  readonly arenaFree: (handle: number) => number;
  readonly arenaResize: (handle: number, bytes: number) => number;
  readonly arenaCheck: () => number;
  readonly arenaLargestFree: () => number;
  readonly moveBytes: (to: number, from: number, bytes: number) => void;
  readonly fillBytes: (at: number, value: number, bytes: number) => void;
}

export type ArenaErrorReason = "magic" | "version" | "size" | "limit" | "memory";

/** An arena that cannot be made or attached. */
export class ArenaError extends Refusal {
  override readonly name = "ArenaError";
  readonly reason: ArenaErrorReason;

  constructor(reason: ArenaErrorReason, message: string, options?: { cause?: unknown }) {
    super(message, null, options);
    this.reason = reason;
  }
}

/** The two memories of an arena, for posting to a worker. */
export interface ArenaMemories {
  /** Tables: nothing else lies here. */
  readonly map: WebAssembly.Memory;
  /** Pages: nothing else lies here. */
  readonly data: WebAssembly.Memory;
}

export interface ArenaOptions {
  /** Most bytes of pages, 1 to MAX_ARENA_BYTES; rounded up to a multiple of 16. Default MAX_ARENA_BYTES. */
  readonly limitBytes?: number;
  /** Whether the limit bounds the tables too, so that `highWaterBytes` stays within it. Default false: pages alone. */
  readonly limitCoversTables?: boolean;
  /** Whether workers can attach. Default: where the host allows shared memory. */
  readonly shared?: boolean;
}

/** What an arena says of itself. All in bytes unless said otherwise. */
export interface ArenaStats {
  readonly limitBytes: number;
  /** Data that the linear memory reaches; touched or not. */
  readonly committedBytes: number;
  /** Highest end of data ever owned, plus the tables' bytes ever used. Never falls. */
  readonly highWaterBytes: number;
  /** The tables' part of the above. */
  readonly tableBytes: number;
  /** In blocks that are live, rounded as the allocator rounds them. */
  readonly usedBytes: number;
  /** Below the top and not used: free blocks, and free slots of slabs. */
  readonly freeBytes: number;
  /** Largest run that can be had at once: a free block, or what lies between the top and the limit. */
  readonly largestFreeBytes: number;
  /** 1 - largest free block / freeBytes: 0 when all that is free is one run, or nothing is. */
  readonly fragmentation: number;
  /** Live blocks, slots included. */
  readonly blocks: number;
  readonly freeBlocks: number;
  readonly slabs: number;
}

const kernels = new WeakMap<Views, unknown>();

/** The module's exports over the memory behind `views`, when they belong to an arena; else null. */
export function kernelsOver<T>(views: Views): T | null {
  return (kernels.get(views) as T | undefined) ?? null;
}

/**
 * One arena. Blocks are known by handles: opaque 32-bit integers, 0 for none. Refusal is an answer, never a throw; what
 * throws is misuse (PageError) and what cannot be made or attached (ArenaError).
 */
export class Arena implements PageAllocator {
  readonly mode = OFF_HEAP;
  readonly memories: ArenaMemories;
  /** Over the data. The object stays, its fields are replaced when the data grows. */
  readonly views: Views;
  readonly limitBytes: number;
  readonly #kind: "shared" | "private";
  readonly #allocator: Exports;
  readonly #data: Exports;
  readonly #allocate: Exports["arenaAllocate"];
  readonly #free: Exports["arenaFree"];
  readonly #resize: Exports["arenaResize"];
  #words: Uint32Array;

  /** A new arena with nothing in it. Throws ArenaError: `limit` for a limit out of range, `memory` when the host has none. */
  static create(options: ArenaOptions = {}): Arena {
    const { limitBytes = MAX_ARENA_BYTES, limitCoversTables = false, shared = canShare() } = options;
    if (!Number.isInteger(limitBytes) || limitBytes < 1 || limitBytes > MAX_ARENA_BYTES)
      throw new ArenaError("limit", `an arena holds 1 to ${MAX_ARENA_BYTES} bytes, not ${limitBytes}`);
    const limit = Math.ceil(limitBytes / PAGE_ALIGN) * PAGE_ALIGN;
    const maximumUnits = Math.ceil(limit / WASM_UNIT_BYTES);
    try {
      const data = createMemory({ initialUnits: 1, maximumUnits, shared });
      const map = createMemory({ initialUnits: 1, maximumUnits: MAX_WASM_UNITS, shared });
      const { arenaCreate } = instantiate<Exports>(shared ? "shared" : "private", map);
      arenaCreate(limit, Math.min(limit, WASM_UNIT_BYTES), limitCoversTables ? 1 : 0);
      return new Arena({ map, data });
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      const why = `the host has no address space for an arena of ${humanBytes(limitBytes)}: every linear memory reserves several GiB`;
      throw new ArenaError("memory", `${why}; raise the limit of virtual memory or use fewer arenas`, { cause: error });
    }
  }

  /** The arena that another instance created. Throws ArenaError when the memories do not hold one of this version. */
  static attach(memories: ArenaMemories): Arena {
    const words = new Uint32Array(memories.map.buffer);
    if (words[WORD_MAGIC] !== MAGIC)
      throw new ArenaError("magic", `this memory holds no arena: it begins with 0x${words[WORD_MAGIC]!.toString(16)}`);
    if (words[WORD_VERSION] !== VERSION)
      throw new ArenaError("version", `the arena has version ${words[WORD_VERSION]}, this library reads ${VERSION}`);
    const tables = words[WORD_HEADER_BYTES]! + words[WORD_RECORDS]! * RECORD_BYTES;
    if (words[WORD_HEADER_BYTES] !== HEADER_BYTES || tables > memories.map.buffer.byteLength)
      throw new ArenaError("size", `the arena's tables of ${tables} bytes do not fit their memory`);
    const committed = words[WORD_COMMITTED]!;
    if (committed > memories.data.buffer.byteLength || committed > words[WORD_LIMIT]!)
      throw new ArenaError(
        "size",
        `the arena has committed ${committed} bytes of ${memories.data.buffer.byteLength}, with a limit of ${words[WORD_LIMIT]}`,
      );
    if (isShared(memories.map) !== isShared(memories.data))
      throw new ArenaError("memory", "the arena's tables and its data must both be shared or both private");
    return new Arena(memories);
  }

  private constructor(memories: ArenaMemories) {
    this.memories = memories;
    this.#kind = isShared(memories.map) ? "shared" : "private";
    this.#allocator = instantiate<Exports>(this.#kind, memories.map);
    this.#data = instantiate<Exports>(this.#kind, memories.data);
    this.#allocate = this.#allocator.arenaAllocate;
    this.#free = this.#allocator.arenaFree;
    this.#resize = this.#allocator.arenaResize;
    this.#words = new Uint32Array(memories.map.buffer);
    this.limitBytes = this.#words[WORD_LIMIT]!;
    this.views = new Views(memories.data.buffer);
    kernels.set(this.views, this.#data);
  }

  // ---- pages

  allocate(bytes: number): Page | null {
    const handle = this.allocateBlock(bytes, PAGE_ALIGN);
    return handle === 0 ? null : new Page(OFF_HEAP, bytes, this.addressOf(handle), this.views, handle);
  }

  free(page: Page): void {
    if (page.views !== this.views || (page.number !== NO_PAGE && page.number !== FREED_IN_TASK)) refuseFree(page);
    if (this.#free(page.handle) === 0) throw new PageError("double free", describePage(page));
    page.number = FREED_IN_ALLOCATOR;
  }

  // ---- blocks

  /** The handle of `bytes` bytes (1 or more) at a multiple of `align` (a power of two), or 0. Contents are unspecified. */
  allocateBlock(bytes: number, align = BLOCK_ALIGN): number {
    if (!isSize(bytes, this.limitBytes) || !isPowerOfTwo(align)) return refuseBlock(bytes, align);
    const handle = this.#allocate(bytes, align);
    return handle === 0 ? this.#allocateRarely(bytes, align) : handle;
  }

  /** The same with all bytes zero. */
  allocateZeroed(bytes: number): number {
    const handle = this.allocateBlock(bytes);
    if (handle !== 0) this.#data.fillBytes(this.addressOf(handle), 0, bytes);
    return handle;
  }

  /** Takes a block back. Throws PageError when it is not live. */
  freeBlock(handle: number): void {
    if (this.#free(handle) === 0) throw new PageError("double free", `handle ${handle >>> 0} is not live`);
  }

  /**
   * The block at `bytes` bytes, where it was or moved with its contents; then the old handle is dead. 0 when there is no
   * room, and then the block is as it was. Alignment beyond 8 is not kept by a move.
   */
  reallocateBlock(handle: number, bytes: number): number {
    if (!isSize(bytes, this.limitBytes)) return refuseBlock(bytes, BLOCK_ALIGN);
    const outcome = this.#resize(handle, bytes);
    return outcome === RESIZED ? handle : this.#move(handle, bytes, outcome);
  }

  /** Where the block's bytes begin in the data. */
  addressOf(handle: number): number {
    const words = this.#words;
    if ((handle | 0) > 0) return (words[FIRST_RECORD_WORD + handle * 8]! & ~15) >>> 0;
    const record = FIRST_RECORD_WORD + ((handle >>> 6) & 0x1ffffff) * 8;
    const slotBytes = ((words[record + 1]! >>> 7) & 255) * 8;
    return ((words[record]! & ~15) >>> 0) + (handle & 63) * slotBytes;
  }

  /** Bytes that the block may use: at least what was asked for. */
  bytesOf(handle: number): number {
    const words = this.#words;
    if ((handle | 0) > 0) return words[FIRST_RECORD_WORD + handle * 8 + 1]!;
    return ((words[FIRST_RECORD_WORD + ((handle >>> 6) & 0x1ffffff) * 8 + 1]! >>> 7) & 255) * 8;
  }

  // ---- reports

  stats(): ArenaStats {
    const words = this.#words;
    const top = words[WORD_TOP]!;
    const freeBytes = top - words[WORD_USED]!;
    const largestHole = this.#allocator.arenaLargestFree() >>> 0;
    return {
      limitBytes: this.limitBytes,
      committedBytes: words[WORD_COMMITTED]!,
      highWaterBytes: this.highWaterBytes,
      tableBytes: this.#tableBytes(),
      usedBytes: words[WORD_USED]!,
      freeBytes,
      largestFreeBytes: Math.max(largestHole, this.limitBytes - top),
      fragmentation: freeBytes === 0 ? 0 : 1 - largestHole / freeBytes,
      blocks: words[WORD_LIVE]!,
      freeBlocks: words[WORD_FREE_BLOCKS]!,
      slabs: words[WORD_SLABS]!,
    };
  }

  /** Highest end of data ever owned, plus the tables' bytes ever used. */
  get highWaterBytes(): number {
    return this.#words[WORD_PEAK_TOP]! + this.#tableBytes();
  }

  /** Bytes in live blocks, rounded as the allocator rounds them. */
  get usedBytes(): number {
    return this.#words[WORD_USED]!;
  }

  /** Live blocks, slots included. */
  get liveBlocks(): number {
    return this.#words[WORD_LIVE]!;
  }

  /** Walks all tables and proves that they agree with each other. Takes time in proportion to what the arena holds. */
  check(): void {
    const found = this.#allocator.arenaCheck();
    const law = Math.floor(found / 2 ** 32);
    assert(found === 0, `arena: ${LAWS[law] ?? `law ${law}`} (record ${found % 2 ** 32})`);
    const reached = this.memories.data.buffer.byteLength;
    assert(this.#words[WORD_COMMITTED]! <= reached, `arena: the data ends at ${reached}, before what is committed`);
  }

  // ---- rare paths

  #tableBytes(): number {
    return HEADER_BYTES + this.#words[WORD_RECORDS]! * RECORD_BYTES;
  }

  /** The allocator said no: grow what it wants for as long as that helps. */
  #allocateRarely(bytes: number, align: number): number {
    while (this.#growAsWanted()) {
      const handle = this.#allocate(bytes, align);
      if (handle !== 0) return handle;
    }
    return 0;
  }

  #move(handle: number, bytes: number, outcome: number): number {
    if (outcome === NOT_LIVE) throw new PageError("double free", `handle ${handle >>> 0} is not live`);
    while (this.#growAsWanted()) if (this.#resize(handle, bytes) === RESIZED) return handle;
    const moved = this.allocateBlock(bytes);
    if (moved === 0) return 0;
    this.#data.moveBytes(this.addressOf(moved), this.addressOf(handle), Math.min(bytes, this.bytesOf(handle)));
    this.#free(handle);
    return moved;
  }

  /** Grows the memory that the last call found too short. False when neither was, or the host has no more. */
  #growAsWanted(): boolean {
    const dataBytes = this.#words[WORD_DATA_WANTED]!;
    const mapBytes = this.#words[WORD_MAP_WANTED]!;
    if (mapBytes > 0) {
      if (!grow(this.memories.map, mapBytes, MAX_ARENA_BYTES)) return false;
      this.#words = new Uint32Array(this.memories.map.buffer);
    }
    if (dataBytes > 0) {
      if (!grow(this.memories.data, dataBytes, this.limitBytes)) return false;
      this.views.refresh(this.memories.data.buffer);
      this.#words[WORD_COMMITTED] = Math.min(this.limitBytes, this.views.u8.length);
    }
    return dataBytes > 0 || mapBytes > 0;
  }
}

/** Makes `memory` reach `bytes`, and an eighth more where `limitBytes` allows, so that growth stays rare. */
function grow(memory: WebAssembly.Memory, bytes: number, limitBytes: number): boolean {
  const present = memory.buffer.byteLength;
  const ample = Math.min(limitBytes, Math.max(bytes, present + present / 8));
  for (const target of [ample, bytes]) {
    const units = Math.ceil((target - present) / WASM_UNIT_BYTES);
    try {
      memory.grow(Math.max(0, units));
      return true;
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
    }
  }
  return false;
}

function isSize(bytes: number, limitBytes: number): boolean {
  return bytes >>> 0 === bytes && bytes !== 0 && bytes <= limitBytes;
}

function isPowerOfTwo(align: number): boolean {
  return align > 0 && (align & (align - 1)) === 0;
}

/** 0 for a size that is merely too large; what is no size or no alignment is misuse. */
function refuseBlock(bytes: number, align: number): 0 {
  if (!(bytes >= 1 && Math.floor(bytes) === bytes))
    throw new PageError("bad size", `a block has a whole number of bytes, at least 1, not ${bytes}`);
  if (!isPowerOfTwo(align)) throw new PageError("bad size", `an alignment is a power of two, not ${align}`);
  return 0;
}

function canShare(): boolean {
  const isolated = (globalThis as { crossOriginIsolated?: boolean }).crossOriginIsolated ?? true;
  return typeof SharedArrayBuffer === "function" && isolated;
}

function isShared(memory: WebAssembly.Memory): boolean {
  return typeof SharedArrayBuffer === "function" && (memory.buffer as ArrayBufferLike) instanceof SharedArrayBuffer;
}

function describePage(page: Page): string {
  return `off-heap page of ${humanBytes(page.bytes)} at ${page.base}`;
}

function refuseFree(page: Page): never {
  if (page.number === FREED_IN_ALLOCATOR) throw new PageError("double free", describePage(page));
  if (page.number >= 0) throw new PageError("freed while in a task", `${describePage(page)}, number ${page.number}`);
  throw new PageError("foreign page", `${describePage(page)} is not of this arena`);
}
