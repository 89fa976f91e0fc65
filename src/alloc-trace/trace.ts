// An allocation trace, decoded once into typed arrays so that a replay reads nothing but numbers. Every format becomes the
// same five kinds of operation on dense block numbers; whoever records a trace names blocks by pointer or by ordinal, and
// those names end in the reader.

import { Refusal } from "../fault.js";

export type TraceFormat = "wee" | "malloc-bench" | "android";

export const TRACE_FORMATS: readonly TraceFormat[] = ["wee", "malloc-bench", "android"];

/** What an operation does. A realloc of NULL is written as ALLOCATE, a realloc to nothing as FREE, a free of NULL as NOTHING. */
export const ALLOCATE = 0;
export const ALLOCATE_ZEROED = 1;
export const REALLOCATE = 2;
export const FREE = 3;
export const NOTHING = 4;

/** Operation `i` is `kinds[i]` on block `blocks[i]`, with `bytes[i]` and `aligns[i]` where it asks for memory. */
export interface AllocTrace {
  readonly format: TraceFormat;
  readonly operations: number;
  readonly kinds: Uint8Array;
  /** Block numbers from 0 to `blockCount - 1`; a number is used again after its block is freed. */
  readonly blocks: Uint32Array;
  /** Requested bytes; a double, because a trace of a 64-bit process may ask for more than 4 GiB. */
  readonly bytes: Float64Array;
  /** Alignment asked for in bytes, 0 where the trace leaves it to the allocator. */
  readonly aligns: Uint32Array;
  /** Most blocks live at once. */
  readonly blockCount: number;
  /** The thread of the recorded process that did each, from 0 to `threadCount - 1`; all 0 where the trace does not say. */
  readonly threads: Uint16Array;
  readonly threadCount: number;
}

/** A trace that cannot be read. `place` says where: a line of text or a byte offset of the uncompressed input. */
export class TraceError extends Refusal {
  override readonly name = "TraceError";
  readonly file: string;
  readonly place: { readonly line: number } | { readonly offset: number };

  constructor(file: string, place: { line: number } | { offset: number }, why: string) {
    super(`${file}, ${"line" in place ? `line ${place.line}` : `byte ${place.offset}`}: ${why}`);
    this.file = file;
    this.place = place;
  }
}

/** Collects the operations of a reader and hands out block numbers, lowest recently freed first. */
export class TraceBuilder {
  #kinds = new Uint8Array(1024);
  #blocks = new Uint32Array(1024);
  #bytes = new Float64Array(1024);
  #aligns = new Uint32Array(1024);
  #threads = new Uint16Array(1024);
  #thread = 0;
  readonly #threadOf = new Map<string, number>();
  #operations = 0;
  #blockCount = 0;
  readonly #spare: number[] = [];

  /** What follows was done by the thread that the trace calls `name`. */
  thread(name: string): void {
    let thread = this.#threadOf.get(name);
    if (thread === undefined) this.#threadOf.set(name, (thread = this.#threadOf.size));
    this.#thread = thread;
  }

  /** A new block. Returns its number. */
  allocate(kind: typeof ALLOCATE | typeof ALLOCATE_ZEROED, bytes: number, align: number): number {
    const block = this.#spare.pop() ?? this.#blockCount++;
    this.#push(kind, block, bytes, align);
    return block;
  }

  reallocate(block: number, bytes: number): void {
    this.#push(REALLOCATE, block, bytes, 0);
  }

  free(block: number): void {
    this.#push(FREE, block, 0, 0);
    this.#spare.push(block);
  }

  nothing(): void {
    this.#push(NOTHING, 0, 0, 0);
  }

  finish(format: TraceFormat): AllocTrace {
    const operations = this.#operations;
    return {
      format,
      operations,
      kinds: this.#kinds.slice(0, operations),
      blocks: this.#blocks.slice(0, operations),
      bytes: this.#bytes.slice(0, operations),
      aligns: this.#aligns.slice(0, operations),
      blockCount: this.#blockCount,
      threads: this.#threads.slice(0, operations),
      threadCount: Math.max(1, this.#threadOf.size),
    };
  }

  #push(kind: number, block: number, bytes: number, align: number): void {
    const at = this.#operations;
    if (at === this.#kinds.length) this.#double();
    this.#kinds[at] = kind;
    this.#blocks[at] = block;
    this.#bytes[at] = bytes;
    this.#aligns[at] = align;
    this.#threads[at] = this.#thread;
    this.#operations = at + 1;
  }

  #double(): void {
    const length = 2 * this.#kinds.length;
    this.#kinds = grown(new Uint8Array(length), this.#kinds);
    this.#blocks = grown(new Uint32Array(length), this.#blocks);
    this.#bytes = grown(new Float64Array(length), this.#bytes);
    this.#aligns = grown(new Uint32Array(length), this.#aligns);
    this.#threads = grown(new Uint16Array(length), this.#threads);
  }
}

function grown<T extends { set(from: T): void }>(to: T, from: T): T {
  to.set(from);
  return to;
}
