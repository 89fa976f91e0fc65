// Who is where: every worker of shared accounts has a place, which carries its number. Places are given out again; tenancies
// are counted, so that nobody is taken for who was there before.

import { AccountsError, MAX_WORKERS, WORKER_HERE, WORKER_TENANCY, workerAt } from "./accounts-map.js";

// What the first word of a worker's record says of its place.
const FREE = 0;
const HERE = 1;
const RESERVED = 2;

/** Who has a place. */
export interface Tenant {
  /** The place, 1 to MAX_WORKERS. */
  readonly worker: number;
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

/** Moves in where a place was reserved. Throws AccountsError for any other. */
export function movesIn(memory: WebAssembly.Memory, worker: number): number {
  if (!(Number.isInteger(worker) && worker >= 1 && worker <= MAX_WORKERS))
    throw new AccountsError("worker", `worker ${worker}: numbers are 1 to ${MAX_WORKERS}`);
  if (Atomics.compareExchange(new Int32Array(memory.buffer), placeWord(worker), RESERVED, HERE) !== RESERVED)
    throw new AccountsError("worker", `place ${worker} is taken, or is reserved for nobody`);
  return worker;
}

/** Whether the tenant still has its place. */
export function isTenant(memory: WebAssembly.Memory, { worker, tenancy }: Tenant): boolean {
  const words = new Uint32Array(memory.buffer);
  return Atomics.load(words, placeWord(worker)) !== FREE && Atomics.load(words, tenancyWord(worker)) === tenancy >>> 0;
}

/** The last thing that a worker gives back, or that is taken from it. */
export function freeItsPlace(memory: WebAssembly.Memory, worker: number): void {
  Atomics.store(new Int32Array(memory.buffer), placeWord(worker), FREE);
}

function freePlace(memory: WebAssembly.Memory, places: number, becomes: number): Tenant {
  const words = new Int32Array(memory.buffer);
  for (let worker = 1; worker <= places; worker += 1) {
    if (Atomics.compareExchange(words, placeWord(worker), FREE, becomes) !== FREE) continue;
    return { worker, tenancy: Atomics.add(words, tenancyWord(worker), 1) + 1 };
  }
  throw new AccountsError("worker", `all ${places} places for workers are taken`);
}

function placeWord(worker: number): number {
  return (workerAt(worker) + WORKER_HERE) / 4;
}

function tenancyWord(worker: number): number {
  return (workerAt(worker) + WORKER_TENANCY) / 4;
}
