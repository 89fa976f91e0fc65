// Who is in the pools, in the order in which they came in, and who waits: what woke a waiter, how often others were served
// meanwhile, and whether its wait can end.

import type { MemoryManager } from "../memory/manager.js";
import { type Mode, OFF_HEAP, ON_HEAP } from "../memory/mode.js";
import { cycleOf, type Waiting } from "./deadlock.js";
import { type Waking, WAKINGS } from "./facts.js";
import { CODE } from "./format.js";
import type { CauseWriter } from "./writer.js";

/** What has last happened that wakes waiters. */
interface LastWake {
  what: Waking;
  task: number | null;
  bytes: number;
}

export class Waiters {
  readonly #manager: MemoryManager;
  readonly #out: CauseWriter;
  // By mode.
  readonly #entered = [new Set<number>(), new Set<number>()] as const;
  readonly #waiting = [new Map<number, Waiting>(), new Map<number, Waiting>()] as const;
  readonly #wake: LastWake = { what: "look", task: null, bytes: 0 };

  constructor(manager: MemoryManager, out: CauseWriter) {
    this.#manager = manager;
    this.#out = out;
  }

  /** Whether somebody waits for memory of this mode. */
  any(mode: Mode): boolean {
    return this.#waiting[mode].size > 0;
  }

  /** A task waits no longer: it was served, or has given up. */
  leave(task: number, mode: Mode): void {
    if (this.#waiting[mode].size > 0) this.#waiting[mode].delete(task);
  }

  /** The same for a request that has ended: if it waits still, it was given up. */
  ended(task: number, mode: Mode): void {
    const waiting = this.#waiting[mode].get(task);
    if (waiting === undefined) return;
    this.#waiting[mode].delete(task);
    const out = this.#out;
    out.fact(CODE.gaveUp);
    out.cause(waiting.fact);
    out.signed(task);
  }

  /** Nothing has happened that wakes since the last wait began. */
  get undisturbed(): boolean {
    return this.#wake.what === "look";
  }

  /** To be called when N of a pool has changed in a call about the task. */
  cameOrWent(task: number, mode: Mode): void {
    const entered = this.#entered[mode];
    if (!this.#manager.hasEntry(task, mode)) entered.delete(task);
    else if (!entered.has(task)) {
      entered.add(task);
      this.wakes("entry", task, 0);
    }
  }

  /** Something that wakes waiters. */
  wakes(what: Waking, task: number | null, bytes: number): void {
    if (this.#waiting[ON_HEAP].size + this.#waiting[OFF_HEAP].size === 0) return;
    this.#wake.what = what;
    this.#wake.task = task;
    this.#wake.bytes = bytes;
  }

  /** The last of the others that came into the pool after the task, or null. */
  newest(task: number, mode: Mode): number | null {
    const entered = this.#entered[mode];
    let newest: number | null = null;
    if (!entered.has(task)) return newest;
    for (const each of entered) newest = each === task ? null : each;
    return newest;
  }

  /** A task that must wait, with the fact that says so. */
  join(fact: number, needBytes: number, askedBytes: number, task: number, mode: Mode): void {
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
    const cycle = cycleOf(this.#manager, this.#waiting, task, mode);
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

  /** Writes what woke a task that looks again; the fact's number, 0 where it does not wait. */
  woken(task: number, mode: Mode): number {
    const waiting = this.#waiting[mode].get(task);
    if (waiting === undefined) return 0;
    const out = this.#out;
    const { what, task: by, bytes } = this.#wake;
    const fact = out.fact(CODE.woken);
    out.cause(waiting.fact);
    out.signed(waiting.task);
    out.byte(WAKINGS.indexOf(what));
    out.anyTask(by);
    out.count(bytes);
    return fact;
  }

  /**
   * Somebody was granted memory, in a look whose fact is `cause`, or 0. Whoever waits since before that one asked, and for memory of
   * this mode, was passed over.
   */
  served(granted: number, task: number, mode: Mode, cause: number): void {
    const { entries } = this.#manager.regions[mode];
    const since = this.#waiting[mode].get(task)?.since ?? Infinity;
    for (const waiting of this.#waiting[mode].values()) {
      if (granted === 0 || waiting.task === task || waiting.since > since) continue;
      waiting.grants += 1;
      waiting.grantedBytes += granted;
      const bound = entries - 1;
      if (waiting.starved || waiting.grants <= bound || waiting.grantedBytes < waiting.needBytes) continue;
      waiting.starved = true;
      const out = this.#out;
      out.fact(CODE.starved);
      out.cause(cause === 0 ? waiting.fact : cause);
      out.signed(waiting.task);
      out.byte(mode);
      out.count(waiting.needBytes);
      out.count(waiting.grants);
      out.count(waiting.grantedBytes);
      out.count(bound);
    }
  }
}
