// Vectors of kind `sorter`: what real Spark's external sorters of one task asked for, when they spilled and what was refused
// (section 9.2 of the law). The rows are inserted into our own sorters over real pages, with runs kept in memory.

import { Refusal } from "../fault.js";
import { openExecutor } from "../executor.js";
import { Consumer } from "../execution/consumer.js";
import { TaskOutOfMemory } from "../execution/refusal.js";
import { Sorter } from "../execution/sorter.js";
import { openMemorySpillStore } from "../spill/memory.js";
import {
  BadField,
  booleanField,
  integerField,
  type Json,
  type JsonObject,
  objectField,
  sameJson,
  textsField,
} from "./json.js";
import type { Mismatch, VectorCheckers, VectorEngine } from "./vectors.js";

/** The kinds that speak of spilling consumers. */
export const SORTER_VECTORS: VectorCheckers = { sorter: checkSorter };

export type Segment = readonly [sorter: number, count: number, length: number];

function checkSorter(vector: JsonObject, engine: VectorEngine): Mismatch | null {
  return differenceOf(vector, replay(vector, engine));
}

/** The first field of the recorded result that differs from what was got here, where consumers were replayed. */
export function differenceOf(vector: JsonObject, got: JsonObject): Mismatch | null {
  const expected = objectField(vector, "result");
  for (const field of Object.keys(got)) {
    const recorded = expected[field] ?? null;
    if (!sameJson(recorded, got[field]!)) return firstDifference(field, recorded, got[field]!);
  }
  if (expected["error"] !== undefined && got["error"] === undefined)
    return { field: "error", expected: expected["error"], got: null };
  return null;
}

function replay(vector: JsonObject, engine: VectorEngine): JsonObject {
  const segments = segmentsOf(vector);
  const host = openExecutor({
    conf: textsField(vector, "conf"),
    cores: integerField(vector, "cores"),
    generation: engine.version,
    collector: engine.collector,
  });
  const task = host.task(1);
  const store = openMemorySpillStore();
  const sorters: Sorter[] = [];
  const inserted: number[] = [];
  const spills: number[] = [];
  const events: JsonObject[] = [];
  let failure: JsonObject = {};
  try {
    for (let i = 0; i < integerField(vector, "sorters"); i += 1) {
      const sorter = new Sorter(task, {
        store,
        name: `sorter ${i}`,
        initialRecords: integerField(vector, "initialSize"),
        radix: booleanField(vector, "radix"),
        spillRecords: integerField(vector, "maxRecords"),
      });
      sorters.push(sorter);
      inserted.push(0);
      spills.push(0);
    }
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    failure = { error: "create" };
  }
  const row = new Uint8Array(Math.max(0, ...segments.map(([, , length]) => length)));
  const keyed = vector["keyValue"] !== undefined && booleanField(vector, "keyValue");
  const insert = (sorter: Sorter, length: number, high: number, low: number): void => {
    const keyLength = length >>> 1;
    if (keyed) sorter.insertKeyValue(row, 0, keyLength, row, 0, length - keyLength, high, low);
    else sorter.insert(row, 0, length, high, low);
  };
  for (let segment = 0; segment < segments.length && failure["error"] === undefined; segment += 1) {
    const [which, count, length] = segments[segment]!;
    for (let record = 0; record < count && failure["error"] === undefined; record += 1) {
      const before = spilledBy(sorters);
      try {
        insert(sorters[which]!, length, Math.imul(record, 0x9e3779b1), record + segment * 2 ** 20);
        inserted[which]! += 1;
      } catch (error) {
        if (!(error instanceof TaskOutOfMemory)) throw error;
        failure = { error: "unableToAcquire", errorSegment: segment, errorRecord: record };
      }
      const freed = spilledBy(sorters) - before;
      if (freed === 0) continue;
      sorters.forEach((sorter, i) => {
        const now = sorter.spills;
        if (now !== spills[i]) events.push({ segment, record, sorter: i, spills: now - spills[i]! });
        spills[i] = now;
      });
      events.push({ ...events.pop(), memoryBytesSpilled: freed });
    }
  }
  const reads = vector["read"] !== undefined && failure["error"] === undefined;
  const filled: JsonObject = {
    ...failure,
    events,
    sorters: sorters.map((sorter, i) => ({
      inserted: inserted[i]!,
      used: sorter.used,
      // To ask is to take a sample, which a read is recorded without.
      peak: reads ? -1 : sorter.metrics.peakExecutionBytes,
      spills: spills[i]!,
    })),
    memoryBytesSpilled: spilledBy(sorters),
    diskBytesSpilled: sorters.reduce((sum, sorter) => sum + sorter.sparkDiskBytesSpilled, 0),
  };
  const result = reads ? { ...filled, read: readAndSpill(sorters[0]!, integerField(vector, "read")) } : filled;
  for (const sorter of sorters) sorter.close();
  host.endTask(1, true);
  store.close();
  return result;
}

/** Takes memory and gives nothing back. */
class Bystander extends Consumer {
  spill(): number {
    return 0;
  }
}

/** Reads up to `rows` rows, has a bystander make the sorter spill the rest, and reads one more. */
function readAndSpill(sorter: Sorter, rows: number): JsonObject {
  const reader = sorter.sorted();
  let got = 0;
  while (got < rows && reader.next()) got += 1;
  const before = sorter.memoryBytesSpilled;
  const bystander = new Bystander(sorter.task, { name: "bystander" });
  const { total } = sorter.task.manager.regions[sorter.mode];
  bystander.acquireMemory(total);
  const memoryBytesSpilled = sorter.memoryBytesSpilled - before;
  const told = { rows: got, used: sorter.used, memoryBytesSpilled, peak: sorter.metrics.peakExecutionBytes };
  reader.next();
  const next = sorter.used;
  bystander.freeMemory(bystander.used);
  sorter.close();
  return { ...told, next, peakAtEnd: sorter.metrics.peakExecutionBytes };
}

function spilledBy(sorters: readonly Sorter[]): number {
  let bytes = 0;
  for (const sorter of sorters) bytes += sorter.memoryBytesSpilled;
  return bytes;
}

/** The field `segments`: lists of three integers. */
export function segmentsOf(vector: JsonObject): Segment[] {
  const { segments } = vector;
  if (!Array.isArray(segments) || !segments.every(isSegment))
    throw new BadField('field "segments" must be a list of [sorter, count, length]');
  return segments as Segment[];
}

function isSegment(item: Json): boolean {
  return Array.isArray(item) && item.length === 3 && item.every(Number.isInteger);
}

/** The first difference inside two values of one field, named by its path. */
function firstDifference(path: string, expected: Json, got: Json): Mismatch {
  if (typeof expected === "object" && expected !== null && typeof got === "object" && got !== null) {
    const left = expected as Readonly<Record<string, Json>>;
    const right = got as Readonly<Record<string, Json>>;
    for (const name of new Set([...Object.keys(right), ...Object.keys(left)]))
      if (!sameJson(left[name] ?? null, right[name] ?? null))
        return firstDifference(`${path}.${name}`, left[name] ?? null, right[name] ?? null);
  }
  return { field: path, expected, got };
}
