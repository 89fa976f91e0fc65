// `adversarial`: what policies are bad at, all at once. Tasks that fill what there is and keep it for long, crowds of small tasks
// that come meanwhile, tables that cannot spill, sorts that want everything, and a cached table a little larger than memory that
// is read in a circle, which is the worst there is for an order of last use.

import { around, MIB, Random, scaled, SECOND_US, times } from "../draw.js";
import type { JobPlan, OperatorKind, OperatorPlan, TaskPlan, Workload } from "../plan.js";

const ROUNDS = 5;
const ROUND_US = 60 * SECOND_US;
const CROWD = 24;
const CIRCLE_PARTITIONS = 28;
const CIRCLE_BYTES = 180 * MIB;
const ROW_BYTES = 100;
const ROWS_PER_COUNT = 100;

export const adversarial: Workload = {
  name: "adversarial",
  about:
    "hogs, crowds that come while they hold everything, tables that cannot spill, a scan in a circle larger than memory",
  plan(seed, scale) {
    const random = new Random(seed);
    const rdds = [
      {
        partitionBytes: times(CIRCLE_PARTITIONS, () => around(random, CIRCLE_BYTES, 0.95, 1.05)),
        parent: null,
        work: 4,
        level: "memory" as const,
      },
    ];
    const jobs = times(scaled(ROUNDS, scale), (round): JobPlan[] => {
      const startUs = round * ROUND_US;
      const alone = (arrivalUs: number, name: string, tasks: TaskPlan[]): JobPlan => ({
        arrivalUs,
        stages: [{ name, tasks }],
      });
      return [
        alone(startUs, "hogs", [hog(random)]),
        alone(
          startUs + 26 * SECOND_US,
          "circle",
          times(CIRCLE_PARTITIONS, (partition) => reading(0, partition)),
        ),
        alone(
          startUs + 24 * SECOND_US,
          "crowd",
          times(CROWD, () => keeping(random, random.below(3) === 0 ? "aggregate" : "sort", 160, 1)),
        ),
        alone(startUs + 28 * SECOND_US, "greed", [keeping(random, "join", 500, 2), keeping(random, "sort", 2500, 2)]),
      ];
    });
    return { jobs: jobs.flat(), rdds };
  },
};

/** A task that fills what it may with rows to sort, and keeps them for long while it counts them, asking for next to nothing. */
function hog(random: Random): TaskPlan {
  const bytes = around(random, 2600 * MIB, 0.3, 1.7);
  const counted = Math.round(bytes / ROW_BYTES / ROWS_PER_COUNT);
  return {
    reads: [],
    inputBytes: bytes,
    operators: [
      rows("sort", bytes),
      { kind: "aggregate", records: counted, recordBytes: ROW_BYTES, rowsPerRecord: ROWS_PER_COUNT },
    ],
    slowness: 2,
  };
}

function reading(rdd: number, partition: number): TaskPlan {
  return { reads: [{ rdd, partition }], inputBytes: 0, operators: [], slowness: 1 };
}

/** A task of one operator that keeps about `mib` MiB of rows. */
function keeping(random: Random, kind: OperatorKind, mib: number, slowness: number): TaskPlan {
  const bytes = around(random, mib * MIB, 0.6, 1.4);
  return { reads: [], inputBytes: bytes, operators: [rows(kind, bytes)], slowness };
}

function rows(kind: OperatorKind, bytes: number): OperatorPlan {
  return { kind, records: Math.round(bytes / ROW_BYTES), recordBytes: ROW_BYTES, rowsPerRecord: 1 };
}
