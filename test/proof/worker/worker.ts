// A worker of a run: attaches to the accounts, or to a whole executor, does its program, and records every call with its
// invocation and response. Compiled into build/scheduled by scripts/scheduled.mjs, with the module that its variant is for.

import { workerData } from "node:worker_threads";
import { wasmModule } from "../../../src/memory/wasm.js";
import { MUST_WAIT } from "../../../src/policy/policy.js";
import type { MemoryManager } from "../../../src/memory/manager.js";
import type { Tenant } from "../../../src/memory/places.js";
import { SharedLedger } from "../../../src/memory/shared-ledger.js";
import { MemoryBusy } from "../../../src/memory/wait.js";
import { attachExecutor, type Place } from "../../../src/shared.js";
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
  PASSED,
  PASSED_PAGES,
  real,
  STAMP,
  stagedReader,
  THROUGH,
  WORKERS,
  writeBelongings,
} from "./control.js";
import { Doer } from "./deeds.js";
import { Accounts, brokenLaw, type Layout } from "./laws.js";
import { brokenPages, Pages } from "./page-laws.js";
import { managerOver, perform } from "./perform.js";
import { type Call, CALLS, type Operation, type Scenario } from "./program.js";
import { Ended, interpose, Scheduler } from "./scheduler.js";

/** What a worker is started with. */
export interface WorkerSettings {
  readonly control: SharedArrayBuffer;
  readonly me: number;
  /** What is shared: the accounts, and of a whole executor the tables of its arena and the arena itself. */
  readonly memories: readonly WebAssembly.Memory[];
  readonly layouts: readonly Layout[];
  /** The place of a run's first worker; the others have the next ones. Of accounts alone, only who has it. */
  readonly first: Tenant | Place;
  readonly free: boolean;
}

/** Longest sleep of a free run, milliseconds: a wake-up that Spark's rules do not owe must not end it. */
const FREE_WAIT_MS = 20;

const settings = workerData as WorkerSettings;
const { me, memories, layouts, first } = settings;
const control = createControl(settings.control);
const { words, events } = control;
const staged = stagedReader<Scenario>(control);
/** Who this worker is in the accounts. */
let self = first.worker + me;
const scheduler = settings.free ? null : new Scheduler(control, me, memories, laws());
if (scheduler !== null) interpose(() => scheduler, memories);

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

/** Audits all that is shared. */
function laws(): () => string | null {
  const accounts = new Accounts(memories[0]!.buffer, layouts[0]!);
  const pages = memories.length === 1 ? null : new Pages(memories[1]!.buffer, layouts[1]!);
  return () =>
    brokenLaw(accounts, control.note, self) ?? (pages === null ? null : brokenPages(pages, control.pageNote, self));
}

function runScheduled(steps: Scheduler): void {
  try {
    try {
      if ("arenas" in first) {
        // To attach to an executor is part of the run.
        steps.begin();
        runDeeds(steps);
      } else {
        const { ledger, manager } = attach();
        steps.begin();
        runProgram(ledger, manager);
      }
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

function tenantOf(worker: number): Tenant {
  return { worker: first.worker + worker, tenancy: 1 };
}

// ---- accounts

function attach(): { ledger: SharedLedger; manager: MemoryManager } {
  const { pools, programs } = staged();
  const patienceMs = programs[me]!.some(({ does }) => does === "recover") ? 1 : Infinity;
  const ledger = SharedLedger.attach(memories[0]!, { tenant: tenantOf(me), patienceMs });
  return { ledger, manager: managerOver(ledger, pools, true) };
}

function runProgram(ledger: SharedLedger, manager: MemoryManager): void {
  staged().programs[me]!.forEach((operation, index) => {
    if (operation.does === "die") die(ledger, operation);
    else if (operation.does === "recover") bury((dead) => ledger.recover(dead));
    else if (operation.does === "acquire") acquire(index, ledger, manager, operation);
    else
      record(index, operation.does, () =>
        operation.does === "churn" ? churn(manager, operation) : perform(manager, operation.does, operation),
      );
  });
}

function acquire(
  index: number,
  ledger: SharedLedger,
  manager: MemoryManager,
  operation: Operation & { does: "acquire" },
): void {
  const calling = (call: Call): number => record(index, call, () => perform(manager, call, operation));
  let granted = calling("acquire");
  while (granted === MUST_WAIT) {
    const briefly = settings.free || operation.waits === "briefly";
    if (ledger.sleep(manager.waitEpoch, briefly ? FREE_WAIT_MS : Number.POSITIVE_INFINITY)) {
      granted = calling("retry");
    } else {
      calling("giveUp");
      return;
    }
  }
}

function record(index: number, call: Call, answerOf: () => number): number {
  const event = words[EVENTS_OF + me]!;
  if (event === MAX_EVENTS) throw new Error(`more than ${MAX_EVENTS} calls`);
  words[EVENTS_OF + me] = event + 1;
  const at = (me * MAX_EVENTS + event) * EVENT_NUMBERS;
  events[at] = index;
  events[at + 1] = CALLS.indexOf(call);
  events[at + 3] = 0;
  events[at + 2] = real.add(words, STAMP, 1) + 1;
  const answer = answerOf();
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
function bury(recover: (dead: Tenant) => void): void {
  const buried = new Set<number>();
  for (;;) {
    for (const dead of scheduler!.awaitDeath(buried.size)) {
      if (buried.has(dead)) continue;
      try {
        recover(tenantOf(dead));
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

// ---- whole executors

function runDeeds(steps: Scheduler): void {
  const passed = words.subarray(PASSED, PASSED + PASSED_PAGES);
  const doer = new Doer((tenant) => {
    const place = placeOf(tenant ?? tenantOf(me));
    self = place.worker;
    return attachExecutor(place);
  }, passed);
  staged().programs[me]!.forEach((operation, index) => {
    if (operation.does === "die") steps.die();
    else if (operation.does === "recover") bury((dead) => buryTwice(doer, dead));
    else record(index, operation.does, () => doer.do(operation.does, operation));
  });
  writeBelongings(control, me, doer.belongings());
}

/** Where a worker attaches: over the memories that are scheduled, with the module of this variant. */
function placeOf(tenant: Tenant): Place {
  const place = first as Place;
  const [accounts, map, data] = memories as readonly [WebAssembly.Memory, WebAssembly.Memory, WebAssembly.Memory];
  const pages = { ...place.arenas!.pages, memories: [{ map, data }] };
  return { ...place, ...tenant, module: wasmModule("shared"), accounts, arenas: { pages, blocks: pages } };
}

// Whoever supervises may be told twice, and the second time nothing comes back.
function buryTwice({ executor }: Doer, dead: Tenant): void {
  executor.recover(dead);
  const { execution, storage } = executor.recover(dead);
  if (execution + storage !== 0) throw new Error(`${execution} and ${storage} bytes came back twice`);
}
