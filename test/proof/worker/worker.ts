// A worker of a run: attaches to the accounts, does its program, and records every call with its invocation and response.
// Compiled into build/scheduled by scripts/scheduled.mjs, with the module that its variant is for.

import { workerData } from "node:worker_threads";
import { MUST_WAIT } from "../../../src/policy/policy.js";
import type { MemoryManager } from "../../../src/memory/manager.js";
import { SharedLedger } from "../../../src/memory/shared-ledger.js";
import { MemoryBusy } from "../../../src/memory/wait.js";
import {
  ARRIVED,
  awaitTurn,
  CONTROLLER,
  createControl,
  ENDING,
  EVENT_NUMBERS,
  EVENTS_OF,
  giveTurn,
  MAX_EVENTS,
  real,
  STAMP,
  THROUGH,
  WORKERS,
} from "./control.js";
import type { Layout } from "./laws.js";
import { managerOver, perform } from "./perform.js";
import { type Call, CALLS, type Operation, readPools, readProgram } from "./program.js";
import { Ended, FIRST_WORKER, interpose, Scheduler } from "./scheduler.js";

/** What a worker is started with. */
export interface WorkerSettings {
  readonly control: SharedArrayBuffer;
  readonly memory: WebAssembly.Memory;
  readonly me: number;
  readonly layout: Layout;
  readonly free: boolean;
}

/** Longest sleep of a free run, milliseconds: a wake-up that Spark's rules do not owe must not end it. */
const FREE_WAIT_MS = 20;

const settings = workerData as WorkerSettings;
const { me, memory } = settings;
const control = createControl(settings.control);
const { words, events } = control;
const scheduler = settings.free ? null : new Scheduler(control, me, memory, settings.layout);
if (scheduler !== null) interpose(() => scheduler, memory);

serve();

function serve(): void {
  for (;;) {
    awaitTurn(control, me);
    if (words[ENDING] === 2) return;
    if (words[ENDING] === 1) giveTurn(control, CONTROLLER);
    else if (scheduler === null) runFreely();
    else runScheduled(scheduler);
  }
}

function runScheduled(steps: Scheduler): void {
  try {
    try {
      const { ledger, manager } = attach();
      steps.begin();
      runProgram(ledger, manager);
      steps.done();
    } catch (error) {
      if (error instanceof Ended) throw error;
      steps.fail(error instanceof Error ? `${error.name}: ${error.message}\n${error.stack}` : String(error));
    }
  } catch (error) {
    if (!(error instanceof Ended)) throw error;
    steps.unwound();
  }
}

function runFreely(): void {
  const { ledger, manager } = attach();
  real.add(words, ARRIVED, 1);
  for (let spins = 0; real.load(words, ARRIVED) < words[WORKERS]!; spins += 1)
    if (spins > 20_000) real.wait(words, ARRIVED, real.load(words, ARRIVED), 1);
  real.notify(words, ARRIVED);
  runProgram(ledger, manager);
  if (real.add(words, THROUGH, 1) + 1 === words[WORKERS]) giveTurn(control, CONTROLLER);
}

function attach(): { ledger: SharedLedger; manager: MemoryManager } {
  const hasty = readProgram(control.programs, me).some(({ does }) => does === "recover" || does === "settle");
  const patienceMs = hasty ? 1 : Infinity;
  const ledger = SharedLedger.attach(memory, { tenant: { worker: me + FIRST_WORKER, tenancy: 1 }, patienceMs });
  return { ledger, manager: managerOver(ledger, readPools(control.pools), true) };
}

function runProgram(ledger: SharedLedger, manager: MemoryManager): void {
  readProgram(control.programs, me).forEach((operation, index) => {
    if (operation.does === "die") die(ledger, operation);
    else if (operation.does === "recover") recover(ledger);
    else if (operation.does === "acquire") acquire(index, ledger, manager, operation);
    else record(index, operation.does, manager, operation);
  });
}

function acquire(
  index: number,
  ledger: SharedLedger,
  manager: MemoryManager,
  operation: Operation & { does: "acquire" },
): void {
  let granted = record(index, "acquire", manager, operation);
  while (granted === MUST_WAIT) {
    const briefly = settings.free || operation.waits === "briefly";
    if (ledger.sleep(manager.waitEpoch, briefly ? FREE_WAIT_MS : Number.POSITIVE_INFINITY)) {
      granted = record(index, "retry", manager, operation);
    } else {
      record(index, "giveUp", manager, operation);
      return;
    }
  }
}

function record(index: number, call: Call, manager: MemoryManager, operation: Operation): number {
  const event = words[EVENTS_OF + me]!;
  if (event === MAX_EVENTS) throw new Error(`more than ${MAX_EVENTS} calls`);
  words[EVENTS_OF + me] = event + 1;
  const at = (me * MAX_EVENTS + event) * EVENT_NUMBERS;
  events[at] = index;
  events[at + 1] = CALLS.indexOf(call);
  events[at + 3] = 0;
  events[at + 2] = real.add(words, STAMP, 1) + 1;
  const answer = operation.does === "churn" ? churn(manager, operation) : perform(manager, call, operation);
  events[at + 4] = answer;
  events[at + 3] = real.add(words, STAMP, 1) + 1;
  return answer;
}

function die(ledger: SharedLedger, { bytes, task }: Operation & { does: "die" }): void {
  ledger.begin();
  ledger.enter(task, 0);
  ledger.grant(bytes, task, 0);
  scheduler!.die();
}

// Buries whoever dies, to the end of the run. Its patience is bounded: the lock may be with one more who is dead.
function recover(ledger: SharedLedger): void {
  const buried = new Set<number>();
  for (;;) {
    for (const dead of scheduler!.awaitDeath(buried.size)) {
      if (buried.has(dead)) continue;
      try {
        ledger.recover({ worker: dead + FIRST_WORKER, tenancy: 1 });
        buried.add(dead);
      } catch (error) {
        if (!(error instanceof MemoryBusy)) throw error;
      }
    }
  }
}

// Mostly within the task's share, at times beyond it, at times all of it back. Returns what the task should hold.
function churn(manager: MemoryManager, { bytes: times, task, seed }: Operation & { does: "churn" }): number {
  let x = seed | 1;
  let held = 0;
  for (let i = 0; i < times; i += 1) {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    const amount = 1 + ((x >>> 8) & 1023);
    if ((x & 1) === 0 || held === 0) {
      const granted = manager.acquireExecution((x & 0xf0) === 0 ? amount * 64 : amount, task, 0);
      if (granted === MUST_WAIT) manager.giveUpExecution();
      else held += granted;
    } else {
      held -= manager.releaseExecution((x & 0xf0) === 0 ? held : Math.min(held, amount), task, 0);
    }
  }
  return held;
}
