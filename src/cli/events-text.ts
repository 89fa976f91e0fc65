// An event log's report for people, at most 100 columns where words can be broken.

import pc from "picocolors";
import type { Residency } from "../events/residency.js";
import type { EventsReport, ExecutorReport, HistoryReport } from "../events/report.js";
import { humanBytes } from "../human.js";

type Colours = ReturnType<typeof pc.createColors>;

/** What is said about tables of cached RDDs. */
export interface ResidencyReport extends Omit<Residency, "requests"> {
  readonly kind: "residency";
  readonly file: string;
  readonly history: HistoryReport;
}

const COLUMNS = 100;

/** The report on an event log. */
export function eventsText(
  report: EventsReport,
  colour = pc.isColorSupported && (process.stdout.isTTY ?? false),
): string {
  const c = pc.createColors(colour);
  const { application, executors, advice, notTold } = report;
  const state = application.complete
    ? `took ${seconds(application.endMs! - application.startMs)}`
    : "in progress: the log has no end";
  const head = `${application.name || application.id || report.file}, Spark ${application.sparkVersion ?? "before 1.4"}${application.javaVersion === null ? "" : `, Java ${application.javaVersion}`}; ${state}; ${report.events} events`;
  return [
    c.bold(head),
    "",
    c.bold("Executors against the layout"),
    ...executors.flatMap((each) => executorLines(each, c)),
    ...(executors.length === 0 ? ["  no block manager registered"] : []),
    "",
    c.bold("Tasks"),
    ...taskLines(report),
    ...stageLines(report),
    "",
    c.bold("Cached RDDs"),
    ...cachedLines(report),
    ...historyLines(report.history),
    "",
    c.bold("Advice"),
    ...(advice.length === 0 ? ["  none: the log gives no ground for any"] : []),
    ...advice.flatMap(({ key, current, proposed, why, cost }) => [
      `  ${c.cyan(key)}  ${current} -> ${c.bold(proposed)}`,
      ...wrapped(`why: ${why}`),
      ...wrapped(`cost: ${cost}`),
    ]),
    "",
    c.bold("What this log does not tell"),
    ...notTold.flatMap((each) => wrapped(each, "  ")),
  ].join("\n");
}

/** The report on tables of cached RDDs. */
export function residencyText({ file, stages, rdds, memoryBytes, diskBytes, history }: ResidencyReport): string {
  const rows = rdds.map(({ rdd, name, partitions, memoryBytes: memory, diskBytes: disk }) => [
    `RDD ${rdd}`,
    name.slice(0, 40),
    String(partitions),
    humanBytes(memory),
    humanBytes(disk),
  ]);
  return [
    `${file}: ${stages} stages, ${rdds.length} cached RDDs; ${humanBytes(memoryBytes)} in memory and ${humanBytes(diskBytes)} on disk, each RDD at its end`,
    ...table(["", "name", "partitions", "memory", "disk"], rows),
    ...historyLines(history),
  ].join("\n");
}

const VERDICTS = {
  exact: "agrees",
  survivor: "agrees",
  implied: "agrees",
  contradiction: "CONTRADICTS",
  refused: "no layout",
} as const;

function executorLines(
  { role, count, ids, cores, check, layout, peaks, sampled }: ExecutorReport,
  c: Colours,
): string[] {
  const who = role === "driver" ? "driver" : `${count} ${count === 1 ? "executor" : "executors"}`;
  const named = ids.length === count ? ids.join(" ") : `${ids.join(" ")} ...`;
  const mark = check.verdict === "contradiction" ? c.red : check.verdict === "refused" ? c.yellow : c.green;
  const logged = `Maximum Memory ${check.loggedOnHeapBytes} on-heap${check.loggedOffHeapBytes === null || check.loggedOffHeapBytes === 0 ? "" : `, ${check.loggedOffHeapBytes} off-heap`}`;
  const peak = (name: string): string => humanBytes(peaks[name] ?? 0);
  return [
    `  ${who}${role === "driver" ? "" : ` (${named})`}, ${cores === null ? "cores not told" : `${cores} ${cores === 1 ? "core" : "cores"}`}: ${logged}`,
    ...wrapped(`${mark(VERDICTS[check.verdict])}, rules of ${check.rules}: ${check.why}`),
    ...(layout === null ? [] : wrapped(heapLine(layout))),
    ...(sampled === 0
      ? []
      : wrapped(
          `peaks: execution ${peak("OnHeapExecutionMemory")}, storage ${peak("OnHeapStorageMemory")}, both ${peak("OnHeapUnifiedMemory")}, off-heap ${peak("OffHeapUnifiedMemory")}; JVM heap ${peak("JVMHeapMemory")} (${sampled} of ${count} sampled)`,
        )),
  ];
}

function heapLine(layout: NonNullable<ExecutorReport["layout"]>): string {
  const { heapBytes, reservedBytes, userBytes, unifiedBytes, protectedStorageBytes, pageBytes, executionMode } = layout;
  if (layout.manager === "static") {
    return `heap ${heapBytes} = storage ${protectedStorageBytes} + execution ${unifiedBytes - protectedStorageBytes} + rest ${userBytes}`;
  }
  const pages = pageBytes === null ? "" : `; pages of ${pageBytes}, ${executionMode}`;
  return `heap ${heapBytes} = reserve ${reservedBytes} + user ${userBytes} + unified ${unifiedBytes} (storage protected up to ${protectedStorageBytes})${pages}`;
}

function taskLines({ tasks, peakTask, neediestTask, killedForMemory }: EventsReport): string[] {
  const share = tasks.runMs === 0 ? "" : ` (${((100 * tasks.gcMs) / tasks.runMs).toFixed(1)} % of run time)`;
  return [
    `  ${tasks.tasks} tasks of ${tasks.jobs} jobs, ${tasks.failed} failed, ${tasks.outOfMemory} of them for want of memory; GC ${seconds(tasks.gcMs)}${share}`,
    tasks.spilledTasks === 0
      ? "  nothing spilled"
      : `  ${tasks.spilledTasks} tasks spilled ${tasks.memorySpilledBytes} bytes of memory, ${tasks.diskSpilledBytes} on disk`,
    ...(peakTask === null
      ? []
      : [`  greatest Peak Execution Memory: ${peakTask.peakBytes} (task ${peakTask.task} of stage ${peakTask.stage})`]),
    ...(neediestTask === null
      ? []
      : [
          `  neediest: task ${neediestTask.task} of stage ${neediestTask.stage}, peak ${neediestTask.peakBytes} + spilled ${neediestTask.memorySpilledBytes} = ${neediestTask.needBytes}`,
        ]),
    ...(killedForMemory.count === 0
      ? []
      : [
          `  ${killedForMemory.count} executors were killed for memory`,
          ...killedForMemory.reasons.flatMap((each) => wrapped(each)),
        ]),
  ];
}

const LISTED = 5;

function stageLines({ stages }: EventsReport): string[] {
  if (stages.length === 0) return [];
  const rows = stages
    .slice(0, LISTED)
    .map((each) => [
      `${each.stage}.${each.attempt}`,
      String(each.tasks),
      String(each.spilledTasks),
      humanBytes(each.memorySpilledBytes),
      humanBytes(each.diskSpilledBytes),
      humanBytes(each.peakTaskBytes),
      each.name.slice(0, 36),
    ]);
  return table(["stage", "tasks", "spilled", "memory", "disk", "peak task", "name"], rows);
}

function cachedLines({ cached }: EventsReport): string[] {
  if (cached.count === 0) return ["  none"];
  const unmapped = cached.unmapped === 0 ? "" : `; ${cached.unmapped} requests whose partition a task does not tell`;
  const told = cached.peakMemoryBytes + cached.peakDiskBytes > 0;
  const rows = cached.rdds
    .slice(0, LISTED)
    .map((each) => [
      `RDD ${each.rdd}`,
      `${each.peakBlocks || "?"} of ${each.partitions}`,
      told ? humanBytes(each.peakMemoryBytes) : "?",
      told ? humanBytes(each.peakDiskBytes) : "?",
      String(each.requests),
      cached.tracked ? String(each.evictions) : "?",
      each.name.slice(0, 36),
    ]);
  const sums = told
    ? `at most ${humanBytes(cached.peakMemoryBytes)} in memory and ${humanBytes(cached.peakDiskBytes)} on disk at once`
    : "sizes are not in this log";
  const evicted = cached.tracked ? `; ${cached.evictions} blocks left memory, ${cached.dropped} of them to disk` : "";
  return [
    `  ${cached.count} cached, ${sums}${evicted}${unmapped}`,
    ...table(["", "blocks", "memory", "disk", "requests", "evicted", "name"], rows),
    ...(cached.overTime.length < 2
      ? []
      : [`  in memory over time: ${spark(cached.overTime.map(({ memoryBytes }) => memoryBytes))}`]),
  ];
}

function historyLines({ requests, blocks, unit, mostAtOnce, dropped, policies }: HistoryReport): string[] {
  if (requests === 0) return [];
  const shown = (amount: number): string => (unit === "bytes" ? humanBytes(amount) : `${amount} blocks`);
  const capacities = [...new Set(policies.map(({ capacity }) => capacity))].toSorted((a, b) => a - b);
  const names = [...new Set(policies.map(({ policy }) => policy))];
  const cell = (policy: string, capacity: number): string => {
    const found = policies.find((each) => each.policy === policy && each.capacity === capacity);
    return found === undefined ? "" : `${(100 * found.hitRatio).toFixed(1)} %`;
  };
  return [
    ...wrapped(
      `${requests} requests for ${blocks} blocks (${shown(mostAtOnce)} at once${unit === "objects" ? ", sizes not told" : ""})${dropped === 0 ? "" : `, ${dropped} more not kept`}; hits by policy and capacity, all executors as one store:`,
      "  ",
    ),
    ...table(
      ["capacity", ...capacities.map(shown)],
      names.map((name) => [name, ...capacities.map((capacity) => cell(name, capacity))]),
    ),
  ];
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const all = [head, ...rows];
  const widths = head.map((_, i) => Math.max(...all.map((row) => row[i]!.length)));
  const last = head.length - 1;
  return all.map((row) =>
    `    ${row.map((cell, i) => (i === 0 || i === last ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join("  ")}`.trimEnd(),
  );
}

const BARS = "▁▂▃▄▅▆▇█";

/** At most 60 bars, each as high as the highest value that it stands for. */
function spark(values: readonly number[]): string {
  const most = Math.max(...values, 1);
  const each = Math.ceil(values.length / 60);
  const bars: string[] = [];
  for (let i = 0; i < values.length; i += each) {
    const high = Math.max(...values.slice(i, i + each));
    bars.push(BARS[Math.round((high / most) * (BARS.length - 1))]!);
  }
  return `${bars.join("")} (top ${humanBytes(most)})`;
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(1)} s`;
}

function wrapped(text: string, indent = "      "): string[] {
  const lines = [indent];
  for (const word of text.split(/\s+/)) {
    const last = lines.at(-1)!;
    if (last.length + 1 + word.length <= COLUMNS || last.trim() === "")
      lines[lines.length - 1] = last.trim() === "" ? `${indent}${word}` : `${last} ${word}`;
    else lines.push(`${indent}  ${word}`);
  }
  return lines;
}
