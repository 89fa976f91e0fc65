// A recorded memory trace as a workload: each of its tasks is a task here that comes when it came then and asks what it asked
// then, in that order; all decisions are made anew, in virtual time. What names no task, requests for blocks, is one more task's.
//
// Times are those that the rows tell (`atUs`), else a stated constant from row to row. A task keeps the time between the
// answer to one request and its next request: while it waits or spills here, that time does not run. A seed draws how fast each
// task goes, so that differences between policies are not those of one order of requests alone.

import type { Collector, ManagerName } from "../config/layout.js";
import { requestOf } from "../trace/decide.js";
import { readHeader, type Row, type TraceHeader } from "../trace/format.js";
import { rowsOf } from "../trace/rows.js";
import { type RecordedFile, Unreadable } from "../trace/source.js";
import { ROW_US } from "./costs.js";
import { Random } from "./draw.js";
import type { AskPlan, PutAsk, TaskPlan, Workload } from "./plan.js";
import { isAboutBlocks } from "./recorded-blocks.js";

/** A trace that has been read: plain data, so that it can be handed to a worker. */
export interface RecordedTrace {
  readonly file: string;
  readonly conf: Readonly<Record<string, string>>;
  readonly generation: string;
  readonly collector: Collector;
  readonly layout: ManagerName;
  readonly tasks: readonly RecordedTask[];
  /** Tasks that were there at once, at most: executors of so many cores keep nobody waiting for one. */
  readonly cores: number;
  /** Whether its rows tell when they were asked. */
  readonly timed: boolean;
  /** Rows that are no task's own doing and are left out: interrupts, and what unmanaged consumers say. */
  readonly leftOut: number;
}

export interface RecordedTask {
  readonly arrivalUs: number;
  readonly endUs: number;
  readonly asks: readonly AskPlan[];
}

/** A task goes at its own pace: from this to this much of the recorded time. */
const PACE = { least: 0.75, most: 1.25 };

/** The workload that a trace is. */
export function recordedWorkload({ file, tasks, collector, layout }: RecordedTrace): Workload {
  return {
    name: file,
    about: "a recorded trace",
    executor: { collector, layout },
    plan(seed) {
      const random = new Random(seed);
      const jobs = tasks.map(({ arrivalUs, asks }) => {
        const slowness = PACE.least + (PACE.most - PACE.least) * random.fraction();
        const task: TaskPlan = { reads: [], inputBytes: 0, operators: [], slowness, asks };
        return { arrivalUs, stages: [{ name: "recorded", tasks: [task] }] };
      });
      return { jobs, rdds: [] };
    },
  };
}

/** Reads a trace to its end. Throws Unreadable. */
export async function readRecorded(recorded: RecordedFile): Promise<RecordedTrace> {
  const reading = new Reading(readHeader(recorded.header, recorded.file), recorded.file);
  for await (const { row, line } of rowsOf(recorded)) reading.take(row, line);
  return reading.end();
}

/** A task that has not ended. */
interface Growing extends RecordedTask {
  /** When its last request was answered. */
  endUs: number;
  readonly asks: Asked[];
}

type Asked = { -readonly [Key in keyof AskPlan]: AskPlan[Key] };

/** The task of rows that name none. */
const BLOCKS = null;

class Reading {
  readonly #header: TraceHeader;
  readonly #file: string;
  readonly #tasks: Growing[] = [];
  /** Those that have not ended. */
  readonly #open = new Map<number | null, Growing>();
  /** Requests that wait, by row, with their task. */
  readonly #waiting = new Map<number, { readonly asked: Asked; readonly task: Growing }>();
  readonly #puts = new Map<string, PutAsk>();
  #nowUs = 0;
  #firstUs: number | null = null;
  #timed = false;
  #leftOut = 0;

  constructor(header: TraceHeader, file: string) {
    this.#header = header;
    this.#file = file;
  }

  take(row: Row, line: number): void {
    this.#tick(row, line);
    for (const { i, result } of row.resumed ?? []) this.#resume(i, result);
    // A what-if has not asked it.
    if (row.result["skipped"] !== undefined) return;
    switch (row.op) {
      case "retry":
        this.#retry(row);
        return;
      case "interrupt":
      case "unmanagedRegister":
      case "unmanagedAnswer":
      case "unmanagedUnregister":
      case "unmanagedUsed":
      case "unmanagedPoll":
      case "unmanagedClear":
        this.#leftOut += 1;
        return;
      default:
        this.#add(row);
    }
  }

  end(): RecordedTrace {
    const { conf, pageSize, generation, collector, manager } = this.#header;
    return {
      file: this.#file,
      // What Spark derives from the number of cores stays as it was.
      conf: { "spark.buffer.pageSize": String(pageSize), ...conf },
      generation,
      collector,
      layout: manager,
      tasks: this.#tasks,
      cores: mostAtOnce(this.#tasks),
      timed: this.#timed,
      leftOut: this.#leftOut,
    };
  }

  #add(row: Extract<Row, AskPlan["ask"]>): void {
    const owner = isAboutBlocks(row) ? BLOCKS : row.task;
    const task = this.#open.get(owner) ?? this.#begin(owner);
    const asked: Asked = {
      afterUs: this.#nowUs - task.endUs,
      ask: askOf(row),
      gotBytes: 0,
      page: null,
      found: row.op === "get" && row.result["bytes"] !== null ? this.#found(row) : null,
    };
    task.asks.push(asked);
    task.endUs = this.#nowUs;
    if (row.op === "put") this.#puts.set(row.block, asked.ask as PutAsk);
    if (row.op === "endTask") this.#open.delete(owner);
    if (row.result["waits"] === true) this.#waiting.set(row.i, { asked, task });
    else answer(asked, row.result);
  }

  #begin(owner: number | null): Growing {
    const task: Growing = { arrivalUs: this.#nowUs, endUs: this.#nowUs, asks: [] };
    this.#tasks.push(task);
    this.#open.set(owner, task);
    return task;
  }

  /** How a block had been put that was found. */
  #found({ block, result }: { readonly block: string; readonly result: Row["result"] }): PutAsk {
    const bytes = result["bytes"] as number;
    return { op: "put", mode: "onHeap", onEvict: "gone", ...this.#puts.get(block), block, bytes };
  }

  #resume(row: number, result: Row["result"]): void {
    const waiting = this.#waiting.get(row);
    if (waiting === undefined || result["waits"] === true) return;
    this.#waiting.delete(row);
    answer(waiting.asked, result);
    waiting.task.endUs = this.#nowUs;
  }

  /** A further look of a request whose looks are rows. */
  #retry({ task, bytes, mode, result }: Extract<Row, { op: "retry" }>): void {
    for (const [row, { asked }] of this.#waiting) {
      const { ask } = asked;
      if (ask.op !== "execAcquire" || ask.task !== task || ask.bytes !== bytes || ask.mode !== mode) continue;
      this.#resume(row, result);
      return;
    }
  }

  #tick({ i, atUs }: Row, line: number): void {
    if (i === 1) this.#timed = atUs !== undefined;
    if ((atUs !== undefined) !== this.#timed) {
      const says = this.#timed
        ? "tells no time (atUs), as the rows before it do"
        : "tells a time (atUs), and rows before it do not";
      throw new Unreadable(this.#file, line, says);
    }
    this.#firstUs ??= atUs ?? 0;
    const nowUs = atUs === undefined ? (i - 1) * ROW_US : atUs - this.#firstUs;
    if (nowUs < this.#nowUs) throw new Unreadable(this.#file, line, "was asked before the row before it (atUs)");
    this.#nowUs = nowUs;
  }
}

/** The request of a row, alone. */
function askOf(row: Extract<Row, AskPlan["ask"]>): AskPlan["ask"] {
  const { i: _i, atUs: _atUs, ...ask } = requestOf(row) as typeof row;
  return ask;
}

function answer(asked: Asked, { granted, stored, page, bytes }: Row["result"]): void {
  const all = "bytes" in asked.ask ? asked.ask.bytes : 0;
  if (typeof page === "number") [asked.page, asked.gotBytes] = [page, bytes as number];
  else if (typeof granted === "number") asked.gotBytes = granted;
  else if (granted === true || stored === true) asked.gotBytes = all;
}

/** Tasks that were there at the same time, at most; 1 or more. */
function mostAtOnce(tasks: readonly RecordedTask[]): number {
  const ends = tasks.map(({ endUs }) => endUs).sort((a, b) => a - b);
  let ended = 0;
  let most = 1;
  // They lie in the order in which they came.
  tasks.forEach(({ arrivalUs }, before) => {
    while (ends[ended]! < arrivalUs) ended += 1;
    most = Math.max(most, before + 1 - ended);
  });
  return most;
}
