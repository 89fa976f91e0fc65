// Questions about single consumers, each independent of the others: what is inserted how often into which sorters, maps and
// collections, under which memory. Sizes are drawn so that most runs end in spills or refusals.

import { Random } from "../src/trace/random.js";

type Vector = Readonly<Record<string, unknown>>;
type Segment = readonly [who: number, count: number, bytes: number];

/** A header without an answer. */
export function vectorsHeader(version: string): Vector {
  return { vectors: "executor-memory", version: 1, engine: `spark-${version}`, collector: "G1" };
}

/** External sorters of one task (kind `sorter`). */
export function sorterVector(random: Random): Vector {
  const { conf, total } = memory(random, [300_000, 1_000_000, 3_000_000, 3_000_000]);
  const pageSize = random.of([4096, 16_384, 65_536, 100_000, 262_144]);
  const sorters = 1 + random.below(2);
  return {
    vector: "sorter",
    conf: { ...conf, "spark.buffer.pageSize": String(pageSize) },
    cores: 1,
    sorters,
    initialSize: random.of([16, 128, 1024, 4096]),
    radix: random.chance(0.75),
    maxRecords: random.chance(0.2) ? 500 + random.below(20_000) : 2 ** 31 - 1,
    segments: rowSegments(random, sorters, Math.min(pageSize * 1.25, total / 8)),
  };
}

/** Shuffle sorters of one task (kind `shuffle`). */
export function shuffleVector(random: Random, bytesThreshold: boolean): Vector {
  const { conf, total } = memory(random, [300_000, 1_000_000, 3_000_000, 3_000_000]);
  const pageSize = random.of([4096, 16_384, 65_536, 100_000]);
  const sorters = 1 + random.below(2);
  return {
    vector: "shuffle",
    conf: { ...conf, "spark.buffer.pageSize": String(pageSize) },
    cores: 1,
    sorters,
    partitions: random.of([1, 7, 200, 5000]),
    initialSize: random.of([16, 128, 1024, 4096]),
    radix: random.chance(0.75),
    maxRecords: random.chance(0.2) ? 500 + random.below(20_000) : 2 ** 31 - 1,
    ...(bytesThreshold && random.chance(0.3) ? { maxBytes: 20_000 + random.below(500_000) } : {}),
    segments: rowSegments(random, sorters, Math.min(pageSize * 1.25, total / 8)),
  };
}

/** The hash map (kind `map`). */
export function mapVector(random: Random): Vector {
  const { conf } = memory(random, [100_000, 1_000_000, 6_000_000]);
  return {
    vector: "map",
    conf,
    cores: 1,
    capacity: random.of([1, 16, 64, 1000, 4096]),
    pageSize: random.of([1024, 4096, 65_536, 262_144]),
    keyBytes: random.of([8, 16, 24, 40]),
    valueBytes: random.of([0, 8, 24, 104]),
    count: 1 + random.below(60_000),
  };
}

/** Collections of objects whose size is an estimate, and a bystander (kind `collection`). */
export function collectionVector(random: Random, bytesThreshold: boolean): Vector {
  const { conf, total } = memory(random, [100_000, 1_000_000, 3_000_000]);
  const collections = Array.from({ length: 1 + random.below(3) }, () => random.of(["sorter", "map"]));
  const most = Math.max(8, Math.floor(total / 200));
  const segments = Array.from({ length: 3 + random.below(10) }, (): Segment => {
    const who = random.below(collections.length + 1);
    if (who < collections.length)
      return [who, 1 + random.below(3000), 1 + random.below(random.chance(0.2) ? most : 400)];
    return random.chance(0.4)
      ? [who, -1, 1 + random.below(total)]
      : [who, 1 + random.below(3), 1 + random.below(total)];
  });
  const force = random.chance(0.2)
    ? { "spark.shuffle.spill.numElementsForceSpillThreshold": String(100 + random.below(4000)) }
    : {};
  const size =
    bytesThreshold && random.chance(0.2)
      ? { "spark.shuffle.spill.maxSizeInBytesForSpillThreshold": String(1000 + random.below(total)) }
      : {};
  const initial = {
    "spark.shuffle.spill.initialMemoryThreshold": String(random.of([1000, 10_000, 100_000, 5_242_880])),
  };
  return { vector: "collection", conf: { ...conf, ...initial, ...force, ...size }, cores: 1, collections, segments };
}

/** A memory of about one of these sizes, whose pages are on-heap or off-heap. */
function memory(random: Random, totals: readonly number[]): { conf: Record<string, string>; total: number } {
  const total = random.of(totals) + random.below(1000);
  const offHeap = random.below(3) === 0;
  const conf: Record<string, string> = {
    "spark.testing.memory": String(offHeap ? 1_000_000 : total),
    "spark.testing.reservedMemory": "0",
    "spark.memory.fraction": "1.0",
    "spark.memory.storageFraction": random.of(["0.5", "0"]),
  };
  if (offHeap)
    Object.assign(conf, { "spark.memory.offHeap.enabled": "true", "spark.memory.offHeap.size": String(total) });
  return { conf, total };
}

function rowSegments(random: Random, sorters: number, longest: number): Segment[] {
  return Array.from({ length: 2 + random.below(6) }, (): Segment => {
    const long = random.below(8) === 0;
    const length = 1 + random.below(long ? Math.floor(longest) : 200);
    return [random.below(sorters), 1 + random.below(length > 400 ? 40 : 12_000), length];
  });
}
