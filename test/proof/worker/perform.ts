// One call of a manager, by name, with one number for its answer: by the workers of a run, and by the model that explains it.

import { EntryLost, MemoryManager, type ManagerOptions } from "../../../src/memory/manager.js";
import type { Ledger } from "../../../src/memory/ledger.js";
import { MemoryBusy } from "../../../src/memory/wait.js";
import { unified } from "../../../src/policy/unified.js";
import { type Call, LOST, type Operation, type Pools } from "./program.js";

const BELOW_STATE = 4096;

/** A manager over accounts, with storage that gives way by exactly what is asked or not at all (section 13 of the law). */
export function managerOver(ledger: Ledger, pools: Pools, attached: boolean): MemoryManager {
  const { onHeap, offHeap, slowEviction } = pools;
  const options: ManagerOptions = { policy: unified, onHeap, offHeap, ledger, attached };
  const manager = new MemoryManager(options);
  manager.setEvictor({
    evict(_forBlock, bytes, mode) {
      if (ledger.storageUsed(mode) < bytes) return 0;
      const drop = (): void => manager.releaseStorage(bytes, mode);
      if (slowEviction === true) ledger.outside(drop);
      else drop();
      return bytes;
    },
    unrolled: () => 0,
  });
  return manager;
}

export function perform(manager: MemoryManager, call: Call, operation: Operation): number {
  const { bytes = 0, task = 0, mode = 0 } = operation as { bytes?: number; task?: number; mode?: 0 | 1 };
  switch (call) {
    case "acquire":
      return manager.acquireExecution(bytes, task, mode);
    case "retry":
      try {
        return manager.retryExecution(bytes, task, mode);
      } catch (error) {
        if (error instanceof EntryLost) return LOST;
        throw error;
      }
    case "giveUp":
      manager.giveUpExecution();
      return 0;
    case "release":
      return manager.releaseExecution(bytes, task, mode);
    case "releaseAll":
      return manager.releaseAllExecution(task);
    case "taskEnded":
      manager.taskEnded(task);
      return 0;
    case "put":
      if (!manager.acquireStorage("test_block", bytes, mode)) return 0;
      manager.ledger.intoBlock(bytes, mode);
      return 1;
    case "drop":
      manager.releaseStorage(bytes, mode);
      return 0;
    case "dropAll":
      manager.releaseAllStorage(mode);
      return 0;
    case "state":
      return manager.state(mode).reduce((sum, each) => sum * BELOW_STATE + each, 0);
    case "held":
      return manager.ledger.balance(task, mode);
    case "used":
      return manager.executionUsed;
    case "settle":
      while (!settled(manager));
      return 0;
    default:
      throw new Error(`${call} is no call of a manager`);
  }
}

function settled({ ledger }: MemoryManager): boolean {
  try {
    ledger.begin();
    ledger.end();
    return true;
  } catch (error) {
    if (error instanceof MemoryBusy) return false;
    throw error;
  }
}

/** A recorded answer in words. */
export function answerInWords(call: Call, answer: number): string {
  if (call === "state") {
    const numbers: number[] = [];
    for (let left = answer, i = 0; i < 4; i += 1, left = Math.floor(left / BELOW_STATE))
      numbers.unshift(left % BELOW_STATE);
    return `[${numbers.join(", ")}]`;
  }
  if (call === "put") return answer === 1 ? "stored" : "not stored";
  if (answer === LOST) return "its entry is lost";
  if (answer === -1) return call === "held" ? "no entry" : "must wait";
  return String(answer);
}
