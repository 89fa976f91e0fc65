// The blocks in memory, the table that several workers share. It lies in the annex of the shared accounts, so that one lock
// covers both and a block and the bytes it is charged change in one step. Whoever comes here is inside a decision; what must
// change together is written through the journal of the accounts, and undone if its writer dies before the commit. Where
// things lie is drawn in shared-table-map.ts.
//
// What must hold:
//  1. Records that no ring reaches are free, and nothing in them counts but the chain of the free list. So a record is
//     filled without the journal and then linked with it.
//  2. The locks of a record are the sum of its column, or LEAVING or ARRIVING: they are written without the journal, and
//     `recover` makes them anew.
//  3. LEAVING is written by whoever decides, and gone before the decision ends, so that only the decider's death leaves any.
//  4. ARRIVING is taken off without the lock, by the worker that has put it on: from then on the bytes are there for all.

import { MAX_WORKERS } from "../memory/accounts-map.js";
import { type Mode, OFF_HEAP, ON_HEAP } from "../memory/mode.js";
import { type BlockId, partitionPart, rddOf, rddPart } from "./block.js";
import { NO_PLACE } from "./bytes.js";
import { BlockMisuse } from "./contract.js";
import {
  type Annex,
  BUCKETS_AT,
  bucketsFor,
  BYTES,
  CHAIN,
  DISK,
  FLAGS,
  FREE,
  HASH,
  HIGHEST_WORKER,
  KEY,
  makeTable,
  MODE,
  NAME_LENGTH,
  NAME_UNITS,
  NAMED,
  NameTooLong,
  NEWER,
  OLDER,
  PINNED,
  PINS,
  PLACE,
  PUTS,
  RDD,
  RECORD_BYTES,
  RECORDS_USED,
  recordsAt,
  roomOf,
  SIZE,
  tableBytes,
  TO_DISK,
  UNROLLED,
  USED,
  WORKER_BYTES,
  WORKER_PUTTING,
  WORKERS_AT,
  WRITER,
} from "./shared-table-map.js";
import { ARRIVING, type BlockTable, LEAVING, NONE } from "./table.js";

export { NAME_UNITS, NameTooLong, TableError } from "./shared-table-map.js";

const MAX_PINS = 0xffff;

// A look now and then: whose block arrives might have failed or died, and then nobody wakes.
const ARRIVAL_LOOK_MS = 5;

/**
 * One worker's hold on the table. Its operations are made inside of decisions, but for those that say otherwise.
 *
 * @example
 * ```ts
 * import { SharedLedger, SharedTable } from "tungsten-memory";
 *
 * const ledger = SharedLedger.create({ annexBytes: SharedTable.bytesFor(100) });
 * const table = ledger.alone(() => SharedTable.create(ledger, 100));
 * console.log(table.size, table.full); // 0 false
 * ```
 */
export class SharedTable implements BlockTable {
  readonly alone = false;
  readonly #annex: Annex;
  readonly #u32: Uint32Array;
  readonly #i32: Int32Array;
  readonly #f64: Float64Array;
  readonly #u16: Uint16Array;
  // Indices into the views: head, own record, and the first of each column.
  readonly #head: number;
  readonly #buckets: number;
  readonly #records: number;
  readonly #doubles: number;
  readonly #names: number;
  readonly #columns: number;
  readonly #mask: number;
  readonly #blocks: number;

  /** The bytes of annex that `blocks` blocks take, a multiple of 64. Untouched, they cost no memory. */
  static bytesFor(blocks: number): number {
    return tableBytes(blocks);
  }

  /** An empty table for `blocks` blocks in an annex that nobody uses yet, of `bytesFor(blocks)` bytes or more. */
  static create(annex: Annex, blocks: number): SharedTable {
    makeTable(annex, blocks);
    return new SharedTable(annex, blocks);
  }

  /** The table that another worker has made. */
  static attach(annex: Annex): SharedTable {
    return new SharedTable(annex, roomOf(annex));
  }

  private constructor(annex: Annex, blocks: number) {
    const { annexAt, memory, worker } = annex;
    const slots = blocks + 2;
    const records = annexAt + recordsAt(blocks);
    this.#annex = annex;
    this.#u32 = annex.u32;
    this.#f64 = annex.f64;
    this.#i32 = new Int32Array(memory.buffer);
    this.#u16 = new Uint16Array(memory.buffer);
    this.#head = annexAt / 4;
    this.#buckets = (annexAt + BUCKETS_AT) / 4;
    this.#records = records / 4;
    this.#doubles = records / 8;
    this.#names = (records + slots * RECORD_BYTES) / 2;
    this.#columns = this.#names + slots * NAME_UNITS;
    this.#mask = bucketsFor(blocks) - 1;
    this.#blocks = blocks;
    const at = this.#head + HIGHEST_WORKER;
    for (let seen = Atomics.load(this.#u32, at); seen < worker;)
      seen = Atomics.compareExchange(this.#u32, at, seen, worker) === seen ? worker : Atomics.load(this.#u32, at);
  }

  /** Whether all workers have a disk or none has: what one writes out, another must find. The first one says which. */
  agreeOnDisk(disk: boolean): boolean {
    const mine = disk ? 2 : 1;
    const found = Atomics.compareExchange(this.#u32, this.#head + DISK, 0, mine);
    return found === 0 || found === mine;
  }

  get size(): number {
    return this.#u32[this.#head + SIZE]!;
  }

  get pinned(): number {
    return this.#u32[this.#head + PINNED]!;
  }

  get puts(): number {
    return this.#u32[this.#head + PUTS]!;
  }

  get full(): boolean {
    return this.size === this.#blocks;
  }

  get arriving(): number {
    const workers = Atomics.load(this.#u32, this.#head + HIGHEST_WORKER);
    let blocks = 0;
    for (let worker = 1; worker <= workers; worker += 1) blocks += Atomics.load(this.#u32, this.#puttingAt(worker));
    return blocks;
  }

  /** Throws NameTooLong. Needs no decision. */
  checkName(id: BlockId): void {
    if (typeof id === "string" && id.length > NAME_UNITS)
      throw new NameTooLong(
        `a block in shared memory has a name of at most ${NAME_UNITS} characters, not the ${id.length} of ${id.slice(0, 40)}...`,
      );
  }

  find(id: BlockId): number {
    return typeof id === "number" ? this.#findNumber(id) : this.#findName(id);
  }

  idAt(slot: number): BlockId {
    const key = this.#f64[this.#doubles + 8 * slot + KEY]!;
    if (key !== NAMED) return key;
    const at = this.#names + slot * NAME_UNITS;
    return String.fromCharCode(...this.#u16.subarray(at, at + this.#u32[this.#record(slot) + NAME_LENGTH]!));
  }

  bytes(slot: number): number {
    return this.#f64[this.#doubles + 8 * slot + BYTES]!;
  }

  rdd(slot: number): number {
    return this.#f64[this.#doubles + 8 * slot + RDD]!;
  }

  place(slot: number): number {
    return this.#f64[this.#doubles + 8 * slot + PLACE]!;
  }

  mode(slot: number): Mode {
    return (this.#u32[this.#record(slot) + FLAGS]! & MODE) as Mode;
  }

  toDisk(slot: number): boolean {
    return (this.#u32[this.#record(slot) + FLAGS]! & TO_DISK) !== 0;
  }

  isValues(_slot: number): boolean {
    return false;
  }

  /** Values are of one thread: the store refuses them before they come here. */
  setValues(_slot: number): void {}

  pins(slot: number): number {
    return Atomics.load(this.#i32, this.#record(slot) + PINS);
  }

  /** Throws BlockMisuse beyond 65 535 read locks of one worker. */
  pin(slot: number): void {
    const own = this.#column(slot, this.#annex.worker);
    if (this.#u16[own] === MAX_PINS) throw new BlockMisuse(`a worker pins a block at most ${MAX_PINS} times at once`);
    this.#u16[own]! += 1;
    this.#i32[this.#record(slot) + PINS]! += 1;
    this.#u32[this.#head + PINNED]! += 1;
  }

  unpin(slot: number): void {
    this.#u16[this.#column(slot, this.#annex.worker)]! -= 1;
    this.#i32[this.#record(slot) + PINS]! -= 1;
    this.#u32[this.#head + PINNED]! -= 1;
  }

  ownPins(slot: number): number {
    return this.#u16[this.#column(slot, this.#annex.worker)]!;
  }

  leave(slot: number): void {
    this.#i32[this.#record(slot) + PINS] = LEAVING;
  }

  stay(slot: number): void {
    this.#i32[this.#record(slot) + PINS] = 0;
  }

  /** The bytes of an arriving block are there. Needs no decision. */
  arrived(slot: number): void {
    const at = this.#record(slot) + PINS;
    Atomics.store(this.#i32, at, 0);
    Atomics.sub(this.#u32, this.#puttingAt(this.#annex.worker), 1);
    Atomics.notify(this.#i32, at);
  }

  isOwn(slot: number): boolean {
    return this.#u32[this.#record(slot) + WRITER] === this.#annex.worker;
  }

  awaitArrival(slot: number): void {
    try {
      Atomics.wait(this.#i32, this.#record(slot) + PINS, ARRIVING, ARRIVAL_LOOK_MS);
    } catch {
      // A page's main thread must not sleep and looks again at once: what is awaited is a copy in memory.
    }
  }

  used(mode: Mode): number {
    return this.#f64[this.#head / 2 + USED + mode]!;
  }

  unrolled(mode: Mode): number {
    return this.#f64[this.#head / 2 + UNROLLED + mode]!;
  }

  addUnrolled(bytes: number, mode: Mode): void {
    this.#addUnrolledOf(this.#annex.worker, bytes, mode);
  }

  insert(id: BlockId, bytes: number, mode: Mode, place: number = NO_PLACE, toDisk: boolean = false): number {
    const u32 = this.#u32;
    const head = this.#head;
    let slot = u32[head + FREE]!;
    if (slot === 0) {
      slot = u32[head + RECORDS_USED]!;
      this.#put(head + RECORDS_USED, slot + 1);
    } else {
      this.#put(head + FREE, u32[this.#record(slot) + CHAIN]!);
    }
    const at = this.#record(slot);
    const doubles = this.#doubles + 8 * slot;
    const hash = hashOf(id);
    this.#f64[doubles + KEY] = typeof id === "number" ? id : NAMED;
    this.#f64[doubles + BYTES] = bytes;
    this.#f64[doubles + RDD] = rddOf(id);
    this.#f64[doubles + PLACE] = place;
    if (typeof id === "string") this.#writeName(slot, id);
    u32[at + FLAGS] = toDisk ? mode | TO_DISK : mode;
    u32[at + HASH] = hash;
    u32[at + WRITER] = this.#annex.worker;
    this.#i32[at + PINS] = ARRIVING;
    Atomics.add(u32, this.#puttingAt(this.#annex.worker), 1);
    const bucket = this.#buckets + (hash & this.#mask);
    this.#put(at + CHAIN, u32[bucket]!);
    this.#put(bucket, slot);
    this.#linkNewest(slot, mode);
    this.#addUsed(bytes, mode);
    this.#put(head + SIZE, u32[head + SIZE]! + 1);
    this.#put(head + PUTS, u32[head + PUTS]! + 1);
    return slot;
  }

  remove(slot: number): void {
    const u32 = this.#u32;
    const head = this.#head;
    const at = this.#record(slot);
    const pins = this.pins(slot);
    if (pins === ARRIVING) {
      Atomics.sub(u32, this.#puttingAt(u32[at + WRITER]!), 1);
    } else if (pins > 0) {
      u32[head + PINNED]! -= pins;
      this.#u16.fill(0, this.#column(slot, 1), this.#column(slot, MAX_WORKERS + 1));
    }
    this.#addUsed(-this.bytes(slot), this.mode(slot));
    let before = this.#buckets + (u32[at + HASH]! & this.#mask);
    while (u32[before] !== slot) before = this.#record(u32[before]!) + CHAIN;
    this.#put(before, u32[at + CHAIN]!);
    this.#unlink(slot);
    this.#put(at + CHAIN, u32[head + FREE]!);
    this.#put(head + FREE, slot);
    this.#put(head + SIZE, u32[head + SIZE]! - 1);
  }

  touch(slot: number): void {
    const mode = this.mode(slot);
    if (this.#u32[this.#record(slot) + NEWER] === mode) return;
    this.#unlink(slot);
    this.#linkNewest(slot, mode);
  }

  oldest(mode: Mode): number {
    return this.next(mode);
  }

  next(slot: number): number {
    const newer = this.#u32[this.#record(slot) + NEWER]!;
    return newer < 2 ? NONE : newer;
  }

  /**
   * Takes back what a dead worker has locked, its reservations, and the marks of its eviction; it takes no further step. The
   * slots of the blocks that it was putting are returned: they are to be dropped. May be repeated.
   */
  recover(dead: number): number[] {
    const unfinished: number[] = [];
    let pinned = 0;
    for (const mode of [ON_HEAP, OFF_HEAP] as const) {
      for (let slot = this.oldest(mode); slot !== NONE; slot = this.next(slot)) {
        this.#u16[this.#column(slot, dead)] = 0;
        if (this.pins(slot) === ARRIVING) {
          if (this.#u32[this.#record(slot) + WRITER] === dead) unfinished.push(slot);
          continue;
        }
        let pins = 0;
        for (let at = this.#column(slot, 1); at < this.#column(slot, MAX_WORKERS + 1); at += 1) pins += this.#u16[at]!;
        this.#i32[this.#record(slot) + PINS] = pins;
        pinned += pins;
      }
      this.#addUnrolledOf(dead, -this.#f64[this.#workerAt(dead) / 2 + mode]!, mode);
    }
    this.#u32[this.#head + PINNED] = pinned;
    Atomics.store(this.#u32, this.#puttingAt(dead), unfinished.length);
    return unfinished;
  }

  #findNumber(id: number): number {
    let slot = this.#u32[this.#buckets + (hashOf(id) & this.#mask)]!;
    while (slot !== 0 && this.#f64[this.#doubles + 8 * slot + KEY] !== id)
      slot = this.#u32[this.#record(slot) + CHAIN]!;
    return slot === 0 ? NONE : slot;
  }

  #findName(name: string): number {
    const hash = hashOf(name);
    let slot = this.#u32[this.#buckets + (hash & this.#mask)]!;
    while (slot !== 0 && !this.#isNamed(slot, name, hash)) slot = this.#u32[this.#record(slot) + CHAIN]!;
    return slot === 0 ? NONE : slot;
  }

  #isNamed(slot: number, name: string, hash: number): boolean {
    const at = this.#record(slot);
    if (this.#u32[at + HASH] !== hash || this.#f64[this.#doubles + 8 * slot + KEY] !== NAMED) return false;
    if (this.#u32[at + NAME_LENGTH] !== name.length) return false;
    const units = this.#names + slot * NAME_UNITS;
    for (let i = 0; i < name.length; i += 1) if (this.#u16[units + i] !== name.charCodeAt(i)) return false;
    return true;
  }

  #writeName(slot: number, name: string): void {
    const units = this.#names + slot * NAME_UNITS;
    for (let i = 0; i < name.length; i += 1) this.#u16[units + i] = name.charCodeAt(i);
    this.#u32[this.#record(slot) + NAME_LENGTH] = name.length;
  }

  #unlink(slot: number): void {
    const at = this.#record(slot);
    const older = this.#u32[at + OLDER]!;
    const newer = this.#u32[at + NEWER]!;
    this.#put(this.#record(older) + NEWER, newer);
    this.#put(this.#record(newer) + OLDER, older);
  }

  #linkNewest(slot: number, ring: number): void {
    const newest = this.#u32[this.#record(ring) + OLDER]!;
    this.#put(this.#record(slot) + OLDER, newest);
    this.#put(this.#record(slot) + NEWER, ring);
    this.#put(this.#record(newest) + NEWER, slot);
    this.#put(this.#record(ring) + OLDER, slot);
  }

  #addUsed(bytes: number, mode: Mode): void {
    const at = this.#head / 2 + USED + mode;
    this.#annex.putF64(8 * at, this.#f64[at]! + bytes);
  }

  #addUnrolledOf(worker: number, bytes: number, mode: Mode): void {
    for (const at of [this.#head / 2 + UNROLLED + mode, this.#workerAt(worker) / 2 + mode])
      this.#annex.putF64(8 * at, this.#f64[at]! + bytes);
  }

  // Writes a word through the journal.
  #put(at: number, value: number): void {
    this.#annex.putU32(4 * at, value);
  }

  // Index of a record's first word.
  #record(slot: number): number {
    return this.#records + 16 * slot;
  }

  #column(slot: number, worker: number): number {
    return this.#columns + slot * MAX_WORKERS + worker - 1;
  }

  #workerAt(worker: number): number {
    return this.#head + (WORKERS_AT + (worker - 1) * WORKER_BYTES) / 4;
  }

  #puttingAt(worker: number): number {
    return this.#workerAt(worker) + WORKER_PUTTING;
  }
}

function hashOf(id: BlockId): number {
  let hash = 0x811c9dc5;
  if (typeof id === "number") {
    const rdd = rddPart(id);
    hash = Math.imul(rdd, 0x9e3779b1) ^ Math.imul(partitionPart(id, rdd), 0x85ebca6b);
  } else {
    for (let i = 0; i < id.length; i += 1) hash = Math.imul(hash ^ id.charCodeAt(i), 0x01000193);
  }
  return (hash ^ (hash >>> 15)) >>> 0;
}
