// What a cluster manager is asked for when an executor is started (section 11.1 of the law), in MiB. Standalone clusters
// have no container: they start a heap and count nothing else.

import { MIB } from "./bytes.js";
import { toInt32, wrap64 } from "./java.js";
import { ConfigError, executorMemoryBareBytes, type Conf, type KeyName } from "./keys.js";

/** Who starts an executor, and so what its memory includes. */
export type Cluster = "yarn" | "k8s" | "standalone";
export const CLUSTERS: readonly Cluster[] = ["yarn", "k8s", "standalone"];

/** Parts of an executor's container. MiB. */
export interface ContainerLayout {
  /** `spark.executor.memory`. */
  readonly heapMiB: bigint;
  /** `spark.executor.memoryOverhead`, or what stands for it by default. */
  readonly overheadMiB: bigint;
  /** 0 when off-heap memory is not enabled, and always before 3.0. */
  readonly offHeapMiB: bigint;
  /** 0 unless it is a Python application. */
  readonly pysparkMiB: bigint;
  /** What the cluster manager is asked for. */
  readonly totalMiB: bigint;
}

/** What of an application its container depends on, beside its configuration. */
export interface ContainerOptions {
  /** Who starts the container. */
  readonly cluster: Exclude<Cluster, "standalone">;
  /** A Python application. */
  readonly python: boolean;
}

const DEFAULT_FACTOR = 0.1;
const PYTHON_FACTOR = 0.4;

/**
 * The container of an executor. Keys are read and refused in Spark's order, also those whose value is not used. Totals
 * wrap at 64 bits, the off-heap part at 32 bits, as Spark's do.
 *
 * @example
 * ```ts
 * import { containerLayout, readConf } from "tungsten-memory";
 *
 * const conf = readConf({ "spark.executor.memory": "8g" }, "4.1");
 * const { heapMiB, overheadMiB, totalMiB } = containerLayout(conf, { cluster: "k8s", python: false });
 * console.log(heapMiB, overheadMiB, totalMiB); // 8192n 819n 9011n
 * ```
 */
export function containerLayout(conf: Conf, options: ContainerOptions): ContainerLayout {
  const factor = overheadFactor(conf, options);
  const leastMiB = conf.get("spark.executor.minMemoryOverhead");
  const heapMiB = amount(conf, "spark.executor.memory") ?? 0n;
  const overheadMiB = amount(conf, "spark.executor.memoryOverhead") ?? defaultOverheadMiB(heapMiB, factor, leastMiB);
  const pyspark = amount(conf, "spark.executor.pyspark.memory") ?? 0n;
  const offHeapMiB = offHeapPart(conf);
  const pysparkMiB = options.python ? pyspark : 0n;
  return Object.freeze({
    heapMiB,
    overheadMiB,
    offHeapMiB,
    pysparkMiB,
    totalMiB: wrap64(heapMiB + overheadMiB + offHeapMiB + pysparkMiB),
  });
}

/** The overhead of a heap when none is set: a share of the heap, but never less than `leastMiB`. */
export function defaultOverheadMiB(heapMiB: bigint, factor: number, leastMiB: bigint): bigint {
  const share = BigInt(toInt32(factor * Number(heapMiB)));
  return share > leastMiB ? share : leastMiB;
}

/** The overhead's share of the heap: a constant on YARN before 3.3, on Kubernetes with a key and a default of its own. */
export function overheadFactor(conf: Conf, options: ContainerOptions): number {
  const own = "spark.executor.memoryOverheadFactor";
  if (options.cluster === "yarn" || conf.has(own)) return conf.get(own);
  const kubernetes = "spark.kubernetes.memoryOverheadFactor";
  if (conf.has(kubernetes)) return conf.get(kubernetes);
  return options.python ? PYTHON_FACTOR : DEFAULT_FACTOR;
}

/** The heap that a standalone worker starts: bare number = bytes, low 32 bits of the MiB, 1024 when nothing is set. */
export function standaloneHeapMiB(conf: Conf): bigint {
  const bytes = executorMemoryBareBytes(conf);
  return bytes === null ? 1024n : BigInt.asIntN(32, bytes / MIB);
}

/** The off-heap part: read and checked in every release, counted from 3.0 on. */
function offHeapPart(conf: Conf): bigint {
  const sizeMiB = BigInt.asIntN(32, conf.get("spark.memory.offHeap.size") / MIB);
  const enabled = conf.get("spark.memory.offHeap.enabled");
  if (conf.release < 300 || !enabled) return 0n;
  if (sizeMiB <= 0n) {
    throw refusal(
      conf,
      "spark.memory.offHeap.size",
      "must come to at least 1 MiB, below 2^31 MiB, when off-heap memory is enabled (a number without a unit is bytes)",
    );
  }
  return sizeMiB;
}

/** A size in MiB that goes into a request; a negative one is refused, and Spark names no condition for it. */
function amount(
  conf: Conf,
  key: "spark.executor.memory" | "spark.executor.memoryOverhead" | "spark.executor.pyspark.memory",
): bigint | undefined {
  const mebibytes = conf.get(key);
  if ((mebibytes ?? 0n) < 0n) throw refusal(conf, key, "must not be negative");
  return mebibytes;
}

function refusal(conf: Conf, key: KeyName, rule: string): ConfigError {
  const value = conf.text(key) ?? conf.get(key);
  return new ConfigError(key, `${value}`, rule, null);
}
