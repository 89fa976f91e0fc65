// Replays the requests of a memory trace on an executor and says what came of each, in the words of the format. Nothing
// here decides: requests go to the same manager, store and task memory managers that everybody uses.

import { Consumer } from "../execution/consumer.js";
import { TaskOutOfMemory } from "../execution/refusal.js";
import { Executor } from "../executor.js";
import { type Mode, OFF_HEAP, ON_HEAP } from "../memory/mode.js";
import type { Page } from "../memory/page.js";
import { type Request, Step } from "../memory/wait.js";
import { BlockExists } from "../storage/store.js";
import { UnmanagedRows } from "./unmanaged.js";
import { type Effects, modeOf, type OnSpill, type Op, type State, type TraceHeader, Undeclared } from "./format.js";

type Result = Record<string, unknown>;

/** What a row of a trace says besides the request. */
export interface Answer extends Effects {
  result: Result;
  resumed?: ({ i: number; result: Result } & Effects)[];
  state: State;
}

/** A consumer of a trace: it holds bytes and pages, and spills as it was declared to. */
class TraceConsumer extends Consumer {
  readonly onSpill: OnSpill;
  readonly held = new Map<number, Page>();
  loose = 0;

  constructor(executor: Executor, task: number, name: string, mode: Mode, onSpill: OnSpill) {
    super(executor.task(task), { name, mode });
    this.onSpill = onSpill;
  }

  override spill(asked: number, trigger: Consumer): number {
    switch (this.onSpill) {
      case "all":
        return this.#freePages(Infinity) + this.#freeLoose(this.loose);
      case "asked":
        return this.#freeLoose(Math.min(asked, this.loose));
      case "half":
        return this.#freeLoose(Math.ceil(this.loose / 2));
      case "pages":
        return this.#freePages(asked);
      case "nothing":
        return 0;
      case "others":
        return trigger === this ? 0 : this.#freePages(Infinity) + this.#freeLoose(this.loose);
      case "fail":
        throw Object.assign(new Error("the consumer cannot spill"), { code: "EIO" });
    }
  }

  #freePages(enough: number): number {
    let freed = 0;
    for (const [number, page] of [...this.held].sort((a, b) => a[0] - b[0])) {
      if (freed >= enough) break;
      this.held.delete(number);
      this.freePage(page);
      freed += page.bytes;
    }
    return freed;
  }

  #freeLoose(bytes: number): number {
    this.loose -= bytes;
    if (bytes > 0) this.freeMemory(bytes);
    return bytes;
  }
}

/** One executor that a trace is replayed on. Rows go in one by one. */
export class Replay {
  readonly executor: Executor;
  readonly rawStorage: [number, number] = [0, 0];
  readonly #consumers = new Map<string, TraceConsumer>();
  readonly #unmanaged = new UnmanagedRows();
  readonly #peaks: boolean;
  #effects: Effects = {};
  #waiting: { i: number; step: Step<Result> } | null = null;

  constructor(header: TraceHeader) {
    const generation = header.generation;
    this.#peaks = !/^[23]\./.test(generation);
    this.executor = new Executor({
      conf: header.conf,
      cores: header.cores,
      collector: header.collector,
      generation,
      layout: header.manager,
      pages: "accounts",
      unmanaged: this.#unmanaged.registry,
      onSpill: ({ consumer, trigger, asked, freed }) => {
        const told = { consumer: consumer.name, asked, trigger: trigger.name };
        (this.#effects.spills ??= []).push(freed === -1 ? { ...told, failed: true } : { ...told, freed });
      },
    });
    this.executor.store.onEvict = (block, _bytes, _mode, to) => {
      (this.#effects.evicted ??= []).push({ block, to });
    };
  }

  get state(): State {
    return { onHeap: this.executor.manager.state(ON_HEAP), offHeap: this.executor.manager.state(OFF_HEAP) };
  }

  /** Requests that wait have not been answered yet. */
  get waiting(): boolean {
    return this.#waiting !== null;
  }

  /** Carries one request out and lets who waits look. */
  apply(row: Op & { readonly i: number }): Answer {
    this.#effects = {};
    const waiting = this.#waiting;
    const result = this.#result(row);
    const answer: Answer = { result, ...this.#effects, state: this.state };
    if (waiting !== null) {
      const resumed = this.#look(waiting);
      if (resumed !== null) answer.resumed = [resumed];
    }
    return { ...answer, state: this.state };
  }

  // The waiter looks once, after the operation has returned, if it was woken.
  #look(waiting: { i: number; step: Step<Result> }): ({ i: number; result: Result } & Effects) | null {
    this.#effects = {};
    this.executor.manager.waits.settle();
    const effects = this.#effects;
    if (waiting.step.waiting) {
      const changed = effects.evicted !== undefined || effects.spills !== undefined;
      return changed ? { i: waiting.i, result: { waits: true }, ...effects } : null;
    }
    this.#waiting = null;
    return { i: waiting.i, result: waiting.step.value, ...effects };
  }

  #begin(i: number, request: Request<Result>, task: number | null): Result {
    const step = task === null ? this.executor.waits.start(request) : this.executor.task(task).begin(request);
    if (!step.waiting) return step.value;
    this.#waiting = { i, step };
    return { waits: true };
  }

  #result(row: Op & { readonly i: number }): Result {
    const { manager, store } = this.executor;
    switch (row.op) {
      case "execAcquire":
        return this.#begin(row.i, this.#granted(manager.executionRequest(row.bytes, row.task, modeOf(row.mode))), null);
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
      case "consumer":
        this.#consumers.set(
          row.consumer,
          new TraceConsumer(this.executor, row.task, row.consumer, modeOf(row.mode), row.onSpill),
        );
        return {};
      case "acquire":
        return this.#begin(row.i, this.#acquired(this.#consumer(row.consumer), row.bytes), row.task);
      case "free": {
        const consumer = this.#consumer(row.consumer);
        consumer.loose -= row.bytes;
        consumer.freeMemory(row.bytes);
        return { used: consumer.used };
      }
      case "allocatePage":
        return this.#begin(row.i, this.#page(this.#consumer(row.consumer), row.bytes), row.task);
      case "freePage": {
        const consumer = this.#consumer(row.consumer);
        const page = consumer.held.get(row.page);
        if (page === undefined) throw new Undeclared(`consumer ${row.consumer} holds no page ${row.page}`);
        consumer.held.delete(row.page);
        consumer.freePage(page);
        return { used: consumer.used };
      }
      case "endTask":
        return this.#endTask(row.task);
      default:
        return this.#unmanaged.apply(row);
    }
  }

  #consumer(name: string): TraceConsumer {
    const consumer = this.#consumers.get(name);
    if (consumer === undefined) throw new Undeclared(`consumer ${name} has not been declared`);
    return consumer;
  }

  #put(row: Extract<Op, { op: "put" }>): Result {
    try {
      return { stored: this.executor.store.putAccount(row.block, row.bytes, modeOf(row.mode), row.onEvict) };
    } catch (error) {
      if (error instanceof BlockExists) return { error: "blockExists" };
      throw error;
    }
  }

  #endTask(id: number): Result {
    const task = this.executor.task(id);
    const { bytes } = this.executor.endTask(id, true);
    for (const consumer of task.consumers) this.#consumers.delete(consumer.name);
    return this.#peaks
      ? { leaked: bytes, peak: { onHeap: task.peak(ON_HEAP), offHeap: task.peak(OFF_HEAP) } }
      : { leaked: bytes };
  }

  *#granted(request: Request<number>): Request<Result> {
    return { granted: yield* request };
  }

  *#acquired(consumer: TraceConsumer, bytes: number): Request<Result> {
    try {
      const granted = yield* consumer.acquireRequest(bytes);
      consumer.loose += granted;
      return { granted };
    } catch (error) {
      return refused(error);
    }
  }

  *#page(consumer: TraceConsumer, bytes: number): Request<Result> {
    try {
      const page = yield* consumer.pageRequest(bytes);
      consumer.held.set(page.number, page);
      return { page: page.number, bytes: page.bytes };
    } catch (error) {
      return refused(error);
    }
  }
}

function refused(error: unknown): Result {
  if (!(error instanceof TaskOutOfMemory)) throw error;
  if (error.condition === "SPILL_OUT_OF_MEMORY") return { error: "spillFailed" };
  return { error: "unableToAcquire", requested: error.requested, received: error.received };
}
