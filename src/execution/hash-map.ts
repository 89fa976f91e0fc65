// The hash map: keys of bytes to chains of values, in pages, with an array of slots beside them. When a page is asked for,
// when the array grows and what counts as memory are those of Spark's BytesToBytesMap, step by step (section 9.4 of the law).
// A map that gets no more memory says so; then its contents can go to a sorter, or be iterated away.

import { Refusal } from "../fault.js";
import { ON_HEAP } from "../memory/mode.js";
import type { Page } from "../memory/page.js";
import { Views } from "../memory/views.js";
import { WouldWait } from "../memory/wait.js";
import type { SpillStore } from "../spill/contract.js";
import { Consumer } from "./consumer.js";
import { MapRecords } from "./map-records.js";
import { sortRecords } from "./map-sort.js";
import {
  ADDITION_BYTES,
  ANCHOR_BYTES,
  highHalf,
  MapRecord,
  MapTable,
  PAGE_EXTRA_BYTES,
  RECORD_EXTRA_BYTES,
  type Room,
} from "./map-table.js";
import { hashLong, hashWords } from "./murmur.js";
import { MAX_PAGE_BYTES, Misuse, TaskOutOfMemory } from "./refusal.js";
import { Sorter } from "./sorter.js";
import type { SorterOptions } from "./sorter-options.js";
import type { TaskMemoryManager } from "./task.js";

/** A hash of a key's bytes, 32 bits. Spark's own, Murmur3 with seed 42, where none is given. */
export type KeyHash = (key: Uint8Array, offset: number, length: number) => number;

/** How a map starts out, and where it may spill. */
export interface HashMapOptions {
  /** For messages and reports. */
  readonly name?: string;
  /** Keys that the first array is made for, 1 to 2^29; a power of two and at least 64 is taken. */
  readonly capacity: number;
  /** Smallest page, bytes, at most (2^31 - 1) * 8; the manager's page size by default. */
  readonly pageBytes?: number;
  /** How full the slots may be before their number doubles, above 0 and below 1. Default 0.5. */
  readonly loadFactor?: number;
  /** In place of Murmur3: the hash of the `length` bytes of a key from `offset` on; its low 32 bits count. */
  readonly hash?: KeyHash;
  /** Where a destructive iteration puts pages when others need their memory; without one it spills nothing. */
  readonly store?: SpillStore;
}

/** Most slots. */
const MOST_SLOTS = 2 ** 29;
const LEAST_SLOTS = 64;
const BYTES_PER_SLOT = 16;

/**
 * A hash map of one task. Free it when done. Nothing it answers with outlives the next call that changes it.
 *
 * @example
 * ```ts
 * import { HashMap, openExecutor } from "tungsten-memory";
 *
 * const executor = openExecutor();
 * const map = new HashMap(executor.task(1), { capacity: 16 });
 * const key = new TextEncoder().encode("spark..."); // keys of 8 bytes: counts by key
 * map.add(key, 0, 8, 1);
 * map.add(key, 0, 8, 1);
 * console.log(map.keys, map.values); // 1 1
 * map.free();
 * ```
 */
export class HashMap extends Consumer {
  /** Where it spills; null where it does not. */
  readonly store: SpillStore | null;
  /** @internal Up to which byte the last `addMany` has carried out additions. */
  reached = 0;
  readonly #firstSlots: number;
  readonly #loadFactor: number;
  readonly #hash: KeyHash | null;
  readonly #table: MapTable;
  readonly #at = new MapRecord();

  #array: Page | null = null;
  /** Keys at which the slots double, and no key is taken when they cannot. */
  #threshold = 0;
  #canGrow = true;
  /** Whether growing had to wait: it is tried again before anything is added. */
  #growthDue = false;
  #keys = 0;
  #values = 0;

  // Data pages. `#cursor` is where the next record starts in the views of the last one.
  #pages: Page[] = [];
  #pageSum = 0;
  #views: Views = EMPTY;
  #cursor = 0;
  #pageEnd = 0;
  /** From an anchor in the last page to its reference. */
  #bias = 0;
  #recordsInPage = 0;

  // The arrays that keys and values came from last, with views of their words.
  #keySource: Uint8Array | null = null;
  #keyWords: Int32Array | null = null;
  #valueSource: Uint8Array | null = null;
  #valueWords: Int32Array | null = null;

  readonly #room: Room = { views: EMPTY, cursor: 0, pageEnd: 0, bias: 0, keysLeft: 0, added: 0 };

  #draining: MapRecords | null = null;
  #peak = 0;

  /** Allocates the first array; throws TaskOutOfMemory or WouldWait when it cannot be had, Refusal for what Spark refuses. */
  constructor(task: TaskMemoryManager, options: HashMapOptions) {
    const { capacity, pageBytes = task.pageBytes, loadFactor = 0.5 } = options;
    if (!(Number.isInteger(capacity) && capacity >= 1 && capacity <= MOST_SLOTS))
      throw new Refusal(`the initial capacity of a map lies between 1 and 2^29 keys, not at ${capacity}`);
    if (pageBytes > MAX_PAGE_BYTES)
      throw new Refusal(`a map's pages have at most ${MAX_PAGE_BYTES} bytes, not ${pageBytes}`);
    if (!(loadFactor > 0 && loadFactor < 1))
      throw new Refusal(`a map's load factor lies between 0 and 1, not at ${loadFactor}`);
    super(task, { name: options.name ?? "HashMap", pageBytes });
    this.store = options.store ?? null;
    this.#hash = options.hash ?? null;
    this.#loadFactor = loadFactor;
    this.#firstSlots = Math.max(LEAST_SLOTS, 2 ** Math.ceil(Math.log2(capacity)));
    this.#table = new MapTable(pageBytes, task.mode === ON_HEAP);
    this.#start();
  }

  /** Different keys, and values of all keys together. */
  get keys(): number {
    return this.#keys;
  }
  /** Values of all keys, a number. */
  get values(): number {
    return this.#values;
  }

  /** Slots of the array, 0 when there is none any more. */
  get capacity(): number {
    return this.#table.capacity;
  }

  /** Whether the array may still double. */
  get canGrow(): boolean {
    return this.#canGrow;
  }

  /** Pages that hold records. */
  get pageCount(): number {
    return this.#pages.length;
  }

  /** Bytes of the pages and of the array. */
  get memoryBytes(): number {
    return this.#pageSum + (this.#array?.bytes ?? 0);
  }

  /** Most bytes so far, as Spark samples them: at the end, before what gives memory back, and whenever asked. */
  get peakExecutionBytes(): number {
    this.samplePeak();
    return this.#peak;
  }

  // ---- keys and values

  /** The newest value of the key of `length` bytes (a multiple of 8) at `offset` of `key`, or null when there is none. */
  lookup(key: Uint8Array, offset: number, length: number): MapRecord | null {
    const ref = this.#find(key, offset, length);
    if (ref === 0) return null;
    this.#table.stand(this.#at, ref);
    return this.#at;
  }

  /** Goes on from a value that `lookup` found to the next older one of the same key; null when there is none. */
  older(at: MapRecord): MapRecord | null {
    const ref = this.#table.older(at);
    if (ref === 0) return null;
    this.#table.stand(at, ref);
    return at;
  }

  /**
   * Adds a value under a key; a key that has values already gets one more, which is found first. Lengths are multiples of
   * 8. False when memory or keys have run out, and then nothing has changed. Throws WouldWait, after which it may be
   * called again, and PageTableFull.
   */
  append(
    key: Uint8Array,
    keyOffset: number,
    keyBytes: number,
    value: Uint8Array,
    valueOffset: number,
    valueBytes: number,
  ): boolean {
    if (((keyBytes | valueBytes) & 7) !== 0) throw oddLength(keyBytes, valueBytes);
    if (this.#growthDue) this.#grow();
    if (this.#keys >= this.#threshold && !this.#mayAppend()) return false;
    const bytes = RECORD_EXTRA_BYTES + keyBytes + valueBytes;
    if (this.#cursor + bytes > this.#pageEnd && !this.#nextPage(bytes)) return false;
    if (key !== this.#keySource) this.#lookAtKey(key);
    if (value !== this.#valueSource) this.#lookAtValue(value);
    const anchor = this.#cursor + ANCHOR_BYTES;
    const { i32 } = this.#views;
    const word = anchor >>> 2;
    i32[word] = keyBytes;
    i32[word + 1] = keyBytes + valueBytes + 4;
    this.#copyIn(key, keyOffset, keyBytes, this.#keyWords, anchor + 8);
    this.#copyIn(value, valueOffset, valueBytes, this.#valueWords, anchor + 8 + keyBytes);
    i32[word + 2 + ((keyBytes + valueBytes) >>> 2)] = keyBytes;
    const hash = this.#hash === null ? hashWords(i32, word + 2, keyBytes) : this.#hash(key, keyOffset, keyBytes) | 0;
    const isNew = this.#table.link(this.#bias + anchor / 8, hash);
    this.#cursor += bytes;
    this.#recordsInPage += 1;
    this.#values += 1;
    if (isNew) {
      this.#keys += 1;
      if (this.#keys >= this.#threshold) this.#grow();
    }
    return true;
  }

  /**
   * Adds `delta`, a safe integer, to the newest value of a key, which must be a 64-bit integer, or appends it as the key's
   * first value: look-up, update in place and append in one. False as `append` says.
   */
  add(key: Uint8Array, offset: number, length: number, delta: number): boolean {
    if (length === 8 && (offset & 3) === 0) {
      if (key !== this.#keySource) this.#lookAtKey(key);
      const words = this.#keyWords;
      if (words !== null && this.#hash === null) {
        const low = words[offset >>> 2]!;
        const high = words[(offset >>> 2) + 1]!;
        if (this.#table.add8(low, high, hashLong(low, high), delta)) return true;
      }
    }
    return this.#addRarely(key, offset, length, delta);
  }

  #addRarely(key: Uint8Array, offset: number, length: number, delta: number): boolean {
    const ref = this.#find(key, offset, length);
    if (ref === 0) {
      deltaWords[0] = delta;
      deltaWords[1] = highHalf(delta);
      return this.append(key, offset, length, deltaBytes, 0, 8);
    }
    if (this.#table.addTo(ref, delta)) return true;
    throw new Misuse(`${this.name}: only values of 8 bytes can be added to`);
  }

  /**
   * @internal Carries out the additions that wait from byte `from` to `end` of `ops`, whose hashes are Murmur3, with room to
   * work in at `state`. False when `add` would answer that; `reached` says how far it came, then and when it throws.
   */
  addMany(ops: Views, from: number, end: number, state: number): boolean {
    this.reached = from;
    this.#assertUsable();
    while (this.reached < end) {
      const room = this.#room;
      room.views = this.#views;
      room.cursor = this.#cursor;
      room.pageEnd = this.#pageEnd;
      room.bias = this.#bias;
      // The key that makes the slots double goes the long way.
      room.keysLeft = this.#growthDue ? 0 : Math.max(0, this.#threshold - 1 - this.#keys);
      const at = this.#table.addMany(ops, this.reached, end, state, room);
      this.reached = at;
      this.#cursor = room.cursor;
      this.#recordsInPage += room.added;
      this.#values += room.added;
      this.#keys += room.added;
      if (at === end) break;
      if (!this.add(ops.u8, at + 4, 8, ops.i32[(at >>> 2) + 3]!)) return false;
      this.reached = at + ADDITION_BYTES;
    }
    return true;
  }

  // ---- reading everything

  /** All values in the order of their insertion, page by page. Others cannot have the map spill meanwhile. */
  records(): MapRecords {
    this.#assertUsable();
    this.#sealPage();
    return new MapRecords(this, this.#pages, this.#values, false);
  }

  /**
   * The same, giving back the array at once and every page as soon as it has been read. When others of the task need
   * memory, the pages that are not being read go to the store, and are read from there in their turn.
   */
  drain(): MapRecords {
    this.#assertUsable();
    this.#sealPage();
    this.samplePeak();
    this.#freeArray();
    this.#table.clearPages();
    this.#draining = new MapRecords(this, this.#pages, this.#values, true);
    return this.#draining;
  }

  // ---- the way out when memory is short

  /** Section 9.4: only a destructive iteration can be spilled, and only by others. */
  spill(bytes: number, trigger: Consumer): number {
    return trigger === this || this.#draining === null ? 0 : this.#draining.spill(bytes);
  }

  /** A sorter for `sortInto`. It takes no memory before rows are inserted into it by other means. */
  openSorter(options: SorterOptions): Sorter {
    this.#assertUsable();
    return new Sorter(this.task, options, this.#array!.views);
  }

  /**
   * Section 9.4, last paragraph: all records go to `sorter`, sorted by the first eight bytes of their keys, as one run that
   * is written at once; then the map is empty, as after `reset`. A row is key, value, and the key's length in 4 bytes; give
   * the sorter `byMapKey` as its comparator where keys are longer than 8 bytes. Throws SpillError, TaskOutOfMemory or
   * WouldWait before anything has changed, or TaskOutOfMemory for the new array after the records have been written.
   */
  sortInto(sorter: Sorter): void {
    this.#assertUsable();
    this.#sealPage();
    this.samplePeak();
    const array = this.#array!;
    const large = 2 * this.#values * BYTES_PER_SLOT > array.bytes;
    const space = large ? this.allocateArray(4 * this.#values) : array;
    try {
      sortRecords(sorter, space, this.#pages, this.#values, this.memoryBytes);
    } catch (error) {
      if (!large) this.#relink();
      throw error;
    } finally {
      if (large) this.freePage(space);
    }
    this.reset();
  }

  /** Empties the map and lets it grow again. Throws TaskOutOfMemory or WouldWait; the map can then only be freed or reset again. */
  reset(): void {
    this.samplePeak();
    this.#giveBack();
    this.#start();
  }

  /** Gives back all memory and removes all files. Idempotent. */
  free(): void {
    this.samplePeak();
    this.#giveBack();
  }

  // ---- for the iteration

  /** @internal The bytes of a page that an iteration has given up. */
  dropPage(page: Page): void {
    this.#pageSum -= page.bytes;
    if (page.number >= 0) this.freePage(page);
  }

  /** @internal Before an iteration gives pages to the store. */
  samplePeak(): void {
    this.#peak = Math.max(this.#peak, this.memoryBytes);
  }

  // ---- rare paths

  #start(): void {
    const array = this.allocateArray((this.#firstSlots * BYTES_PER_SLOT) / 8);
    this.#array = array;
    this.#canGrow = true;
    this.#threshold = Math.trunc(this.#firstSlots * this.#loadFactor);
    this.#table.openSlots(array, this.#firstSlots);
  }

  #mayAppend(): boolean {
    this.#assertUsable();
    return this.#keys < MOST_SLOTS - 1 && this.#canGrow;
  }

  /** Doubles the slots. What cannot be had now is not asked for again; what would have to wait is. */
  #grow(): void {
    const slots = this.#table.capacity * 2;
    if (slots > MOST_SLOTS || !this.#canGrow) return;
    const waited = this.#growthDue;
    let array: Page;
    try {
      array = this.allocateArray((slots * BYTES_PER_SLOT) / 8);
    } catch (error) {
      this.#growthDue = error instanceof WouldWait;
      if (this.#growthDue && waited) throw error;
      if (!this.#growthDue && !(error instanceof TaskOutOfMemory)) throw error;
      this.#canGrow = this.#growthDue;
      return;
    }
    this.#growthDue = false;
    const old = this.#array!;
    this.#table.moveSlots(array, slots);
    this.#threshold = Math.trunc(slots * this.#loadFactor);
    this.#array = array;
    this.freePage(old);
  }

  /** A page for a record of `bytes` bytes; false when it cannot be had. */
  #nextPage(bytes: number): boolean {
    this.#assertUsable();
    let page: Page;
    try {
      page = this.allocatePage(bytes + PAGE_EXTRA_BYTES);
    } catch (error) {
      if (error instanceof TaskOutOfMemory) return false;
      throw error;
    }
    if (!this.#table.addPage(page)) {
      this.freePage(page);
      return false;
    }
    this.#sealPage();
    this.#pages.push(page);
    this.#pageSum += page.bytes;
    this.#views = page.views;
    this.#cursor = page.base + PAGE_EXTRA_BYTES;
    this.#pageEnd = page.base + page.bytes;
    this.#bias = this.#table.referenceBias(page);
    this.#recordsInPage = 0;
    return true;
  }

  /** Writes the number of records into the page being filled. */
  #sealPage(): void {
    const page = this.#pages.at(-1);
    if (page !== undefined) page.views.i32[page.base >>> 2] = this.#recordsInPage;
  }

  /** Makes the slots anew from the records, oldest first. */
  #relink(): void {
    this.#table.openSlots(this.#array!, this.#table.capacity);
    for (const page of this.#pages) {
      const { views } = page;
      const bias = this.#table.referenceBias(page);
      let anchor = page.base + PAGE_EXTRA_BYTES + ANCHOR_BYTES;
      for (let left = views.i32[page.base >>> 2]!; left > 0; left -= 1) {
        const { i32 } = views;
        const keyBytes = i32[anchor >>> 2]!;
        const hash =
          this.#hash === null
            ? hashWords(i32, (anchor >>> 2) + 2, keyBytes)
            : this.#hash(views.u8, anchor + 8, keyBytes) | 0;
        this.#table.link(bias + anchor / 8, hash);
        anchor += RECORD_EXTRA_BYTES - 4 + i32[(anchor >>> 2) + 1]!;
      }
    }
  }

  #find(key: Uint8Array, offset: number, length: number): number {
    if ((length & 7) !== 0) throw oddLength(length, 0);
    if (this.#array === null) this.#assertUsable();
    if (key !== this.#keySource) this.#lookAtKey(key);
    let words = this.#keyWords;
    let word = offset >>> 2;
    if (words === null || (offset & 3) !== 0) {
      words = new Int32Array(length >>> 2);
      new Uint8Array(words.buffer).set(key.subarray(offset, offset + length));
      word = 0;
    }
    if (this.#hash !== null) return this.#table.find(words, word, length, this.#hash(key, offset, length) | 0);
    if (length !== 8) return this.#table.find(words, word, length, hashWords(words, word, length));
    const low = words[word]!;
    const high = words[word + 1]!;
    return this.#table.find8(low, high, hashLong(low, high));
  }

  #lookAtKey(key: Uint8Array): void {
    this.#keySource = key;
    this.#keyWords = wordsOf(key);
  }

  #lookAtValue(value: Uint8Array): void {
    this.#valueSource = value;
    this.#valueWords = wordsOf(value);
  }

  #copyIn(source: Uint8Array, offset: number, length: number, words: Int32Array | null, to: number): void {
    if (words === null || (offset & 3) !== 0 || length > 256) {
      this.#views.u8.set(source.subarray(offset, offset + length), to);
      return;
    }
    const { i32 } = this.#views;
    for (let from = offset >>> 2, t = to >>> 2, end = (offset + length) >>> 2; from < end; from += 1, t += 1)
      i32[t] = words[from]!;
  }

  #giveBack(): void {
    this.#draining?.close();
    this.#draining = null;
    this.#freeArray();
    this.#table.clearPages();
    for (const page of this.#pages.splice(0)) this.dropPage(page);
    this.#keys = this.#values = this.#recordsInPage = 0;
    this.#cursor = this.#pageEnd = 0;
    this.#growthDue = false;
    this.#views = EMPTY;
  }

  #freeArray(): void {
    const array = this.#array;
    this.#array = null;
    this.#threshold = 0;
    this.#table.closeSlots();
    if (array !== null && array.number >= 0) this.freePage(array);
  }

  #assertUsable(): void {
    if (this.#draining !== null) throw new Misuse(`${this.name} is being iterated away: it can be reset or freed`);
    if (this.#array === null) throw new Misuse(`${this.name} has been freed`);
  }
}

const EMPTY = new Views(new ArrayBuffer(0));

/** A value that is appended by `add`. */
const deltaWords = new Int32Array(2);
const deltaBytes = new Uint8Array(deltaWords.buffer);

function wordsOf(bytes: Uint8Array): Int32Array | null {
  return bytes.byteOffset % 4 === 0 ? new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length >>> 2) : null;
}

function oddLength(keyBytes: number, valueBytes: number): Misuse {
  const what = (keyBytes & 7) !== 0 ? `a key of ${keyBytes} bytes` : `a value of ${valueBytes} bytes`;
  return new Misuse(`${what}: keys and values of a map have multiples of 8 bytes`);
}
