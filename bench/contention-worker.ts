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
import { rddBlock } from "../src/storage/block.js";

const MIB = 2 ** 20;
const BLOCK_BYTES = 1024;

/**
 * What workers do: `pairs` and `mix` ask the manager, `sort` sorts with spilling, `atomics` and `compute` are what the hardware
 * gives. The others measure what the model of the cost is made of: a decision, a cache line that goes from one worker to the
 * other, a sleep that the other ends.
 */
export type Work = "pairs" | "mix" | "sort" | "atomics" | "compute" | "decisions" | "line" | "sleep";

export interface Hired {
  readonly place: Place;
  readonly task: number;
  readonly work: Work;
  /** Bytes of the region. */
  readonly bytes: number;
  /** Arrivals at the start of a round, then the round that has begun; in a line of its own, whose turn it is. */
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
  readonly counts: Counts;
}

/** What happened in a round besides. */
export interface Counts {
  spills: number;
  /** Looks at the memory that ended with a sleep. */
  sleeps: number;
  /** Blocks that were stored, and those that others then needed the memory of. */
  stored: number;
  evicted: number;
}

const BLOCK = 64;
const TURN = 64;
/** At a line that does not come, since the other worker is off its core. */
const LOOKS = 10_000;

const { place, task, work, bytes, gate, hands, directory, sorts, seed } = workerData as Hired;
const executor = attachExecutor(place);
const { manager, store } = executor;
const doors = new Int32Array(gate);
// Cache lines of one's own.
const own = new Int32Array(new SharedArrayBuffer(512));
const content = new Uint8Array(BLOCK_BYTES).fill(7);
const counts: Counts = { spills: 0, sleeps: 0, stored: 0, evicted: 0 };
let puts = 0;
manager.observer = { mustWait: () => void (counts.sleeps += 1) };
if (work === "pairs") manager.acquireExecution(1, task, ON_HEAP);

parentPort!.on("message", (ops: number) => {
  Object.assign(counts, { spills: 0, sleeps: 0, stored: 0, evicted: -store.evictions });
  // Both tasks of a sort are there from the start, so that each has its half throughout.
  if (work === "sort") manager.acquireExecution(1, task, OFF_HEAP);
  enter();
  const from = process.hrtime.bigint();
  const hash = blocks(ops);
  const to = process.hrtime.bigint();
  counts.evicted += store.evictions;
  parentPort!.postMessage({ from: Number(from), to: Number(to), hash, counts } satisfies Done);
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
    Atomics.store(doors, TURN, 0);
    Atomics.store(doors, 1, round + 1);
    Atomics.notify(doors, 1);
  } else {
    Atomics.wait(doors, 1, round);
  }
}

const WORKS: Readonly<Record<Exclude<Work, "sort">, (ops: number) => number>> = {
  pairs: (ops) => pairs(manager, ops),
  mix: (ops) => mix(manager, ops),
  decisions: (ops) => decisions(manager, ops),
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
  line: (ops) => inTurn(ops, LOOKS),
  sleep: (ops) => inTurn(ops, 0),
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
  const spills = openSpillStore({ directory });
  let hash = 0;
  for (let i = 0; i < sorts; i += 1) {
    const sorter = new Sorter(executor.task(task), { store: spills });
    insertRows(sorter, rows, seed);
    hash = readRows(sorter, rows);
    counts.spills += sorter.metrics.spills;
    sorter.close();
    const leak = executor.endTask(task, true);
    // The byte that made it an entry.
    if (leak.bytes > 1) throw new Error("memory did not come back");
    manager.acquireExecution(1, task, OFF_HEAP);
  }
  manager.releaseExecution(1, task, OFF_HEAP);
  spills.close();
  return hash;
}

// Eight acquires in turn: one of more than twice the task's share; three small ones on top of what that was cut to; and, when
// it is given back, four that come and go. A block is put now and then. SparkPeer.java does the same.
function mix(m: MemoryManager, ops: number): number {
  const large = 2 * Math.floor(bytes / hands) + 1;
  let sound = 0;
  for (let i = 0; i < ops; i += 8) {
    if (i % 64 === 0) put();
    const most = executor.acquireOrSleep(large, task, ON_HEAP);
    sound += most > 0 && most <= large ? 1 : 0;
    sound += littleOnes(m, 3);
    m.releaseExecution(most, task, ON_HEAP);
    sound += littleOnes(m, 4);
  }
  return fold(0, sound);
}

function littleOnes(m: MemoryManager, count: number): number {
  let sound = 0;
  for (let i = 0; i < count; i += 1) {
    const got = executor.acquireOrSleep(64, task, ON_HEAP);
    m.releaseExecution(got, task, ON_HEAP);
    sound += got <= 64 ? 1 : 0;
  }
  return sound;
}

// Each its own RDD: blocks of one never make room for each other.
function put(): void {
  puts += 1;
  if (store.put(rddBlock(puts, task), content, ON_HEAP)) counts.stored += 1;
}

// More than there is, cut short or not, and all of it back: two decisions.
function decisions(m: MemoryManager, ops: number): number {
  let hash = 0;
  for (let i = 0; i < ops; i += 1) {
    const got = m.acquireExecution(bytes, task, ON_HEAP);
    hash = fold(hash, got);
    m.releaseExecution(got, task, ON_HEAP);
  }
  return hash;
}

// Two workers hand the turn to each other, once an operation of both. After so many looks they sleep: on one core for the line,
// too, which is then none.
function inTurn(ops: number, looks: number): number {
  for (let i = 0; i < ops; i += 1) {
    for (let look = 0; Atomics.load(doors, TURN) !== task; look += 1)
      if (look >= looks) Atomics.wait(doors, TURN, 1 - task, looks === 0 ? Number.POSITIVE_INFINITY : 1);
    Atomics.store(doors, TURN, 1 - task);
    if (looks === 0) Atomics.notify(doors, TURN);
  }
  return ops;
}
