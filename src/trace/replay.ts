// Replays the requests of a memory trace on an executor and says what came of each, in the words of the format. Nothing
// here decides: requests go to the same manager, store and task memory managers that everybody uses.

import { Misuse, TaskOutOfMemory } from "../execution/refusal.js";
import { Executor, type ExecutorOptions } from "../executor.js";
import { Refusal } from "../fault.js";
import type { Ledger } from "../memory/ledger.js";
import { EntryLost } from "../memory/manager.js";
import { OFF_HEAP, ON_HEAP } from "../memory/mode.js";
import { type Request, Step } from "../memory/wait.js";
import { BrokenLaw, MUST_WAIT } from "../policy/policy.js";
import { BlockExists } from "../storage/store.js";
import { type Effects, modeOf, type Op, type State, type TraceHeader, Undeclared } from "./format.js";
import { stateOf } from "./state.js";
import { TraceConsumer } from "./trace-consumer.js";
import { UnmanagedRows } from "./unmanaged.js";

type Result = Record<string, unknown>;

/** What came of a request that waited, or of one more look of it. */
export type Resumed = { i: number; result: Result } & Effects;

/** What a row of a trace says besides the request. */
export interface Answer extends Effects {
  result: Result;
  resumed?: Resumed[];
  state: State;
}

/**
 * A row in which a task asks while an earlier request of it waits.
 *
 * @example
 * ```ts
 * import { type Op, OutOfTurn, type Replay } from "tungsten-memory";
 *
 * export function isPossible(replay: Replay, row: Op & { readonly i: number }): boolean {
 *   try {
 *     replay.apply(row);
 *     return true;
 *   } catch (error) {
 *     if (error instanceof OutOfTurn) return false; // its task waits for an earlier row
 *     throw error;
 *   }
 * }
 * ```
 */
export class OutOfTurn extends Refusal {
  override readonly name = "OutOfTurn";
}

/** The end of a wait that was interrupted. */
class Interrupted extends Refusal {
  override readonly name = "Interrupted";
}

/** What of a header an executor is made from. */
export type ReplayHeader = Pick<
  TraceHeader,
  "conf" | "cores" | "collector" | "generation" | "manager" | "looks" | "policy" | "spillOrder"
>;

/** Who decides, in place of those that the header names. */
export type Deciders = Pick<ExecutorOptions, "policy" | "spillOrder">;

interface Waiter {
  readonly i: number;
  readonly task: number;
  step: Step<Result> | null;
}

/**
 * One executor that a trace is replayed on. Rows go in one by one.
 *
 * @example
 * ```ts
 * import { openExecutor, readHeader, readRow, Recorder, Replay } from "tungsten-memory";
 *
 * const lines: string[] = [];
 * const executor = openExecutor({ pages: "accounts" });
 * const recorder = new Recorder(executor, (line) => lines.push(line));
 * executor.manager.acquireExecution(100, 1, 0);
 * recorder.end();
 *
 * const replay = new Replay(readHeader(JSON.parse(lines[0]!), "run.jsonl"));
 * const row = readRow(JSON.parse(lines[1]!), "run.jsonl", 2, 1);
 * if ("op" in row) console.log(replay.apply(row).result); // { granted: 100 }
 * ```
 */
export class Replay {
  readonly executor: Executor;
  /** Storage bytes that rows acquired without a block, by mode. */
  readonly rawStorage: [number, number] = [0, 0];
  /** Whether the generation tells peaks at the end of a task. */
  readonly peaks: boolean;
  readonly #consumers = new Map<string, TraceConsumer>();
  // Tasks that have a consumer, with the names of theirs.
  readonly #tasks = new Map<number, string[]>();
  readonly #looksAreRows: boolean;
  readonly #unmanaged = new UnmanagedRows();
  #effects: Effects = {};
  #waiters: Waiter[] = [];
  // Where looks are rows: requests that wait, by what they ask, each with their number.
  readonly #asking = new Map<string, number>();
  // Looks that waiters took during the row at hand, in order.
  #looks: { readonly waiter: Waiter; readonly effects: Effects }[] = [];

  /** `ledger` keeps the accounts: a local one when left out. */
  constructor(header: ReplayHeader, { ledger, ...deciders }: Deciders & { readonly ledger?: Ledger } = {}) {
    const { generation, policy, spillOrder } = header;
    this.peaks = !/^[23]\./.test(generation);
    this.#looksAreRows = header.looks === "rows";
    this.executor = new Executor(
      {
        conf: header.conf,
        cores: header.cores,
        collector: header.collector,
        generation,
        layout: header.manager,
        pages: "accounts",
        ...(policy === undefined ? {} : { policy }),
        ...(spillOrder === undefined ? {} : { spillOrder }),
        ...deciders,
        unmanaged: this.#unmanaged.registry,
        onSpill: ({ consumer, trigger, asked, freed }) => {
          const told = { consumer: consumer.name, asked, trigger: trigger.name };
          (this.#effects.spills ??= []).push(freed === -1 ? { ...told, failed: true } : { ...told, freed });
        },
      },
      ledger === undefined ? {} : { ledger },
    );
    this.executor.store.onEvict = (block, _bytes, _mode, to) => {
      (this.#effects.evicted ??= []).push({ block, to });
    };
  }

  get state(): State {
    return stateOf(this.executor);
  }

  /** Whether requests wait that have not been answered yet. */
  get waiting(): boolean {
    return this.#waiters.length > 0;
  }

  /** The row of the task's request that waits, or null. */
  waitingRow(task: number): number | null {
    return this.#waiterOf(task)?.i ?? null;
  }

  /** A consumer that lives. */
  consumer(name: string): Readonly<Pick<TraceConsumer, "used" | "loose" | "pages">> | undefined {
    return this.#consumers.get(name);
  }

  /**
   * Carries one request out and lets who waits look. Throws a Refusal, and has changed nothing, for a request that cannot be
   * asked here: about something undeclared, out of turn, or misusing a block, page or mode.
   */
  apply(row: Op & { readonly i: number }): Answer {
    this.#effects = {};
    const result = this.#result(row);
    const answer: Answer = { result, ...this.#effects, state: this.state };
    if (this.#waiters.length > 0) {
      const resumed = this.#settle();
      if (resumed.length > 0) answer.resumed = resumed;
      answer.state = this.state;
    }
    return answer;
  }

  /** The same for a what-if: a request that cannot be asked is answered with `skipped`, and why. */
  applyIfPossible(row: Op & { readonly i: number }): Answer {
    try {
      return this.apply(row);
    } catch (error) {
      if (!(error instanceof Refusal) || error instanceof BrokenLaw) throw error;
      return { result: { skipped: error.message }, state: this.state };
    }
  }

  #waiterOf(task: number): Waiter | undefined {
    return this.#waiters.find((waiter) => waiter.task === task);
  }

  // Who waits looks once, after the operation has returned, if it was woken. A look that changes nothing leaves no entry.
  #settle(): Resumed[] {
    this.#looks = [];
    this.executor.manager.waits.settle();
    const resumed: Resumed[] = [];
    const lastLooks = new Map(this.#looks.map(({ waiter, effects }) => [waiter, effects]));
    this.#looks.forEach(({ waiter, effects }) => {
      if (lastLooks.get(waiter) === effects && !waiter.step!.waiting)
        resumed.push({ i: waiter.i, result: waiter.step!.value, ...effects });
      else if (effects.evicted !== undefined || effects.spills !== undefined)
        resumed.push({ i: waiter.i, result: { waits: true }, ...effects });
    });
    for (const waiter of this.#waiters) {
      if (!waiter.step!.waiting && !lastLooks.has(waiter))
        resumed.push({ i: waiter.i, result: interruption(waiter.step!) });
    }
    this.#waiters = this.#waiters.filter(({ step }) => step!.waiting);
    return resumed;
  }

  // `owner` of the request: a task with a memory manager of its own, which takes one request at a time, or nobody.
  #begin(i: number, task: number, request: Request<Result>, owner: "task" | "nobody"): Result {
    const row = this.waitingRow(task);
    if (row !== null) throw new OutOfTurn(`task ${task} asks while its request of row ${row} waits`);
    const waiter: Waiter = { i, task, step: null };
    const watched = this.#watched(request, waiter);
    const step = owner === "nobody" ? this.executor.waits.start(watched) : this.executor.task(task).begin(watched);
    if (!step.waiting) return step.value;
    waiter.step = step;
    this.#waiters.push(waiter);
    return { waits: true };
  }

  /** Notes every look of a request after its first, and what the look causes. */
  *#watched(request: Request<Result>, waiter: Waiter): Request<Result> {
    let step = request.next();
    while (step.done !== true) {
      yield;
      this.#effects = {};
      this.#looks.push({ waiter, effects: this.#effects });
      step = request.next();
    }
    return step.value;
  }

  #result(row: Op & { readonly i: number }): Result {
    const { manager, store } = this.executor;
    switch (row.op) {
      case "execAcquire":
        return this.#looksAreRows
          ? this.#look(row, () => manager.acquireExecution(row.bytes, row.task, modeOf(row.mode)))
          : this.#begin(
              row.i,
              row.task,
              plain(manager.executionRequest(row.bytes, row.task, modeOf(row.mode))),
              "nobody",
            );
      case "retry":
        this.#assertAsking(row);
        return this.#look(row, () => manager.retryExecution(row.bytes, row.task, modeOf(row.mode)));
      case "execRelease":
        manager.releaseExecution(row.bytes, row.task, modeOf(row.mode));
        return {};
      case "execReleaseAll":
        return { released: manager.releaseAllExecution(row.task) };
      case "storageAcquire": {
        const granted = manager.acquireStorage(row.block, row.bytes, modeOf(row.mode));
        if (granted) this.rawStorage[modeOf(row.mode)] += row.bytes;
        return { granted };
      }
      case "storageRelease":
        manager.releaseStorage(row.bytes, modeOf(row.mode));
        this.rawStorage[modeOf(row.mode)] -= row.bytes;
        return {};
      case "unrollReserve":
        return { granted: store.reserveUnroll(row.block, row.bytes, modeOf(row.mode)) };
      case "unrollRelease":
        store.releaseUnroll(row.bytes, modeOf(row.mode));
        return { unroll: store.unrolled(ON_HEAP) + store.unrolled(OFF_HEAP) };
      case "put":
        return this.#put(row);
      case "get":
        return { bytes: store.getSize(row.block) };
      case "has":
        return { has: store.has(row.block) };
      case "pin":
        store.pin(row.block);
        return {};
      case "unpin":
        store.unpin(row.block);
        return {};
      case "remove":
        return { removed: store.remove(row.block) };
      case "clear":
        store.clear();
        this.rawStorage.fill(0);
        return {};
      case "unmanaged":
        manager.setUnmanaged(row.bytes, modeOf(row.mode));
        return {};
      case "consumer":
        return this.#declare(row);
      case "acquire":
        return this.#begin(row.i, row.task, acquired(this.#consumerOf(row), row.bytes), "task");
      case "free": {
        const consumer = this.#consumerOf(row);
        consumer.freeLoose(row.bytes);
        return { used: consumer.used };
      }
      case "allocatePage":
        return this.#begin(row.i, row.task, paged(this.#consumerOf(row), row.bytes), "task");
      case "freePage": {
        const consumer = this.#consumerOf(row);
        const page = consumer.pages.get(row.page);
        if (page === undefined) throw new Undeclared(`consumer ${row.consumer} holds no page ${row.page}`);
        consumer.dropPage(page);
        return { used: consumer.used };
      }
      case "endTask":
        return this.#endTask(row.task);
      case "interrupt":
        return this.#interrupt(row.task);
      default:
        return this.#unmanaged.apply(row);
    }
  }

  #consumerOf({ task, consumer: name }: { readonly task: number; readonly consumer: string }): TraceConsumer {
    const consumer = this.#consumers.get(name);
    if (consumer === undefined) throw new Undeclared(`consumer ${name} has not been declared, or its task has ended`);
    if (consumer.task.id !== task)
      throw new Undeclared(`consumer ${name} belongs to task ${consumer.task.id}, not to task ${task}`);
    return consumer;
  }

  #declare({ task, consumer, mode, onSpill }: Extract<Op, { op: "consumer" }>): Result {
    if (this.#consumers.has(consumer)) throw new Misuse(`consumer ${consumer} is declared a second time`);
    this.#consumers.set(consumer, new TraceConsumer(this.executor.task(task), consumer, modeOf(mode), onSpill));
    const names = this.#tasks.get(task);
    if (names === undefined) this.#tasks.set(task, [consumer]);
    else names.push(consumer);
    return {};
  }

  #endTask(id: number): Result {
    const names = this.#tasks.get(id);
    if (names === undefined) throw new Undeclared(`task ${id} has no consumer, or has ended`);
    // Whose task ends no longer waits: in a what-if a task may still wait when it is to end.
    if (this.waitingRow(id) !== null) this.#interrupt(id);
    const task = this.executor.task(id);
    const { bytes } = this.executor.endTask(id, true);
    for (const name of names) this.#consumers.delete(name);
    this.#tasks.delete(id);
    if (!this.peaks) return { leaked: bytes };
    return { leaked: bytes, peak: { onHeap: task.peak(ON_HEAP), offHeap: task.peak(OFF_HEAP) } };
  }

  #interrupt(task: number): Result {
    const waiter = this.#waiterOf(task);
    if (waiter === undefined) throw new OutOfTurn(`task ${task} is interrupted and no request of it waits`);
    waiter.step!.cancel(new Interrupted(`task ${task} was interrupted while it waited`));
    return {};
  }

  #put(row: Extract<Op, { op: "put" }>): Result {
    try {
      return { stored: this.executor.store.putAccount(row.block, row.bytes, modeOf(row.mode), row.onEvict) };
    } catch (error) {
      if (error instanceof BlockExists) return { error: "blockExists" };
      throw error;
    }
  }

  #assertAsking(row: Asking): void {
    if (!this.#asking.has(askingKey(row)))
      throw new OutOfTurn(`task ${row.task} has no request for ${row.bytes} bytes that waits`);
  }

  /** One look of a request whose looks are rows. */
  #look(row: Asking, look: () => number): Result {
    if (row.op === "retry") this.#count(row, -1);
    try {
      const granted = look();
      if (granted !== MUST_WAIT) return { granted };
      this.#count(row, 1);
      return { waits: true };
    } catch (error) {
      return refused(error);
    }
  }

  #count(row: Asking, change: 1 | -1): void {
    const key = askingKey(row);
    const count = (this.#asking.get(key) ?? 0) + change;
    if (count === 0) this.#asking.delete(key);
    else this.#asking.set(key, count);
  }
}

type Asking = Extract<Op, { op: "execAcquire" | "execRelease" | "retry" }>;

function askingKey({ task, bytes, mode }: Asking): string {
  return `${task} ${bytes} ${mode}`;
}

function* plain(request: Request<number>): Request<Result> {
  try {
    return { granted: yield* request };
  } catch (error) {
    return refused(error);
  }
}

function* acquired(consumer: TraceConsumer, bytes: number): Request<Result> {
  try {
    return { granted: yield* consumer.looseRequest(bytes) };
  } catch (error) {
    return refused(error);
  }
}

function* paged(consumer: TraceConsumer, bytes: number): Request<Result> {
  try {
    const page = yield* consumer.newPageRequest(bytes);
    return { page: page.number, bytes: page.bytes };
  } catch (error) {
    return refused(error);
  }
}

/** How a request that was given up has ended. The name is that under which the JVM throws it. */
function interruption(step: Step<Result>): Result {
  try {
    return step.value;
  } catch (error) {
    if (error instanceof Interrupted) return { error: "InterruptedException" };
    throw error;
  }
}

/** The answer that a failure is in a trace; what is none goes on. */
export function refused(error: unknown): Result {
  // The name under which the JVM throws it (section 3.2, consequence 9).
  if (error instanceof EntryLost) return { error: "NoSuchElementException" };
  if (!(error instanceof TaskOutOfMemory)) throw error;
  if (error.spillFailed) return { error: "spillFailed" };
  return { error: "unableToAcquire", requested: error.requested, received: error.received };
}
