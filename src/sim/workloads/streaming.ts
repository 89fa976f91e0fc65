// `streaming-micro-batch`: a batch of events every two seconds, with bursts. Each batch updates a cached state that is derived
// from the state of the batch before, and the old one is dropped; every tenth state is checkpointed, so that its lineage ends.

import { around, MIB, Random, scaled, SECOND_US, straggling, times } from "../draw.js";
import type { JobPlan, RddPlan, TaskPlan, Workload } from "../plan.js";

const BATCHES = 60;
const BATCH_US = 2 * SECOND_US;
const MAPS = 8;
const STATES = 8;
const STATE_BYTES = 160 * MIB;
const CHECKPOINT_EVERY = 10;
const EVENT_BYTES = 150;
const BURST_ONE_IN = 8;

export const streaming: Workload = {
  name: "streaming-micro-batch",
  about: "a small batch every two seconds, bursts, and a cached state derived from the one before",
  plan(seed, scale) {
    const random = new Random(seed);
    const sizes = times(STATES, () => around(random, STATE_BYTES, 0.6, 1.4));
    const rdds: RddPlan[] = [];
    const jobs = times(scaled(BATCHES, scale), (batch): JobPlan => {
      const burst = random.below(BURST_ONE_IN) === 0 ? around(random, 4, 0.5, 2) : 1;
      rdds.push({
        partitionBytes: sizes,
        parent: batch % CHECKPOINT_EVERY === 0 ? null : batch - 1,
        work: 1,
        level: "memory-and-disk",
      });
      return {
        arrivalUs: batch * BATCH_US,
        stages: [
          { name: "receive", tasks: times(MAPS, () => receive(random, burst)) },
          {
            name: "update",
            tasks: times(STATES, (partition) => update(random, batch, partition, burst)),
            unpersists: batch < 2 ? [] : [batch - 2],
          },
        ],
      };
    });
    return { jobs, rdds };
  },
};

function receive(random: Random, burst: number): TaskPlan {
  const inputBytes = around(random, 12 * MIB, 0.5, 1.5) * burst;
  const events = Math.round(inputBytes / EVENT_BYTES);
  return {
    reads: [],
    inputBytes,
    operators: [{ kind: "shuffle", records: events, recordBytes: EVENT_BYTES, rowsPerRecord: 1 }],
    slowness: straggling(random, 30),
  };
}

function update(random: Random, rdd: number, partition: number, burst: number): TaskPlan {
  const inputBytes = around(random, 12 * MIB, 0.5, 1.5) * burst;
  const keys = Math.round(inputBytes / EVENT_BYTES / 2);
  return {
    reads: [{ rdd, partition }],
    inputBytes,
    operators: [{ kind: "aggregate", records: keys, recordBytes: EVENT_BYTES, rowsPerRecord: 2 }],
    slowness: 1,
  };
}
