// Watches an executor and writes the facts with their causes. It stands around the calls that may leave the common path, and
// keeps in mind what is under way: which consumer wants how much, which look at the memory that has led to, what has come of
// it. A request that is simply granted leaves no fact.

import type { Consumer } from "../execution/consumer.js";
import type { TaskMemoryManager } from "../execution/task.js";
import type { Executor } from "../executor.js";
import type { Region } from "../memory/manager.js";
import { type Mode, OFF_HEAP, ON_HEAP } from "../memory/mode.js";
import type { Request } from "../memory/wait.js";
import { divide, MUST_WAIT, REFUSE, type StoragePurpose } from "../policy/policy.js";
import { type BlockId, canonical, NO_RDD, rddOf } from "../storage/block.js";
import { NO_TASK } from "../storage/locks.js";
import { missingBytes } from "./deadlock.js";
import { BOUNDS, type Limit, LIMITS, PURPOSES, type Purpose } from "./facts.js";
import { CODE } from "./format.js";
import { Installed } from "./install.js";
import { boundOf, executionFreeBefore, Look, storageFreeBefore, storageOf, type Want } from "./look.js";
import { Waiters } from "./waiters.js";
import type { CauseWriter } from "./writer.js";

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
  readonly #waiters: Waiters;
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
    this.#waiters = new Waiters(executor.manager, out);
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
      this.#waiters.leave(task, mode);
      try {
        const want = this.#want;
        if (want !== null) look.cause = want.spill === 0 ? want.within : want.spill;
        const granted = plain(bytes, task, mode);
        if (granted !== MUST_WAIT && this.#waiters.any(mode)) this.#waiters.served(granted, task, mode, look.fact);
        return granted;
      } finally {
        this.#depth -= 1;
        if (manager.regions[mode].entries !== entries) this.#waiters.cameOrWent(task, mode);
      }
    });
    installed.method(manager, "retryExecution", (plain) => (bytes, task, mode) => {
      const look = this.#open("execution", task, 0, bytes, mode);
      let granted = 0;
      try {
        look.cause = this.#waiters.woken(task, mode);
        granted = plain(bytes, task, mode);
        if (granted !== MUST_WAIT) this.#waiters.served(granted, task, mode, look.fact);
        return granted;
      } finally {
        this.#depth -= 1;
        if (granted !== MUST_WAIT) this.#waiters.leave(task, mode);
      }
    });
    installed.method(
      manager,
      "executionRequest",
      (plain) => (bytes, task, mode) => this.#endOf(plain(bytes, task, mode), () => this.#ended(task, mode)),
    );
    installed.method(manager, "releaseExecution", (plain) => (bytes, task, mode) => {
      const { entries } = manager.regions[mode];
      this.#waiters.wakes("release", task, bytes);
      const released = plain(bytes, task, mode);
      if (manager.regions[mode].entries !== entries) this.#waiters.cameOrWent(task, mode);
      return released;
    });
    installed.method(manager, "releaseAllExecution", (plain) => (task) => {
      this.#waiters.wakes(
        "release",
        task,
        manager.executionHeld(task, ON_HEAP) + manager.executionHeld(task, OFF_HEAP),
      );
      const released = plain(task);
      this.#lastShort.delete(task);
      this.#waiters.cameOrWent(task, ON_HEAP);
      this.#waiters.cameOrWent(task, OFF_HEAP);
      return released;
    });
    installed.method(manager, "taskEnded", (plain) => (task) => {
      // What woke is the release of what the task held, if it held anything.
      if (this.#waiters.undisturbed) this.#waiters.wakes("end", task, 0);
      plain(task);
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
        if (!answered) this.#ended(task.id, consumer.mode);
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
      this.#ended(consumer.task.id, consumer.mode);
    }
  }

  /** A request has ended, perhaps when nobody watches any more. */
  #ended(task: number, mode: Mode): void {
    if (this.#installed.any) this.#waiters.ended(task, mode);
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
    out.anyTask(this.#waiters.newest(look.task, look.mode));
    return fact;
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
    const { storageBytes, limit } = storageOf(this.#executor, look, region);
    const { bound, capBytes } = boundOf(this.#executor.manager.policy, region);
    const out = this.#out;
    const fact = out.fact(CODE.short);
    out.cause(cause);
    out.count(granted);
    out.byte(BOUNDS.indexOf(bound));
    out.count(capBytes);
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
    const { storageBytes, limit } = storageOf(this.#executor, look, region);
    const { bound, capBytes } = boundOf(manager.policy, region);
    const held = manager.executionHeld(task, mode);
    const need = missingBytes(manager.policy, region, held, asked);
    // Spark's floor is its tasks' alone; with others it is what the task holds when it is served.
    const floor =
      bound === "share"
        ? divide(region.executionSize, 2 * region.entries)
        : held + region.executionSize - region.executionUsed + need;
    const holders: [task: number, bytes: number][] = [];
    manager.forEachEntry(mode, (other, bytes) => {
      if (other !== task && bytes > 0) holders.push([other, bytes]);
    });
    holders.sort((a, b) => b[1] - a[1]);
    const out = this.#out;
    const fact = out.fact(CODE.waits);
    out.cause(cause);
    out.byte(BOUNDS.indexOf(bound));
    out.count(capBytes);
    out.count(floor);
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
    this.#waiters.join(fact, need, asked, task, mode);
  }

  #cameShort(look: Look, fact: number): void {
    if (this.#want === null) this.#lastShort.set(look.task, fact);
    else this.#want.short = fact;
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
}
