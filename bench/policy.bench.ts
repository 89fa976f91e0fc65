// What a policy costs: one acquire that it has to decide, with its release, and a whole recorded workload decided under it,
// spills included.

import {
  type Bench,
  type Case,
  looped,
  MILLION_ROWS,
  NS_PER_PAIR,
  OURS,
  parameter,
  type Settings,
  whole,
} from "./harness.js";
import { fold } from "./hash.js";
import { MemoryManager, type RegionSizes } from "../src/memory/manager.js";
import { ON_HEAP } from "../src/memory/mode.js";
import { POLICIES, policyNamed, SPILL_ORDERS } from "../src/policy/registry.js";
import { Replay } from "../src/trace/replay.js";
import { Workload } from "../src/trace/workload.js";

const MIB = 2 ** 20;
const NOTHING: RegionSizes = { total: 0, protectedStorage: 0, execution: 0, storage: 0 };

export const policy: Bench = {
  name: "policy",
  about:
    "`decide`: acquireExecution + releaseExecution of 1 MiB by a task without an entry, 2 GiB region, 8 tasks, never short, the common path " +
    "shut so that the policy is asked every time: `ceiling` is answered with 0, `share` as it is. `acquire` with 8 tasks, new, is the same pair on the " +
    "common path. `replay`: a generated trace of consumers decided under the policy, every request from a row to its answer. One thread.",
  cases: (settings) => [
    ...POLICIES.map(({ name }) => decide(settings, name)),
    ...POLICIES.map(({ name }) => replay(settings, name, "spark")),
    ...SPILL_ORDERS.slice(1).map(({ name }) => replay(settings, "unified", name)),
  ],
};

const context = { cores: 8, maxUnrollBytes: MIB };

function decide(settings: Settings, name: string): Case {
  const ops = parameter(settings, 10, 1000);
  return {
    name: `decide, ${name}`,
    unit: NS_PER_PAIR,
    ours() {
      const total = 2 ** 31;
      const manager = new MemoryManager({
        policy: { ...policyNamed(name, context), ceiling: () => 0 },
        onHeap: { total, protectedStorage: total / 2, execution: total / 2, storage: total / 2 },
        offHeap: NOTHING,
      });
      for (let task = 1; task < 8; task += 1) manager.acquireExecution(1, task, ON_HEAP);
      return looped(settings, ops, () => {
        let hash = 0;
        for (let i = 0; i < ops; i += 1) {
          hash = fold(hash, manager.acquireExecution(MIB, 0, ON_HEAP));
          manager.releaseExecution(MIB, 0, ON_HEAP);
        }
        return hash;
      });
    },
    peers: [],
  };
}

function replay(settings: Settings, name: string, spillOrder: string): Case {
  return {
    name: spillOrder === "spark" ? `replay, ${name}` : `replay, ${name}, ${spillOrder}`,
    unit: MILLION_ROWS,
    ours() {
      const workload = new Workload({ profile: "consumers", seed: settings.seed });
      const rows = [...workload.rows(parameter(settings, 200, 100_000, 30_000))].map(([request]) => request);
      return whole(settings, "ours", OURS, () => {
        const decided = new Replay(workload.header, { policy: name, spillOrder });
        const start = performance.now();
        for (const row of rows) decided.applyIfPossible(row);
        const seconds = (performance.now() - start) / 1000;
        const { manager } = decided.executor;
        return { ops: rows.length, seconds, hash: fold(manager.executionUsed, manager.storageUsed), kept: decided };
      });
    },
    peers: [],
  };
}
