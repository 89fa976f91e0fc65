// Vectors of kind `map`: how many keys real Spark's hash map took, what it held then and at most (section 9.4 of the law). The
// keys go into our own map over real pages.

import { openExecutor } from "../executor.js";
import { HashMap } from "../execution/hash-map.js";
import { TaskOutOfMemory } from "../execution/refusal.js";
import { Refusal } from "../fault.js";
import { integerField, type Json, type JsonObject, objectField, sameJson, textsField } from "./json.js";
import type { Mismatch, VectorCheckers, VectorEngine } from "./vectors.js";

/** The kind that speaks of the hash map. */
export const MAP_VECTORS: VectorCheckers = { map: checkMap };

function checkMap(vector: JsonObject, engine: VectorEngine): Mismatch | null {
  const expected = objectField(vector, "result");
  const got = replay(vector, engine);
  for (const field of new Set([...Object.keys(got), ...Object.keys(expected)])) {
    const [left, right]: [Json, Json] = [expected[field] ?? null, got[field] ?? null];
    if (!sameJson(left, right)) return { field, expected: left, got: right };
  }
  return null;
}

function replay(vector: JsonObject, engine: VectorEngine): JsonObject {
  const keyBytes = integerField(vector, "keyBytes");
  const valueBytes = integerField(vector, "valueBytes");
  const count = integerField(vector, "count");
  const host = openExecutor({
    conf: textsField(vector, "conf"),
    cores: integerField(vector, "cores"),
    generation: engine.version,
    collector: engine.collector,
  });
  const options = { capacity: integerField(vector, "capacity"), pageBytes: integerField(vector, "pageSize") };
  let map: HashMap;
  try {
    map = new HashMap(host.task(1), options);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return { error: error instanceof TaskOutOfMemory ? "unableToAcquire" : "illegalArgument" };
  }
  const key = new Uint8Array(keyBytes);
  const words = new Int32Array(key.buffer);
  const value = new Uint8Array(valueBytes);
  let appended = 0;
  let refused = false;
  while (appended < count && !refused) {
    words[0] = appended;
    refused = !map.append(key, 0, keyBytes, value, 0, valueBytes);
    if (!refused) appended += 1;
  }
  const result: JsonObject = {
    appended,
    refused,
    keys: map.keys,
    pages: map.pageCount,
    used: map.memoryBytes,
    peak: map.peakExecutionBytes,
  };
  map.free();
  host.endTask(1);
  return result;
}
