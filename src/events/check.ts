// Holds what block managers reported as Maximum Memory against the layout that the configuration gives (section 1 of the law;
// section 4.6 before 1.6). The JVM may report less than the heap it was given: collectors with survivor spaces leave one
// of them out. So the heap that a report implies is worked out as well, and must be one that this JVM can have.

import { MIB } from "../config/bytes.js";
import { KEY_NAMES, readConf, type Conf } from "../config/keys.js";
import {
  launchedHeapBytes,
  managerOf,
  memoryLayout,
  readOuts,
  RESERVED_BYTES,
  type Collector,
  type MemoryLayout,
} from "../config/layout.js";
import { formatRelease, releaseOf, type Release } from "../config/release.js";
import { Refusal } from "../fault.js";
import type { ProfileRequests } from "./event.js";
import type { ExecutorKind } from "./executors.js";
import type { Application } from "./log.js";

/**
 * How a report compares. `exact`: the configured heap gives it. `survivor`: a heap gives it that this JVM can report for the
 * configured one. `implied`: no heap is configured, and one gives it that this JVM can have. `contradiction`: none of these.
 * `refused`: the configuration has no layout here.
 */
export type Verdict = "exact" | "survivor" | "implied" | "contradiction" | "refused";

/** A kind of executors against the layout. Bytes. */
export interface LayoutCheck {
  readonly verdict: Verdict;
  /** Whose rules were applied, such as `3.3` or `1.5 (static manager)`. */
  readonly rules: string;
  /** Where the heap is configured: a key, a resource profile, or a default. */
  readonly heapFrom: string;
  readonly configuredHeapBytes: number | null;
  /** The least heap that gives the report; null when none does. */
  readonly impliedHeapBytes: number | null;
  /** What the configured heap gives on-heap. */
  readonly computedOnHeapBytes: number | null;
  readonly loggedOnHeapBytes: number;
  readonly computedOffHeapBytes: number | null;
  readonly loggedOffHeapBytes: number | null;
  /** The sentence for people. */
  readonly why: string;
  /** Laid out with the heap that the JVM reported. */
  readonly layout: MemoryLayout | null;
}

/** What is known of the heap and the JVM of a kind. */
interface Heap {
  readonly bytes: bigint;
  readonly from: string;
  /** The log shows that the JVM was started with it. */
  readonly known: boolean;
  readonly collector: Collector;
  /** The collector is named by a flag, or follows from the Java version. */
  readonly named: boolean;
  /** Flags shape the young generation. */
  readonly shaped: boolean;
}

/** Checks one kind of executors. Never throws for what the log says. */
export function checkLayout(
  kind: ExecutorKind,
  application: Application,
  profiles: ReadonlyMap<number, ProfileRequests>,
): LayoutCheck {
  try {
    const rules = rulesOf(application.version);
    const conf = confOf(kind, application, profiles, rules);
    const heap = heapOf(kind, application, profiles, conf, rules);
    return judged(kind, application, conf, heap, rules);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return {
      verdict: "refused",
      rules: application.version,
      heapFrom: "",
      configuredHeapBytes: null,
      impliedHeapBytes: null,
      computedOnHeapBytes: null,
      computedOffHeapBytes: null,
      loggedOnHeapBytes: kind.onHeapBytes ?? kind.maximumBytes,
      loggedOffHeapBytes: kind.offHeapBytes,
      why: `no layout: ${error.message}`,
      layout: null,
    };
  }
}

interface Rules {
  readonly release: Release;
  /** The version whose code is asked. */
  readonly version: string;
  readonly name: string;
}

const OLDEST = 204;
const NEWEST = 401;
const UNIFIED_SINCE = 106;

/** The rules of a version: its own from 2.4 to 4.1, else those of the nearest, with what is known to differ. */
export function rulesOf(version: string): Rules {
  // Logs told their version from 1.4 on.
  const release = version === "" ? 103 : releaseOf(version);
  const named = version === "" ? "before 1.4" : formatRelease(release);
  if (release < UNIFIED_SINCE) return { release, version: "2.4", name: `${named} (static manager)` };
  if (release < OLDEST) return { release, version: "2.4", name: named };
  if (release > NEWEST) return { release, version: "4.1", name: `${named}, as far as 4.1 knows` };
  return { release, version: formatRelease(release), name: named };
}

/** The memory keys of a log, as its release and the executor's resource profile have them. */
export function confOf(
  kind: Pick<ExecutorKind, "role" | "profile">,
  { conf }: Pick<Application, "conf">,
  profiles: ReadonlyMap<number, ProfileRequests>,
  { release, version }: Rules,
): Conf {
  const names = new Set<string>([
    ...KEY_NAMES,
    "spark.unsafe.offHeap",
    "spark.yarn.executor.memoryOverhead",
    "spark.yarn.driver.memoryOverhead",
  ]);
  const raw = Object.fromEntries(Object.entries(conf).filter(([key]) => names.has(key)));
  if (release < UNIFIED_SINCE) raw["spark.memory.useLegacyMode"] = "true";
  if (release === UNIFIED_SINCE) raw["spark.memory.fraction"] ??= "0.75";
  const asked = profiles.get(kind.profile);
  // The default profile says what the keys say; another one overrides them.
  if (kind.profile !== 0 && asked !== undefined) {
    if (asked.memoryMiB !== null) raw["spark.executor.memory"] = `${asked.memoryMiB}m`;
    if (asked.overheadMiB !== null) raw["spark.executor.memoryOverhead"] = `${asked.overheadMiB}m`;
    if (asked.offHeapMiB !== null && asked.offHeapMiB > 0) raw["spark.memory.offHeap.size"] = `${asked.offHeapMiB}m`;
  }
  return readConf(raw, version);
}

/** A driver that runs the tasks itself. */
export function isLocal({ conf }: Pick<Application, "conf">): boolean {
  return /^local(?:\[|$)/.test(conf["spark.master"] ?? "");
}

const DEFAULT_HEAP_BYTES = 1024n * MIB;
const OLD_DEFAULT_HEAP_BYTES = 512n * MIB;
/** Since when an unset heap is 1 GiB. */
const LARGER_DEFAULT_SINCE = 105;

function heapOf(
  { role, profile }: ExecutorKind,
  application: Application,
  profiles: ReadonlyMap<number, ProfileRequests>,
  conf: Conf,
  { release }: Rules,
): Heap {
  const jvm = jvmOf(role, application);
  const key = role === "driver" ? "spark.driver.memory" : "spark.executor.memory";
  const unset = release < LARGER_DEFAULT_SINCE ? OLD_DEFAULT_HEAP_BYTES : DEFAULT_HEAP_BYTES;
  if (role === "executor" && profile !== 0 && profiles.get(profile)?.memoryMiB) {
    return { ...jvm, bytes: launchedHeapBytes(conf), from: `resource profile ${profile}`, known: true };
  }
  if (conf.has(key)) {
    const bytes = role === "driver" ? conf.get(key) * MIB : launchedHeapBytes(conf);
    return { ...jvm, bytes, from: key, known: true };
  }
  // A driver that no launcher of Spark started has whatever heap its JVM chose; an executor's may come from the environment.
  const launched = application.command.startsWith("org.apache.spark.deploy.");
  return { ...jvm, bytes: unset, from: `default of ${key}`, known: role === "driver" && launched };
}

const FLAGS: readonly (readonly [RegExp, Collector])[] = [
  [/-XX:\+UseG1GC/, "G1"],
  [/-XX:\+UseZGC/, "ZGC"],
  [/-XX:\+UseShenandoahGC/, "Shenandoah"],
  [/-XX:\+Use(?:Parallel|ParallelOld|Serial|ConcMarkSweep|ParNew)GC/, "other"],
];

function jvmOf(
  role: ExecutorKind["role"],
  { conf, javaVersion }: Pick<Application, "conf" | "javaVersion">,
): Pick<Heap, "collector" | "named" | "shaped"> {
  const who = role === "driver" ? "spark.driver" : "spark.executor";
  const options = `${conf[`${who}.defaultJavaOptions`] ?? ""} ${conf[`${who}.extraJavaOptions`] ?? ""}`;
  const flag = FLAGS.find(([pattern]) => pattern.test(options));
  const shaped = /-Xmn|-XX:(?:NewSize|MaxNewSize|NewRatio|SurvivorRatio|MinSurvivorRatio|InitialSurvivorRatio)=/.test(
    options,
  );
  if (flag !== undefined) return { collector: flag[1], named: true, shaped };
  // Before 9 the parallel collector was the default; since, it is G1, on small machines the serial one.
  const old = /^1\.[0-8]\b/.test(javaVersion);
  return { collector: old ? "other" : "G1", named: old, shaped };
}

/** What the collector of a kind is, as far as the log tells. */
export function collectorOf(kind: ExecutorKind, application: Application): Collector {
  return jvmOf(kind.role, application).collector;
}

/** HotSpot keeps generations in whole grains of 64 KiB, regions of more. */
const GRAIN_BYTES = 65_536n;
/** A region of G1 has 32 MiB at most; the heap is rounded up to whole ones. */
const MOST_ROUNDING_BYTES = 32n * MIB;

function judged(kind: ExecutorKind, application: Application, conf: Conf, heap: Heap, rules: Rules): LayoutCheck {
  const cores = kind.cores ?? 1;
  const lay = (heapBytes: bigint): MemoryLayout => memoryLayout(conf, { cores, collector: heap.collector, heapBytes });
  const onHeap = (heapBytes: bigint): bigint => readOuts(lay(heapBytes)).maxOnHeapStorage;
  const least = leastHeap(conf);
  const computed = heap.bytes < least ? null : onHeap(heap.bytes);
  const logged = BigInt(kind.onHeapBytes ?? kind.maximumBytes);
  const grain = /HotSpot|OpenJDK/.test(application.vmName) ? GRAIN_BYTES : 1n;
  const implied = computed === logged ? heap.bytes : impliedHeap(logged, least, grain, onHeap);
  const off = offHeapOf(kind, conf, lay(heap.bytes < least ? least : heap.bytes));
  const [verdict, why] =
    off.contradiction === null
      ? onHeapVerdict(kind, heap, computed === logged, implied, computed)
      : (["contradiction", off.contradiction] as const);
  return {
    verdict,
    rules: rules.name,
    heapFrom: heap.from,
    configuredHeapBytes: Number(heap.bytes),
    impliedHeapBytes: implied === null ? null : Number(implied),
    computedOnHeapBytes: computed === null ? null : Number(computed),
    loggedOnHeapBytes: Number(logged),
    computedOffHeapBytes: Number(off.computed),
    loggedOffHeapBytes: kind.offHeapBytes,
    why: off.note === null ? why : `${why}; ${off.note}`,
    layout: verdict === "contradiction" || implied === null ? null : lay(implied),
  };
}

function onHeapVerdict(
  { role }: ExecutorKind,
  heap: Heap,
  exact: boolean,
  implied: bigint | null,
  computed: bigint | null,
): readonly [Verdict, string] {
  if (exact) return ["exact", `a heap of ${size(heap.bytes)} gives exactly this`];
  if (implied === null) {
    const gives = computed === null ? "is too small for any" : `gives ${computed}`;
    return ["contradiction", `no heap that a JVM can have gives this; ${heap.from}, ${size(heap.bytes)}, ${gives}`];
  }
  if (canReport(implied, heap)) {
    const why =
      implied < heap.bytes ? "a collector with survivor spaces leaves one out" : "rounded up to whole regions";
    return ["survivor", `the JVM reported ${size(implied)} of ${size(heap.bytes)}: ${why}`];
  }
  if (!heap.known) return ["implied", `no heap is configured in the log; one of ${size(implied)} gives this`];
  const late = role === "driver" ? " (a key that is set after the driver's JVM has started changes nothing)" : "";
  return ["contradiction", `${heap.from} is ${size(heap.bytes)}, but a heap of ${size(implied)} gives this${late}`];
}

/**
 * Whether a JVM with `heap` may report `bytes`. The young generation is a third of the heap and a survivor space at most a
 * third of that, so that at least 8/9 remain; with flags that shape it, half.
 */
function canReport(bytes: bigint, heap: Heap): boolean {
  if (bytes >= heap.bytes) return bytes - heap.bytes < MOST_ROUNDING_BYTES;
  if (heap.named && heap.collector !== "other") return false;
  return heap.shaped ? bytes * 2n >= heap.bytes : bytes * 9n >= heap.bytes * 8n;
}

/** The least heap in whole grains that gives `onHeapBytes`, or null. `onHeap` never falls as the heap grows. */
function impliedHeap(
  onHeapBytes: bigint,
  least: bigint,
  grain: bigint,
  onHeap: (heapBytes: bigint) => bigint,
): bigint | null {
  let low = (least + grain - 1n) / grain;
  let high = 2n ** 50n / grain;
  while (low < high) {
    const middle = (low + high) / 2n;
    if (onHeap(middle * grain) >= onHeapBytes) high = middle;
    else low = middle + 1n;
  }
  return onHeap(low * grain) === onHeapBytes ? low * grain : null;
}

/** No manager is created for a heap of less: half as much again as the reserve, 32 MiB under the static manager. */
export function leastHeap(conf: Conf): bigint {
  if (managerOf(conf) === "static") return 32n * MIB;
  const reserved = conf.get("spark.testing.reservedMemory") ?? (conf.has("spark.testing") ? 0n : RESERVED_BYTES);
  const least = (reserved * 3n + 1n) / 2n;
  return least < MIB ? MIB : least;
}

/** What the key gives off-heap, what contradicts it, and what is to be said besides. */
function offHeapOf(
  { maximumBytes, onHeapBytes, offHeapBytes }: ExecutorKind,
  conf: Conf,
  layout: MemoryLayout,
): { readonly computed: bigint; readonly contradiction: string | null; readonly note: string | null } {
  const computed = readOuts(layout).maxOffHeapStorage;
  const agreed = { computed, contradiction: null, note: null };
  if (onHeapBytes === null || offHeapBytes === null) return agreed;
  if (onHeapBytes + offHeapBytes !== maximumBytes)
    return { ...agreed, contradiction: "Maximum Memory is not the sum of its on-heap and off-heap parts" };
  const logged = BigInt(offHeapBytes);
  if (logged === computed) return agreed;
  const key = "spark.memory.offHeap.size";
  if (!conf.has(key)) return { ...agreed, note: `${size(logged)} off-heap though ${key} is not in the log` };
  return { ...agreed, contradiction: `${key} is ${conf.text(key)}: ${computed} bytes off-heap, not ${logged}` };
}

/** Heaps side by side must not round to the same. */
function size(bytes: bigint): string {
  return `${Number((Number(bytes) / Number(MIB)).toFixed(2))} MiB`;
}
