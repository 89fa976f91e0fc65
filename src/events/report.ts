// Everything that is said about one event log, as one object: the application, its executors against the layout, spills,
// peaks, what was cached and how policies would have kept it, advice, and what no log can tell.

import { adviceOn, type Advice, type CheckedKind } from "./advice.js";
import { checkLayout, collectorOf, isLocal, type LayoutCheck } from "./check.js";
import type { CachedSummary } from "./cached.js";
import type { ExecutorKind } from "./executors.js";
import type { EventLog, LogSummary, NeediestTask, PeakTask, StageTotals } from "./log.js";
import { comparePolicies, type Outcome } from "./policies.js";
import { mostAtOnce } from "./requests.js";
import { modeName } from "../memory/mode.js";

/** The object of `events --json`. Integers are bytes where a name ends in Bytes, milliseconds where it ends in Ms. */
export interface EventsReport {
  readonly kind: "events";
  readonly file: string;
  readonly application: {
    readonly id: string;
    readonly name: string;
    /** As the log says it; null before 1.4. */
    readonly sparkVersion: string | null;
    /** Whose rules were applied. */
    readonly rules: string;
    readonly javaVersion: string | null;
    readonly startMs: number;
    /** Null: no end is in the log, the application was running. */
    readonly endMs: number | null;
    readonly complete: boolean;
  };
  readonly events: number;
  /** Every report agrees with the layout, or is explained. */
  readonly agrees: boolean;
  readonly executors: readonly ExecutorReport[];
  readonly tasks: LogSummary["totals"];
  readonly peakTask: PeakTask | null;
  readonly neediestTask: NeediestTask | null;
  readonly stages: readonly StageTotals[];
  readonly killedForMemory: { readonly count: number; readonly reasons: readonly string[] };
  readonly cached: CachedSummary;
  readonly history: HistoryReport;
  readonly advice: readonly Advice[];
  readonly notTold: readonly string[];
}

export interface ExecutorReport extends Omit<ExecutorKind, "peaks" | "sampled"> {
  readonly check: Omit<LayoutCheck, "layout">;
  readonly collector: string;
  /** Null where no layout fits. */
  readonly layout: {
    readonly heapBytes: number;
    readonly reservedBytes: number;
    readonly userBytes: number;
    /** `unified` or `static`. */
    readonly manager: string;
    /** What execution and storage have together; two pools that never move under the static manager. */
    readonly unifiedBytes: number;
    readonly protectedStorageBytes: number;
    readonly offHeapBytes: number;
    /** Null where the cores, on which it depends, are not told. */
    readonly pageBytes: number | null;
    readonly executionMode: string;
  } | null;
  readonly peaks: ExecutorKind["peaks"];
  /** How many executors of this kind reported any metric. */
  readonly sampled: number;
}

/** The requests for cached blocks, and what policies make of them. One store of all executors together. */
export interface HistoryReport {
  readonly requests: number;
  readonly blocks: number;
  readonly unit: "bytes" | "objects";
  /** What a store without limit would have held at most, in the unit. */
  readonly mostAtOnce: number;
  readonly dropped: number;
  readonly policies: readonly Outcome[];
}

/** Sums up a log that has been read to its end. */
export function reportOn(file: string, log: EventLog): EventsReport {
  const summary = log.summary();
  const { application } = summary;
  const kinds: CheckedKind[] = summary.kinds.map((kind) => ({
    kind,
    check: checkLayout(kind, application, summary.profiles),
  }));
  const requests = log.requests();
  return {
    kind: "events",
    file,
    application: {
      id: application.id,
      name: application.name,
      sparkVersion: application.version || null,
      rules: kinds[0]?.check.rules ?? "",
      javaVersion: application.javaVersion || null,
      startMs: application.startMs,
      endMs: application.endMs,
      complete: application.endMs !== null,
    },
    events: summary.events,
    agrees: kinds.every(({ check }) => check.verdict !== "contradiction"),
    executors: kinds.map((each) => executorReport(each, summary)),
    tasks: summary.totals,
    peakTask: summary.peakTask,
    neediestTask: summary.neediest,
    stages: summary.stages,
    killedForMemory: { count: summary.killedCount, reasons: summary.killed },
    cached: summary.cached,
    history: {
      requests: requests.count,
      blocks: requests.objects,
      unit: requests.unit,
      mostAtOnce: mostAtOnce(requests),
      dropped: requests.dropped,
      policies: comparePolicies(requests, capacityOf(summary, kinds)),
    },
    advice: adviceOn(summary, kinds, requests.unit === "bytes" ? mostAtOnce(requests) : null),
    notTold: notTold(summary),
  };
}

function executorReport({ kind, check }: CheckedKind, { application }: LogSummary): ExecutorReport {
  const { layout, ...checked } = check;
  return {
    ...kind,
    check: checked,
    collector: collectorOf(kind, application),
    layout:
      layout === null
        ? null
        : {
            heapBytes: Number(layout.heap),
            reservedBytes: Number(layout.reserved),
            userBytes: Number(layout.user),
            manager: layout.manager,
            unifiedBytes: Number(layout.onHeap.total),
            protectedStorageBytes: Number(layout.onHeap.protectedStorage),
            offHeapBytes: Number(layout.offHeap.total),
            pageBytes: kind.cores === null ? null : Number(layout.pageBytes),
            executionMode: modeName(layout.tungstenMode),
          },
  };
}

/** What all executors that lived at once could store. */
function capacityOf(summary: LogSummary, kinds: readonly CheckedKind[]): number | null {
  const role = isLocal(summary.application) ? "driver" : "executor";
  const storing = kinds.filter(({ kind }) => kind.role === role);
  const count = storing.reduce((sum, { kind }) => sum + kind.count, 0);
  if (count === 0) return null;
  const bytes = storing.reduce((sum, { kind }) => sum + kind.count * kind.maximumBytes, 0);
  const alive = role === "driver" ? 1 : summary.mostExecutors;
  return Math.floor((bytes * alive) / count);
}

/** What this log leaves open, and what would tell it. */
function notTold({ application, kinds, cached, totals }: LogSummary): string[] {
  const conf = application.conf;
  const sampled = kinds.some(({ peaks }) => (peaks["JVMHeapMemory"] ?? 0) > 0);
  return [
    ...(application.endMs === null ? ["how the application ended: its log has no end yet"] : []),
    ...(sampled
      ? ["peaks between samples: metrics are samples (spark.executor.metrics.pollingInterval makes them denser)"]
      : ["what executors used: no metrics were sampled (spark.eventLog.logStageExecutorMetrics=true, from 3.0 on)"]),
    ...(cached.count > 0 && !cached.tracked
      ? [
          "sizes, places and evictions of cached blocks: not logged (spark.eventLog.logBlockUpdates.enabled=true costs a line for every change of a block)",
        ]
      : []),
    ...(cached.evictions > 0 ? ["who pushed a block out: storage and execution look alike in a log"] : []),
    ...(totals.peakOnHeapTaskBytes + totals.peakOffHeapTaskBytes === 0 && totals.tasks > 0
      ? ["what a task held at once: Peak Execution Memory is the sum of its operators' own peaks"]
      : []),
    ...(conf["spark.master"] === undefined ? ["the master: spark.master is not in the log"] : []),
    "waits, refusals and moves of the boundary between execution and storage: no log has them",
  ];
}
