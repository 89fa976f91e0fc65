// Event logs made by hand, line by line, and the real ones that lie beside.

import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { readLog, type LogLine } from "../../src/events/read.js";
import type { EventLog } from "../../src/events/log.js";
import { reportOn, type EventsReport } from "../../src/events/report.js";

export const LOGS = fileURLToPath(new URL("logs/", import.meta.url));
export const logNames = readdirSync(LOGS).filter((name) => name.endsWith(".gz"));

/** The text of a real log. */
export function logText(name: string): string {
  return gunzipSync(readFileSync(LOGS + logNames.find((each) => each.startsWith(name))!)).toString();
}

export function* linesIn(text: string, file = "log"): Generator<LogLine> {
  const lines = text.split("\n");
  const rest = lines.pop()!;
  for (const [i, line] of lines.entries()) yield { file, line: i + 1, text: line, unended: false };
  if (rest !== "") yield { file, line: lines.length + 1, text: rest, unended: true };
}

async function* asked(lines: Iterable<LogLine>): AsyncGenerator<LogLine> {
  yield* lines;
}

export async function readText(text: string, inProgress = false): Promise<EventLog> {
  return readLog("log", asked(linesIn(text)), { inProgress });
}

export async function reportText(text: string): Promise<EventsReport> {
  return reportOn("log", await readText(text));
}

export async function reportEvents(events: readonly object[]): Promise<EventsReport> {
  return reportText(textOf(events));
}

export function textOf(events: readonly object[]): string {
  return events.map((event) => `${JSON.stringify(event)}\n`).join("");
}

/** The first events of an application. */
export function started(conf: Record<string, string> = {}, version = "3.5.1", javaVersion = "17.0.1"): object[] {
  return [
    { Event: "SparkListenerLogStart", "Spark Version": version },
    {
      Event: "SparkListenerEnvironmentUpdate",
      "JVM Information": { "Java Version": javaVersion },
      "Spark Properties": { "spark.master": "yarn", ...conf },
      "System Properties": {
        "java.vm.name": "OpenJDK 64-Bit Server VM",
        "sun.java.command": "org.apache.spark.deploy.SparkSubmit x.jar",
      },
    },
    { Event: "SparkListenerApplicationStart", "App Name": "made", "App ID": "app-1", Timestamp: 1000 },
  ];
}

export function ended(): object {
  return { Event: "SparkListenerApplicationEnd", Timestamp: 9000 };
}

export function manager(executor: string, onHeap: number, offHeap = 0): object {
  return {
    Event: "SparkListenerBlockManagerAdded",
    "Block Manager ID": { "Executor ID": executor, Host: "h", Port: 1 },
    "Maximum Memory": onHeap + offHeap,
    Timestamp: 1,
    "Maximum Onheap Memory": onHeap,
    "Maximum Offheap Memory": offHeap,
  };
}

export function executorAdded(executor: string, cores: number, profile = 0): object {
  return {
    Event: "SparkListenerExecutorAdded",
    Timestamp: 1,
    "Executor ID": executor,
    "Executor Info": { Host: "h", "Total Cores": cores, "Resource Profile Id": profile },
  };
}

export interface MadeRdd {
  readonly id: number;
  readonly parents?: readonly number[];
  readonly cached?: boolean;
  readonly partitions?: number;
}

export function stageInfo(stage: number, tasks: number, rdds: readonly MadeRdd[]): object {
  return {
    "Stage ID": stage,
    "Stage Attempt ID": 0,
    "Stage Name": `stage ${stage}`,
    "Number of Tasks": tasks,
    "RDD Info": rdds.map(({ id, parents = [], cached = false, partitions = tasks }) => ({
      "RDD ID": id,
      Name: `rdd ${id}`,
      "Parent IDs": parents,
      "Storage Level": { "Use Disk": false, "Use Memory": cached, Deserialized: cached, Replication: 1 },
      "Number of Partitions": partitions,
      "Number of Cached Partitions": 0,
      "Memory Size": 0,
      "Disk Size": 0,
    })),
    "Parent IDs": stage === 0 ? [] : [stage - 1],
    "Completion Time": 2000 + stage,
  };
}

export function jobStart(job: number, stages: readonly object[]): object {
  return { Event: "SparkListenerJobStart", "Job ID": job, "Submission Time": 1, "Stage Infos": stages };
}

export function jobEnd(job: number): object {
  return { Event: "SparkListenerJobEnd", "Job ID": job };
}

export function submitted(info: object): object {
  return { Event: "SparkListenerStageSubmitted", "Stage Info": info };
}

export function completed(info: object): object {
  return { Event: "SparkListenerStageCompleted", "Stage Info": info };
}

export interface MadeTask {
  readonly stage: number;
  readonly task: number;
  readonly partition?: number;
  readonly executor?: string;
  readonly runMs?: number;
  readonly peak?: number;
  readonly spilled?: number;
  readonly disk?: number;
  readonly blocks?: readonly (readonly [string, number, number])[];
  readonly metrics?: Record<string, number>;
  readonly failed?: string;
}

export function taskEnd(made: MadeTask): object {
  const { stage, task, partition = task, executor = "1", runMs = 100, peak = 0, spilled = 0, disk = 0 } = made;
  return {
    Event: "SparkListenerTaskEnd",
    "Stage ID": stage,
    "Stage Attempt ID": 0,
    "Task End Reason":
      made.failed === undefined ? { Reason: "Success" } : { Reason: "ExceptionFailure", "Class Name": made.failed },
    "Task Info": { "Task ID": task, Index: partition, "Executor ID": executor, "Finish Time": 3000 },
    "Task Executor Metrics": made.metrics ?? {},
    "Task Metrics": {
      "Executor Run Time": runMs,
      "JVM GC Time": 10,
      "Peak Execution Memory": peak,
      "Memory Bytes Spilled": spilled,
      "Disk Bytes Spilled": disk,
      "Updated Blocks": (made.blocks ?? []).map(([block, memory, onDisk]) => ({
        "Block ID": block,
        Status: { "Memory Size": memory, "Disk Size": onDisk },
      })),
    },
  };
}
