// The account of one executor: pool sizes, what is used, and every task's balance. It knows nothing of policies, blocks or
// waiting; it moves bytes between cells and keeps the sums true. This is the keeper for one thread: plain numbers in typed
// arrays, no call out, nothing allocated per operation.
//
// What must hold, per mode:   executionUsed = sum of the balances >= 0        executionUsed <= executionSize
//                             entries = number of balances >= 0               storageUsed <= storageSize

import { assert, AssertionError, Refusal } from "../fault.js";
import type { Mode } from "./mode.js";

// Where things lie in the ledger's array. First the cells of each mode, then the balances of each slot, one a mode.
const EXECUTION_SIZE = 0;
const EXECUTION_USED = 1;
const STORAGE_SIZE = 2;
const STORAGE_USED = 3;
const ENTRIES = 4;
const CEILING = 5;
const UNMANAGED = 6;
const CELLS = 8;
const BALANCES = 2 * CELLS;

/** The balance of a task that has no entry in a pool: different from an entry with balance 0 (section 3.2, consequence 5). */
export const ABSENT = -1;

/** A request whose answer needs a decision of the policy. */
export const UNDECIDED = -2;

// Task ids are looked up in a direct-mapped cache of (task, index of its balances) before the map.
const CACHE_LINES = 256;

const FIRST_SLOTS = 64;

/**
 * A task id that is no safe integer.
 *
 * @example
 * ```ts
 * import { InvalidTask, openExecutor } from "tungsten-memory";
 *
 * try {
 *   openExecutor({ pages: "accounts" }).manager.acquireExecution(1, 1.5, 0);
 * } catch (error) {
 *   console.log(error instanceof InvalidTask); // true
 * }
 * ```
 */
export class InvalidTask extends Refusal {
  override readonly name = "InvalidTask";

  constructor(task: number) {
    super(`a task id is a safe integer, not ${task}`);
  }
}

/** A keeper of accounts, as the memory manager uses it. Operations are those of LocalLedger; sizes are bytes. */
export interface Ledger extends Pick<LocalLedger, Exclude<keyof LocalLedger, "slots" | "claimWhole">> {
  /**
   * Grants a request whole where no decision is needed, and answers `bytes`; else UNDECIDED, and nothing has changed. While
   * requests are `waiting` (their number) a task that is new to the pool needs a decision.
   */
  claimWhole(bytes: number, task: number, mode: Mode, waiting: number): number;
}

/** Balances of two modes a slot; a slot belongs to one task until its entries are gone and the slot is wanted. */
export class LocalLedger {
  #cells = new Float64Array(BALANCES + 2 * FIRST_SLOTS).fill(ABSENT).fill(0, 0, BALANCES);
  readonly #cache = new Float64Array(2 * CACHE_LINES).fill(Number.NaN);
  #taskOfSlot: number[] = [];
  readonly #slotOfTask = new Map<number, number>();

  /** Longest sleep for another worker's decision, milliseconds: here there is none to wait for. */
  readonly patienceMs: number = Number.POSITIVE_INFINITY;

  /** Begins a decision: until `end` nothing moves but what the caller moves. On one thread that is always so. */
  begin(): void {}

  /** Ends a decision. */
  end(): void {}

  /** Runs `call`, which may do I/O and call back, in the middle of a decision, and lets nobody else decide meanwhile. */
  outside<T>(call: () => T): T {
    return call();
  }

  /** Runs `call`, which gives something back, without fail. */
  giveBack(call: () => void): void {
    call();
  }

  /** Runs `call`, which tells somebody, when no other worker has to wait for it: here at once, in the middle of a decision. */
  afterwards(call: () => void): void {
    call();
  }

  /** What a decision has changed so far stands, whatever becomes of who decides. */
  commit(): void {}

  /** Registers a wait, inside the decision that asks for it, and answers the epoch to sleep on. Here nobody sleeps. */
  enterWait(): number {
    return 0;
  }

  /** Ends a registered wait. */
  leaveWait(): void {}

  /** The same for who gives up: it never throws. */
  giveUpWait(): void {}

  /** Wakes those who sleep. */
  wake(): void {}

  /** Sets the sizes of one mode's pools, once, before anything is claimed. Bytes. */
  open(mode: Mode, executionBytes: number, storageBytes: number): void {
    const cells = this.#cells;
    const at = mode * CELLS;
    assert(cells[at + EXECUTION_USED] === 0 && cells[at + STORAGE_USED] === 0, "pools are sized before they are used");
    assert(Number.isSafeInteger(executionBytes) && executionBytes >= 0, `execution pool of ${executionBytes} bytes`);
    assert(Number.isSafeInteger(storageBytes) && storageBytes >= 0, `storage pool of ${storageBytes} bytes`);
    cells[at + EXECUTION_SIZE] = executionBytes;
    cells[at + STORAGE_SIZE] = storageBytes;
  }

  /** Size of the execution pool. */
  executionSize(mode: Mode): number {
    return this.#cells[mode * CELLS + EXECUTION_SIZE]!;
  }

  /** What tasks hold of it. */
  executionUsed(mode: Mode): number {
    return this.#cells[mode * CELLS + EXECUTION_USED]!;
  }

  /** Size of the storage pool. */
  storageSize(mode: Mode): number {
    return this.#cells[mode * CELLS + STORAGE_SIZE]!;
  }

  /** Blocks, unroll and raw storage bytes. */
  storageUsed(mode: Mode): number {
    return this.#cells[mode * CELLS + STORAGE_USED]!;
  }

  /** N: the balances of this mode that are not ABSENT. */
  entries(mode: Mode): number {
    return this.#cells[mode * CELLS + ENTRIES]!;
  }

  /** The size that tasks may share without a decision, as `setCeiling` left it. Bytes. */
  ceiling(mode: Mode): number {
    return this.#cells[mode * CELLS + CEILING]!;
  }

  /** Says what size tasks may share from now on without a decision. Bytes. */
  setCeiling(mode: Mode, bytes: number): void {
    this.#cells[mode * CELLS + CEILING] = bytes;
  }

  /** What unmanaged consumers use (section 4.4). Bytes. */
  unmanaged(mode: Mode): number {
    return this.#cells[mode * CELLS + UNMANAGED]!;
  }

  /** Says what unmanaged consumers use from now on. Bytes. */
  setUnmanaged(mode: Mode, bytes: number): void {
    this.#cells[mode * CELLS + UNMANAGED] = bytes;
  }

  /** The task's balance in bytes, or ABSENT. */
  balance(task: number, mode: Mode): number {
    const slot = this.#slotOfTask.get(task);
    return slot === undefined ? ABSENT : this.#cells[BALANCES + 2 * slot + mode]!;
  }

  /**
   * The common path of an acquire: grants the whole of `bytes` when that much is free and leaves the task within
   * ceiling / N, else changes nothing and answers UNDECIDED. A task without an entry gets one, unless somebody waits and
   * would have to be woken. Several workers' keeper may leave more UNDECIDED outside of a decision, never within. The product stands for a division: totals are below 2^53, so one that rounds is past any ceiling.
   */
  claimWhole(bytes: number, task: number, mode: Mode, waiting: number): number {
    const index = this.#indexOf(task) + mode;
    const cells = this.#cells;
    const at = mode * CELLS;
    const held = cells[index]!;
    const used = cells[at + EXECUTION_USED]! + bytes;
    if (!(bytes > 0 && Math.floor(bytes) === bytes && used <= cells[at + EXECUTION_SIZE]!)) return UNDECIDED;
    if (held >= 0) {
      if ((held + bytes) * cells[at + ENTRIES]! > cells[at + CEILING]!) return UNDECIDED;
      cells[index] = held + bytes;
    } else {
      const entries = cells[at + ENTRIES]! + 1;
      if (waiting !== 0 || bytes * entries > cells[at + CEILING]!) return UNDECIDED;
      cells[at + ENTRIES] = entries;
      cells[index] = bytes;
    }
    cells[at + EXECUTION_USED] = used;
    return bytes;
  }

  /** Gives the task an entry with balance 0 if it has none; true when it had none. */
  enter(task: number, mode: Mode): boolean {
    const index = this.#indexOf(task) + mode;
    if (this.#cells[index]! >= 0) return false;
    this.#cells[index] = 0;
    this.#cells[mode * CELLS + ENTRIES]! += 1;
    return true;
  }

  /** Adds a decided grant, 0 or more bytes, to a task that has an entry. */
  grant(bytes: number, task: number, mode: Mode): void {
    const index = this.#indexOf(task) + mode;
    const cells = this.#cells;
    const at = mode * CELLS;
    if (!(cells[index]! >= 0)) throw new AssertionError(`task ${task} has no entry to be granted to`);
    assert(
      bytes >= 0 && bytes <= cells[at + EXECUTION_SIZE]! - cells[at + EXECUTION_USED]!,
      `a grant of ${bytes} bytes`,
    );
    cells[index]! += bytes;
    cells[at + EXECUTION_USED]! += bytes;
  }

  /**
   * Takes up to `bytes` back from the task and returns how many it was. A balance that reaches 0 ends the entry, also when
   * it was 0 before (section 3.2, consequences 5 and 6). `bytes` is a whole number, 0 or more.
   */
  release(bytes: number, task: number, mode: Mode): number {
    const index = this.#indexOf(task) + mode;
    const cells = this.#cells;
    const at = mode * CELLS;
    const held = cells[index]!;
    if (bytes < held) {
      cells[index] = held - bytes;
      cells[at + EXECUTION_USED]! -= bytes;
      return bytes;
    }
    if (held < 0) return 0;
    cells[index] = ABSENT;
    cells[at + ENTRIES]! -= 1;
    cells[at + EXECUTION_USED]! -= held;
    return held;
  }

  /** Tasks that the table has room for: grows with those that hold something, not with those that come and go. */
  get slots(): number {
    return (this.#cells.length - BALANCES) / 2;
  }

  /** Adds to what storage uses; the bytes must be free in its pool. */
  useStorage(bytes: number, mode: Mode): void {
    const at = mode * CELLS;
    const used = this.#cells[at + STORAGE_USED]! + bytes;
    if (!(bytes >= 0 && used <= this.#cells[at + STORAGE_SIZE]!))
      throw new AssertionError(`storage of ${bytes} bytes beyond its pool`);
    this.#cells[at + STORAGE_USED] = used;
  }

  /** Takes up to `bytes` back from storage and returns how many it was (a release of more than is used is clamped). */
  releaseStorage(bytes: number, mode: Mode): number {
    const at = mode * CELLS;
    const freed = Math.min(bytes, this.#cells[at + STORAGE_USED]!);
    this.#cells[at + STORAGE_USED]! -= freed;
    return freed;
  }

  /** What was used is a block's from here on, and no longer its worker's. */
  intoBlock(_bytes: number, _mode: Mode): void {}

  /** Gives back what a block has used: `releaseStorage` of bytes that are no worker's. */
  releaseBlock(bytes: number, mode: Mode): number {
    return this.releaseStorage(bytes, mode);
  }

  /** Moves the boundary: `bytes` from the storage pool to the execution pool, or the other way when negative. */
  moveBoundary(bytes: number, mode: Mode): void {
    const cells = this.#cells;
    const at = mode * CELLS;
    const execution = cells[at + EXECUTION_SIZE]! + bytes;
    const storage = cells[at + STORAGE_SIZE]! - bytes;
    if (!(execution >= cells[at + EXECUTION_USED]!))
      throw new AssertionError(`execution pool shrunk to ${execution} bytes, below what is used`);
    if (!(storage >= cells[at + STORAGE_USED]!))
      throw new AssertionError(`storage pool shrunk to ${storage} bytes, below what is used`);
    cells[at + EXECUTION_SIZE] = execution;
    cells[at + STORAGE_SIZE] = storage;
  }

  /** Calls `visit` for every entry of a mode: the task's id and its balance in bytes, 0 included. */
  forEachEntry(mode: Mode, visit: (task: number, bytes: number) => void): void {
    this.#taskOfSlot.forEach((task, slot) => {
      const held = this.#cells[BALANCES + 2 * slot + mode]!;
      if (held >= 0) visit(task, held);
    });
  }

  /** Nobody here will ask for the task again, unless it comes anew. */
  forget(_task: number): void {}

  // Index of the task's first balance.
  #indexOf(task: number): number {
    const line = 2 * (task & (CACHE_LINES - 1));
    return this.#cache[line] === task ? this.#cache[line + 1]! : this.#find(task, line);
  }

  #find(task: number, line: number): number {
    if (!Number.isSafeInteger(task)) throw new InvalidTask(task);
    let slot = this.#slotOfTask.get(task);
    if (slot === undefined) {
      slot = this.#freeSlot();
      this.#taskOfSlot[slot] = task;
      this.#slotOfTask.set(task, slot);
    }
    const index = BALANCES + 2 * slot;
    this.#cache[line] = task;
    this.#cache[line + 1] = index;
    return index;
  }

  /** A new slot. When the table is full, the slots of tasks without entries are collected; it doubles if half are left. */
  #freeSlot(): number {
    const slots = this.slots;
    if (this.#taskOfSlot.length < slots) return this.#taskOfSlot.length;
    this.#collect();
    if (2 * this.#taskOfSlot.length > slots) {
      const larger = new Float64Array(BALANCES + 4 * slots).fill(ABSENT);
      larger.set(this.#cells);
      this.#cells = larger;
    }
    return this.#taskOfSlot.length;
  }

  #collect(): void {
    const balances = this.#cells.slice(BALANCES);
    const tasks = this.#taskOfSlot;
    this.#cells.fill(ABSENT, BALANCES);
    this.#taskOfSlot = [];
    this.#slotOfTask.clear();
    this.#cache.fill(Number.NaN);
    tasks.forEach((task, slot) => {
      const onHeap = balances[2 * slot]!;
      const offHeap = balances[2 * slot + 1]!;
      if (onHeap < 0 && offHeap < 0) return;
      const kept = this.#taskOfSlot.push(task) - 1;
      this.#slotOfTask.set(task, kept);
      this.#cells[BALANCES + 2 * kept] = onHeap;
      this.#cells[BALANCES + 2 * kept + 1] = offHeap;
    });
  }
}
