// One worker's place in an arena that several share: its number, and what it does to the arena beyond taking and giving
// blocks. The protocol is drawn and its laws are stated in assembly/crew.ts.

import { assert } from "../fault.js";
import { MemoryBusy } from "./wait.js";

/** Most workers that share an arena. */
export const MAX_CREW = 64;

// Where things lie (drawn in assembly/map.ts and assembly/crew.ts).
const WORKERS_HALF_WORD = 53;
const FIRST_PLACE_WORD = 416;
const PLACE_WORDS = 256;
const PUT_BYTES = 1;
const PUT_BLOCKS = 2;
const STOLEN_BYTES = 3;
const STOLEN_BLOCKS = 4;
const DATA_WANTED = 5;
const MAP_WANTED = 6;
const RECOVERED_BYTES = 7;

/** So that nanoseconds fit; 24 days. */
const MAX_WAIT_MS = 2 ** 31;

const BUSY = 0x4000_0000;

/** What crewHandOver answers. */
const HANDED = 0;
const NOBODY_THERE = 2;

/** What it and crewFree answer, and what a place wants, when the lock could not be had in time. */
const LATE = 3;
const LOCK_WANTED = 0xffff_ffff;

export interface CrewExports {
  readonly crewCreate: (workers: number, cacheBytes: number) => void;
  readonly crewAttach: (worker: number) => number;
  readonly crewAllocate: (bytes: number, align: number) => number;
  readonly crewFree: (handle: number) => number;
  readonly crewResize: (handle: number, bytes: number) => number;
  readonly crewHandOver: (handle: number, to: number) => number;
  readonly crewHolds: (handle: number) => number;
  readonly crewPatience: (nanoseconds: number) => void;
  readonly crewLock: () => number;
  readonly crewUnlock: () => void;
  readonly crewGiveBack: () => void;
  readonly crewInherit: (worker: number, nanoseconds: number) => number;
  readonly crewBury: (torn: number) => number;
}

/** How what a worker held is taken back. */
export interface RecoverOptions {
  /** How long to wait for the lock where a worker has it that is not known to have ended. Default 1000. */
  readonly waitMs?: number;
  /** What the bytes of the blocks are filled with before others can have them, 0 to 255. Left out, they stay as they are. */
  readonly fill?: number;
}

/** What came back from workers that have ended. */
export interface Recovered {
  /** Blocks that they held, those in their caches included. */
  readonly blocks: number;
  /** Their sizes together. */
  readonly bytes: number;
}

/** Workers that the arena with these tables was made for; 0 when it is for one thread at a time. */
export function crewSize(map: WebAssembly.Memory): number {
  return new Uint16Array(map.buffer)[WORKERS_HALF_WORD]!;
}

/** Bytes of tables that an arena for so many workers begins with. */
export function crewBytes(workers: number): number {
  return (FIRST_PLACE_WORD + workers * PLACE_WORDS) * 4;
}

/** One worker of those that share an arena. */
export class Crew {
  /** 1 to `workers`. */
  readonly worker: number;
  readonly workers: number;
  readonly #wasm: CrewExports;
  readonly #words: Uint32Array;
  #patienceMs = Number.POSITIVE_INFINITY;

  /** Takes the place of `worker`, or the first that is vacant when that is undefined; null when there is none. */
  static attach(wasm: CrewExports, map: WebAssembly.Memory, worker: number | undefined): Crew | null {
    const workers = crewSize(map);
    for (let each = worker ?? 1; each <= (worker ?? workers); each += 1) {
      if (wasm.crewAttach(each) !== 0) return new Crew(wasm, map, each, workers);
    }
    return null;
  }

  private constructor(wasm: CrewExports, map: WebAssembly.Memory, worker: number, workers: number) {
    this.worker = worker;
    this.workers = workers;
    this.#wasm = wasm;
    this.#words = new Uint32Array(map.buffer, 0, FIRST_PLACE_WORD + workers * PLACE_WORDS);
  }

  /** Longest wait for the lock, milliseconds, before MemoryBusy is thrown; 0 where this thread must not sleep. */
  get patienceMs(): number {
    return this.#patienceMs;
  }

  set patienceMs(patienceMs: number) {
    this.#patienceMs = patienceMs;
    this.#wasm.crewPatience(patienceMs === Number.POSITIVE_INFINITY ? -1 : Math.min(patienceMs, MAX_WAIT_MS) * 1e6);
  }

  /** What is thrown when the lock could not be had. */
  busy(): MemoryBusy {
    return new MemoryBusy(this.#patienceMs);
  }

  /** Runs `act` while nobody else changes the tables. `act` must not come back here. Throws MemoryBusy. */
  alone<T>(act: () => T): T {
    if (this.#wasm.crewLock() === 0) throw this.busy();
    try {
      return act();
    } finally {
      this.#wasm.crewUnlock();
    }
  }

  /** The same after all caches have been given back. */
  aloneWithAll<T>(act: () => T): T {
    return this.alone(() => {
      this.#wasm.crewGiveBack();
      return act();
    });
  }

  /** Bytes of data and of tables that the last call of this worker wanted and did not have; 0 for enough. Throws MemoryBusy. */
  wanted(): readonly [dataBytes: number, mapBytes: number] {
    if (this.#of(this.worker, DATA_WANTED) === LOCK_WANTED) throw this.busy();
    return [this.#of(this.worker, DATA_WANTED), this.#of(this.worker, MAP_WANTED)];
  }

  /** Bytes in the caches of all workers; exact while none of them allocates or frees. */
  cachedBytes(): number {
    return this.#sum(PUT_BYTES, STOLEN_BYTES);
  }

  /** Blocks in the caches of all workers; as exact as `cachedBytes`. */
  cachedBlocks(): number {
    return this.#sum(PUT_BLOCKS, STOLEN_BLOCKS);
  }

  /** Whether this worker holds the live block behind `handle`. */
  holds(handle: number): boolean {
    return this.#wasm.crewHolds(handle) !== 0;
  }

  /** Makes a block of this worker one of `worker`. False when this worker does not hold it, null when there is no such worker. Throws MemoryBusy. */
  handOver(handle: number, worker: number): boolean | null {
    if (!this.has(worker)) return null;
    const outcome = this.#wasm.crewHandOver(handle, worker);
    if (outcome === LATE) throw this.busy();
    return outcome === NOBODY_THERE ? null : outcome === HANDED;
  }

  /** Whether `worker` is the number of a place. */
  has(worker: number): boolean {
    return Number.isInteger(worker) && worker >= 1 && worker <= this.workers;
  }

  /**
   * Takes back what a worker that has ended holds, `meanwhile` called before anybody else can have it; null when another one
   * has kept the lock for `waitMs`.
   */
  recover(worker: number, waitMs: number, meanwhile: () => void): Recovered | null {
    assert(this.has(worker), `worker ${worker} of ${this.workers}`);
    const torn = this.#wasm.crewInherit(worker, Math.min(waitMs, MAX_WAIT_MS) * 1e6);
    if (torn < 0) return null;
    let blocks = 0;
    try {
      meanwhile();
    } finally {
      blocks = this.#wasm.crewBury(torn);
    }
    return { blocks, bytes: this.#of(this.worker, RECOVERED_BYTES) };
  }

  /** What the holder word of the blocks says that `recover` is about to give back. */
  get heir(): number {
    return BUSY + this.worker;
  }

  #of(worker: number, word: number): number {
    return this.#words[FIRST_PLACE_WORD + (worker - 1) * PLACE_WORDS + word]!;
  }

  #sum(put: number, stolen: number): number {
    let sum = 0;
    for (let worker = 1; worker <= this.workers; worker += 1)
      sum += (this.#of(worker, put) - this.#of(worker, stolen)) >>> 0;
    return sum;
  }
}
