// Reads a recording with causes as its bytes come in, a piece at a time: rows as a memory trace has them, each with the facts
// that came about in its course. What breaks the format is Malformed and names the byte.

import { modeName, OFF_HEAP, ON_HEAP } from "../memory/mode.js";
import { type BlockId, blockName, rddBlock } from "../storage/block.js";
import { type Effects, readHeader, type State, type TraceHeader } from "../trace/format.js";
import type { Resumed } from "../trace/replay.js";
import { Unreadable } from "../trace/source.js";
import { BOUNDS, type Fact, FACT_KINDS, type FactKind, type InCycle, LIMITS, PURPOSES, WAKINGS } from "./facts.js";
import {
  type AskField,
  COUNT_TAG,
  COUNTS,
  END_CODE,
  FACT_CODE,
  FLAG_TAG,
  FLAGS,
  FORMAT_VERSION,
  HEADER_FIXED_BYTES,
  MAGIC,
  Malformed,
  MOST_NAMES,
  MOST_TEXT_BYTES,
  NAME_CODE,
  NO_BYTES,
  NOTHING,
  OPS,
  TEXT_OP,
  TEXT_RESULT,
  WAITS,
} from "./format.js";

type Result = Readonly<Record<string, unknown>>;
type Spilled = { task: number; consumer: string; trigger: string; asked: number; freed: number };

/** A row as it was asked and answered, and why. */
export interface CausedRow {
  /** Its number, from 1. */
  readonly i: number;
  /** `op` and what it asks, as the format of traces names it. */
  readonly ask: Readonly<Record<string, unknown>> & { readonly op: string };
  /** What it was answered. */
  readonly result: Result;
  /** What it caused besides. */
  readonly effects: Effects;
  /** Waiting requests that it let go on, and what they were answered. */
  readonly resumed: readonly Resumed[];
  /** The pools afterwards. */
  readonly state: State;
  /** Spills that no request of a consumer in this trace shows. */
  readonly spilled: readonly Spilled[];
  /** What came about in its course. */
  readonly facts: readonly Fact[];
}

/** The bytes at hand end within what is being read. */
class MoreNeeded extends Error {}
const MORE_NEEDED = new MoreNeeded();

const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

const FATES = ["gone", "disk"] as const;

/**
 * Reads a recording with causes, piece by piece. Throws Malformed for what breaks the format, and names the file.
 *
 * @example
 * ```ts
 * import { openExecutor } from "tungsten-memory";
 * import { CauseReader, CauseRecorder } from "tungsten-memory/why";
 *
 * const reader = new CauseReader("run.causes");
 * const executor = openExecutor({ pages: "accounts" });
 * const recorder = new CauseRecorder(executor, (bytes) => {
 *   for (const { ask, result } of reader.feed(bytes)) console.log(ask.op, result); // execAcquire { granted: 100 }
 * });
 * executor.manager.acquireExecution(100, 1, 0);
 * recorder.end();
 * reader.finish();
 * ```
 */
export class CauseReader {
  readonly #file: string;
  #header: TraceHeader | null = null;
  #headerText = "";
  // What has not been read yet, where it lies in the file, and how far reading has come in it.
  #bytes: Uint8Array = new Uint8Array(0);
  #offset = 0;
  #at = 0;
  #names: string[] = [];
  #named = 0;
  #cells: number[] = Array.from({ length: 8 }, () => 0);
  #facts: Fact[] = [];
  #lastFact = 0;
  #rows = 0;
  #ended = false;

  /** `file`: its name, for messages. */
  constructor(file: string) {
    this.#file = file;
  }

  /** The header; null until enough has come in. */
  get header(): TraceHeader | null {
    return this.#header;
  }

  /** The header line as it was written. */
  get headerLine(): string {
    return this.#headerText;
  }

  /** Facts after the last row, once the end has been read. */
  get facts(): readonly Fact[] {
    return this.#facts;
  }

  /** Rows read so far. */
  get rows(): number {
    return this.#rows;
  }

  /** Takes the next bytes and returns the rows that they complete. Throws Malformed. */
  feed(bytes: Uint8Array): CausedRow[] {
    const left = this.#bytes.subarray(this.#at);
    this.#offset += this.#at;
    this.#at = 0;
    const joined = new Uint8Array(left.length + bytes.length);
    joined.set(left);
    joined.set(bytes, left.length);
    this.#bytes = joined;
    const rows: CausedRow[] = [];
    while (this.#at < this.#bytes.length) {
      const start = this.#at;
      try {
        const row = this.#header === null ? this.#readHeader() : this.#item();
        if (row !== null) rows.push(row);
      } catch (error) {
        this.#at = start;
        if (!(error instanceof MoreNeeded)) throw error;
        break;
      }
    }
    return rows;
  }

  /** To be called where the bytes end. Throws Malformed when the last row has not been there. */
  finish(): void {
    const length = this.#offset + this.#bytes.length;
    if (length === 0) throw new Malformed(this.#file, 0, "is empty");
    if (!this.#ended) throw new Malformed(this.#file, length, "the end is missing: the file was cut off");
  }

  #readHeader(): null {
    const magic = this.#bytes.subarray(0, MAGIC.length);
    const differs = magic.findIndex((byte, at) => byte !== MAGIC[at]);
    if (differs >= 0) this.#fail(`is no recording with causes`, differs);
    if (this.#bytes.length < HEADER_FIXED_BYTES) throw MORE_NEEDED;
    const view = new DataView(this.#bytes.buffer, this.#bytes.byteOffset);
    const version = view.getUint16(8, true);
    if (version !== FORMAT_VERSION) this.#fail(`version ${version} is not known here, only ${FORMAT_VERSION}`, 8);
    const length = view.getUint32(12, true);
    if (length > MOST_TEXT_BYTES) this.#fail(`a header of ${length} bytes`, 12);
    this.#at = HEADER_FIXED_BYTES;
    this.#headerText = this.#utf8(length);
    try {
      this.#header = readHeader(JSON.parse(this.#headerText), this.#file);
    } catch (error) {
      if (error instanceof Unreadable) this.#fail(error.reason, HEADER_FIXED_BYTES);
      this.#fail(`the header is not JSON: ${(error as Error).message}`, HEADER_FIXED_BYTES);
    }
    return null;
  }

  #item(): CausedRow | null {
    if (this.#ended) this.#fail("stands after the end");
    const code = this.#byte();
    if (code === NAME_CODE) this.#name();
    else if (code === END_CODE) this.#end();
    else if (code >= FACT_CODE) this.#fact(code);
    else return this.#row(code);
    return null;
  }

  #name(): void {
    const name = this.#text();
    this.#names[this.#named % (MOST_NAMES - 1)] = name;
    this.#named += 1;
  }

  #end(): void {
    const rows = this.#count();
    const facts = this.#count();
    if (rows !== this.#rows || facts !== this.#lastFact)
      this.#fail(
        `says that there are ${rows} rows and ${facts} facts, but there are ${this.#rows} and ${this.#lastFact}`,
      );
    this.#ended = true;
  }

  #fact(code: number): void {
    const n = this.#lastFact + 1;
    const fact = this.#factOf(FACT_KINDS[code - FACT_CODE], n, this.#rows + 1);
    this.#lastFact = n;
    this.#facts.push(fact ?? this.#fail(`code ${code} is not known`));
  }

  // Fields are read in the order of FACTS, each kind by a literal of its own: most of a recording is facts, and one that is put
  // together field by field takes twice the memory.
  #factOf(kind: FactKind | undefined, n: number, row: number): Fact | null {
    switch (kind) {
      case "asked":
        return {
          kind,
          n,
          row,
          cause: this.#cause(n),
          task: this.#signed(),
          consumer: this.#anyName(),
          mode: this.#mode(),
          required: this.#count(),
          bytes: this.#count(),
          heldBytes: this.#count(),
          freeBytes: this.#count(),
          storageFreeBytes: this.#count(),
          tasks: this.#count(),
          newest: this.#anyTask(),
        };
      case "wanted":
        return {
          kind,
          n,
          row,
          cause: this.#cause(n),
          block: this.#block(),
          purpose: this.#word(PURPOSES),
          task: this.#anyTask(),
          mode: this.#mode(),
          bytes: this.#count(),
          freeBytes: this.#count(),
          executionFreeBytes: this.#count(),
        };
      case "moved":
        return { kind, n, row, cause: this.#cause(n), mode: this.#mode(), bytes: this.#signed() };
      case "evicted":
        return {
          kind,
          n,
          row,
          cause: this.#cause(n),
          block: this.#block(),
          owner: this.#anyTask(),
          mode: this.#mode(),
          bytes: this.#count(),
          to: this.#word(FATES),
        };
      case "short":
        return {
          kind,
          n,
          row,
          cause: this.#cause(n),
          granted: this.#count(),
          bound: this.#word(BOUNDS),
          capBytes: this.#count(),
          storageBytes: this.#count(),
          limit: this.#word(LIMITS),
          pinned: this.#count(),
          alike: this.#count(),
        };
      case "waits":
        return {
          kind,
          n,
          row,
          cause: this.#cause(n),
          bound: this.#word(BOUNDS),
          capBytes: this.#count(),
          floorBytes: this.#count(),
          storageBytes: this.#count(),
          limit: this.#word(LIMITS),
          pinned: this.#count(),
          alike: this.#count(),
          needBytes: this.#count(),
          holders: this.#list(() => [this.#signed(), this.#count()] as const),
        };
      case "woken":
        return {
          kind,
          n,
          row,
          cause: this.#cause(n),
          task: this.#signed(),
          what: this.#word(WAKINGS),
          by: this.#anyTask(),
          bytes: this.#count(),
        };
      case "spilled":
        return {
          kind,
          n,
          row,
          cause: this.#cause(n),
          task: this.#signed(),
          consumer: this.#nameOf(this.#count()),
          forTask: this.#signed(),
          trigger: this.#nameOf(this.#count()),
          asked: this.#count(),
          freedBytes: this.#signed(),
        };
      case "refused":
        return {
          kind,
          n,
          row,
          cause: this.#cause(n),
          limit: this.#word(LIMITS),
          lentBytes: this.#count(),
          evictableBytes: this.#count(),
          pinned: this.#count(),
          alike: this.#count(),
          ownRdd: this.#count(),
        };
      case "deadlock":
        return { kind, n, row, cause: this.#cause(n), cycle: this.#list(() => this.#inCycle()) };
      case "starved":
        return {
          kind,
          n,
          row,
          cause: this.#cause(n),
          task: this.#signed(),
          mode: this.#mode(),
          needBytes: this.#count(),
          grants: this.#count(),
          grantedBytes: this.#count(),
          bound: this.#count(),
        };
      case "gaveUp":
        return { kind, n, row, cause: this.#cause(n), task: this.#signed() };
      case undefined:
        return null;
    }
  }

  #cause(n: number): number {
    const back = this.#count();
    if (back >= n) this.#fail(`a cause ${back} facts before fact ${n}`);
    return back === 0 ? 0 : n - back;
  }

  #anyTask(): number | null {
    return this.#byte() === 0 ? null : this.#signed();
  }

  #anyName(): string | null {
    const number = this.#count();
    return number === 0 ? null : this.#nameOf(number - 1);
  }

  #inCycle(): InCycle {
    return [this.#signed(), this.#mode() === "onHeap" ? ON_HEAP : OFF_HEAP, this.#count(), this.#count()];
  }

  #row(code: number): CausedRow {
    const ask = this.#ask(code);
    const result = this.#result();
    const causes = this.#byte();
    if (causes > 1) this.#fail(`what a row caused begins with 0 or 1, not ${causes}`);
    const left = this.#effectsOf(this.#facts);
    const effects: Effects = {};
    const resumed: Resumed[] = [];
    if (causes === 1) {
      this.#take(effects, left);
      const looks = this.#count();
      for (let look = 0; look < looks; look += 1) {
        const i = this.#rows + 1 - this.#count();
        if (i < 1 || i > this.#rows) this.#fail(`there is no row ${i} before row ${this.#rows + 1}`);
        const entry: Resumed = { i, result: this.#result() as Record<string, unknown> };
        this.#take(entry, left);
        resumed.push(entry);
      }
    } else if (left.evicted.length > 0) {
      effects.evicted = left.evicted.splice(0);
    }
    const state = this.#state();
    this.#rows += 1;
    const facts = this.#facts;
    this.#facts = [];
    return { i: this.#rows, ask, result, effects, resumed, state, spilled: left.spilled, facts };
  }

  #ask(code: number): CausedRow["ask"] {
    if (code === TEXT_OP) {
      const ask = this.#json();
      return typeof ask["op"] === "string" ? (ask as CausedRow["ask"]) : this.#fail("a row without an op");
    }
    const known = OPS[code - 1];
    if (known === undefined) return this.#fail(`code ${code} is not known`);
    const [op, fields] = known;
    const ask: Record<string, unknown> & { op: string } = { op };
    for (const field of fields) ask[field] = this.#asked(field);
    return ask;
  }

  #asked(field: AskField): unknown {
    switch (field) {
      case "task":
        return this.#signed();
      case "bytes":
      case "page":
        return this.#count();
      case "mode":
        return this.#mode();
      case "block":
        return this.#block();
      case "consumer":
        return this.#nameOf(this.#count());
      case "onEvict":
        return this.#word(FATES);
    }
  }

  #result(): Result {
    const tag = this.#byte();
    if (tag === NOTHING) return {};
    if (tag === WAITS) return { waits: true };
    if (tag === NO_BYTES) return { bytes: null };
    if (tag === TEXT_RESULT) return this.#json();
    if (tag >= FLAG_TAG) {
      const flag = FLAGS[(tag - FLAG_TAG) >> 1];
      if (flag !== undefined) return { [flag]: tag % 2 === 1 };
    } else if (tag >= COUNT_TAG) {
      const count = COUNTS[tag - COUNT_TAG];
      if (count !== undefined) return { [count]: this.#count() };
    }
    return this.#fail(`a result of kind ${tag} is not known`);
  }

  #state(): State {
    const mask = this.#byte();
    const cells = [...this.#cells];
    for (let cell = 0; cell < 8; cell += 1) {
      if ((mask & (1 << cell)) === 0) continue;
      cells[cell]! += this.#signed();
      if (!(cells[cell]! >= 0 && Number.isSafeInteger(cells[cell]))) this.#fail(`a pool of ${cells[cell]} bytes`);
    }
    this.#cells = cells;
    const [a, b, c, d, e, f, g, h] = cells as [number, number, number, number, number, number, number, number];
    return { onHeap: [a, b, c, d], offHeap: [e, f, g, h] };
  }

  #effectsOf(facts: readonly Fact[]): Left {
    if (facts.length === 0) return NOTHING_LEFT;
    const left: Left = { evicted: [], spilled: [] };
    for (const fact of facts) {
      if (fact.kind === "evicted") left.evicted.push({ block: fact.block, to: fact.to });
      if (fact.kind !== "spilled") continue;
      const { task, consumer, trigger, asked, freedBytes } = fact;
      left.spilled.push({ task, consumer, trigger, asked, freed: freedBytes });
    }
    return left;
  }

  /** The next effects, as many as the file says. */
  #take(effects: Effects, left: Left): void {
    const evicted = this.#count();
    const spills = this.#count();
    if (evicted > left.evicted.length || spills > left.spilled.length)
      this.#fail(`a row that caused ${evicted} evictions and ${spills} spills, more than are told`);
    if (evicted > 0) effects.evicted = left.evicted.splice(0, evicted);
    if (spills > 0)
      effects.spills = left.spilled.splice(0, spills).map(({ consumer, asked, trigger, freed }) => {
        const told = { consumer, asked, trigger };
        return freed === -1 ? { ...told, failed: true } : { ...told, freed };
      });
  }

  // The smallest things.

  #byte(): number {
    if (this.#at >= this.#bytes.length) throw MORE_NEEDED;
    return this.#bytes[this.#at++]!;
  }

  #count(): number {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = this.#byte();
      value += (byte & 127) * scale;
      if (value > Number.MAX_SAFE_INTEGER) this.#fail("a number of more than 53 bits");
      if (byte < 128) return value;
      if (scale > 2 ** 49) this.#fail("a number that does not end");
    }
  }

  #signed(): number {
    const first = this.#byte();
    const magnitude = ((first & 127) >> 1) + (first < 128 ? 0 : this.#count() * 64);
    if (magnitude > Number.MAX_SAFE_INTEGER) this.#fail("a number of more than 53 bits");
    return (first & 1) === 1 ? -magnitude : magnitude;
  }

  #list<T>(item: () => T): T[] {
    const list: T[] = [];
    for (let left = this.#count(); left > 0; left -= 1) list.push(item());
    return list;
  }

  #word<W extends string>(words: readonly W[]): W {
    const number = this.#byte();
    return words[number] ?? this.#fail(`word ${number} of ${words.length}`);
  }

  #mode(): "onHeap" | "offHeap" {
    const mode = this.#byte();
    if (mode !== ON_HEAP && mode !== OFF_HEAP) return this.#fail(`mode ${mode}`);
    return modeName(mode);
  }

  #block(): string {
    const name = this.#count();
    if (name > 0) return this.#nameOf(name - 1);
    const rdd = this.#count();
    const partition = this.#count();
    const id: BlockId = rddBlock(rdd, partition);
    return blockName(id);
  }

  #nameOf(number: number): string {
    return this.#names[number] ?? this.#fail(`name ${number} of ${this.#names.length}`);
  }

  #text(): string {
    const length = this.#count();
    if (length > MOST_TEXT_BYTES) this.#fail(`a text of ${length} bytes`);
    return this.#utf8(length);
  }

  #utf8(length: number): string {
    if (this.#at + length > this.#bytes.length) throw MORE_NEEDED;
    const bytes = this.#bytes.subarray(this.#at, this.#at + length);
    let text: string;
    try {
      text = UTF8.decode(bytes);
    } catch {
      return this.#fail("is not UTF-8 text");
    }
    this.#at += length;
    return text;
  }

  #json(): Record<string, unknown> {
    const text = this.#text();
    try {
      const value: unknown = JSON.parse(text);
      if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
    } catch {
      // Said below.
    }
    return this.#fail(`is no JSON object: ${text.slice(0, 40)}`);
  }

  #fail(reason: string, at: number = this.#at): never {
    throw new Malformed(this.#file, this.#offset + at, reason);
  }
}

/** Effects that no row has taken yet. */
interface Left {
  readonly evicted: NonNullable<Effects["evicted"]>;
  readonly spilled: Spilled[];
}

const NOTHING_LEFT: Left = { evicted: [], spilled: [] };
