// The task memory manager: one task's page table and its consumers. It turns the manager's short answers into spills of the
// task's own consumers, and bytes into pages.

import { AssertionError } from "../fault.js";
import { humanBytes } from "../human.js";
import { encodeAddress, offsetOf, pageOf } from "../memory/address.js";
import { InvalidTask } from "../memory/ledger.js";
import type { MemoryManager } from "../memory/manager.js";
import { type Mode, modeName } from "../memory/mode.js";
import { FREED_IN_TASK, type Page, type PageAllocator } from "../memory/page.js";
import { MemoryBusy, type Request, type Runner, runNow, Step, WouldWait } from "../memory/wait.js";
import { BrokenLaw, divide, MUST_WAIT } from "../policy/policy.js";
import type { Candidate, SpillOrder } from "../policy/victim.js";
import type { Arbiter } from "./arbiter.js";
import type { Consumer } from "./consumer.js";
import { PageTable } from "./page-table.js";
import { MAX_PAGE_BYTES, Misuse, PageTableFull, TaskOutOfMemory, TooLargePage } from "./refusal.js";
import { SpillLog } from "./spill-log.js";

/** Told of every spill that one consumer does for another (or for itself). */
export type SpillObserver = (spill: {
  readonly task: number;
  readonly consumer: Consumer;
  readonly trigger: Consumer;
  readonly asked: number;
  /** Bytes the consumer says it freed; -1 when it threw. */
  readonly freed: number;
}) => void;

/** What a task's memory manager is wired to. `Executor.task` does it. */
export interface TaskOptions {
  /** The task's id: a safe integer, unique among the tasks that live. */
  readonly id: number;
  /** Who is asked for memory. */
  readonly manager: MemoryManager;
  /** Where pages come from. */
  readonly allocator: PageAllocator;
  /** Size of a page unless a consumer asks for another, bytes. */
  readonly pageBytes: number;
  /** Which consumer spills first. */
  readonly spillOrder: SpillOrder;
  /** Whose rules its consumers follow: Spark's major * 100 + minor. 401 when left out. */
  readonly release?: number;
  /** Told of every spill of the task's consumers. */
  readonly onSpill?: SpillObserver | null;
  /** How synchronous calls wait: not at all when left out. */
  readonly run?: Runner;
  /** Has other tasks spill for this one; null where the policy does not arbitrate. */
  readonly arbiter?: Arbiter | null;
}

/** What a clean-up found. Bytes. */
export interface Leak {
  /** Bytes of both modes still charged to the task, those acquired and not used left out (section 5.7). */
  readonly bytes: number;
  /** Who held it: consumers, then pages, in words. Empty when nothing leaked. */
  readonly report: string;
}

/**
 * Section 5 of the law. Sizes are bytes.
 *
 * @example
 * ```ts
 * import { Consumer, openExecutor, type TaskMemoryManager } from "tungsten-memory";
 *
 * class Buffer extends Consumer {
 *   spill = () => 0;
 * }
 * const executor = openExecutor();
 * const task: TaskMemoryManager = executor.task(1);
 * const buffer = new Buffer(task);
 * const page = buffer.allocatePage(1024);
 * console.log(task.pageAt(task.encode(page, 16)) === page, task.used === page.bytes); // true true
 * buffer.freePage(page);
 * console.log(executor.endTask(1).bytes); // 0
 * ```
 */
export class TaskMemoryManager {
  /** The task's id. */
  readonly id: number;
  /** Who is asked for memory. */
  readonly manager: MemoryManager;
  /** Where pages come from. */
  readonly allocator: PageAllocator;
  /** Size of a page unless a consumer asks for another, bytes. */
  readonly pageBytes: number;
  /** The mode of this task's pages (the "tungsten" mode). */
  readonly mode: Mode;
  /** Whose rules the consumers follow: Spark's major * 100 + minor. */
  readonly release: number;
  /** Told of every spill of the task's consumers; null: nobody is. */
  onSpill: SpillObserver | null;
  readonly #order: SpillOrder;
  readonly #run: Runner;
  readonly #arbiter: Arbiter | null;
  // Of orders that want it only.
  readonly #log: SpillLog | null;
  readonly #consumers = new Set<Consumer>();
  readonly #table = new PageTable();
  #acquiredButUnused = 0;
  // Current bytes of both modes, then their peaks: generation 4.0 and later report the peaks.
  readonly #bytes = new Float64Array(4);
  // While a request of the task waits, it holds the task's lock; later ones queue in order.
  #waiting: Step<unknown> | null = null;
  #ended = false;
  // Spills under way: a spill may ask for memory, and that may have somebody spill.
  #spilling = 0;
  readonly #queue: Step<unknown>[] = [];

  constructor(options: TaskOptions) {
    if (!Number.isSafeInteger(options.id)) throw new InvalidTask(options.id);
    this.id = options.id;
    this.manager = options.manager;
    this.allocator = options.allocator;
    this.pageBytes = options.pageBytes;
    this.mode = options.allocator.mode;
    this.release = options.release ?? 401;
    this.#order = options.spillOrder;
    this.onSpill = options.onSpill ?? null;
    this.#run = options.run ?? runNow;
    this.#arbiter = options.arbiter ?? null;
    this.#log = options.spillOrder.wantsFacts === true ? new SpillLog() : null;
    if (this.#log !== null) this.#watchUses(this.#log);
  }

  /**
   * Acquires up to `required` bytes for a consumer, spilling consumers of this task and mode when the manager falls short
   * (section 5.2). Returns what was got; the caller adds it to its own `used`.
   */
  acquireExecutionMemory(required: number, requester: Consumer): number {
    if (this.#waiting !== null || requester.task !== this || this.#ended) this.#assertMayAsk(requester);
    const got = this.manager.acquireExecution(required, this.id, requester.mode);
    if (got !== required || !requester.enrolled) {
      return this.#acquireNow(required, requester, got);
    }
    this.#count(got, requester.mode);
    return got;
  }

  /** Gives back `bytes` for a consumer. Passes through while a request of the task waits; after its end there is nothing left. */
  releaseExecutionMemory(bytes: number, consumer: Consumer): void {
    if (consumer.task !== this) throw this.#stranger(consumer);
    if (this.#ended) return;
    this.manager.releaseExecution(bytes, this.id, consumer.mode);
    this.#bytes[consumer.mode]! -= bytes;
  }

  /** A page of up to `bytes` bytes, perhaps smaller, or null when nothing could be had (section 5.4). */
  allocatePage(bytes: number, consumer: Consumer): Page | null {
    if (this.#waiting !== null) this.#assertMayAsk(consumer);
    const got = this.#firstAnswer(bytes, consumer);
    if (got !== bytes || !consumer.enrolled) {
      return this.#pageNow(this.#page(bytes, consumer, got), bytes, consumer);
    }
    this.#count(got, this.mode);
    return this.#place(got, bytes, consumer) ?? this.#pageNow(this.pageRequest(bytes, consumer), bytes, consumer);
  }

  /** Gives a page back: its number, its memory, its bytes (section 5.5). Only the consumer that allocated it may. */
  freePage(page: Page, consumer: Consumer): void {
    const number = page.number;
    if (this.#table.get(number) !== page || this.#table.owner(number) !== consumer)
      throw this.#foreignPage(page, consumer);
    this.#table.give(number);
    page.number = FREED_IN_TASK;
    this.allocator.free(page);
    this.releaseExecutionMemory(page.bytes, consumer);
  }

  /** An acquire as a request that can wait; queues behind a request of this task that waits already. */
  *acquireRequest(required: number, requester: Consumer): Request<number> {
    this.#assertMine(requester);
    return yield* this.#acquire(required, requester, this.manager.acquireExecution(required, this.id, requester.mode));
  }

  /** A page as a request that can wait. */
  *pageRequest(bytes: number, consumer: Consumer): Request<Page | null> {
    return yield* this.#page(bytes, consumer, this.#firstAnswer(bytes, consumer));
  }

  /**
   * Starts a request of this task for somebody who can wait. It looks once before this returns; if it must wait, it joins
   * the manager's waiters and holds the task's lock until it ends. A request started meanwhile looks after that.
   */
  begin<T>(request: Request<T>): Step<T> {
    const step = new Step(request);
    this.#queue.push(step as Step<unknown>);
    if (this.#waiting === null) this.#advance();
    return step;
  }

  /** Whether a request of this task waits. */
  get blocked(): boolean {
    return this.#waiting !== null && !this.#waiting.looking;
  }

  /** The address of `offset` in a page of this task: one safe integer (section 5.6). */
  encode(page: Page, offset: number): number {
    return encodeAddress(page.number, offset);
  }

  /** The page an address lies in. */
  pageAt(address: number): Page {
    const page = this.#table.get(pageOf(address));
    if (page === undefined) throw new Misuse(`task ${this.id} has no page ${pageOf(address)} (address ${address})`);
    return page;
  }

  /** The byte of `pageAt(address).views` that an address stands for. */
  byteAt(address: number): number {
    return this.pageAt(address).base + offsetOf(address);
  }

  /** The page of a number in the task's table, undefined where there is none. */
  page(number: number): Page | undefined {
    return this.#table.get(number);
  }

  /** The task's pages, lowest number first. */
  pages(): readonly Page[] {
    return this.#table.pages();
  }

  /** Consumers that have acquired through this manager. */
  get consumers(): ReadonlySet<Consumer> {
    return this.#consumers;
  }

  /** Bytes charged to the task in both modes. */
  get used(): number {
    return this.manager.executionHeld(this.id, 0) + this.manager.executionHeld(this.id, 1);
  }

  /** What consumers of a mode hold that may be asked to spill for another task; 0 while one of them spills. */
  spillable(mode: Mode): number {
    let bytes = 0;
    if (this.#spilling === 0 && !this.#ended) {
      for (const consumer of this.#consumers) if (consumer.mode === mode) bytes += consumer.used;
    }
    return bytes;
  }

  /** Has one consumer spill for `trigger`, whose task may be another, in this task's order. Returns the bytes freed, 0 if nobody can. */
  spillFor(bytes: number, trigger: Consumer): number {
    const candidates = this.#candidates(trigger);
    while (candidates.length > 0) {
      const index = this.#pick(candidates, bytes);
      const freed = this.#spill(candidates[index]!.consumer, bytes, trigger);
      if (freed > 0) return freed;
      candidates.splice(index, 1);
    }
    return 0;
  }

  /** Bytes charged to the task that belong to no consumer: page allocations that the memory itself refused. */
  get acquiredButUnused(): number {
    return this.#acquiredButUnused;
  }

  /** The most that the task held in a mode through its consumers (4.0 and later; section 5.2). */
  peak(mode: Mode): number {
    return this.#bytes[2 + mode]!;
  }

  /**
   * The end of the task: `cleanUpAll`, and from here on every request is refused. What its consumers release later was
   * given back here.
   */
  end(): Leak {
    this.#ended = true;
    return this.cleanUpAll();
  }

  /**
   * Frees every page, gives everything back, wakes waiters, and tells what was left (section 5.7). A request that waits is
   * given up. The numbers of freed pages stay taken. When the allocator objects to a page, the others and all bytes are
   * given back before its error goes on. After MemoryBusy nothing has been given back: it is to be called again.
   */
  cleanUpAll(): Leak {
    if (this.#waiting !== null) this.#giveUp(this.#over());
    const { report, bytes } = this.#giveAllBack();
    for (const consumer of this.#consumers) consumer.enrolled = false;
    this.#consumers.clear();
    this.#log?.clear();
    const objections: unknown[] = [];
    for (const page of this.#table.pages()) {
      page.number = FREED_IN_TASK;
      try {
        this.allocator.free(page);
      } catch (error) {
        objections.push(error);
      }
    }
    this.#table.empty();
    if (objections.length > 0) throw objections[0];
    return { bytes, report: bytes === 0 ? "" : report.join("; ") };
  }

  // All that is charged, as one decision: before anything else, since only here others can keep it waiting.
  #giveAllBack(): { report: string[]; bytes: number } {
    const { manager, id, mode } = this;
    manager.ledger.begin();
    try {
      const report = this.#holders().concat(this.#pageReport());
      manager.releaseExecution(Math.min(this.#acquiredButUnused, manager.executionHeld(id, mode)), id, mode);
      return { report, bytes: manager.releaseAllExecution(id) };
    } finally {
      manager.ledger.end();
    }
  }

  /** The refusal of a consumer's request, with all that a person needs to act on it. */
  outOfMemory(consumer: Consumer, requested: number, received: number): TaskOutOfMemory {
    return this.#shortage(consumer, requested, received, "not enough memory", "UNABLE_TO_ACQUIRE_MEMORY");
  }

  /** What each consumer holds, largest first, and what belongs to none (section 5.9). */
  describe(): string {
    const rows = this.#holders();
    return rows.length === 0 ? `task ${this.id} holds nothing` : `task ${this.id}: ${rows.join("; ")}`;
  }

  // Kept out of the common path: a closure over its arguments would make every call allocate.
  #acquireNow(required: number, requester: Consumer, got: number): number {
    return this.#run(this.#acquire(required, requester, got), () => this.#mustWait(required, requester));
  }

  #pageNow(request: Request<Page | null>, bytes: number, consumer: Consumer): Page | null {
    return this.#run(request, () => this.#mustWait(bytes, consumer));
  }

  *#acquire(required: number, requester: Consumer, first: number): Request<number> {
    const { manager, id } = this;
    const mode = requester.mode;
    let got = first;
    if (got !== required && this.#arbiter !== null) got = yield* this.#arbiter.settle(required, requester, got);
    else if (got === MUST_WAIT) got = yield* manager.waitForExecution(required, id, mode);
    if (got < required) got = yield* this.#spillUntil(required, requester, got);
    requester.enrolled = true;
    this.#consumers.add(requester);
    this.#count(got, mode);
    return got;
  }

  // Has consumers of this task spill, and asks again, until the request is met or nobody frees anything (section 5.2).
  *#spillUntil(required: number, requester: Consumer, first: number): Request<number> {
    let got = first;
    try {
      const candidates = this.#candidates(requester);
      while (got < required && candidates.length > 0) {
        const index = this.#pick(candidates, required - got);
        const victim = candidates[index]!.consumer;
        if (this.#spill(victim, required - got, requester) > 0) {
          if (this.#log !== null) candidates[index] = this.#log.asSpilled(candidates[index]!);
          got += yield* this.#more(required - got, requester);
        } else {
          candidates.splice(index, 1);
        }
      }
      // Up to 3.2 the requester comes after the others, whatever it holds.
      let again = this.#order.requester !== "candidate";
      while (again && got < required) {
        again = this.#spill(requester, required - got, requester) > 0;
        if (again) got += yield* this.#more(required - got, requester);
        again &&= this.#order.requester === "repeatedly-after-others";
      }
    } catch (error) {
      // A broken law is as if nothing had been asked, and who is told to ask again has got nothing; when something else fails, a
      // spill, the bytes stay.
      if (error instanceof BrokenLaw || error instanceof MemoryBusy)
        this.manager.releaseExecution(got, this.id, requester.mode);
      throw error;
    }
    return got;
  }

  #pick(candidates: readonly Candidate<Consumer>[], need: number): number {
    const { name } = this.#order;
    let index: number;
    try {
      index = this.#order.pick(candidates, need);
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new BrokenLaw(10, name, "pick", `an error: ${why}`, { cause });
    }
    if (candidates[index] !== undefined) return index;
    throw new BrokenLaw(9, name, "pick", `${String(index)}: ${candidates.length} consumers can spill`);
  }

  #more(bytes: number, requester: Consumer): Request<number> {
    return this.#arbiter === null
      ? this.manager.executionRequest(bytes, this.id, requester.mode)
      : this.#arbiter.request(bytes, requester);
  }

  *#page(bytes: number, consumer: Consumer, first: number): Request<Page | null> {
    let got = yield* this.#acquire(bytes, consumer, first);
    while (got > 0) {
      const page = this.#place(got, bytes, consumer);
      if (page !== null) return page;
      got = yield* this.acquireRequest(bytes, consumer);
    }
    return null;
  }

  // Memory and a number for `got` acquired bytes. Where the account had the bytes but the memory has not, they stay charged
  // and the answer is null: asking again forces somebody to spill.
  #place(got: number, asked: number, consumer: Consumer): Page | null {
    const number = this.#table.take();
    if (number === -1) {
      this.releaseExecutionMemory(got, consumer);
      throw new PageTableFull(
        `task ${this.id} has all 8192 pages of its table in use (${consumer.name} asked for ${asked} bytes)`,
      );
    }
    let page: Page | null;
    try {
      page = this.allocator.allocate(got);
    } catch (error) {
      this.#table.give(number);
      this.releaseExecutionMemory(got, consumer);
      throw error;
    }
    if (page === null) {
      this.#acquiredButUnused += got;
      this.#table.give(number);
      return null;
    }
    if (page.bytes !== got) throw new AssertionError(`a page of ${page.bytes} bytes for ${got}`);
    page.number = number;
    page.owner = consumer;
    this.#table.put(number, page, consumer);
    return page;
  }

  #assertMine(consumer: Consumer): void {
    if (consumer.task !== this) throw this.#stranger(consumer);
    if (this.#ended) throw this.#over();
  }

  #stranger(consumer: Consumer): Misuse {
    return new Misuse(`${consumer.name} belongs to task ${consumer.task.id}, not to task ${this.id}`);
  }

  #over(): Misuse {
    return new Misuse(`task ${this.id} has ended`);
  }

  #assertMayAsk(consumer: Consumer): void {
    this.#assertMine(consumer);
    if (this.blocked)
      throw new WouldWait(
        `${consumer.name} of task ${this.id} would have to wait: a request of its task waits already`,
      );
  }

  #firstAnswer(bytes: number, consumer: Consumer): number {
    this.#assertMine(consumer);
    if (consumer.mode !== this.mode) {
      throw new Misuse(
        `${consumer.name} is ${modeName(consumer.mode)} and asks for a page of a ${modeName(this.mode)} task`,
      );
    }
    if (bytes > MAX_PAGE_BYTES) throw new TooLargePage(bytes);
    return this.manager.acquireExecution(bytes, this.id, this.mode);
  }

  // A snapshot: keys are not brought up to date while spilling goes on (section 5.2).
  #candidates(requester: Consumer): Candidate<Consumer>[] {
    const among = this.#order.requester === "candidate";
    const candidates: Candidate<Consumer>[] = [];
    for (const consumer of this.#consumers) {
      if (consumer.used <= 0 || consumer.mode !== requester.mode) continue;
      if (consumer !== requester) candidates.push(this.#candidate(consumer, consumer.used));
      else if (among) candidates.push(this.#candidate(consumer, 0));
    }
    return candidates.sort((a, b) => a.key - b.key);
  }

  #candidate(consumer: Consumer, key: number): Candidate<Consumer> {
    return this.#log === null ? { consumer, key } : { consumer, key, facts: this.#log.factsOf(consumer) };
  }

  // Put on this one task, so that the requests of others pass nothing.
  #watchUses(log: SpillLog): void {
    const own = this as unknown as Record<string, (bytes: number, consumer: Consumer) => unknown>;
    for (const name of ["acquireExecutionMemory", "allocatePage", "acquireRequest", "pageRequest"]) {
      const method = own[name]!;
      own[name] = (bytes, consumer) => {
        log.used(consumer);
        return method.call(this, bytes, consumer);
      };
    }
  }

  #spill(consumer: Consumer, bytes: number, trigger: Consumer): number {
    const usedBefore = consumer.used;
    const heldBefore = this.manager.executionHeld(this.id, consumer.mode);
    let freed: number;
    this.#log?.spilled(consumer);
    this.#spilling += 1;
    try {
      if (this.#spilling > MOST_NESTED_SPILLS)
        throw new Misuse(`${consumer.name} asks for memory in its own spill, again and again`);
      freed = consumer.spill(bytes, trigger);
    } catch (error) {
      this.onSpill?.({ task: this.id, consumer, trigger, asked: bytes, freed: -1 });
      if (!isIoError(error)) throw error;
      const message = `${consumer.name} of task ${this.id} could not spill: ${error.message}`;
      throw trigger.task.#shortage(
        trigger,
        bytes,
        0,
        message,
        this.release >= 401 ? "SPILL_OUT_OF_MEMORY" : null,
        error,
      );
    } finally {
      this.#spilling -= 1;
    }
    this.onSpill?.({ task: this.id, consumer, trigger, asked: bytes, freed });
    if (this.#ended) throw this.#over();
    if (!(freed >= 0 && Number.isSafeInteger(freed)))
      throw new Misuse(`${consumer.name} answers a spill with ${String(freed)}: it is bytes, 0 or more`);
    // Law 8. A consumer that only says so would be asked for ever.
    const gave = consumer.used < usedBefore || this.manager.executionHeld(this.id, consumer.mode) < heldBefore;
    if (freed > 0 && !gave)
      throw new Misuse(`${consumer.name} says that it freed ${freed} bytes and has given none back`);
    return freed;
  }

  #count(bytes: number, mode: Mode): void {
    const now = this.#bytes[mode]! + bytes;
    this.#bytes[mode] = now;
    if (now > this.#bytes[2 + mode]!) this.#bytes[2 + mode] = now;
  }

  // Lets the queue look, in order, until one must wait. While a request looks, those that it starts queue behind it.
  #advance(): void {
    for (let step = this.#queue.shift(); step !== undefined; step = this.#queue.shift()) {
      this.#waiting = step;
      if (step.look()) continue;
      step.onEnd(() => this.#advance());
      this.manager.waits.add(step);
      return;
    }
    this.#waiting = null;
  }

  // Only while a request waits or looks can others queue behind it.
  #giveUp(error: Misuse): void {
    for (const step of this.#queue.splice(0)) step.cancel(error);
    this.#waiting?.cancel(error);
  }

  #mustWait(bytes: number, requester: Consumer): string {
    return (
      `${requester.name} of task ${this.id} would have to wait for ${bytes} bytes (${humanBytes(bytes)}) of ` +
      `${modeName(requester.mode)} execution memory that other tasks hold`
    );
  }

  #shortage(
    consumer: Consumer,
    requested: number,
    received: number,
    message: string,
    condition: string | null,
    cause?: unknown,
  ): TaskOutOfMemory {
    const { manager } = this;
    const region = manager.regions[consumer.mode];
    const tasks = Math.max(1, region.entries);
    return new TaskOutOfMemory(
      message,
      condition,
      {
        task: this.id,
        consumer: consumer.name,
        requested,
        received,
        held: manager.executionHeld(this.id, consumer.mode),
        free: region.executionSize - region.executionUsed,
        cap: Math.min(region.total, divide(manager.policy.ceiling(region), tasks)),
        tasks,
        holders: this.#largestFirst().map((c) => ({ consumer: c.name, bytes: c.used })),
        unassociated: this.#unassociated(),
      },
      cause,
    );
  }

  #largestFirst(): Consumer[] {
    return [...this.#consumers].filter((c) => c.used > 0).sort((a, b) => b.used - a.used);
  }

  #unassociated(): number {
    let associated = 0;
    for (const consumer of this.#consumers) associated += consumer.used;
    return Math.max(0, this.used - associated);
  }

  #holders(): string[] {
    const rows = this.#largestFirst().map(
      (c) => `${c.name} holds ${c.used} bytes (${humanBytes(c.used)}, ${modeName(c.mode)})`,
    );
    const rest = this.#unassociated();
    return rest > 0 ? [...rows, `${rest} bytes belong to no consumer`] : rows;
  }

  #pageReport(): string[] {
    const pages = this.#table.pages();
    const rows = pages
      .slice(0, PAGES_REPORTED)
      .map((page) => `page ${page.number} of ${page.bytes} bytes, owner ${this.#table.owner(page.number).name}`);
    return pages.length > rows.length ? [...rows, `and ${pages.length - rows.length} more pages`] : rows;
  }

  #foreignPage(page: Page, consumer: Consumer): Misuse {
    const { number } = page;
    const mine = this.#table.get(number) === page;
    const what = mine
      ? `page ${number} belongs to ${this.#table.owner(number).name}`
      : (FREED_WORDS[number] ?? `page ${number} is not in the table of task ${this.id}`);
    return new Misuse(
      `${consumer.name} of task ${this.id} frees a page of ${page.bytes} bytes that it cannot: ${what}`,
    );
  }
}

/** Pages that a leak report names one by one. */
const PAGES_REPORTED = 8;

/** Spills within spills that are taken for an end in sight. */
const MOST_NESTED_SPILLS = 64;

const FREED_WORDS: Record<number, string> = {
  [-1]: "it was not allocated through a task",
  [-2]: "it has been freed in its task already",
  [-3]: "it has been freed already",
};

/** An error of an operation on a disk or device: a spill store's own, or one with an errno code. */
function isIoError(error: unknown): error is Error {
  if (!(error instanceof Error)) return false;
  return error.name === "SpillError" || /^E[A-Z0-9]+$/.test(String((error as { code?: unknown }).code));
}
