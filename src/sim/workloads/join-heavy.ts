// `join-heavy`: analysts' queries over a star schema. Tasks build hash tables of dimensions, which cannot spill, keep them
// while the facts stream through, and aggregate and sort the result. One dimension has a few partitions that are far too large.

import { around, heavyTail, MIB, Random, scaled, SECOND_US, straggling, times } from "../draw.js";
import type { OperatorPlan, TaskPlan, Workload } from "../plan.js";

const QUERIES = 8;
const TASKS = 16;
const DIMENSION_ROW_BYTES = 120;
const FACT_ROW_BYTES = 80;

export const joinHeavy: Workload = {
  name: "join-heavy",
  about: "analysts' star joins: hash tables that cannot spill, then aggregation and a sort",
  plan(seed, scale) {
    const random = new Random(seed);
    let arrivalUs = 0;
    const jobs = times(scaled(QUERIES, scale), () => {
      arrivalUs += random.below(20 * SECOND_US);
      return {
        arrivalUs,
        stages: [
          { name: "join", tasks: times(TASKS, () => join(random)) },
          { name: "order", tasks: times(TASKS / 4, () => order(random)) },
        ],
      };
    });
    return { jobs, rdds: [] };
  },
};

function table(bytes: number): OperatorPlan {
  return {
    kind: "join",
    records: Math.max(1, Math.round(bytes / DIMENSION_ROW_BYTES)),
    recordBytes: DIMENSION_ROW_BYTES,
    rowsPerRecord: 1,
  };
}

function join(random: Random): TaskPlan {
  const facts = around(random, 2_000_000, 0.6, 1.4);
  return {
    reads: [],
    inputBytes: facts * FACT_ROW_BYTES,
    operators: [
      table(around(random, 24 * MIB, 0.5, 1.5)),
      table(Math.round(around(random, 48 * MIB, 0.5, 1.5) * heavyTail(random, 8))),
      { kind: "aggregate", records: Math.round(facts / 2), recordBytes: FACT_ROW_BYTES, rowsPerRecord: 2 },
      { kind: "shuffle", records: Math.round(facts / 2), recordBytes: FACT_ROW_BYTES, rowsPerRecord: 1 },
    ],
    slowness: straggling(random, 60),
  };
}

function order(random: Random): TaskPlan {
  const rows = Math.round(around(random, 3_000_000, 0.8, 1.2) * heavyTail(random, 6));
  return {
    reads: [],
    inputBytes: rows * FACT_ROW_BYTES,
    operators: [{ kind: "sort", records: rows, recordBytes: FACT_ROW_BYTES, rowsPerRecord: 1 }],
    slowness: 1,
  };
}
