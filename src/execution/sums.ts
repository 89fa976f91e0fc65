// Sums of 64-bit integers by keys of 8 bytes: a hash map that additions reach many at a time, sorted by where in the map they
// go, so that a part of it that has come into the cache serves many of them. When the map gets no more memory its contents go
// to a sorter, as Spark's hash aggregation falls back to sorting (section 9.4 of the law, last paragraph).

import type { Page } from "../memory/page.js";
import type { Views } from "../memory/views.js";
import type { SpillStore } from "../spill/contract.js";
import { Consumer } from "./consumer.js";
import { HashMap } from "./hash-map.js";
import type { MapRecords } from "./map-records.js";
import { ADD_MANY_BYTES, ADDITION_BYTES } from "./map-table.js";
import { hashLong } from "./murmur.js";
import { Misuse } from "./refusal.js";
import type { SortedRows } from "./sorted-rows.js";
import type { Sorter } from "./sorter.js";
import type { TaskMemoryManager } from "./task.js";

/** How sums are kept, and where they spill. */
export interface SumsOptions {
  /** Where sorted runs go when memory is short. */
  readonly store: SpillStore;
  /** For messages and reports. */
  readonly name?: string;
  /** Keys that the map's first array is made for, 1 to 2^29. Default 16384. */
  readonly capacity?: number;
  /** Smallest page of the map, bytes; the manager's page size by default. */
  readonly pageBytes?: number;
  /** Bytes of execution memory in which additions wait to be carried out, 8 KiB or more. Default 4 MiB. */
  readonly waitingBytes?: number;
}

/** Parts of the map by which additions are sorted. */
const PARTS = 128;
const PART_BITS = 7;
const LEAST_WAITING_BYTES = 8192;
const DEFAULT_WAITING_BYTES = 4 * 2 ** 20;
const DEFAULT_CAPACITY = 16_384;

/**
 * Sums of one task. Close it when done. What it needs beside the map is accounted for as its own.
 *
 * @example
 * ```ts
 * import { openExecutor, Sums } from "tungsten-memory";
 * import { openSpillStore } from "tungsten-memory/spill";
 *
 * const store = openSpillStore();
 * const sums = new Sums(openExecutor().task(1), { store });
 * const keys = new BigUint64Array([7n, 7n, 9n]);
 * for (let row = 0; row < keys.length; row += 1) sums.add(new Uint8Array(keys.buffer), 8 * row, 1);
 * const groups = sums.groups();
 * let count = 0;
 * while (groups.next()) count += 1;
 * console.log(count); // 2
 * sums.close();
 * store.close();
 * ```
 */
export class Sums extends Consumer {
  /** The map that holds the sums. */
  readonly map: HashMap;
  readonly #store: SpillStore;
  /** The additions that wait, a part after the other, and what carrying them out takes. */
  readonly #waiting: Page;
  readonly #views: Views;
  readonly #state: number;
  // Words of those views: where a part's first addition, its next one and its end stand.
  readonly #first = new Int32Array(PARTS);
  readonly #next = new Int32Array(PARTS);
  readonly #end = new Int32Array(PARTS);
  /** From a hash to its part, for the map's present size. */
  #mask = 0;
  #shift = 0;
  #source: Uint8Array | null = null;
  #words: Int32Array | null = null;
  #sorter: Sorter | null = null;
  #groups: SumGroups | null = null;
  #open = true;

  /** Allocates the map's first array and the room for additions; throws TaskOutOfMemory or WouldWait when one cannot be had. */
  constructor(task: TaskMemoryManager, options: SumsOptions) {
    const { name = "Sums", capacity = DEFAULT_CAPACITY, waitingBytes = DEFAULT_WAITING_BYTES } = options;
    super(task, { name });
    if (!(waitingBytes >= LEAST_WAITING_BYTES))
      throw new Misuse(`${name}: ${waitingBytes} bytes for additions that wait are less than ${LEAST_WAITING_BYTES}`);
    this.#store = options.store;
    const map = { name: `${name}, map`, capacity, store: options.store };
    this.map = new HashMap(task, options.pageBytes === undefined ? map : { ...map, pageBytes: options.pageBytes });
    try {
      this.#waiting = this.allocateArray(Math.ceil((waitingBytes + ADD_MANY_BYTES) / 8));
    } catch (error) {
      this.map.free();
      throw error;
    }
    this.#views = this.#waiting.views;
    const each = Math.floor(waitingBytes / PARTS / ADDITION_BYTES) * 4;
    const start = this.#waiting.base >>> 2;
    this.#state = (start + each * PARTS) * 4;
    for (let part = 0; part < PARTS; part += 1) {
      this.#first[part] = this.#next[part] = start + part * each;
      this.#end[part] = start + (part + 1) * each;
    }
    this.#measure();
  }

  /** Times that the map's contents went to the sorter. */
  get fallBacks(): number {
    return this.#sorter?.metrics.spills ?? 0;
  }

  /**
   * Adds `delta`, a safe integer, to the sum of the key of 8 bytes at `offset` of `key`. Throws TaskOutOfMemory when not
   * even one key fits, SpillError, or WouldWait, after which it may be called again.
   */
  add(key: Uint8Array, offset: number, delta: number): void {
    if (key !== this.#source) this.#lookAt(key);
    const words = this.#words;
    if (words === null || (offset & 3) !== 0 || (delta | 0) !== delta) return this.#addRarely(key, offset, delta);
    const low = words[offset >>> 2]!;
    const high = words[(offset >>> 2) + 1]!;
    const hash = hashLong(low, high);
    const part = (hash & this.#mask) >>> this.#shift;
    if (this.#next[part] === this.#end[part]) this.#carryOut(part);
    const at = this.#next[part]!;
    const { i32 } = this.#views;
    i32[at] = hash;
    i32[at + 1] = low;
    i32[at + 2] = high;
    i32[at + 3] = delta;
    this.#next[part] = at + 4;
  }

  /** Every key with its sum, in no order. Nothing can be added any more; memory goes as the groups are read. */
  groups(): SumGroups {
    if (this.#groups !== null) throw new Misuse(`${this.name} is being read already`);
    for (let part = 0; part < PARTS; part += 1) this.#carryOut(part);
    this.#end.set(this.#next);
    if (this.#sorter !== null) {
      this.map.sortInto(this.#sorter);
      this.map.free();
    }
    this.#groups = new SumGroups(this.#sorter === null ? this.map.drain() : null, this.#sorter?.sorted() ?? null);
    return this.#groups;
  }

  /** Gives nothing while it is being filled; while it is read, the map and the sorter answer for themselves. */
  spill(): number {
    return 0;
  }

  /** Gives back all memory and removes all files. Idempotent. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#end.set(this.#next);
    if (this.#waiting.number >= 0) this.freePage(this.#waiting);
    try {
      this.map.free();
    } finally {
      this.#sorter?.close();
    }
  }

  /** Carries out what waits in a part, if need be by way of the sorter. What was carried out no longer waits. */
  #carryOut(part: number): void {
    if (!this.#open || this.#groups !== null) throw new Misuse(`${this.name} is closed or being read`);
    // A map that was emptied and had to wait for its new array gets it first.
    if (this.map.capacity === 0) this.map.reset();
    const first = this.#first[part]! * 4;
    const end = this.#next[part]! * 4;
    let at = first;
    try {
      while (!this.map.addMany(this.#views, at, end, this.#state)) {
        at = this.map.reached;
        this.#fallBack();
      }
    } finally {
      at = this.map.reached;
      // Those that are left move up.
      const { i32 } = this.#views;
      i32.copyWithin(first >>> 2, at >>> 2, end >>> 2);
      this.#next[part] = (first + end - at) >>> 2;
      this.#measure();
    }
  }

  #addRarely(key: Uint8Array, offset: number, delta: number): void {
    if (!this.#open || this.#groups !== null) throw new Misuse(`${this.name} is closed or being read`);
    while (!this.map.add(key, offset, 8, delta)) this.#fallBack();
  }

  #fallBack(): void {
    const { map } = this;
    if (map.keys === 0) throw this.task.outOfMemory(map, map.pageBytes, 0);
    this.#sorter ??= map.openSorter({ store: this.#store, name: `${this.name}, sorter` });
    map.sortInto(this.#sorter);
  }

  /** Additions follow the map when it grows or starts anew. */
  #measure(): void {
    const { capacity } = this.map;
    this.#mask = capacity - 1;
    this.#shift = Math.max(0, 31 - Math.clz32(capacity) - PART_BITS);
  }

  #lookAt(key: Uint8Array): void {
    this.#source = key;
    this.#words = key.byteOffset % 4 === 0 ? new Int32Array(key.buffer, key.byteOffset, key.length >>> 2) : null;
  }
}

/**
 * Reads the groups of sums: key and sum as two words each, the low one first, both signed.
 *
 * @example
 * ```ts
 * import { openExecutor, type SumGroups, Sums } from "tungsten-memory";
 * import { openSpillStore } from "tungsten-memory/spill";
 *
 * const store = openSpillStore();
 * const sums = new Sums(openExecutor().task(1), { store });
 * const key = new Uint8Array(8);
 * for (const delta of [5, 6]) sums.add(key, 0, delta);
 * const groups: SumGroups = sums.groups();
 * while (groups.next()) console.log(groups.keyLow, groups.sum); // 0 11
 * sums.close();
 * store.close();
 * ```
 */
export class SumGroups {
  /** Lower 32 bits of the key. */
  keyLow = 0;
  /** Upper 32 bits of the key. */
  keyHigh = 0;
  /** Lower 32 bits of the sum. */
  sumLow = 0;
  /** Upper 32 bits of the sum. */
  sumHigh = 0;
  readonly #records: MapRecords | null;
  readonly #rows: SortedRows | null;
  /** Whether the row after the last group is there already. */
  #ahead: boolean;

  /** @internal Use `Sums.groups`. Groups of a map, or of sorted rows in which equal keys follow each other. */
  constructor(records: MapRecords | null, rows: SortedRows | null) {
    this.#records = records;
    this.#rows = rows;
    this.#ahead = rows?.next() ?? false;
  }

  /** The sum as a number, exact below 2^53. */
  get sum(): number {
    return this.sumHigh * 2 ** 32 + (this.sumLow >>> 0);
  }

  /** Goes to the next group; false when there is none. */
  next(): boolean {
    const records = this.#records;
    if (records === null) return this.#nextOfRows(this.#rows!);
    if (!records.next()) return false;
    const { i32 } = records.views;
    const word = records.keyOffset >>> 2;
    this.keyLow = i32[word]!;
    this.keyHigh = i32[word + 1]!;
    this.sumLow = i32[word + 2]!;
    this.sumHigh = i32[word + 3]!;
    return true;
  }

  #nextOfRows(rows: SortedRows): boolean {
    if (!this.#ahead) return false;
    const low = rows.prefixLow;
    const high = rows.prefixHigh;
    let sumLow = 0;
    let sumHigh = 0;
    do {
      const { i32 } = rows.views;
      const value = (rows.offset >>> 2) + 2;
      sumLow += i32[value]! >>> 0;
      sumHigh = (sumHigh + i32[value + 1]! + (sumLow >= 2 ** 32 ? 1 : 0)) | 0;
      sumLow >>>= 0;
      this.#ahead = rows.next();
    } while (this.#ahead && rows.prefixLow === low && rows.prefixHigh === high);
    this.keyLow = low;
    this.keyHigh = high;
    this.sumLow = sumLow | 0;
    this.sumHigh = sumHigh;
    return true;
  }
}
