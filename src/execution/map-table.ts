// The records and slots of a hash map as bytes: where they lie, how a key is found, how a value joins its chain. Whose memory
// it is and when there is more of it is none of the table's business (hash-map.ts). Where everything lies in one linear memory
// the kernels of assembly/kernel/hash-map.ts do the work; the functions here are their twins for all other pages.
//
//   page                          record, from its anchor (a multiple of 8)       slot
//   0  4  records in this page    -4  4  reference of the next older value, 0     0  4  hash
//   4  .. records                  0  4  bytes of the key, K (multiple of 8)      4  4  reference of the newest value, 0
//                                  4  4  K + V + 4
//                                  8  K  key
//                                  .. V  value (V a multiple of 8)
//                                  .. 4  K
//
// These take what Spark's take (section 9.4 of the law: 4 bytes a page, 16 + K + V a record, two words a slot), in an order
// that has keys and values at multiples of 8. From byte 4 on a record is a row of the sorter: length, key, value, K.
// A slot fills only the first half of its two words, so that twice as many are found in the cache.

import { kernelsOver } from "../memory/arena.js";
import type { Page } from "../memory/page.js";
import { Views } from "../memory/views.js";

/** Bytes of a record beside its key and value, and of a page beside its records. */
export const RECORD_EXTRA_BYTES = 16;
export const PAGE_EXTRA_BYTES = 4;

/** From the start of a record to its anchor. */
export const ANCHOR_BYTES = 4;

const KEY_WORD = 2;
const NEXT_WORD = -1;

/** A reference is a count of 8 bytes: a region in its upper bits, the place of an anchor in the region below. */
const UNIT_BYTES = 8;
/** References stay positive 32-bit integers, which limits a map to 16 GiB of pages. */
const MOST_UNITS = 2 ** 31;
/** Units of a linear memory. */
const MEMORY_UNITS_SHIFT = 29;
/** Smallest region of a page with a buffer of its own, in units. */
const LEAST_REGION_SHIFT = 9;

/** The exports of the WebAssembly module that work on maps; addresses are bytes of the memory they run over. */
export interface MapKernels {
  fillBytes(at: number, value: number, bytes: number): void;
  mapFind8(this: void, slots: number, mask: number, hash: number, low: number, high: number): number;
  mapAdd8(this: void, slots: number, mask: number, hash: number, low: number, high: number, delta: number): number;
  mapLink(slots: number, mask: number, hash: number, ref: number): number;
  mapRehash(from: number, fromSlots: number, to: number, mask: number): void;
  mapAddMany(slots: number, mask: number, ops: number, end: number, state: number): number;
}

/** Bytes of an addition that waits: hash, key of 8 bytes, delta as a signed word. */
export const ADDITION_BYTES = 16;
/** Additions that are looked up before any of them is carried out, and the bytes that this takes. */
const FEW = 128;
export const ADD_MANY_BYTES: number = 16 + 4 * FEW;

/** Room for new records of 32 bytes: in the page, from `cursor` to `pageEnd`, and among the keys. */
export interface Room {
  cursor: number;
  pageEnd: number;
  /** From an anchor in the page to its reference. */
  bias: number;
  views: Views;
  keysLeft: number;
  /** Keys that were appended. */
  added: number;
}

const NOTHING = new Views(new ArrayBuffer(64));

/**
 * Where a record's key and value lie; holds until the next look-up or step. Offsets are bytes of `views`.
 *
 * @example
 * ```ts
 * import { HashMap, type MapRecord, openExecutor } from "tungsten-memory";
 *
 * const map = new HashMap(openExecutor().task(1), { capacity: 16 });
 * const key = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
 * map.append(key, 0, 8, Uint8Array.of(42, 0, 0, 0, 0, 0, 0, 0), 0, 8);
 * const found: MapRecord | null = map.lookup(key, 0, 8);
 * console.log(found?.views.u8[found.valueOffset]); // 42
 * ```
 */
export class MapRecord {
  /** The views over the page that holds it. */
  views: Views = NOTHING;
  /** Where the key begins in the buffer, bytes. */
  keyOffset = 0;
  /** Length of the key. */
  keyBytes = 0;
  /** Where the value begins in the buffer, bytes. */
  valueOffset = 0;
  /** Length of the value. */
  valueBytes = 0;

  /** @internal Stands at the record with its anchor at byte `anchor` of `views`. */
  stand(views: Views, anchor: number): void {
    const { i32 } = views;
    const keyBytes = i32[anchor >>> 2]!;
    this.views = views;
    this.keyOffset = anchor + 8;
    this.keyBytes = keyBytes;
    this.valueOffset = anchor + 8 + keyBytes;
    this.valueBytes = i32[(anchor >>> 2) + 1]! - keyBytes - 4;
  }
}

export class MapTable {
  #slotViews: Views = NOTHING;
  /** The first slot, a word of those views and a byte of them. */
  #slotWord = 0;
  #slotByte = 0;
  #mask = 0;
  readonly #regionViews: Views[] = [];
  /** Their words, for loops that allocate nothing: an arena that grows replaces them. */
  readonly #regionInts: Int32Array[] = [];
  /** What a region's first unit is a word of. */
  readonly #regionWords: number[] = [];
  readonly #shift: number;
  readonly #unitMask: number;
  /** Whether pages have buffers of their own, each a region or several. */
  readonly #buffers: boolean;
  #kernels: MapKernels | null = null;
  #add8: MapKernels["mapAdd8"] | null = null;
  #find8: MapKernels["mapFind8"] | null = null;

  /** `pageBytes` is the size that most pages have; `buffers` whether each has a buffer of its own. */
  constructor(pageBytes: number, buffers: boolean) {
    this.#buffers = buffers;
    const pageUnits = Math.ceil(pageBytes / UNIT_BYTES);
    this.#shift = buffers
      ? Math.min(MEMORY_UNITS_SHIFT, Math.max(LEAST_REGION_SHIFT, Math.ceil(Math.log2(Math.max(1, pageUnits)))))
      : MEMORY_UNITS_SHIFT;
    this.#unitMask = 2 ** this.#shift - 1;
  }

  /** Number of slots, 0 when there are none. */
  get capacity(): number {
    return this.#slotViews === NOTHING ? 0 : this.#mask + 1;
  }

  /** What works on everything in the table at once; null when it does not lie in one memory. */
  get kernels(): MapKernels | null {
    return this.#kernels;
  }

  // ---- slots and pages

  /** Takes `capacity` (a power of two) empty slots at the start of `array`. */
  openSlots(array: Page, capacity: number): void {
    this.#slotViews = array.views;
    this.#slotByte = array.base;
    this.#slotWord = array.base >>> 2;
    this.#mask = capacity - 1;
    this.#chooseKernels();
    const kernels = kernelsOver<MapKernels>(array.views);
    if (kernels !== null) kernels.fillBytes(array.base, 0, capacity * 8);
    else array.views.i32.fill(0, this.#slotWord, this.#slotWord + capacity * 2);
  }

  /** Moves what the slots hold to `capacity` others in `array`. */
  moveSlots(array: Page, capacity: number): void {
    const { i32: from } = this.#slotViews;
    const fromByte = this.#slotByte;
    const kernelsBefore = this.#kernels;
    const slots = this.capacity;
    this.openSlots(array, capacity);
    if (kernelsBefore !== null && this.#kernels !== null)
      return this.#kernels.mapRehash(fromByte, slots, this.#slotByte, this.#mask);
    const to = this.#slotViews.i32;
    for (let w = fromByte >>> 2, end = w + slots * 2; w < end; w += 2) {
      if (from[w + 1] === 0) continue;
      let slot = from[w]! & this.#mask;
      for (let step = 1; to[this.#slotWord + slot * 2 + 1] !== 0; step += 1) slot = (slot + step) & this.#mask;
      to[this.#slotWord + slot * 2] = from[w]!;
      to[this.#slotWord + slot * 2 + 1] = from[w + 1]!;
    }
  }

  /** From here on nothing is found. */
  closeSlots(): void {
    this.#slotViews = NOTHING;
    this.#slotByte = this.#slotWord = this.#mask = 0;
    this.#chooseKernels();
  }

  /** Makes the records of a page reachable. False when they would lie beyond the reach of references. */
  addPage(page: Page): boolean {
    const span = 2 ** this.#shift;
    if (!this.#buffers) {
      if (this.#regionViews.includes(page.views)) return true;
      if ((this.#regionViews.length + 1) * span > MOST_UNITS) return false;
      this.#regionViews.push(page.views);
      this.#regionInts.push(page.views.i32);
      this.#regionWords.push(0);
    } else {
      const regions = Math.ceil(page.bytes / UNIT_BYTES / span);
      if ((this.#regionViews.length + regions) * span > MOST_UNITS) return false;
      for (let i = 0; i < regions; i += 1) {
        this.#regionViews.push(page.views);
        this.#regionInts.push(page.views.i32);
        this.#regionWords.push((page.base >>> 2) + i * span * 2);
      }
    }
    this.#chooseKernels();
    return true;
  }

  /** Forgets all pages. */
  clearPages(): void {
    this.#regionViews.length = this.#regionInts.length = 0;
    this.#regionWords.length = 0;
    this.#chooseKernels();
  }

  /** A record of this page with its anchor at byte `a` has the reference `referenceBias + a / 8`. */
  referenceBias(page: Page): number {
    const first = this.#regionViews.indexOf(page.views) * 2 ** this.#shift;
    return this.#buffers ? first - page.base / UNIT_BYTES : first;
  }

  // ---- records

  /** Has `at` stand at a record. */
  stand(at: MapRecord, ref: number): void {
    const region = ref >>> this.#shift;
    at.stand(this.#regionViews[region]!, (this.#regionWords[region]! + (ref & this.#unitMask) * 2) * 4);
  }

  /** The next older value of the key at which `at` stands, 0 when there is none. */
  older(at: MapRecord): number {
    return at.views.i32[(at.keyOffset >>> 2) - KEY_WORD + NEXT_WORD]!;
  }

  /** The reference of the newest value of a key of 8 bytes, 0 when there is none. */
  find8(low: number, high: number, hash: number): number {
    const kernel = this.#find8;
    if (kernel !== null) return kernel(this.#slotByte, this.#mask, hash, low, high);
    const slots = this.#slotViews.i32;
    const mask = this.#mask;
    let slot = hash & mask;
    for (let step = 1; ; step += 1) {
      const s = this.#slotWord + slot * 2;
      const ref = slots[s + 1]!;
      if (ref === 0) return 0;
      if (slots[s] === hash) {
        const region = ref >>> this.#shift;
        const { i32 } = this.#regionViews[region]!;
        const r = this.#regionWords[region]! + (ref & this.#unitMask) * 2;
        if (i32[r + KEY_WORD] === low && i32[r + KEY_WORD + 1] === high && i32[r] === 8) return ref;
      }
      slot = (slot + step) & mask;
    }
  }

  /** Adds `delta` (a safe integer) to the newest value of a key of 8 bytes. False when there is none, or not of 8 bytes. */
  add8(low: number, high: number, hash: number, delta: number): boolean {
    const kernel = this.#add8;
    if (kernel !== null) return kernel(this.#slotByte, this.#mask, hash, low, high, delta) !== 0;
    const ref = this.find8(low, high, hash);
    return ref !== 0 && this.addTo(ref, delta);
  }

  /** Adds `delta` to a value of 8 bytes, a little-endian 64-bit integer. False when the value has another length. */
  addTo(ref: number, delta: number): boolean {
    const region = ref >>> this.#shift;
    const { i32 } = this.#regionViews[region]!;
    const r = this.#regionWords[region]! + (ref & this.#unitMask) * 2;
    const keyBytes = i32[r]!;
    if (i32[r + 1] !== keyBytes + 12) return false;
    const value = r + KEY_WORD + (keyBytes >>> 2);
    const before = i32[value]! >>> 0;
    const low = before + lowHalf(delta);
    i32[value] = low;
    const high = highHalf(delta) + (low >= 2 ** 32 ? 1 : 0);
    if (high !== 0) i32[value + 1] = i32[value + 1]! + high;
    return true;
  }

  /** The reference of the newest value of the key of `bytes` bytes at word `word` of `words`, 0 when there is none. */
  find(words: Int32Array, word: number, bytes: number, hash: number): number {
    const slots = this.#slotViews.i32;
    const mask = this.#mask;
    let slot = hash & mask;
    for (let step = 1; ; step += 1) {
      const s = this.#slotWord + slot * 2;
      const ref = slots[s + 1]!;
      if (ref === 0) return 0;
      if (slots[s] === hash && this.#hasKey(ref, words, word, bytes)) return ref;
      slot = (slot + step) & mask;
    }
  }

  /** Puts a record that has been written in front of the chain of its key; true when the key is new. */
  link(ref: number, hash: number): boolean {
    if (this.#kernels !== null) return this.#kernels.mapLink(this.#slotByte, this.#mask, hash, ref) !== 0;
    const region = ref >>> this.#shift;
    const { i32 } = this.#regionViews[region]!;
    const r = this.#regionWords[region]! + (ref & this.#unitMask) * 2;
    const slots = this.#slotViews.i32;
    const mask = this.#mask;
    let slot = hash & mask;
    for (let step = 1; ; step += 1) {
      const s = this.#slotWord + slot * 2;
      const head = slots[s + 1]!;
      const isNew = head === 0;
      if (isNew || (slots[s] === hash && this.#hasKey(head, i32, r + KEY_WORD, i32[r]!))) {
        i32[r + NEXT_WORD] = head;
        slots[s] = hash;
        slots[s + 1] = ref;
        return isNew;
      }
      slot = (slot + step) & mask;
    }
  }

  /**
   * Carries out the additions from byte `from` to `end` of `ops`, with ADD_MANY_BYTES to work in at `state`: to the newest
   * value of a key, or as its first one while there is room. Returns where it stopped for want of room.
   */
  addMany(ops: Views, from: number, end: number, state: number, room: Room): number {
    const { u32 } = ops;
    const kernels = this.#kernels;
    if (kernels !== null && ops === this.#slotViews && room.views === ops) {
      u32[state >>> 2] = room.cursor;
      u32[(state >>> 2) + 1] = room.pageEnd;
      u32[(state >>> 2) + 2] = room.keysLeft;
      const at = kernels.mapAddMany(this.#slotByte, this.#mask, from, end, state) >>> 0;
      room.cursor = u32[state >>> 2]!;
      room.added = u32[(state >>> 2) + 3]!;
      return at;
    }
    room.added = 0;
    if (!this.#buffers) this.#regionViews.forEach((views, region) => (this.#regionInts[region] = views.i32));
    const { i32 } = ops;
    for (let at = from; at < end;) {
      const few = Math.min(end, at + FEW * ADDITION_BYTES);
      i32[state >>> 2] = this.#touch(i32, at >>> 2, few >>> 2, (state >>> 2) + 4);
      const stopped = this.#addFew(i32, at >>> 2, few >>> 2, room) * 4;
      if (stopped < few) return stopped;
      at = few;
    }
    return end;
  }

  /** Reads the first slot of every addition, then the record that it names. The answer only keeps the reads alive. */
  #touch(ops: Int32Array, from: number, end: number, refs: number): number {
    const slots = this.#slotViews.i32;
    let to = refs;
    for (let op = from; op < end; op += 4, to += 1) ops[to] = slots[this.#slotWord + (ops[op]! & this.#mask) * 2 + 1]!;
    let sum = 0;
    for (let at = refs; at < to; at += 1) {
      const ref = ops[at]!;
      if (ref === 0) continue;
      const region = ref >>> this.#shift;
      sum ^= this.#regionViews[region]!.i32[this.#regionWords[region]! + (ref & this.#unitMask) * 2]!;
    }
    return sum;
  }

  #addFew(ops: Int32Array, from: number, end: number, room: Room): number {
    const slots = this.#slotViews.i32;
    const first = this.#slotWord;
    const mask = this.#mask;
    const ints = this.#regionInts;
    const starts = this.#regionWords;
    const shift = this.#shift;
    const unitMask = this.#unitMask;
    for (let op = from; op < end; op += 4) {
      const hash = ops[op]!;
      const low = ops[op + 1]!;
      const high = ops[op + 2]!;
      const delta = ops[op + 3]!;
      let slot = hash & mask;
      for (let step = 1; ; step += 1) {
        const s = first + slot * 2;
        const ref = slots[s + 1]!;
        if (ref === 0) {
          if (room.added === room.keysLeft || room.cursor + 32 > room.pageEnd) return op;
          slots[s] = hash;
          slots[s + 1] = writeLong(room, low, high, delta);
          break;
        }
        if (slots[s] === hash) {
          const region = ref >>> shift;
          const i32 = ints[region]!;
          const r = starts[region]! + (ref & unitMask) * 2;
          if (i32[r + 2] === low && i32[r + 3] === high && i32[r] === 8 && i32[r + 1] === 20) {
            const sum = (i32[r + 4]! >>> 0) + delta;
            i32[r + 4] = sum;
            if (sum < 0) i32[r + 5] = i32[r + 5]! - 1;
            else if (sum >= 2 ** 32) i32[r + 5] = i32[r + 5]! + 1;
            break;
          }
        }
        slot = (slot + step) & mask;
      }
    }
    return end;
  }

  #hasKey(ref: number, words: Int32Array, word: number, bytes: number): boolean {
    const region = ref >>> this.#shift;
    const { i32 } = this.#regionViews[region]!;
    const r = this.#regionWords[region]! + (ref & this.#unitMask) * 2;
    if (i32[r] !== bytes) return false;
    for (let i = 0, n = bytes >>> 2; i < n; i += 1) if (i32[r + KEY_WORD + i] !== words[word + i]) return false;
    return true;
  }

  #chooseKernels(): void {
    const near = this.#slotViews;
    this.#kernels = this.#regionViews.every((views) => views === near) ? kernelsOver<MapKernels>(near) : null;
    this.#add8 = this.#kernels?.mapAdd8 ?? null;
    this.#find8 = this.#kernels?.mapFind8 ?? null;
  }
}

/** Writes a record of 8 and 8 bytes where there is room for it; returns its reference. */
function writeLong(room: Room, low: number, high: number, value: number): number {
  const { i32 } = room.views;
  const anchor = room.cursor + ANCHOR_BYTES;
  const r = anchor >>> 2;
  i32[r + NEXT_WORD] = 0;
  i32[r] = 8;
  i32[r + 1] = 20;
  i32[r + 2] = low;
  i32[r + 3] = high;
  i32[r + 4] = value;
  i32[r + 5] = value >> 31;
  i32[r + 6] = 8;
  room.cursor += 32;
  room.added += 1;
  return room.bias + anchor / 8;
}

/** The halves of a safe integer as a 64-bit one: the low one unsigned, the high one signed. */
export function lowHalf(long: number): number {
  return long >>> 0;
}
export function highHalf(long: number): number {
  return Math.floor(long / 2 ** 32);
}
