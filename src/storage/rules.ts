// What of a configuration and a release concerns the storage room, in plain numbers.

import type { Conf } from "../config/keys.js";
import { type VectorBytes, vectorBytesOf } from "./vector.js";

/** How a generation unrolls and keeps blocks. */
export interface StorageRules {
  /** First reservation of a block that is unrolled, bytes. */
  readonly unrollBytes: number;
  /** Elements between two looks at a growing block. */
  readonly checkPeriod: number;
  /** What a growing block reserves: its size times this. */
  readonly growthFactor: number;
  /** What a growing vector of values takes besides its array. */
  readonly vectorBytes: VectorBytes;
  /** Unrolling in a task stops when the task is interrupted (4.0). */
  readonly interruptible: boolean;
  /** Values may be kept off-heap (3.2). */
  readonly offHeapValues: boolean;
  /** Values that can be closed are closed when they leave memory (3.2). */
  readonly closesValues: boolean;
}

/**
 * How a generation unrolls and keeps blocks, with what its configuration says of it. Throws ConfigError.
 *
 * @example
 * ```ts
 * import { readConf, storageRules } from "tungsten-memory";
 *
 * console.log(storageRules(readConf({}, "4.1")).unrollBytes); // 1048576
 * ```
 */
export function storageRules(conf: Conf): StorageRules {
  const { release } = conf;
  return {
    unrollBytes: toNumber(conf.get("spark.storage.unrollMemoryThreshold")),
    checkPeriod: toNumber(conf.get("spark.storage.unrollMemoryCheckPeriod")),
    growthFactor: conf.get("spark.storage.unrollMemoryGrowthFactor"),
    vectorBytes: vectorBytesOf(release),
    interruptible: release >= 400,
    offHeapValues: release >= 302,
    closesValues: release >= 302,
  };
}

// No region holds more than this, so a larger threshold is refused all the same.
function toNumber(long: bigint): number {
  return Math.min(Number(long), Number.MAX_SAFE_INTEGER);
}
