// What an executor does with its memory, from a configuration (sections 1, 4.6 and 7 of the law): heap, reserve, the region
// that execution and storage share, its two parts, the same off-heap, and the page size. Pure arithmetic in 64-bit
// integers, with the double products where Spark has them.

import { type Mode, OFF_HEAP, ON_HEAP } from "../memory/mode.js";
import { humanBytes } from "../human.js";
import { isBare, MIB } from "./bytes.js";
import { LONG_MAX, times, toLong, wrap64 } from "./java.js";
import { ConfigError, executorMemoryBareBytes, type Conf, type KeyName } from "./keys.js";

/** The garbage collector of the executor; only the page size depends on it. */
export type Collector = "G1" | "ZGC" | "Shenandoah" | "other";
export const COLLECTORS: readonly Collector[] = ["G1", "ZGC", "Shenandoah", "other"];

/** What of a machine and its JVM a layout depends on, beside the configuration. */
export interface LayoutOptions {
  /** Cores of the executor. 0 or less: as many as `processors`. */
  readonly cores: number;
  /** Processors of the machine, for `cores` of 0 or less; 1 when not given. */
  readonly processors?: number;
  /** The garbage collector; only the page size depends on it (section 7 of the law). */
  readonly collector: Collector;
  /** `unified` where the configuration does not matter: the manager alone, as in vectors and traces. Else the configuration says. */
  readonly manager?: ManagerName;
  /** Heap in bytes where neither `spark.testing.memory` nor the launcher's reading of `spark.executor.memory` shall say. */
  readonly heapBytes?: bigint;
}

/** Spark's two managers; `static` is that of 1.6, which 2.4 still has. */
export type ManagerName = "unified" | "static";

/** The pools of one mode as they start. Bytes; execution + storage = total. */
export interface ModeLayout {
  /** M: what execution and storage have together. */
  readonly total: bigint;
  /** R: storage up to here is not evicted for execution. */
  readonly protectedStorage: bigint;
  /** The execution pool. */
  readonly execution: bigint;
  /** The storage pool. */
  readonly storage: bigint;
}

/** Everything that is fixed when a memory manager is created. Bytes as 64-bit integers. */
export interface MemoryLayout {
  /** Which of Spark's managers it is. */
  readonly manager: ManagerName;
  /** The heap as the executor sees it. */
  readonly heap: bigint;
  /** Kept out of everything; 0 under the static manager. */
  readonly reserved: bigint;
  /** What remains of the heap: tracked by nobody. */
  readonly user: bigint;
  /** The pools on the heap. */
  readonly onHeap: ModeLayout;
  /** The pools off-heap; all 0 where that is not enabled. */
  readonly offHeap: ModeLayout;
  /** Most that blocks being unrolled may take; null under the unified manager, which has no such limit. */
  readonly maxUnroll: bigint | null;
  /** Size of a page. */
  readonly pageBytes: bigint;
  /** Where page-based execution memory lies. */
  readonly tungstenMode: Mode;
  /** `spark.memory.offHeap.enabled`. */
  readonly offHeapEnabled: boolean;
}

export const RESERVED_BYTES = 300n * MIB;
const STATIC_MIN_BYTES = 32n * MIB;
const MIN_PAGE_BYTES = MIB;
const MAX_PAGE_BYTES = 64n * MIB;
/** Header of a long array on the usual 64-bit layouts. */
const ARRAY_HEADER_BYTES = 16n;

/** The manager that this configuration asks for: legacy mode chooses the static one before 3.0. */
export function managerOf(conf: Conf): ManagerName {
  return conf.get("spark.memory.useLegacyMode") ? "static" : "unified";
}

/**
 * The layout of an executor. Throws ConfigError for what real Spark refuses when it creates the manager; the first check
 * that fails, in Spark's order, names the error.
 *
 * @example
 * ```ts
 * import { memoryLayout, readConf } from "tungsten-memory";
 *
 * const conf = readConf({ "spark.executor.memory": "1g" }, "4.1");
 * const { heap, onHeap } = memoryLayout(conf, { cores: 4, processors: 4, collector: "G1" });
 * console.log(heap, onHeap.total, onHeap.storage); // 1073741824n 455501414n 227750707n
 * ```
 */
export function memoryLayout(conf: Conf, options: LayoutOptions): MemoryLayout {
  const manager = options.manager ?? managerOf(conf);
  const heap = conf.get("spark.testing.memory") ?? options.heapBytes ?? launchedHeapBytes(conf);
  const region = manager === "unified" ? unifiedRegion(conf, heap) : staticRegion(conf, heap);
  const storage = region.storage;
  const onHeap = split(region.total, storage, storage);
  if (conf.release >= 300 && onHeap.execution <= 0n) {
    throw fault(conf, "spark.memory.fraction", null, "leaves no execution memory (M - R must be greater than 0)");
  }
  refuseNegative(conf, onHeap, "spark.memory.fraction");

  const offHeapTotal = conf.get("spark.memory.offHeap.size");
  const protectedOffHeap = times(offHeapTotal, conf.get("spark.memory.storageFraction"));
  const unifiedOffHeap = split(offHeapTotal, protectedOffHeap, protectedOffHeap);
  refuseNegative(conf, unifiedOffHeap, "spark.memory.storageFraction");

  const offHeapEnabled = conf.get("spark.memory.offHeap.enabled");
  if (offHeapEnabled && offHeapTotal <= 0n) {
    throw fault(
      conf,
      "spark.memory.offHeap.size",
      null,
      "must be greater than 0 when spark.memory.offHeap.enabled is true",
    );
  }
  const tungstenMode = offHeapEnabled ? OFF_HEAP : ON_HEAP;
  // The static manager undoes the off-heap split only after the page size has been derived from it.
  const pool = (tungstenMode === ON_HEAP ? onHeap : unifiedOffHeap).execution;
  return Object.freeze({
    manager,
    heap,
    reserved: region.reserved,
    user: wrap64(heap - region.reserved - region.total),
    onHeap,
    offHeap: manager === "unified" ? unifiedOffHeap : split(offHeapTotal, 0n, 0n),
    maxUnroll: region.maxUnroll,
    pageBytes: conf.get("spark.buffer.pageSize") ?? defaultPageBytes(pool, tungstenMode, conf, options),
    tungstenMode,
    offHeapEnabled,
  });
}

/** The heap that a cluster manager starts the executor with: `spark.executor.memory` in whole MiB, bare number = MiB. */
export function launchedHeapBytes(conf: Conf): bigint {
  const heap = conf.get("spark.executor.memory") * MIB;
  if (heap < 0n) throw fault(conf, "spark.executor.memory", null, "must not be negative");
  if (heap > LONG_MAX) throw fault(conf, "spark.executor.memory", null, "must be below 2^63 bytes");
  return heap;
}

/** What storage could hold and what is in use, at one moment (section 1.4 of the law). Bytes. */
export interface ReadOuts {
  readonly maxOnHeapStorage: bigint;
  readonly maxOffHeapStorage: bigint;
  readonly executionUsed: bigint;
  readonly storageUsed: bigint;
}

/** The derived read-outs, from the pools' `used` figures as `[execution, storage]`; nothing is in use when left out. */
export function readOuts(
  layout: MemoryLayout,
  onHeapUsed: readonly [bigint, bigint] = [0n, 0n],
  offHeapUsed: readonly [bigint, bigint] = [0n, 0n],
): ReadOuts {
  // Pools of the static manager never move, so that storage there has its own pool and no more.
  const most = (mode: ModeLayout, executionUsed: bigint): bigint =>
    layout.manager === "unified" ? mode.total - executionUsed : mode.storage;
  return {
    maxOnHeapStorage: most(layout.onHeap, onHeapUsed[0]),
    maxOffHeapStorage: most(layout.offHeap, offHeapUsed[0]),
    executionUsed: onHeapUsed[0] + offHeapUsed[0],
    storageUsed: onHeapUsed[1] + offHeapUsed[1],
  };
}

/** A layout in plain numbers, for everything that accounts and allocates. */
export interface ExecutorNumbers {
  /** Which of Spark's managers it is. */
  readonly manager: ManagerName;
  /** The pools on the heap as they start. */
  readonly onHeap: ModeNumbers;
  /** The pools off-heap as they start; all 0 where that is not enabled. */
  readonly offHeap: ModeNumbers;
  /** Most bytes that blocks being unrolled may take; null under the unified manager. */
  readonly maxUnroll: number | null;
  /** Size of a page, bytes. */
  readonly pageBytes: number;
  /** Where pages lie. */
  readonly tungstenMode: Mode;
  /** `spark.memory.offHeap.enabled`. */
  readonly offHeapEnabled: boolean;
}

/** The pools of one mode, as doubles. Bytes. */
export type ModeNumbers = { readonly [K in keyof ModeLayout]: number };

/**
 * Narrows a layout to doubles. Regions and pages above 2^53 - 1 bytes, which an account here cannot hold, are a ConfigError.
 *
 * @example
 * ```ts
 * import { executorNumbers, memoryLayout, readConf } from "tungsten-memory";
 *
 * const conf = readConf({ "spark.executor.memory": "1g" }, "4.1");
 * const layout = memoryLayout(conf, { cores: 4, processors: 4, collector: "G1" });
 * console.log(executorNumbers(conf, layout).pageBytes); // 4194288
 * ```
 */
export function executorNumbers(conf: Conf, layout: MemoryLayout): ExecutorNumbers {
  const narrow = (key: KeyName, value: bigint): number => {
    const number = Number(value);
    if (!Number.isSafeInteger(number))
      throw fault(conf, key, value, "gives more than 2^53 - 1 bytes, the most that is accounted here");
    return number;
  };
  const mode = (key: KeyName, from: ModeLayout): ModeNumbers => ({
    total: narrow(key, from.total),
    protectedStorage: narrow(key, from.protectedStorage),
    execution: narrow(key, from.execution),
    storage: narrow(key, from.storage),
  });
  const heapKey = conf.has("spark.testing.memory") ? "spark.testing.memory" : "spark.executor.memory";
  return Object.freeze({
    manager: layout.manager,
    onHeap: mode(heapKey, layout.onHeap),
    offHeap: mode("spark.memory.offHeap.size", layout.offHeap),
    maxUnroll: layout.maxUnroll === null ? null : narrow(heapKey, layout.maxUnroll),
    pageBytes: narrow("spark.buffer.pageSize", layout.pageBytes),
    tungstenMode: layout.tungstenMode,
    offHeapEnabled: layout.offHeapEnabled,
  });
}

/**
 * What a session checks at its start, before any executor: fractions within 0 and 1. Reads are untyped, so Spark names no
 * condition. Creating a manager does not run these checks.
 */
export function validateAtStart(conf: Conf): void {
  const fractions: readonly KeyName[] = [
    "spark.memory.fraction",
    "spark.memory.storageFraction",
    "spark.storage.memoryFraction",
    "spark.storage.safetyFraction",
    "spark.storage.unrollFraction",
    "spark.shuffle.memoryFraction",
    "spark.shuffle.safetyFraction",
  ];
  for (const key of fractions) {
    const value = conf.get(key) as number;
    if (value < 0 || value > 1) throw fault(conf, key, null, "must lie between 0 and 1");
  }
}

interface Region {
  readonly reserved: bigint;
  readonly total: bigint;
  readonly storage: bigint;
  readonly maxUnroll: bigint | null;
}

/** Section 1.2 of the law. */
function unifiedRegion(conf: Conf, heap: bigint): Region {
  const reserved = conf.get("spark.testing.reservedMemory") ?? (conf.has("spark.testing") ? 0n : RESERVED_BYTES);
  refuseSmallHeap(conf, heap, toLong(Math.ceil(Number(reserved) * 1.5)));
  const total = times(wrap64(heap - reserved), conf.get("spark.memory.fraction"));
  return { reserved, total, storage: times(total, conf.get("spark.memory.storageFraction")), maxUnroll: null };
}

/** Section 4.6 of the law: no reserve, two pools that never move. */
function staticRegion(conf: Conf, heap: bigint): Region {
  refuseSmallHeap(conf, heap, STATIC_MIN_BYTES);
  const share = (fraction: number, safety: number): bigint => toLong(Number(heap) * fraction * safety);
  const execution = share(conf.get("spark.shuffle.memoryFraction"), conf.get("spark.shuffle.safetyFraction"));
  const storage = share(conf.get("spark.storage.memoryFraction"), conf.get("spark.storage.safetyFraction"));
  return {
    reserved: 0n,
    total: wrap64(execution + storage),
    storage,
    maxUnroll: times(storage, conf.get("spark.storage.unrollFraction")),
  };
}

/** Errors A and B of section 1.2: the runtime's heap, then the configured one, against the least that makes sense. */
function refuseSmallHeap(conf: Conf, heap: bigint, least: bigint): void {
  const named = (condition: string): string | null => (conf.release >= 305 ? condition : null);
  if (heap < least) {
    throw new ConfigError(
      "spark.driver.memory",
      String(heap),
      `system memory of ${human(heap)} is below the least of ${human(least)}; on an executor raise spark.executor.memory`,
      named("INVALID_DRIVER_MEMORY"),
    );
  }
  const configured = executorMemoryBareBytes(conf);
  if (configured !== null && configured < least) {
    const text = conf.text("spark.executor.memory")!;
    throw new ConfigError(
      "spark.executor.memory",
      text,
      `executor memory of ${human(configured)} is below the least of ${human(least)}${isBare(text) ? "; the start-up check reads a number without unit as bytes, add a unit (m or g)" : ""}`,
      named("INVALID_EXECUTOR_MEMORY"),
    );
  }
}

function refuseNegative(conf: Conf, mode: ModeLayout, key: KeyName): void {
  if (mode.execution < 0n || mode.storage < 0n) throw fault(conf, key, null, "leaves a pool with less than 0 bytes");
}

function split(total: bigint, storage: bigint, protectedStorage: bigint): ModeLayout {
  return Object.freeze({ total, protectedStorage, execution: wrap64(total - storage), storage });
}

/** Section 7 of the law. */
function defaultPageBytes(pool: bigint, mode: Mode, conf: Conf, options: LayoutOptions): bigint {
  const cores = options.cores > 0 ? options.cores : (options.processors ?? 1);
  const wanted = pow2ceil(pool / BigInt(cores) / 16n);
  const page = wanted < MIN_PAGE_BYTES ? MIN_PAGE_BYTES : wanted > MAX_PAGE_BYTES ? MAX_PAGE_BYTES : wanted;
  return mode === ON_HEAP && leavesRoomForHeader(options.collector, conf.release) ? page - ARRAY_HEADER_BYTES : page;
}

/** Collectors that put large objects into regions of a power of two, where a header more would waste a region. */
function leavesRoomForHeader(collector: Collector, release: number): boolean {
  if (collector === "G1") return release >= 303;
  return collector !== "other" && release >= 401;
}

/** The next power of two, the number itself when it is one, 0 for 0. */
function pow2ceil(n: bigint): bigint {
  return n <= 1n ? n : 1n << BigInt((n - 1n).toString(2).length);
}

function fault(conf: Conf, key: KeyName, value: bigint | null, rule: string): ConfigError {
  const shown = value ?? conf.text(key) ?? conf.get(key);
  return new ConfigError(key, `${shown}`, rule, null);
}

function human(bytes: bigint): string {
  return `${bytes} bytes (${humanBytes(Number(bytes))})`;
}
