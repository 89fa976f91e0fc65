// Replays a trace by several threads over one arena, each with a worker's place of its own.

import { Worker } from "node:worker_threads";
import { type PartReplay, replayBoard } from "../alloc-trace/part-replay.js";
import { partsOf } from "../alloc-trace/parts.js";
import type { Violation } from "../alloc-trace/shadow.js";
import type { AllocTrace } from "../alloc-trace/trace.js";
import { Arena, type ArenaOptions } from "../memory/arena.js";
import type { PartOrder } from "./arena-worker.js";

export interface CrewReplay {
  readonly arena: Arena;
  /** Of the slowest worker. */
  readonly seconds: number;
  readonly refused: number;
  readonly refusedFrees: number;
  readonly violations: number;
  readonly first: readonly Violation[];
}

/** Replays `trace` by `workers` threads in an arena of these options; `observed` keeps a shadow of its data. */
export async function replayByWorkers(
  trace: AllocTrace,
  workers: number,
  options: ArenaOptions,
  observed: boolean,
): Promise<CrewReplay> {
  const arena = Arena.create({ ...options, workers: workers + 1 });
  const parted = partsOf(trace, workers);
  const board = replayBoard(parted, observed ? arena.limitBytes : 0);
  const done = await Promise.all(
    parted.parts.map((part, i) => run({ memories: arena.memories, worker: i + 2, workers, part, board })),
  );
  const sum = (of: (part: PartReplay) => number): number => done.reduce((total, part) => total + of(part), 0);
  const first = done.flatMap((part) => part.first);
  let violations = sum((part) => part.violations);
  const object = (kind: Violation["kind"], detail: string): void => {
    violations += 1;
    first.push({ kind, call: trace.operations, detail });
  };
  const left = sum((part) => part.left);
  if (arena.liveBlocks !== left)
    object("leak", `${left} blocks are live at the end and the allocator counts ${arena.liveBlocks}`);
  try {
    arena.check();
  } catch (error) {
    object("tables", (error as Error).message);
  }
  return {
    arena,
    seconds: Math.max(...done.map((part) => part.seconds)),
    refused: sum((part) => part.refused),
    refusedFrees: sum((part) => part.refusedFrees),
    violations,
    first,
  };
}

function run(order: PartOrder): Promise<PartReplay> {
  return new Promise((resolve, reject) => {
    const thread = new Worker(new URL("./arena-worker.js", import.meta.url), { workerData: order });
    thread.once("message", resolve);
    thread.once("error", reject);
    thread.once("exit", (code) => reject(new Error(`worker ${order.worker} ended with ${code} before its part`)));
  });
}
