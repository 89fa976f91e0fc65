// Virtual requests a second: what the simulator gets through, the shipped executor's decisions included. One thread.

import { type Bench, type Case, MILLION_REQUESTS, OURS, parameter, reaching, type Settings, whole } from "./harness.js";
import { fold } from "./hash.js";
import { simulate } from "../src/sim/simulator.js";
import { WORKLOADS } from "../src/sim/workloads.js";
import type { Workload } from "../src/sim/plan.js";

const MEMORY = "8g";
const CORES = 4;
/** Million requests a second. */
const LEAST = 1;

export const simulator: Bench = {
  name: "simulator",
  about:
    `Each named workload on one executor of ${CORES} cores and ${MEMORY} under the unified policy, in virtual time. A request is a question to the memory: ` +
    "a page, an array, an unroll reservation, a block looked up or put. Making the plan is not timed; starting and ending tasks, " +
    "spilling, evicting, releasing and the clock are. One thread. A round is three runs, of which the last is timed: the collection " +
    "between rounds throws away code whose objects are all gone, and experiments are many runs in a row.",
  cases: (settings) => WORKLOADS.map((workload) => requests(settings, workload)),
};

function requests(settings: Settings, workload: Workload): Case {
  return {
    name: workload.name,
    unit: MILLION_REQUESTS,
    goal: () => reaching(LEAST),
    ours() {
      const plan = workload.plan(settings.seed, parameter(settings, 0.1, 50, 10));
      const executor = { conf: { "spark.executor.memory": MEMORY } };
      return whole(settings, "ours", OURS, () => {
        const run = () => simulate({ plan, executors: 1, cores: CORES, executor });
        run();
        run();
        const start = performance.now();
        const outcome = run();
        const seconds = (performance.now() - start) / 1000;
        const words = Object.values(outcome).map((value: number) => Math.floor(value));
        const { tasks, spills, evictions } = outcome;
        return { ops: outcome.requests, seconds, hash: words.reduce(fold, 0), more: { tasks, spills, evictions } };
      });
    },
    peers: [],
  };
}
