// The front door for workers: one executor that several threads share. One of them makes it and hands out places; a worker
// attaches to its place and has the same API. The accounts and the off-heap pages are common to all; tasks, consumers and
// on-heap pages are each worker's own.

import { Executor, type ExecutorOptions, type ExecutorParts, openExecutor } from "./executor.js";
import { VERSION } from "./generated/version.js";
import { AccountsError, MAX_WORKERS } from "./memory/accounts-map.js";
import { DebugPages, FREED_BYTE } from "./memory/debug.js";
import type { Mode } from "./memory/mode.js";
import { mayBlock, sleeper } from "./memory/blocking.js";
import { hearRemoteWakes } from "./memory/remote-wakes.js";
import type { Tenant } from "./memory/places.js";
import { type Estate, SharedLedger } from "./memory/shared-ledger.js";
import { type SharedArenaMemories, SharedArenas } from "./shared-arenas.js";
import { MemoryBusy } from "./memory/wait.js";
import { wasmModule } from "./memory/wasm.js";
import { MUST_WAIT } from "./policy/policy.js";
import { SharedTable } from "./storage/shared-table.js";

/** What every worker must agree on: plain values, since they are posted. A policy of one's own is no such thing. */
export interface SharedOptions extends Pick<
  ExecutorOptions,
  "conf" | "cores" | "collector" | "generation" | "layout" | "pages" | "debugPages"
> {
  /** Tasks that can hold something at once, 1 to 65 536. Default 1024. */
  readonly tasks?: number;
  /** Blocks that can be in memory at once, 1 to 2^22. Default 16 384. */
  readonly blocks?: number;
  /** Places for workers, the maker's included, 2 to 63. Default 16. */
  readonly workers?: number;
}

/** What a worker has for itself. */
export interface WorkerOptions extends Pick<ExecutorOptions, "disk" | "onSpill"> {
  /**
   * Longest sleep of a synchronous call that must wait for memory, milliseconds, before it ends as WaitEnded. Default: no
   * bound, as in Spark; 0 where the thread must not sleep: such a call throws WouldWait.
   */
  readonly waitMs?: number;
  /**
   * Longest sleep of a call for what other workers do to the accounts or to an arena, milliseconds, before it throws MemoryBusy
   * and has changed nothing. Default: no bound, but 10 s for the maker; 0 where the thread must not sleep. To give something
   * back never throws it: what could not be done in time is done as soon as it can be.
   */
  readonly patienceMs?: number;
}

/** One worker's place in a shared executor: to be posted to it. */
export interface Place extends Tenant {
  /** Version of the library that made it: another one does not attach. */
  readonly version: string;
  /** Of the executor: different from any other's. */
  readonly executor: string;
  /** What the executor was made from. */
  readonly options: SharedOptions;
  /** The compiled module, so that nobody compiles it again. */
  readonly module: WebAssembly.Module;
  /** The shared accounts. */
  readonly accounts: WebAssembly.Memory;
  /** Null where the executor owns no memory (`pages: "accounts"`). */
  readonly arenas: ArenasOf | null;
}

/** The arenas of pages and those of blocks: the same, but where pages are fenced and filled. */
interface ArenasOf {
  readonly pages: SharedArenaMemories;
  readonly blocks: SharedArenaMemories;
}

/** A thread that ends with an `exit` event, as Node's workers do. */
export interface Exiting {
  /** -1 when it has ended already. */
  readonly threadId?: number;
  /** Has `listener` called when the thread has ended. */
  on(event: "exit", listener: () => void): unknown;
}

// Who has made an executor buries the dead of it, and cannot hear of a death while it sleeps for the dead one's lock.
const SUPERVISOR_PATIENCE_MS = 10_000;

// How long a burial may wait for others, and when it is tried again: who keeps it waiting may have died as well, which is heard
// only when the event loop runs.
const BURIAL_PATIENCE_MS = 100;
const BURIAL_RETRY_MS = 5;

const DEFAULT_WORKERS = 16;
const MAX_SHARED_WORKERS = MAX_WORKERS - 1;

/**
 * Why this host cannot share memory between workers, in words; null where it can.
 *
 * @example
 * ```ts
 * import { openExecutor, shareExecutor, whyNotShared } from "tungsten-memory";
 *
 * const executor = whyNotShared() === null ? shareExecutor() : openExecutor();
 * console.log(executor.mode); // 0
 * ```
 */
export function whyNotShared(): string | null {
  if (typeof SharedArrayBuffer === "function") return null;
  return "the page is not cross-origin isolated, so that its workers cannot share memory";
}

/**
 * Makes an executor that workers can attach to. The caller is its first worker, and the one to supervise the others. Throws
 * AccountsError "host" where memory cannot be shared; `openExecutor` gives a local ledger and a private arena there.
 *
 * @example
 * ```ts
 * import { Worker } from "node:worker_threads";
 * import { shareExecutor } from "tungsten-memory";
 *
 * const executor = shareExecutor({ conf: { "spark.executor.memory": "1g" }, tasks: 256, workers: 4 });
 *
 * export function start(file: string): void {
 *   const place = executor.place();
 *   // When the worker ends, however it does, what it held comes back.
 *   executor.supervise(new Worker(file, { workerData: place }), place);
 * }
 * console.log(executor.check()); // []
 * executor.close();
 * ```
 */
export function shareExecutor(options: SharedOptions = {}, own: WorkerOptions = {}): SharedExecutor {
  const obstacle = whyNotShared();
  if (obstacle !== null) throw new AccountsError("host", `${obstacle}: openExecutor serves one thread`);
  // What Spark refuses is refused before anything is made.
  const { numbers } = openExecutor(executorOptions(options, {}));
  const workers = workersOf(options);
  const patienceMs = patienceOf(own, SUPERVISOR_PATIENCE_MS);
  const ledger = SharedLedger.create({
    slots: options.tasks ?? 1024,
    annexBytes: SharedTable.bytesFor(blocksOf(options)),
    workers,
    patienceMs,
  });
  const make = (limitBytes: number): SharedArenas =>
    SharedArenas.create({ limitBytes, workers, pageBytes: numbers.pageBytes, patienceMs });
  const [onHeap, offHeap] = [numbers.onHeap.total, numbers.offHeap.total];
  let arenas: Arenas | null = null;
  if (options.pages !== "accounts") {
    const pages = make(options.debugPages === true ? offHeap : onHeap + offHeap);
    arenas = { pages, blocks: options.debugPages === true ? make(onHeap + offHeap) : pages };
  }
  return new SharedExecutor(options, own, ledger, arenas, null);
}

/**
 * Takes a place in a worker. Throws AccountsError for a place of another version or that somebody has taken.
 *
 * @example
 * ```ts
 * import { parentPort, workerData } from "node:worker_threads";
 * import { attachExecutor, type Place } from "tungsten-memory";
 *
 * // In a worker that was started with a place as its workerData.
 * export function work(): void {
 *   const executor = attachExecutor(workerData as Place);
 *   const granted = executor.manager.acquireExecution(2 ** 20, 1, 0);
 *   parentPort?.postMessage(granted, []);
 *   executor.endTask(1);
 *   executor.close();
 * }
 * ```
 */
export function attachExecutor(place: Place, own: WorkerOptions = {}): SharedExecutor {
  if (place.version !== VERSION)
    throw new AccountsError("version", `the place is of version ${place.version}, this is version ${VERSION}`);
  const patienceMs = patienceOf(own, Number.POSITIVE_INFINITY);
  const { module } = place;
  const workers = workersOf(place.options);
  const ledger = SharedLedger.attach(place.accounts, { workers, patienceMs, tenant: place, module });
  return new SharedExecutor(place.options, own, ledger, attachArenas(place, patienceMs), place);
}

/**
 * One worker's executor over shared accounts.
 *
 * @example
 * ```ts
 * import { shareExecutor, type SharedExecutor } from "tungsten-memory";
 *
 * const executor: SharedExecutor = shareExecutor({ conf: { "spark.executor.memory": "1g" }, workers: 4 });
 * const place = executor.place(); // to be posted to a worker, which attaches to it
 * console.log(executor.worker, place.worker); // 1 2
 * executor.recover(place); // that worker never came to be
 * executor.close();
 * ```
 */
export class SharedExecutor extends Executor {
  /** This worker's hold on the shared accounts. */
  readonly ledger: SharedLedger;
  readonly #options: SharedOptions;
  readonly #arenas: Arenas | null;
  readonly #id: string;

  /** `place` is where it attaches to; null makes the first. */
  constructor(
    options: SharedOptions,
    own: WorkerOptions,
    ledger: SharedLedger,
    arenas: Arenas | null,
    place: Place | null,
  ) {
    super(executorOptions(options, own), partsOf(options, own, ledger, arenas, place !== null));
    this.#arenas = arenas;
    this.#id = place?.executor ?? newId();
    this.ledger = ledger;
    this.#options = options;
    hearRemoteWakes(this.manager, ledger);
  }

  /** This worker's number, 1 to 63. */
  get worker(): number {
    return this.ledger.worker;
  }

  /** `manager.acquireExecution` that sleeps where it must wait, as the synchronous calls of consumers do. */
  acquireOrSleep(bytes: number, task: number, mode: Mode): number {
    const granted = this.manager.acquireExecution(bytes, task, mode);
    if (granted !== MUST_WAIT) return granted;
    return this.run(this.manager.waitForExecution(bytes, task, mode), () => `task ${task} would have to wait`);
  }

  /** A place for one more worker. Throws AccountsError when all are taken. */
  place(): Place {
    return {
      version: VERSION,
      executor: this.#id,
      ...this.ledger.reserve(),
      options: this.#options,
      module: wasmModule("shared"),
      accounts: this.ledger.memory,
      arenas: this.#arenas === null ? null : { pages: this.#arenas.pages.shared, blocks: this.#arenas.blocks.shared },
    };
  }

  /** Buries a worker as soon as its thread has ended, in whatever way. `done` is told what came back. */
  supervise(thread: Exiting, place: Tenant, done: (estate: Estate) => void = () => {}): void {
    const bury = (): void => void this.bury(place).then(done);
    if (thread.threadId === -1) bury();
    else thread.on("exit", bury);
  }

  /** `recover`, again while others keep it waiting, whose deaths may be heard meanwhile. */
  async bury(tenant: Tenant): Promise<Estate> {
    for (;;) {
      try {
        return this.recover(tenant);
      } catch (error) {
        if (!(error instanceof MemoryBusy)) throw error;
      }
      await new Promise((resolve) => setTimeout(resolve, BURIAL_RETRY_MS));
    }
  }

  /**
   * Gives back all that a worker held and breaks the locks it died with. The worker must be gone: whoever calls this knows
   * that it takes no further step, and no other worker calls it for the same. One that has left in order, or was buried before,
   * gives nothing. Throws MemoryBusy where another keeps this waiting, who may be dead too: `bury` tries again.
   */
  recover(tenant: Tenant): Estate {
    if (!this.ledger.isTenant(tenant)) return { execution: 0, storage: 0 };
    // The arena first: who decides may be asleep for the lock that the dead took with it there.
    for (const arenas of this.#eachArenas())
      arenas.recover(tenant.worker, this.#options.debugPages ? FREED_BYTE : undefined);
    return this.ledger.recover(tenant, () => this.#takeBack(tenant.worker), BURIAL_PATIENCE_MS);
  }

  /** Ends the wait that a worker sleeps in, or else its next, as WaitEnded "cancelled". */
  interrupt(worker: number): void {
    this.ledger.interrupt(worker);
  }

  /**
   * Leaves: ends this worker's tasks as failed, gives everything back, and gives up the place. What the allocator objects to in
   * a page goes on at last. May be repeated: after MemoryBusy it goes on where it was, and who has left stays so.
   */
  close(): void {
    const objections: unknown[] = [];
    for (const task of Array.from(this.tasks)) {
      try {
        this.endTask(task.id, true);
      } catch (error) {
        if (error instanceof MemoryBusy) throw error;
        objections.push(error);
      }
    }
    this.ledger.leave(() => {
      this.#takeBack(this.worker);
      for (const arenas of this.#eachArenas()) arenas.detach();
    });
    if (objections.length > 0) throw objections[0];
  }

  // What a worker that ends has locked, and what follows from what it gives back.
  #takeBack(worker: number): void {
    this.store.recover(worker);
    this.manager.refreshCeilings();
  }

  #eachArenas(): Set<SharedArenas> {
    return new Set(this.#arenas === null ? [] : [this.#arenas.pages, this.#arenas.blocks]);
  }

  override check(): string[] {
    return this.ledger.alone(() => super.check([0, 0], false));
  }
}

function executorOptions(options: SharedOptions, own: WorkerOptions): ExecutorOptions {
  const { tasks: _, workers: __, blocks: ___, ...shared } = options;
  const { disk, onSpill } = own;
  return { ...shared, ...(disk === undefined ? {} : { disk }), ...(onSpill === undefined ? {} : { onSpill }) };
}

function newId(): string {
  return Array.from(crypto.getRandomValues(new Uint32Array(4)), (word) => word.toString(36)).join("");
}

function blocksOf({ blocks = 16_384 }: SharedOptions): number {
  return blocks;
}

interface Arenas {
  readonly pages: SharedArenas;
  readonly blocks: SharedArenas;
}

function attachArenas({ arenas, worker }: Place, patienceMs: number): Arenas | null {
  if (arenas === null) return null;
  const attach = (memories: SharedArenaMemories): SharedArenas => SharedArenas.attach(memories, worker, patienceMs);
  const pages = attach(arenas.pages);
  return { pages, blocks: arenas.blocks === arenas.pages ? pages : attach(arenas.blocks) };
}

function partsOf(
  options: SharedOptions,
  own: WorkerOptions,
  ledger: SharedLedger,
  arenas: Arenas | null,
  attached: boolean,
): ExecutorParts {
  const waitMs = own.waitMs ?? (mayBlock() ? Number.POSITIVE_INFINITY : 0);
  return {
    ledger,
    attached,
    table: attached ? SharedTable.attach(ledger) : SharedTable.create(ledger, blocksOf(options)),
    ...(arenas === null
      ? {}
      : {
          keeper: arenas.blocks.blockBytes(),
          arenas: options.debugPages === true ? new DebugPages(arenas.pages, { crew: true }) : arenas.pages,
        }),
    ...(waitMs === 0 ? {} : { run: (manager) => sleeper(manager, ledger, waitMs) }),
  };
}

function workersOf({ workers = DEFAULT_WORKERS }: SharedOptions): number {
  if (!(Number.isInteger(workers) && workers >= 2 && workers <= MAX_SHARED_WORKERS))
    throw new AccountsError("worker", `an executor is shared by 2 to ${MAX_SHARED_WORKERS} workers, not ${workers}`);
  return workers;
}

function patienceOf(own: WorkerOptions, otherwise: number): number {
  return mayBlock() ? (own.patienceMs ?? otherwise) : 0;
}
