// One attempt at a task, as a process in virtual time: a generator that yields how long it is busy, or that it waits for
// memory. Every question goes to the shipped task memory manager and block store of its host.

import { TaskOutOfMemory } from "../execution/refusal.js";
import type { TaskMemoryManager } from "../execution/task.js";
import { type Request, Step } from "../memory/wait.js";
import type { BlockId } from "../storage/block.js";
import { type Cached, readPlanned } from "./cached.js";
import type { Happening } from "./clock.js";
import { computeUs, networkUs, OPERATOR_US, STARVED_US, TASK_START_US } from "./costs.js";
import type { Host, HostOwner } from "./host.js";
import { Operator } from "./operator.js";
import type { TaskPlan } from "./plan.js";
import { askRecorded } from "./recorded-task.js";

/** Yielded by one who waits for memory: it is woken, not timed. */
export const WAITS = -1;

/** What an attempt does: yields microseconds, or WAITS. */
export type Work<T = void> = Generator<number, T, void>;

/** Nothing could go on, and this one was chosen to fail. */
export class Deadlock extends Error {
  override readonly name = "Deadlock";
}

/** Told when an attempt is over. */
export interface AttemptOwner extends HostOwner {
  current: Attempt | null;
  readonly cached: Cached;
  ended(attempt: Attempt, failed: boolean): void;
}

export class Attempt implements Happening {
  readonly id: number;
  readonly host: Host;
  readonly owner: AttemptOwner;
  readonly task: TaskMemoryManager;
  /** What it caused on the disk is done by then. */
  readyUs = 0;
  /** Since when it waits; -1 when it does not. */
  waitingSinceUs = -1;
  /** Time it needs where nothing is short and everything cached is there. */
  idealUs = 0;
  readonly startedUs: number;
  /** Blocks that it has pinned. */
  readonly pinned: BlockId[] = [];
  readonly #plan: TaskPlan;
  readonly #work: Work;
  #waits: Step<unknown> | null = null;
  #longestWaitUs = 0;

  constructor(id: number, host: Host, owner: AttemptOwner, plan: TaskPlan) {
    this.id = id;
    this.host = host;
    this.owner = owner;
    this.task = host.executor.task(id);
    this.startedUs = owner.clock.nowUs;
    this.#plan = plan;
    this.#work = this.#run();
  }

  /** Goes on until it is busy, waits or has ended. */
  happen(): void {
    const { owner } = this;
    owner.current = this;
    let failed = false;
    try {
      const step = this.#work.next();
      if (step.done !== true) {
        if (step.value !== WAITS) owner.clock.at(owner.clock.nowUs + step.value, this);
        return;
      }
    } catch (error) {
      if (!(error instanceof TaskOutOfMemory || error instanceof Deadlock)) throw error;
      failed = true;
    }
    if (this.#longestWaitUs > STARVED_US) owner.outcome.starved += 1;
    owner.ended(this, failed);
  }

  /** Ends its wait with a failure. Only while it waits. */
  giveUp(): void {
    this.#waits?.cancel(new Deadlock(`task ${this.id} waited and nothing could go on`));
  }

  /** How long it is busy with `us` of work on `bytes`; `ideal` says that nothing but a shortage could have saved it. */
  busy(us: number, bytes: number, ideal: boolean): number {
    const { outcome } = this.owner;
    const work = us * this.#plan.slowness;
    const gc = this.host.gcUs(bytes);
    outcome.computeUs += Math.ceil(work);
    outcome.gcUs += Math.ceil(gc);
    if (ideal) this.idealUs += work;
    return work + gc;
  }

  /** A question that may have to wait, and what it caused on the disk. Throws what the request throws. */
  *ask<T>(request: Request<T>): Work<T> {
    const { clock } = this.owner;
    const step = this.task.begin(this.#mine(request));
    if (step.waiting) {
      this.#waits = step;
      this.waitingSinceUs = clock.nowUs;
      step.onEnd(() => clock.at(clock.nowUs, this));
      yield WAITS;
      this.#waited(clock.nowUs - this.waitingSinceUs);
    }
    yield* this.caughtUp();
    return step.value;
  }

  /** Waits for what it has caused on the disk. */
  *caughtUp(): Work {
    const { nowUs } = this.owner.clock;
    if (this.readyUs > nowUs) yield this.readyUs - nowUs;
  }

  // Woken requests look one after the other: each says that it is its turn.
  *#mine<T>(request: Request<T>): Request<T> {
    try {
      for (;;) {
        this.owner.current = this;
        const look = request.next();
        if (look.done === true) return look.value;
        yield;
      }
    } finally {
      // One that is given up is closed as it would be without this one around it.
      request.return(undefined as T);
    }
  }

  #waited(us: number): void {
    const { outcome } = this.owner;
    this.#waits = null;
    this.waitingSinceUs = -1;
    outcome.waits += 1;
    outcome.waitUs += us;
    this.#longestWaitUs = Math.max(this.#longestWaitUs, us);
    outcome.longestWaitUs = Math.max(outcome.longestWaitUs, us);
  }

  *#run(): Work {
    const { inputBytes, operators, reads, asks } = this.#plan;
    if (asks !== undefined) return yield* askRecorded(this, asks);
    this.idealUs += TASK_START_US;
    yield TASK_START_US;
    for (const read of reads) yield* readPlanned(this, read);
    if (inputBytes > 0) {
      const us = networkUs(inputBytes);
      this.idealUs += us;
      yield us;
    }
    const tables: Operator[] = [];
    let source: Operator | null = null;
    for (const plan of operators) {
      const operator = new Operator(this.task, plan, this.host);
      yield* this.#feed(operator);
      operator.read();
      if (plan.kind === "join") {
        tables.push(operator);
        continue;
      }
      // Its rows have gone into this one.
      if (source !== null) yield* this.#finish(source);
      yield this.busy(plan.records * OPERATOR_US[plan.kind].out, 0, true);
      source = operator;
    }
    if (source !== null) yield* this.#finish(source);
    for (const table of tables) table.close();
  }

  // All records of an operator, as many at a time as fit.
  *#feed(operator: Operator): Work {
    const { plan } = operator;
    const perRecordUs = plan.rowsPerRecord * (OPERATOR_US[plan.kind].in + computeUs(plan.recordBytes));
    for (let left = plan.records; left > 0;) {
      while (operator.room === 0) yield* this.#makeRoom(operator);
      const records = Math.min(left, operator.room);
      operator.take(records);
      left -= records;
      yield this.busy(records * perRecordUs, records * plan.rowsPerRecord * plan.recordBytes, true);
    }
  }

  *#makeRoom(operator: Operator): Work {
    this.owner.outcome.requests += 1;
    try {
      if (this.#surelyGranted(operator)) operator.grow();
      else yield* this.ask(operator.growRequest());
    } catch (error) {
      if (!(error instanceof TaskOutOfMemory && operator.goesOn())) throw error;
      yield* this.caughtUp();
    }
    this.host.sample();
  }

  // What the manager grants whole without a decision needs no request that can wait: a shortcut, no rule. Were it wrong, the
  // call would throw WouldWait.
  #surelyGranted(operator: Operator): boolean {
    const { manager, id } = this.task;
    const region = manager.regions[operator.mode];
    const bytes = operator.lacks;
    if (bytes > region.executionSize - region.executionUsed) return false;
    const held = manager.executionHeld(id, operator.mode);
    if (held > 0) return (held + bytes) * region.entries <= region.ceiling;
    return manager.waits.size === 0 && bytes * (region.entries + 1) <= region.ceiling;
  }

  // The next one has its rows, those that it had to write away included.
  *#finish(operator: Operator): Work {
    const written = operator.takeWritten();
    if (written > 0) yield this.host.readBack(written) - this.owner.clock.nowUs;
    operator.close();
  }
}
