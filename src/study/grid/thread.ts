// A thread of a measuring process: takes its place in the executor, and does a task whenever it is told to.

import { parentPort, workerData } from "node:worker_threads";
import { attachExecutor } from "../../shared.js";
import type { ThreadAnswer, ThreadData } from "./protocol.js";
import { Seat } from "./seat.js";

const { plan, place, taskNumber } = workerData as ThreadData;
const port = parentPort!;
const tell = (answer: ThreadAnswer): void => port.postMessage(answer);
const trouble = (error: unknown): void =>
  tell({ tell: "trouble", message: error instanceof Error ? error.message : String(error) });

try {
  const seat = new Seat(plan, attachExecutor(place), taskNumber);
  port.on("message", () => {
    void seat.turn().then((result) => tell({ tell: "done", result }), trouble);
  });
  tell({ tell: "ready", ballastBytes: seat.ballastBytes });
} catch (error) {
  trouble(error);
}
