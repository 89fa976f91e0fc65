// Vectors of kind `collection`: when real Spark's spillable collections of one task asked for memory and spilled, for
// themselves and for a bystander, their estimates being those of the vector (section 9.6 of the law).

import { readConf } from "../config/keys.js";
import { ObjectCollection } from "../execution/collection.js";
import { Consumer } from "../execution/consumer.js";
import type { TaskMemoryManager } from "../execution/task.js";
import { openExecutor } from "../executor.js";
import { ON_HEAP } from "../memory/mode.js";
import { BadField, integerField, type JsonObject, textsField } from "./json.js";
import { differenceOf, segmentsOf } from "./sorter-vectors.js";
import type { VectorCheckers, VectorEngine } from "./vectors.js";

/** The kind that speaks of collections. */
export const COLLECTION_VECTORS: VectorCheckers = {
  collection: (vector, engine) => differenceOf(vector, replay(vector, engine)),
};

interface Held {
  readonly collection: ObjectCollection;
  readonly insert: (bytes: number) => void;
  inserted: number;
  /** Spills of its own and for others. */
  spills: number;
}

/** Takes memory and never gives it back for others. */
class Bystander extends Consumer {
  spill(): number {
    return 0;
  }
}

function replay(vector: JsonObject, engine: VectorEngine): JsonObject {
  const raw = textsField(vector, "conf");
  const conf = readConf(raw, engine.version);
  const host = openExecutor({
    conf: raw,
    cores: integerField(vector, "cores"),
    generation: engine.version,
    collector: engine.collector,
    pages: "accounts",
  });
  const task = host.task(1);
  const limits = {
    initialBytes: Number(conf.get("spark.shuffle.spill.initialMemoryThreshold")),
    spillRecords: conf.get("spark.shuffle.spill.numElementsForceSpillThreshold"),
    spillBytes: Number(conf.get("spark.shuffle.spill.maxSizeInBytesForSpillThreshold")),
  };
  const all = kindsOf(vector).map((kind) => hold(task, kind, limits));
  const bystander = new Bystander(task, { name: "bystander", mode: ON_HEAP });
  const events: JsonObject[] = [];
  const told = all.map(() => ({ spills: 0, bytes: 0 }));
  for (const [segment, [who, count, bytes]] of segmentsOf(vector).entries()) {
    for (let record = 0; record < Math.abs(count); record += 1) {
      if (who < all.length) all[who]!.insert(bytes);
      else if (count > 0) bystander.acquireMemory(bytes);
      else bystander.freeMemory(Math.min(bytes, bystander.used));
      all.forEach(({ collection: { memoryBytesSpilled }, spills }, i) => {
        const before = told[i]!;
        if (spills === before.spills && memoryBytesSpilled === before.bytes) return;
        const grown = { spills: spills - before.spills, memoryBytesSpilled: memoryBytesSpilled - before.bytes };
        events.push({ segment, record, collection: i, ...grown });
        told[i] = { spills, bytes: memoryBytesSpilled };
      });
    }
  }
  const collections = all.map(({ collection, inserted, spills }) => ({
    inserted,
    used: collection.used,
    spills,
    memoryBytesSpilled: collection.memoryBytesSpilled,
    peak: collection.peakBytes,
  }));
  const result = { events, collections, bystander: bystander.used };
  host.endTask(1, true);
  return result;
}

function hold(
  task: TaskMemoryManager,
  kind: "sorter" | "map",
  limits: { initialBytes: number; spillRecords: number; spillBytes: number },
): Held {
  let estimate = 0;
  let content = 0;
  const empty = (): void => {
    estimate = content = 0;
    held.spills += 1;
  };
  const collection = new ObjectCollection(task, {
    ...limits,
    kind,
    estimate: () => estimate,
    spill: empty,
    spillForOthers() {
      const spills = kind === "map" && content > 0;
      if (spills) empty();
      return spills;
    },
  });
  const held: Held = {
    collection,
    inserted: 0,
    spills: 0,
    insert(bytes) {
      if (kind === "map") collection.count();
      estimate += bytes;
      content += 1;
      if (kind === "sorter") collection.count();
      held.inserted += 1;
    },
  };
  return held;
}

function kindsOf(vector: JsonObject): ("sorter" | "map")[] {
  const { collections } = vector;
  if (!Array.isArray(collections) || !collections.every((kind) => kind === "sorter" || kind === "map"))
    throw new BadField('field "collections" must be a list of sorter and map');
  return collections as ("sorter" | "map")[];
}
