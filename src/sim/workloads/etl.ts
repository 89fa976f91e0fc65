// `etl`: a nightly batch. A few jobs arrive over some minutes; each scans files, aggregates before the shuffle, sorts what
// comes out and writes it. Partitions are skewed, some tasks straggle, nothing is cached.

import { around, heavyTail, KIB, MIB, Random, scaled, SECOND_US, straggling, times } from "../draw.js";
import type { TaskPlan, Workload } from "../plan.js";

const JOBS = 6;
const MAPS = 24;
const REDUCES = 12;
const ROW_BYTES = 200;

export const etl: Workload = {
  name: "etl",
  about: "a nightly batch: scans, partial aggregation, a shuffle, skewed sorts",
  plan(seed, scale) {
    const random = new Random(seed);
    let arrivalUs = 0;
    const jobs = times(scaled(JOBS, scale), () => {
      arrivalUs += random.below(30 * SECOND_US);
      return {
        arrivalUs,
        stages: [
          { name: "scan", tasks: times(MAPS, () => scan(random)) },
          { name: "sort", tasks: times(REDUCES, () => sort(random)) },
        ],
      };
    });
    return { jobs, rdds: [] };
  },
};

function scan(random: Random): TaskPlan {
  const inputBytes = around(random, 128 * MIB, 0.5, 1.2);
  const rows = Math.round(inputBytes / ROW_BYTES);
  const keys = Math.round(rows / 3);
  return {
    reads: [],
    inputBytes,
    operators: [
      { kind: "aggregate", records: keys, recordBytes: ROW_BYTES, rowsPerRecord: 3 },
      { kind: "shuffle", records: keys, recordBytes: ROW_BYTES, rowsPerRecord: 1 },
    ],
    slowness: straggling(random, 40),
  };
}

function sort(random: Random): TaskPlan {
  const inputBytes = Math.round(around(random, 220 * MIB, 0.7, 1.3) * heavyTail(random, 12));
  return {
    reads: [],
    inputBytes,
    operators: [
      { kind: "sort", records: Math.round(inputBytes / ROW_BYTES), recordBytes: ROW_BYTES, rowsPerRecord: 1 },
      // A window over the sorted rows: what one key needs is sorted again.
      { kind: "sort", records: Math.round(inputBytes / KIB), recordBytes: ROW_BYTES, rowsPerRecord: 1 },
    ],
    slowness: straggling(random, 40),
  };
}
