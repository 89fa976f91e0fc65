// The front door: a Spark configuration in, a wired executor out. The only file of the library that knows every room.

import {
  type Collector,
  COLLECTORS,
  executorNumbers,
  memoryLayout,
  type ExecutorNumbers,
  type ManagerName,
  validateAtStart,
} from "./config/layout.js";
import { type Conf, readConf } from "./config/keys.js";
import { DEFAULT_GENERATION } from "./config/release.js";
import { Arbiter } from "./execution/arbiter.js";
import { type Leak, type SpillObserver, TaskMemoryManager } from "./execution/task.js";
import { MemoryLeak, Misuse } from "./execution/refusal.js";
import { Refusal } from "./fault.js";
import { accountPages } from "./memory/account-pages.js";
import { createArenas } from "./memory/arena-set.js";
import { AsyncWaits, type WaitOptions } from "./memory/async.js";
import { audit } from "./memory/audit.js";
import { DebugPages, RED_ZONE_BYTES } from "./memory/debug.js";
import { HeapPool } from "./memory/heap.js";
import { MemoryManager } from "./memory/manager.js";
import type { Ledger } from "./memory/ledger.js";
import { type Mode, OFF_HEAP, ON_HEAP } from "./memory/mode.js";
import type { PageAllocator } from "./memory/page.js";
import { type UnmanagedMemory, unmanagedMemory } from "./memory/unmanaged.js";
import { MemoryBusy, type Request, type Runner, runNow, type Step, WouldWait } from "./memory/wait.js";
import { type PolicyChoice, policyOf, spillOrderNamed } from "./policy/registry.js";
import { type SpillOrder, sparkSpillOrder } from "./policy/victim.js";
import { type BytesKeeper, heapBytes, pageBytes } from "./storage/bytes.js";
import { PinLeak } from "./storage/locks.js";
import { type StorageRules, storageRules } from "./storage/rules.js";
import { type BlockDisk, BlockStore } from "./storage/store.js";
import type { EvictionChoice } from "./storage/victims.js";
import type { BlockTable } from "./storage/table.js";

/** What an executor is made from. Everything may be left out: Spark's defaults of the newest generation, one core. */
export interface ExecutorOptions {
  /** Spark keys as strings, e.g. `{ "spark.executor.memory": "8g" }`. */
  readonly conf?: Readonly<Record<string, string>>;
  /** Cores of the executor, 1 or more; they decide the page size. What `spark.executor.cores` says when left out, or 1. */
  readonly cores?: number;
  /** The garbage collector; only the page size depends on it (section 7 of the law). Default `G1`. */
  readonly collector?: Collector;
  /** `2.4`, `3.5`, `4.1` (the default), or any Spark version between them. */
  readonly generation?: string;
  /** How the regions are sized; by default as `spark.memory.useLegacyMode` says (2.4), else unified. */
  readonly layout?: ManagerName;
  /** A policy, or the name of a shipped one (`POLICIES`); defaults to Spark's own for that layout. */
  readonly policy?: PolicyChoice;
  /** An order of spilling, or the name of a shipped one (`SPILL_ORDERS`); defaults to that of the generation. */
  readonly spillOrder?: SpillOrder | string;
  /** `real` pages have memory behind them; `accounts` keeps the books of an executor of any size and owns no page. */
  readonly pages?: "real" | "accounts";
  /**
   * Whether pages are filled (0xA5 fresh, 0x5A freed) and fenced by red zones, so that a write past their end, a double or
   * foreign free and a write after free are found and told with the page's owner. Costs a pass over every page.
   */
  readonly debugPages?: boolean;
  /** Where evicted blocks of fate `disk` go. */
  readonly disk?: BlockDisk | null;
  /** Which blocks leave first; by default, as in Spark, those used longest ago. */
  readonly eviction?: EvictionChoice | null;
  /** What of the storage rules differs from what the configuration and the generation say. */
  readonly storage?: Partial<StorageRules>;
  /** Told of every spill. */
  readonly onSpill?: SpillObserver;
  /** Whose totals count where `spark.memory.unmanagedMemoryPollingInterval` is above 0; those of the process by default. */
  readonly unmanaged?: UnmanagedMemory;
}

/** What an executor works with that is not its own: parts that it shares with other workers. */
export interface ExecutorParts {
  /** Who keeps the accounts; a ledger of this thread's own when left out. */
  readonly ledger?: Ledger;
  /** Whether another executor has opened the pools of that ledger. */
  readonly attached?: boolean;
  /** Where off-heap pages come from. */
  readonly arenas?: PageAllocator;
  /** Where blocks are known; a table of this thread's own when left out. */
  readonly table?: BlockTable;
  /** Where the bytes of blocks of both modes lie; needed with a table that others share. */
  readonly keeper?: BytesKeeper;
  /** How synchronous calls of its tasks wait; not at all when left out. */
  readonly run?: (manager: MemoryManager) => Runner;
}

/**
 * Opens an executor. Throws ConfigError for what Spark refuses, be it when a manager is created or when a session starts
 * (`new Executor` makes the former checks only). Nothing is allocated before it is asked for.
 *
 * @example
 * ```ts
 * import { Consumer, openExecutor } from "tungsten-memory";
 *
 * class Buffer extends Consumer {
 *   spill = () => 0; // keeps what it has
 * }
 *
 * const executor = openExecutor({ conf: { "spark.executor.memory": "1g" }, cores: 4 });
 * const buffer = new Buffer(executor.task(1));
 * console.log(buffer.acquireMemory(64 * 2 ** 20)); // 67108864
 * buffer.freeMemory(buffer.used);
 * executor.endTask(1);
 * ```
 */
export function openExecutor(options: ExecutorOptions = {}): Executor {
  const executor = new Executor(options);
  validateAtStart(confOf(options));
  return executor;
}

/**
 * One executor: its memory manager, its block store and its tasks.
 *
 * @example
 * ```ts
 * import { Executor } from "tungsten-memory";
 *
 * const executor = new Executor({ conf: { "spark.executor.memory": "1g" }, pages: "accounts" });
 * console.log(executor.manager.regions[0].total); // 455501414
 * executor.task(7);
 * console.log(executor.endTask(7).bytes); // 0
 * ```
 */
export class Executor {
  /** What it was opened with. */
  readonly options: ExecutorOptions;
  /** What the configuration comes to: sizes of the pools and of a page, bytes. */
  readonly numbers: ExecutorNumbers;
  /** Who gives execution and storage memory out. */
  readonly manager: MemoryManager;
  /** The blocks in memory. */
  readonly store: BlockStore;
  /** Drives waiting requests by promises; `wait` goes through it. */
  readonly waits: AsyncWaits;
  /** Which of a task's consumers spills first. */
  readonly spillOrder: SpillOrder;
  /** Consumers whose memory no manager hands out (section 4.4 of the law). */
  readonly unmanaged: UnmanagedMemory;
  /** How synchronous calls of its tasks wait. */
  readonly run: Runner;
  /** How often unmanaged consumers want to be polled, milliseconds; 0 where they do not count (section 4.4). */
  readonly unmanagedPollMs: number;
  /** Told of every spill; tasks take it over when they begin. Null: nobody is told. */
  onSpill: SpillObserver | null;
  readonly #tasks = new Map<number, TaskMemoryManager>();
  readonly #accountsOnly: boolean;
  readonly #debugPages: boolean;
  readonly #failOnLeak: boolean;
  readonly #failOnPin: boolean;
  readonly #release: number;
  readonly #arbiter: Arbiter | null;
  readonly #allocators: [PageAllocator | null, PageAllocator | null] = [null, null];

  constructor(options: ExecutorOptions, parts: ExecutorParts = {}) {
    this.options = options;
    const conf = confOf(options);
    const cores = coresOf(options, conf);
    const layout = memoryLayout(conf, {
      cores,
      collector: oneOf("collector", options.collector ?? "G1", COLLECTORS),
      ...(options.layout === undefined ? {} : { manager: options.layout }),
    });
    this.numbers = executorNumbers(conf, layout);
    this.#accountsOnly = oneOf("pages", options.pages ?? "real", ["real", "accounts"]) === "accounts";
    this.#debugPages = options.debugPages ?? false;
    this.#failOnLeak = conf.get("spark.unsafe.exceptionOnMemoryLeak");
    this.#failOnPin = conf.get("spark.storage.exceptionOnPinLeak");
    this.#release = conf.release;
    this.manager = new MemoryManager({
      policy: policyOf(options.policy ?? layout.manager, { cores, maxUnrollBytes: this.#maxUnrollBytes(conf) }),
      onHeap: this.numbers.onHeap,
      offHeap: this.numbers.offHeap,
      offHeapStorage: layout.manager !== "static",
      ...(parts.ledger === undefined ? {} : { ledger: parts.ledger }),
      ...(parts.attached === undefined ? {} : { attached: parts.attached }),
    });
    this.run = parts.run?.(this.manager) ?? runNow;
    if (parts.arenas !== undefined) this.#allocators[OFF_HEAP] = parts.arenas;
    const { spillOrder } = options;
    this.spillOrder =
      typeof spillOrder === "string"
        ? spillOrderNamed(spillOrder, conf.release)
        : (spillOrder ?? sparkSpillOrder(conf.release));
    this.#arbiter = this.manager.policy.arbitrate === undefined ? null : new Arbiter(this.manager, () => this.tasks);
    this.onSpill = options.onSpill ?? null;
    this.store = new BlockStore({
      manager: this.manager,
      keepers: this.#accountsOnly ? [null, null] : this.#keepers(parts.keeper),
      ...(parts.table === undefined ? {} : { table: parts.table }),
      disk: options.disk ?? null,
      rules: { ...storageRules(conf), ...options.storage },
      eviction: options.eviction ?? null,
    });
    this.waits = new AsyncWaits(this.manager.waits);
    this.unmanaged = options.unmanaged ?? unmanagedMemory;
    this.unmanagedPollMs = Math.max(0, Number(conf.get("spark.memory.unmanagedMemoryPollingInterval")));
    if (this.unmanagedPollMs > 0) this.unmanaged.attach(this.manager);
  }

  /** The mode of page-based execution memory: off-heap when `spark.memory.offHeap.enabled`. */
  get mode(): Mode {
    return this.numbers.tungstenMode;
  }

  /** Where pages of a mode come from; made at the first call. */
  allocator(mode: Mode): PageAllocator {
    return (this.#allocators[mode] ??= this.#makeAllocator(mode));
  }

  /** The memory manager of a task, made at the first call for its id. */
  task(id: number): TaskMemoryManager {
    let task = this.#tasks.get(id);
    if (task === undefined) {
      task = new TaskMemoryManager({
        id,
        manager: this.manager,
        allocator: this.allocator(this.mode),
        pageBytes: this.numbers.pageBytes,
        spillOrder: this.spillOrder,
        release: this.#release,
        onSpill: this.onSpill,
        run: this.run,
        arbiter: this.#arbiter,
      });
      this.#tasks.set(id, task);
    }
    return task;
  }

  /** Tasks that have not ended. */
  get tasks(): Iterable<TaskMemoryManager> {
    return this.#tasks.values();
  }

  /**
   * Ends a task (section 10): frees what it left, unroll memory and block locks included, wakes waiters, and reports a
   * leak. Of a task that did not fail, a leak is thrown as MemoryLeak with `spark.unsafe.exceptionOnMemoryLeak`, and block
   * locks it has left as PinLeak with `spark.storage.exceptionOnPinLeak`, after the clean-up. After MemoryBusy it is to be
   * called again.
   */
  endTask(id: number, failed: boolean = false): Leak {
    const task = this.#tasks.get(id);
    if (task === undefined) throw new Misuse(`task ${id} is not known here, or has ended`);
    this.#tasks.delete(id);
    let leak: Leak;
    let locked: readonly string[];
    try {
      locked = this.store.endTask(id);
      leak = task.end();
    } catch (error) {
      if (error instanceof MemoryBusy) this.#tasks.set(id, task);
      else this.manager.taskEnded(id);
      throw error;
    }
    this.manager.taskEnded(id);
    if (failed) return leak;
    if (leak.bytes > 0 && this.#failOnLeak) throw new MemoryLeak(id, leak.bytes, leak.report);
    if (locked.length > 0 && this.#failOnPin) throw new PinLeak(id, locked);
    return leak;
  }

  /** Runs a request of a task to its end, waiting where it must. */
  wait<T>(task: TaskMemoryManager, request: Request<T>, options: WaitOptions = {}): Promise<T> {
    return this.waits.run(request, options, <R>(r: Request<R>): Step<R> => task.begin(r));
  }

  /**
   * Calls synchronous code that may throw WouldWait until it does not, again after every release, in its turn among those
   * who wait. The code must be fit to be called again. What a call was granted before it threw in the middle of spilling
   * stays charged to its task, as after an interrupt in Spark; a request (`wait`) keeps it.
   */
  retrying<T>(call: () => T, options: WaitOptions = {}): Promise<T> {
    return this.waits.run(untilGranted(call), options);
  }

  /** The laws that do not hold, in words; empty when all do. `rawStorage` is storage acquired without a block. */
  check(rawStorage: readonly [number, number] = [0, 0], consumersOnly: boolean = true): string[] {
    const { manager, store } = this;
    return audit({ manager, store, tasks: this.tasks, rawStorage, consumersOnly });
  }

  // What the static manager bounds unrolling by, also where the pools are sized otherwise.
  #maxUnrollBytes(conf: Conf): number {
    const { maxUnroll, onHeap } = this.numbers;
    return maxUnroll ?? Math.trunc(onHeap.storage * conf.get("spark.storage.unrollFraction"));
  }

  #keepers(shared: BytesKeeper | undefined): [BytesKeeper, BytesKeeper] {
    return shared === undefined
      ? [heapBytes(), pageBytes(lazily(OFF_HEAP, () => this.allocator(OFF_HEAP)))]
      : [shared, shared];
  }

  #makeAllocator(mode: Mode): PageAllocator {
    if (this.#accountsOnly) return accountPages(mode);
    const zones = this.#debugPages ? DEBUG_ROOM_BYTES : 0;
    const pages = mode === ON_HEAP ? new HeapPool() : createArenas({ limitBytes: this.numbers.offHeap.total + zones });
    return this.#debugPages ? new DebugPages(pages) : pages;
  }
}

/** What red zones take besides the pages that are accounted for: of 65 536 pages at once. */
const DEBUG_ROOM_BYTES = 65_536 * 2 * RED_ZONE_BYTES;

function coresOf({ cores }: ExecutorOptions, conf: Conf): number {
  if (cores === undefined) return conf.get("spark.executor.cores");
  if (!(Number.isInteger(cores) && cores >= 1 && cores < 2 ** 31))
    throw new Refusal(`cores: ${cores} is no number of cores`);
  return cores;
}

function oneOf<T extends string>(option: string, value: T, known: readonly T[]): T {
  if (!known.includes(value)) throw new Refusal(`${option}: "${value}" is none of ${known.join(", ")}`);
  return value;
}

function confOf({ conf = {}, generation = DEFAULT_GENERATION }: ExecutorOptions): Conf {
  return readConf(conf, generation);
}

function* untilGranted<T>(call: () => T): Request<T> {
  for (;;) {
    try {
      return call();
    } catch (error) {
      if (!(error instanceof WouldWait)) throw error;
    }
    yield;
  }
}

function lazily(mode: Mode, allocator: () => PageAllocator): PageAllocator {
  return { mode, allocate: (bytes) => allocator().allocate(bytes), free: (page) => allocator().free(page) };
}
