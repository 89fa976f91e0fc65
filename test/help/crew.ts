// Threads that work on one arena, for tests.

import { Worker } from "node:worker_threads";
import type { Arena } from "../../src/memory/arena.js";

/** Word 0 stops all workers, word 1 counts those that have begun, the rest are blocks on their way. */
export function crewBoard(): Int32Array {
  return new Int32Array(new SharedArrayBuffer(4 * 34));
}

export interface CrewThread {
  readonly thread: Worker;
  /** Resolves when it is through, rejects with what it threw; a thread that was terminated resolves, too. */
  readonly done: Promise<void>;
}

/** Starts worker `worker`, who does `acts` things drawn from `seed`. */
export function crewThread(
  arena: Arena,
  board: Int32Array,
  order: { worker: number; seed: number; acts: number },
): CrewThread {
  const workerData = { memories: arena.memories, board, ...order };
  const thread = new Worker(new URL("./crew-worker.mjs", import.meta.url), { workerData });
  const done = new Promise<void>((resolve, reject) => {
    thread.once("error", reject);
    thread.once("exit", () => resolve());
  });
  return { thread, done };
}

/** Waits until `count` threads have begun since the board was made. */
export async function begun(board: Int32Array, count: number): Promise<void> {
  while (Atomics.load(board, 1) < count) await new Promise((resolve) => setTimeout(resolve, 1));
}
