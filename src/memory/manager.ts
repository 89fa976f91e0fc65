// The memory manager: asks the policy and carries out what it says. Four pools, {execution, storage} x {on-heap, off-heap},
// and one rule for waiting: the core answers how much was granted or that the task must wait, and never waits itself.

import { assert, Refusal } from "../fault.js";
import {
  BrokenLaw,
  MUST_WAIT,
  type Policy,
  REFUSE,
  type RegionSizes,
  type RegionView,
  type StoragePurpose,
} from "../policy/policy.js";
import type { BlockId } from "../storage/block.js";
import { ABSENT, type Ledger, LocalLedger } from "./ledger.js";
import { type Mode, modeName, OFF_HEAP, ON_HEAP } from "./mode.js";
import { MemoryBusy, type Request, WaitList } from "./wait.js";

export type { RegionSizes };

/** Who can make room in the storage pool: the block store. */
export interface Evictor {
  /**
   * Drops whole blocks of `mode` until at least `bytes` are free, or none at all, and returns the bytes freed
   * (section 8.5). Each drop calls `releaseStorage`. `forBlock` is the block that wants the room, null for execution.
   */
  evict(forBlock: BlockId | null, bytes: number, mode: Mode): number;
  /** Bytes reserved for unrolling over all tasks of a mode. */
  unrolled(mode: Mode): number;
}

/** Told of what the common path never does. Every method is optional; without an observer nothing is called. */
export interface ManagerObserver {
  boundaryMoved?(bytes: number, mode: Mode): void;
  mustWait?(bytes: number, task: number, mode: Mode): void;
  shortGrant?(asked: number, granted: number, task: number, mode: Mode): void;
}

/**
 * A request that no manager could answer: a size that is no whole number of bytes, or too small or large.
 *
 * @example
 * ```ts
 * import { InvalidRequest, openExecutor } from "tungsten-memory";
 *
 * try {
 *   openExecutor({ pages: "accounts" }).manager.acquireExecution(0.5, 1, 0);
 * } catch (error) {
 *   console.log(error instanceof InvalidRequest); // true
 * }
 * ```
 */
export class InvalidRequest extends Refusal {
  override readonly name = "InvalidRequest";
}

/**
 * The task's entry vanished while it waited: another consumer of the task gave its last byte back (section 3.2, 9).
 *
 * @example
 * ```ts
 * import { type Consumer, EntryLost, type Executor } from "tungsten-memory";
 *
 * export async function acquire(executor: Executor, consumer: Consumer, bytes: number): Promise<number> {
 *   try {
 *     return await executor.wait(consumer.task, consumer.acquireRequest(bytes));
 *   } catch (error) {
 *     if (error instanceof EntryLost) return 0; // the task gave everything back meanwhile
 *     throw error;
 *   }
 * }
 * ```
 */
export class EntryLost extends Refusal {
  override readonly name = "EntryLost";
  readonly task: number;

  constructor(task: number, mode: Mode) {
    super(`key not found: task ${task} has lost its ${modeName(mode)} entry while it waited for execution memory`);
    this.task = task;
  }
}

/**
 * One region as policies see it: the ledger's cells behind read-only names.
 *
 * @example
 * ```ts
 * import { openExecutor, ON_HEAP, type Region } from "tungsten-memory";
 *
 * const region: Region = openExecutor({ pages: "accounts" }).manager.regions[ON_HEAP];
 * console.log(region.executionSize + region.storageSize === region.total, region.entries); // true 0
 * ```
 */
export class Region implements RegionView {
  readonly mode: Mode;
  readonly total: number;
  readonly protectedStorage: number;
  readonly #ledger: Ledger;

  constructor(mode: Mode, sizes: RegionSizes, ledger: Ledger, opened: boolean) {
    assert(sizes.execution + sizes.storage === sizes.total, "the two pools make the region");
    this.mode = mode;
    this.total = sizes.total;
    this.protectedStorage = sizes.protectedStorage;
    this.#ledger = ledger;
    if (!opened) ledger.open(mode, sizes.execution, sizes.storage);
  }

  get executionSize(): number {
    return this.#ledger.executionSize(this.mode);
  }
  get executionUsed(): number {
    return this.#ledger.executionUsed(this.mode);
  }
  get storageSize(): number {
    return this.#ledger.storageSize(this.mode);
  }
  get storageUsed(): number {
    return this.#ledger.storageUsed(this.mode);
  }
  /** Section 4.4. */
  get unmanaged(): number {
    return this.#ledger.unmanaged(this.mode);
  }
  get entries(): number {
    return this.#ledger.entries(this.mode);
  }
  /** What the policy's ceiling was when it was last asked: the common path goes by it. */
  get ceiling(): number {
    return this.#ledger.ceiling(this.mode);
  }
}

/** What a manager is made from: a policy, the regions as they start, and where the books are. */
export interface ManagerOptions {
  readonly policy: Policy;
  readonly onHeap: RegionSizes;
  readonly offHeap: RegionSizes;
  /** The static manager keeps no off-heap storage pool (section 4.6). */
  readonly offHeapStorage?: boolean;
  /** Who keeps the accounts; a local ledger when left out. */
  readonly ledger?: Ledger;
  /** Whether another manager over the same accounts has opened their pools already. */
  readonly attached?: boolean;
}

/**
 * Spark's executor memory manager for one thread of control and any number of logical tasks. Sizes are bytes.
 *
 * @example
 * ```ts
 * import { MemoryManager, MUST_WAIT, unified } from "tungsten-memory";
 *
 * const sizes = { total: 1000, protectedStorage: 500, storage: 500, execution: 500 };
 * const manager = new MemoryManager({ policy: unified, onHeap: sizes, offHeap: sizes });
 * console.log(manager.acquireExecution(900, 1, 0)); // 900
 * console.log(manager.acquireExecution(300, 2, 0) === MUST_WAIT); // true
 * manager.giveUpExecution();
 * manager.releaseExecution(900, 1, 0);
 * ```
 */
export class MemoryManager {
  readonly policy: Policy;
  readonly waits: WaitList = new WaitList();
  readonly regions: readonly [Region, Region];
  observer: ManagerObserver | null = null;
  /** A second observer, told first: whoever records takes this place, so that `observer` stays the embedder's. */
  watcher: ManagerObserver | null = null;
  /** Releases that asked for more than was held; Spark logs a warning for each. */
  overReleases = 0;
  /** The epoch of the last wait that this thread was told of: what it may sleep on. */
  waitEpoch = 0;
  readonly ledger: Ledger;
  readonly #offHeapStorage: boolean;
  /** By mode: the policy's last ceiling was none. */
  readonly #noCeiling: [boolean, boolean] = [false, false];
  #evictor: Evictor | null = null;

  constructor(options: ManagerOptions) {
    this.policy = options.policy;
    this.#offHeapStorage = options.offHeapStorage ?? true;
    this.ledger = options.ledger ?? new LocalLedger();
    const attached = options.attached ?? false;
    const sizes = (configured: RegionSizes): RegionSizes => this.policy.sizes?.(configured) ?? configured;
    this.regions = [
      new Region(ON_HEAP, sizes(options.onHeap), this.ledger, attached),
      new Region(OFF_HEAP, sizes(options.offHeap), this.ledger, attached),
    ];
    if (!attached) this.refreshCeilings();
  }

  /** The block store, set once after both exist. Without it nothing can be evicted. */
  setEvictor(evictor: Evictor): void {
    assert(this.#evictor === null, "a manager has one block store");
    this.#evictor = evictor;
  }

  /**
   * Acquires up to `bytes` (1 or more) of execution memory for a task: the bytes granted, possibly fewer or 0, or
   * MUST_WAIT (section 4.1). A task that must wait keeps its entry and asks again through `retryExecution` when woken.
   */
  acquireExecution(bytes: number, task: number, mode: Mode): number {
    const granted = this.ledger.claimWhole(bytes, task, mode, this.waits.size);
    return granted >= 0 ? granted : this.#decide(bytes, task, mode);
  }

  /**
   * The next look of a task that was told MUST_WAIT. Throws EntryLost when its entry is gone. Who does not look again says
   * so by `giveUpExecution`.
   */
  retryExecution(bytes: number, task: number, mode: Mode): number {
    this.ledger.begin();
    try {
      this.ledger.leaveWait();
      if (this.ledger.balance(task, mode) === ABSENT) throw new EntryLost(task, mode);
      return this.#decide(bytes, task, mode);
    } finally {
      this.ledger.end();
    }
  }

  /** Ends the wait of a task that will not look again. Its entry keeps the balance it has (section 3.2, consequence 10). */
  giveUpExecution(): void {
    this.ledger.giveUpWait();
  }

  /** An acquire as a request that waits where it must. */
  *executionRequest(bytes: number, task: number, mode: Mode): Request<number> {
    const granted = this.acquireExecution(bytes, task, mode);
    return granted === MUST_WAIT ? yield* this.waitForExecution(bytes, task, mode) : granted;
  }

  /** What a task does that was told MUST_WAIT: looks again whenever it is resumed, until it has an answer. */
  *waitForExecution(bytes: number, task: number, mode: Mode): Request<number> {
    let granted = MUST_WAIT;
    while (granted === MUST_WAIT) {
      let resumed = false;
      try {
        yield;
        resumed = true;
      } finally {
        if (!resumed) this.giveUpExecution();
      }
      try {
        granted = this.retryExecution(bytes, task, mode);
      } catch (error) {
        // It waits on, registered as it was.
        if (!(error instanceof MemoryBusy)) throw error;
        this.waits.lookAgainLater();
      }
    }
    return granted;
  }

  /** Gives back up to `bytes` (0 or more) of what the task holds and returns how many it was. Wakes waiters of both modes. */
  releaseExecution(bytes: number, task: number, mode: Mode): number {
    if (!(bytes >= 0 && Number.isSafeInteger(bytes))) throw invalidRequest("release", bytes);
    const released = this.ledger.release(bytes, task, mode);
    if (released !== bytes) this.overReleases += 1;
    this.waits.wake();
    return released;
  }

  /** Gives back all that the task holds in both modes, as one step, and returns the bytes. */
  releaseAllExecution(task: number): number {
    this.ledger.begin();
    const released =
      this.ledger.release(this.executionHeld(task, ON_HEAP), task, ON_HEAP) +
      this.ledger.release(this.executionHeld(task, OFF_HEAP), task, OFF_HEAP);
    this.#wake();
    this.ledger.end();
    return released;
  }

  /** The end of a task wakes everybody (section 10). */
  taskEnded(task: number): void {
    this.ledger.forget(task);
    this.#wake();
  }

  /** Acquires all of `bytes` (0 or more) for a block, evicting others where the policy says so; false leaves it unstored (4.2). */
  acquireStorage(block: BlockId, bytes: number, mode: Mode): boolean {
    return this.#acquireStorage(block, bytes, mode, "storage");
  }

  /** The same for the unrolling of a block. Released by `releaseStorage`. */
  acquireUnroll(block: BlockId, bytes: number, mode: Mode): boolean {
    return this.#acquireStorage(block, bytes, mode, "unroll");
  }

  /** Gives storage or unroll memory back; more than is used is clamped. Wakes nobody (section 3.1). */
  releaseStorage(bytes: number, mode: Mode): void {
    if (!(bytes >= 0 && Number.isSafeInteger(bytes))) throw invalidRequest("release", bytes);
    this.ledger.begin();
    if (this.ledger.releaseStorage(bytes, mode) !== bytes) this.overReleases += 1;
    this.#refreshCeiling(mode);
    this.ledger.end();
  }

  /** Gives back what a block has used, whichever worker put it. Wakes nobody. */
  releaseBlock(bytes: number, mode: Mode): void {
    this.ledger.begin();
    if (this.ledger.releaseBlock(bytes, mode) !== bytes) this.overReleases += 1;
    this.#refreshCeiling(mode);
    this.ledger.end();
  }

  /** Sets what storage uses to 0; pool sizes stay (section 8.10). */
  releaseAllStorage(mode: Mode): void {
    this.ledger.begin();
    this.releaseStorage(this.ledger.storageUsed(mode), mode);
    this.ledger.end();
  }

  /** Asks the policy again what tasks share: after changes to the accounts that were not made here. */
  refreshCeilings(): void {
    this.ledger.begin();
    this.#refreshCeiling(ON_HEAP);
    this.#refreshCeiling(OFF_HEAP);
    this.ledger.end();
  }

  /** Records what unmanaged consumers use (section 4.4, generation 4.1). Wakes nobody. */
  setUnmanaged(bytes: number, mode: Mode): void {
    if (!(bytes >= 0 && Number.isSafeInteger(bytes))) throw invalidRequest("report of unmanaged memory", bytes);
    this.ledger.begin();
    this.ledger.setUnmanaged(mode, bytes);
    this.#refreshCeiling(mode);
    this.ledger.end();
  }

  /** The task's balance in a pool, 0 when it has no entry. */
  executionHeld(task: number, mode: Mode): number {
    return Math.max(0, this.ledger.balance(task, mode));
  }

  /** Whether the task counts in N of that pool, be it with a balance of 0. */
  hasEntry(task: number, mode: Mode): boolean {
    return this.ledger.balance(task, mode) !== ABSENT;
  }

  /** Calls `visit` for every entry of a pool. */
  forEachEntry(mode: Mode, visit: (task: number, bytes: number) => void): void {
    this.ledger.forEachEntry(mode, visit);
  }

  /** Execution memory used in both modes. */
  get executionUsed(): number {
    this.ledger.begin();
    const bytes = this.ledger.executionUsed(ON_HEAP) + this.ledger.executionUsed(OFF_HEAP);
    this.ledger.end();
    return bytes;
  }

  /** Storage memory used in both modes, unroll memory included. */
  get storageUsed(): number {
    this.ledger.begin();
    const bytes = this.ledger.storageUsed(ON_HEAP) + this.ledger.storageUsed(OFF_HEAP);
    this.ledger.end();
    return bytes;
  }

  /** What storage could have at most now: M less what execution uses (section 1.4). */
  maxStorage(mode: Mode): number {
    const region = this.regions[mode];
    return region.total - region.executionUsed;
  }

  /** `[execution size, execution used, storage size, storage used]`, as traces write the state of a mode. */
  state(mode: Mode): [number, number, number, number] {
    this.ledger.begin();
    const { executionSize, executionUsed, storageSize, storageUsed } = this.regions[mode];
    this.ledger.end();
    return [executionSize, executionUsed, storageSize, storageUsed];
  }

  #decide(bytes: number, task: number, mode: Mode): number {
    if (!(bytes > 0 && Number.isSafeInteger(bytes))) throw invalidRequest("execution request", bytes);
    this.ledger.begin();
    try {
      // Asked again where nothing moves: credit that lies elsewhere has come back.
      const granted = this.ledger.claimWhole(bytes, task, mode, this.waits.size);
      return granted >= 0 ? granted : this.#decideAlone(bytes, task, mode);
    } finally {
      this.ledger.end();
    }
  }

  #decideAlone(bytes: number, task: number, mode: Mode): number {
    const region = this.regions[mode];
    if (this.#noCeiling[mode]) throw badCeiling(this.policy, region);
    const entered = this.ledger.enter(task, mode);
    if (entered) this.#wake();
    try {
      const missing = bytes - (region.executionSize - region.executionUsed);
      if (missing > 0) this.#reclaim(missing, region);
      return this.#share(bytes, task, region);
    } catch (error) {
      // An answer that is refused has left nothing behind; what fails otherwise, an eviction, leaves the entry (section 3.2).
      if (entered && error instanceof BrokenLaw) this.ledger.release(0, task, mode);
      throw error;
    }
  }

  #share(bytes: number, task: number, region: Region): number {
    const { mode } = region;
    const held = this.ledger.balance(task, mode);
    if (held === ABSENT) throw new EntryLost(task, mode);
    const granted = this.policy.share(region, held, bytes);
    if (granted === MUST_WAIT) {
      this.waitEpoch = this.ledger.enterWait();
      this.watcher?.mustWait?.(bytes, task, mode);
      this.observer?.mustWait?.(bytes, task, mode);
      return MUST_WAIT;
    }
    const free = region.executionSize - region.executionUsed;
    if (!(granted >= 0 && granted <= bytes && granted <= free && Number.isInteger(granted)))
      throw badGrant(this.policy.name, granted, bytes, free);
    if (granted < bytes) {
      this.watcher?.shortGrant?.(bytes, granted, task, mode);
      this.observer?.shortGrant?.(bytes, granted, task, mode);
    }
    this.ledger.grant(granted, task, mode);
    return granted;
  }

  // Sizes move after the eviction has returned, so that one that throws has moved nothing (section 4.1).
  #reclaim(missing: number, region: Region): void {
    const wanted = this.policy.reclaim(region, missing);
    if (!(wanted >= 0 && Number.isSafeInteger(wanted))) throw badReclaim(this.policy.name, wanted);
    if (wanted === 0) return;
    const free = region.storageSize - region.storageUsed;
    const freed = wanted <= free ? wanted : free + this.#evict(null, wanted - free, region.mode);
    // An observer of the eviction may have used some of it again.
    const moved = Math.min(freed, region.storageSize - region.storageUsed);
    this.ledger.moveBoundary(moved, region.mode);
    this.#refreshCeiling(region.mode);
    if (moved === 0) return;
    this.watcher?.boundaryMoved?.(moved, region.mode);
    this.observer?.boundaryMoved?.(moved, region.mode);
  }

  #acquireStorage(block: BlockId, bytes: number, mode: Mode, purpose: StoragePurpose): boolean {
    if (!(bytes >= 0 && Number.isSafeInteger(bytes))) throw invalidRequest("storage request", bytes);
    if (mode === OFF_HEAP && !this.#offHeapStorage) {
      throw new InvalidRequest(`the ${this.policy.name} manager keeps no off-heap storage memory (block ${block})`);
    }
    this.ledger.begin();
    try {
      return this.#acquireStorageAlone(block, bytes, mode, purpose);
    } finally {
      this.ledger.end();
    }
  }

  #acquireStorageAlone(block: BlockId, bytes: number, mode: Mode, purpose: StoragePurpose): boolean {
    const region = this.regions[mode];
    const lent = this.policy.lend(region, bytes, purpose);
    if (lent === REFUSE) return false;
    if (!(lent >= 0 && lent <= region.executionSize - region.executionUsed && Number.isInteger(lent)))
      throw badLoan(this.policy.name, lent, region);
    if (lent > 0) {
      this.ledger.moveBoundary(-lent, mode);
      this.#refreshCeiling(mode);
      this.watcher?.boundaryMoved?.(-lent, mode);
      this.observer?.boundaryMoved?.(-lent, mode);
    }
    const unrolled = this.#evictor?.unrolled(mode) ?? 0;
    const toEvict = this.policy.evict(region, bytes, purpose, unrolled);
    if (!(toEvict >= 0 && Number.isSafeInteger(toEvict)))
      throw new BrokenLaw(1, this.policy.name, "evict", `${toEvict} bytes`);
    if (toEvict > 0) this.#evict(block, toEvict, mode);
    const fits = bytes <= region.storageSize - region.storageUsed;
    if (fits) this.ledger.useStorage(bytes, mode);
    this.#refreshCeiling(mode);
    return fits;
  }

  #wake(): void {
    this.waits.wake();
    this.ledger.wake();
  }

  #evict(forBlock: BlockId | null, bytes: number, mode: Mode): number {
    return this.#evictor === null ? 0 : this.#evictor.evict(forBlock, bytes, mode);
  }

  #refreshCeiling(mode: Mode): void {
    const ceiling = this.policy.ceiling(this.regions[mode]);
    // Releases must not fail: a ceiling that is none shuts the common path, and the next request is told.
    const sound = ceiling >= 0 && Number.isSafeInteger(ceiling);
    this.#noCeiling[mode] = !sound;
    this.ledger.setCeiling(mode, sound ? ceiling : 0);
  }
}

// What a policy must not answer, out of the way of what it does.

function badCeiling(policy: Policy, region: Region): BrokenLaw {
  return new BrokenLaw(5, policy.name, "ceiling", `${policy.ceiling(region)} bytes for tasks to share`);
}

function badGrant(policy: string, granted: number, bytes: number, free: number): BrokenLaw {
  const law = granted <= bytes && Number.isInteger(granted) && granted >= 0 ? 1 : 2;
  return new BrokenLaw(law, policy, "share", `${granted} bytes: ${bytes} are asked for and ${free} are free`);
}

function badReclaim(policy: string, wanted: number): BrokenLaw {
  return new BrokenLaw(wanted < 0 ? 6 : 1, policy, "reclaim", `${wanted} bytes to take from storage`);
}

function badLoan(policy: string, lent: number, { executionSize, executionUsed }: Region): BrokenLaw {
  const free = executionSize - executionUsed;
  return new BrokenLaw(lent > free ? 6 : 1, policy, "lend", `${lent} bytes: execution has ${free} free`);
}

/** The refusal of a size that no request can have. */
export function invalidRequest(what: string, bytes: number): InvalidRequest {
  return new InvalidRequest(
    `${what} of ${bytes} bytes: a size is a whole number of bytes, 1 or more where execution memory is acquired`,
  );
}
