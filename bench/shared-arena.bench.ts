// What it costs to share an arena, and what is gained: one worker against the arena for one thread, two workers on one arena
// against one worker on it, and beside them two threads that only compute, which is what the machine has to give.

import { type Trace, traces } from "./arena.bench.js";
import { readTraceFile } from "./alloc-replays.js";
import { atLeast, type Bench, type Case, type Contender, MILLION_OPS, parameter, type Settings } from "./harness.js";
import { fold } from "./hash.js";
import { answerOf, threaded, threadOf } from "./threads.js";
import type { TraceFormat } from "../src/alloc-trace/trace.js";
import { Arena, type ArenaMemories } from "../src/memory/arena.js";

export const MIB = 2 ** 20;

/** What a thread is told. */
export interface CrewOrder {
  readonly memories: ArenaMemories;
  /** Its number on the arena; undefined on an arena for one thread. */
  readonly worker: number | undefined;
  /** Threads that start each round together, and where they meet. */
  readonly workers: number;
  readonly gate: Int32Array;
  readonly job: Job;
  readonly ops: number;
}

export interface Job {
  readonly kind: "page" | "pages" | "trace" | "compute";
  readonly file?: string;
  readonly format?: TraceFormat;
}

export const sharedArena: Bench = {
  name: "shared-arena",
  about:
    "Threads on one arena, operations of all together: `page` allocates and frees one page at a time, `pages` holds eight of 128 KiB " +
    "to 1 MiB, a trace is replayed by each thread for itself. `alone` is one worker beside the arena for one thread; the other rows " +
    "are two workers beside one. `compute` has no arena in it: what two threads gain here at best.",
  cases: (settings) => {
    const [page, ...others] = jobs(settings);
    // Starting threads takes long where a test runs the source.
    if (settings.scale === "tiny") return [scaled(settings, ...page!, true), alone(settings, ...others.at(-1)!)];
    return [
      scaled(settings, "compute", { kind: "compute" }, false),
      ...[page!, ...others].flatMap(([name, job]) => [alone(settings, name, job), scaled(settings, name, job, true)]),
    ];
  },
};

function jobs(settings: Settings): [string, Job][] {
  return [["page", { kind: "page" }], ["pages", { kind: "pages" }], ...chosen(settings).map(traceJob)];
}

function traceJob({ name, file, format }: Trace): [string, Job] {
  return [name, { kind: "trace", file, format }];
}

/** One of each format: the longest that is there, which for a test is short enough. */
function chosen(settings: Settings): Trace[] {
  const longest = new Map<TraceFormat, [number, Trace]>();
  for (const trace of traces(settings.traces)) {
    const { operations } = readTraceFile(trace.file, trace.format);
    if (operations > MOST_OPERATIONS) continue;
    if (operations > (longest.get(trace.format)?.[0] ?? 0)) longest.set(trace.format, [operations, trace]);
  }
  return [...longest.values()].map(([, trace]) => trace);
}

const MOST_OPERATIONS = 1_000_000;

function scaled(settings: Settings, name: string, job: Job, counts: boolean): Case {
  return {
    name: `${name}, 2 workers`,
    unit: MILLION_OPS,
    goal: () => (counts ? atLeast(1.7) : null),
    ours: () => threads(settings, "2 workers", 2, true, job),
    peers: [() => threads(settings, "1 worker", 1, true, job)],
  };
}

function alone(settings: Settings, name: string, job: Job): Case {
  return {
    name: `${name}, alone`,
    unit: MILLION_OPS,
    ours: () => threads(settings, "1 worker", 1, true, job),
    peers: [() => threads(settings, "arena for one thread", 1, false, job)],
  };
}

/** `workers` threads that do the job at the same time, as often each as one of them alone. */
async function threads(settings: Settings, name: string, workers: number, crew: boolean, job: Job): Promise<Contender> {
  const arena = Arena.create({ limitBytes: 512 * MIB, ...(crew ? { workers: 3 } : {}) });
  const gate = new Int32Array(new SharedArrayBuffer(4));
  const ops = parameter(settings, 100, 2_000_000, 300_000);
  const crewOf = Array.from({ length: workers }, (_, i): CrewOrder => {
    return { memories: arena.memories, worker: crew ? i + 2 : undefined, workers, gate, job, ops };
  }).map((order) => threadOf("shared-arena-worker", order));
  await Promise.all(crewOf.map(answerOf));
  let rounds = 0;
  const round = async () => {
    rounds += 1;
    const answers = crewOf.map(answerOf<{ seconds: number; hash: number }>);
    for (const each of crewOf) each.postMessage(rounds);
    const done = await Promise.all(answers);
    const hash = done.reduce((same, each) => (each.hash === same ? same : fold(same, each.hash)), done[0]!.hash);
    return { ops: ops * workers, seconds: Math.max(...done.map(({ seconds }) => seconds)), hash };
  };
  return threaded(settings, name, crewOf, round);
}
