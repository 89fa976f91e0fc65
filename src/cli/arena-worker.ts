// A thread of `arena --workers`: replays its part of the trace on the arena that all share.

import { parentPort, workerData } from "node:worker_threads";
import { targetOver } from "../alloc-trace/arena-target.js";
import { type PartReplay, type ReplayBoard, replayPart } from "../alloc-trace/part-replay.js";
import type { TracePart } from "../alloc-trace/parts.js";
import { Arena, type ArenaMemories } from "../memory/arena.js";

export interface PartOrder {
  readonly memories: ArenaMemories;
  readonly worker: number;
  readonly workers: number;
  readonly part: TracePart;
  readonly board: ReplayBoard;
}

const { memories, worker, workers, part, board } = workerData as PartOrder;
const done: PartReplay = replayPart(part, board, targetOver(Arena.attach(memories, worker)), workers);
parentPort!.postMessage(done);
