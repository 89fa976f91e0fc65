// What one measuring process is to do: the same for both modes but for the Spark configuration, which says where pages lie.

import { executorNumbers, memoryLayout, validateAtStart, type ExecutorNumbers } from "../config/layout.js";
import { checkKeys, readConf } from "../config/keys.js";
import { DEFAULT_GENERATION } from "../config/release.js";
import { type Mode, OFF_HEAP, ON_HEAP } from "../memory/mode.js";
import type { TableHead } from "./table.js";

export type Conf = Readonly<Record<string, string>>;

/** Everything that a measuring process must know. */
export interface Plan {
  readonly mode: Mode;
  readonly conf: Conf;
  readonly cores: number;
  /** Directory of the spill files; exists. */
  readonly directory: string;
  readonly table: TableHead;
  readonly tableFile: string;
}

/** How the study was asked to run, in Spark's terms. */
export interface Budget {
  /** Execution and storage together, bytes; null: a fifth of what the rows need. */
  readonly memoryBytes: number | null;
  readonly pageBytes: number | null;
  readonly compress: boolean | null;
  readonly cores: number;
  /** The user's own settings; what is said above comes before them. */
  readonly conf: Conf;
}

/** How many times the default budget goes into the need. */
const NEED_TO_BUDGET = 5;
const LEAST_BUDGET_BYTES = 2 ** 20;
const LEAST_PAGE_BYTES = 2 ** 16;
const LARGEST_PAGE_BYTES = 2 ** 26;

/** Bytes of pages and pointer array that a sort of all rows in memory takes (section 9.2 of the law: 4-byte lengths, 4 words a record). */
export function neededBytes(table: { readonly rows: number; readonly bytes: { readonly length: number } }): number {
  const array = 8 * Math.max(2048, 2 ** Math.ceil(Math.log2(4 * table.rows)));
  return table.bytes.length + 4 * table.rows + array;
}

/**
 * The configuration for one mode. Both modes get the same budget, also where the user has set a size for one of them only:
 * off-heap by `spark.memory.offHeap.size`, on-heap by the keys with which Spark's own tests set a heap to the byte.
 */
export function confOf(mode: Mode, { memoryBytes, pageBytes, compress, cores, conf }: Budget, needBytes: number): Conf {
  const ownHeap = memoryBytes === null && ("spark.executor.memory" in conf || "spark.testing.memory" in conf);
  const budget =
    memoryBytes ??
    offHeapBytes(conf) ??
    (ownHeap
      ? numbersOf({ ...conf, "spark.memory.offHeap.enabled": "false" }, cores).onHeap.total
      : defaultBudget(needBytes));
  const sized: Conf = {
    ...(mode === OFF_HEAP ? offHeapOf(conf, budget) : ownHeap ? conf : heapOf(conf, budget)),
    "spark.memory.offHeap.enabled": String(mode === OFF_HEAP),
    ...(compress === null ? {} : { "spark.shuffle.spill.compress": String(compress) }),
    ...(pageBytes === null ? {} : { "spark.buffer.pageSize": String(pageBytes) }),
  };
  if ("spark.buffer.pageSize" in sized) return sized;
  return { ...sized, "spark.buffer.pageSize": String(smallerPages(numbersOf(sized, cores), cores)) };
}

/** The sizes that a configuration gives. Throws ConfigError for what Spark refuses. */
export function numbersOf(conf: Conf, cores: number): ExecutorNumbers {
  const read = readConf(conf, DEFAULT_GENERATION);
  const numbers = executorNumbers(read, memoryLayout(read, { cores, collector: "G1" }));
  validateAtStart(read);
  checkKeys(read);
  return numbers;
}

/** Whether spills are compressed. */
export function compresses(conf: Conf): boolean {
  return readConf(conf, DEFAULT_GENERATION).get("spark.shuffle.spill.compress");
}

/** Which modes are meant by `on-heap`, `off-heap` or `both`. */
export const MODES_OF: Readonly<Record<string, readonly Mode[]>> = {
  "on-heap": [ON_HEAP],
  "off-heap": [OFF_HEAP],
  both: [ON_HEAP, OFF_HEAP],
};

function defaultBudget(needBytes: number): number {
  return Math.max(LEAST_BUDGET_BYTES, Math.floor(needBytes / NEED_TO_BUDGET / LEAST_PAGE_BYTES) * LEAST_PAGE_BYTES);
}

function offHeapOf(conf: Conf, bytes: number): Conf {
  return { ...conf, "spark.memory.offHeap.size": String(bytes) };
}

/** A heap that is a region of `bytes` and nothing else, unless the user wants a fraction of it only. */
function heapOf(conf: Conf, bytes: number): Conf {
  return {
    "spark.memory.fraction": "1.0",
    ...conf,
    "spark.testing.memory": String(bytes),
    "spark.testing.reservedMemory": "0",
  };
}

function offHeapBytes(conf: Conf): number | null {
  const read = readConf(conf, DEFAULT_GENERATION);
  return read.has("spark.memory.offHeap.size") ? Number(read.get("spark.memory.offHeap.size")) : null;
}

/** Spark's rule for the page size with 64 KiB in place of 1 MiB as the least: a small budget would hold two pages. */
function smallerPages({ onHeap, offHeap, tungstenMode }: ExecutorNumbers, cores: number): number {
  const pool = (tungstenMode === ON_HEAP ? onHeap : offHeap).execution;
  const wanted = 2 ** Math.ceil(Math.log2(Math.max(1, pool / Math.max(1, cores) / 16)));
  return Math.min(LARGEST_PAGE_BYTES, Math.max(LEAST_PAGE_BYTES, wanted));
}
