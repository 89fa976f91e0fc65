// The shuffle sorter: rows in pages, one packed pointer each, ordered by partition alone, and runs with a segment for each
// partition when memory is short. When it asks for memory, spills and fails is Spark's rule, step by step (section 9.3 of the
// law); rows of one partition come back in the order of their insertion.

import type { Page } from "../memory/page.js";
import { Views } from "../memory/views.js";
import type { RunSchema, SpillStore } from "../spill/contract.js";
import { Consumer } from "./consumer.js";
import {
  MAX_PACKED_PAGE_BYTES,
  MAX_PARTITIONS,
  mergeSortPacked,
  packedOffset,
  packedPage,
  packHigh,
  packLow,
  partitionOf,
  radixSortPacked,
} from "./packed.js";
import { Misuse, TaskOutOfMemory, TooLargePage } from "./refusal.js";
import { assertWithin, copyBytes, type PageMap, putWord, wordAt } from "./rows.js";
import { type SegmentedRun, SegmentWriter, ShuffleRows } from "./shuffle-rows.js";
import { MOST_WAYS } from "./sorted-rows.js";
import type { TaskMemoryManager } from "./task.js";

/** How a shuffle sorter works, and where it spills. */
export interface ShuffleSorterOptions {
  /** Where runs go. */
  readonly store: SpillStore;
  /** Rows go to partitions 0 up to this, exclusive; 1 to 2^24. */
  readonly partitions: number;
  /** For messages and reports. */
  readonly name?: string;
  /** Smallest data page, bytes; the manager's page size by default. At most 2^27. */
  readonly pageBytes?: number;
  /** Whether pointers are sorted by radix sort, which takes as much free space as data. Default true. */
  readonly radix?: boolean;
  /** Words of the first pointer array (`spark.shuffle.sort.initialBufferSize`), 2 or more. Default 4096. */
  readonly initialRecords?: number;
  /** `spark.shuffle.spill.numElementsForceSpillThreshold`. */
  readonly spillRecords?: number;
  /** `spark.shuffle.spill.maxSizeInBytesForSpillThreshold`, 4.1 and later. */
  readonly spillBytes?: number;
  /** What the rows are, for the header of the files; at most 200 bytes of UTF-8. */
  readonly fields?: string;
  /** Largest block, bytes; the store may ask for smaller ones. Default 256 KiB. */
  readonly blockBytes?: number;
}

/**
 * What a shuffle sorter has done, in Spark's meaning of each word. Bytes. The last file counts as written and not as
 * spilled when there is no other; before 3.4 it always does.
 */
export interface ShuffleMetrics {
  /** Pages given back by spills, waste included. */
  readonly memoryBytesSpilled: number;
  /** Bytes of the files that spills wrote. */
  readonly diskBytesSpilled: number;
  /** Bytes that the same rows take in Spark's own files without compression: theirs alone. */
  readonly sparkDiskBytesSpilled: number;
  /** Bytes of all files, the last one included. */
  readonly bytesWritten: number;
  /** The same in Spark's own files without compression. */
  readonly sparkBytesWritten: number;
  /** Rows of all files. */
  readonly recordsWritten: number;
  /** Files, the last one included. Runs that are merged down before reading (more than 128) are not counted again. */
  readonly files: number;
  /** Most execution memory so far, as Spark samples it. */
  readonly peakExecutionBytes: number;
}

const SEGMENTS_VERSION = 1;
const POINTER_BYTES = 8;

/**
 * Orders the rows of one task by partition. Close it when done: it holds a block and files outside of the accounts.
 *
 * @example
 * ```ts
 * import { openExecutor, ShuffleSorter } from "tungsten-memory";
 * import { openSpillStore } from "tungsten-memory/spill";
 *
 * const store = openSpillStore();
 * const sorter = new ShuffleSorter(openExecutor().task(1), { store, partitions: 200 });
 * const row = new TextEncoder().encode("a row");
 * sorter.insert(row, 0, row.length, 17);
 * sorter.insert(row, 0, row.length, 3);
 * sorter.finish().close();
 * console.log(sorter.metrics.recordsWritten, sorter.partitionBytes[17]); // 2 5
 * sorter.close();
 * store.close();
 * ```
 */
export class ShuffleSorter extends Consumer {
  /** Where files go. */
  readonly store: SpillStore;
  /** Partitions, numbered from 0. */
  readonly partitions: number;
  /** Bytes of the rows of each partition that have been written to files, lengths and padding not counted. */
  readonly partitionBytes: Float64Array;
  readonly #radix: boolean;
  readonly #initialWords: number;
  readonly #spillRecords: number;
  readonly #spillBytes: number;
  readonly #schema: RunSchema;
  /** What runs are laid out in, reserved before it is needed: spilling asks for no memory. */
  readonly #block: Views;
  #open = true;

  // Null once a spill could not have the first array again, and after `finish`. `#room` is how many inserts may pass before
  // the slow path must look.
  #array: Page | null = null;
  #records = 0;
  #room = 0;

  #pages: Page[] = [];
  #pageSum = 0;
  readonly #map: PageMap = { views: [], bases: [] };
  #views: Views;
  #page = 0;
  #pageBase = 0;
  #cursor = 0;
  #pageEnd = 0;

  #runs: SegmentedRun[] = [];
  #rows: ShuffleRows | null = null;
  #peak = 0;
  #memoryBytesSpilled = 0;
  #diskBytesSpilled = 0;
  #sparkDiskBytesSpilled = 0;
  #bytesWritten = 0;
  #sparkBytesWritten = 0;
  #recordsWritten = 0;
  #files = 0;

  /** Allocates the first pointer array; throws TaskOutOfMemory or WouldWait when it cannot be had. */
  constructor(task: TaskMemoryManager, options: ShuffleSorterOptions) {
    super(task, {
      name: options.name ?? "ShuffleSorter",
      pageBytes: Math.min(MAX_PACKED_PAGE_BYTES, options.pageBytes ?? task.pageBytes),
    });
    const { partitions, initialRecords = 4096, blockBytes = 1 << 18 } = options;
    if (!(Number.isInteger(partitions) && partitions >= 1 && partitions <= MAX_PARTITIONS))
      throw new Misuse(`${this.name}: a shuffle has 1 to ${MAX_PARTITIONS} partitions, not ${partitions}`);
    // In an array of one word there is no room for any record: Spark fails at the first insert after a spill.
    if (!(Number.isInteger(initialRecords) && initialRecords >= 2))
      throw new Misuse(`${this.name}: the first array has 2 words at least, not ${initialRecords}`);
    if (!(blockBytes >= 64)) throw new Misuse(`${this.name}: blocks have at least 64 bytes, not ${blockBytes}`);
    this.store = options.store;
    this.partitions = partitions;
    this.partitionBytes = new Float64Array(partitions);
    this.#radix = options.radix ?? true;
    this.#initialWords = initialRecords;
    this.#spillRecords = options.spillRecords ?? 2 ** 31 - 1;
    this.#spillBytes = options.spillBytes ?? Number.MAX_SAFE_INTEGER;
    this.#schema = { kind: "shuffle-segments", version: SEGMENTS_VERSION, fields: options.fields ?? "" };
    this.#block = new Views(new ArrayBuffer(Math.ceil(blockBytes / 8) * 8));
    this.#views = this.#block;
    this.#array = this.allocateArray(this.#initialWords);
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

  /** Whether a spill could not have the first array again: until an insert gets it, the sorter holds nothing. */
  get broken(): boolean {
    return this.#open && this.#rows === null && this.#array === null;
  }

  /** One figure of `metrics`, which is cheap to ask for at every row. */
  get memoryBytesSpilled(): number {
    return this.#memoryBytesSpilled;
  }

  /** What it has done so far. Asking takes a sample of the peak, as in Spark. */
  get metrics(): ShuffleMetrics {
    this.#samplePeak();
    return {
      memoryBytesSpilled: this.#memoryBytesSpilled,
      diskBytesSpilled: this.#diskBytesSpilled,
      sparkDiskBytesSpilled: this.#sparkDiskBytesSpilled,
      bytesWritten: this.#bytesWritten,
      sparkBytesWritten: this.#sparkBytesWritten,
      recordsWritten: this.#recordsWritten,
      files: this.#files,
      peakExecutionBytes: this.#peak,
    };
  }

  /** Inserts `length` bytes of `source` from `offset`. Throws TaskOutOfMemory, SpillError, or WouldWait (then call it again). */
  insert(source: Uint8Array, offset: number, length: number, partition: number): void {
    if (!(partition >= 0 && partition < this.partitions && Number.isInteger(partition)))
      throw new Misuse(`${this.name} has partitions 0 to ${this.partitions - 1}, not ${partition}`);
    assertWithin(this.name, source, offset, length);
    if (this.#room <= 0) this.#makeRoom();
    if (this.#cursor + length + 4 > this.#pageEnd) this.#nextPage(length + 4);
    const at = this.#cursor;
    putWord(this.#views, at, length);
    copyBytes(source, offset, length, this.#views.u8, at + 4);
    this.#cursor = at + length + 4;
    const array = this.#array!;
    const { i32 } = array.views;
    const word = (array.base >>> 2) + 2 * this.#records;
    i32[word] = packLow(this.#page, at - this.#pageBase);
    i32[word + 1] = packHigh(partition, this.#page);
    this.#records += 1;
    this.#room -= 1;
  }

  /** For itself it writes all it has and starts again with the first array; for others it does nothing. */
  spill(_bytes: number, trigger: Consumer): number {
    if (trigger !== this || this.#array === null || this.#records === 0) return 0;
    this.#writeRun(false);
    const freed = this.#freePages();
    this.#freeArray();
    try {
      this.#array = this.allocateArray(this.#initialWords);
    } catch (error) {
      // Where Spark fails it has not counted the spill yet; where it would wait it counts afterwards.
      if (!(error instanceof TaskOutOfMemory)) this.#memoryBytesSpilled += freed;
      throw error;
    }
    this.#measureRoom();
    this.#memoryBytesSpilled += freed;
    return freed;
  }

  /** Writes what is left, gives all memory back, and returns the rows by partition. Nothing can be inserted any more. */
  finish(): ShuffleRows {
    this.#assertFilling();
    if (this.#records > 0) this.#writeRun(this.task.release < 304 || this.#files === 0);
    this.#freePages();
    this.#freeArray();
    this.#guard(() => this.#mergeDown());
    this.#rows = this.#guard(() => this.#read(this.#runs));
    return this.#rows;
  }

  /** Gives back all memory and removes all files. Idempotent. Throws SpillError when a file cannot be removed, at the end. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#freePages();
    this.#freeArray();
    this.#rows?.close();
    const troubles: unknown[] = [];
    for (const { run } of this.#runs.splice(0)) {
      try {
        run.delete();
      } catch (error) {
        troubles.push(error);
      }
    }
    if (troubles.length > 0) throw troubles[0];
  }

  // ---- inserting, the rare paths

  #makeRoom(): void {
    this.#assertFilling();
    if (this.#records >= this.#spillRecords) this.spillSelf();
    if (this.memoryBytes >= this.#spillBytes) this.spillSelf();
    this.#growArray();
    this.#measureRoom();
  }

  #nextPage(need: number): void {
    const page = this.allocatePage(need);
    this.#pages.push(page);
    this.#pageSum += page.bytes;
    this.#views = page.views;
    this.#page = page.number;
    this.#pageBase = this.#cursor = page.base;
    this.#pageEnd = page.base + page.bytes;
    this.#map.views[page.number] = page.views;
    this.#map.bases[page.number] = page.base;
    this.#measureRoom();
  }

  /** Doubles the array when it has no room for one more record. */
  #growArray(): void {
    if (this.#array === null) this.#array = this.allocateArray(this.#initialWords);
    if (this.#freeRecords() > 0) return;
    let larger: Page;
    try {
      larger = this.allocateArray(Math.floor(this.#array.bytes / 8) * 2);
    } catch (error) {
      if (error instanceof TooLargePage) this.spillSelf();
      else if (!(error instanceof TaskOutOfMemory) || this.#freeRecords() === 0) throw error;
      return;
    }
    // A spill may have made room meanwhile.
    if (this.#freeRecords() > 0) return this.freePage(larger);
    const old = this.#array;
    larger.views.u8.set(old.views.u8.subarray(old.base, old.base + this.#records * POINTER_BYTES), larger.base);
    this.freePage(old);
    this.#array = larger;
  }

  /** Records that the array has room for (section 9.3: usable words). */
  #freeRecords(): number {
    if (this.#array === null) return 0;
    const words = Math.floor(this.#array.bytes / 8);
    return Math.max(0, Math.floor(this.#radix ? words / 2 : words / 1.5) - this.#records);
  }

  #measureRoom(): void {
    const room = Math.min(this.#freeRecords(), this.#spillRecords - this.#records);
    // The row being inserted passes in any case; the next one is looked at again.
    this.#room = this.memoryBytes >= this.#spillBytes ? 0 : room;
  }

  // ---- runs

  #writeRun(last: boolean): void {
    const { views, base } = this.#array!;
    const n = this.#records;
    let at = base;
    if (this.#radix) at = radixSortPacked(views, base, n, base + n * POINTER_BYTES);
    else mergeSortPacked(views, base, n);
    const { i32 } = views;
    const { views: pages, bases } = this.#map;
    let rowBytes = 0;
    const written = this.#guard(() =>
      this.#writeSegments((segments) => {
        for (let word = at >>> 2, end = word + 2 * n; word < end; word += 2) {
          const low = i32[word]!;
          const high = i32[word + 1]!;
          const page = packedPage(high, low);
          const partition = partitionOf(high);
          const row = bases[page]! + packedOffset(low);
          const length = wordAt(pages[page]!, row);
          segments.write(partition, pages[page]!, row + 4, length);
          this.partitionBytes[partition]! += length;
          rowBytes += length;
        }
      }),
    );
    this.#runs.push(written);
    this.#files += 1;
    this.#recordsWritten += n;
    if (last) {
      this.#bytesWritten += written.run.diskBytes;
      this.#sparkBytesWritten += rowBytes;
    } else {
      this.#diskBytesSpilled += written.run.diskBytes;
      this.#sparkDiskBytesSpilled += rowBytes;
    }
  }

  #writeSegments(write: (segments: SegmentWriter) => void): SegmentedRun {
    const writer = this.store.create(this.#schema);
    try {
      const segments = new SegmentWriter(writer, this.#block, this.partitions);
      write(segments);
      return segments.finish();
    } catch (error) {
      writer.abort();
      throw error;
    }
  }

  /** Puts neighbouring runs together until few enough are left to be read at once; their order stays. */
  #mergeDown(): void {
    for (let i = 0; this.#runs.length > MOST_WAYS; i = i + 1 < this.#runs.length ? i + 1 : 0) {
      const group = this.#runs.slice(i, i + MOST_WAYS);
      const rows = this.#read(group);
      try {
        const merged = this.#writeSegments((segments) => {
          while (rows.next()) segments.write(rows.partition, rows.views, rows.offset, rows.length);
        });
        this.#runs.splice(i, group.length, merged);
      } finally {
        rows.close();
      }
    }
  }

  #read(runs: readonly SegmentedRun[]): ShuffleRows {
    return new ShuffleRows(runs, this.partitions, (work) => this.#guard(work));
  }

  /** Runs something that touches the disk; when that fails, all bytes, pages and files are given back first. */
  #guard<T>(work: () => T): T {
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
    this.#records = this.#room = 0;
    if (array !== null && array.number >= 0) this.freePage(array);
  }

  #samplePeak(): void {
    this.#peak = Math.max(this.#peak, this.memoryBytes);
  }

  #assertFilling(): void {
    if (!this.#open) throw new Misuse(`${this.name} is closed`);
    if (this.#rows !== null) throw new Misuse(`${this.name} is finished: nothing can be inserted any more`);
  }
}
