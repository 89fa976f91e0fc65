// Watches an executor and writes the facts with their causes. It stands around the calls that may leave the common path, and
// keeps in mind what is under way: which consumer wants how much, which look at the memory that has led to, what has come of
// it. A request that is simply granted leaves no fact.

import type { Consumer } from "../execution/consumer.js";
import type { TaskMemoryManager } from "../execution/task.js";
import type { Executor } from "../executor.js";
import type { Region } from "../memory/manager.js";
import { type Mode, OFF_HEAP, ON_HEAP } from "../memory/mode.js";
import type { Request } from "../memory/wait.js";
import { divide, MUST_WAIT, REFUSE, type RegionView, type StoragePurpose } from "../policy/policy.js";
import { type BlockId, canonical, NO_RDD, rddOf } from "../storage/block.js";
import { NO_TASK } from "../storage/locks.js";
import { cycleOf, missingBytes, type Waiting } from "./deadlock.js";
import {
  FACT_KINDS,
  type FactKind,
  type Limit,
  LIMITS,
  PURPOSES,
  type Purpose,
  type Waking,
  WAKINGS,
} from "./facts.js";
import { FACT_CODE } from "./format.js";
import { Installed } from "./install.js";
import type { CauseWriter } from "./writer.js";

const CODE = Object.fromEntries(FACT_KINDS.map((kind, at) => [kind, FACT_CODE + at])) as Record<FactKind, number>;

/** What a consumer wants, from its call to the answer. */
interface Want {
  readonly consumer: string;
  readonly bytes: number;
  /** The fact in whose course it was wanted: what a consumer acquires while it spills for another. */
  readonly within: number;
  /** The last fact of this want: that it was granted short, or has to wait; then the last spill. */
  short: number;
  spill: number;
}

/** One look at the memory: what it asks, and what has come of it so far. One for each depth of calls, used again and again. */
class Look {
  purpose: "execution" | Purpose = "execution";
  task: number = NO_TASK;
  block: BlockId = 0;
  bytes = 0;
  mode: Mode = ON_HEAP;
  /** What it follows from, and its own fact: 0 while nothing has come of it. */
  cause = 0;
  fact = 0;
  movedBytes = 0;
  evictedBytes = 0;
  /** Of its last eviction: whether it failed, and what it has passed over. */
  failed = false;
  passedBytes = 0;
  pinned = 0;
  ownRdd = 0;
  readonly rdds: Map<number, number> = new Map();

  begin(purpose: Look["purpose"], task: number, block: BlockId, bytes: number, mode: Mode): void {
    this.purpose = purpose;
    this.task = task;
    this.block = block;
    this.bytes = bytes;
    this.mode = mode;
    this.cause = this.fact = this.movedBytes = this.evictedBytes = 0;
    this.beginEviction();
  }

  beginEviction(): void {
    this.failed = false;
    this.passedBytes = this.pinned = this.ownRdd = 0;
    if (this.rdds.size > 0) this.rdds.clear();
  }

  /** The most blocks of one RDD among those that were passed over for being locked; 0 where no two are. */
  get alike(): number {
    const most = Math.max(0, ...this.rdds.values());
    return most > 1 ? most : 0;
  }
}

/** What has last happened that wakes waiters. */
interface LastWake {
  what: Waking;
  task: number | null;
  bytes: number;
}

/** A spill as a recording tells it. */
export interface Retold {
  readonly task: number;
  readonly consumer: string;
  readonly trigger: string;
  readonly asked: number;
  /** -1 where it failed. */
  readonly freed: number;
}

export class Watch {
  readonly #executor: Executor;
  readonly #out: CauseWriter;
  readonly #installed = new Installed();
  readonly #looks: Look[] = [];
  #depth = 0;
  #want: Want | null = null;
  // By mode: tasks in the order in which they came into the pool, and those that wait.
  readonly #entered = [new Set<number>(), new Set<number>()] as const;
  readonly #waiting = [new Map<number, Waiting>(), new Map<number, Waiting>()] as const;
  readonly #wake: LastWake = { what: "look", task: null, bytes: 0 };
  // Who put a block, where that is known; and the task whose block is being unrolled, while a reservation is asked for.
  readonly #owners = new Map<BlockId, number>();
  #unrolling: number = NO_TASK;
  // The last time that a request by no consumer was short, by task: for spills that a recording tells afterwards.
  readonly #lastShort = new Map<number, number>();
  // Tasks that live, with what is installed on them.
  readonly #tasks = new Map<number, Installed>();

  constructor(executor: Executor, out: CauseWriter) {
    this.#executor = executor;
    this.#out = out;
    this.#watchExecution();
    this.#watchStorage();
    this.#watchTasks();
  }

  /** Leaves the executor as it was. */
  end(): void {
    for (const task of this.#tasks.values()) task.undo();
    this.#installed.undo();
    this.#executor.manager.watcher = null;
    this.#executor.store.watcher = null;
  }

  /** A spill that a recording tells beside its rows, since its rows are below consumers. */
  retell({ task, consumer, trigger, asked, freed }: Retold): void {
    const out = this.#out;
    const [name, by] = [out.name(consumer), out.name(trigger)];
    const ownAccord = consumer === trigger && asked === Number.MAX_SAFE_INTEGER;
    const cause = ownAccord ? 0 : (this.#lastShort.get(task) ?? 0);
    this.#writeSpill(cause, task, name, task, by, asked, freed);
  }

  #watchExecution(): void {
    const { manager } = this.#executor;
    const installed = this.#installed;
    installed.method(manager, "acquireExecution", (plain) => (bytes, task, mode) => {
      const look = this.#open("execution", task, 0, bytes, mode);
      const { entries } = manager.regions[mode];
      // Whoever asks anew has given up what it waited for.
      if (this.#waiting[mode].size > 0) this.#waiting[mode].delete(task);
      try {
        const want = this.#want;
        if (want !== null) look.cause = want.spill === 0 ? want.within : want.spill;
        const granted = plain(bytes, task, mode);
        if (this.#waiting[mode].size > 0 && granted !== MUST_WAIT) this.#served(granted, task, mode, look);
        return granted;
      } finally {
        this.#depth -= 1;
        if (manager.regions[mode].entries !== entries) this.#cameOrWent(task, mode);
      }
    });
    installed.method(manager, "retryExecution", (plain) => (bytes, task, mode) => {
      const look = this.#open("execution", task, 0, bytes, mode);
      let granted = 0;
      try {
        const waiting = this.#waiting[mode].get(task);
        if (waiting !== undefined) look.cause = this.#woken(waiting);
        granted = plain(bytes, task, mode);
        if (granted !== MUST_WAIT) this.#served(granted, task, mode, look);
        return granted;
      } finally {
        this.#depth -= 1;
        if (granted !== MUST_WAIT) this.#waiting[mode].delete(task);
      }
    });
    installed.method(
      manager,
      "executionRequest",
      (plain) => (bytes, task, mode) => this.#endOf(plain(bytes, task, mode), () => this.#waiting[mode].delete(task)),
    );
    installed.method(manager, "releaseExecution", (plain) => (bytes, task, mode) => {
      const { entries } = manager.regions[mode];
      this.#wakes("release", task, bytes);
      const released = plain(bytes, task, mode);
      if (manager.regions[mode].entries !== entries) this.#cameOrWent(task, mode);
      return released;
    });
    installed.method(manager, "releaseAllExecution", (plain) => (task) => {
      this.#wakes("release", task, manager.executionHeld(task, ON_HEAP) + manager.executionHeld(task, OFF_HEAP));
      const released = plain(task);
      this.#lastShort.delete(task);
      this.#cameOrWent(task, ON_HEAP);
      this.#cameOrWent(task, OFF_HEAP);
      return released;
    });
    installed.method(manager, "taskEnded", (plain) => () => {
      // What woke is the release of what the task held, if it held anything.
      if (this.#wake.what === "look") this.#wakes("end", null, 0);
      plain();
    });
    manager.watcher = {
      boundaryMoved: (bytes, mode) => this.#moved(bytes, mode),
      shortGrant: (_asked, granted, _task, mode) => this.#short(granted, manager.regions[mode]),
      mustWait: (bytes, task, mode) => this.#waits(bytes, task, manager.regions[mode]),
    };
  }

  #watchStorage(): void {
    const { manager, store } = this.#executor;
    const installed = this.#installed;
    for (const [name, purpose] of [
      ["acquireStorage", "storage"],
      ["acquireUnroll", "unroll"],
    ] as const) {
      installed.method(manager, name, (plain) => (block, bytes, mode) => {
        const look = this.#open(purpose, this.#unrolling, canonical(block), bytes, mode);
        try {
          const granted = plain(block, bytes, mode);
          if (!granted) this.#refused(look, manager.regions[mode]);
          return granted;
        } finally {
          this.#depth -= 1;
        }
      });
    }
    installed.method(store, "reserveUnroll", (plain) => (block, bytes, mode, by?: number) => {
      const task = by ?? NO_TASK;
      const before = this.#unrolling;
      this.#unrolling = task;
      try {
        const reserved = plain(block, bytes, mode, task);
        if (reserved && task !== NO_TASK) this.#owners.set(canonical(block), task);
        return reserved;
      } finally {
        this.#unrolling = before;
      }
    });
    installed.method(store, "evict", (plain) => (forBlock, bytes, mode) => {
      const byHand = this.#depth === 0;
      const look = byHand ? this.#open("hand", NO_TASK, forBlock ?? "", bytes, mode) : this.#looks[this.#depth - 1]!;
      look.beginEviction();
      try {
        const freed = plain(forBlock, bytes, mode);
        look.failed = freed < bytes;
        return freed;
      } finally {
        if (byHand) this.#depth -= 1;
      }
    });
    installed.method(store, "remove", (plain) => (block) => {
      const removed = plain(block);
      if (this.#owners.size > 0) this.#owners.delete(canonical(block));
      return removed;
    });
    installed.method(store, "clear", (plain) => () => {
      plain();
      this.#owners.clear();
    });
    store.watcher = {
      evicted: (id, bytes, mode, to) => this.#evicted(id, bytes, mode, to === "disk"),
      passed: (id, bytes, why) => this.#passed(id, bytes, why),
    };
  }

  #watchTasks(): void {
    const tasks = this.#tasks;
    this.#installed.method(this.#executor, "task", (plain) => (id) => {
      const task = plain(id);
      if (!tasks.has(id)) tasks.set(id, this.#watchTask(task));
      return task;
    });
    this.#installed.method(this.#executor, "endTask", (plain) => (id, failed) => {
      try {
        return plain(id, failed);
      } finally {
        tasks.get(id)?.undo();
        tasks.delete(id);
      }
    });
    this.#installed.observer(this.#executor, "onSpill", (user) => (spill) => {
      // Tasks keep the observer that they began with, beyond the end of the watch.
      if (this.#installed.any) this.#spilled(spill.task, spill.consumer, spill.trigger, spill.asked, spill.freed);
      user()?.(spill);
    });
  }

  #watchTask(task: TaskMemoryManager): Installed {
    const installed = new Installed();
    const now = <T>(plain: (bytes: number, consumer: Consumer) => T, bytes: number, consumer: Consumer): T => {
      const before = this.#want;
      this.#want = this.#wantOf(bytes, consumer);
      let answered = false;
      try {
        const answer = plain(bytes, consumer);
        answered = true;
        return answer;
      } finally {
        this.#want = before;
        // Nobody waits on behalf of a call that could not.
        if (!answered) this.#waiting[consumer.mode].delete(task.id);
      }
    };
    installed.method(task, "acquireExecutionMemory", (plain) => (bytes, consumer) => now(plain, bytes, consumer));
    installed.method(task, "allocatePage", (plain) => (bytes, consumer) => now(plain, bytes, consumer));
    installed.method(
      task,
      "acquireRequest",
      (plain) => (bytes, consumer) => this.#wanted(plain(bytes, consumer), bytes, consumer),
    );
    installed.method(
      task,
      "pageRequest",
      (plain) => (bytes, consumer) => this.#wanted(plain(bytes, consumer), bytes, consumer),
    );
    return installed;
  }

  #wantOf(bytes: number, { name }: Consumer): Want {
    return { consumer: name, bytes, within: this.#want?.short ?? 0, short: 0, spill: 0 };
  }

  /** A consumer's request, whose looks are known for its own. */
  *#wanted<T>(request: Request<T>, bytes: number, consumer: Consumer): Request<T> {
    const want = this.#wantOf(bytes, consumer);
    try {
      for (;;) {
        const before = this.#want;
        this.#want = want;
        let step: IteratorResult<void, T>;
        try {
          step = request.next();
        } finally {
          this.#want = before;
        }
        if (step.done === true) return step.value;
        yield;
      }
    } finally {
      request.return(undefined as T);
      this.#waiting[consumer.mode].delete(consumer.task.id);
    }
  }

  *#endOf<T>(request: Request<T>, end: () => void): Request<T> {
    try {
      return yield* request;
    } finally {
      end();
    }
  }

  #open(purpose: Look["purpose"], task: number, block: BlockId, bytes: number, mode: Mode): Look {
    const depth = this.#depth++;
    if (depth === this.#looks.length) this.#looks.push(new Look());
    const look = this.#looks[depth]!;
    look.begin(purpose, task, block, bytes, mode);
    return look;
  }

  get #look(): Look | null {
    return this.#depth === 0 ? null : this.#looks[this.#depth - 1]!;
  }

  #cameOrWent(task: number, mode: Mode): void {
    const entered = this.#entered[mode];
    if (!this.#executor.manager.hasEntry(task, mode)) entered.delete(task);
    else if (!entered.has(task)) {
      entered.add(task);
      this.#wakes("entry", task, 0);
    }
  }

  #wakes(what: Waking, task: number | null, bytes: number): void {
    if (this.#waiting[ON_HEAP].size + this.#waiting[OFF_HEAP].size === 0) return;
    this.#wake.what = what;
    this.#wake.task = task;
    this.#wake.bytes = bytes;
  }

  // Facts. The number of the fact that a look has led to, written where it is the first.

  #factOf(look: Look): number {
    if (look.fact === 0) look.fact = look.purpose === "execution" ? this.#asked(look) : this.#wantedStorage(look);
    return look.fact;
  }

  #asked(look: Look): number {
    const out = this.#out;
    const { manager } = this.#executor;
    const region = manager.regions[look.mode];
    const consumer = this.#want === null ? 0 : out.name(this.#want.consumer) + 1;
    const fact = out.fact(CODE.asked);
    out.cause(look.cause);
    out.signed(look.task);
    out.count(consumer);
    out.byte(look.mode);
    out.count(Math.max(look.bytes, this.#want?.bytes ?? 0));
    out.count(look.bytes);
    out.count(manager.executionHeld(look.task, look.mode));
    out.count(executionFreeBefore(look, region));
    out.count(storageFreeBefore(look, region));
    out.count(region.entries);
    out.anyTask(this.#newest(look.task, look.mode));
    return fact;
  }

  /** The last of the others that came into the pool after the task, or null. */
  #newest(task: number, mode: Mode): number | null {
    const entered = this.#entered[mode];
    let newest: number | null = null;
    if (!entered.has(task)) return newest;
    for (const each of entered) newest = each === task ? null : each;
    return newest;
  }

  #wantedStorage(look: Look): number {
    const out = this.#out;
    const region = this.#executor.manager.regions[look.mode];
    const name = out.blockName(look.block);
    const fact = out.fact(CODE.wanted);
    out.cause(look.cause);
    out.block(look.block, name);
    out.byte(PURPOSES.indexOf(look.purpose as Purpose));
    out.anyTask(look.task === NO_TASK ? null : look.task);
    out.byte(look.mode);
    out.count(look.bytes);
    out.count(storageFreeBefore(look, region));
    out.count(executionFreeBefore(look, region));
    return fact;
  }

  #moved(bytes: number, mode: Mode): void {
    const look = this.#look;
    if (look !== null) look.movedBytes += bytes;
    const cause = look === null ? 0 : this.#factOf(look);
    const out = this.#out;
    out.fact(CODE.moved);
    out.cause(cause);
    out.byte(mode);
    out.signed(bytes);
  }

  #evicted(block: BlockId, bytes: number, mode: Mode, toDisk: boolean): void {
    const look = this.#look;
    if (look !== null) look.evictedBytes += bytes;
    const cause = look === null ? 0 : this.#factOf(look);
    const out = this.#out;
    const name = out.blockName(block);
    let owner: number | null = null;
    if (this.#owners.size > 0) {
      owner = this.#owners.get(block) ?? null;
      this.#owners.delete(block);
    }
    out.fact(CODE.evicted);
    out.cause(cause);
    out.block(block, name);
    out.anyTask(owner);
    out.byte(mode);
    out.count(bytes);
    out.byte(toDisk ? 1 : 0);
  }

  #passed(block: BlockId, bytes: number, why: "locked" | "ownRdd"): void {
    const look = this.#look!;
    look.passedBytes += bytes;
    if (why === "ownRdd") {
      look.ownRdd += 1;
      return;
    }
    look.pinned += 1;
    const rdd = rddOf(canonical(block));
    if (rdd !== NO_RDD) look.rdds.set(rdd, (look.rdds.get(rdd) ?? 0) + 1);
  }

  #short(granted: number, region: Region): void {
    const look = this.#look!;
    const cause = this.#factOf(look);
    const { storageBytes, limit } = this.#storageOf(look, region);
    const out = this.#out;
    const fact = out.fact(CODE.short);
    out.cause(cause);
    out.count(granted);
    out.count(capOf(region));
    out.count(storageBytes);
    out.byte(LIMITS.indexOf(limit));
    out.count(look.pinned);
    out.count(look.alike);
    this.#cameShort(look, fact);
  }

  #waits(asked: number, task: number, region: Region): void {
    const look = this.#look!;
    const { mode } = look;
    const { manager } = this.#executor;
    const cause = this.#factOf(look);
    const { storageBytes, limit } = this.#storageOf(look, region);
    const need = missingBytes(manager.policy, region, manager.executionHeld(task, mode), asked);
    const holders: [task: number, bytes: number][] = [];
    manager.forEachEntry(mode, (other, bytes) => {
      if (other !== task && bytes > 0) holders.push([other, bytes]);
    });
    holders.sort((a, b) => b[1] - a[1]);
    const out = this.#out;
    const fact = out.fact(CODE.waits);
    out.cause(cause);
    out.count(capOf(region));
    out.count(divide(region.executionSize, 2 * region.entries));
    out.count(storageBytes);
    out.byte(LIMITS.indexOf(limit));
    out.count(look.pinned);
    out.count(look.alike);
    out.count(need);
    out.count(holders.length);
    for (const [holder, bytes] of holders) {
      out.item();
      out.signed(holder);
      out.count(bytes);
    }
    this.#cameShort(look, fact);
    this.#joinWaiters(fact, need, asked, task, mode);
  }

  #cameShort(look: Look, fact: number): void {
    if (this.#want === null) this.#lastShort.set(look.task, fact);
    else this.#want.short = fact;
  }

  #joinWaiters(fact: number, needBytes: number, askedBytes: number, task: number, mode: Mode): void {
    const before = this.#waiting[mode].get(task);
    if (before !== undefined) {
      before.fact = fact;
      before.needBytes = needBytes;
      return;
    }
    this.#waiting[mode].set(task, {
      task,
      mode,
      fact,
      askedBytes,
      needBytes,
      since: fact,
      grants: 0,
      grantedBytes: 0,
      starved: false,
    });
    if (this.#waiting[ON_HEAP].size + this.#waiting[OFF_HEAP].size === 1) {
      this.#wake.what = "look";
      this.#wake.task = null;
      this.#wake.bytes = 0;
    }
    const cycle = cycleOf(this.#executor.manager, this.#waiting, task, mode);
    if (cycle === null) return;
    const out = this.#out;
    out.fact(CODE.deadlock);
    out.cause(fact);
    out.count(cycle.length);
    for (const [each, eachMode, asked, nextHolds] of cycle) {
      out.item();
      out.signed(each);
      out.byte(eachMode);
      out.count(asked);
      out.count(nextHolds);
    }
  }

  #woken(waiting: Waiting): number {
    const out = this.#out;
    const { what, task, bytes } = this.#wake;
    const fact = out.fact(CODE.woken);
    out.cause(waiting.fact);
    out.signed(waiting.task);
    out.byte(WAKINGS.indexOf(what));
    out.anyTask(task);
    out.count(bytes);
    return fact;
  }

  // Somebody was granted memory. Whoever waits since before that one asked, and for memory of this mode, was passed over.
  #served(granted: number, task: number, mode: Mode, look: Look): void {
    const { entries } = this.#executor.manager.regions[mode];
    const since = this.#waiting[mode].get(task)?.since ?? Infinity;
    for (const waiting of this.#waiting[mode].values()) {
      if (granted === 0 || waiting.task === task || waiting.since > since) continue;
      waiting.grants += 1;
      waiting.grantedBytes += granted;
      const bound = entries - 1;
      if (waiting.starved || waiting.grants <= bound || waiting.grantedBytes < waiting.needBytes) continue;
      waiting.starved = true;
      const cause = look.fact === 0 ? waiting.fact : look.fact;
      const out = this.#out;
      out.fact(CODE.starved);
      out.cause(cause);
      out.signed(waiting.task);
      out.byte(mode);
      out.count(waiting.needBytes);
      out.count(waiting.grants);
      out.count(waiting.grantedBytes);
      out.count(bound);
    }
  }

  #spilled(task: number, consumer: Consumer, trigger: Consumer, asked: number, freed: number): void {
    const out = this.#out;
    const want = this.#want;
    const [name, by] = [out.name(consumer.name), out.name(trigger.name)];
    const fact = this.#writeSpill(want?.short ?? 0, task, name, trigger.task.id, by, asked, freed);
    if (want !== null) want.spill = fact;
  }

  #writeSpill(
    cause: number,
    task: number,
    consumer: number,
    forTask: number,
    trigger: number,
    asked: number,
    freed: number,
  ): number {
    const out = this.#out;
    const fact = out.fact(CODE.spilled);
    out.cause(cause);
    out.signed(task);
    out.count(consumer);
    out.signed(forTask);
    out.count(trigger);
    out.count(asked);
    out.signed(freed);
    return fact;
  }

  #refused(look: Look, region: Region): void {
    const { manager, store } = this.#executor;
    const cause = this.#factOf(look);
    // A policy is pure: it gives the same answer to the same question, and what is refused outright has moved nothing.
    const tooLarge = manager.policy.lend(region, look.bytes, look.purpose as StoragePurpose) === REFUSE;
    const limit: Limit = look.failed ? "kept" : tooLarge ? "tooLarge" : "policy";
    const out = this.#out;
    out.fact(CODE.refused);
    out.cause(cause);
    out.byte(LIMITS.indexOf(limit));
    out.count(-look.movedBytes);
    out.count(look.failed ? store.used(look.mode) - look.passedBytes : 0);
    out.count(look.pinned);
    out.count(look.alike);
    out.count(look.ownRdd);
  }

  /** What storage could give for a look at execution memory, and why no more. */
  #storageOf(look: Look, region: Region): { readonly storageBytes: number; readonly limit: Limit } {
    const { manager, store } = this.#executor;
    if (!look.failed) {
      const enough = region.executionSize - region.executionUsed >= look.bytes;
      const limit = enough || region.storageSize === 0 ? "enough" : region.storageUsed > 0 ? "protected" : "policy";
      return { storageBytes: look.movedBytes, limit };
    }
    const before: RegionView = {
      mode: region.mode,
      total: region.total,
      protectedStorage: region.protectedStorage,
      executionSize: region.executionSize - look.movedBytes,
      executionUsed: region.executionUsed,
      storageSize: region.storageSize + look.movedBytes,
      storageUsed: region.storageUsed,
      unmanaged: region.unmanaged,
      entries: region.entries,
    };
    const most = manager.policy.reclaim(before, Number.MAX_SAFE_INTEGER);
    const evictable = Math.max(0, store.used(look.mode) - look.passedBytes);
    return { storageBytes: Math.min(most, storageFreeBefore(look, region) + evictable), limit: "kept" };
  }
}

// As a look has found the pools. What observers do meanwhile may have changed more than the look itself.

function executionFreeBefore(look: Look, region: Region): number {
  return Math.max(0, region.executionSize - look.movedBytes - region.executionUsed);
}

function storageFreeBefore(look: Look, region: Region): number {
  return Math.max(0, region.storageSize - region.storageUsed + look.movedBytes - look.evictedBytes);
}

/** A task's 1/N of what the tasks share. */
function capOf(region: Region): number {
  return divide(Math.min(region.ceiling, Number.MAX_SAFE_INTEGER), region.entries);
}
