// Whose turn it is to decide. One worker at a time has the lock of shared accounts and finds all slots closed; nested calls are
// part of its decision. What takes long, I/O or somebody's handler, runs without the lock, under a mark that keeps the turn.

import { assert } from "../fault.js";
import { type AccountsExports, AccountsError, CONTENDED, WORD_DECIDING, WORD_LOCK } from "./accounts-map.js";
import { MemoryBusy } from "./wait.js";

// Looks at a taken lock by a thread that must not sleep: some milliseconds.
const LOOKS_WITHOUT_SLEEP = 200_000;

/** One worker's turns. */
export class Turns {
  /** Longest sleep for another's decision in milliseconds, from which on MemoryBusy is thrown; 0 where this thread must not sleep. */
  readonly patienceMs: number;
  readonly #wasm: AccountsExports;
  readonly #u32: Uint32Array;
  readonly #worker: number;
  #depth = 0;
  // What this decision has: the lock, or from its first `outside` on the mark that it has set.
  #locked = false;
  #marked = false;
  #left = false;

  constructor(wasm: AccountsExports, u32: Uint32Array, worker: number, patienceMs: number) {
    this.#wasm = wasm;
    this.#u32 = u32;
    this.#worker = worker;
    this.patienceMs = patienceMs;
  }

  /** Whether this worker is deciding now. */
  get mine(): boolean {
    return this.#depth > 0;
  }

  begin(patienceMs: number = this.patienceMs): void {
    if (this.#depth === 0) {
      this.#lock(0, patienceMs);
      this.#locked = true;
      this.#wasm.accountsClose();
    }
    this.#depth += 1;
  }

  end(): void {
    this.#depth -= 1;
    if (this.#depth > 0) return;
    if (!this.#locked) return this.#endMarked();
    this.#locked = false;
    this.#wasm.accountsEnd();
  }

  // The lock is not taken again: its owner may be dead, and can have done nothing with it while the mark stands.
  outside<T>(call: () => T): T {
    const wasm = this.#wasm;
    const depth = this.#depth;
    const marked = this.#marked || this.#deciding !== this.#worker;
    assert(depth > 0, "outside of a decision there is nothing to leave");
    wasm.accountsCommit();
    wasm.accountsSetDeciding(this.#worker);
    if (this.#locked) wasm.accountsUnlock();
    this.#depth = 0;
    this.#locked = false;
    this.#marked = false;
    try {
      return call();
    } finally {
      this.#depth = depth;
      this.#locked = false;
      this.#marked = marked;
    }
  }

  // Slots stay closed until the next decision: to open them takes the lock. Part of a decision that is marked further out
  // leaves the mark to that one.
  #endMarked(): void {
    this.#wasm.accountsCommit();
    if (!this.#marked) return;
    this.#marked = false;
    this.#wasm.accountsEndDeciding();
  }

  /** Begins a decision in the place of a worker that will take no further step: what it was in the middle of is undone. */
  takeOver(dead: number, patienceMs: number): void {
    const free = this.#depth === 0 && this.#deciding !== this.#worker;
    assert(dead !== this.#worker && free, `worker ${this.#worker} buries ${dead} in the middle of a decision`);
    const wasm = this.#wasm;
    if (wasm.accountsTakeLock(dead, this.#worker)) {
      // While another is deciding, the dead can only have looked who does: what is written down is that one's.
      if (this.#mayGoOn(this.#deciding, dead)) wasm.accountsUndo();
      wasm.accountsUnlock();
    }
    // Anew, also then: a third worker may be deciding.
    this.#lock(dead, Math.min(patienceMs, this.patienceMs));
    if (this.#deciding === dead) {
      wasm.accountsSetDeciding(this.#worker);
      wasm.accountsUndo();
    }
    // Wake-ups may have gone to the dead, or have been about to come from it: sleepers get others.
    Atomics.or(this.#u32, WORD_LOCK, CONTENDED);
    wasm.accountsEndDeciding();
    wasm.accountsClose();
    this.#locked = true;
    this.#depth = 1;
  }

  get left(): boolean {
    return this.#left;
  }

  /** There will be no more turns of this worker. */
  leave(): void {
    this.#left = true;
  }

  // The lock, and nobody else deciding, unless it is `dead`.
  #lock(dead: number, patienceMs: number): void {
    if (this.#left) throw new AccountsError("worker", `worker ${this.#worker} has left the accounts`);
    if (patienceMs === 0) return this.#lockWithoutSleep(dead);
    const taken = this.#wasm.accountsLock(this.#worker, patienceMs === Number.POSITIVE_INFINITY ? -1 : 0) !== 0;
    if (!taken || !this.#mayKeepLock(dead)) this.#lockUntil(dead, performance.now() + patienceMs, patienceMs);
  }

  // One deadline, however often this worker is woken and somebody else is faster.
  #lockUntil(dead: number, until: number, patienceMs: number): void {
    const wasm = this.#wasm;
    for (;;) {
      const left = until === Number.POSITIVE_INFINITY ? -1 : Math.max(0, until - performance.now()) * 1e6;
      const other = Atomics.load(this.#u32, WORD_DECIDING);
      const inTime = this.#mayGoOn(other, dead)
        ? wasm.accountsAwaitLock(left)
        : wasm.accountsAwaitDecision(other, left);
      // Whoever has slept takes the lock with CONTENDED: others may sleep still.
      if (wasm.accountsTryLock(this.#worker | CONTENDED) !== 0 && this.#mayKeepLock(dead)) return;
      if (inTime === 0 || left === 0) throw new MemoryBusy(patienceMs);
    }
  }

  #lockWithoutSleep(dead: number): void {
    for (let look = 0; look < LOOKS_WITHOUT_SLEEP; look += 1) {
      if (this.#wasm.accountsTryLock(this.#worker) !== 0 && this.#mayKeepLock(dead)) return;
    }
    throw new MemoryBusy(0);
  }

  // Gives the lock back where another is deciding.
  #mayKeepLock(dead: number): boolean {
    if (this.#mayGoOn(this.#deciding, dead)) return true;
    this.#wasm.accountsUnlock();
    return false;
  }

  // Read under the lock, or by whose mark it is.
  get #deciding(): number {
    return this.#u32[WORD_DECIDING]!;
  }

  #mayGoOn(deciding: number, dead: number): boolean {
    return deciding === 0 || deciding === this.#worker || deciding === dead;
  }
}
