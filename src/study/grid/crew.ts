// All threads of a measuring process. One core is the process's own thread with an executor of its own, as a program of one
// thread has it; more are as many threads at places of one shared executor.

import { Worker } from "node:worker_threads";
import { openExecutor } from "../../executor.js";
import { Refusal } from "../../fault.js";
import type { MemoryManager } from "../../memory/manager.js";
import { shareExecutor } from "../../shared.js";
import { residentPeakBytes } from "../resident.js";
import { boundaryToStart } from "../sort.js";
import type { CellPlan, ProcessResult, TaskResult, ThreadAnswer, ThreadData } from "./protocol.js";
import { Seat } from "./seat.js";

export interface Crew {
  readonly ballastBytes: number;
  readonly manager: MemoryManager;
  /** One task of each thread, all at once. */
  turn(): Promise<TaskResult[]>;
  close(): void;
}

export async function openCrew(plan: CellPlan): Promise<Crew> {
  return plan.setting.cores === 1 ? alone(plan) : together(plan);
}

/** One measured repetition. */
export async function repeat(crew: Crew, { setting, mode }: CellPlan): Promise<ProcessResult> {
  if (setting.workload !== "scan") boundaryToStart(crew.manager, mode);
  const before = process.resourceUsage();
  const tasks = await crew.turn();
  const after = process.resourceUsage();
  const microseconds = after.userCPUTime + after.systemCPUTime - before.userCPUTime - before.systemCPUTime;
  return {
    tasks,
    cpuSeconds: microseconds / 1e6,
    residentBytes: process.memoryUsage.rss(),
    residentPeakBytes: residentPeakBytes(),
    minorFaults: after.minorPageFault - before.minorPageFault,
    majorFaults: after.majorPageFault - before.majorPageFault,
  };
}

function alone(plan: CellPlan): Crew {
  const executor = openExecutor({ conf: plan.conf, cores: 1 });
  const seat = new Seat(plan, executor, 0);
  return {
    ballastBytes: seat.ballastBytes,
    manager: executor.manager,
    turn: async () => [await seat.turn()],
    close: () => seat.close(),
  };
}

/** Heap that a thread may have besides its live objects. */
const SPARE_HEAP_MIB = 2048;

async function together(plan: CellPlan): Promise<Crew> {
  const { cores, ballastBytes } = plan.setting;
  const executor = shareExecutor({ conf: plan.conf, cores, workers: cores + 1 });
  const hands = Array.from({ length: cores }, (_, taskNumber) => {
    const place = executor.place();
    const maxOldGenerationSizeMb = SPARE_HEAP_MIB + Math.ceil((2 * ballastBytes) / cores / 2 ** 20);
    const worker = new Worker(new URL("./thread.js", import.meta.url), {
      workerData: { plan, place, taskNumber } satisfies ThreadData,
      resourceLimits: { maxOldGenerationSizeMb },
    });
    executor.supervise(worker, place);
    return worker;
  });
  const made = await Promise.all(hands.map(async (hand) => (await answerOf(hand, "ready")).ballastBytes));
  return {
    ballastBytes: made.reduce((sum, bytes) => sum + bytes, 0),
    manager: executor.manager,
    turn: () =>
      Promise.all(
        hands.map(async (hand) => {
          const answer = answerOf(hand, "done");
          hand.postMessage("go");
          return (await answer).result;
        }),
      ),
    close: () => {
      for (const hand of hands) void hand.terminate();
    },
  };
}

function answerOf<T extends ThreadAnswer["tell"]>(hand: Worker, tell: T): Promise<ThreadAnswer & { tell: T }> {
  return new Promise((resolve, reject) => {
    const done = (): void => {
      hand.off("message", onMessage);
      hand.off("error", onError);
      hand.off("exit", onExit);
    };
    const onMessage = (answer: ThreadAnswer): void => {
      done();
      if (answer.tell === tell) resolve(answer as ThreadAnswer & { tell: T });
      else
        reject(new Refusal(answer.tell === "trouble" ? answer.message : `a thread told ${answer.tell}, not ${tell}`));
    };
    const onError = (error: Error): void => {
      done();
      reject(error);
    };
    const onExit = (code: number): void => {
      done();
      reject(new Refusal(`a thread ended early (exit code ${code})`));
    };
    hand.on("message", onMessage);
    hand.on("error", onError);
    hand.on("exit", onExit);
  });
}
