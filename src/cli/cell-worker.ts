// A thread that runs cells of an experiment, one at a time, as it is told.

import { parentPort, workerData } from "node:worker_threads";
import { loadPolicies } from "../lab/load-policy.js";
import { type Cell, type Experiment, runCell } from "../sim/experiment.js";

const experiment = workerData as Experiment;
const policyOf = await loadPolicies(experiment.policies);

parentPort!.on("message", (cell: Cell) =>
  parentPort!.postMessage({ ...cell, outcome: runCell(experiment, cell, policyOf) }, []),
);
