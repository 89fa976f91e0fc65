// The external sorter: rows in pages, a pointer array of (address, 8-byte key prefix) beside them, and sorted runs on disk
// when memory is short. When the array grows, when a page is asked for, when it spills and what counts as memory are those
// of Spark's sorter, step by step (section 9.2 of the law); the order is stable, which Spark leaves open.

import { OFFSET_SPAN, pageOf } from "../memory/address.js";
import type { Page } from "../memory/page.js";
import type { Views } from "../memory/views.js";
import type { Run, RunSchema, RunWriter, SpillStore } from "../spill/contract.js";
import { Consumer } from "./consumer.js";
import { byteRange, mergeSort, nullsFirst, sortTies } from "./order.js";
import { DESCENDING, type KeyOrder, RADIX_SCRATCH_BYTES, radixSort, SIGNED } from "./radix.js";
import { Misuse, TaskOutOfMemory, TooLargePage } from "./refusal.js";
import {
  assertWithin,
  BLOCK_HEAD_BYTES,
  copyBytes,
  leastBlockBytes,
  FIXED,
  gatherRows,
  KEYED,
  type LaidOut,
  padded,
  putWord,
  type PageMap,
  type RowComparator,
  type RowKind,
  VARIED,
  wordAt,
  writeLong,
} from "./rows.js";
import { type SorterMetrics, type SorterOptions, withDefaults } from "./sorter-options.js";
import { SortedRows } from "./sorted-rows.js";
import type { TaskMemoryManager } from "./task.js";
import { openWorkspace, type Workspace } from "./workspace.js";

/** Version of the blocks drawn in rows.ts. */
const BLOCK_VERSION = 1;
const RECORD_BYTES = 16;
/** Room for the base of every page of a task, and for what a kernel answers. */
const BASES_BYTES = 8192 * 4;
const RESULT_BYTES = 16;

/**
 * Sorts rows of one task. Close it when done: it holds memory outside of the accounts as well.
 *
 * @example
 * ```ts
 * import { openExecutor, Sorter } from "tungsten-memory";
 * import { openSpillStore } from "tungsten-memory/spill";
 *
 * const store = openSpillStore();
 * const executor = openExecutor({ conf: { "spark.executor.memory": "1g" } });
 * const sorter = new Sorter(executor.task(1), { store, order: "descending" });
 * for (const key of [3, 1, 2]) sorter.insert(Uint8Array.of(key), 0, 1, 0, key);
 * const rows = sorter.sorted();
 * while (rows.next()) if (rows.prefixLow === 3) console.log(rows.u8[rows.offset]); // 3
 * sorter.close();
 * executor.endTask(1);
 * store.close();
 * ```
 */
export class Sorter extends Consumer {
  /** Where runs go. */
  readonly store: SpillStore;
  /** Whether rows without a key come last. */
  readonly nullsLast: boolean;
  /** Orders rows of equal prefix; null where their insertion does, or bytes of theirs. */
  readonly comparator: RowComparator | null;
  /** Bits: 1 for descending, 2 for signed. */
  readonly keyOrder: KeyOrder;
  /** Largest block that is laid out at once, bytes. */
  readonly blockBytes: number;
  readonly #radix: boolean;
  readonly #initialWords: number;
  readonly #spillRecords: number;
  readonly #spillBytes: number;
  readonly #schema: RunSchema;
  readonly #workspace: Workspace;
  #open = true;

  // The pointer array: `#records` records in `#array`, the next one at byte `#next`. `#room` is how many inserts may pass
  // before the slow path must look again.
  #array: Page | null;
  #arrayViews: Views;
  #next: number;
  #records = 0;
  #nulls = 0;
  #sorted = false;
  /** Where the sorted records that are not null start; the null ones start at the base of the array. */
  #othersAt = 0;
  #room = 0;

  // Data pages. `#bias` turns a byte of the current page's views into an address.
  #pages: Page[] = [];
  #pageSum = 0;
  readonly #map: PageMap = { views: [], bases: [] };
  #views: Views;
  #cursor = 0;
  #pageEnd = 0;
  #bias = 0;
  /** Whether all pages lie in the memory that the kernels run over. */
  #together: boolean;

  /** The source of the last insert with a view of its words. */
  #source: Uint8Array | null = null;
  #sourceWords: Int32Array | null = null;

  // How rows have been laid out so far: the first form that does not fit is never tried again.
  #kind: RowKind | null = null;
  #length = 0;
  readonly #laid: LaidOut = { end: 0, rows: 0, bytes: 0 };

  #runs: Run[] = [];
  #reading: SortedRows | null = null;
  #retained: Page | null = null;
  #peak = 0;
  #memoryBytesSpilled = 0;
  #diskBytesSpilled = 0;
  #sparkDiskBytesSpilled = 0;
  #recordsSpilled = 0;
  #spills = 0;

  /**
   * Allocates the first pointer array; throws TaskOutOfMemory or WouldWait when it cannot be had. A sorter that a map falls
   * back to starts without one, beside the memory of the map.
   */
  constructor(task: TaskMemoryManager, options: SorterOptions, beside: Views | null = null) {
    const asked = withDefaults(options);
    const { descending, comparator, keyBytes, pageBytes } = asked;
    super(task, pageBytes === undefined ? { name: asked.name } : { name: asked.name, pageBytes });
    this.store = asked.store;
    this.nullsLast = asked.nullsLast;
    this.keyOrder = ((descending ? DESCENDING : 0) | (asked.signed ? SIGNED : 0)) as KeyOrder;
    this.comparator = comparator ?? (keyBytes === null ? null : byteRange(keyBytes[0], keyBytes[1], descending));
    this.blockBytes = asked.blockBytes & ~3;
    this.#radix = asked.radix;
    this.#initialWords = 2 * asked.initialRecords;
    this.#spillRecords = asked.spillRecords;
    this.#spillBytes = asked.spillBytes;
    this.#schema = { kind: "sorted-rows", version: BLOCK_VERSION, fields: asked.fields };
    const array = beside === null ? this.allocateArray(this.#initialWords) : null;
    const near = array?.views ?? beside!;
    this.#array = array;
    this.#arrayViews = this.#views = near;
    this.#next = array?.base ?? 0;
    this.#workspace = openWorkspace(
      task.allocator,
      near,
      this.blockBytes + BASES_BYTES + RESULT_BYTES + RADIX_SCRATCH_BYTES + 16,
    );
    this.#together = this.#workspace.kernels !== null;
    this.#samplePeak();
    this.#measureRoom();
  }

  /** Rows in memory that have not been spilled. */
  get records(): number {
    return this.#records;
  }

  /** Bytes of the pages and of the pointer array. */
  get memoryBytes(): number {
    return this.#pageSum + (this.#array?.bytes ?? 0);
  }

  /** Figures of `metrics` that are cheap to ask for at every row, and take no sample of the peak. */
  get memoryBytesSpilled(): number {
    return this.#memoryBytesSpilled;
  }
  /** As in `metrics`. */
  get sparkDiskBytesSpilled(): number {
    return this.#sparkDiskBytesSpilled;
  }
  /** Spills so far. */
  get spills(): number {
    return this.#spills;
  }

  /** What it has done so far. Asking takes a sample of the peak, as in Spark. */
  get metrics(): SorterMetrics {
    this.#samplePeak();
    return {
      memoryBytesSpilled: this.#memoryBytesSpilled,
      diskBytesSpilled: this.#diskBytesSpilled,
      sparkDiskBytesSpilled: this.#sparkDiskBytesSpilled,
      recordsSpilled: this.#recordsSpilled,
      spills: this.#spills,
      peakExecutionBytes: this.#peak,
    };
  }

  /**
   * Inserts `length` bytes of `source` from `offset` under a prefix of two 32-bit halves. Copies fastest when offset and
   * length are multiples of 4. Throws Misuse for what does not lie in `source`, TaskOutOfMemory, SpillError, or WouldWait,
   * after which it may be called again.
   */
  insert(source: Uint8Array, offset: number, length: number, prefixHigh: number, prefixLow: number): void {
    assertWithin(this.name, source, offset, length);
    if (this.#room <= 0) this.#makeRoom(true);
    if (this.#cursor + length + 4 > this.#pageEnd) this.#nextPage(length + 4);
    const at = this.#cursor;
    const i32 = this.#views.i32;
    if (source !== this.#source) this.#lookAt(source);
    const words = this.#sourceWords;
    if (((offset | length | at) & 3) === 0 && words !== null) {
      let to = at >>> 2;
      i32[to] = length;
      to += 1;
      for (let from = offset >>> 2, end = (offset + length) >>> 2; from < end; from += 1, to += 1)
        i32[to] = words[from]!;
    } else {
      putWord(this.#views, at, length);
      copyBytes(source, offset, length, this.#views.u8, at + 4);
    }
    this.#cursor = at + length + 4;
    this.#point(at, prefixHigh, prefixLow);
  }

  /** Inserts a row whose key is null. */
  insertNull(source: Uint8Array, offset: number, length: number): void {
    this.insert(source, offset, length, 0, 0);
    this.#markNull();
  }

  /**
   * Inserts a pair as one row: the length of the key as 4 bytes, little-endian, the key, the value. Neither threshold
   * applies (section 9.2). Copies fastest when key and value lie in one source and offsets and lengths are multiples of 4.
   * With `isNull` the prefix does not matter. Throws as `insert` does.
   */
  insertKeyValue(
    key: Uint8Array,
    keyOffset: number,
    keyLength: number,
    value: Uint8Array,
    valueOffset: number,
    valueLength: number,
    prefixHigh: number,
    prefixLow: number,
    isNull: boolean = false,
  ): void {
    assertWithin(this.name, key, keyOffset, keyLength);
    assertWithin(this.name, value, valueOffset, valueLength);
    if (this.#room <= 0) this.#makeRoom(false);
    const length = 4 + keyLength + valueLength;
    if (this.#cursor + length + 4 > this.#pageEnd) this.#nextPage(length + 4);
    const at = this.#cursor;
    putWord(this.#views, at, length);
    putWord(this.#views, at + 4, keyLength);
    if (key !== this.#source) this.#lookAt(key);
    this.#copy(key, keyOffset, keyLength, at + 8);
    this.#copy(value, valueOffset, valueLength, at + 8 + keyLength);
    this.#cursor = at + length + 4;
    this.#point(at, prefixHigh, prefixLow);
    if (isNull) this.#markNull();
  }

  /** All rows in order. Nothing can be inserted any more; while rows are read, others may have the sorter spill what is left. */
  sorted(): SortedRows {
    this.#assertOpen();
    if (this.#reading !== null) throw new Misuse(`${this.name} is being read already`);
    if (this.#records > 0) this.#sort();
    this.#room = 0;
    this.#reading = this.orClose(() => new SortedRows(this, this.#runs));
    return this.#reading;
  }

  /**
   * @internal Writes the `records` records of `array` (address, prefix), whose rows lie in `pages`, as one more run. None of
   * this memory is the sorter's; the `bytes` that its owner holds count as spilled (section 9.4).
   */
  adopt(array: Page, records: number, pages: readonly Page[], bytes: number): void {
    this.#assertOpen();
    if (this.#reading !== null) throw new Misuse(`${this.name} is being read: nothing can be inserted any more`);
    if (records === 0) return;
    if (this.#records > 0) this.spillSelf();
    const own = this.#array;
    const views = this.#arrayViews;
    const together = this.#together;
    for (const page of pages) this.#enter(page);
    this.#array = array;
    this.#arrayViews = array.views;
    if (array.views !== this.#workspace.views) this.#together = false;
    this.#records = records;
    try {
      this.#sort();
      this.#runs.push(this.writeRun(0));
    } finally {
      this.#array = own;
      this.#arrayViews = views;
      this.#together = together;
      this.#records = 0;
      this.#sorted = false;
      for (const page of pages) this.#map.views[page.number] = undefined;
    }
    this.#memoryBytesSpilled += bytes;
  }

  /** Section 9.2: for itself a sorter writes all it has; for others only what an open read has not returned yet. */
  spill(_bytes: number, trigger: Consumer): number {
    if (trigger !== this) return this.#reading === null ? 0 : this.orClose(() => this.#reading!.spill());
    if (this.#array === null || this.#records === 0 || this.#reading !== null) return 0;
    this.orClose(() => {
      this.#sort();
      this.#runs.push(this.writeRun(0));
    });
    const freed = this.#freePages();
    this.#freeArray();
    this.#memoryBytesSpilled += freed;
    return freed;
  }

  /** Gives back all memory and removes all files. Idempotent. Throws SpillError when a file cannot be removed, at the end. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#room = 0;
    this.#samplePeak();
    this.#freePages();
    this.freeRetained();
    this.#freeArray();
    this.#workspace.release();
    this.#reading?.close();
    const troubles: unknown[] = [];
    for (const run of this.#runs.splice(0)) {
      try {
        run.delete();
      } catch (error) {
        troubles.push(error);
      }
    }
    if (troubles.length > 0) throw troubles[0];
  }

  // ---- inserting, the rare paths

  /** Steps 1 and 2 of an insert: forced spills where thresholds apply, then room in the array. */
  #makeRoom(thresholds: boolean): void {
    this.#assertOpen();
    if (this.#reading !== null) throw new Misuse(`${this.name} is being read: nothing can be inserted any more`);
    if (thresholds && this.#records >= this.#spillRecords) this.spillSelf();
    if (thresholds && this.memoryBytes >= this.#spillBytes) this.spillSelf();
    this.#growArray();
    this.#measureRoom();
  }

  /** Steps 3 and 4: a page for `need` bytes, and the array again, since the page may have cost a spill. */
  #nextPage(need: number): void {
    const page = this.allocatePage(need);
    this.#pages.push(page);
    this.#pageSum += page.bytes;
    this.#views = page.views;
    this.#cursor = page.base;
    this.#pageEnd = page.base + page.bytes;
    this.#bias = page.number * OFFSET_SPAN - page.base;
    this.#enter(page);
    this.#growArray();
    this.#measureRoom();
  }

  /** Makes the rows of a page reachable by their addresses. */
  #enter(page: Page): void {
    this.#map.views[page.number] = page.views;
    this.#map.bases[page.number] = page.base;
    const { views } = this.#workspace;
    if (page.views !== views) this.#together = false;
    else views.u32[(this.#basesAt >>> 2) + page.number] = page.base;
  }

  /** Doubles the array when it has no room for one more record. */
  #growArray(): void {
    if (this.#freeRecords() > 0) return;
    if (this.#records === 0) return this.#useArray(this.allocateArray(this.#initialWords));
    let larger: Page | null = null;
    try {
      larger = this.allocateArray((this.#array!.bytes / 8) * 2);
    } catch (error) {
      if (error instanceof TooLargePage) this.spillSelf();
      else if (!(error instanceof TaskOutOfMemory) || this.#records > 0 || !this.#open) throw error;
    }
    if (this.#records === 0) {
      // A spill has emptied the sorter meanwhile: it starts small again.
      if (larger !== null) this.freePage(larger);
      larger = this.allocateArray(this.#initialWords);
    }
    this.#useArray(larger!);
  }

  #useArray(array: Page): void {
    const old = this.#array;
    const used = this.#records * RECORD_BYTES;
    if (old !== null) {
      const { kernels, views } = this.#workspace;
      // Between views of shared memory the language copies word by word.
      if (kernels !== null && old.views === views && array.views === views)
        kernels.moveBytes(array.base, old.base, used);
      else array.views.u8.set(old.views.u8.subarray(old.base, old.base + used), array.base);
      this.freePage(old);
    }
    this.#array = array;
    this.#arrayViews = array.views;
    this.#next = array.base + used;
    if (array.views !== this.#workspace.views) this.#together = false;
  }

  /** Records that the array has room for (section 9.2: usable words). */
  #freeRecords(): number {
    if (this.#array === null) return 0;
    const words = Math.floor(this.#array.bytes / 8);
    const usable = Math.floor(this.#radix ? words / 2 : words / 1.5);
    return Math.max(0, Math.ceil((usable - 1 - 2 * this.#records) / 2));
  }

  #measureRoom(): void {
    const room = Math.min(this.#freeRecords(), this.#spillRecords - this.#records);
    // The row being inserted passes in any case; the next one is looked at again.
    this.#room = this.memoryBytes >= this.#spillBytes ? 0 : room;
  }

  #lookAt(source: Uint8Array): void {
    this.#source = source;
    this.#sourceWords =
      source.byteOffset % 4 === 0 ? new Int32Array(source.buffer, source.byteOffset, source.length >>> 2) : null;
  }

  /** Copies into the current page, word by word where all is aligned and the source is the one looked at last. */
  #copy(source: Uint8Array, offset: number, length: number, at: number): void {
    const words = source === this.#source ? this.#sourceWords : null;
    if (((offset | length | at) & 3) !== 0 || words === null) {
      return copyBytes(source, offset, length, this.#views.u8, at);
    }
    const { i32 } = this.#views;
    let to = at >>> 2;
    for (let from = offset >>> 2, end = (offset + length) >>> 2; from < end; from += 1, to += 1) i32[to] = words[from]!;
  }

  /** The record of the row at byte `at` of the current page. */
  #point(at: number, prefixHigh: number, prefixLow: number): void {
    const next = this.#next;
    const views = this.#arrayViews;
    views.f64[next >>> 3] = at + this.#bias;
    views.i32[(next >>> 2) + 2] = prefixLow;
    views.i32[(next >>> 2) + 3] = prefixHigh;
    this.#next = next + RECORD_BYTES;
    this.#records += 1;
    this.#room -= 1;
  }

  #markNull(): void {
    const { f64 } = this.#arrayViews;
    const mark = (this.#next - RECORD_BYTES) >>> 3;
    f64[mark] = -1 - f64[mark]!;
    this.#nulls += 1;
  }

  // ---- sorting

  #sort(): void {
    if (this.#sorted) return;
    this.#sorted = true;
    const array = this.#array!;
    const { views, base } = array;
    const n = this.#records;
    if (this.#nulls > 0) nullsFirst(views, base, n, base + n * RECORD_BYTES);
    const at = base + this.#nulls * RECORD_BYTES;
    const rest = n - this.#nulls;
    const free = base + n * RECORD_BYTES;
    const { comparator } = this;
    const tie = comparator === null ? null : (a: number, b: number): number => this.#compare(comparator, a, b);
    this.#othersAt = at;
    if (!this.#radix) return mergeSort(views, at, rest, free, this.keyOrder, tie);
    const { kernels } = this.#workspace;
    this.#othersAt =
      kernels !== null && views === this.#workspace.views
        ? kernels.radixSort(at, rest, this.keyOrder, 0, 7, this.#scratchAt) >>> 0
        : radixSort(views, at, rest, this.keyOrder);
    if (tie !== null) sortTies(views, this.#othersAt, rest, this.#othersAt === at ? free : at, tie);
  }

  #compare(comparator: RowComparator, a: number, b: number): number {
    const { views, bases } = this.#map;
    const p = pageOf(a);
    const q = pageOf(b);
    const left = views[p]!;
    const right = views[q]!;
    const at = bases[p]! + (a - p * OFFSET_SPAN);
    const bt = bases[q]! + (b - q * OFFSET_SPAN);
    return comparator(left.u8, at + 4, wordAt(left, at), right.u8, bt + 4, wordAt(right, bt));
  }

  // ---- rows for runs and readers. An ordinal is a place in the final order.

  /** @internal How many rows from `ordinal` on are alike in being null or not, and whether they are. */
  stretch(ordinal: number): { rows: number; isNull: boolean } {
    const nulls = this.#nulls;
    const first = this.nullsLast ? this.#records - nulls : nulls;
    const inFirst = ordinal < first;
    return { rows: (inFirst ? first : this.#records) - ordinal, isNull: inFirst !== this.nullsLast };
  }

  /**
   * @internal Lays out a block of up to `bytes` bytes at byte `at` of `target`, with rows from `ordinal` on, all null or
   * none. Returns how many; 0 when the first is too long for a block.
   */
  layOut(ordinal: number, target: Views, at: number, bytes: number): LaidOut {
    const { rows, isNull } = this.stretch(ordinal);
    const record = this.#recordAt(ordinal);
    const out = at + BLOCK_HEAD_BYTES;
    const laid = this.#laid;
    let kind: RowKind = VARIED;
    if (isNull) this.#gather(record, rows, target, out, at + bytes, VARIED, 0);
    else {
      kind = this.#kind ??= this.#firstKind(record);
      while (this.#gather(record, rows, target, out, at + bytes, kind, this.#length) === 0 && kind !== VARIED)
        this.#kind = kind = this.#widerKind(record, bytes);
    }
    const head = at >>> 2;
    target.i32[head] = kind | (isNull ? 256 : 0);
    target.i32[head + 1] = kind === VARIED ? 0 : this.#length;
    return laid;
  }

  /** @internal The row at `ordinal` by itself. */
  rowAt(ordinal: number): { views: Views; at: number; length: number; prefixLow: number; prefixHigh: number } {
    const record = this.#recordAt(ordinal);
    const { f64, i32 } = this.#arrayViews;
    const address = f64[record >>> 3]!;
    const page = pageOf(address);
    const views = this.#map.views[page]!;
    const at = this.#map.bases[page]! + (address - page * OFFSET_SPAN);
    return {
      views,
      at: at + 4,
      length: wordAt(views, at),
      prefixLow: i32[(record >>> 2) + 2]!,
      prefixHigh: i32[(record >>> 2) + 3]!,
    };
  }

  /** @internal Writes the rows from `ordinal` to the last as a run. */
  writeRun(ordinal: number): Run {
    const { views, base } = this.#workspace;
    const writer = this.store.create(this.#schema, 0);
    const first = ordinal;
    let rowBytes = 0;
    try {
      const most = leastBlockBytes(this.blockBytes, writer.maxBlockBytes);
      while (ordinal < this.#records) {
        const laid = this.layOut(ordinal, views, base, most);
        if (laid.rows === 0) {
          const row = this.rowAt(ordinal);
          const { isNull } = this.stretch(ordinal);
          writeLong(writer, views, base, most, row.views, row.at, row.length, row.prefixLow, row.prefixHigh, isNull);
          ordinal += 1;
          rowBytes += row.length;
        } else {
          writer.writeBlock(views.u8, base, laid.end - base, laid.rows);
          ordinal += laid.rows;
          rowBytes += laid.bytes;
        }
      }
      const run = writer.finish();
      this.#spills += 1;
      this.#recordsSpilled += ordinal - first;
      this.#diskBytesSpilled += run.diskBytes;
      this.#sparkDiskBytesSpilled += 4 + 12 * (ordinal - first) + rowBytes;
      return run;
    } catch (error) {
      writer.abort();
      throw error;
    }
  }

  /** @internal Starts a run for what several runs are merged into. */
  createRun(): RunWriter {
    return this.store.create(this.#schema, 0);
  }

  /** @internal A run written by an open read. */
  addRun(run: Run): void {
    this.#runs.push(run);
  }

  /** @internal The memory that this sorter's pages lie in, as far as it is one. */
  get nearViews(): Views {
    return this.#arrayViews;
  }

  /** @internal The runs have changed: some were merged into one, or read to their end. */
  setRuns(runs: Run[]): void {
    this.#runs = runs;
  }

  /** @internal Whether a read of which nothing is left to write gives its memory back to others: Spark 3.1 and later. */
  get givesUpWhatIsRead(): boolean {
    return this.task.release >= 301;
  }

  /**
   * @internal The end of the in-memory part of an open read: frees the pages, except the one that the row at `current`
   * lies in (-1 for none), and the array. Returns the bytes given back, which count as spilled.
   */
  giveUpMemory(current: number): number {
    let kept: Page | null = null;
    if (current >= 0) {
      const number = pageOf(this.#arrayViews.f64[this.#recordAt(current) >>> 3]!);
      kept = this.#pages.find((page) => page.number === number) ?? null;
    }
    let freed = this.#array?.bytes ?? 0;
    for (const page of this.#pages) {
      if (page === kept) continue;
      freed += page.bytes;
      this.freePage(page);
    }
    this.#pages = [];
    this.#retained = kept;
    // Only to take the peak from: before 4.1 what is left, from then on all that was there (section 9.2).
    if (this.task.release < 401) this.#pageSum = this.givesUpWhatIsRead && kept !== null ? kept.bytes : 0;
    this.#freeArray();
    this.#memoryBytesSpilled += freed;
    return freed;
  }

  /** @internal Frees the page that was kept for the row being read. */
  freeRetained(): void {
    const page = this.#retained;
    this.#retained = null;
    if (page === null) return;
    if (this.task.release < 401) this.#pageSum = 0;
    if (page.number >= 0) this.freePage(page);
  }

  /** @internal Runs something that touches the disk; when that fails, all bytes, pages and files are given back first. */
  orClose<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      try {
        this.close();
      } catch {
        // The first trouble is the one to tell.
      }
      throw error;
    }
  }

  #gather(record: number, n: number, target: Views, out: number, end: number, kind: RowKind, length: number): number {
    const laid = this.#laid;
    const { kernels, views } = this.#workspace;
    if (kernels === null || !this.#together || target !== views)
      return gatherRows(this.#arrayViews, record, n, this.#map, target, out, end, kind, length, laid);
    const result = this.#resultAt;
    laid.rows = kernels.gatherRows(record, n, this.#basesAt, out, end, kind, length, result);
    laid.end = views.u32[result >>> 2]!;
    laid.bytes = views.f64[(result + 8) >>> 3]!;
    return laid.rows;
  }

  #firstKind(record: number): RowKind {
    const { i32 } = this.#arrayViews;
    const address = this.#arrayViews.f64[record >>> 3]!;
    const page = pageOf(address);
    const views = this.#map.views[page]!;
    const at = this.#map.bases[page]! + (address - page * OFFSET_SPAN);
    this.#length = wordAt(views, at);
    const keyed =
      this.#length >= 8 &&
      wordAt(views, at + 4) === i32[(record >>> 2) + 2] &&
      wordAt(views, at + 8) === i32[(record >>> 2) + 3];
    return keyed ? KEYED : FIXED;
  }

  /** What to try where nothing could be laid out as `#kind` says: the row differs, or does not fit. */
  #widerKind(record: number, bytes: number): RowKind {
    const fits = 8 + BLOCK_HEAD_BYTES + padded(this.#length) <= bytes;
    const length = this.#length;
    this.#firstKind(record);
    const same = this.#length === length;
    this.#length = length;
    return this.#kind === KEYED && same && fits ? FIXED : VARIED;
  }

  #recordAt(ordinal: number): number {
    const others = this.#records - this.#nulls;
    const place = this.nullsLast ? ordinal : ordinal - this.#nulls;
    if (place >= 0 && place < others) return this.#othersAt + place * RECORD_BYTES;
    return this.#array!.base + (this.nullsLast ? place - others : ordinal) * RECORD_BYTES;
  }

  // ---- memory

  #freePages(): number {
    this.#samplePeak();
    let freed = 0;
    for (const page of this.#pages) {
      freed += page.bytes;
      if (page.number >= 0) this.freePage(page);
    }
    this.#pages = [];
    this.#pageSum = 0;
    this.#cursor = this.#pageEnd = 0;
    return freed;
  }

  #freeArray(): void {
    const array = this.#array;
    this.#array = null;
    this.#records = this.#nulls = this.#room = 0;
    this.#sorted = false;
    if (array !== null && array.number >= 0) this.freePage(array);
  }

  #samplePeak(): void {
    this.#peak = Math.max(this.#peak, this.memoryBytes);
  }

  #assertOpen(): void {
    if (!this.#open) throw new Misuse(`${this.name} is closed`);
  }

  // The workspace: the block, the bases of the pages, what a kernel answers, the scratch of the sort.
  get #basesAt(): number {
    return this.#workspace.base + Math.ceil(this.blockBytes / 16) * 16;
  }
  get #resultAt(): number {
    return this.#basesAt + BASES_BYTES;
  }
  get #scratchAt(): number {
    return this.#resultAt + RESULT_BYTES;
  }
}
