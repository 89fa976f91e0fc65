// A thread that runs cells of an experiment, one at a time, as it is told.

import { parentPort, workerData } from "node:worker_threads";
import { Refusal } from "../fault.js";
import type { Cell } from "../sim/experiment.js";
import { type CellAnswer, cellRunner, type Given } from "./cells.js";

const run = await cellRunner(workerData as Given);

parentPort!.on("message", (cell: Cell) => parentPort!.postMessage(answerTo(cell), []));

// Errors lose their class on the way to another thread: what is the user's to mend goes as an answer.
function answerTo(cell: Cell): CellAnswer {
  try {
    return { result: run(cell) };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return { refused: error.message };
  }
}
