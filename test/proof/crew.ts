// The thread that controls runs: starts the workers of one variant of the code, lays out accounts, programs and a schedule,
// gives the first turn, and reads what happened when the turn comes back.

import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { ROOT } from "../house/built.js";
import {
  ARRIVED,
  ASLEEP,
  awaitTurn,
  type Belongings,
  CHOICES,
  type Choice,
  type Control,
  CONTROLLER,
  createControl,
  DEAD,
  DEATHS,
  DIES,
  DIES_AT,
  ENDING,
  EVENT_NUMBERS,
  EVENTS_OF,
  FAILED,
  giveTurn,
  MAX_CHOICES,
  MAX_EVENTS,
  MAX_STEPS,
  MAX_WORKERS,
  NOBODY,
  NOTHING,
  OWN_STEPS,
  packChoice,
  PASSED,
  PASSED_PAGES,
  PREFIX,
  RANDOM,
  readBelongings,
  READY,
  SCHEDULED,
  SLEEPS,
  SLEEPS_AT,
  STAMP,
  STATE,
  STEPS,
  SWITCH_ODDS,
  THROUGH,
  unpackChoice,
  WOKE,
  WORKERS,
  writeBelongings,
  writeStaged,
} from "./worker/control.js";
import type { Event, History } from "./explain.js";
import { type Ground, LAYOUT, plainGround } from "./ground.js";
import { Accounts, brokenRest, heldOf, isPresent } from "./worker/laws.js";
import { CALLS, type Scenario } from "./worker/program.js";
import type { WorkerSettings } from "./worker/worker.js";

/** How a run goes: choices laid down (who goes, at each), then at random from a seed or by default: whoever runs, goes on. */
export interface Schedule {
  readonly prefix?: readonly number[];
  readonly seed?: number;
  /** One step in so many is followed by a switch, when choices are random. */
  readonly switchOdds?: number;
  readonly death?: { readonly worker: number; readonly step: number };
}

export interface Outcome {
  /** Why the run is no good, or null. */
  readonly trouble: string | null;
  readonly history: History;
  readonly choices: readonly Choice[];
  /** Steps of each worker. */
  readonly steps: readonly number[];
  /** Bit w: worker w has died. */
  readonly died: number;
  /** What workers of a whole executor hold who have come to their end, and pages that they passed on. */
  readonly belongings: readonly Belongings[];
  readonly passed: readonly number[];
}

/** A run hangs for good only when this code is wrong: then it says so. */
const LONGEST_RUN_MS = 60_000;

const STEPS_ENOUGH = 12_000;

/** Builds variants of the code that crews run, those that are not there, and returns the folder they stand in. */
export function buildVariants(...variants: string[]): string {
  const args = ["scripts/scheduled.mjs", ...variants];
  const printed = execFileSync(process.execPath, args, { cwd: ROOT, stdio: ["ignore", "pipe", 2], encoding: "utf8" });
  return printed.trim();
}

/** What is shared as it is when a scenario's workers begin: made once, laid down before every run. */
export interface Stage {
  readonly scenario: Scenario;
  /** Of each memory. */
  readonly bytes: readonly Uint8Array[];
}

/** The workers of one variant. */
export class Crew {
  readonly control: Control;
  readonly ground: Ground;
  readonly free: boolean;
  readonly #workers: Worker[];
  readonly #accounts: Accounts;
  #staged: Stage | null = null;
  /** Runs so far. */
  runs = 0;

  private constructor(control: Control, ground: Ground, workers: Worker[], free: boolean) {
    this.control = control;
    this.ground = ground;
    this.free = free;
    this.#workers = workers;
    this.#accounts = new Accounts(this.memory.buffer, LAYOUT);
  }

  /** Starts the workers of a variant. `plain` is the shipped module: its workers race freely. */
  static async start(variant: string, count = MAX_WORKERS, ground: Ground = plainGround()): Promise<Crew> {
    const control = createControl();
    const free = variant === "plain";
    const { memories, layouts, first } = ground;
    const file = join(buildVariants(variant), variant, "test/proof/worker/worker.js");
    const workers = Array.from({ length: count }, (_, me) => {
      const workerData: WorkerSettings = { control: control.buffer, me, memories, layouts, first, free };
      return new Worker(file, { workerData });
    });
    await Promise.all(workers.map((worker) => once(worker, "online")));
    return new Crew(control, ground, workers, free);
  }

  /** The accounts. */
  get memory(): WebAssembly.Memory {
    return this.ground.memories[0]!;
  }

  async end(): Promise<void> {
    this.control.words[ENDING] = 2;
    const ends = this.#workers.map((worker) => once(worker, "exit"));
    this.#workers.forEach((_, me) => giveTurn(this.control, me));
    await Promise.all(ends);
  }

  /** One run under the scheduler. */
  run(staged: Stage, schedule: Schedule = {}): Outcome {
    const { scenario } = staged;
    const { words, prefix, note, pageNote } = this.control;
    this.#lay(staged);
    words[SCHEDULED] = 1;
    note[0] = 0;
    pageNote[0] = 0;
    const laid = schedule.prefix ?? [];
    laid.forEach((worker, at) => (prefix[at] = worker + 1));
    words[PREFIX] = laid.length;
    words[RANDOM] = schedule.seed === undefined ? 0 : Math.imul(schedule.seed, 0x9e3779b1) | 1;
    words[SWITCH_ODDS] = schedule.switchOdds ?? 6;
    words[DIES] = schedule.death?.worker ?? NOBODY;
    words[DIES_AT] = schedule.death?.step ?? 0;
    this.#giveFirstTurn(scenario.programs.length, laid[0] ?? (schedule.seed ?? 0) % scenario.programs.length);
    const outcome = this.#outcome(scenario);
    this.#unwind(scenario.programs.length);
    return outcome;
  }

  /** One run in which the workers race. */
  race(staged: Stage): Outcome {
    const { scenario } = staged;
    const { words } = this.control;
    this.#lay(staged);
    words[SCHEDULED] = 0;
    words[ARRIVED] = 0;
    words[THROUGH] = 0;
    for (let worker = 0; worker < scenario.programs.length; worker += 1) giveTurn(this.control, worker);
    this.#awaitEnd();
    return this.#outcome(scenario);
  }

  #lay(staged: Stage): void {
    const { words } = this.control;
    const count = staged.scenario.programs.length;
    if (count > this.#workers.length) throw new Error(`${count} programs for ${this.#workers.length} workers`);
    staged.bytes.forEach((bytes, at) => new Uint8Array(this.ground.memories[at]!.buffer).set(bytes));
    if (this.#staged !== staged) {
      writeStaged(this.control, staged.scenario);
      this.#staged = staged;
    }
    for (const at of [ENDING, STEPS, CHOICES, STAMP, FAILED, SLEEPS]) words[at] = 0;
    words.fill(0, PASSED, PASSED + PASSED_PAGES);
    words[WORKERS] = count;
    words[MAX_STEPS] = STEPS_ENOUGH;
    this.runs += 1;
    for (let worker = 0; worker < count; worker += 1) {
      words[STATE + worker] = READY;
      words[WOKE + worker] = 0;
      words[OWN_STEPS + worker] = 0;
      words[EVENTS_OF + worker] = 0;
      writeBelongings(this.control, worker, NOTHING);
    }
  }

  // Who begins is the first choice of the schedule.
  #giveFirstTurn(count: number, first: number): void {
    const { words, log } = this.control;
    words[CHOICES] = 1;
    log[0] = packFirst(first, count);
    giveTurn(this.control, first);
    this.#awaitEnd();
  }

  #awaitEnd(): void {
    if (awaitTurn(this.control, CONTROLLER, LONGEST_RUN_MS)) return;
    throw new Error(`a run hangs after ${this.control.words[STEPS]} steps, ${this.#staged!.scenario.name}`);
  }

  #unwind(count: number): void {
    const { words } = this.control;
    words[ENDING] = 1;
    for (let worker = 0; worker < count; worker += 1) {
      const state = words[STATE + worker];
      if (state !== READY && state !== ASLEEP) continue;
      giveTurn(this.control, worker);
      this.#awaitEnd();
    }
    words[ENDING] = 0;
  }

  #outcome(scenario: Scenario): Outcome {
    const { words, log, failure } = this.control;
    const workers = scenario.programs.map((_, worker) => worker);
    const mask = (which: (worker: number) => boolean): number =>
      workers.reduce((bits, worker) => bits | (which(worker) ? 1 << worker : 0), 0);
    const epoch = LAYOUT["AT_EPOCH"];
    const sleeps = (worker: number): boolean => !this.free && words[STATE + worker] === ASLEEP;
    const asleep = mask((worker) => sleeps(worker) && words[SLEEPS_AT + worker] === epoch);
    const stuck = workers.filter(
      (worker) => sleeps(worker) && words[SLEEPS_AT + worker] !== epoch && words[SLEEPS_AT + worker] !== DEATHS,
    );
    const choices = Array.from(log.subarray(0, Math.min(words[CHOICES]!, MAX_CHOICES)), unpackChoice);
    const died = mask((worker) => !this.free && words[STATE + worker] === DEAD);
    const outcome = {
      choices,
      steps: workers.map((worker) => words[OWN_STEPS + worker]!),
      died,
      belongings: workers.map((worker) => readBelongings(this.control, worker)),
      passed: Array.from(words.subarray(PASSED, PASSED + PASSED_PAGES)),
    };
    const failed = words[FAILED]!;
    const pending = workers.map((worker) => this.#events(scenario, worker));
    if (failed !== 0) {
      const trouble = new TextDecoder().decode(failure.slice(0, failed));
      return { ...outcome, trouble, history: { events: pending, asleep, left: null } };
    }
    const history = { events: pending, asleep, left: this.#left() };
    const totals = [scenario.pools.onHeap.total, scenario.pools.offHeap.total] as const;
    const trouble =
      stuck.length > 0
        ? `worker ${stuck.join(" and ")} sleeps for ever at byte ${words[SLEEPS_AT + stuck[0]!]}`
        : brokenRest(this.#accounts, popcount(asleep), totals);
    return { ...outcome, trouble, history };
  }

  #events(scenario: Scenario, worker: number): Event[] {
    const { words, events } = this.control;
    return Array.from({ length: words[EVENTS_OF + worker]! }, (_, event) => {
      const at = (worker * MAX_EVENTS + event) * EVENT_NUMBERS;
      return {
        worker,
        call: CALLS[events[at + 1]!]!,
        operation: scenario.programs[worker]![events[at]!]!,
        invoked: events[at + 2]!,
        responded: events[at + 3]! || Number.POSITIVE_INFINITY,
        answer: events[at + 4]!,
      };
    });
  }

  // As `accountsInWords` writes it, from the raw words.
  #left(): string {
    const accounts = this.#accounts;
    return [0, 1]
      .map((mode) => {
        let used = 0;
        const balances: string[] = [];
        for (const slot of accounts.slots) {
          const low = accounts.u32[slot / 4 + 2 * mode]!;
          const high = accounts.u32[slot / 4 + 2 * mode + 1]!;
          used += heldOf(low, high);
          if (isPresent(high)) balances.push(`${accounts.taskOf(slot)}:${heldOf(low, high)}`);
        }
        const cell = (name: string): number => accounts.cell(name, mode);
        const state = [cell("EXECUTION_SIZE"), used, cell("STORAGE_SIZE"), cell("STORAGE_USED")];
        return `${state.join(",")}{${balances.sort().join(" ")}}`;
      })
      .join(" ");
  }
}

// Who begins is a choice like any other.
function packFirst(chosen: number, count: number): number {
  return packChoice({ chosen, ran: NOBODY, couldGoOn: false, ready: (1 << count) - 1, timed: 0 });
}

function popcount(mask: number): number {
  let count = 0;
  for (let left = mask; left !== 0; left &= left - 1) count += 1;
  return count;
}
