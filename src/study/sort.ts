// One measured sort: rows into the library's external sorter, and out of it in order, every row hashed on the way.

import type { Executor } from "../executor.js";
import { Sorter } from "../execution/sorter.js";
import { ArenaSet } from "../memory/arena-set.js";
import type { MemoryManager } from "../memory/manager.js";
import type { Mode } from "../memory/mode.js";
import type { SpillStore } from "../spill/contract.js";
import { SequenceHash } from "./hash.js";
import { compareTextKeys } from "./key.js";
import type { ArenaUse, Round } from "./round.js";
import { COLUMNS, picked, thinned } from "./timeline.js";
import type { Table } from "./table.js";
import { watchTask } from "./watch.js";

/** Most samples of the pools that a round keeps. */
const MOST_SAMPLES = 20_000;

/** What a round is, but for what is known only later or outside: pauses and resident memory. */
export type Sorted = Omit<Round, "gc" | "residentBytes" | "residentPeakBytes"> & {
  /** On the clock of `performance.now()`. */
  readonly startMs: number;
  readonly endMs: number;
};

/** Sorts the whole table as task `id` of the executor, and leaves nothing behind. */
export function sortOnce(executor: Executor, store: SpillStore, table: Table, id: number): Sorted {
  const { bytes, starts, prefixHi, prefixLo, nulls, rows } = table;
  const { manager } = executor;
  const writeNsBefore = store.counters.writeNs;
  boundaryToStart(manager, executor.mode);
  let shortGrants = 0;
  manager.observer = { shortGrant: () => (shortGrants += 1) };
  const cpu = process.cpuUsage();
  const startMs = performance.now();
  const task = executor.task(id);
  const sorter = new Sorter(task, {
    store,
    signed: false,
    fields: `${table.source} by ${table.key}`.slice(0, 60),
    ...(table.kind === "text" ? { comparator: compareTextKeys } : {}),
  });
  const watch = watchTask(task, sorter, startMs);
  try {
    for (let i = 0; i < rows; i += 1) {
      const at = starts[i]!;
      if (nulls[i] === 0) sorter.insert(bytes, at, starts[i + 1]! - at, prefixHi[i]!, prefixLo[i]!);
      else sorter.insertNull(bytes, at, starts[i + 1]! - at);
    }
    const insertedMs = performance.now();
    const hash = hashOf(sorter);
    const endMs = performance.now();
    const { user, system } = process.cpuUsage(cpu);
    watch.stop();
    const { spills, memoryBytesSpilled, diskBytesSpilled, sparkDiskBytesSpilled } = sorter.metrics;
    const samples = watch.timeline.samples();
    return {
      startMs,
      endMs,
      seconds: (endMs - startMs) / 1000,
      insertSeconds: (insertedMs - startMs) / 1000,
      cpuSeconds: (user + system) / 1e6,
      hash,
      spills,
      memoryBytesSpilled,
      diskBytesSpilled,
      sparkDiskBytesSpilled,
      writeSeconds: (store.counters.writeNs - writeNsBefore) / 1e9,
      peakBytes: task.peak(task.mode),
      shortGrants,
      acquires: { counts: watch.acquires.counts, most: watch.acquires.most },
      samples: picked(
        samples,
        thinned(
          COLUMNS.slice(1).map((column) => samples[column]),
          MOST_SAMPLES,
        ),
      ),
      marks: watch.spills,
      arena: arenaUse(executor),
    };
  } finally {
    manager.observer = null;
    sorter.close();
    executor.endTask(id, true);
  }
}

/** Puts the boundary of the pools where an executor starts: storage takes all of its part and lets go of it. */
export function boundaryToStart(manager: MemoryManager, mode: Mode): void {
  const { protectedStorage } = manager.regions[mode];
  if (manager.acquireStorage("study", protectedStorage, mode)) manager.releaseStorage(protectedStorage, mode);
}

function hashOf(sorter: Sorter): string {
  const hash = new SequenceHash();
  const sorted = sorter.sorted();
  while (sorted.next()) hash.add(sorted.views.u8, sorted.offset, sorted.length);
  return hash.hex();
}

function arenaUse(executor: Executor): ArenaUse | null {
  const allocator = executor.allocator(executor.mode);
  if (!(allocator instanceof ArenaSet)) return null;
  const stats = allocator.arenas.map((arena) => arena.stats());
  return {
    committed: stats.reduce((sum, { committedBytes }) => sum + committedBytes, 0),
    highWater: stats.reduce((sum, { highWaterBytes }) => sum + highWaterBytes, 0),
  };
}
