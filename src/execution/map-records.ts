// All the records of a map, one at a time: while it stays, or while it goes away page by page. In the latter case pages that
// are not being read can be put into runs when others need their memory (section 9.4 of the law); they are read after those
// in memory, in the order in which they went.

import { Views } from "../memory/views.js";
import type { Page } from "../memory/page.js";
import type { Run, RunReader, SpillStore } from "../spill/contract.js";
import type { HashMap } from "./hash-map.js";
import { ANCHOR_BYTES, MapRecord, PAGE_EXTRA_BYTES } from "./map-table.js";
import { Misuse } from "./refusal.js";

/** What a run holds: the records of one page as they lay there, whole ones to a block, or one that is longer than a block. */
const SCHEMA = { kind: "map-page", version: 1, fields: "reference, key bytes, length, key, value, key bytes" };

/**
 * Reads the records of a map: its fields say where the current one lies, until the next call.
 *
 * @example
 * ```ts
 * import { HashMap, type MapRecords, openExecutor } from "tungsten-memory";
 *
 * const map = new HashMap(openExecutor().task(1), { capacity: 16 });
 * const bytes = new Uint8Array(8);
 * map.append(bytes, 0, 8, bytes, 0, 8);
 * const records: MapRecords = map.records();
 * while (records.next()) console.log(records.keyBytes, records.valueBytes); // 8 8
 * records.close();
 * ```
 */
export class MapRecords extends MapRecord {
  readonly #map: HashMap;
  /** The map's own list; a destructive iteration takes pages out of it. */
  readonly #pages: Page[];
  readonly #destructive: boolean;
  #open = true;
  /** Records that have not been returned; what is appended later is not. */
  #remaining: number;

  // The next record: its anchor, a byte of `#from`; `#left` records follow each other there.
  #from: Views = NOWHERE;
  #anchor = 0;
  #left = 0;
  #page: Page | null = null;
  #next = 0;

  #runs: Run[] = [];
  #reader: RunReader | null = null;
  #window: Views | null = null;

  /** @internal Use `HashMap.records` or `HashMap.drain`. */
  constructor(map: HashMap, pages: Page[], records: number, destructive: boolean) {
    super();
    this.#map = map;
    this.#pages = pages;
    this.#remaining = records;
    this.#destructive = destructive;
  }

  /** Goes to the next record; false when there is none. A SpillError of reading frees the map. */
  next(): boolean {
    if (this.#left === 0 && !this.#turn()) return false;
    this.#left -= 1;
    this.#remaining -= 1;
    const anchor = this.#anchor;
    this.stand(this.#from, anchor);
    this.#anchor = anchor + 12 + this.#from.i32[(anchor >>> 2) + 1]!;
    return true;
  }

  /** @internal Puts pages into the store, from the last to the one being read, until `bytes` are given back. */
  spill(bytes: number): number {
    const { store } = this.#map;
    const pages = this.#pages;
    if (store === null || pages.length === 1) return 0;
    this.#map.samplePeak();
    let freed = 0;
    while (freed < bytes) {
      const page = pages.at(-1);
      if (page === undefined || page === this.#page) break;
      this.#runs.push(writePage(store, page));
      pages.pop();
      this.#map.dropPage(page);
      freed += page.bytes;
    }
    return freed;
  }

  /** @internal Removes the files; pages that are left are the map's. Idempotent. Throws SpillError, at the end. */
  close(): void {
    this.#open = false;
    this.#left = 0;
    this.#reader?.close();
    this.#reader = null;
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

  // ---- pages and runs

  #turn(): boolean {
    if (!this.#open) throw new Misuse(`${this.#map.name} has been reset or freed: its records are gone`);
    if (this.#turnToPage()) return true;
    try {
      return this.#turnToBlock();
    } catch (error) {
      try {
        this.#map.free();
      } catch {
        // The first trouble is the one to tell.
      }
      throw error;
    }
  }

  #turnToPage(): boolean {
    if (this.#page !== null && this.#pages[this.#next - 1] !== this.#page)
      throw new Misuse(`${this.#map.name} has been reset or freed: its records are gone`);
    this.#leavePage();
    const page = this.#pages[this.#next];
    if (page === undefined || this.#remaining === 0) return false;
    this.#page = page;
    this.#next += 1;
    this.#from = page.views;
    this.#anchor = page.base + PAGE_EXTRA_BYTES + ANCHOR_BYTES;
    this.#left = Math.min(page.views.i32[page.base >>> 2]!, this.#remaining);
    return true;
  }

  /** The page that has been read goes, where the map goes with its iteration. */
  #leavePage(): void {
    const page = this.#page;
    this.#page = null;
    if (page === null || !this.#destructive) return;
    this.#pages.shift();
    this.#next = 0;
    this.#map.dropPage(page);
  }

  #turnToBlock(): boolean {
    for (let run = this.#runs[0]; run !== undefined; run = this.#runs[0]) {
      const reader = (this.#reader ??= run.open());
      const window = (this.#window ??= new Views(new ArrayBuffer(Math.ceil((reader.maxBlockBytes + 8) / 8) * 8)));
      const bytes = reader.readBlock(window.u8, PAGE_EXTRA_BYTES);
      if (bytes > 0) {
        this.#from = window;
        this.#anchor = PAGE_EXTRA_BYTES + ANCHOR_BYTES;
        this.#left = reader.recordsInBlock;
        const whole = 12 + window.i32[(this.#anchor >>> 2) + 1]!;
        if (whole > bytes) this.#from = readLong(reader, window, bytes, whole);
        return true;
      }
      reader.close();
      this.#reader = null;
      this.#runs.shift()!.delete();
    }
    return false;
  }
}

const NOWHERE = new Views(new ArrayBuffer(0));

/** A page as a run. Its first word says how many records it has. */
function writePage(store: SpillStore, page: Page): Run {
  const writer = store.create(SCHEMA);
  try {
    const most = writer.maxBlockBytes;
    const { u8, i32 } = page.views;
    let start = page.base + PAGE_EXTRA_BYTES;
    let at = start;
    let records = 0;
    for (let left = i32[page.base >>> 2]!; left > 0; left -= 1) {
      const bytes = 12 + i32[(at + ANCHOR_BYTES + 4) >>> 2]!;
      if (at + bytes - start > most && at > start) {
        writer.writeBlock(u8, start, at - start, records);
        start = at;
        records = 0;
      }
      records += 1;
      at += bytes;
      if (bytes <= most) continue;
      for (let piece = most; start < at; start += piece, records = 0) {
        piece = Math.min(most, at - start);
        writer.writeBlock(u8, start, piece, records);
      }
    }
    if (at > start) writer.writeBlock(u8, start, at - start, records);
    return writer.finish();
  } catch (error) {
    writer.abort();
    throw error;
  }
}

/** A record of `bytes` bytes of which `got` are in the window: the blocks that follow hold the rest. */
function readLong(reader: RunReader, window: Views, got: number, bytes: number): Views {
  const long = new Views(new ArrayBuffer(Math.ceil((PAGE_EXTRA_BYTES + bytes) / 8) * 8));
  long.u8.set(window.u8.subarray(0, PAGE_EXTRA_BYTES + got));
  for (let to = PAGE_EXTRA_BYTES + got; to < PAGE_EXTRA_BYTES + bytes;) {
    const more = reader.readBlock(window.u8, PAGE_EXTRA_BYTES);
    long.u8.set(window.u8.subarray(PAGE_EXTRA_BYTES, PAGE_EXTRA_BYTES + more), to);
    to += more;
  }
  return long;
}
