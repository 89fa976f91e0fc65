// What is allowed but probably not meant: the traps of sections 2 and 14 of the law that a configuration shows. A notice
// never changes a number; its code is stable, its text is for people.

import { editDistance } from "../closest.js";
import { humanBytes } from "../human.js";
import { OFF_HEAP } from "../memory/mode.js";
import { isBare, MIB } from "./bytes.js";
import {
  defaultOverheadMiB,
  overheadFactor,
  type Cluster,
  type ContainerLayout,
  type ContainerOptions,
} from "./container.js";
import { KEY_NAMES, KEYS, type Conf, type Key, type KeyName } from "./keys.js";
import type { MemoryLayout } from "./layout.js";
import { formatRelease } from "./release.js";

/** What a notice is about; stable. */
export type NoticeCode =
  // about one key
  | "not-a-spark-key"
  | "unknown-key"
  | "misspelt-key"
  | "deprecated-key"
  | "key-not-yet-read"
  | "key-no-longer-read"
  | "legacy-key-ignored"
  | "process-property"
  | "test-key"
  // about what the values come to
  | "bare-executor-memory"
  | "bare-off-heap-size"
  | "off-heap-not-enabled"
  | "container-too-small"
  | "overhead-below-default"
  | "overhead-key-ignored"
  | "pyspark-memory-ignored"
  | "page-size-verbatim"
  | "fraction-unusual"
  | "storage-fraction-unusual"
  | "static-manager"
  | "unified-key-ignored";

/** Something in a configuration that is allowed and probably not meant. The message is for people, the code for programs. */
export interface Notice {
  /** What it is about; stable. */
  readonly code: NoticeCode;
  /** The key that it is about, where it is one. */
  readonly key?: string;
  /** The same in words. */
  readonly message: string;
}

/**
 * What there is to say about the keys themselves, in the order in which they were given.
 *
 * @example
 * ```ts
 * import { keyNotices, readConf } from "tungsten-memory";
 *
 * const [notice] = keyNotices(readConf({ "spark.executor.memroy": "8g" }, "4.1"));
 * console.log(notice?.code, notice?.key); // misspelt-key spark.executor.memroy
 * ```
 */
export function keyNotices(conf: Conf): Notice[] {
  return Object.keys(conf.raw).flatMap((key) => keyNotice(conf, key) ?? []);
}

/**
 * What there is to say about a layout and, where there is one, its container.
 *
 * @example
 * ```ts
 * import { layoutNotices, memoryLayout, readConf } from "tungsten-memory";
 *
 * const conf = readConf({ "spark.memory.offHeap.size": "2g" }, "4.1");
 * const layout = memoryLayout(conf, { cores: 1, processors: 1, collector: "G1" });
 * const notices = layoutNotices(conf, layout, { cluster: "yarn", python: false, container: null });
 * console.log(notices.map(({ code }) => code)); // [ 'off-heap-not-enabled' ]
 * ```
 */
export function layoutNotices(
  conf: Conf,
  layout: MemoryLayout,
  target: { readonly cluster: Cluster; readonly python: boolean; readonly container: ContainerLayout | null },
): Notice[] {
  return [
    ...heapNotices(conf),
    ...offHeapNotices(conf, layout),
    ...containerNotices(conf, layout, target),
    ...pageNotices(conf, layout),
    ...fractionNotices(conf, layout),
    ...managerNotices(conf, layout),
  ];
}

function keyNotice(conf: Conf, key: string): Notice | null {
  if (Object.hasOwn(KEYS, key)) return knownKeyNotice(conf, key as KeyName);
  const successor = KEY_NAMES.find((name) => entryOf(name).oldNames?.includes(key));
  if (successor !== undefined) {
    const read = !Object.hasOwn(conf.raw, successor);
    return {
      code: "deprecated-key",
      key,
      message: `${key} is the old name of ${successor}${read ? " and is read in its place" : ", which is set too: the old name is not read"}`,
    };
  }
  const meant = closestKey(key);
  const hint = meant === null ? "" : `; did you mean ${meant}?`;
  if (!key.startsWith("spark.")) {
    return { code: "not-a-spark-key", key, message: `${key} does not begin with "spark." and is not passed on${hint}` };
  }
  if (meant !== null) return { code: "misspelt-key", key, message: `${key} is not known${hint}` };
  return { code: "unknown-key", key, message: `${key} is not a memory key: it changes nothing here` };
}

function knownKeyNotice(conf: Conf, key: KeyName): Notice | null {
  const entry = entryOf(key);
  if (entry.processProperty) {
    return {
      code: "process-property",
      key,
      message: `${key} is set on the process (-D${key}=...): in a configuration it does nothing`,
    };
  }
  if (entry.since > conf.release) {
    return {
      code: "key-not-yet-read",
      key,
      message: `${key} is read from ${formatRelease(entry.since)} on; ${formatRelease(conf.release)} ignores it`,
    };
  }
  if (entry.until !== undefined && conf.release >= entry.until) {
    return {
      code: "key-no-longer-read",
      key,
      message: `${key} belongs to the static manager, which ${formatRelease(entry.until)} removed: it is not read`,
    };
  }
  if (entry.legacy && !conf.get("spark.memory.useLegacyMode")) {
    return {
      code: "legacy-key-ignored",
      key,
      message: `${key} is read in legacy mode only (spark.memory.useLegacyMode)`,
    };
  }
  if (key.startsWith("spark.testing")) {
    const effect =
      key === "spark.testing"
        ? "its presence, whatever its value, makes the reserve 0"
        : `it stands for ${key === "spark.testing.memory" ? "the heap" : "the reserve of 300 MiB"}`;
    return { code: "test-key", key, message: `${key} is meant for tests: ${effect}` };
  }
  return null;
}

const SMALLEST_PLAUSIBLE_OFF_HEAP = 32n * MIB;

function heapNotices(conf: Conf): Notice[] {
  const key = "spark.executor.memory";
  const text = conf.text(key);
  if (text === undefined || !isBare(text)) return [];
  return [
    {
      code: "bare-executor-memory",
      key,
      message: `${key}=${text.trim()} has no unit: YARN and Kubernetes read MiB, the start-up check and standalone clusters read bytes; write a unit`,
    },
  ];
}

function offHeapNotices(conf: Conf, layout: MemoryLayout): Notice[] {
  return [...bareOffHeapNotices(conf, layout), ...unusedOffHeapNotices(conf, layout)];
}

// A bare number that comes to so little was meant in another unit.
function bareOffHeapNotices(conf: Conf, layout: MemoryLayout): Notice[] {
  const key = "spark.memory.offHeap.size";
  const text = conf.text(key);
  if (text === undefined || !/^\s*\d+\s*$/.test(text)) return [];
  if (layout.offHeap.total === 0n || layout.offHeap.total >= SMALLEST_PLAUSIBLE_OFF_HEAP) return [];
  return [
    {
      code: "bare-off-heap-size",
      key,
      message: `${key}=${text.trim()} has no unit and is read as bytes: ${size(layout.offHeap.total)}; write a unit`,
    },
  ];
}

function unusedOffHeapNotices(conf: Conf, layout: MemoryLayout): Notice[] {
  if (layout.offHeapEnabled || layout.offHeap.total === 0n) return [];
  const counted = conf.release >= 300 ? " and no container counts it" : "";
  return [
    {
      code: "off-heap-not-enabled",
      key: "spark.memory.offHeap.size",
      message: `${size(layout.offHeap.total)} off-heap without spark.memory.offHeap.enabled: OFF_HEAP storage can use it, page-based execution stays on-heap${counted}`,
    },
  ];
}

function containerNotices(
  conf: Conf,
  layout: MemoryLayout,
  {
    cluster,
    python,
    container,
  }: { readonly cluster: Cluster; readonly python: boolean; readonly container: ContainerLayout | null },
): Notice[] {
  const notices: Notice[] = [];
  const overhead = "spark.executor.memoryOverhead";
  const ignored = (keys: readonly KeyName[], why: string): void => {
    for (const key of keys)
      if (conf.has(key)) notices.push({ code: "overhead-key-ignored", key, message: `${key} is not used: ${why}` });
  };
  const shares: readonly KeyName[] = [
    "spark.executor.memoryOverheadFactor",
    "spark.executor.minMemoryOverhead",
    "spark.kubernetes.memoryOverheadFactor",
  ];
  if (cluster === "standalone" || container === null) {
    ignored([overhead, ...shares], "a standalone cluster starts the heap and counts nothing else");
    return notices;
  }
  if (conf.has(overhead)) ignored(shares, `${overhead} is set`);
  else if (cluster === "yarn") ignored(["spark.kubernetes.memoryOverheadFactor"], "it is read on Kubernetes only");
  else if (conf.has("spark.executor.memoryOverheadFactor")) {
    ignored(["spark.kubernetes.memoryOverheadFactor"], "spark.executor.memoryOverheadFactor is set");
  }

  const usual = usualOverheadMiB(conf, container, { cluster, python });
  if (container.overheadMiB < usual) {
    notices.push({
      code: "overhead-below-default",
      key: overhead,
      message: `an overhead of ${container.overheadMiB} MiB is less than the ${usual} MiB that a heap of ${container.heapMiB} MiB gets by default`,
    });
  }
  if (conf.has("spark.executor.pyspark.memory") && !python) {
    notices.push({
      code: "pyspark-memory-ignored",
      key: "spark.executor.pyspark.memory",
      message: "spark.executor.pyspark.memory is added for Python applications only",
    });
  }
  const missing = missingBytes(conf, layout, container, usual);
  // Less than a MiB is what counting in whole MiB drops.
  if (missing >= MIB) {
    const where = conf.release < 300 ? `before 3.0 off-heap memory must fit into ${overhead}; ` : "";
    notices.push({
      code: "container-too-small",
      key: conf.release < 300 ? overhead : "spark.memory.offHeap.size",
      message: `${where}the container of ${container.totalMiB} MiB is ${size(missing)} smaller than heap + off-heap + overhead`,
    });
  }
  return notices;
}

/**
 * What the container lacks to hold heap, overhead, Python memory and all off-heap memory. Before 3.0 off-heap memory comes
 * out of the overhead, so an overhead set for that purpose is measured against off-heap memory plus the usual overhead.
 */
function missingBytes(conf: Conf, layout: MemoryLayout, container: ContainerLayout, usualMiB: bigint): bigint {
  if (layout.offHeap.total === 0n) return 0n;
  const overheadMiB = conf.release < 300 ? usualMiB : container.overheadMiB;
  const needed = (container.heapMiB + overheadMiB + container.pysparkMiB) * MIB + layout.offHeap.total;
  return needed - container.totalMiB * MIB;
}

function usualOverheadMiB(conf: Conf, container: ContainerLayout, options: ContainerOptions): bigint {
  return defaultOverheadMiB(
    container.heapMiB,
    overheadFactor(conf, options),
    conf.get("spark.executor.minMemoryOverhead"),
  );
}

function pageNotices(conf: Conf, layout: MemoryLayout): Notice[] {
  const key = "spark.buffer.pageSize";
  if (!conf.has(key)) return [];
  const page = layout.pageBytes;
  const pool = (layout.tungstenMode === OFF_HEAP ? layout.offHeap : layout.onHeap).execution;
  const oddities = [
    ...(page <= 0n ? ["it is not a size"] : []),
    ...(page > 0n && (page < MIB || page > 64n * MIB) ? ["the default would lie between 1 and 64 MiB"] : []),
    ...(page > 0n && (page & (page - 1n)) !== 0n ? ["it is no power of two"] : []),
    ...(page > pool ? [`one page is larger than the execution pool of ${size(pool)}`] : []),
  ];
  const odd = oddities.length === 0 ? "" : `; ${oddities.join("; ")}`;
  return [
    { code: "page-size-verbatim", key, message: `${key} is used as it is, ${page} bytes, without rounding${odd}` },
  ];
}

function fractionNotices(conf: Conf, layout: MemoryLayout): Notice[] {
  if (layout.manager === "static") return [];
  const notices: Notice[] = [];
  const fraction = conf.get("spark.memory.fraction");
  const percent = `${Math.round(fraction * 100)} % of the heap without reserve`;
  if (fraction === 0.75) {
    notices.push({
      code: "fraction-unusual",
      key: "spark.memory.fraction",
      message: "0.75 was the default of 1.6 only; since 2.0 it is 0.6",
    });
  } else if (fraction > 0.8) {
    notices.push({
      code: "fraction-unusual",
      key: "spark.memory.fraction",
      message: `execution and storage may take ${percent}: little is left for user objects`,
    });
  } else if (fraction < 0.3) {
    notices.push({
      code: "fraction-unusual",
      key: "spark.memory.fraction",
      message: `execution and storage have only ${percent}`,
    });
  }
  const storage = conf.get("spark.memory.storageFraction");
  if (storage === 0 || storage > 0.9) {
    const effect =
      storage === 0 ? "no cached block is safe from execution" : "execution can take back almost nothing from storage";
    notices.push({
      code: "storage-fraction-unusual",
      key: "spark.memory.storageFraction",
      message: `with ${storage} ${effect}`,
    });
  }
  return notices;
}

function managerNotices(conf: Conf, layout: MemoryLayout): Notice[] {
  if (layout.manager === "unified") return [];
  const ignored: readonly KeyName[] = ["spark.memory.fraction", "spark.testing.reservedMemory"];
  return [
    {
      code: "static-manager",
      key: "spark.memory.useLegacyMode",
      message: `legacy mode: execution and storage never borrow from each other, nothing is reserved, unrolling has ${size(layout.maxUnroll ?? 0n)} at most, off-heap storage is refused`,
    },
    ...ignored
      .filter((key) => conf.has(key))
      .map((key): Notice => ({ code: "unified-key-ignored", key, message: `${key} is not read in legacy mode` })),
  ];
}

function entryOf(key: KeyName): Key<unknown> {
  return KEYS[key];
}

/** The known key that was probably meant: few letters away, case aside, or null. */
function closestKey(key: string): KeyName | null {
  const lower = key.toLowerCase();
  const candidates = [lower, `spark.${lower}`];
  let best: KeyName | null = null;
  let least = Infinity;
  for (const name of KEY_NAMES) {
    for (const candidate of candidates) {
      const distance = editDistance(candidate, name.toLowerCase());
      if (distance < least) [best, least] = [name, distance];
    }
  }
  return least <= Math.min(3, Math.floor(key.length / 10)) ? best : null;
}

function size(bytes: bigint): string {
  return humanBytes(Number(bytes));
}
