// A recorded task at work: it asks what it asked then, with the time in between, and has the answers of here. What it cannot
// ask here, since it never got what it would give back, is clipped to what it has, and counted.

import type { Consumer } from "../execution/consumer.js";
import { TaskOutOfMemory } from "../execution/refusal.js";
import type { TaskMemoryManager } from "../execution/task.js";
import { Refusal } from "../fault.js";
import { EntryLost } from "../memory/manager.js";
import { type Mode, OFF_HEAP, ON_HEAP } from "../memory/mode.js";
import type { Page } from "../memory/page.js";
import { BrokenLaw } from "../policy/policy.js";
import { modeOf, type OnSpill, Undeclared } from "../trace/format.js";
import { TraceConsumer } from "../trace/trace-consumer.js";
import type { Attempt, Work } from "./attempt.js";
import type { SpillAccount } from "./operator.js";
import { clip, compareWithRecorded } from "./outcome.js";
import type { AskPlan, ExecutionAsk } from "./plan.js";
import { askForBlock, isAboutBlocks } from "./recorded-blocks.js";

/** All that a recorded task does, as a process in virtual time. */
export function* askRecorded(attempt: Attempt, asks: readonly AskPlan[]): Work {
  const { owner, host } = attempt;
  const task = new RecordedTask(attempt);
  for (const plan of asks) {
    if (plan.afterUs > 0) yield attempt.busy(plan.afterUs, task.takeFresh(), true);
    owner.outcome.requests += 1;
    owner.current = attempt;
    try {
      if (isAboutBlocks(plan.ask)) yield* askForBlock(attempt, plan.ask, plan);
      else yield* task.ask(plan.ask, plan);
    } catch (error) {
      // It goes on without, as it would have to be told to otherwise: the demand is to stay the same.
      if (error instanceof TaskOutOfMemory || error instanceof EntryLost) compareWithRecorded(owner.outcome, 0, plan);
      else if (error instanceof Refusal && !(error instanceof BrokenLaw)) owner.outcome.clipped += 1;
      else throw error;
    }
    host.sample();
    yield* attempt.caughtUp();
  }
  yield* task.close();
}

/** A consumer of the trace that tells what it writes away. */
class WritingConsumer extends TraceConsumer {
  /** Bytes on disk that nobody has read back. */
  writtenBytes = 0;
  readonly #account: SpillAccount;

  constructor(task: TaskMemoryManager, name: string, mode: Mode, onSpill: OnSpill, account: SpillAccount) {
    super(task, name, mode, onSpill);
    this.#account = account;
  }

  override spill(asked: number, trigger: Consumer): number {
    const freed = super.spill(asked, trigger);
    if (freed > 0) this.#account.spilled(freed, freed, trigger.task.id);
    this.writtenBytes += freed;
    return freed;
  }
}

/** What a recorded task has of execution memory. */
class RecordedTask {
  readonly #attempt: Attempt;
  readonly #consumers = new Map<string, WritingConsumer>();
  /** By the numbers that they had when they were recorded. */
  readonly #pages = new Map<number, Page>();
  // Got since it last worked.
  #freshBytes = 0;

  constructor(attempt: Attempt) {
    this.#attempt = attempt;
  }

  /** Bytes that it is to work on now. */
  takeFresh(): number {
    const bytes = this.#freshBytes;
    this.#freshBytes = 0;
    return bytes;
  }

  *ask(ask: ExecutionAsk, plan: AskPlan): Work {
    const { task, host, id, owner } = this.#attempt;
    const { outcome } = owner;
    const { manager } = host.executor;
    switch (ask.op) {
      case "endTask":
        break;
      case "consumer":
        this.#consumers.set(ask.consumer, new WritingConsumer(task, ask.consumer, modeOf(ask.mode), ask.onSpill, host));
        break;
      case "execAcquire":
        this.#got(yield* this.#attempt.ask(manager.executionRequest(ask.bytes, id, modeOf(ask.mode))), plan);
        break;
      case "acquire":
        this.#got(yield* this.#attempt.ask(this.#consumerOf(ask).looseRequest(ask.bytes)), plan);
        break;
      case "allocatePage": {
        const page = yield* this.#attempt.ask(this.#consumerOf(ask).newPageRequest(ask.bytes));
        if (plan.page !== null) this.#pages.set(plan.page, page);
        this.#got(page.bytes, plan);
        break;
      }
      case "execRelease": {
        const held = manager.executionHeld(id, modeOf(ask.mode));
        manager.releaseExecution(clip(outcome, ask.bytes, held), id, modeOf(ask.mode));
        break;
      }
      case "execReleaseAll":
        manager.releaseAllExecution(id);
        break;
      case "free": {
        const consumer = this.#consumerOf(ask);
        consumer.freeLoose(clip(outcome, ask.bytes, consumer.loose));
        break;
      }
      case "freePage": {
        const page = this.#pages.get(ask.page);
        this.#pages.delete(ask.page);
        if (page === undefined || !this.#consumerOf(ask).dropPage(page)) clip(outcome, 1, 0);
        break;
      }
    }
  }

  /** What was written away is read back by whoever takes the result; then everything is given back. */
  *close(): Work {
    const { host, id, owner } = this.#attempt;
    for (const consumer of this.#consumers.values()) {
      if (consumer.writtenBytes > 0) yield host.readBack(consumer.writtenBytes) - owner.clock.nowUs;
      consumer.giveAll();
    }
    const { manager } = host.executor;
    if (manager.executionHeld(id, ON_HEAP) + manager.executionHeld(id, OFF_HEAP) > 0) manager.releaseAllExecution(id);
  }

  #got(bytes: number, plan: AskPlan): void {
    this.#freshBytes += bytes;
    compareWithRecorded(this.#attempt.owner.outcome, bytes, plan);
  }

  #consumerOf({ consumer: name }: { readonly consumer: string }): WritingConsumer {
    const consumer = this.#consumers.get(name);
    if (consumer === undefined) throw new Undeclared(`consumer ${name} is not one of task ${this.#attempt.id}`);
    return consumer;
  }
}
