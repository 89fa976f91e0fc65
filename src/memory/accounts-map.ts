// Where things lie in the memory of shared accounts (drawn in assembly/accounts.ts), and the two ways to come by one: making
// it and attaching to it. A memory that is none, of another version or too small is refused before anything is read from it.

import { Refusal } from "../fault.js";
import { createMemory, instantiate, MAX_WASM_UNITS, WASM_UNIT_BYTES } from "./wasm.js";

const MAGIC = 0x43414d54;
const VERSION = 4;
const WORD_MAGIC = 0;
const WORD_VERSION = 1;
const WORD_SLOTS = 2;
const WORD_ANNEX = 10;
const WORD_ANNEX_BYTES = 11;

export const WORD_SLOTS_USED = 3;
export const WORD_LOCK = 4;
export const WORD_EPOCH = 5;
export const WORD_WAITERS = 12;
export const WORD_WAITERS_EPOCH = 13;
export const WORD_DECIDING = 7;
export const WORD_UNDO = 8;
export const WORD_DECISIONS = 9;

/** In the lock's word: somebody sleeps for it. */
export const CONTENDED = 0x80000000;

/** Cells of a mode, as bytes from the mode's first. */
export const CELLS_AT = 64;
export const CELLS_BYTES = 64;
export const EXECUTION_SIZE = 0;
export const EXECUTION_USED = 8;
export const STORAGE_SIZE = 16;
export const STORAGE_USED = 24;
export const ENTRIES = 32;
export const CEILING = 40;
export const UNMANAGED = 48;
export const UNROLLING = 56;

const WORKERS_AT = 1216;
const WORKER_BYTES = 64;
export const WORKER_PLACE = 0;
export const WORKER_INTERRUPTED = 8;
export const WORKER_STORAGE = 16;

export const FIRST_SLOT = 5376;
export const SLOT_BYTES = 128;
export const SLOT_TASK = 16;
export const SLOT_HOME = 24;
export const SLOT_IN_USE = 28;
export const SLOT_KNOWN_BY = 32;
export const SLOT_EMPTY_FOR = 40;

/** Decisions that an empty slot stays open through. */
export const EMPTY_DECISIONS = 16;

/** Most workers that share accounts, the creator included. */
export const MAX_WORKERS = 64;

/** Most tasks that accounts can be made for. */
export const MAX_SLOTS = 65_536;

export interface AccountsExports {
  readonly accountsCreate: (slots: number, annexBytes: number) => void;
  readonly accountsClaim: (word: number, bytes: number) => number;
  readonly accountsRelease: (word: number, bytes: number) => number;
  readonly accountsLock: (me: number, nanoseconds: number) => number;
  readonly accountsTryLock: (me: number) => number;
  readonly accountsAwaitLock: (nanoseconds: number) => number;
  readonly accountsTakeLock: (dead: number, me: number) => number;
  readonly accountsUnlock: () => void;
  readonly accountsSetDeciding: (me: number) => void;
  readonly accountsEndDeciding: () => void;
  readonly accountsAwaitDecision: (other: number, nanoseconds: number) => number;
  readonly accountsClose: () => void;
  readonly accountsPut: (at: number, value: number) => void;
  readonly accountsPutU32: (at: number, value: number) => void;
  readonly accountsPutWord: (word: number, held: number, present: 0 | 1) => void;
  readonly accountsCommit: () => void;
  readonly accountsEnd: () => void;
  readonly accountsUndo: () => void;
  readonly accountsEnterWait: () => number;
  readonly accountsLeaveWait: () => void;
  readonly accountsWake: () => void;
  readonly accountsWakeAll: () => void;
  readonly accountsSleep: (epoch: number, nanoseconds: number) => number;
}

/**
 * Why accounts cannot be had: the host shares no memory, the memory holds something else, another version or size, another
 * module, no place.
 */
export type AccountsErrorReason = "host" | "magic" | "version" | "size" | "module" | "worker";

/**
 * Shared accounts that cannot be made or attached to.
 *
 * @example
 * ```ts
 * import { AccountsError, SharedLedger } from "tungsten-memory";
 *
 * try {
 *   SharedLedger.attach(new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true }));
 * } catch (error) {
 *   if (error instanceof AccountsError) console.log(error.reason); // magic
 * }
 * ```
 */
export class AccountsError extends Refusal {
  override readonly name = "AccountsError";
  /** Which trouble it is. */
  readonly reason: AccountsErrorReason;

  constructor(reason: AccountsErrorReason, message: string, options?: { cause?: unknown }) {
    super(message, null, options);
    this.reason = reason;
  }
}

export interface AccountsOptions {
  /** Tasks that can hold something at once, 1 to MAX_SLOTS. Default 1024. */
  readonly slots?: number;
  /** Bytes behind the slots for what else decisions change, a multiple of 64. Default 0. */
  readonly annexBytes?: number;
}

/** A memory with new accounts in it, empty. */
export function createAccounts({ slots = 1024, annexBytes = 0 }: AccountsOptions): WebAssembly.Memory {
  if (!(Number.isInteger(slots) && slots >= 1 && slots <= MAX_SLOTS))
    throw new AccountsError("size", `accounts for ${slots} tasks: 1 to ${MAX_SLOTS} are possible`);
  const units = Math.ceil((FIRST_SLOT + slots * SLOT_BYTES + annexBytes) / WASM_UNIT_BYTES);
  if (!(annexBytes >= 0 && annexBytes % 64 === 0 && units <= MAX_WASM_UNITS))
    throw new AccountsError("size", `an annex of ${annexBytes} bytes: a multiple of 64 that a linear memory holds`);
  const memory = createMemory({ initialUnits: units, maximumUnits: units, shared: true });
  instantiate<AccountsExports>("shared", memory).accountsCreate(slots, annexBytes);
  return memory;
}

/** Throws AccountsError unless `memory` holds accounts of this version, whole. */
export function assertAccounts(memory: WebAssembly.Memory): void {
  const { buffer } = memory;
  if (buffer.byteLength < FIRST_SLOT) throw new AccountsError("size", `${buffer.byteLength} bytes hold no accounts`);
  const words = new Uint32Array(buffer, 0, 16);
  if (words[WORD_MAGIC] !== MAGIC) throw new AccountsError("magic", "the memory holds no accounts");
  if (words[WORD_VERSION] !== VERSION)
    throw new AccountsError(
      "version",
      `the accounts are of version ${words[WORD_VERSION]}, this is version ${VERSION}`,
    );
  const bytes = words[WORD_ANNEX]! + words[WORD_ANNEX_BYTES]!;
  if (words[WORD_ANNEX] !== FIRST_SLOT + words[WORD_SLOTS]! * SLOT_BYTES || buffer.byteLength < bytes)
    throw new AccountsError("size", `the memory has ${buffer.byteLength} bytes, the accounts need ${bytes}`);
}

/** Where the annex lies. */
export function annexOf(words: Uint32Array): { readonly at: number; readonly bytes: number } {
  return { at: words[WORD_ANNEX]!, bytes: words[WORD_ANNEX_BYTES]! };
}

/** Tasks that accounts were made for. */
export function slotsOf(words: Uint32Array): number {
  return words[WORD_SLOTS]!;
}

/** The first byte of a worker's record; numbers are 1 to MAX_WORKERS. */
export function workerAt(worker: number): number {
  return WORKERS_AT + (worker - 1) * WORKER_BYTES;
}
