// Counting by key: what a hash map is for. Every row's key is made, its count raised, and in the end every group read.

import { duckdbCount } from "./duckdb.js";
import { inFolder } from "./folder.js";
import {
  AHEAD,
  atLeast,
  type Bench,
  type Case,
  MILLION_OPS,
  OURS,
  parameter,
  type Settings,
  whole,
} from "./harness.js";
import { executorOf, modeText, modeWord } from "./manager.js";
import { addGroup, keyHigh, keyLow } from "./rows.js";
import { spark } from "./spark.js";
import { HashMap } from "../src/execution/hash-map.js";
import { Sums } from "../src/execution/sums.js";
import type { TaskMemoryManager } from "../src/execution/task.js";
import { type Mode, OFF_HEAP, ON_HEAP } from "../src/memory/mode.js";
import type { SpillStore } from "../src/spill/contract.js";
import { openSpillStore } from "../src/spill/index.js";

const MIB = 2 ** 20;
const AMPLE_BYTES = 1024 * MIB;
const SHORT_BYTES = 40 * MIB;

export const map: Bench = {
  name: "map",
  about:
    "8 M rows counted by 1 M different keys of 8 bytes, drawn at random: from the empty map to the last group read, the keys made on the " +
    "way. One call of JavaScript a row. `sums` has additions wait, up to 16 MiB of them, and carries them out many at a time in the order " +
    "of the map (kernels off-heap, TypeScript on-heap); `map` does each at once, as Spark's map is used. Pages of 4 MiB; 1 GiB of " +
    "memory, or 40 MB, where sums fall back to sorting. DuckDB makes the keys in SQL and groups with one thread under the same memory limit.",
  bound:
    "cache misses: a random read of a table of 32 MiB took 200 ns on this machine while others ran, and an addition " +
    "at once waits for two.",
  cases: (settings) => [
    counts(settings, OFF_HEAP, "sums", "ample"),
    counts(settings, ON_HEAP, "sums", "ample"),
    counts(settings, OFF_HEAP, "map", "ample"),
    counts(settings, ON_HEAP, "map", "ample"),
    counts(settings, OFF_HEAP, "sums", "40 MB"),
    counts(settings, ON_HEAP, "sums", "40 MB"),
  ],
};

interface Counted {
  readonly groups: number;
  readonly rows: number;
  readonly hash: number;
  readonly fallBacks: number;
  readonly peakBytes: number;
}

type Count = (task: TaskMemoryManager, store: SpillStore) => Counted;

function counts(settings: Settings, mode: Mode, what: "sums" | "map", memory: "ample" | "40 MB"): Case {
  const rows = parameter(settings, 20_000, 8e6, 1e6);
  const distinct = parameter(settings, 2_500, 1e6, 125_000);
  const short = parameter(settings, 120_000, SHORT_BYTES, SHORT_BYTES / 8);
  const budget = memory === "ample" ? AMPLE_BYTES : short;
  const page = parameter(settings, 16_384, 4 * MIB, MIB / 2);
  // With little memory the first array is as large as it can become, and less waits.
  const [capacity, waitingBytes] =
    memory === "ample"
      ? [16_384, parameter(settings, 65_536, 16 * MIB)]
      : parameter(settings, [1024, 8192] as const, [2 ** 20, 2 * MIB] as const, [2 ** 17, MIB / 4] as const);
  const { seed } = settings;
  const count: Count =
    what === "map"
      ? (task) => countOneByOne(task, capacity, rows, distinct, seed)
      : (task, store) => countMany(new Sums(task, { store, capacity, waitingBytes }), rows, distinct, seed);
  return {
    name: `${modeText(mode)}, ${what}, ${memory}`,
    unit: MILLION_OPS,
    goal: (peer) => (peer === "duckdb" ? AHEAD : what === "map" ? null : atLeast(mode === OFF_HEAP ? 4 : 2)),
    mostRounds: 5,
    ours: () =>
      inFolder((directory) => {
        const store = openSpillStore({ directory, compression: "none" });
        const executor = executorOf(mode, budget, page);
        let lastTask = 0;
        return whole(settings, "ours", OURS, () => {
          lastTask += 1;
          const start = performance.now();
          const counted = count(executor.task(lastTask), store);
          const seconds = (performance.now() - start) / 1000;
          const leak = executor.endTask(lastTask);
          if (leak.bytes !== 0 || store.counters.liveFiles > 0) throw new Error("something did not come back");
          if (counted.rows !== rows) throw new Error(`${counted.rows} of ${rows} rows were counted`);
          if (counted.fallBacks > 0 !== (memory === "40 MB"))
            throw new Error(`${counted.fallBacks} falls back: the budget is not what the case says`);
          const { hash, groups, fallBacks, peakBytes } = counted;
          return { ops: rows, seconds, hash, more: { groups, fallBacks, peakBytes } };
        });
      }),
    peers: [
      ...(memory === "ample"
        ? spark(settings, "count", { mode: modeWord(mode), rows, distinct, seed, budget, page })
        : []),
      ...(what === "map" ? [] : duckdbCount(settings, { rows, distinct, budget })),
    ],
  };
}

function countOneByOne(
  task: TaskMemoryManager,
  capacity: number,
  rows: number,
  distinct: number,
  seed: number,
): Counted {
  const hashMap = new HashMap(task, { capacity });
  const key = new Uint8Array(8);
  const words = new Int32Array(key.buffer);
  for (let i = 0; i < rows; i += 1) {
    const number = (keyHigh(i, seed) >>> 0) % distinct;
    const high = keyHigh(number, seed);
    words[0] = keyLow(high, number);
    words[1] = high;
    if (!hashMap.add(key, 0, 8, 1)) throw new Error("the map is full");
  }
  let hash = 0;
  let groups = 0;
  let sum = 0;
  const records = hashMap.records();
  while (records.next()) {
    const { i32 } = records.views;
    const at = records.keyOffset >>> 2;
    const many = i32[at + 2]!;
    hash = addGroup(hash, i32[at + 1]!, i32[at]!, many);
    groups += 1;
    sum += many;
  }
  const peakBytes = hashMap.peakExecutionBytes;
  hashMap.free();
  return { groups, rows: sum, hash, fallBacks: 0, peakBytes };
}

function countMany(sums: Sums, rows: number, distinct: number, seed: number): Counted {
  const key = new Uint8Array(8);
  const words = new Int32Array(key.buffer);
  for (let i = 0; i < rows; i += 1) {
    const number = (keyHigh(i, seed) >>> 0) % distinct;
    const high = keyHigh(number, seed);
    words[0] = keyLow(high, number);
    words[1] = high;
    sums.add(key, 0, 1);
  }
  let hash = 0;
  let count = 0;
  let sum = 0;
  const groups = sums.groups();
  while (groups.next()) {
    const many = groups.sumLow;
    hash = addGroup(hash, groups.keyHigh, groups.keyLow, many);
    count += 1;
    sum += many;
  }
  const { fallBacks } = sums;
  const peakBytes = sums.map.peakExecutionBytes + sums.used;
  sums.close();
  return { groups: count, rows: sum, hash, fallBacks, peakBytes };
}
