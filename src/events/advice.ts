// What a log gives ground to change, with the arithmetic. Every piece of advice names one key and is computed from figures of
// this log and the layout; where the log gives no ground there is none.

import { MIB } from "../config/bytes.js";
import type { Conf } from "../config/keys.js";
import { memoryLayout } from "../config/layout.js";
import { humanBytes } from "../human.js";
import { collectorOf, confOf, isLocal, leastHeap, rulesOf, type LayoutCheck } from "./check.js";
import type { ExecutorKind } from "./executors.js";
import type { LogSummary, NeediestTask } from "./log.js";

export interface Advice {
  readonly key: string;
  /** As the log has it, or the default. */
  readonly current: string;
  readonly proposed: string;
  readonly why: string;
  readonly cost: string;
  /** The numbers of the sentence, by name; bytes unless the name says otherwise. */
  readonly figures: Readonly<Record<string, number>>;
}

/** A kind of executors with what the layout says of it. */
export interface CheckedKind {
  readonly kind: ExecutorKind;
  readonly check: LayoutCheck;
}

/** All advice that the log gives ground for, most pressing first. `cachedAtOnceBytes`: what all cached blocks took together at most, or null. */
export function adviceOn(log: LogSummary, kinds: readonly CheckedKind[], cachedAtOnceBytes: number | null): Advice[] {
  const spills = log.neediest === null ? [] : spillAdvice(log, kinds, log.neediest);
  const cached = cacheAdvice(log, kinds, cachedAtOnceBytes);
  const wanting = spills.length + cached.length + log.totals.outOfMemory + log.killedCount > 0;
  return [...spills, ...cached, ...(wanting ? [] : surplusAdvice(log, kinds))];
}

/** Executors that run tasks: those of a cluster, or the driver of a local run. */
function workers(log: LogSummary, kinds: readonly CheckedKind[]): CheckedKind[] {
  const role = isLocal(log.application) ? "driver" : "executor";
  return kinds.filter(({ kind }) => kind.role === role);
}

function spillAdvice(log: LogSummary, kinds: readonly CheckedKind[], needy: NeediestTask): Advice[] {
  const found = workers(log, kinds).find(
    ({ kind }) => (kind.onHeapBytes ?? kind.maximumBytes) === needy.onHeapBytes && kind.cores === needy.cores,
  );
  const layout = found?.check.layout;
  if (found === undefined || layout === null || layout === undefined || needy.cores === null) return [];
  const conf = log.application.conf;
  const slots = Math.max(1, Math.floor(needy.cores / (Number(conf["spark.task.cpus"] ?? 1) || 1)));
  const offHeap = layout.offHeapEnabled;
  const region = Number((offHeap ? layout.offHeap : layout.onHeap).total);
  const stored = found.kind.peaks[offHeap ? "OffHeapStorageMemory" : "OnHeapStorageMemory"] ?? 0;
  // What storage holds up to R cannot be taken from it.
  const kept = Math.min(stored, Number((offHeap ? layout.offHeap : layout.onHeap).protectedStorage));
  const share = Math.floor((region - kept) / slots);
  if (needy.needBytes <= share) return [];
  const wanted = needy.needBytes * slots + kept;
  const figures = {
    needBytes: needy.needBytes,
    peakBytes: needy.peakBytes,
    memorySpilledBytes: needy.memorySpilledBytes,
    slotsCount: slots,
    regionBytes: region,
    protectedBytes: kept,
    shareBytes: share,
    wantedRegionBytes: wanted,
  };
  const ground =
    `task ${needy.task} of stage ${needy.stage} spilled ${humanBytes(needy.memorySpilledBytes)} and held up to ` +
    `${humanBytes(needy.peakBytes)}, ${humanBytes(needy.needBytes)} together; with ${slots} ${slots === 1 ? "task" : "tasks"} at once ` +
    `each has ${humanBytes(region - kept)} / ${slots} = ${humanBytes(share)}`;
  const more = offHeap
    ? offHeapFor(log, wanted, region, ground, figures)
    : heapFor(
        log,
        found,
        wanted,
        `${ground}; ${slots} x ${humanBytes(needy.needBytes)} need a region of ${humanBytes(wanted)}`,
        figures,
      );
  return [
    ...more,
    ...partitionsFor(log, needy, share, ground, figures),
    ...coresFor(log, needy, region - kept, slots, ground, figures),
  ];
}

function offHeapFor(
  log: LogSummary,
  wanted: number,
  region: number,
  ground: string,
  figures: Advice["figures"],
): Advice[] {
  const mebibytes = Math.ceil(wanted / Number(MIB));
  return [
    {
      key: "spark.memory.offHeap.size",
      current: log.application.conf["spark.memory.offHeap.size"] ?? "0",
      proposed: `${mebibytes}m`,
      why: ground,
      cost: `${humanBytes(mebibytes * Number(MIB) - region)} more for every executor`,
      figures,
    },
  ];
}

/** A heap whose region holds `wanted` bytes, as configured: what the JVM keeps back comes on top. */
function heapFor(
  log: LogSummary,
  { kind, check }: CheckedKind,
  wanted: number,
  why: string,
  figures: Advice["figures"],
): Advice[] {
  const conf = confOf(kind, log.application, log.profiles, rulesOf(log.application.version));
  const reported = heapWith(conf, wanted, collectorOf(kind, log.application));
  if (reported === null || check.impliedHeapBytes === null || check.configuredHeapBytes === null) return [];
  const keptBack = keptBackBy(check.verdict, check.configuredHeapBytes, check.impliedHeapBytes);
  const mebibytes = Math.ceil((Number(reported) * keptBack) / Number(MIB));
  const added = mebibytes * Number(MIB) - check.configuredHeapBytes;
  const key = kind.role === "driver" ? "spark.driver.memory" : "spark.executor.memory";
  const fraction = conf.get("spark.memory.fraction");
  return [
    {
      key,
      current: log.application.conf[key] ?? `${check.configuredHeapBytes / Number(MIB)}m (${check.heapFrom})`,
      proposed: `${mebibytes}m`,
      why: `${why}, that is ${humanBytes(wanted)} / ${fraction} + 300 MiB = ${humanBytes(Number(reported))} of heap${survivorText(keptBack)}`,
      cost: `${humanBytes(added)} more for ${many(log, kind)}`,
      figures: {
        ...figures,
        heapBytes: mebibytes * Number(MIB),
        addedBytes: added,
        executorsCount: executorsOf(log, kind),
      },
    },
  ];
}

/** How many times what the JVM reports it is given. */
function keptBackBy(verdict: LayoutCheck["verdict"], configuredBytes: number, impliedBytes: number): number {
  return verdict === "survivor" ? configuredBytes / impliedBytes : 1;
}

function survivorText(keptBack: number): string {
  return keptBack === 1 ? "" : `, times ${keptBack.toFixed(3)} for the survivor space that the JVM leaves out`;
}

/** The least heap whose region is `wanted` bytes; null under the static manager. */
function heapWith(conf: Conf, wanted: number, collector: ReturnType<typeof collectorOf>): bigint | null {
  let low = leastHeap(conf);
  let high = 2n ** 50n;
  const region = (heapBytes: bigint): bigint | null => {
    const { manager, onHeap } = memoryLayout(conf, { cores: 1, collector, heapBytes });
    return manager === "unified" ? onHeap.total : null;
  };
  if (region(low) === null) return null;
  while (low < high) {
    const middle = (low + high) / 2n;
    if (region(middle)! >= BigInt(Math.ceil(wanted))) high = middle;
    else low = middle + 1n;
  }
  return low;
}

/** More and smaller tasks: all that are configured where adaptive execution has merged them, else more. */
function partitionsFor(
  { application }: LogSummary,
  needy: NeediestTask,
  share: number,
  ground: string,
  figures: Advice["figures"],
): Advice[] {
  const { conf, sql } = application;
  const key = "spark.sql.shuffle.partitions";
  const configured = Number(conf[key] ?? 200);
  if (!sql || !needy.shuffled || needy.partitions === 0 || !(configured >= needy.partitions)) return [];
  const times = needy.needBytes / share;
  const least = Math.ceil(needy.partitions * times);
  const sum = `${ground}; ${humanBytes(needy.needBytes)} / ${humanBytes(share)} = ${times.toFixed(2)}, so ${needy.partitions} x ${times.toFixed(2)} = ${least} tasks would each fit, if rows are spread evenly`;
  const merged = needy.partitions < configured;
  if (merged && !mergesPartitions(application)) return [];
  const tasks = merged && least <= configured ? configured : least;
  const off = "spark.sql.adaptive.coalescePartitions.enabled";
  const cost = `${tasks} tasks instead of ${needy.partitions}, in every shuffle, and as many blocks from each writer; no memory`;
  const counted = { ...figures, tasksCount: tasks, leastTasksCount: least };
  return [
    ...(merged
      ? [
          {
            key: off,
            current: conf[off] ?? "true",
            proposed: "false",
            why: `${sum}; adaptive execution had merged ${configured} into ${needy.partitions}`,
            cost,
            figures: counted,
          },
        ]
      : []),
    ...(tasks > configured
      ? [{ key, current: conf[key] ?? "200", proposed: String(tasks), why: sum, cost, figures: counted }]
      : []),
  ];
}

const ADAPTIVE_SINCE = 302;

function mergesPartitions({ conf, version }: LogSummary["application"]): boolean {
  const adaptive = conf["spark.sql.adaptive.enabled"] ?? String(rulesOf(version).release >= ADAPTIVE_SINCE);
  return adaptive === "true" && conf["spark.sql.adaptive.coalescePartitions.enabled"] !== "false";
}

function coresFor(
  log: LogSummary,
  needy: NeediestTask,
  room: number,
  slots: number,
  ground: string,
  figures: Advice["figures"],
): Advice[] {
  const fits = Math.floor(room / needy.needBytes);
  if (fits < 1 || fits >= slots) return [];
  const local = isLocal(log.application);
  const key = local ? "spark.master" : "spark.executor.cores";
  const cpus = Number(log.application.conf["spark.task.cpus"] ?? 1) || 1;
  return [
    {
      key,
      current: log.application.conf[key] ?? String(needy.cores),
      proposed: local ? `local[${fits * cpus}]` : String(fits * cpus),
      why: `${ground}; ${humanBytes(room)} hold ${fits} such ${fits === 1 ? "task" : "tasks"}`,
      cost: `${fits} instead of ${slots} tasks at once: up to ${(slots / fits).toFixed(1)} times as long where all cores are busy; no memory`,
      figures: { ...figures, fittingCount: fits },
    },
  ];
}

/** Blocks that were pushed out: a region that holds all that was cached at once beside what execution used. */
function cacheAdvice(log: LogSummary, kinds: readonly CheckedKind[], atOnceBytes: number | null): Advice[] {
  const { cached } = log;
  // An RDD that is cached on disk only asks for no memory.
  if (cached.evictions + cached.peakDiskBytes === 0 || cached.peakMemoryBytes === 0) return [];
  const found = workers(log, kinds)[0];
  const layout = found?.check.layout;
  if (found === undefined || layout === undefined || layout === null) return [];
  const stores = executorsOf(log, found.kind);
  const all = atOnceBytes ?? cached.peakMemoryBytes + cached.peakDiskBytes;
  const execution = found.kind.peaks["OnHeapExecutionMemory"] ?? 0;
  const wanted = Math.ceil(all / stores) + execution;
  const region = Number(layout.onHeap.total);
  if (wanted <= region) return [];
  const why =
    `${cached.evictions} cached blocks (${humanBytes(cached.evictedBytes)}) left memory, up to ${humanBytes(cached.peakDiskBytes)} lay on disk ` +
    `(serialized: in memory they may take more); ${humanBytes(all)} in ${stores} ${stores === 1 ? "store" : "stores"} and ` +
    `${humanBytes(execution)} of execution need ${humanBytes(wanted)} each, and there are ${humanBytes(region)}`;
  return heapFor(log, found, wanted, why, {
    evictionsCount: cached.evictions,
    evictedBytes: cached.evictedBytes,
    diskBytes: cached.peakDiskBytes,
    cachedBytes: all,
    executionBytes: execution,
    storesCount: stores,
    regionBytes: region,
    wantedRegionBytes: wanted,
  });
}

/** Heap that nothing in the log has used: no smaller than the largest heap in use, garbage included. */
function surplusAdvice(log: LogSummary, kinds: readonly CheckedKind[]): Advice[] {
  return workers(log, kinds).flatMap(({ kind, check }) => {
    const used = kind.peaks["JVMHeapMemory"] ?? 0;
    const unified = kind.peaks["OnHeapUnifiedMemory"] ?? 0;
    if (kind.sampled < kind.count || used === 0 || check.layout === null || check.configuredHeapBytes === null)
      return [];
    if (check.impliedHeapBytes === null) return [];
    const conf = confOf(kind, log.application, log.profiles, rulesOf(log.application.version));
    const forRegion = heapWith(conf, unified, collectorOf(kind, log.application));
    if (forRegion === null) return [];
    const keptBack = keptBackBy(check.verdict, check.configuredHeapBytes, check.impliedHeapBytes);
    const mebibytes = Math.ceil((Math.max(used, Number(forRegion)) * keptBack) / Number(MIB));
    const saved = check.configuredHeapBytes - mebibytes * Number(MIB);
    // Less than a fifth is within what another day's data may need.
    if (saved * 5 < check.configuredHeapBytes) return [];
    const key = kind.role === "driver" ? "spark.driver.memory" : "spark.executor.memory";
    const hosts = executorsOf(log, kind);
    return [
      {
        key,
        current: log.application.conf[key] ?? `${check.configuredHeapBytes / Number(MIB)}m (${check.heapFrom})`,
        proposed: `${mebibytes}m`,
        why:
          `nothing spilled, and of ${humanBytes(check.configuredHeapBytes)} the heap was never seen above ${humanBytes(used)} (garbage included), ` +
          `execution and storage together never above ${humanBytes(unified)} of ${humanBytes(Number(check.layout.onHeap.total))}, which needs ${humanBytes(Number(forRegion))} of heap; ` +
          `the larger is ${humanBytes(Math.max(used, Number(forRegion)))}${survivorText(keptBack)}`,
        cost: `saves ${humanBytes(saved)} for ${many(log, kind)}; samples miss what is short, collections come more often, larger input has less room`,
        figures: {
          heapPeakBytes: used,
          unifiedPeakBytes: unified,
          regionBytes: Number(check.layout.onHeap.total),
          heapForRegionBytes: Number(forRegion),
          heapBytes: mebibytes * Number(MIB),
          savedBytes: saved,
          executorsCount: hosts,
        },
      },
    ];
  });
}

function executorsOf(log: LogSummary, kind: ExecutorKind): number {
  return kind.role === "driver" ? 1 : Math.max(1, Math.min(kind.count, log.mostExecutors));
}

function many(log: LogSummary, kind: ExecutorKind): string {
  const count = executorsOf(log, kind);
  if (kind.role === "driver") return "the driver";
  return count === 1 ? "1 executor" : `each of ${count} executors`;
}
