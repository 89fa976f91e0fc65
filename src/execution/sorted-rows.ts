// The rows of a sorter in order, one at a time, out of blocks that were gathered, read or merged many rows at once. What is
// still in memory is one more source beside the runs, and can be turned into a run at any moment (section 9.2 of the law).

import { Views } from "../memory/views.js";
import type { Run, RunReader, RunWriter } from "../spill/contract.js";
import {
  BLOCK_HEAD_BYTES,
  copyRow,
  countRows,
  FIXED,
  KEYED,
  type LaidOut,
  leastBlockBytes,
  LONG_START,
  mergeRuns,
  padded,
  type RowKind,
  RUN_WORDS,
  strideOf,
  VARIED,
  writeLong,
} from "./rows.js";
import type { Sorter } from "./sorter.js";
import { openWorkspace, type Workspace } from "./workspace.js";

/** Most runs that are merged at once; more are merged into fewer first, so that windows and open files stay bounded. */
export const MOST_WAYS = 128;

/** One sorted source with its window: the rows from byte `at` to byte `end` of the workspace. */
interface Source {
  readonly window: number;
  run: Run | null;
  reader: RunReader | null;
  /** The next row to lay out of what is in memory; -1 for a run. */
  ordinal: number;
  at: number;
  end: number;
  /** Where `at` stood before the last merge. */
  before: number;
  kind: RowKind;
  length: number;
  isNull: boolean;
  /** The row that the window stands for when it is too long for one. */
  long: Views | null;
  longLength: number;
}

/**
 * Reads the rows of a sorter. The fields say what the current row is, and hold until the next call of `next`.
 *
 * @example
 * ```ts
 * import { openExecutor, Sorter } from "tungsten-memory";
 * import { openSpillStore } from "tungsten-memory/spill";
 *
 * const store = openSpillStore();
 * const sorter = new Sorter(openExecutor().task(1), { store });
 * for (const key of [3, 1, 2]) sorter.insert(Uint8Array.of(key), 0, 1, 0, key);
 * const rows = sorter.sorted(); // SortedRows
 * const keys: number[] = [];
 * while (rows.next()) keys.push(rows.u8[rows.offset]!);
 * console.log(keys); // [ 1, 2, 3 ]
 * rows.close();
 * sorter.close();
 * store.close();
 * ```
 */
export class SortedRows {
  /** The row's bytes are `length` bytes from byte `offset` of these views. */
  views: Views;
  /** Where the current row begins in `u8`, bytes. */
  offset = 0;
  /** Bytes of the current row. */
  length = 0;
  /** Whether the row was inserted by `insertNull`. */
  isNull = false;

  readonly #sorter: Sorter;
  readonly #space: Workspace;
  readonly #windowBytes: number;
  #staging: Uint8Array | null = null;
  /** Where a merge keeps its runs, its losers and what the kernel answers. */
  readonly #tables: number;
  /** Most bytes of a block that a merge lays out. */
  #outBytes: number;
  readonly #sources: Source[] = [];
  /** What was in memory at the start; a run like the others once it has been spilled. */
  #memory: Source | null = null;
  #spilled = false;
  #memoryRows: number;

  // The row returned last, at byte `#row`, and the rows at hand: `#left` of them from byte `#at`; `#stride` is 0 where each
  // has its own length.
  #row = 0;
  #left = 0;
  #at = 0;
  /** Where the rows at hand end. */
  #endAt = 0;
  #stride = 0;
  #lead = 0;
  /** The source whose window is being handed out, if it is one. */
  #delivered: Source | null = null;
  /** The long row that comes after the rows at hand. */
  #longNext: Source | null = null;
  /** Sources in the merge at hand, and the rows that it laid out; empty when none is. */
  #merging: Source[] = [];
  #mergedRows = 0;
  #state: "nulls" | "rows" | "ended" | "closed";
  #nullsLeft: Source[] = [];
  /** A single source that has not been laid out yet. */
  #fresh: boolean;
  readonly #laid: LaidOut = { end: 0, rows: 0, bytes: 0 };

  /** @internal Use `Sorter.sorted`. */
  constructor(sorter: Sorter, runs: readonly Run[], inMemory: boolean = true) {
    this.#sorter = sorter;
    this.#memoryRows = inMemory ? sorter.records : 0;
    let left = runs;
    if (inMemory && runs.length > MOST_WAYS) left = mergeDown(sorter, runs);
    const readers: RunReader[] = [];
    try {
      for (const run of left) readers.push(run.open());
    } catch (error) {
      for (const reader of readers) reader.close();
      throw error;
    }
    const ways = readers.length + (this.#memoryRows > 0 ? 1 : 0);
    this.#windowBytes = sorter.blockBytes;
    const slotBytes = Math.ceil(this.#windowBytes / 16) * 16 + 16;
    this.#outBytes = sorter.blockBytes;
    // A window for each source, the block that merges lay out, their runs and losers, what a kernel answers.
    const near = sorter.nearViews;
    this.#space = openWorkspace(
      sorter.task.allocator,
      near,
      (ways + 1) * slotBytes + (ways + 1) * (RUN_WORDS + 1) * 4 + 32,
    );
    this.views = this.#space.views;
    for (let i = 0; i < ways; i += 1) {
      const source: Source = {
        window: this.#space.base + (i + 1) * slotBytes,
        run: left[i] ?? null,
        reader: readers[i] ?? null,
        ordinal: i < readers.length ? -1 : 0,
        at: 0,
        end: 0,
        before: 0,
        kind: VARIED,
        length: 0,
        isNull: false,
        long: null,
        longLength: 0,
      };
      this.#sources.push(source);
      if (source.ordinal === 0) this.#memory = source;
    }
    this.#tables = this.#space.base + (ways + 1) * slotBytes;
    this.#state = sorter.nullsLast ? "rows" : "nulls";
    // A single source of rows in memory is laid out at the first row only: until then a spill has all of it to write.
    this.#fresh = ways === 1;
    this.#nullsLeft = [...this.#sources];
    try {
      if (ways > 1) for (const source of this.#sources) this.#load(source);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** The bytes that hold the current row. */
  get u8(): Uint8Array {
    return this.views.u8;
  }

  /** Goes to the next row; false when there is none. After a SpillError the sorter is closed. */
  next(): boolean {
    if (this.#left === 0 && !this.#sorter.orClose(() => this.#advance())) return false;
    this.#left -= 1;
    const at = this.#at;
    this.#row = at;
    this.offset = at + this.#lead;
    if (this.#stride !== 0) {
      this.#at = at + this.#stride;
    } else {
      const length = this.views.i32[(at >>> 2) + 2]!;
      this.length = length;
      this.#at = at + 12 + ((length + 3) & ~3);
    }
    return true;
  }

  /** The two halves of the row's prefix, signed. */
  get prefixHigh(): number {
    return this.views.i32[(this.#row >>> 2) + 1]!;
  }
  /** The lower half of the prefix. */
  get prefixLow(): number {
    return this.views.i32[this.#row >>> 2]!;
  }

  /** Closes the runs. What is in memory stays with the sorter. Idempotent. */
  close(): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#left = 0;
    this.#memory = null;
    for (const source of this.#sources) source.reader?.close();
    this.#space.release();
  }

  /** @internal Writes what is in memory and has not been returned, and gives the memory back. Returns the bytes. */
  spill(): number {
    if (this.#spilled || this.#state === "closed") return 0;
    const source = this.#memory;
    const taken = source === null ? 0 : this.#settleOn(source);
    if (taken === this.#memoryRows && !this.#sorter.givesUpWhatIsRead) return 0;
    this.#spilled = true;
    if (source !== null) source.ordinal = -1;
    if (source !== null && taken < this.#memoryRows) {
      source.run = this.#sorter.writeRun(taken);
      this.#sorter.addRun(source.run);
      source.reader = source.run.open();
    }
    return this.#sorter.giveUpMemory(taken - 1);
  }

  /** @internal Writes all rows to a run, block by block. */
  copyTo(writer: RunWriter): void {
    this.#outBytes = Math.min(this.#outBytes, writer.maxBlockBytes & ~3);
    const most = this.#outBytes;
    while (this.#advance()) {
      const { views } = this;
      if (views !== this.#space.views) {
        const { i32 } = views;
        writeLong(writer, this.#space.views, this.#space.base, most, views, 12, i32[2]!, i32[0]!, i32[1]!, this.isNull);
      } else {
        const start = this.#at - BLOCK_HEAD_BYTES;
        const kind = this.#stride === 0 ? VARIED : this.#lead === 0 ? KEYED : FIXED;
        views.i32[start >>> 2] = kind | (this.isNull ? 256 : 0);
        views.i32[(start >>> 2) + 1] = this.#stride === 0 ? 0 : this.length;
        writer.writeBlock(views.u8, start, this.#endAt - start, this.#left);
      }
      this.#left = 0;
    }
  }

  // ---- the next rows

  #advance(): boolean {
    if (this.#state === "closed" || this.#state === "ended") return false;
    if (this.#fresh) {
      this.#fresh = false;
      this.#load(this.#sources[0]!);
    }
    const long = this.#longNext;
    if (long !== null) {
      this.#longNext = null;
      this.#deliver(long);
      return true;
    }
    if (this.#delivered !== null) this.#load(this.#delivered);
    this.#delivered = null;
    for (const source of this.#merging) if (source.at === source.end) this.#load(source);
    this.#merging = [];
    for (;;) {
      if (this.#state === "nulls") {
        const queue = this.#nullsLeft;
        while (queue.length > 0 && !(isLoaded(queue[0]!) && queue[0]!.isNull)) queue.shift();
        if (queue.length > 0) return this.#deliver(queue[0]!);
        if (this.#sorter.nullsLast) return this.#end();
        this.#state = "rows";
      }
      const alive = this.#sources.filter((source) => isLoaded(source) && !source.isNull);
      if (alive.length === 1) return this.#deliver(alive[0]!);
      if (alive.length > 1) return this.#merge(alive);
      if (!this.#sorter.nullsLast) return this.#end();
      this.#state = "nulls";
    }
  }

  #end(): boolean {
    this.#state = "ended";
    for (const source of this.#sources) source.reader?.close();
    return false;
  }

  /** Hands out what is left in a window, or its long row. */
  #deliver(source: Source): true {
    this.#delivered = source;
    this.isNull = source.isNull;
    if (source.long !== null) {
      this.views = source.long;
      this.#show(VARIED, 0, 0, 12 + padded(source.longLength), 1);
      source.at = source.end;
    } else {
      this.views = this.#space.views;
      const { at, end, kind, length } = source;
      this.#show(kind, length, at, end, countRows(this.views, at, end, kind, length));
    }
    return true;
  }

  #show(kind: RowKind, length: number, at: number, end: number, rows: number): void {
    this.#at = at;
    this.#endAt = end;
    this.#left = rows;
    this.#stride = kind === VARIED ? 0 : strideOf(kind, length);
    this.#lead = kind === VARIED ? 12 : kind === KEYED ? 0 : 8;
    this.length = length;
  }

  #merge(alive: Source[]): true {
    this.#merging = alive;
    for (const source of alive) source.before = source.at;
    const exhausted = this.#mergeRows(2 ** 31 - 1);
    this.#mergedRows = this.#laid.rows;
    if (exhausted !== null && exhausted.long !== null) {
      // What the merge laid out last only stands for the long row.
      this.#longNext = exhausted;
      this.#left -= 1;
      this.#endAt -= 12;
      if (this.#left === 0) return this.#advanceToLong();
    }
    return true;
  }

  #advanceToLong(): true {
    const long = this.#longNext!;
    this.#longNext = null;
    return this.#deliver(long);
  }

  /** Merges up to `limit` rows out of the windows; returns the source whose window it exhausted. */
  #mergeRows(limit: number): Source | null {
    const { views, base, kernels } = this.#space;
    const merging = this.#merging;
    const runs = this.#tables;
    const ways = merging.length;
    const losers = runs + ways * RUN_WORDS * 4;
    const first = merging[0]!;
    const alike = merging.every((s) => s.kind === first.kind && s.length === first.length);
    const kind = alike ? first.kind : VARIED;
    const length = alike ? first.length : 0;
    const { i32 } = views;
    merging.forEach((source, i) => {
      const word = (runs >>> 2) + i * RUN_WORDS;
      i32[word] = source.at;
      i32[word + 1] = source.end;
      i32[word + 2] = source.kind;
      i32[word + 3] = source.length;
    });
    const out = base + BLOCK_HEAD_BYTES;
    const outEnd = base + this.#outBytes;
    const { keyOrder, comparator } = this.#sorter;
    const laid = this.#laid;
    let exhausted: number;
    if (kernels !== null && comparator === null) {
      const result = losers + (ways + 1) * 4;
      const aligned = Math.ceil(result / 8) * 8;
      exhausted = kernels.mergeRuns(runs, ways, losers, out, outEnd, keyOrder, kind, length, limit, aligned);
      laid.end = views.u32[aligned >>> 2]!;
      laid.rows = views.u32[(aligned >>> 2) + 1]!;
    } else {
      exhausted = mergeRuns(views, runs, ways, losers, out, outEnd, keyOrder, kind, length, limit, laid, comparator, {
        longRow: (run) => {
          const { long, longLength } = merging[run]!;
          return long === null ? null : long.u8.subarray(12, 12 + longLength);
        },
      });
    }
    merging.forEach((source, i) => (source.at = views.u32[(runs >>> 2) + i * RUN_WORDS]!));
    this.views = views;
    this.isNull = false;
    this.#show(kind, length, out, laid.end, laid.rows);
    return exhausted < 0 ? null : merging[exhausted]!;
  }

  // ---- sources

  /** Fills the window with the next block, or leaves it empty at the end of the source. */
  #load(source: Source): void {
    source.at = source.end = 0;
    source.long = null;
    if (source === this.#memory && !this.#spilled) return this.#layOut(source);
    if (source.reader === null) return;
    // The row whose page was kept has been passed. Where it was the last one the page stays until the sorter is closed.
    if (source === this.#memory) this.#sorter.freeRetained();
    this.#read(source, source.reader);
  }

  #layOut(source: Source): void {
    const { ordinal } = source;
    if (ordinal >= this.#memoryRows) return;
    const { views } = this.#space;
    const bytes = leastBlockBytes(this.#outBytes, this.#outBytes);
    const laid = this.#sorter.layOut(ordinal, views, source.window, bytes);
    if (laid.rows > 0) {
      source.ordinal += laid.rows;
      return this.#open(source, laid.end);
    }
    const row = this.#sorter.rowAt(ordinal);
    const long = this.#startLong(
      source,
      row.length,
      row.prefixLow,
      row.prefixHigh,
      this.#sorter.stretch(ordinal).isNull,
    );
    copyRow(row.views, row.at, long, 12, row.length);
    this.#standIn(source);
    source.ordinal += 1;
  }

  #read(source: Source, reader: RunReader): void {
    const { views } = this.#space;
    const bytes = this.#readBlock(source, reader);
    if (bytes === 0) {
      reader.close();
      source.reader = null;
      source.run!.delete();
      return;
    }
    const word = source.window >>> 2;
    const { i32 } = views;
    if ((i32[word]! & 255) !== LONG_START) return this.#open(source, source.window + bytes);
    const length = i32[word + 1]!;
    const long = this.#startLong(source, length, i32[word + 2]!, i32[word + 3]!, i32[word]! >= 256);
    let to = 12 + Math.min(length, bytes - 16);
    long.u8.set(views.u8.subarray(source.window + 16, source.window + bytes), 12);
    while (to < 12 + length) {
      const more = this.#readBlock(source, reader);
      long.u8.set(views.u8.subarray(source.window + BLOCK_HEAD_BYTES, source.window + more), to);
      to += more - BLOCK_HEAD_BYTES;
    }
    this.#standIn(source);
  }

  /** The next block of a run in the window. Blocks of ours fit it; a store whose blocks may be larger wants more room. */
  #readBlock(source: Source, reader: RunReader): number {
    const { u8 } = this.#space.views;
    const most = reader.maxBlockBytes;
    if (most <= this.#windowBytes) return reader.readBlock(u8, source.window);
    const staging = (this.#staging ??= new Uint8Array(most));
    const bytes = reader.readBlock(staging, 0);
    u8.set(staging.subarray(0, bytes), source.window);
    return bytes;
  }

  #open(source: Source, end: number): void {
    const word = source.window >>> 2;
    const { i32 } = this.#space.views;
    source.kind = (i32[word]! & 255) as RowKind;
    source.isNull = i32[word]! >= 256;
    source.length = i32[word + 1]!;
    source.at = source.window + BLOCK_HEAD_BYTES;
    source.end = end;
  }

  /** A buffer of the heap for a long row, laid out as one VARIED row. */
  #startLong(source: Source, length: number, prefixLow: number, prefixHigh: number, isNull: boolean): Views {
    const long = new Views(new ArrayBuffer(Math.ceil((12 + length) / 8) * 8 + 8));
    long.i32[0] = prefixLow;
    long.i32[1] = prefixHigh;
    long.i32[2] = length;
    source.long = long;
    source.longLength = length;
    source.isNull = isNull;
    return long;
  }

  /** Has the window hold a row without bytes, for merges to order by its prefix. */
  #standIn(source: Source): void {
    const { i32 } = this.#space.views;
    const at = source.window + BLOCK_HEAD_BYTES;
    i32[at >>> 2] = source.long!.i32[0]!;
    i32[(at >>> 2) + 1] = source.long!.i32[1]!;
    i32[(at >>> 2) + 2] = 0;
    source.kind = VARIED;
    source.length = 0;
    source.at = at;
    source.end = at + 12;
  }

  // ---- the spill of an open read

  /**
   * Drops what was laid out ahead of the row that was returned last, and returns how many rows of `source`, the memory, are
   * taken: returned, or standing at the head of a merge as Spark's own iterator has its next row loaded.
   */
  #settleOn(source: Source): number {
    if (this.#fresh) return 0;
    if (this.#delivered === source) {
      const waiting = source.long === null ? this.#left : 0;
      this.#left = 0;
      source.at = source.end = 0;
      source.long = null;
      return source.ordinal - waiting;
    }
    let returnedLast = false;
    if (this.#merging.includes(source) && this.#delivered === null) {
      // Merge again, only as far as rows were returned.
      const returned = this.#mergedRows - this.#left - (this.#longNext === null ? 0 : 1);
      const { length } = this;
      this.#longNext = null;
      this.#rewind();
      this.#mergeRows(returned - 1);
      const before = source.at;
      this.#rewind();
      this.#mergeRows(returned);
      this.#mergedRows = returned;
      returnedLast = source.at !== before;
      this.#left = 0;
      this.length = length;
    }
    const waiting =
      source.long === null
        ? countRows(this.#space.views, source.at, source.end, source.kind, source.length)
        : source.at === source.end
          ? 0
          : 1;
    const taken = source.ordinal - waiting;
    if (waiting === 0 || returnedLast) {
      source.at = source.end;
      return taken;
    }
    if (source.long === null) {
      const { kind, length, at } = source;
      const { i32 } = this.#space.views;
      source.end = at + (kind === VARIED ? 12 + padded(i32[(at >>> 2) + 2]!) : strideOf(kind, length));
    }
    return taken + 1;
  }

  #rewind(): void {
    for (const source of this.#merging) source.at = source.before;
  }
}

function isLoaded(source: Source): boolean {
  return source.at < source.end;
}

/** Merges neighbouring runs into one until no more than MOST_WAYS are left; their order stays. */
function mergeDown(sorter: Sorter, runs: readonly Run[]): readonly Run[] {
  let left = [...runs];
  while (left.length > MOST_WAYS) {
    const merged: Run[] = [];
    const ways = Math.min(MOST_WAYS, Math.ceil(left.length / MOST_WAYS) === 1 ? left.length : MOST_WAYS);
    for (let i = 0; i < left.length; i += ways) {
      const group = left.slice(i, i + ways);
      merged.push(group.length === 1 ? group[0]! : mergeInto(sorter, group));
      sorter.setRuns([...merged, ...left.slice(i + ways)]);
    }
    left = merged;
  }
  return left;
}

function mergeInto(sorter: Sorter, group: readonly Run[]): Run {
  const writer = sorter.createRun();
  const rows = new SortedRows(sorter, group, false);
  try {
    rows.copyTo(writer);
    return writer.finish();
  } catch (error) {
    writer.abort();
    throw error;
  } finally {
    rows.close();
  }
}
