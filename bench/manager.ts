// What our side is measured with, set up as the Spark peer sets up its own: one region of a stated size, half of it protected
// for storage, under the unified policy.

import { type Executor, openExecutor } from "../src/executor.js";
import { MemoryManager, type RegionSizes } from "../src/memory/manager.js";
import { type Mode, OFF_HEAP, ON_HEAP } from "../src/memory/mode.js";
import { unified } from "../src/policy/unified.js";

const NOTHING: RegionSizes = { total: 0, protectedStorage: 0, execution: 0, storage: 0 };

/** A manager whose `mode` has `bytes` (even) and whose other mode has none. */
export function openManager(mode: Mode, bytes: number): MemoryManager {
  const region: RegionSizes = { total: bytes, protectedStorage: bytes / 2, execution: bytes / 2, storage: bytes / 2 };
  return new MemoryManager({
    policy: unified,
    onHeap: mode === ON_HEAP ? region : NOTHING,
    offHeap: mode === OFF_HEAP ? region : NOTHING,
  });
}

/** An executor with real pages of `pageBytes` whose `mode` has `bytes`, in the words of a Spark configuration. */
export function executorOf(mode: Mode, bytes: number, pageBytes: number = 4 * 2 ** 20): Executor {
  return openExecutor({
    conf: {
      "spark.testing.memory": String(mode === ON_HEAP ? bytes : 2 ** 20),
      "spark.testing.reservedMemory": "0",
      "spark.memory.fraction": "1",
      "spark.buffer.pageSize": `${pageBytes}b`,
      ...(mode === OFF_HEAP
        ? { "spark.memory.offHeap.enabled": "true", "spark.memory.offHeap.size": `${bytes}b` }
        : {}),
    },
  });
}

/** As cases are named. */
export function modeText(mode: Mode): string {
  return mode === ON_HEAP ? "on-heap" : "off-heap";
}

/** As the Spark peer takes it. */
export function modeWord(mode: Mode): string {
  return mode === ON_HEAP ? "on" : "off";
}
