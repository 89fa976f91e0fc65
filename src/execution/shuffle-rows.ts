// Rows by partition, out to a run and back. A run is the rows of partition 0, then those of 1, and so on, each its length
// in 4 bytes and its bytes, padded with zeros to whole words; blocks cut this stream wherever they are full. How long each
// partition's segment is stays in memory with the run, as it does in Spark.

import { assert } from "../fault.js";
import { Views } from "../memory/views.js";
import type { Run, RunReader, RunWriter } from "../spill/contract.js";
import { copyRow, padded } from "./rows.js";

/** A run with the bytes that each partition takes of it. */
export interface SegmentedRun {
  readonly run: Run;
  readonly segmentBytes: Float64Array;
}

/** Writes rows, ordered by partition, to a run, through a block of the caller's. */
export class SegmentWriter {
  readonly #writer: RunWriter;
  readonly #block: Views;
  readonly #segmentBytes: Float64Array;
  readonly #end: number;
  #at = 0;
  #rows = 0;

  constructor(writer: RunWriter, block: Views, partitions: number) {
    this.#writer = writer;
    this.#block = block;
    this.#segmentBytes = new Float64Array(partitions);
    this.#end = Math.min(block.u8.length, writer.maxBlockBytes) & ~3;
    assert(this.#end >= 4, "a block holds a word at least");
  }

  /** Adds the row of `length` bytes at byte `at` of `from`. */
  write(partition: number, from: Views, at: number, length: number): void {
    const rowBytes = 4 + padded(length);
    this.#segmentBytes[partition]! += rowBytes;
    if (this.#at + rowBytes > this.#end) return this.#writeAcross(from, at, length);
    this.#block.i32[this.#at >>> 2] = length;
    copyRow(from, at, this.#block, this.#at + 4, length);
    this.#at += rowBytes;
    this.#rows += 1;
  }

  finish(): SegmentedRun {
    this.#flush();
    return { run: this.#writer.finish(), segmentBytes: this.#segmentBytes };
  }

  /** A row that does not fit what is left of the block goes on in the next ones. It counts where it starts. */
  #writeAcross(from: Views, at: number, length: number): void {
    if (this.#at === this.#end) this.#flush();
    this.#block.i32[this.#at >>> 2] = length;
    this.#at += 4;
    this.#rows += 1;
    for (let done = 0; done < length;) {
      if (this.#at === this.#end) this.#flush();
      const bytes = Math.min(length - done, this.#end - this.#at);
      copyRow(from, at + done, this.#block, this.#at, bytes);
      this.#at += padded(bytes);
      done += bytes;
    }
  }

  #flush(): void {
    if (this.#at > 0) this.#writer.writeBlock(this.#block.u8, 0, this.#at, this.#rows);
    this.#at = this.#rows = 0;
  }
}

/** One run with its window: what is left of the block that was read last. */
interface Source {
  readonly run: Run;
  readonly segmentBytes: Float64Array;
  readonly reader: RunReader;
  readonly window: Views;
  at: number;
  end: number;
}

/**
 * Reads the rows of several runs by partition; inside one, the runs in their order. The fields hold until the next call.
 *
 * @example
 * ```ts
 * import { openExecutor, ShuffleSorter } from "tungsten-memory";
 * import { openSpillStore } from "tungsten-memory/spill";
 *
 * const store = openSpillStore();
 * const sorter = new ShuffleSorter(openExecutor().task(1), { store, partitions: 2 });
 * sorter.insert(Uint8Array.of(7), 0, 1, 1);
 * const rows = sorter.finish(); // ShuffleRows
 * while (rows.next()) console.log(rows.partition, rows.u8[rows.offset]); // 1 7
 * rows.close();
 * store.close();
 * ```
 */
export class ShuffleRows {
  /** The row's partition, from 0. */
  partition = 0;
  /** The row's bytes are `length` bytes from byte `offset` of these views. */
  views: Views;
  /** Where the row begins in `u8`, bytes. */
  offset = 0;
  /** Bytes of the row. */
  length = 0;
  readonly #sources: Source[] = [];
  readonly #partitions: number;
  readonly #guard: <T>(work: () => T) => T;
  /** The source being read, and what is left of its segment, bytes. */
  #source = 0;
  #left = 0;
  #long: Views = new Views(new ArrayBuffer(8));
  #open = true;

  /** `guard` runs whatever touches the disk. */
  constructor(runs: readonly SegmentedRun[], partitions: number, guard: <T>(work: () => T) => T) {
    this.#partitions = partitions;
    this.#guard = guard;
    this.views = this.#long;
    try {
      for (const { run, segmentBytes } of runs) {
        const reader = run.open();
        const window = new Views(new ArrayBuffer(Math.ceil(reader.maxBlockBytes / 8) * 8));
        this.#sources.push({ run, segmentBytes, reader, window, at: 0, end: 0 });
      }
    } catch (error) {
      this.close();
      throw error;
    }
    this.#left = this.#sources[0]?.segmentBytes[0] ?? 0;
  }

  /** The bytes that hold the current row. */
  get u8(): Uint8Array {
    return this.views.u8;
  }

  /** Goes to the next row; false when there is none. */
  next(): boolean {
    if (this.#left === 0 && !this.#nextSegment()) return false;
    const source = this.#sources[this.#source]!;
    if (source.at === source.end) this.#guard(() => this.#load(source));
    const length = source.window.i32[source.at >>> 2]!;
    source.at += 4;
    this.length = length;
    this.#left -= 4 + padded(length);
    if (source.at + padded(length) <= source.end) {
      this.views = source.window;
      this.offset = source.at;
      source.at += padded(length);
    } else this.#guard(() => this.#assemble(source, length));
    return true;
  }

  /** Closes the runs; those read to their end are gone already. Idempotent. */
  close(): void {
    this.#open = false;
    this.#left = 0;
    for (const source of this.#sources) source.reader.close();
  }

  #nextSegment(): boolean {
    const sources = this.#sources;
    while (this.#open && this.#left === 0) {
      this.#source += 1;
      if (this.#source >= sources.length) {
        this.#source = 0;
        if (this.partition + 1 >= this.#partitions || sources.length === 0) return this.#end();
        this.partition += 1;
      }
      this.#left = sources[this.#source]!.segmentBytes[this.partition]!;
    }
    return this.#open;
  }

  /** Every run must end where its segments do. */
  #end(): false {
    this.#open = false;
    this.#guard(() => {
      for (const { run, reader, window } of this.#sources) {
        assert(reader.readBlock(window.u8, 0) === 0, "a run ends with its last segment");
        reader.close();
        run.delete();
      }
    });
    return false;
  }

  #load(source: Source): void {
    source.at = 0;
    source.end = source.reader.readBlock(source.window.u8, 0);
    assert(source.end > 0, "a run has all the bytes of its segments");
  }

  /** Puts a row together that blocks have cut. */
  #assemble(source: Source, length: number): void {
    if (this.#long.u8.length < padded(length)) this.#long = new Views(new ArrayBuffer(Math.ceil(length / 8) * 16));
    for (let done = 0; done < padded(length);) {
      if (source.at === source.end) this.#load(source);
      const bytes = Math.min(padded(length) - done, source.end - source.at);
      this.#long.u8.set(source.window.u8.subarray(source.at, source.at + bytes), done);
      source.at += bytes;
      done += bytes;
    }
    this.views = this.#long;
    this.offset = 0;
  }
}
