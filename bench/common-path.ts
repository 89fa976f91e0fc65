// The pair that never leaves the common path, on an executor as users open it, with 1 task that holds a byte.

import { cpuSeconds } from "./cpu.js";
import { fold } from "./hash.js";
import type { Reading } from "./harness.js";
import { executorOf } from "./manager.js";
import type { Executor } from "../src/executor.js";
import { ON_HEAP } from "../src/memory/mode.js";

const MIB = 2 ** 20;

/** An executor of 2 GiB whose task 0 holds a byte. */
export function openPairs(prepare: (executor: Executor) => void = () => {}): Executor {
  const executor = executorOf(ON_HEAP, 2 * 2 ** 30);
  prepare(executor);
  executor.manager.acquireExecution(1, 0, ON_HEAP);
  return executor;
}

/** `pairs` times acquireExecution and releaseExecution of 1 MiB. */
export function pairsOn({ manager }: Executor, pairs: number): number {
  let hash = 0;
  for (let i = 0; i < pairs; i += 1) {
    hash = fold(hash, manager.acquireExecution(MIB, 0, ON_HEAP));
    manager.releaseExecution(MIB, 0, ON_HEAP);
  }
  return hash;
}

/** A round of pairs, timed by what the process took of the CPU: neighbours then cost next to nothing. */
export function cpuRound(executor: Executor, pairs: number): Reading {
  const start = cpuSeconds();
  const hash = pairsOn(executor, pairs);
  return { ops: pairs, seconds: Math.max(1e-6, cpuSeconds() - start), hash };
}
