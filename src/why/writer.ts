// Writes a recording with causes, field by field, into one buffer that is handed on whenever it is full. Whoever writes a row
// or a fact keeps to the order that format.ts draws; names are made before the row that uses them begins.

import type { Region } from "../memory/manager.js";
import { type BlockId, partitionPart, rddPart } from "../storage/block.js";
import { END_CODE, FORMAT_VERSION, HEADER_FIXED_BYTES, MAGIC, MOST_NAMES, NAME_CODE } from "./format.js";

/** Takes bytes as they come; they hold during the call only. */
export type CauseSink = (bytes: Uint8Array) => void;

/** Bytes that are kept before they are handed on, by default. */
const BUFFER_BYTES = 64 * 1024;

/** Room for whatever is written between two looks at the buffer: a row of numbers, or one item of a list. */
const SLACK_BYTES = 256;

const UTF8 = new TextEncoder();

/** Cells of the state: four a mode. */
const CELLS = 8;

export class CauseWriter {
  rows = 0;
  facts = 0;
  readonly #sink: CauseSink;
  readonly #bytes: Uint8Array;
  #at = 0;
  readonly #names = new Map<string, number>();
  // The state as the row before left it.
  readonly #cells = new Float64Array(CELLS);
  #ended = false;

  /** `header`: the header line of a memory trace, without its line feed. */
  constructor(header: string, sink: CauseSink, bufferBytes: number = BUFFER_BYTES) {
    this.#sink = sink;
    this.#bytes = new Uint8Array(bufferBytes + SLACK_BYTES);
    const text = UTF8.encode(header);
    const head = new Uint8Array(HEADER_FIXED_BYTES);
    const view = new DataView(head.buffer);
    head.set(MAGIC);
    view.setUint16(8, FORMAT_VERSION, true);
    view.setUint32(12, text.length, true);
    this.#copy(head);
    this.#copy(text);
  }

  /** Begins a row: its code, which follows what was written before. */
  row(code: number): void {
    this.rows += 1;
    this.#room();
    this.#bytes[this.#at++] = code;
  }

  /** Begins a fact and returns its number. */
  fact(code: number): number {
    this.facts += 1;
    this.#room();
    this.#bytes[this.#at++] = code;
    return this.facts;
  }

  byte(value: number): void {
    this.#bytes[this.#at++] = value;
  }

  /** A whole number from 0 to 2^53 - 1. */
  count(value: number): void {
    const bytes = this.#bytes;
    let at = this.#at;
    let rest = value;
    while (rest >= 0x8000_0000) {
      bytes[at++] = (rest % 128) | 128;
      rest = Math.floor(rest / 128);
    }
    let low = rest | 0;
    while (low >= 128) {
      bytes[at++] = (low & 127) | 128;
      low >>>= 7;
    }
    bytes[at++] = low;
    this.#at = at;
  }

  signed(value: number): void {
    const magnitude = Math.abs(value);
    const first = ((magnitude % 64) << 1) | (value < 0 ? 1 : 0);
    if (magnitude < 64) {
      this.#bytes[this.#at++] = first;
      return;
    }
    this.#bytes[this.#at++] = first | 128;
    this.count(Math.floor(magnitude / 64));
  }

  /** How far before the fact at hand another one is; 0 for none. */
  cause(fact: number): void {
    this.count(fact === 0 ? 0 : this.facts - fact);
  }

  anyTask(task: number | null): void {
    if (task === null) {
      this.byte(0);
      return;
    }
    this.byte(1);
    this.signed(task);
  }

  /** The number of a name, which is written where it is new. Not within a row. */
  name(text: string): number {
    const known = this.#names.get(text);
    if (known !== undefined) return known;
    if (this.#names.size === MOST_NAMES - 1) this.#names.clear();
    const number = this.#names.size;
    this.#names.set(text, number);
    this.#room();
    this.byte(NAME_CODE);
    this.text(text);
    return number;
  }

  /** What `block` needs of a canonical id: a new name is written. Not within a row. */
  blockName(id: BlockId): number {
    return typeof id === "number" ? 0 : this.name(id) + 1;
  }

  /** A block whose name is what `blockName` gave. */
  block(id: BlockId, name: number): void {
    this.count(name);
    if (typeof id === "string") return;
    const rdd = rddPart(id);
    this.count(rdd);
    this.count(partitionPart(id, rdd));
  }

  text(text: string): void {
    const bytes = UTF8.encode(text);
    this.count(bytes.length);
    this.#copy(bytes);
    this.#room();
  }

  /** Ends a row with the state of the pools. */
  state(regions: readonly [Region, Region]): void {
    const mask = this.#bytes;
    const maskAt = this.#at++;
    mask[maskAt] = this.#stateOf(regions[0], 0) | this.#stateOf(regions[1], 4);
  }

  /** The same with the cells of both modes given. */
  cells(onHeap: readonly number[], offHeap: readonly number[]): void {
    const maskAt = this.#at++;
    let changed = 0;
    for (let cell = 0; cell < CELLS; cell += 1)
      changed |= this.#cell(cell, cell < 4 ? onHeap[cell]! : offHeap[cell - 4]!);
    this.#bytes[maskAt] = changed;
  }

  /** Room for one more item of a list. */
  item(): void {
    this.#room();
  }

  /** The last row, and all that is kept is handed on. A second call does nothing. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#room();
    this.byte(END_CODE);
    this.count(this.rows);
    this.count(this.facts);
    this.flush();
  }

  /** Hands on what is kept. */
  flush(): void {
    if (this.#at === 0) return;
    this.#sink(this.#bytes.subarray(0, this.#at));
    this.#at = 0;
  }

  #stateOf(region: Region, first: number): number {
    return (
      this.#cell(first, region.executionSize) |
      this.#cell(first + 1, region.executionUsed) |
      this.#cell(first + 2, region.storageSize) |
      this.#cell(first + 3, region.storageUsed)
    );
  }

  #cell(cell: number, bytes: number): number {
    const before = this.#cells[cell]!;
    if (before === bytes) return 0;
    this.#cells[cell] = bytes;
    this.signed(bytes - before);
    return 1 << cell;
  }

  #room(): void {
    if (this.#at + SLACK_BYTES > this.#bytes.length) this.flush();
  }

  #copy(bytes: Uint8Array): void {
    for (let from = 0; from < bytes.length;) {
      this.#room();
      const part = bytes.subarray(from, from + this.#bytes.length - SLACK_BYTES - this.#at + 1);
      this.#bytes.set(part, this.#at);
      this.#at += part.length;
      from += part.length;
    }
  }
}
