// Who is where: every worker of shared accounts has a place, which carries its number. Places are given out again; tenancies
// are counted, so that nobody is taken for who was there before.

import { AccountsError, MAX_WORKERS, WORKER_PLACE, workerAt } from "./accounts-map.js";

// The word of a place: its state below, above it the tenancies that it has had.
const FREE = 0;
const HERE = 1;
const RESERVED = 2;
const STATE = 3;

/** Who has a place. */
export interface Tenant {
  /** The place, 1 to MAX_WORKERS. */
  readonly worker: number;
  /** Which of the place's tenants it is, counted from 1, so that a late comer does not take its successor's place. */
  readonly tenancy: number;
}

/** Takes a free place for this worker. Throws AccountsError when all `places` are taken. */
export function takePlace(memory: WebAssembly.Memory, places: number): number {
  return freePlace(memory, places, HERE).worker;
}

/** Reserves a free place for another worker. Throws AccountsError when all `places` are taken. */
export function reservePlace(memory: WebAssembly.Memory, places: number): Tenant {
  return freePlace(memory, places, RESERVED);
}

/** Moves in where a place was reserved for this tenant. Throws AccountsError for any other. */
export function movesIn(memory: WebAssembly.Memory, { worker, tenancy }: Tenant): number {
  if (!(Number.isInteger(worker) && worker >= 1 && worker <= MAX_WORKERS))
    throw new AccountsError("worker", `worker ${worker}: numbers are 1 to ${MAX_WORKERS}`);
  const reserved = wordOf(tenancy, RESERVED);
  if (Atomics.compareExchange(wordsOf(memory), at(worker), reserved, wordOf(tenancy, HERE)) !== reserved)
    throw new AccountsError("worker", `place ${worker} is taken, or is reserved for nobody`);
  return worker;
}

/** Moves out again: the place stays reserved. */
export function movesOut(memory: WebAssembly.Memory, { worker, tenancy }: Tenant): void {
  Atomics.store(wordsOf(memory), at(worker), wordOf(tenancy, RESERVED));
}

/** Whether the tenant still has its place. */
export function isTenant(memory: WebAssembly.Memory, { worker, tenancy }: Tenant): boolean {
  const word = Atomics.load(wordsOf(memory), at(worker));
  return (word & STATE) !== FREE && word === wordOf(tenancy, word & STATE);
}

/** The last thing that a worker gives back, or that is taken from it. */
export function freeItsPlace(memory: WebAssembly.Memory, worker: number): void {
  Atomics.and(wordsOf(memory), at(worker), ~STATE);
}

function freePlace(memory: WebAssembly.Memory, places: number, becomes: number): Tenant {
  const words = wordsOf(memory);
  for (let worker = 1; worker <= places; worker += 1) {
    const word = Atomics.load(words, at(worker));
    const tenancy = (word >>> 2) + 1;
    if ((word & STATE) !== FREE) continue;
    if (Atomics.compareExchange(words, at(worker), word, wordOf(tenancy, becomes)) === word) return { worker, tenancy };
    // Somebody was faster: the same place again.
    worker -= 1;
  }
  throw new AccountsError("worker", `all ${places} places for workers are taken`);
}

function wordsOf(memory: WebAssembly.Memory): Int32Array {
  return new Int32Array(memory.buffer);
}

function wordOf(tenancy: number, state: number): number {
  return (tenancy << 2) | state;
}

function at(worker: number): number {
  return (workerAt(worker) + WORKER_PLACE) / 4;
}
