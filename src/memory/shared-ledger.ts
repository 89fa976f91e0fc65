// The account keeper that several workers share: the same cells and balances as the local one, in a linear memory, behind
// the protocol that assembly/accounts.ts draws and proves. A task that has credit acquires and releases with one
// compare-and-swap each; all else takes the lock.

import { assert, Refusal } from "../fault.js";
import { ABSENT, InvalidTask, type Ledger, UNDECIDED } from "./ledger.js";
import { type Mode, OFF_HEAP, ON_HEAP } from "./mode.js";
import { createMemory, instantiate, WASM_UNIT_BYTES } from "./wasm.js";

// Where things lie (drawn in assembly/accounts.ts).
const MAGIC = 0x43414d54;
const VERSION = 1;
const WORD_MAGIC = 0;
const WORD_VERSION = 1;
const WORD_SLOTS = 2;
const WORD_SLOTS_USED = 3;
const WORD_WAITERS = 6;
const WORD_DECISIONS = 9;
const CELLS_AT = 64;
const CELLS_BYTES = 64;
const EXECUTION_SIZE = 0;
const EXECUTION_USED = 8;
const STORAGE_SIZE = 16;
const STORAGE_USED = 24;
const ENTRIES = 32;
const CEILING = 40;
const FIRST_SLOT = 2304;
const SLOT_BYTES = 128;
const SLOT_TASK = 16;
const SLOT_HOME = 24;
const SLOT_IN_USE = 28;
const SLOT_KNOWN_BY = 32;
const SLOT_EMPTY_FOR = 40;

const EMPTY_DECISIONS = 16;

const HIGH_WORD = 2 ** 32;
const HELD_HIGH_BITS = 0x1fffff;
const PRESENT_HIGH_BIT = 0x200000;

// Task ids are looked up in a direct-mapped cache of (task, address of its slot) before the map.
const CACHE_LINES = 256;

/** Most workers that share accounts, the creator included. */
export const MAX_WORKERS = 64;

/** Most tasks that accounts can be made for. */
export const MAX_SLOTS = 65_536;

interface Exports {
  readonly accountsCreate: (slots: number) => void;
  readonly accountsClaim: (word: number, bytes: number) => number;
  readonly accountsRelease: (word: number, bytes: number) => number;
  readonly accountsLock: (me: number, nanoseconds: number) => number;
  readonly accountsUnlock: () => void;
  readonly accountsClose: () => void;
  readonly accountsOpen: () => void;
  readonly accountsPut: (at: number, value: number) => void;
  readonly accountsPutWord: (word: number, held: number, present: 0 | 1) => void;
  readonly accountsCommit: () => void;
  readonly accountsUndo: () => void;
  readonly accountsEnterWait: () => number;
  readonly accountsLeaveWait: () => void;
  readonly accountsWake: () => void;
  readonly accountsSleep: (epoch: number, nanoseconds: number) => number;
}

/** Shared accounts that cannot be made or attached. */
export class AccountsError extends Refusal {
  override readonly name = "AccountsError";
}

/** More tasks at once than the accounts were made for. */
export class TooManyTasks extends Refusal {
  override readonly name = "TooManyTasks";
}

/** One worker's hold on accounts that lie in a shared memory. */
export class SharedLedger implements Ledger {
  readonly memory: WebAssembly.Memory;
  /** This worker's number, 1 to MAX_WORKERS. */
  readonly worker: number;
  readonly #wasm: Exports;
  readonly #claim: Exports["accountsClaim"];
  readonly #release: Exports["accountsRelease"];
  readonly #u32: Uint32Array;
  readonly #f64: Float64Array;
  readonly #cache = new Float64Array(2 * CACHE_LINES).fill(Number.NaN);
  readonly #slotOfTask = new Map<number, number>();
  // Decisions nest: an eviction calls back into the accounts.
  #depth = 0;

  /** New accounts, empty, for up to `slots` tasks at once. */
  static create(slots = 1024): SharedLedger {
    if (!(Number.isInteger(slots) && slots >= 1 && slots <= MAX_SLOTS))
      throw new AccountsError(`accounts for ${slots} tasks: 1 to ${MAX_SLOTS} are possible`);
    const units = Math.ceil((FIRST_SLOT + slots * SLOT_BYTES) / WASM_UNIT_BYTES);
    const memory = createMemory({ initialUnits: units, maximumUnits: units, shared: true });
    instantiate<Exports>("shared", memory).accountsCreate(slots);
    return new SharedLedger(memory, 1);
  }

  /** The accounts that another worker has made. `worker` is this worker's number, of nobody else. */
  static attach(memory: WebAssembly.Memory, worker: number): SharedLedger {
    const words = new Uint32Array(memory.buffer, 0, 16);
    if (words[WORD_MAGIC] !== MAGIC) throw new AccountsError("the memory holds no accounts");
    if (words[WORD_VERSION] !== VERSION)
      throw new AccountsError(`the accounts are of version ${words[WORD_VERSION]}, this is version ${VERSION}`);
    const bytes = FIRST_SLOT + words[WORD_SLOTS]! * SLOT_BYTES;
    if (memory.buffer.byteLength < bytes)
      throw new AccountsError(`the memory has ${memory.buffer.byteLength} bytes, the accounts need ${bytes}`);
    if (!(Number.isInteger(worker) && worker >= 1 && worker <= MAX_WORKERS))
      throw new AccountsError(`worker ${worker}: numbers are 1 to ${MAX_WORKERS}`);
    return new SharedLedger(memory, worker);
  }

  private constructor(memory: WebAssembly.Memory, worker: number) {
    this.memory = memory;
    this.worker = worker;
    this.#wasm = instantiate<Exports>("shared", memory);
    this.#claim = this.#wasm.accountsClaim;
    this.#release = this.#wasm.accountsRelease;
    this.#u32 = new Uint32Array(memory.buffer);
    this.#f64 = new Float64Array(memory.buffer);
  }

  /** Begins a decision: from here to `end` nothing moves but what this worker moves. Decisions nest. */
  begin(): void {
    this.#depth += 1;
    if (this.#depth > 1) return;
    this.#wasm.accountsLock(this.worker, -1);
    this.#wasm.accountsClose();
  }

  end(): void {
    this.#depth -= 1;
    if (this.#depth > 0) return;
    this.#wasm.accountsCommit();
    this.#wasm.accountsOpen();
    this.#wasm.accountsUnlock();
  }

  /** Decisions taken since the accounts were made, modulo 2^32. */
  get decisions(): number {
    return this.#u32[WORD_DECISIONS]!;
  }

  open(mode: Mode, executionBytes: number, storageBytes: number): void {
    this.begin();
    try {
      assert(this.executionUsed(mode) === 0 && this.storageUsed(mode) === 0, "pools are sized before they are used");
      assert(Number.isSafeInteger(executionBytes) && executionBytes >= 0, `execution pool of ${executionBytes} bytes`);
      assert(Number.isSafeInteger(storageBytes) && storageBytes >= 0, `storage pool of ${storageBytes} bytes`);
      this.#put(mode, EXECUTION_SIZE, executionBytes);
      this.#put(mode, STORAGE_SIZE, storageBytes);
    } finally {
      this.end();
    }
  }

  executionSize(mode: Mode): number {
    return this.#read(mode, EXECUTION_SIZE);
  }

  executionUsed(mode: Mode): number {
    return this.#read(mode, EXECUTION_USED);
  }

  storageSize(mode: Mode): number {
    return this.#read(mode, STORAGE_SIZE);
  }

  storageUsed(mode: Mode): number {
    return this.#read(mode, STORAGE_USED);
  }

  entries(mode: Mode): number {
    return this.#read(mode, ENTRIES);
  }

  ceiling(mode: Mode): number {
    return this.#read(mode, CEILING);
  }

  setCeiling(mode: Mode, bytes: number): void {
    this.begin();
    this.#put(mode, CEILING, bytes);
    this.end();
  }

  balance(task: number, mode: Mode): number {
    this.begin();
    const slot = this.#slotWithTask(task);
    const held = slot === 0 ? ABSENT : this.#balanceAt(slot + 8 * mode);
    this.end();
    return held;
  }

  claimWhole(bytes: number, task: number, mode: Mode, waiting: number): number {
    const granted = waiting === 0 ? this.#claim(this.#slotOf(task) + 8 * mode, bytes) : UNDECIDED;
    return granted >= 0 ? granted : this.#claimSlowly(bytes, task, mode, waiting);
  }

  enter(task: number, mode: Mode): boolean {
    const word = this.#slotOf(task) + 8 * mode;
    this.begin();
    const enters = this.#balanceAt(word) === ABSENT;
    if (enters) {
      this.#putBalance(word, 0);
      this.#add(mode, ENTRIES, 1);
    }
    this.end();
    return enters;
  }

  grant(bytes: number, task: number, mode: Mode): void {
    const word = this.#slotOf(task) + 8 * mode;
    this.begin();
    try {
      const held = this.#balanceAt(word);
      assert(held >= 0, `task ${task} has no entry to be granted to`);
      assert(bytes >= 0 && bytes <= this.executionSize(mode) - this.executionUsed(mode), `a grant of ${bytes} bytes`);
      this.#putBalance(word, held + bytes);
      this.#add(mode, EXECUTION_USED, bytes);
    } finally {
      this.end();
    }
  }

  release(bytes: number, task: number, mode: Mode): number {
    const word = this.#slotOf(task) + 8 * mode;
    const released = this.#release(word, bytes);
    return released >= 0 ? released : this.#releaseSlowly(bytes, word, mode);
  }

  useStorage(bytes: number, mode: Mode): void {
    this.begin();
    try {
      const used = this.storageUsed(mode) + bytes;
      assert(bytes >= 0 && used <= this.storageSize(mode), `storage of ${bytes} bytes beyond its pool`);
      this.#put(mode, STORAGE_USED, used);
    } finally {
      this.end();
    }
  }

  releaseStorage(bytes: number, mode: Mode): number {
    this.begin();
    const freed = Math.min(bytes, this.storageUsed(mode));
    this.#add(mode, STORAGE_USED, -freed);
    this.end();
    return freed;
  }

  moveBoundary(bytes: number, mode: Mode): void {
    this.begin();
    try {
      const execution = this.executionSize(mode) + bytes;
      const storage = this.storageSize(mode) - bytes;
      assert(execution >= this.executionUsed(mode), `execution pool shrunk to ${execution} bytes, below what is used`);
      assert(storage >= this.storageUsed(mode), `storage pool shrunk to ${storage} bytes, below what is used`);
      this.#put(mode, EXECUTION_SIZE, execution);
      this.#put(mode, STORAGE_SIZE, storage);
    } finally {
      this.end();
    }
  }

  forEachEntry(mode: Mode, visit: (task: number, bytes: number) => void): void {
    const entries: [number, number][] = [];
    this.begin();
    this.#forEachSlot((slot) => {
      const held = this.#balanceAt(slot + 8 * mode);
      if (held !== ABSENT) entries.push([this.#f64[(slot + SLOT_TASK) / 8]!, held]);
    });
    this.end();
    for (const [task, held] of entries) visit(task, held);
  }

  /** Registers this worker as waiting, inside the decision that said so, and answers the epoch to sleep on. */
  enterWait(): number {
    assert(this.#depth > 0, "a wait begins inside the decision that asks for it");
    return this.#wasm.accountsEnterWait() >>> 0;
  }

  /** Ends a registered wait, at the next look or when it is given up. */
  leaveWait(): void {
    this.begin();
    this.#wasm.accountsLeaveWait();
    this.end();
  }

  /** Wakes all waiters of all workers and both modes. */
  wake(): void {
    this.begin();
    this.#wasm.accountsWake();
    this.end();
  }

  /** Sleeps until there was a wake-up after `epoch`; false when `waitMs` (no bound when infinite) ran out first. */
  sleep(epoch: number, waitMs: number): boolean {
    return this.#wasm.accountsSleep(epoch, waitMs === Number.POSITIVE_INFINITY ? -1 : waitMs * 1e6) !== 0;
  }

  #claimSlowly(bytes: number, task: number, mode: Mode, waiting: number): number {
    if (!(bytes > 0 && Number.isSafeInteger(bytes))) return UNDECIDED;
    const word = this.#slotOf(task) + 8 * mode;
    this.begin();
    try {
      const held = this.#balanceAt(word);
      const entries = this.entries(mode) + (held === ABSENT ? 1 : 0);
      const wanted = Math.max(0, held) + bytes;
      // A newcomer would have to wake those who wait: a decision of the manager.
      if (held === ABSENT && waiting + this.#u32[WORD_WAITERS]! !== 0) return UNDECIDED;
      if (bytes > this.executionSize(mode) - this.executionUsed(mode)) return UNDECIDED;
      if (wanted * entries > this.ceiling(mode)) return UNDECIDED;
      this.#putBalance(word, wanted);
      this.#put(mode, ENTRIES, entries);
      this.#add(mode, EXECUTION_USED, bytes);
      return bytes;
    } finally {
      this.end();
    }
  }

  #releaseSlowly(bytes: number, word: number, mode: Mode): number {
    this.begin();
    const held = this.#balanceAt(word);
    const released = Math.min(bytes, Math.max(0, held));
    if (held !== ABSENT) {
      const left = held - released;
      this.#putBalance(word, left === 0 ? ABSENT : left);
      if (left === 0) this.#add(mode, ENTRIES, -1);
      this.#add(mode, EXECUTION_USED, -released);
    }
    // Section 3.2: a release wakes, also when it changed nothing.
    this.#wasm.accountsWake();
    this.end();
    return released;
  }

  // ---- cells and words, inside a decision

  #read(mode: Mode, cell: number): number {
    if (this.#depth > 0) return this.#f64[(CELLS_AT + mode * CELLS_BYTES + cell) / 8]!;
    this.begin();
    const value = this.#f64[(CELLS_AT + mode * CELLS_BYTES + cell) / 8]!;
    this.end();
    return value;
  }

  #put(mode: Mode, cell: number, value: number): void {
    this.#wasm.accountsPut(CELLS_AT + mode * CELLS_BYTES + cell, value);
  }

  #add(mode: Mode, cell: number, change: number): void {
    this.#put(mode, cell, this.#f64[(CELLS_AT + mode * CELLS_BYTES + cell) / 8]! + change);
  }

  #balanceAt(word: number): number {
    const high = this.#u32[word / 4 + 1]!;
    if ((high & PRESENT_HIGH_BIT) === 0) return ABSENT;
    return (high & HELD_HIGH_BITS) * HIGH_WORD + this.#u32[word / 4]!;
  }

  #putBalance(word: number, bytes: number): void {
    if (bytes === ABSENT) this.#wasm.accountsPutWord(word, 0, 0);
    else this.#wasm.accountsPutWord(word, bytes, 1);
  }

  // ---- slots

  /** Address of the task's slot; it gets one if it has none. */
  #slotOf(task: number): number {
    const line = 2 * (task & (CACHE_LINES - 1));
    return this.#cache[line] === task ? this.#cache[line + 1]! : this.#findSlot(task, line);
  }

  #findSlot(task: number, line: number): number {
    if (!Number.isSafeInteger(task)) throw new InvalidTask(task);
    let slot = this.#slotOfTask.get(task);
    if (slot === undefined) {
      this.begin();
      try {
        slot = this.#slotWithTask(task) || this.#newSlot(task);
        this.#setKnown(slot, true);
      } finally {
        this.end();
      }
      this.#slotOfTask.set(task, slot);
    }
    this.#cache[line] = task;
    this.#cache[line + 1] = slot;
    return slot;
  }

  #slotWithTask(task: number): number {
    const known = this.#slotOfTask.get(task);
    if (known !== undefined) return known;
    let found = 0;
    this.#forEachSlot((slot) => {
      if (this.#f64[(slot + SLOT_TASK) / 8] === task && this.#u32[(slot + SLOT_IN_USE) / 4] === 1) found = slot;
    });
    return found;
  }

  /** A slot without entries that nobody else knows, when it has been so for long or none is left; else one never used. */
  #newSlot(task: number): number {
    const used = this.#u32[WORD_SLOTS_USED]!;
    const full = used === this.#u32[WORD_SLOTS]!;
    let slot = 0;
    this.#forEachSlot((each) => {
      if (slot === 0 && this.#isSpare(each, full)) slot = each;
    });
    if (slot === 0) {
      if (full)
        throw new TooManyTasks(`task ${task} is one too many: the accounts were made for ${used} tasks at once`);
      slot = FIRST_SLOT + used * SLOT_BYTES;
      this.#u32[WORD_SLOTS_USED] = used + 1;
    } else if (this.#u32[(slot + SLOT_IN_USE) / 4] === 1) {
      this.#forget(this.#f64[(slot + SLOT_TASK) / 8]!);
    }
    this.#u32[(slot + SLOT_IN_USE) / 4] = 0;
    this.#f64[(slot + SLOT_TASK) / 8] = task;
    this.#u32[(slot + SLOT_HOME) / 4] = this.worker;
    this.#u32[(slot + SLOT_KNOWN_BY) / 4] = 0;
    this.#u32[(slot + SLOT_KNOWN_BY) / 4 + 1] = 0;
    this.#u32[(slot + SLOT_EMPTY_FOR) / 4] = 0;
    this.#u32[(slot + SLOT_EMPTY_FOR) / 4 + 1] = 0;
    this.#u32[(slot + SLOT_IN_USE) / 4] = 1;
    return slot;
  }

  #isSpare(slot: number, wanted: boolean): boolean {
    for (const mode of [ON_HEAP, OFF_HEAP]) {
      if (this.#balanceAt(slot + 8 * mode) !== ABSENT) return false;
      if (!wanted && this.#u32[(slot + SLOT_EMPTY_FOR) / 4 + mode]! < EMPTY_DECISIONS) return false;
    }
    const at = (slot + SLOT_KNOWN_BY) / 4;
    const [word, bit] = this.#myBit();
    return (this.#u32[at + word]! & ~bit) === 0 && this.#u32[at + 1 - word] === 0;
  }

  #setKnown(slot: number, known: boolean): void {
    const [word, bit] = this.#myBit();
    const at = (slot + SLOT_KNOWN_BY) / 4 + word;
    this.#u32[at] = known ? this.#u32[at]! | bit : this.#u32[at]! & ~bit;
  }

  #myBit(): [0 | 1, number] {
    const index = this.worker - 1;
    return [index < 32 ? 0 : 1, 1 << (index & 31)];
  }

  #forget(task: number): void {
    this.#slotOfTask.delete(task);
    const line = 2 * (task & (CACHE_LINES - 1));
    if (this.#cache[line] === task) this.#cache[line] = Number.NaN;
  }

  #forEachSlot(visit: (slot: number) => void): void {
    const end = FIRST_SLOT + this.#u32[WORD_SLOTS_USED]! * SLOT_BYTES;
    for (let slot = FIRST_SLOT; slot < end; slot += SLOT_BYTES) visit(slot);
  }
}
