// A thread that runs cells of an experiment, one at a time, as it is told.

import { parentPort, workerData } from "node:worker_threads";
import { Refusal } from "../fault.js";
import { loadPolicies } from "../lab/load-policy.js";
import { type Cell, type Experiment, runCell } from "../sim/experiment.js";
import type { CellAnswer } from "./cells.js";

const experiment = workerData as Experiment;
const policyOf = await loadPolicies(experiment.policies);

parentPort!.on("message", (cell: Cell) => parentPort!.postMessage(answerTo(cell), []));

// Errors lose their class on the way to another thread: what is the user's to mend goes as an answer.
function answerTo(cell: Cell): CellAnswer {
  try {
    return { result: { ...cell, outcome: runCell(experiment, cell, policyOf) } };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return { refused: error.message };
  }
}
