// Waiting, kept out of the core. A request that may have to wait is a generator: it yields whenever it must wait and is
// resumed when something was released. The same text is then driven by a caller that cannot wait (`runNow`), by virtual
// time or a replay (`WaitList.settle`), or by promises (`async.ts`).

import { Refusal } from "../fault.js";

/** A resumable request. Each resumption is one look at the memory; it yields when it must go on waiting. */
export type Request<T> = Generator<void, T, void>;

/**
 * A synchronous call that would have to wait for another task. The request is given up, as an interrupt would end it.
 *
 * @example
 * ```ts
 * import { Consumer, openExecutor, WouldWait } from "tungsten-memory";
 *
 * class Buffer extends Consumer {
 *   spill = () => 0;
 * }
 * const executor = openExecutor({ conf: { "spark.executor.memory": "1g" }, pages: "accounts" });
 * new Buffer(executor.task(1)).acquireMemory(2 ** 40);
 * try {
 *   new Buffer(executor.task(2)).acquireMemory(2 ** 20);
 * } catch (error) {
 *   console.log(error instanceof WouldWait); // true
 * }
 * ```
 */
export class WouldWait extends Refusal {
  override readonly name = "WouldWait";
}

/**
 * Other workers have decided, or been at work on an arena's tables, for longer than this thread may wait. Nothing has changed;
 * ask again. To give back memory or a page never throws this.
 *
 * @example
 * ```ts
 * import { MemoryBusy, type SharedExecutor } from "tungsten-memory";
 *
 * export function acquire(executor: SharedExecutor, bytes: number): number {
 *   try {
 *     return executor.acquireOrSleep(bytes, 1, 0);
 *   } catch (error) {
 *     if (error instanceof MemoryBusy) return 0; // another worker stays in a decision for too long
 *     throw error;
 *   }
 * }
 * ```
 */
export class MemoryBusy extends Refusal {
  override readonly name = "MemoryBusy";

  constructor(patienceMs: number) {
    super(`other workers have kept this thread waiting for longer than it may wait (${patienceMs} ms)`);
  }
}

/**
 * A wait that was given up: by its signal, or because its time ran out. The task's entry keeps its balance.
 *
 * @example
 * ```ts
 * import { Consumer, openExecutor, WaitEnded } from "tungsten-memory";
 *
 * class Buffer extends Consumer {
 *   spill = () => 0;
 * }
 * const executor = openExecutor({ conf: { "spark.executor.memory": "1g" }, pages: "accounts" });
 * const [first, second] = [1, 2].map((id) => new Buffer(executor.task(id))) as [Buffer, Buffer];
 * first.acquireMemory(2 ** 40);
 * try {
 *   await executor.wait(second.task, second.acquireRequest(2 ** 20), { timeoutMs: 5 });
 * } catch (error) {
 *   if (error instanceof WaitEnded) console.log(error.reason); // timed-out
 * }
 * ```
 */
export class WaitEnded extends Refusal {
  override readonly name = "WaitEnded";
  /** Whether somebody ended it or its time was over. */
  readonly reason: "cancelled" | "timed-out";

  constructor(reason: "cancelled" | "timed-out", cause?: unknown) {
    super(reason === "cancelled" ? "the wait for memory was cancelled" : "the wait for memory took too long", null, {
      cause,
    });
    this.reason = reason;
  }
}

/** Runs a request to its end in whatever way its caller can wait; `why` says what it is that would have to wait. */
export type Runner = <T>(request: Request<T>, why: () => string) => T;

/**
 * Runs a request to its end, or throws WouldWait at its first wait.
 *
 * @example
 * ```ts
 * import { openExecutor, runNow } from "tungsten-memory";
 *
 * const { manager } = openExecutor({ pages: "accounts" });
 * console.log(runNow(manager.executionRequest(100, 1, 0), () => "task 1 must wait")); // 100
 * ```
 */
export function runNow<T>(request: Request<T>, why: () => string): T {
  const step = request.next();
  if (step.done === true) return step.value;
  request.return(undefined as T);
  throw new WouldWait(why());
}

/**
 * A request in the hands of somebody who can wait.
 *
 * @example
 * ```ts
 * import { Step } from "tungsten-memory";
 *
 * function* three(): Generator<void, number, void> {
 *   yield; // waits once
 *   return 3;
 * }
 * const step = new Step(three());
 * while (step.waiting) step.look();
 * console.log(step.value); // 3
 * ```
 */
export class Step<T> {
  readonly #request: Request<T>;
  #state: "waiting" | "done" | "failed" = "waiting";
  #value: T | undefined;
  #error: unknown;
  #looking = false;
  #givenUp: { readonly error: unknown } | null = null;
  readonly #listeners: (() => void)[] = [];

  constructor(request: Request<T>) {
    this.#request = request;
  }

  /** Whether it is neither done nor failed. */
  get waiting(): boolean {
    return this.#state === "waiting";
  }

  /** Whether the request is running just now: what it calls is part of it. */
  get looking(): boolean {
    return this.#looking;
  }

  /** What the request returned; throws what it threw. Only after it has ended. */
  get value(): T {
    if (this.#state === "failed") throw this.#error;
    return this.#value as T;
  }

  /** One look: true when the step has ended. */
  look(): boolean {
    if (this.#state !== "waiting") return true;
    this.#looking = true;
    try {
      const step = this.#request.next();
      if (step.done === true) {
        this.#value = step.value;
        this.#state = "done";
      }
    } catch (error) {
      this.#error = error;
      this.#state = "failed";
    } finally {
      this.#looking = false;
    }
    if (this.#state !== "waiting") this.#end();
    else if (this.#givenUp !== null) this.cancel(this.#givenUp.error);
    return !this.waiting;
  }

  /**
   * Gives the request up with `error`. The task's entry keeps the balance it has (section 3.2, consequence 10). A request
   * that is looking just now is given up when that look ends with a wait; an answer that it finds comes first.
   */
  cancel(error: unknown): void {
    if (this.#state !== "waiting") return;
    if (this.#looking) {
      this.#givenUp ??= { error };
      return;
    }
    this.#state = "failed";
    this.#error = error;
    try {
      this.#request.return(undefined as T);
    } finally {
      this.#end();
    }
  }

  /** Calls `listener` once, when the step has ended in whatever way. Only while it waits. */
  onEnd(listener: () => void): void {
    this.#listeners.push(listener);
  }

  #end(): void {
    for (const listener of this.#listeners.splice(0)) listener();
  }
}

const LOOK_AGAIN_MS = 5;

interface Waiter {
  readonly step: Step<unknown>;
  seenEpoch: number;
}

/**
 * Who waits, in order of arrival. Spark leaves the order of wake-ups open; here the longest waiter looks first, every
 * waiter looks once per wake-up, and a wake-up that a look causes is for the others.
 *
 * @example
 * ```ts
 * import { openExecutor, type WaitList } from "tungsten-memory";
 *
 * const { manager } = openExecutor({ pages: "accounts" });
 * const waits: WaitList = manager.waits;
 * waits.onWake = () => queueMicrotask(() => waits.settle()); // waiters look again when this turn is over
 * console.log(waits.size); // 0
 * ```
 */
export class WaitList {
  /** How many wait: a field, since every release reads it. Changed here only. */
  size = 0;
  #waiters: Waiter[] = [];
  #epoch = 0;
  #settling = false;
  /** Told of every wake-up while somebody waits; the promise layer puts its scheduler here. */
  onWake: (() => void) | null = null;
  /** Somebody who waits could not look, since another worker was deciding for too long. */
  lookAgainLater(): void {
    setTimeout(() => this.wake(), LOOK_AGAIN_MS);
  }

  /** Told of every waiter that comes. */
  onAdd: (() => void) | null = null;

  /** Takes a step that has looked already and must wait. */
  add(step: Step<unknown>): void {
    this.size = this.#waiters.push({ step, seenEpoch: this.#epoch });
    this.onAdd?.();
  }

  /** Something happened that waiters may profit from. Nobody looks before `settle`. */
  wake(): void {
    if (this.size === 0) return;
    this.#epoch += 1;
    this.onWake?.();
  }

  /** Lets everybody who was woken look, until nothing more happens. Steps that have ended leave the list. */
  settle(): void {
    if (this.#settling) return;
    this.#settling = true;
    try {
      for (let at = 0; at < this.#waiters.length;) {
        const waiter = this.#waiters[at]!;
        const epoch = this.#epoch;
        if (waiter.step.waiting && waiter.seenEpoch === epoch) {
          at += 1;
          continue;
        }
        waiter.step.look();
        waiter.seenEpoch = this.#epoch;
        if (!waiter.step.waiting) this.#waiters.splice(at, 1);
        this.size = this.#waiters.length;
        // What the look has caused may be for those before it.
        if (this.#epoch !== epoch) at = 0;
      }
    } finally {
      this.#settling = false;
    }
  }
}
