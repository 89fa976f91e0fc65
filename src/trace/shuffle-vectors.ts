// Vectors of kind `shuffle`: what real Spark's shuffle sorters of one task asked for, when they spilled, what was refused, and
// how their files were counted when they closed (section 9.3 of the law).

import { TaskOutOfMemory } from "../execution/refusal.js";
import { type ShuffleMetrics, ShuffleSorter } from "../execution/shuffle-sorter.js";
import { openExecutor } from "../executor.js";
import { Refusal } from "../fault.js";
import { openMemorySpillStore } from "../spill/memory.js";
import { booleanField, integerField, type JsonObject, textsField } from "./json.js";
import { differenceOf, segmentsOf } from "./sorter-vectors.js";
import type { VectorCheckers, VectorEngine } from "./vectors.js";

/** The kind that speaks of shuffle sorters. */
export const SHUFFLE_VECTORS: VectorCheckers = {
  shuffle: (vector, engine) => differenceOf(vector, replay(vector, engine)),
};

/** So many partitions of each sorter are written in a result. */
const PARTITIONS_TOLD = 16;

function replay(vector: JsonObject, engine: VectorEngine): JsonObject {
  const host = openExecutor({
    conf: textsField(vector, "conf"),
    cores: integerField(vector, "cores"),
    generation: engine.version,
    collector: engine.collector,
  });
  const store = openMemorySpillStore();
  const sorters: ShuffleSorter[] = [];
  const inserted: number[] = [];
  const spills: number[] = [];
  const events: JsonObject[] = [];
  let failure: JsonObject = {};
  const partitions = integerField(vector, "partitions");
  try {
    for (let i = 0; i < integerField(vector, "sorters"); i += 1) {
      const sorter = new ShuffleSorter(host.task(1), {
        store,
        partitions,
        name: `sorter ${i}`,
        initialRecords: integerField(vector, "initialSize"),
        radix: booleanField(vector, "radix"),
        spillRecords: integerField(vector, "maxRecords"),
        ...(vector["maxBytes"] === undefined ? {} : { spillBytes: integerField(vector, "maxBytes") }),
      });
      sorters.push(sorter);
      inserted.push(0);
      spills.push(0);
    }
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    failure = { error: "create" };
  }
  const segments = segmentsOf(vector);
  const row = new Uint8Array(Math.max(0, ...segments.map(([, , length]) => length)));
  for (const [segment, [which, count, length]] of segments.entries()) {
    for (let record = 0; record < count && failure["error"] === undefined; record += 1) {
      const before = sum(sorters, "memoryBytesSpilled");
      try {
        sorters[which]!.insert(row, 0, length, (record * 7919 + segment * 31) % partitions);
        inserted[which]! += 1;
      } catch (error) {
        if (!(error instanceof TaskOutOfMemory)) throw error;
        failure = { error: "unableToAcquire", errorSegment: segment, errorRecord: record };
      }
      const freed = sum(sorters, "memoryBytesSpilled") - before;
      if (freed === 0 && failure["error"] === undefined) continue;
      sorters.forEach(({ metrics: { files } }, i) => {
        if (files !== spills[i]) events.push({ segment, record, sorter: i, spills: files - spills[i]! });
        spills[i] = files;
      });
      if (freed !== 0) events.push({ ...events.pop(), memoryBytesSpilled: freed });
    }
  }
  const filled = sorters.map((sorter, i) => ({
    inserted: inserted[i]!,
    used: sorter.used,
    // A sorter whose spill could not have the first array again cannot be asked.
    peak: failure["error"] !== undefined && sorter.broken ? -1 : sorter.metrics.peakExecutionBytes,
    spills: spills[i]!,
  }));
  const closed = failure["error"] === undefined ? { closed: sorters.map((sorter) => finished(sorter)) } : {};
  const metrics = sorters.map((sorter) => sorter.metrics);
  const total = (figure: keyof ShuffleMetrics): number => metrics.reduce((bytes, m) => bytes + m[figure], 0);
  for (const sorter of sorters) sorter.close();
  host.endTask(1, true);
  store.close();
  return {
    ...failure,
    events,
    sorters: filled,
    ...closed,
    memoryBytesSpilled: total("memoryBytesSpilled"),
    diskBytesSpilled: total("sparkDiskBytesSpilled"),
    recordsWritten: total("recordsWritten"),
    bytesWritten: total("sparkBytesWritten"),
  };
}

function finished(sorter: ShuffleSorter): JsonObject {
  sorter.finish();
  const { files, peakExecutionBytes } = sorter.metrics;
  const partitionBytes = [...sorter.partitionBytes.subarray(0, PARTITIONS_TOLD)];
  return { files, used: sorter.used, peak: peakExecutionBytes, partitionBytes };
}

function sum(sorters: readonly ShuffleSorter[], figure: "memoryBytesSpilled"): number {
  let bytes = 0;
  for (const sorter of sorters) bytes += sorter[figure];
  return bytes;
}
