// Records an embedder's own run as a memory trace: what its manager and its block store were asked, and what they answered.
// Recording is methods of its own, put on one manager and one store while it lasts: an executor that nobody records has
// none of them and pays nothing.
//
// The rows are those calls, in their order. What consumers do shows as requests and releases of their tasks; who spilled for
// whom stands beside the next row (`spilled`, which readers ignore). A request that waits is followed by a `retry` row for
// each further look, so that a replay needs to know nothing of who is served when.

import type { ManagerName } from "../config/layout.js";
import { DEFAULT_GENERATION } from "../config/release.js";
import { Misuse } from "../execution/refusal.js";
import type { Executor } from "../executor.js";
import { EntryLost } from "../memory/manager.js";
import { type Mode, modeName, OFF_HEAP, ON_HEAP } from "../memory/mode.js";
import { MUST_WAIT } from "../policy/policy.js";
import { unified } from "../policy/unified.js";
import { blockName, type BlockId, canonical } from "../storage/block.js";
import { BlockExists, type Fate } from "../storage/store.js";
import type { Effects, Op, TraceHeader } from "./format.js";
import { refused } from "./replay.js";
import { headerAnswers, stateOf } from "./state.js";
import { endLine, ENGINE, headerLine, rowLine } from "./write.js";

/** Takes the lines of a trace one by one, without line feeds. */
export type LineSink = (line: string) => void;

type Result = Record<string, unknown>;
type Asked<Method> = Method extends (...args: infer Args) => unknown ? Args : never;
type Answered<Method> = Method extends (...args: never[]) => infer Value ? Value : never;
type Spilled = { task: number; consumer: string; trigger: string; asked: number; freed: number };

/**
 * Records an executor on which nothing has been asked yet, until `end`. What the format has no word for is not replayed as it
 * was: a keeper that has no room for a block's bytes, a disk that fails during an eviction, an observer of evictions that asks
 * for memory itself.
 *
 * @example
 * ```ts
 * import { openExecutor, Recorder } from "tungsten-memory";
 *
 * const lines: string[] = [];
 * const executor = openExecutor({ pages: "accounts" });
 * const recorder = new Recorder(executor, (line) => lines.push(line));
 * executor.manager.acquireExecution(100, 1, 0);
 * recorder.end();
 * console.log(lines.length, lines.at(-1)); // 3 {"end":1}
 * ```
 */
export class Recorder {
  readonly #executor: Executor;
  readonly #sink: LineSink;
  readonly #nowUs: (() => number) | null;
  readonly #uninstall: (() => void)[] = [];
  #rows = 0;
  // Depth of recorded calls: what one of them calls is part of it.
  #depth = 0;
  #evicted: NonNullable<Effects["evicted"]> = [];
  #spilled: Spilled[] = [];

  /**
   * `nowUs`: a clock, whole microseconds that never go back; with it every row tells when it was asked. Throws Misuse for an
   * executor that has been used or is recorded already, or whose policy has no name that a trace could tell.
   */
  constructor(executor: Executor, sink: LineSink, nowUs: (() => number) | null = null) {
    if (!hasWord(executor)) throw new Misuse(`a trace has no word for the policy ${executor.manager.policy.name}`);
    const header = headerOfRun(executor);
    this.#executor = executor;
    this.#sink = sink;
    this.#nowUs = nowUs;
    sink(headerLine(header));
    this.#watchEffects();
    this.#watchManager();
    this.#watchStore();
  }

  /** Rows written so far. */
  get rows(): number {
    return this.#rows;
  }

  /** Writes the last line and leaves the executor as it was. A second call does nothing. */
  end(): void {
    if (this.#uninstall.length === 0) return;
    for (const uninstall of this.#uninstall.splice(0)) uninstall();
    this.#sink(endLine(this.#rows));
  }

  #watchManager(): void {
    const { manager } = this.#executor;
    this.#wrap(manager, "acquireExecution", granted, ofTask("execAcquire"));
    this.#wrap(manager, "retryExecution", granted, ofTask("retry"));
    this.#wrap(manager, "releaseExecution", nothing, ofTask("execRelease"));
    this.#wrap(
      manager,
      "releaseAllExecution",
      (released) => ({ released }),
      (task) => ({ op: "execReleaseAll", task }),
    );
    this.#wrap(manager, "acquireStorage", decided, forBlock("storageAcquire"));
    this.#wrap(manager, "acquireUnroll", decided, forBlock("unrollReserve"));
    this.#wrap(manager, "releaseStorage", nothing, ofMode("storageRelease"));
    this.#wrap(manager, "releaseAllStorage", nothing, (mode) =>
      ofMode("storageRelease")(manager.regions[mode].storageUsed, mode),
    );
    this.#wrap(manager, "setUnmanaged", nothing, ofMode("unmanaged"));
  }

  #watchStore(): void {
    const { store } = this.#executor;
    const stored = (kept: boolean): Result => ({ stored: kept });
    this.#wrap(store, "put", stored, (block, content, mode, fate) => put(block, content.length, mode, fate));
    this.#wrap(store, "putAccount", stored, put);
    this.#wrap(store, "getSize", (bytes) => ({ bytes }), aboutBlock("get"));
    this.#wrap(
      store,
      "get",
      (bytes, block) => ({ bytes: bytes === null ? null : store.getSize(block) }),
      aboutBlock("get"),
    );
    this.#wrap(store, "pin", nothing, aboutBlock("pin"));
    this.#wrap(store, "unpin", nothing, aboutBlock("unpin"));
    this.#wrap(
      store,
      "remove",
      (removed) => ({ removed }),
      // A block on disk alone is no matter of memory.
      (block) => (store.has(block) ? aboutBlock("remove")(block) : null),
    );
    this.#wrap(store, "clear", nothing, () => ({ op: "clear" }));
    this.#wrap(store, "reserveUnroll", decided, forBlock("unrollReserve"));
    this.#wrap(
      store,
      "releaseUnroll",
      () => ({ unroll: store.unrolled(ON_HEAP) + store.unrolled(OFF_HEAP) }),
      ofMode("unrollRelease"),
    );
  }

  /**
   * Puts a method on `owner` that calls the one it had and writes a row. What is refused outright has changed nothing and
   * leaves no row; the failures that a trace has words for do.
   */
  #wrap<Owner extends object, Name extends keyof Owner>(
    owner: Owner,
    name: Name,
    answer: (value: Answered<Owner[Name]>, ...args: Asked<Owner[Name]>) => Result,
    ask: (...args: Asked<Owner[Name]>) => Op | null,
  ): void {
    type Args = Asked<Owner[Name]>;
    type Value = Answered<Owner[Name]>;
    const plain = (owner[name] as (...args: Args) => Value).bind(owner);
    const recorded = (...args: Args): Value => {
      const asked = this.#depth > 0 ? null : ask(...args);
      if (asked === null) return plain(...args);
      this.#depth += 1;
      this.#evicted = [];
      let result: Result | null = null;
      try {
        const value = plain(...args);
        result = answer(value, ...args);
        return value;
      } catch (error) {
        result = failureOf(error);
        throw error;
      } finally {
        this.#depth -= 1;
        if (result !== null) this.#write(asked, result);
      }
    };
    owner[name] = recorded as Owner[Name];
    this.#uninstall.push(() => Reflect.deleteProperty(owner, name));
  }

  #write(ask: Op, result: Result): void {
    this.#rows += 1;
    const effects: Effects = this.#evicted.length === 0 ? {} : { evicted: this.#evicted };
    const more = {
      ...(this.#nowUs === null ? {} : { atUs: this.#nowUs() }),
      ...(this.#spilled.length === 0 ? {} : { spilled: this.#spilled }),
    };
    this.#spilled = [];
    this.#sink(rowLine({ i: this.#rows, ...ask }, { result, ...effects, state: stateOf(this.#executor) }, more));
  }

  #watchEffects(): void {
    this.#observe(this.#executor.store, "onEvict", (user) => (block, bytes, mode, to) => {
      this.#evicted.push({ block, to });
      user()?.(block, bytes, mode, to);
    });
    this.#observe(this.#executor, "onSpill", (user) => (spill) => {
      const { task, consumer, trigger, asked, freed } = spill;
      // Tasks keep the observer that they began with, beyond the end of the recording.
      if (this.#uninstall.length > 0)
        this.#spilled.push({ task, consumer: consumer.name, trigger: trigger.name, asked, freed });
      user()?.(spill);
    });
  }

  /** Puts an observer before the embedder's own, which may be set before or later. */
  #observe<Owner extends object, Name extends keyof Owner>(
    owner: Owner,
    name: Name,
    before: (user: () => Owner[Name]) => Owner[Name],
  ): void {
    let user = owner[name];
    const observer = before(() => user);
    Object.defineProperty(owner, name, {
      configurable: true,
      get: () => observer,
      set(next: Owner[Name]) {
        user = next;
      },
    });
    this.#uninstall.push(() => Object.defineProperty(owner, name, { value: user, writable: true }));
  }
}

/** Whether a header can name the executor's policy. */
export function hasWord({ options: { policy }, numbers }: Executor): boolean {
  return policy === undefined || typeof policy === "string" || (policy === unified && numbers.maxUnroll === null);
}

/** The header of a recording that begins now. Throws Misuse for an executor that has been used or is recorded already. */
export function headerOfRun(executor: Executor): TraceHeader {
  const { manager, options, numbers } = executor;
  const layout: ManagerName = numbers.maxUnroll === null ? "unified" : "static";
  if (Object.hasOwn(manager, "acquireExecution")) throw new Misuse("the executor is being recorded already");
  const moved = manager.regions.some(({ mode, executionSize }) => executionSize !== firstSize(executor, mode));
  if (moved || manager.executionUsed + manager.storageUsed > 0 || [...executor.tasks].length > 0)
    throw new Misuse("a recording begins before anything is asked of the executor");
  return {
    engine: ENGINE,
    generation: options.generation ?? DEFAULT_GENERATION,
    manager: layout,
    ...(typeof options.policy === "string" ? { policy: options.policy } : {}),
    looks: "rows",
    cores: options.cores ?? 1,
    collector: options.collector ?? "G1",
    conf: options.conf ?? {},
    ...headerAnswers(executor),
  };
}

// What methods are called with, as rows say it.

function ofTask(op: "execAcquire" | "execRelease" | "retry"): (bytes: number, task: number, mode: Mode) => Op {
  return (bytes, task, mode) => ({ op, task, bytes, mode: modeName(mode) });
}

function ofMode(op: "storageRelease" | "unrollRelease" | "unmanaged"): (bytes: number, mode: Mode) => Op {
  return (bytes, mode) => ({ op, bytes, mode: modeName(mode) });
}

function forBlock(op: "storageAcquire" | "unrollReserve"): (block: BlockId, bytes: number, mode: Mode) => Op {
  return (block, bytes, mode) => ({ op, block: nameOf(block), bytes, mode: modeName(mode) });
}

function aboutBlock(op: "get" | "pin" | "unpin" | "remove"): (block: BlockId) => Op {
  return (block) => ({ op, block: nameOf(block) });
}

function put(block: BlockId, bytes: number, mode: Mode = ON_HEAP, onEvict: Fate = "gone"): Op {
  return { op: "put", block: nameOf(block), bytes, mode: modeName(mode), onEvict };
}

function nameOf(block: BlockId): string {
  return blockName(canonical(block));
}

// What they answer.

function nothing(): Result {
  return {};
}

function decided(yes: boolean): Result {
  return { granted: yes };
}

function granted(bytes: number): Result {
  return bytes === MUST_WAIT ? { waits: true } : { granted: bytes };
}

/** Size of the execution pool before anything has moved the boundary. */
function firstSize({ manager, numbers }: Executor, mode: Mode): number {
  const configured = mode === ON_HEAP ? numbers.onHeap : numbers.offHeap;
  return (manager.policy.sizes?.(configured) ?? configured).execution;
}

/** The word of a trace for a failure, or null. */
function failureOf(error: unknown): Result | null {
  if (error instanceof BlockExists) return { error: "blockExists" };
  return error instanceof EntryLost ? refused(error) : null;
}
