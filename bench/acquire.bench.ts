// What an acquire and its release cost at the memory manager. A new task enters the pool and leaves it with every pair; a task
// that holds a byte stays in it.

import { atLeast, type Bench, type Case, looped, NS_PER_PAIR, parameter, type Settings } from "./harness.js";
import { fold } from "./hash.js";
import { openManager } from "./manager.js";
import { sparkOnBothHeaps } from "./spark.js";
import type { MemoryManager } from "../src/memory/manager.js";
import { ON_HEAP } from "../src/memory/mode.js";

const MIB = 2 ** 20;

export const acquire: Bench = {
  name: "acquire",
  about:
    "acquireExecution + releaseExecution of 1 MiB, 2 GiB region, never short, N tasks in the pool while the pair is open. " +
    "`new`: the task has no entry before the pair; `held`: it holds 1 byte. One thread on both sides; " +
    "the local ledger serves one thread only, Spark's manager takes a lock for every call.",
  bound:
    "one account is read, added to and read again, so that every step waits for the store before it: a bare ledger, " +
    "without manager, policy and observers, took 6.6 ns a pair on this machine. Spark is faster here than the goal " +
    "assumes (380 to 1,000 ns a pair).",
  cases: (settings) => [
    ...[1, 8, 32].flatMap((tasks) => [pairs(settings, tasks, false), pairs(settings, tasks, true)]),
    pairs(settings, 1, true, 2),
  ],
};

/** With two managers the pairs go to them in turn, so that no compiler can take the one for a constant. */
function pairs(settings: Settings, tasks: number, held: boolean, managers = 1): Case {
  const ops = parameter(settings, 10, 1000);
  const name = `${tasks} ${tasks === 1 ? "task" : "tasks"}, ${held ? "held" : "new"}`;
  return {
    name: managers === 1 ? name : `${name}, ${managers} executors in turn`,
    unit: NS_PER_PAIR,
    goal: () => atLeast(40),
    ours() {
      const first = managerOf(tasks, held);
      if (managers === 1) return looped(settings, ops, () => pairsOf(first, ops));
      const second = managerOf(tasks, held);
      return looped(settings, ops, () => {
        let hash = 0;
        for (let i = 0; i < ops; i += 1) {
          const manager = i % 2 === 0 ? first : second;
          hash = fold(hash, manager.acquireExecution(MIB, 0, ON_HEAP));
          manager.releaseExecution(MIB, 0, ON_HEAP);
        }
        return hash;
      });
    },
    peers: sparkOnBothHeaps(settings, "acquire", { managers, tasks, held: held ? 1 : 0, ops }),
  };
}

function managerOf(tasks: number, held: boolean): MemoryManager {
  const manager = openManager(ON_HEAP, 2 * 2 ** 30);
  for (let task = held ? 0 : 1; task < tasks; task += 1) manager.acquireExecution(1, task, ON_HEAP);
  return manager;
}

function pairsOf(manager: MemoryManager, ops: number): number {
  let hash = 0;
  for (let i = 0; i < ops; i += 1) {
    hash = fold(hash, manager.acquireExecution(MIB, 0, ON_HEAP));
    manager.releaseExecution(MIB, 0, ON_HEAP);
  }
  return hash;
}
