// One worker of the contention bench: waits for a round to begin, does its operations on the shared manager as anybody would,
// and says when it began, when it ended and what the answers make together.

import { parentPort, workerData } from "node:worker_threads";

import { fold } from "./hash.js";
import type { MemoryManager } from "../src/memory/manager.js";
import { insertRows, readRows } from "./sorter-rows.js";
import { Sorter } from "../src/execution/sorter.js";
import { OFF_HEAP, ON_HEAP } from "../src/memory/mode.js";
import { attachExecutor, type Place } from "../src/shared.js";
import { openSpillStore } from "../src/spill/index.js";

const MIB = 2 ** 20;

/** What workers do: `pairs` and `mix` ask the manager, `sort` sorts with spilling, the other two are what the hardware gives. */
export type Work = "pairs" | "mix" | "sort" | "atomics" | "compute";

export interface Hired {
  readonly place: Place;
  readonly task: number;
  readonly work: Work;
  /** Bytes of the region. */
  readonly bytes: number;
  /** Arrivals at the start of a round, then the round that has begun. */
  readonly gate: SharedArrayBuffer;
  readonly hands: number;
  /** Where a sort spills to. */
  readonly directory: string;
  /** Tasks that it sorts for, one after the other. */
  readonly sorts: number;
  readonly seed: number;
}

export interface Done {
  readonly from: number;
  readonly to: number;
  readonly hash: number;
  readonly spills: number;
}

const BLOCK = 64;

const { place, task, work, bytes, gate, hands, directory, sorts, seed } = workerData as Hired;
const executor = attachExecutor(place);
const { manager } = executor;
const doors = new Int32Array(gate);
// Cache lines of one's own.
const own = new Int32Array(new SharedArrayBuffer(512));
let spills = 0;
if (work === "pairs") manager.acquireExecution(1, task, ON_HEAP);

parentPort!.on("message", (ops: number) => {
  spills = 0;
  // Both tasks of a sort are there from the start, so that each has its half throughout.
  if (work === "sort") manager.acquireExecution(1, task, OFF_HEAP);
  enter();
  const from = process.hrtime.bigint();
  const hash = blocks(ops);
  const to = process.hrtime.bigint();
  parentPort!.postMessage({ from: Number(from), to: Number(to), hash, spills } satisfies Done);
});

// Blocks of operations, each with the same answers, so that the hash says what was done and not how often.
function blocks(ops: number): number {
  if (work === "sort") return sortAll(ops);
  const hash = WORKS[work](BLOCK);
  for (let done = BLOCK; done < ops; done += BLOCK)
    if (WORKS[work](BLOCK) !== hash) throw new Error("two equal blocks of operations gave different answers");
  return hash;
}

// The last to come opens the gate for all.
function enter(): void {
  const round = Atomics.load(doors, 1);
  if (Atomics.add(doors, 0, 1) === hands - 1) {
    Atomics.store(doors, 0, 0);
    Atomics.store(doors, 1, round + 1);
    Atomics.notify(doors, 1);
  } else {
    Atomics.wait(doors, 1, round);
  }
}

const WORKS: Readonly<Record<Exclude<Work, "sort">, (ops: number) => number>> = {
  pairs: (ops) => pairs(manager, ops),
  mix: (ops) => mix(manager, ops),
  atomics(ops) {
    let hash = 0;
    for (let i = 0; i < ops; i += 1) {
      hash = fold(hash, Atomics.add(own, 32, 5));
      Atomics.sub(own, 32, 5);
    }
    return hash;
  },
  compute(ops) {
    let hash = 0;
    for (let i = 0; i < ops; i += 1) hash = fold(fold(fold(fold(hash, i), 1), 2), 3);
    return hash;
  },
};

function pairs(m: MemoryManager, ops: number): number {
  let hash = 0;
  for (let i = 0; i < ops; i += 1) {
    hash = fold(hash, m.acquireExecution(MIB, task, ON_HEAP));
    m.releaseExecution(MIB, task, ON_HEAP);
  }
  return hash;
}

function sortAll(rows: number): number {
  const store = openSpillStore({ directory });
  let hash = 0;
  for (let i = 0; i < sorts; i += 1) {
    const sorter = new Sorter(executor.task(task), { store });
    insertRows(sorter, rows, seed);
    hash = readRows(sorter, rows);
    spills += sorter.metrics.spills;
    sorter.close();
    const leak = executor.endTask(task, true);
    // The byte that made it an entry.
    if (leak.bytes > 1) throw new Error("memory did not come back");
    manager.acquireExecution(1, task, OFF_HEAP);
  }
  manager.releaseExecution(1, task, OFF_HEAP);
  store.close();
  return hash;
}

// Eight acquires in turn, half of them large; SparkPeer.java does the same.
function mix(m: MemoryManager, ops: number): number {
  let hash = 0;
  for (let i = 0; i < ops; i += 8) {
    const most = acquire((i & 63) === 0 ? bytes : bytes / 4);
    let whole = 0;
    for (let j = 0; j < 4; j += 1) {
      const got = acquire(64);
      m.releaseExecution(got, task, ON_HEAP);
      if (got <= 64) whole += 1;
    }
    m.releaseExecution(most, task, ON_HEAP);
    for (let j = 0; j < 3; j += 1) m.releaseExecution(acquire(bytes / 8), task, ON_HEAP);
    hash = fold(hash, whole);
  }
  return hash;
}

function acquire(n: number): number {
  return executor.acquireOrSleep(n, task, ON_HEAP);
}
