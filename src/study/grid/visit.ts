// One visit to a setting: a fresh process for each mode, warm-ups, then repetitions in turn, each output checked.

import { fileURLToPath } from "node:url";
import { type Mode, OFF_HEAP, ON_HEAP } from "../../memory/mode.js";
import { untilAborted } from "../abort.js";
import { Measurer, MeasurerFailed } from "../measurer.js";
import { type Conf, confOf } from "../plan.js";
import { type Experiment, MOST_REPETITIONS } from "./experiment.js";
import type { CellPlan, Counted, ProcessResult, TaskResult } from "./protocol.js";
import { answerOf } from "./reference.js";
import { type CellVisit, collectedByKind, packed, type Repetition, type Visit } from "./repetition.js";
import { makeRows, needOf, pageBytesOf } from "./rows.js";
import type { Setting } from "./setting.js";
import { Histogram } from "../histogram.js";

const ENTRY = fileURLToPath(new URL("./child.js", import.meta.url));

/** Heap that a measuring process may have besides its live objects. */
const SPARE_HEAP_MIB = 4096;

type ModeTitle = Visit["first"];

/** Goes to a setting and measures it in both modes. */
export type Measure = (setting: Setting, first: ModeTitle, signal: AbortSignal) => Promise<Visit>;

/** Measures in processes of their own, whose files lie in `directory`. */
export function measureIn(directory: string, experiment: Experiment): Measure {
  const answers = new Map<string, string>();
  return async (setting, first, signal) => {
    const hashes = expected(setting, experiment, answers);
    const startMs = performance.now();
    const measured = await measure(setting, first, signal, { directory, experiment, hashes });
    return { setting, first, seconds: (performance.now() - startMs) / 1000, ...measured };
  };
}

/** The Spark configuration of a cell. */
export function cellConf(setting: Setting, mode: Mode, dataBytes: number): Conf {
  const need = needOf(setting, dataBytes);
  const memoryBytes = Math.floor(need / setting.share);
  const pageBytes = pageBytesOf(memoryBytes, setting.cores);
  return confOf(mode, { memoryBytes, pageBytes, compress: null, cores: setting.cores, conf: {} }, need);
}

interface Around {
  readonly directory: string;
  readonly experiment: Experiment;
  /** What each task must answer. */
  readonly hashes: readonly string[];
}

async function measure(
  setting: Setting,
  first: ModeTitle,
  signal: AbortSignal,
  { directory, experiment, hashes }: Around,
): Promise<Pick<Visit, "onHeap" | "offHeap">> {
  const { dataBytes, seed, warmUps } = experiment;
  const execArgv = [`--max-old-space-size=${SPARE_HEAP_MIB + Math.ceil((2 * setting.ballastBytes) / 2 ** 20)}`];
  const cellOf = (mode: Mode): Cell => {
    const plan: CellPlan = { mode, conf: cellConf(setting, mode, dataBytes), setting, dataBytes, seed, directory };
    return { measurer: new Measurer(plan, ENTRY, execArgv), trouble: null, residentBaseBytes: 0, repetitions: [] };
  };
  const onHeap = cellOf(ON_HEAP);
  const offHeap = cellOf(OFF_HEAP);
  const order = first === "on-heap" ? [onHeap, offHeap] : [offHeap, onHeap];
  try {
    for (const cell of order)
      await attempt(cell, async () => {
        cell.residentBaseBytes = await untilAborted(cell.measurer.open(), signal);
      });
    for (let turn = 0; turn < warmUps || wantsMore(experiment, turn - warmUps, order); turn += 1) {
      for (const cell of turn % 2 === 0 ? order : order.toReversed()) {
        await attempt(cell, async () => {
          const result = await untilAborted(cell.measurer.round(), signal);
          if (turn >= warmUps) cell.repetitions.push(repetitionOf(result, hashes));
        });
      }
    }
    return { onHeap: cellVisitOf(onHeap), offHeap: cellVisitOf(offHeap) };
  } finally {
    await Promise.all(order.map(({ measurer }) => measurer.kill()));
  }
}

/** Both modes repeat equally often. */
function wantsMore(experiment: Experiment, done: number, cells: readonly Cell[]): boolean {
  if (done < experiment.repetitions) return true;
  if (done >= MOST_REPETITIONS * experiment.repetitions) return false;
  return cells.every(
    ({ repetitions }) => repetitions.reduce((sum, { seconds }) => sum + seconds, 0) < experiment.seconds,
  );
}

interface Cell {
  readonly measurer: Measurer<CellPlan, ProcessResult>;
  trouble: string | null;
  residentBaseBytes: number;
  readonly repetitions: Repetition[];
}

/** What a process cannot do is a result like others, and it is asked no more. */
async function attempt(cell: Cell, step: () => Promise<void>): Promise<void> {
  if (cell.trouble !== null) return;
  try {
    await step();
  } catch (error) {
    if (!(error instanceof MeasurerFailed)) throw error;
    cell.trouble = error.message;
  }
}

function cellVisitOf({ measurer, trouble, residentBaseBytes, repetitions }: Cell): CellVisit {
  return { trouble, ballastBytes: measurer.ballastBytes, residentBaseBytes, repetitions };
}

function repetitionOf({ tasks, ...process }: ProcessResult, hashes: readonly string[]): Repetition {
  const sum = (of: (task: TaskResult) => number): number => tasks.reduce((total, task) => total + of(task), 0);
  const started = Math.min(...tasks.map(({ startMs }) => startMs));
  const ended = Math.max(...tasks.map(({ endMs }) => endMs));
  return {
    rows: sum(({ rows }) => rows),
    seconds: (ended - started) / 1000,
    taskSeconds: sum(({ startMs, endMs }) => endMs - startMs) / 1000,
    correct: tasks.every(({ hash }, i) => hash === hashes[i]),
    spills: sum(({ spills }) => spills),
    memoryBytesSpilled: sum((task) => task.memoryBytesSpilled),
    diskBytesSpilled: sum((task) => task.diskBytesSpilled),
    shortGrants: sum(({ shortGrants }) => shortGrants),
    peakBytes: sum(({ peakBytes }) => peakBytes),
    gc: collectedByKind(tasks.flatMap(({ gc }) => gc)),
    acquires: together(tasks.map(({ acquires }) => acquires)),
    batches: together(tasks.map(({ batches }) => batches)),
    heapBytes: sum(({ heapBytes }) => heapBytes),
    arenaBytes: tasks[0]!.arenaBytes,
    fragmentation: Math.max(...tasks.map(({ fragmentation }) => fragmentation)),
    ...process,
  };
}

function together(counted: readonly Counted[]): number[] {
  const all = new Histogram();
  for (const one of counted) all.add(one);
  return packed(all);
}

/** The right answer of each task; made once for settings that differ in what answers do not depend on. */
function expected(setting: Setting, { dataBytes, seed }: Experiment, known: Map<string, string>): string[] {
  const { workload, recordBytes, cores } = setting;
  return Array.from({ length: cores }, (_, task) => {
    const name = `${workload} ${recordBytes} ${cores} ${task}`;
    let hash = known.get(name);
    if (hash === undefined) known.set(name, (hash = answerOf(workload, makeRows(setting, dataBytes, seed, task))));
    return hash;
  });
}
