// An arena: off-heap pages in a linear memory, and the tables that say who has what in another, so that no write through
// a page can reach them. The allocator itself is WebAssembly (assembly/arena.ts) and works on the tables alone; here are
// the two memories, their growth, and the calls in plain numbers.

import { assert } from "../fault.js";
import { humanBytes } from "../human.js";
import {
  ArenaError,
  type ArenaMemories,
  type ArenaOptions,
  type ArenaStats,
  MAX_ARENA_BYTES,
  PAGE_ALIGN,
  settled,
} from "./arena-options.js";
import { Crew, crewBytes, type CrewExports, crewSize, type Recovered, type RecoverOptions } from "./crew.js";
import { Debts } from "./debts.js";
import { OFF_HEAP } from "./mode.js";
import { PageError } from "./page-error.js";
import { type CrewPages, FREED_IN_ALLOCATOR, FREED_IN_TASK, NO_PAGE, Page } from "./page.js";
import { Views } from "./views.js";
import { bufferNow, createMemory, grow, instantiate, isShared, MAX_WASM_UNITS, WASM_UNIT_BYTES } from "./wasm.js";

export {
  ArenaError,
  type ArenaErrorReason,
  type ArenaMemories,
  type ArenaOptions,
  type ArenaStats,
  MAX_ARENA_BYTES,
} from "./arena-options.js";

/** Blocks begin at multiples of this unless asked otherwise. */
const BLOCK_ALIGN = 8;

// Words of the map (drawn in assembly/map.ts).
const MAGIC = 0x52414d54;
const VERSION = 2;
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
const RECORD_WORDS = RECORD_BYTES / 4;
const HOLDER_WORD = 6;

/** What arenaFree and crewFree answer. */
const FOREIGN = 0;
const FREED = 1;

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
  "a record has a holder that it should not have, or none",
];

interface Exports extends CrewExports {
  readonly arenaCreate: (limitBytes: number, committedBytes: number, tablesCount: number) => void;
  readonly arenaAllocate: (bytes: number, align: number) => number;
  readonly arenaFree: (handle: number) => number;
  readonly arenaResize: (handle: number, bytes: number) => number;
  readonly arenaCheck: () => number;
  readonly arenaLargestFree: () => number;
  readonly moveBytes: (to: number, from: number, bytes: number) => void;
  readonly fillBytes: (at: number, value: number, bytes: number) => void;
}

const kernels = new WeakMap<Views, unknown>();

/** The module's exports over the memory behind `views`, when they belong to an arena; else null. */
export function kernelsOver<T>(views: Views): T | null {
  return (kernels.get(views) as T | undefined) ?? null;
}

/**
 * One arena. Blocks are known by handles: opaque 32-bit integers, 0 for none. Refusal is an answer, never a throw; what
 * throws is misuse (PageError) and what cannot be made or attached (ArenaError).
 *
 * @example
 * ```ts
 * import { Arena } from "tungsten-memory";
 *
 * const arena = Arena.create({ limitBytes: 2 ** 24 });
 * const page = arena.allocate(2 ** 20);
 * if (page !== null) {
 *   page.views.u8[page.base] = 7;
 *   arena.free(page);
 * }
 * console.log(arena.liveBlocks); // 0
 * ```
 */
export class Arena implements CrewPages {
  readonly mode = OFF_HEAP;
  /** The linear memories of its tables and its pages. */
  readonly memories: ArenaMemories;
  /** Over the data. The object stays, its fields are replaced when the data grows. */
  readonly views: Views;
  /** Most bytes of pages. */
  readonly limitBytes: number;
  readonly #kind: "shared" | "private";
  readonly #allocator: Exports;
  readonly #data: Exports;
  #allocate: Exports["arenaAllocate"];
  #free: Exports["arenaFree"];
  #resize: Exports["arenaResize"];
  readonly #crew: Crew | null;
  // Blocks that this worker has freed and could not have the lock for.
  readonly #debts = new Debts(() => this.#debts.pay());
  #words: Uint32Array;

  /** A new arena with nothing in it. Throws ArenaError: `limit` for a limit out of range, `memory` when the host has none. */
  static create(options: ArenaOptions = {}): Arena {
    const { limitBytes, limitCoversTables, shared, workers, cacheBytes } = settled(options);
    const maximumUnits = Math.ceil(limitBytes / WASM_UNIT_BYTES);
    const mapUnits = Math.ceil((HEADER_BYTES + crewBytes(workers)) / WASM_UNIT_BYTES);
    try {
      const data = createMemory({ initialUnits: 1, maximumUnits, shared });
      const map = createMemory({ initialUnits: mapUnits, maximumUnits: MAX_WASM_UNITS, shared });
      const { arenaCreate, crewCreate } = instantiate<Exports>(shared ? "shared" : "private", map);
      arenaCreate(limitBytes, Math.min(limitBytes, WASM_UNIT_BYTES), limitCoversTables ? 1 : 0);
      if (workers > 0) crewCreate(workers, cacheBytes);
      return new Arena({ map, data }, undefined);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      const why = `the host has no address space for an arena of ${humanBytes(limitBytes)}: every linear memory reserves several GiB`;
      throw new ArenaError("memory", `${why}; raise the limit of virtual memory or use fewer arenas`, { cause: error });
    }
  }

  /**
   * The arena that another instance created, as its worker of that number where it has any; the first vacant place when left
   * out. Throws ArenaError when the memories do not hold an arena of this version, and `worker` when there is no place.
   */
  static attach(memories: ArenaMemories, worker?: number): Arena {
    const words = new Uint32Array(bufferNow(memories.map));
    if (words[WORD_MAGIC] !== MAGIC)
      throw new ArenaError("magic", `this memory holds no arena: it begins with 0x${words[WORD_MAGIC]!.toString(16)}`);
    if (words[WORD_VERSION] !== VERSION)
      throw new ArenaError("version", `the arena has version ${words[WORD_VERSION]}, this library reads ${VERSION}`);
    const tables = words[WORD_HEADER_BYTES]! + words[WORD_RECORDS]! * RECORD_BYTES;
    if (words[WORD_HEADER_BYTES] !== HEADER_BYTES || tables > words.byteLength)
      throw new ArenaError("size", `the arena's tables of ${tables} bytes do not fit their memory`);
    const committed = words[WORD_COMMITTED]!;
    const reached = bufferNow(memories.data).byteLength;
    if (committed > reached || committed > words[WORD_LIMIT]!)
      throw new ArenaError(
        "size",
        `the arena has committed ${committed} bytes of ${reached}, with a limit of ${words[WORD_LIMIT]}`,
      );
    if (isShared(memories.map) !== isShared(memories.data))
      throw new ArenaError("memory", "the arena's tables and its data must both be shared or both private");
    return new Arena(memories, worker);
  }

  private constructor(memories: ArenaMemories, worker: number | undefined) {
    this.memories = memories;
    this.#kind = isShared(memories.map) ? "shared" : "private";
    this.#allocator = instantiate<Exports>(this.#kind, memories.map);
    this.#data = instantiate<Exports>(this.#kind, memories.data);
    this.#crew = join(this.#allocator, memories.map, worker);
    const { arenaAllocate, arenaFree, arenaResize, crewAllocate, crewFree, crewResize } = this.#allocator;
    this.#allocate = this.#crew === null ? arenaAllocate : crewAllocate;
    this.#free = this.#crew === null ? arenaFree : crewFree;
    this.#resize = this.#crew === null ? arenaResize : crewResize;
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
    const freed = this.#free(page.handle);
    if (freed === FOREIGN) throw new PageError("double free", describePage(page));
    if (freed !== FREED) this.#freeLater(page.handle);
    page.number = FREED_IN_ALLOCATOR;
  }

  // ---- workers

  /** This worker's number; 0 in an arena for one thread at a time. */
  get worker(): number {
    return this.#crew?.worker ?? 0;
  }

  /**
   * Makes a page of this worker one of `worker`, who gets it by `receive` with the handle that this answers. The page is dead
   * here. Throws PageError when it is not this worker's to give, ArenaError when there is no such worker.
   */
  handOver(page: Page, worker: number): number {
    if (page.views !== this.views || (page.number !== NO_PAGE && page.number !== FREED_IN_TASK)) refuseFree(page);
    const handed = this.#inCrew().handOver(page.handle, worker);
    if (handed === null) throw new ArenaError("worker", `no worker ${worker} is here to be handed a page`);
    if (!handed) throw new PageError("foreign page", `${describePage(page)} is not of worker ${this.worker}`);
    page.number = FREED_IN_ALLOCATOR;
    return page.handle;
  }

  /** The page of `bytes` bytes that another worker has handed over. Throws PageError when it has not. */
  receive(handle: number, bytes: number): Page {
    if (!this.#inCrew().holds(handle) || !(bytes >= 1 && bytes <= this.bytesOf(handle)))
      throw new PageError(
        "foreign page",
        `nobody has handed handle ${handle} of ${bytes} bytes to worker ${this.worker}`,
      );
    return new Page(OFF_HEAP, bytes, this.addressOf(handle), this.views, handle);
  }

  /**
   * Takes back all that `worker` holds, whose thread must have ended: its live blocks, its cache, and the lock if it died with
   * it. Its place is vacant then. Null when another worker kept the lock for `waitMs`: if that one has died too, recover it,
   * which recovers this one as well.
   */
  recover(worker: number, { waitMs = 1000, fill }: RecoverOptions = {}): Recovered | null {
    const crew = this.#inCrew();
    if (!crew.has(worker) || worker === crew.worker)
      throw new ArenaError("worker", `worker ${crew.worker} of ${crew.workers} cannot recover worker ${worker}`);
    return crew.recover(worker, waitMs, () => {
      if (fill !== undefined) this.#fillInherited(crew, fill);
    });
  }

  /** Longest wait of this worker for what others do to the tables, milliseconds; 0 where its thread must not sleep. By default there is no bound. */
  set patienceMs(patienceMs: number) {
    this.#inCrew().patienceMs = patienceMs;
  }

  /**
   * Ends this worker's part: gives back all that it holds, and its place. What it asks for after this is refused. After
   * MemoryBusy it is to be called again.
   */
  detach(): void {
    const crew = this.#inCrew();
    this.#debts.pay();
    this.#allocate = () => 0;
    this.#free = () => 0;
    this.#resize = () => NOT_LIVE;
    if (crew.recover(crew.worker, crew.patienceMs, () => {}) === null) throw crew.busy();
  }

  /** Calls `visit` for the handle of every live block of a worker. Exact while nobody changes them. */
  forEachHeld(worker: number, visit: (handle: number) => void): void {
    const { workers } = this.#inCrew();
    const words = new Uint32Array(bufferNow(this.memories.map));
    const end = FIRST_RECORD_WORD + words[WORD_RECORDS]! * RECORD_WORDS;
    const first = Math.ceil((crewBytes(workers) - HEADER_BYTES) / RECORD_BYTES);
    for (let at = FIRST_RECORD_WORD + first * RECORD_WORDS; at < end; at += RECORD_WORDS)
      if (words[at + HOLDER_WORD] === worker) visit((at - FIRST_RECORD_WORD) / 8);
  }

  #inCrew(): Crew {
    if (this.#crew === null) throw new ArenaError("worker", "this arena was made for one thread at a time");
    return this.#crew;
  }

  // ---- blocks

  /**
   * The handle of `bytes` bytes (1 or more) at a multiple of `align` (a power of two), or 0. Contents are unspecified. Throws
   * MemoryBusy when other workers keep it waiting for longer than it may.
   */
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

  /** Takes a block back, at once or as soon as others let it. Throws PageError when it is not live. */
  freeBlock(handle: number): void {
    const freed = this.#free(handle);
    if (freed === FOREIGN) throw new PageError("double free", `handle ${handle >>> 0} is not live`);
    if (freed !== FREED) this.#freeLater(handle);
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
    if (this.#crew !== null) this.#reach(handle);
    const words = this.#words;
    if ((handle | 0) > 0) return (words[FIRST_RECORD_WORD + handle * 8]! & ~15) >>> 0;
    const record = FIRST_RECORD_WORD + ((handle >>> 6) & 0x1ffffff) * 8;
    const slotBytes = ((words[record + 1]! >>> 7) & 255) * 8;
    return ((words[record]! & ~15) >>> 0) + (handle & 63) * slotBytes;
  }

  /** Bytes that the block may use: at least what was asked for. */
  bytesOf(handle: number): number {
    if (this.#crew !== null) this.#reach(handle);
    const words = this.#words;
    if ((handle | 0) > 0) return words[FIRST_RECORD_WORD + handle * 8 + 1]!;
    return ((words[FIRST_RECORD_WORD + ((handle >>> 6) & 0x1ffffff) * 8 + 1]! >>> 7) & 255) * 8;
  }

  // ---- reports

  /** With workers: after their caches have been given back, and while nobody changes anything. */
  stats(): ArenaStats {
    return this.#crew === null ? this.#stats() : this.#crew.aloneWithAll(() => this.#stats());
  }

  #stats(): ArenaStats {
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

  /** Bytes in live blocks, rounded as the allocator rounds them. Exact while no other worker allocates or frees. */
  get usedBytes(): number {
    return this.#words[WORD_USED]! - (this.#crew?.cachedBytes() ?? 0);
  }

  /** Live blocks, slots included. Exact while no other worker allocates or frees. */
  get liveBlocks(): number {
    return this.#words[WORD_LIVE]! - (this.#crew?.cachedBlocks() ?? 0);
  }

  /**
   * Walks all tables and proves that they agree with each other. Takes time in proportion to what the arena holds, and makes
   * other workers wait that want more than their caches have.
   */
  check(): void {
    const found = this.#crew === null ? this.#allocator.arenaCheck() : this.#crew.alone(this.#allocator.arenaCheck);
    const law = Math.floor(found / 2 ** 32);
    assert(found === 0, `arena: ${LAWS[law] ?? `law ${law}`} (record ${found % 2 ** 32})`);
    const reached = bufferNow(this.memories.data).byteLength;
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

  #freeLater(handle: number): void {
    this.#debts.owe(() => {
      if (this.#free(handle) > FREED) throw this.#inCrew().busy();
    });
  }

  #move(handle: number, bytes: number, outcome: number): number {
    if (outcome === NOT_LIVE) throw new PageError("double free", `handle ${handle >>> 0} is not live`);
    while (this.#growAsWanted()) if (this.#resize(handle, bytes) === RESIZED) return handle;
    const moved = this.allocateBlock(bytes);
    if (moved === 0) return 0;
    this.#data.moveBytes(this.addressOf(moved), this.addressOf(handle), Math.min(bytes, this.bytesOf(handle)));
    this.freeBlock(handle);
    return moved;
  }

  /** Grows the memory that the last call found too short. False when neither was, or the host has no more. */
  #growAsWanted(): boolean {
    if (this.#crew === null) return this.#grow(this.#words[WORD_DATA_WANTED]!, this.#words[WORD_MAP_WANTED]!);
    const [dataBytes, mapBytes] = this.#crew.wanted();
    return this.#crew.alone(() => this.#grow(dataBytes, mapBytes));
  }

  #grow(dataBytes: number, mapBytes: number): boolean {
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

  #fillInherited(crew: Crew, fill: number): void {
    this.#words = new Uint32Array(bufferNow(this.memories.map));
    this.views.refresh(bufferNow(this.memories.data));
    const words = this.#words;
    const end = FIRST_RECORD_WORD + words[WORD_RECORDS]! * RECORD_WORDS;
    const first = Math.ceil((crewBytes(crew.workers) - HEADER_BYTES) / RECORD_BYTES);
    for (let at = FIRST_RECORD_WORD + first * RECORD_WORDS; at < end; at += RECORD_WORDS) {
      if (words[at + HOLDER_WORD] !== crew.heir) continue;
      const address = (words[at]! & ~15) >>> 0;
      this.views.u8.fill(fill, address, address + words[at + 1]!);
    }
  }

  /** Sees what others have grown, as far as the block needs it. */
  #reach(handle: number): void {
    const record = FIRST_RECORD_WORD + handle * 8;
    if (record + 8 > this.#words.length) this.#words = new Uint32Array(bufferNow(this.memories.map));
    const end = ((this.#words[record]! & ~15) >>> 0) + this.#words[record + 1]!;
    if (end > this.views.u8.length) this.views.refresh(bufferNow(this.memories.data));
  }
}

/** The place of a new instance among the workers of the arena, null when the arena is for one thread at a time. */
function join(wasm: Exports, map: WebAssembly.Memory, worker: number | undefined): Crew | null {
  const workers = crewSize(map);
  if (workers === 0) {
    if (worker === undefined) return null;
    throw new ArenaError("worker", `there is no worker ${worker}: this arena was made for one thread at a time`);
  }
  if (worker !== undefined && !(Number.isInteger(worker) && worker >= 1 && worker <= workers))
    throw new ArenaError("worker", `the arena has places for workers 1 to ${workers}, not for ${worker}`);
  const crew = Crew.attach(wasm, map, worker);
  if (crew !== null) return crew;
  const which = worker === undefined ? `all ${workers} places are` : `the place of worker ${worker} is`;
  throw new ArenaError("worker", `${which} taken`);
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

function describePage(page: Page): string {
  return `off-heap page of ${humanBytes(page.bytes)} at ${page.base}`;
}

function refuseFree(page: Page): never {
  if (page.number === FREED_IN_ALLOCATOR) throw new PageError("double free", describePage(page));
  if (page.number >= 0) throw new PageError("freed while in a task", `${describePage(page)}, number ${page.number}`);
  throw new PageError("foreign page", `${describePage(page)} is not of this arena`);
}
