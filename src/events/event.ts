// One line of a Spark event log as a fact about memory (section 12 of the law). Releases added fields and never renamed one
// that is read here; what an old log does not have reads as 0, and events that say nothing about memory are null.

import { BadField, integerField, isObject, type Json, type JsonObject, objectField, textField } from "../trace/json.js";

/** An RDD as a stage describes it. Bytes. */
export interface RddInfo {
  readonly rdd: number;
  readonly name: string;
  /** Null before 1.4, which did not write them. */
  readonly parents: readonly number[] | null;
  /** The level asks for memory or disk. */
  readonly cached: boolean;
  readonly partitions: number;
  readonly cachedPartitions: number;
  readonly memoryBytes: number;
  readonly diskBytes: number;
}

export interface StageInfo {
  readonly stage: number;
  readonly attempt: number;
  readonly name: string;
  readonly tasks: number;
  /** It reads what other stages have shuffled. */
  readonly shuffled: boolean;
  readonly rdds: readonly RddInfo[];
}

/** Where a block lies now; both 0: nowhere. Bytes. */
export interface BlockStatus {
  readonly block: string;
  readonly memoryBytes: number;
  readonly diskBytes: number;
}

/** Peaks of samples by Spark's own names, or counters since the executor's start. */
export type ExecutorMetrics = Readonly<Record<string, number>>;

export interface TaskEnd {
  readonly kind: "taskEnd";
  readonly stage: number;
  readonly attempt: number;
  readonly task: number;
  readonly partition: number;
  readonly executor: string;
  readonly finishMs: number;
  readonly succeeded: boolean;
  /** Why it failed, "" when it did not. */
  readonly reason: string;
  readonly runMs: number;
  readonly gcMs: number;
  readonly memorySpilledBytes: number;
  readonly diskSpilledBytes: number;
  /** Sum of the operators' own peaks (section 9.8 of the law), not what the task held at once. */
  readonly peakBytes: number;
  readonly peakOnHeapBytes: number;
  readonly peakOffHeapBytes: number;
  readonly blocks: readonly BlockStatus[];
  readonly metrics: ExecutorMetrics;
}

/** What a resource profile asks for; null where it says nothing. MiB. */
export interface ProfileRequests {
  readonly memoryMiB: number | null;
  readonly overheadMiB: number | null;
  readonly offHeapMiB: number | null;
  readonly pysparkMiB: number | null;
}

export type LogEvent =
  | { readonly kind: "logStart"; readonly version: string }
  | {
      readonly kind: "environment";
      readonly conf: Readonly<Record<string, string>>;
      readonly javaVersion: string;
      readonly vmName: string;
      readonly command: string;
    }
  | { readonly kind: "applicationStart"; readonly id: string; readonly name: string; readonly timeMs: number }
  | { readonly kind: "applicationEnd"; readonly timeMs: number }
  | { readonly kind: "profile"; readonly profile: number; readonly requests: ProfileRequests }
  | { readonly kind: "executorAdded"; readonly executor: string; readonly cores: number; readonly profile: number }
  | { readonly kind: "executorRemoved"; readonly executor: string; readonly reason: string }
  | {
      readonly kind: "managerAdded";
      readonly executor: string;
      readonly maximumBytes: number;
      /** Null before 2.2, which wrote the sum only. */
      readonly onHeapBytes: number | null;
      readonly offHeapBytes: number | null;
    }
  | { readonly kind: "managerRemoved"; readonly executor: string }
  | { readonly kind: "jobStart"; readonly job: number; readonly stages: readonly StageInfo[] }
  | { readonly kind: "jobEnd"; readonly job: number }
  | { readonly kind: "stageSubmitted"; readonly stage: StageInfo }
  | { readonly kind: "stageCompleted"; readonly stage: StageInfo; readonly timeMs: number }
  | { readonly kind: "metrics"; readonly executor: string; readonly metrics: ExecutorMetrics }
  | { readonly kind: "block"; readonly executor: string; readonly block: BlockStatus }
  | { readonly kind: "unpersist"; readonly rdd: number }
  | { readonly kind: "sql" }
  | TaskEnd;

type Reader = (of: JsonObject) => LogEvent | null;

const READERS: Readonly<Record<string, Reader>> = {
  SparkListenerLogStart: (of) => ({ kind: "logStart", version: textField(of, "Spark Version") }),
  SparkListenerEnvironmentUpdate: environment,
  SparkListenerApplicationStart: (of) => ({
    kind: "applicationStart",
    id: text(of, "App ID"),
    name: text(of, "App Name"),
    timeMs: whole(of, "Timestamp"),
  }),
  SparkListenerApplicationEnd: (of) => ({ kind: "applicationEnd", timeMs: whole(of, "Timestamp") }),
  SparkListenerResourceProfileAdded: profile,
  SparkListenerExecutorAdded: (of) => {
    const info = objectField(of, "Executor Info");
    return {
      kind: "executorAdded",
      executor: textField(of, "Executor ID"),
      cores: whole(info, "Total Cores"),
      profile: whole(info, "Resource Profile Id"),
    };
  },
  SparkListenerExecutorRemoved: (of) => ({
    kind: "executorRemoved",
    executor: textField(of, "Executor ID"),
    reason: text(of, "Removed Reason"),
  }),
  SparkListenerBlockManagerAdded: (of) => ({
    kind: "managerAdded",
    executor: managerOf(of),
    maximumBytes: needed(of, "Maximum Memory"),
    onHeapBytes: Object.hasOwn(of, "Maximum Onheap Memory") ? needed(of, "Maximum Onheap Memory") : null,
    offHeapBytes: Object.hasOwn(of, "Maximum Offheap Memory") ? needed(of, "Maximum Offheap Memory") : null,
  }),
  SparkListenerBlockManagerRemoved: (of) => ({ kind: "managerRemoved", executor: managerOf(of) }),
  SparkListenerJobStart: (of) => ({
    kind: "jobStart",
    job: needed(of, "Job ID"),
    stages: objects(of, "Stage Infos").map(stageInfo),
  }),
  SparkListenerJobEnd: (of) => ({ kind: "jobEnd", job: needed(of, "Job ID") }),
  SparkListenerStageSubmitted: (of) => ({ kind: "stageSubmitted", stage: stageInfo(objectField(of, "Stage Info")) }),
  SparkListenerStageCompleted: (of) => {
    const info = objectField(of, "Stage Info");
    return { kind: "stageCompleted", stage: stageInfo(info), timeMs: whole(info, "Completion Time") };
  },
  SparkListenerTaskEnd: taskEnd,
  SparkListenerStageExecutorMetrics: (of) => ({
    kind: "metrics",
    executor: textField(of, "Executor ID"),
    metrics: metricsIn(of, "Executor Metrics"),
  }),
  SparkListenerBlockUpdated: (of) => {
    const info = objectField(of, "Block Updated Info");
    return { kind: "block", executor: managerOf(info), block: blockStatus(textField(info, "Block ID"), info) };
  },
  SparkListenerUnpersistRDD: (of) => ({ kind: "unpersist", rdd: needed(of, "RDD ID") }),
  "org.apache.spark.sql.execution.ui.SparkListenerSQLExecutionStart": () => ({ kind: "sql" }),
};

/** The event on a line; null for one that says nothing about memory. Throws SyntaxError and BadField. */
export function parseEvent(line: string): LogEvent | null {
  const value = JSON.parse(line) as Json;
  if (!isObject(value) || typeof value["Event"] !== "string") throw new BadField('is no Spark event: no text "Event"');
  const name = value["Event"];
  return Object.hasOwn(READERS, name) ? READERS[name]!(value) : null;
}

function environment(of: JsonObject): LogEvent {
  const jvm = optional(of, "JVM Information");
  const system = optional(of, "System Properties");
  const properties = Object.entries(optional(of, "Spark Properties"));
  return {
    kind: "environment",
    conf: Object.fromEntries(properties.filter((entry): entry is [string, string] => typeof entry[1] === "string")),
    javaVersion: text(jvm, "Java Version"),
    vmName: text(system, "java.vm.name"),
    command: text(system, "sun.java.command"),
  };
}

function profile(of: JsonObject): LogEvent {
  const requests = optional(of, "Executor Resource Requests");
  const amount = (name: string): number | null =>
    Object.hasOwn(requests, name) ? whole(objectField(requests, name), "Amount") : null;
  return {
    kind: "profile",
    profile: needed(of, "Resource Profile Id"),
    requests: {
      memoryMiB: amount("memory"),
      overheadMiB: amount("memoryOverhead"),
      offHeapMiB: amount("offHeap"),
      pysparkMiB: amount("pyspark.memory"),
    },
  };
}

function stageInfo(of: JsonObject): StageInfo {
  return {
    stage: needed(of, "Stage ID"),
    attempt: whole(of, "Stage Attempt ID"),
    name: text(of, "Stage Name"),
    tasks: whole(of, "Number of Tasks"),
    shuffled: Array.isArray(of["Parent IDs"]) && of["Parent IDs"].length > 0,
    rdds: objects(of, "RDD Info").map(rddInfo),
  };
}

function rddInfo(of: JsonObject): RddInfo {
  const level = optional(of, "Storage Level");
  const parents = of["Parent IDs"];
  return {
    rdd: needed(of, "RDD ID"),
    name: text(of, "Name"),
    parents: Array.isArray(parents) ? parents.filter((id): id is number => Number.isSafeInteger(id)) : null,
    cached: level["Use Memory"] === true || level["Use Disk"] === true,
    partitions: whole(of, "Number of Partitions"),
    cachedPartitions: whole(of, "Number of Cached Partitions"),
    memoryBytes: whole(of, "Memory Size"),
    diskBytes: whole(of, "Disk Size"),
  };
}

const PEAK_NAMES: ReadonlySet<Json | undefined> = new Set([
  "internal.metrics.peakExecutionMemory",
  "peakExecutionMemory",
]);

function taskEnd(of: JsonObject): LogEvent {
  const info = objectField(of, "Task Info");
  // A failed task of 1.x and 2.x has null here.
  const metrics = optional(of, "Task Metrics");
  const end = optional(of, "Task End Reason");
  const reason = text(end, "Reason");
  return {
    kind: "taskEnd",
    stage: needed(of, "Stage ID"),
    attempt: whole(of, "Stage Attempt ID"),
    task: needed(info, "Task ID"),
    partition: Object.hasOwn(info, "Partition ID") ? whole(info, "Partition ID") : whole(info, "Index"),
    executor: textField(info, "Executor ID"),
    finishMs: whole(info, "Finish Time"),
    succeeded: reason === "Success",
    reason:
      reason === "Success" ? "" : [reason, text(end, "Class Name"), text(end, "Description")].join(" ").slice(0, 400),
    runMs: whole(metrics, "Executor Run Time"),
    gcMs: whole(metrics, "JVM GC Time"),
    memorySpilledBytes: whole(metrics, "Memory Bytes Spilled"),
    diskSpilledBytes: whole(metrics, "Disk Bytes Spilled"),
    peakBytes: Object.hasOwn(metrics, "Peak Execution Memory")
      ? whole(metrics, "Peak Execution Memory")
      : accumulatedPeak(info),
    peakOnHeapBytes: whole(metrics, "Peak On Heap Execution Memory"),
    peakOffHeapBytes: whole(metrics, "Peak Off Heap Execution Memory"),
    blocks: objects(metrics, "Updated Blocks").map((each) =>
      blockStatus(textField(each, "Block ID"), optional(each, "Status")),
    ),
    metrics: metricsIn(of, "Task Executor Metrics"),
  };
}

/** Before 3.0 the peak was written as an accumulator only. */
function accumulatedPeak(info: JsonObject): number {
  const found = objects(info, "Accumulables").find((each) => PEAK_NAMES.has(each["Name"]));
  const update = Number(found?.["Update"] ?? 0);
  return Number.isSafeInteger(update) && update > 0 ? update : 0;
}

function blockStatus(block: string, of: JsonObject): BlockStatus {
  return { block, memoryBytes: whole(of, "Memory Size"), diskBytes: whole(of, "Disk Size") };
}

function managerOf(of: JsonObject): string {
  return textField(objectField(of, "Block Manager ID"), "Executor ID");
}

function metricsIn(of: JsonObject, name: string): ExecutorMetrics {
  const entries = Object.entries(optional(of, name));
  return Object.fromEntries(entries.filter((entry): entry is [string, number] => Number.isSafeInteger(entry[1])));
}

/** The object in a field, an empty one where there is none. */
function optional(of: JsonObject, name: string): JsonObject {
  const value = of[name];
  if (value === undefined || value === null) return {};
  return objectField(of, name);
}

function objects(of: JsonObject, name: string): JsonObject[] {
  const value = of[name] ?? [];
  if (!Array.isArray(value) || !(value as Json[]).every(isObject))
    throw new BadField(`field "${name}" must be a list of objects`);
  return value as JsonObject[];
}

function text(of: JsonObject, name: string): string {
  const value = of[name];
  return typeof value === "string" ? value : "";
}

/** The integer in a field, 0 or more; 0 where there is none. */
function whole(of: JsonObject, name: string): number {
  const value = of[name];
  return value === undefined || value === null ? 0 : needed(of, name);
}

function needed(of: JsonObject, name: string): number {
  const value = integerField(of, name);
  if (value < 0) throw new BadField(`field "${name}" must be 0 or more`);
  return value;
}
