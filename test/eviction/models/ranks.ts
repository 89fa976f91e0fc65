// LFU, GDSF, LRC, Belady's MIN with and without sizes, W-TinyLFU and LIRS.

import type { Allowed, Hint } from "../../../src/eviction/policy.js";
import { type Entry, find, firstAllowed, Model, type Queue, sum, take } from "./model.js";

/** Who has the smallest rank leaves, of equals who was used longest ago. */
abstract class RankModel extends Model {
  readonly all: Queue = [];
  /** Orders calls of hit and insert alike. */
  protected tick = 0;
  protected abstract rank(entry: Entry): number;
  protected queues(): Queue[] {
    return [this.all];
  }
  protected used(entry: Entry, _hint: number): void {
    this.all.push(take(this.all, entry.id)!);
  }
  protected come(entry: Entry, _hint: number): void {
    this.all.push(entry);
  }
  protected leave(allowed: Allowed | null): Entry | undefined {
    const may = this.all.filter(({ id }) => allowed === null || allowed(id));
    const least = may.reduce<Entry | undefined>(
      (a, b) => (a === undefined || this.rank(b) < this.rank(a) ? b : a),
      undefined,
    );
    return least && take(this.all, least.id);
  }
}

export class LfuModel extends RankModel {
  protected rank({ n }: Entry): number {
    return n;
  }
  protected override used(entry: Entry, hint: number): void {
    super.used(entry, hint);
    entry.n += 1;
  }
}

export class GdsfModel extends RankModel {
  override readonly hint: Hint = "cost";
  readonly #ranks = new Map<number, { uses: number; cost: number; rank: number }>();
  #age = 0;
  protected rank({ id }: Entry): number {
    return this.#ranks.get(id)!.rank;
  }
  protected override come(entry: Entry, cost: number): void {
    super.come(entry, cost);
    this.#ranks.set(entry.id, { uses: 1, cost, rank: this.#age + cost / Math.max(1, entry.size) });
  }
  protected override used(entry: Entry, cost: number): void {
    super.used(entry, cost);
    const uses = this.#ranks.get(entry.id)!.uses + 1;
    this.#ranks.set(entry.id, { uses, cost, rank: this.#age + (uses * cost) / Math.max(1, entry.size) });
  }
  protected override leave(allowed: Allowed | null): Entry | undefined {
    const entry = super.leave(allowed);
    if (entry) this.#age = Math.max(this.#age, this.rank(entry));
    return entry;
  }
  override note(id: number, cost: number): void {
    const entry = find(this.all, id);
    if (entry === undefined) return;
    const known = this.#ranks.get(id)!;
    known.rank += (known.uses * (cost - known.cost)) / Math.max(1, entry.size);
    known.cost = cost;
  }
}

/** The rank is the hint, or its negative. */
export class HintModel extends RankModel {
  override readonly hint: Hint;
  readonly #sign: 1 | -1;
  constructor(hint: "refs" | "nextUse") {
    super();
    this.hint = hint;
    this.#sign = hint === "refs" ? 1 : -1;
  }
  protected rank({ n }: Entry): number {
    return this.#sign * n;
  }
  protected override come(entry: Entry, hint: number): void {
    super.come(entry, hint);
    entry.n = hint;
  }
  protected override used(entry: Entry, hint: number): void {
    super.used(entry, hint);
    entry.n = hint;
  }
  override note(id: number, hint: number): void {
    const entry = find(this.all, id);
    if (entry) entry.n = hint;
  }
}

export class BeladySizeModel extends HintModel {
  constructor() {
    super("nextUse");
  }
  protected override rank({ n, size }: Entry): number {
    return -(n - (this.calls - 1)) * Math.max(1, size);
  }
}

export class WTinyLfuModel extends Model {
  readonly #window: Queue = [];
  readonly #probation: Queue = [];
  readonly #protected: Queue = [];
  #counts = new Map<number, number>();
  #sample = 0;
  protected queues(): Queue[] {
    return [this.#window, this.#probation, this.#protected];
  }
  get #windowLimit(): number {
    return Math.max(1, Math.floor(0.01 * this.capacity));
  }
  get #mainLimit(): number {
    return Math.max(0, this.capacity - this.#windowLimit);
  }
  #count(id: number): void {
    const count = this.#counts.get(id) ?? 0;
    if (count === 15) return;
    this.#counts.set(id, count + 1);
    this.#sample += 1;
    const objects = this.queues().reduce((n, queue) => n + queue.length, 0);
    if (this.#sample < 10 * Math.max(1, objects)) return;
    this.#sample = this.#sample >> 1;
    this.#counts = new Map([...this.#counts].map(([each, n]) => [each, n >> 1]));
  }
  override remove(id: number): void {
    super.remove(id);
    this.#counts.delete(id);
  }
  override knows(id: number): boolean {
    return super.knows(id) || (this.#counts.get(id) ?? 0) > 0;
  }
  protected used(entry: Entry): void {
    this.#count(entry.id);
    if (take(this.#window, entry.id)) this.#window.push(entry);
    else if (take(this.#protected, entry.id)) this.#protected.push(entry);
    else {
      this.#protected.push(take(this.#probation, entry.id)!);
      while (sum(this.#protected) > Math.floor(0.8 * this.#mainLimit)) this.#probation.push(this.#protected.shift()!);
    }
  }
  protected override missed(id: number): void {
    this.#count(id);
  }
  protected come(entry: Entry): void {
    this.#window.push(entry);
    const main = (): number => sum(this.#probation) + sum(this.#protected);
    while (sum(this.#window) > this.#windowLimit && main() + this.#window[0]!.size <= this.#mainLimit)
      this.#probation.push(this.#window.shift()!);
  }
  protected leave(allowed: Allowed | null): Entry | undefined {
    const victim = firstAllowed(this.#probation, allowed) ?? firstAllowed(this.#protected, allowed);
    const newest = firstAllowed(this.#window, allowed);
    const over = sum(this.#window) + (this.wanted?.size ?? 0) > this.#windowLimit;
    const candidate = victim === undefined || over ? newest : undefined;
    let loser = candidate ?? victim ?? newest;
    if (candidate && victim && (this.#counts.get(candidate.id) ?? 0) > (this.#counts.get(victim.id) ?? 0)) {
      this.#probation.push(take(this.#window, candidate.id)!);
      loser = victim;
    }
    if (loser) for (const queue of this.queues()) take(queue, loser.id);
    return loser;
  }
}

type State = "hot" | "cold" | "gone";

/** One stack with the state of each object, and the queue of the cold. */
export class LirsModel extends Model {
  #stack: Queue = [];
  readonly #cold: Queue = [];
  /** In the order in which they left. */
  readonly #gone: Queue = [];
  readonly #state = new Map<number, State>();
  #hot(): Queue {
    return this.#stack.filter(({ id }) => this.#state.get(id) === "hot");
  }
  get #limit(): number {
    return Math.max(0, this.capacity - Math.max(1, Math.floor(0.01 * this.capacity)));
  }
  protected queues(): Queue[] {
    return [this.#hot(), this.#cold];
  }
  override knows(id: number): boolean {
    return find(this.#stack, id) !== undefined || find(this.#cold, id) !== undefined;
  }
  override resize(capacity: number): void {
    super.resize(capacity);
    this.#settle();
  }
  protected used(entry: Entry): void {
    const { id } = entry;
    const inStack = take(this.#stack, id) !== undefined;
    this.#stack.push(entry);
    if (this.#state.get(id) === "cold") {
      take(this.#cold, id);
      if (inStack) this.#state.set(id, "hot");
      else this.#cold.push(entry);
    }
    this.#settle(false);
  }
  protected come(entry: Entry): void {
    const known = take(this.#stack, entry.id);
    take(this.#gone, entry.id);
    const hot = known !== undefined || sum(this.#hot()) + entry.size <= this.#limit;
    this.#stack.push(entry);
    this.#state.set(entry.id, hot ? "hot" : "cold");
    if (!hot) this.#cold.push(entry);
    this.#settle();
  }
  protected leave(allowed: Allowed | null): Entry | undefined {
    const cold = firstAllowed(this.#cold, allowed);
    if (cold) {
      take(this.#cold, cold.id);
      this.#state.set(cold.id, "gone");
      if (find(this.#stack, cold.id)) this.#gone.push(cold);
      return cold;
    }
    const hot = firstAllowed(this.#hot(), allowed);
    if (hot) this.remove(hot.id);
    return hot;
  }
  override remove(id: number): void {
    for (const queue of [this.#stack, this.#cold, this.#gone]) take(queue, id);
    this.#state.delete(id);
    this.#prune();
  }
  #prune(): void {
    while (this.#stack.length > 0 && this.#state.get(this.#stack[0]!.id) !== "hot")
      take(this.#gone, this.#stack.shift()!.id);
  }
  #settle(forgets = true): void {
    this.#prune();
    while (sum(this.#hot()) > this.#limit) {
      const entry = this.#stack.shift()!;
      this.#state.set(entry.id, "cold");
      this.#cold.push(entry);
      this.#prune();
    }
    if (!forgets) return;
    while (this.#gone.length > 0 && sum(this.#stack) > 2 * this.capacity) take(this.#stack, this.#gone.shift()!.id);
  }
}
