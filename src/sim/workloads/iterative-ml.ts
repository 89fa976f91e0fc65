// `iterative-ml`: training on cached points. Every iteration reads all of them and aggregates gradients; now and then the
// points are projected anew into an RDD that is derived from the first, kept for some iterations and dropped. What is evicted
// is computed again from its lineage.

import { around, MIB, Random, scaled, straggling, times } from "../draw.js";
import type { RddPlan, StagePlan, TaskPlan, Workload } from "../plan.js";

const ITERATIONS = 12;
const PARTITIONS = 40;
const POINT_BYTES = 96 * MIB;
const PROJECT_EVERY = 4;
const FEATURES = 40_000;

export const iterativeMl: Workload = {
  name: "iterative-ml",
  about: "training over cached points: the same partitions again and again, derived RDDs, recomputation from lineage",
  plan(seed, scale) {
    const random = new Random(seed);
    const rdds: RddPlan[] = [
      {
        partitionBytes: times(PARTITIONS, () => around(random, POINT_BYTES, 0.7, 1.3)),
        parent: null,
        work: 3,
        level: "memory",
      },
    ];
    const stages: StagePlan[] = [];
    let read = 0;
    for (let i = 0; i < scaled(ITERATIONS, scale); i += 1) {
      const unpersists: number[] = [];
      if (i % PROJECT_EVERY === PROJECT_EVERY - 1) {
        if (read > 0) unpersists.push(read);
        read = rdds.push(projected(rdds[0]!)) - 1;
      }
      stages.push({ name: `iteration ${i}`, tasks: times(PARTITIONS, (p) => gradient(random, read, p)), unpersists });
      stages.push({ name: `update ${i}`, tasks: [update(random)] });
    }
    return { jobs: [{ arrivalUs: 0, stages }], rdds };
  },
};

function projected({ partitionBytes }: RddPlan): RddPlan {
  return { partitionBytes: partitionBytes.map((bytes) => Math.ceil(bytes / 2)), parent: 0, work: 2, level: "memory" };
}

function gradient(random: Random, rdd: number, partition: number): TaskPlan {
  return {
    reads: [{ rdd, partition }],
    inputBytes: 0,
    operators: [
      { kind: "aggregate", records: FEATURES, recordBytes: 64, rowsPerRecord: 8 },
      { kind: "shuffle", records: FEATURES, recordBytes: 64, rowsPerRecord: 1 },
    ],
    slowness: straggling(random, 50),
  };
}

function update(random: Random): TaskPlan {
  return {
    reads: [],
    inputBytes: around(random, 40 * MIB, 0.9, 1.1),
    operators: [{ kind: "aggregate", records: FEATURES, recordBytes: 64, rowsPerRecord: PARTITIONS }],
    slowness: 1,
  };
}
