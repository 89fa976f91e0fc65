// Many raced operations, and what they should leave.

import { ABSENT } from "../../src/memory/ledger.js";
import type { SharedLedger } from "../../src/memory/shared-ledger.js";
import type { History } from "./explain.js";
import { type Scenario, sizes } from "./worker/program.js";

const FIRST_TASK = 10;

/** `operations` acquires and releases by all workers together, each for a task of its own. */
export function churning(seed: number, workers: number, operations: number): Scenario {
  return {
    name: `drift, seed ${seed}`,
    pools: { onHeap: sizes(100_000, 20_000, 10_000), offHeap: sizes(0) },
    programs: Array.from({ length: workers }, (_, worker) => [
      { does: "churn", bytes: Math.ceil(operations / workers), task: FIRST_TASK + worker, seed: seed * 4 + worker },
    ]),
  };
}

/** What each task counted itself and what it holds, and what the pool has given out. */
export function countedBy({ events }: History, ledger: SharedLedger) {
  const tasks = events.map(([churn], worker) => {
    const held = ledger.balance(FIRST_TASK + worker, 0);
    return { counted: churn!.answer, held: held === ABSENT ? 0 : held };
  });
  return { tasks, used: ledger.executionUsed(0) };
}
