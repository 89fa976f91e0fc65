// The account keeper that several workers share: the same cells and balances as the local one, in a linear memory, behind
// the protocol that assembly/accounts.ts draws and proves. A task that has credit acquires and releases with one
// compare-and-swap each; all else takes the lock.

import { assert, AssertionError } from "../fault.js";
import {
  type AccountsExports,
  AccountsError,
  type AccountsOptions,
  annexOf,
  assertAccounts,
  CEILING,
  CELLS_AT,
  CELLS_BYTES,
  createAccounts,
  ENTRIES,
  EXECUTION_SIZE,
  EXECUTION_USED,
  MAX_WORKERS,
  STORAGE_SIZE,
  STORAGE_USED,
  UNMANAGED,
  WORD_DECISIONS,
  WORD_EPOCH,
  WORD_WAITERS,
  WORD_WAITERS_EPOCH,
  WORKER_INTERRUPTED,
  WORKER_STORAGE,
  workerAt,
} from "./accounts-map.js";
import { Debts } from "./debts.js";
import { ABSENT, InvalidTask, type Ledger, UNDECIDED } from "./ledger.js";
import { type Mode, OFF_HEAP, ON_HEAP } from "./mode.js";
import { freeItsPlace, isTenant, movesIn, movesOut, reservePlace, takePlace, type Tenant } from "./places.js";
import { TaskSlots } from "./task-slots.js";
import { Turns } from "./turns.js";
import { MemoryBusy } from "./wait.js";
import { instantiate } from "./wasm.js";

export interface HolderOptions {
  /** Longest sleep for another worker's decision, milliseconds, before MemoryBusy is thrown. Default: no bound; 0: never sleep. */
  readonly patienceMs?: number;
  /** Places for workers, 1 to MAX_WORKERS (the default). */
  readonly workers?: number;
  /** Whose place was reserved for this worker. */
  readonly tenant?: Tenant;
  /** The compiled module, where it came with the memory. */
  readonly module?: WebAssembly.Module;
}

/** What came back from a worker. Bytes of both modes. */
export interface Estate {
  /** Execution memory that its tasks held. */
  readonly execution: number;
  /** Storage memory that was its own. */
  readonly storage: number;
}

/**
 * One worker's hold on accounts that lie in a shared memory.
 *
 * @example
 * ```ts
 * import { MemoryManager, SharedLedger, unified } from "tungsten-memory";
 *
 * const ledger = SharedLedger.create({ slots: 64 });
 * const sizes = { total: 1000, protectedStorage: 500, storage: 500, execution: 500 };
 * const manager = new MemoryManager({ policy: unified, onHeap: sizes, offHeap: sizes, ledger });
 * manager.acquireExecution(300, 1, 0);
 * console.log(ledger.balance(1, 0), ledger.executionUsed(0)); // 300 300
 * ```
 */
export class SharedLedger implements Ledger {
  /** Where the accounts lie, to be posted to others. */
  readonly memory: WebAssembly.Memory;
  /** This worker's number, 1 to MAX_WORKERS. */
  readonly worker: number;
  /** The memory's words and doubles. Its size never changes. */
  readonly u32: Uint32Array;
  /** Its doubles. */
  readonly f64: Float64Array;
  /** Where the annex begins, and its bytes. */
  readonly annexAt: number;
  /** Bytes of the annex. */
  readonly annexBytes: number;
  readonly #places: number;
  readonly #wasm: AccountsExports;
  #claim: AccountsExports["accountsClaim"];
  #release: AccountsExports["accountsRelease"];
  readonly #slots: TaskSlots;
  readonly #own: number;
  readonly #turns: Turns;
  // Waits of this worker that it has not left: registered in an epoch, and woken since they were.
  #registered = 0;
  #registeredIn = 0;
  #woken = 0;
  // What this worker gives back and could not yet: done at the beginning of its next decision.
  readonly #debts = new Debts(() => {
    this.begin(0);
    this.end();
  });
  // Whom to tell when the decision is over.
  readonly #news: (() => void)[] = [];
  #telling = false;
  #away = 0;
  // What has come back from workers whose recovery did not come to its end, by worker.
  readonly #estates = new Map<number, Estate>();

  /** New accounts, empty, with this thread as their first worker. */
  static create(options: AccountsOptions & HolderOptions = {}): SharedLedger {
    return SharedLedger.attach(createAccounts(options), options);
  }

  /**
   * Attaches to accounts: at a place that was reserved for this worker, or else at one that is free. Throws AccountsError for
   * a memory that holds no accounts, a place that somebody has, and when all places are taken.
   */
  static attach(memory: WebAssembly.Memory, options: HolderOptions = {}): SharedLedger {
    assertAccounts(memory);
    const { tenant, workers = MAX_WORKERS } = options;
    const place = tenant === undefined ? takePlace(memory, workers) : movesIn(memory, tenant);
    try {
      return new SharedLedger(memory, place, options);
    } catch (error) {
      if (tenant === undefined) freeItsPlace(memory, place);
      else movesOut(memory, tenant);
      throw error;
    }
  }

  private constructor(memory: WebAssembly.Memory, worker: number, options: HolderOptions) {
    this.memory = memory;
    this.worker = worker;
    this.#places = options.workers ?? MAX_WORKERS;
    this.#wasm = exportsOver(memory, options.module);
    this.#claim = this.#wasm.accountsClaim;
    this.#release = this.#wasm.accountsRelease;
    this.u32 = new Uint32Array(memory.buffer);
    this.f64 = new Float64Array(memory.buffer);
    this.#own = workerAt(worker);
    this.#turns = new Turns(this.#wasm, this.u32, worker, options.patienceMs ?? Number.POSITIVE_INFINITY);
    const annex = annexOf(this.u32);
    this.annexAt = annex.at;
    this.annexBytes = annex.bytes;
    this.#slots = new TaskSlots(memory.buffer, worker, (call) => this.alone(call));
  }

  /** Longest sleep for another worker's decision, milliseconds. */
  get patienceMs(): number {
    return this.#turns.patienceMs;
  }

  /**
   * Begins a decision: from here to `end` nothing moves but what this worker moves. Decisions nest. Throws MemoryBusy when
   * others have decided for `patienceMs`, all sleeps together; nothing has changed then.
   */
  begin(patienceMs?: number): void {
    this.#turns.begin(patienceMs);
    if (this.#debts.due) this.#pay();
  }

  end(): void {
    this.#turns.end();
    if (this.#news.length > 0) this.#tell();
  }

  // Each debt is a step of its own, that is whole or undone.
  #pay(): void {
    try {
      this.#debts.pay();
    } catch (error) {
      this.end();
      throw error;
    }
  }

  // Whether a decision could be begun. Who owes already has waited, and waits a moment only.
  #begins(): boolean {
    try {
      this.begin(this.#debts.due ? Math.min(1, this.patienceMs) : undefined);
      return true;
    } catch (error) {
      if (error instanceof MemoryBusy) return false;
      throw error;
    }
  }

  /** Runs `call` as one decision. */
  alone<T>(call: () => T): T {
    this.begin();
    try {
      return call();
    } finally {
      this.end();
    }
  }

  /**
   * Runs `call`, which gives something back and cannot be repeated, as one decision: now, or where others decide for too long
   * at the beginning of this worker's next one, which is made as soon as its thread is idle. Never throws MemoryBusy.
   */
  giveBack(call: () => void): void {
    if (!this.#begins()) return this.#owe(call);
    try {
      call();
    } finally {
      this.end();
    }
  }

  #owe(call: () => void): void {
    this.#debts.owe(() => {
      call();
      this.commit();
    });
  }

  /**
   * Runs `call` when the decision is over and the lock has been let go, in order; at once where there is none. It may call the
   * manager. What it throws stays out of the decision: the host hears of it as of any error that nobody caught.
   */
  afterwards(call: () => void): void {
    this.#news.push(call);
    this.#tell();
  }

  // Handlers of an eviction are in the middle of a decision as well.
  #tell(): void {
    if (this.#telling || this.#turns.mine || this.#away > 0) return;
    this.#telling = true;
    for (let call = this.#news.shift(); call !== undefined; call = this.#news.shift()) {
      try {
        call();
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
    this.#telling = false;
  }

  /** What has been changed since the decision began stands, whatever becomes of this worker. */
  commit(): void {
    this.#wasm.accountsCommit();
  }

  /**
   * Runs `call` in the middle of a decision and without the lock: it may block, do I/O and call the manager. The accounts are
   * marked as *deciding*: until it ends, slots stay closed and the decisions of other workers sleep. Commits.
   */
  outside<T>(call: () => T): T {
    this.#away += 1;
    try {
      return this.#turns.outside(call);
    } finally {
      this.#away -= 1;
    }
  }

  /** Decisions taken since the accounts were made, modulo 2^32. */
  get decisions(): number {
    return this.u32[WORD_DECISIONS]!;
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

  unmanaged(mode: Mode): number {
    return this.#read(mode, UNMANAGED);
  }

  setUnmanaged(mode: Mode, bytes: number): void {
    this.begin();
    this.#put(mode, UNMANAGED, bytes);
    this.end();
  }

  balance(task: number, mode: Mode): number {
    this.begin();
    const slot = this.#slots.ofKnown(task);
    const held = slot === 0 ? ABSENT : this.#slots.balance(slot + 8 * mode);
    this.end();
    return held;
  }

  /** Outside of a decision the task's own credit is all that there is; what it does not cover is UNDECIDED. */
  claimWhole(bytes: number, task: number, mode: Mode, waiting: number): number {
    if (this.#turns.mine) return this.#claimInDecision(bytes, task, mode, waiting);
    return waiting === 0 ? this.#claim(this.#slots.of(task) + 8 * mode, bytes) : UNDECIDED;
  }

  enter(task: number, mode: Mode): boolean {
    const word = this.#slots.of(task) + 8 * mode;
    this.begin();
    const enters = this.#slots.balance(word) === ABSENT;
    if (enters) {
      this.#putBalance(word, 0);
      this.#add(mode, ENTRIES, 1);
    }
    this.end();
    return enters;
  }

  grant(bytes: number, task: number, mode: Mode): void {
    const word = this.#slots.of(task) + 8 * mode;
    this.begin();
    try {
      const held = this.#slots.balance(word);
      if (!(held >= 0)) throw new AssertionError(`task ${task} has no entry to be granted to`);
      if (!(bytes >= 0 && bytes <= this.executionSize(mode) - this.executionUsed(mode)))
        throw new AssertionError(`a grant of ${bytes} bytes`);
      if (bytes === 0) return;
      this.#putBalance(word, held + bytes);
      this.#add(mode, EXECUTION_USED, bytes);
    } finally {
      this.end();
    }
  }

  /** Where others decide for too long it is done later (`giveBack`), and all of `bytes` is the answer. */
  release(bytes: number, task: number, mode: Mode): number {
    const slot = this.#slots.met(task);
    const released = slot === 0 ? UNDECIDED : this.#release(slot + 8 * mode, bytes);
    return released >= 0 ? released : this.#releaseSlowly(bytes, task, mode);
  }

  /** Uses storage memory, in the name of this worker until `intoBlock`. */
  useStorage(bytes: number, mode: Mode): void {
    this.begin();
    try {
      const used = this.storageUsed(mode) + bytes;
      if (!(bytes >= 0 && used <= this.storageSize(mode)))
        throw new AssertionError(`storage of ${bytes} bytes beyond its pool`);
      this.#put(mode, STORAGE_USED, used);
      this.#addOwn(mode, bytes);
    } finally {
      this.end();
    }
  }

  /** Gives back what this worker has used. */
  releaseStorage(bytes: number, mode: Mode): number {
    this.begin();
    const freed = this.releaseBlock(bytes, mode);
    this.#addOwn(mode, -Math.min(freed, this.f64[this.#ownCell(mode)]!));
    this.end();
    return freed;
  }

  /** What this worker has used belongs to a block now. */
  intoBlock(bytes: number, mode: Mode): void {
    this.begin();
    this.#addOwn(mode, -Math.min(bytes, this.f64[this.#ownCell(mode)]!));
    this.end();
  }

  /** Gives back what a block has used. */
  releaseBlock(bytes: number, mode: Mode): number {
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
      if (!(execution >= this.executionUsed(mode)))
        throw new AssertionError(`execution pool shrunk to ${execution} bytes, below what is used`);
      if (!(storage >= this.storageUsed(mode)))
        throw new AssertionError(`storage pool shrunk to ${storage} bytes, below what is used`);
      this.#put(mode, EXECUTION_SIZE, execution);
      this.#put(mode, STORAGE_SIZE, storage);
    } finally {
      this.end();
    }
  }

  forEachEntry(mode: Mode, visit: (task: number, bytes: number) => void): void {
    const entries: [number, number][] = [];
    this.begin();
    this.#slots.forEach((slot) => {
      const held = this.#slots.balance(slot + 8 * mode);
      if (held !== ABSENT) entries.push([this.#slots.task(slot), held]);
    });
    this.end();
    for (const [task, held] of entries) visit(task, held);
  }

  forget(task: number): void {
    this.begin();
    this.#slots.forget(task);
    this.end();
  }

  enterWait(): number {
    assert(this.#turns.mine, "a wait begins inside the decision that asks for it");
    this.#countWoken();
    this.#registered += 1;
    return this.#wasm.accountsEnterWait() >>> 0;
  }

  /** Ends a registered wait, at the next look. */
  leaveWait(): void {
    this.begin();
    this.#leaveWait();
    this.end();
  }

  // Which of this worker's waits it is need not be known: those that were woken go first, so that none is left without its
  // registration that sleeps.
  #leaveWait(): void {
    this.#countWoken();
    if (this.#woken > 0) {
      this.#woken -= 1;
    } else {
      this.#registered -= 1;
      this.#wasm.accountsLeaveWait();
    }
  }

  #countWoken(): void {
    if (this.#registeredIn === this.epoch) return;
    this.#registeredIn = this.epoch;
    this.#woken += this.#registered;
    this.#registered = 0;
  }

  /** The same for who gives up and cannot ask again. */
  giveUpWait(): void {
    this.giveBack(() => this.#leaveWait());
  }

  /** Wakes all waiters of all workers and both modes. */
  wake(): void {
    this.begin();
    this.#wasm.accountsWake();
    this.end();
  }

  /** Requests that wait, of all workers and both modes, and have not been woken. */
  get waiting(): number {
    return this.u32[WORD_WAITERS_EPOCH] === this.epoch ? this.u32[WORD_WAITERS]! : 0;
  }

  /** The epoch of wake-ups as it is now. */
  get epoch(): number {
    return Atomics.load(this.u32, WORD_EPOCH);
  }

  /** Sleeps until there was a wake-up after `epoch`; false when `waitMs` (no bound when infinite) ran out first. */
  sleep(epoch: number, waitMs: number): boolean {
    assert(!this.#turns.mine, "nobody sleeps inside a decision");
    return this.#wasm.accountsSleep(epoch, waitMs === Number.POSITIVE_INFINITY ? -1 : waitMs * 1e6) !== 0;
  }

  /** Has the waits of a worker given up: the one it is in, or else its next. */
  interrupt(worker: number): void {
    Atomics.store(this.u32, (workerAt(worker) + WORKER_INTERRUPTED) / 4, 1);
    this.wake();
  }

  /** Whether this worker's wait is to be given up; asking takes the request back. */
  interrupted(): boolean {
    return Atomics.exchange(this.u32, (this.#own + WORKER_INTERRUPTED) / 4, 0) === 1;
  }

  /** Reserves a place for another worker. Throws AccountsError when all are taken. */
  reserve(): Tenant {
    return reservePlace(this.memory, this.#places);
  }

  /** Whether the tenant has neither left nor been buried. */
  isTenant(tenant: Tenant): boolean {
    return isTenant(this.memory, tenant);
  }

  /**
   * Gives back all that a dead tenant held, a worker that will take no further step: its lock, a decision that it was in the
   * middle of, its tasks' execution memory, its storage bytes in no block, its waits, its place. `rest` puts right what
   * else follows from them, in the same decision. Wakes everybody. Answers the bytes of both modes: 0 of a tenant that has
   * left or was buried before. Throws MemoryBusy when others decide for longer than `patienceMs`.
   */
  recover(tenant: Tenant, rest: () => void = () => {}, patienceMs: number = Number.POSITIVE_INFINITY): Estate {
    if (!isTenant(this.memory, tenant)) return { execution: 0, storage: 0 };
    this.#turns.takeOver(tenant.worker, patienceMs);
    try {
      const estate = this.#giveBackAllOf(tenant.worker, rest);
      freeItsPlace(this.memory, tenant.worker);
      return estate;
    } finally {
      this.end();
    }
  }

  /** Leaves the accounts: gives back all that this worker holds, and its place. `rest` as in `recover`. May be repeated. */
  leave(rest: () => void = () => {}): void {
    if (this.#turns.left) return;
    this.alone(() => this.#giveBackAllOf(this.worker, rest));
    // Last of all: who dies with the lock is found by its place.
    freeItsPlace(this.memory, this.worker);
    this.#turns.leave();
    this.#claim = this.#release = () => UNDECIDED;
  }

  // Where `rest` throws, all is as if the worker had held nothing but what is left for `rest`, and its place: it may be repeated.
  #giveBackAllOf(worker: number, rest: () => void): Estate {
    const estate = { ...(this.#estates.get(worker) ?? { execution: 0, storage: 0 }) };
    this.#slots.forEach((slot) => {
      if (this.#slots.home(slot) !== worker) return;
      for (const mode of [ON_HEAP, OFF_HEAP] as const) {
        estate.execution += this.#takeBack(Number.POSITIVE_INFINITY, slot + 8 * mode, mode);
        this.commit();
      }
    });
    const record = workerAt(worker);
    for (const mode of [ON_HEAP, OFF_HEAP] as const) {
      const cell = record + WORKER_STORAGE + 8 * mode;
      estate.storage += this.releaseBlock(this.f64[cell / 8]!, mode);
      this.#wasm.accountsPut(cell, 0);
    }
    this.#slots.forgetWorker(worker);
    this.#estates.set(worker, estate);
    rest();
    // With everybody's waits end those of the worker.
    this.#wasm.accountsWakeAll();
    this.commit();
    Atomics.store(this.u32, (record + WORKER_INTERRUPTED) / 4, 0);
    this.#estates.delete(worker);
    return estate;
  }

  #claimInDecision(bytes: number, task: number, mode: Mode, waiting: number): number {
    if (!(bytes > 0 && Number.isSafeInteger(bytes))) return UNDECIDED;
    const word = this.#slots.of(task) + 8 * mode;
    const held = this.#slots.balance(word);
    const entries = this.entries(mode) + (held === ABSENT ? 1 : 0);
    const wanted = Math.max(0, held) + bytes;
    // A newcomer would have to wake those who wait: a decision of the manager.
    if (held === ABSENT && waiting + this.waiting !== 0) return UNDECIDED;
    if (bytes > this.executionSize(mode) - this.executionUsed(mode)) return UNDECIDED;
    if (wanted * entries > this.ceiling(mode)) return UNDECIDED;
    this.#putBalance(word, wanted);
    this.#put(mode, ENTRIES, entries);
    this.#add(mode, EXECUTION_USED, bytes);
    return bytes;
  }

  #releaseSlowly(bytes: number, task: number, mode: Mode): number {
    if (!Number.isSafeInteger(task)) throw new InvalidTask(task);
    if (this.#begins()) {
      const released = this.#releaseAlone(bytes, task, mode);
      this.end();
      return released;
    }
    this.#owe(() => this.#releaseAlone(bytes, task, mode));
    return bytes;
  }

  // ---- inside a decision

  // Who gives back in the name of another's task does not come to know its slot.
  #releaseAlone(bytes: number, task: number, mode: Mode): number {
    const slot = this.#slots.ofKnown(task);
    const released = slot === 0 ? 0 : this.#takeBack(bytes, slot + 8 * mode, mode);
    // Section 3.2: a release wakes, also when it changed nothing.
    this.#wasm.accountsWake();
    return released;
  }

  #takeBack(bytes: number, word: number, mode: Mode): number {
    const held = this.#slots.balance(word);
    if (held === ABSENT) return 0;
    const released = Math.min(bytes, held);
    const left = held - released;
    this.#putBalance(word, left === 0 ? ABSENT : left);
    if (left === 0) this.#add(mode, ENTRIES, -1);
    this.#add(mode, EXECUTION_USED, -released);
    return released;
  }

  #read(mode: Mode, cell: number): number {
    if (this.#turns.mine) return this.f64[(CELLS_AT + mode * CELLS_BYTES + cell) / 8]!;
    this.begin();
    const value = this.f64[(CELLS_AT + mode * CELLS_BYTES + cell) / 8]!;
    this.end();
    return value;
  }

  #put(mode: Mode, cell: number, value: number): void {
    this.#wasm.accountsPut(CELLS_AT + mode * CELLS_BYTES + cell, value);
  }

  #add(mode: Mode, cell: number, change: number): void {
    this.#put(mode, cell, this.f64[(CELLS_AT + mode * CELLS_BYTES + cell) / 8]! + change);
  }

  #ownCell(mode: Mode): number {
    return (this.#own + WORKER_STORAGE) / 8 + mode;
  }

  #addOwn(mode: Mode, change: number): void {
    const cell = this.#ownCell(mode);
    this.#wasm.accountsPut(8 * cell, this.f64[cell]! + change);
  }

  #putBalance(word: number, bytes: number): void {
    if (bytes === ABSENT) this.#wasm.accountsPutWord(word, 0, 0);
    else this.#wasm.accountsPutWord(word, bytes, 1);
  }

  /** Writes a word of the annex so that it is undone if this worker dies before the commit. Inside a decision. */
  putU32(at: number, value: number): void {
    this.#wasm.accountsPutU32(at, value);
  }

  /** The same for a double, `at` its index in `f64`. */
  putF64(at: number, value: number): void {
    this.#wasm.accountsPut(at, value);
  }
}

function exportsOver(memory: WebAssembly.Memory, module?: WebAssembly.Module): AccountsExports {
  try {
    const exports = instantiate<AccountsExports>("shared", memory, module);
    if (typeof exports.accountsTakeLock === "function") return exports;
  } catch (cause) {
    throw new AccountsError("module", "the module does not go with shared accounts", { cause });
  }
  throw new AccountsError("module", "the module is of another version: it does not keep shared accounts");
}
