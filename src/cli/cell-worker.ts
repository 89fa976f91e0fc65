// A thread that runs cells of an experiment, one at a time, as it is told.

import { parentPort, workerData } from "node:worker_threads";
import type { Cell } from "../sim/experiment.js";
import { cellRunner, type Given } from "./cells.js";

const run = await cellRunner(workerData as Given);

parentPort!.on("message", (cell: Cell) => parentPort!.postMessage(run(cell), []));
