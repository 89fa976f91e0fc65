// FIFO, LRU, CLOCK, SIEVE, SLRU, 2Q, S3-FIFO and ARC, as their descriptions read.

import type { Allowed } from "../../../src/eviction/policy.js";
import { type Entry, find, firstAllowed, forget, Model, type Queue, remember, sum, take } from "./model.js";

export class FifoModel extends Model {
  readonly queue: Queue = [];
  protected queues(): Queue[] {
    return [this.queue];
  }
  protected used(_entry: Entry): void {}
  protected come(entry: Entry): void {
    this.queue.push(entry);
  }
  protected leave(allowed: Allowed | null): Entry | undefined {
    const entry = firstAllowed(this.queue, allowed);
    return entry && take(this.queue, entry.id);
  }
}

export class LruModel extends FifoModel {
  protected override used(entry: Entry): void {
    this.queue.push(take(this.queue, entry.id)!);
  }
}

export class ClockModel extends FifoModel {
  readonly #most: number;
  constructor(bits: number) {
    super();
    this.#most = 2 ** bits - 1;
  }
  protected override used(entry: Entry): void {
    entry.n = Math.min(this.#most, entry.n + 1);
  }
  protected override leave(allowed: Allowed | null): Entry | undefined {
    for (;;) {
      const entry = firstAllowed(this.queue, allowed);
      if (entry === undefined) return undefined;
      take(this.queue, entry.id);
      if (entry.n === 0) return entry;
      entry.n -= 1;
      this.queue.push(entry);
    }
  }
}

/** The hand is the object that it will look at. */
export class SieveModel extends FifoModel {
  #hand: Entry | undefined;
  protected override used(entry: Entry): void {
    entry.n = 1;
  }
  protected override leave(allowed: Allowed | null): Entry | undefined {
    if (firstAllowed(this.queue, allowed) === undefined) return undefined;
    for (;;) {
      const entry = this.#hand ?? this.queue[0]!;
      this.#hand = this.queue[this.queue.indexOf(entry) + 1];
      if (allowed !== null && !allowed(entry.id)) continue;
      if (entry.n === 0) return take(this.queue, entry.id);
      entry.n = 0;
    }
  }
  override remove(id: number): void {
    if (this.#hand?.id === id) this.#hand = this.queue[this.queue.indexOf(this.#hand) + 1];
    super.remove(id);
  }
}

export class SlruModel extends Model {
  readonly #segments: Queue[];
  #sunk = false;
  constructor(segments: number) {
    super();
    this.#segments = Array.from({ length: segments }, () => []);
  }
  get #limit(): number {
    return Math.floor(this.capacity / this.#segments.length);
  }
  protected queues(): Queue[] {
    return this.#segments;
  }
  protected used(entry: Entry): void {
    const from = this.#segments.findIndex((segment) => find(segment, entry.id));
    const to = Math.min(from + 1, this.#segments.length - 1);
    take(this.#segments[from]!, entry.id);
    this.#segments[to]!.push(entry);
    this.#sunk = false;
    if (to === from) return;
    for (let at = to; at > 0; at -= 1)
      while (sum(this.#segments[at]!) > this.#limit) {
        this.#segments[at - 1]!.push(this.#segments[at]!.shift()!);
        if (at === 1) this.#sunk = true;
      }
  }
  protected come(entry: Entry): void {
    const fit = this.#segments.find((segment) => sum(segment) + entry.size <= this.#limit);
    (fit ?? this.#segments[0]!).push(entry);
  }
  protected leave(allowed: Allowed | null): Entry | undefined {
    for (const segment of this.#segments) {
      const entry = firstAllowed(segment, allowed);
      if (entry) return take(segment, entry.id);
    }
    return undefined;
  }
  overfull(): boolean {
    return this.#sunk && sum(this.#segments[0]!) > this.#limit;
  }
}

export class TwoQueuesModel extends Model {
  readonly #in: Queue = [];
  readonly #main: Queue = [];
  readonly #out: Queue = [];
  #known = -1;
  protected queues(): Queue[] {
    return [this.#in, this.#main];
  }
  protected override ghosts(): Queue[] {
    return [this.#out];
  }
  override resize(capacity: number): void {
    super.resize(capacity);
    forget(this.#out, Math.floor(0.5 * capacity));
  }
  protected used(entry: Entry): void {
    if (take(this.#main, entry.id)) this.#main.push(entry);
  }
  protected override missed(id: number): void {
    this.#known = take(this.#out, id) ? id : -1;
  }
  protected come(entry: Entry): void {
    (this.#known === entry.id ? this.#main : this.#in).push(entry);
    this.#known = -1;
  }
  protected leave(allowed: Allowed | null): Entry | undefined {
    const fromIn = sum(this.#in) > Math.floor(0.25 * this.capacity) || this.#main.length === 0;
    const order = fromIn ? [this.#in, this.#main] : [this.#main, this.#in];
    const queue = order.find((each) => firstAllowed(each, allowed));
    if (queue === undefined) return undefined;
    const entry = take(queue, firstAllowed(queue, allowed)!.id)!;
    if (queue === this.#in) remember(this.#out, entry, Math.floor(0.5 * this.capacity));
    return entry;
  }
}

export class S3FifoModel extends Model {
  readonly #small: Queue = [];
  readonly #main: Queue = [];
  readonly #gone: Queue = [];
  #known = -1;
  protected queues(): Queue[] {
    return [this.#small, this.#main];
  }
  protected override ghosts(): Queue[] {
    return [this.#gone];
  }
  override resize(capacity: number): void {
    super.resize(capacity);
    forget(this.#gone, Math.floor(0.9 * capacity));
  }
  protected used(entry: Entry): void {
    entry.n += 1;
  }
  protected override missed(id: number): void {
    this.#known = take(this.#gone, id) ? id : -1;
  }
  protected come(entry: Entry): void {
    (this.#known === entry.id ? this.#main : this.#small).push(entry);
    this.#known = -1;
  }
  protected leave(allowed: Allowed | null): Entry | undefined {
    const small = Math.floor(0.1 * this.capacity);
    const mainFirst = sum(this.#main) > this.capacity - small || this.#small.length === 0;
    const ways = [() => this.#fromSmall(allowed), () => this.#fromMain(allowed)];
    if (mainFirst) ways.reverse();
    for (const way of [...ways, ...ways]) {
      const entry = way();
      if (entry) return entry;
    }
    return undefined;
  }
  #fromSmall(allowed: Allowed | null): Entry | undefined {
    for (;;) {
      const entry = firstAllowed(this.#small, allowed);
      if (entry === undefined) return undefined;
      take(this.#small, entry.id);
      if (entry.n < 2) {
        remember(this.#gone, entry, Math.floor(0.9 * this.capacity));
        return entry;
      }
      this.#main.push(entry);
      entry.n = 0;
    }
  }
  #fromMain(allowed: Allowed | null): Entry | undefined {
    for (;;) {
      const entry = firstAllowed(this.#main, allowed);
      if (entry === undefined) return undefined;
      take(this.#main, entry.id);
      if (entry.n === 0) return entry;
      entry.n = Math.min(3, entry.n) - 1;
      this.#main.push(entry);
    }
  }
}

export class ArcModel extends Model {
  readonly #t1: Queue = [];
  readonly #t2: Queue = [];
  readonly #b1: Queue = [];
  readonly #b2: Queue = [];
  #p = 0;
  #from: Queue | null = null;
  protected queues(): Queue[] {
    return [this.#t1, this.#t2];
  }
  protected override ghosts(): Queue[] {
    return [this.#b1, this.#b2];
  }
  override resize(capacity: number): void {
    const shrinks = capacity < this.capacity;
    super.resize(capacity);
    this.#p = Math.min(this.#p, capacity);
    if (shrinks) this.#trim();
  }
  protected used(entry: Entry): void {
    this.#t2.push(take(this.#t1, entry.id) ?? take(this.#t2, entry.id)!);
  }
  protected override missed(id: number): void {
    const once = sum(this.#b1);
    const twice = sum(this.#b2);
    this.#from = this.ghosts().find((ghosts) => find(ghosts, id)) ?? null;
    if (this.#from === null) return;
    // Where no ghost takes any room, 0 / 0 is no ratio.
    if (this.#from === this.#b1) this.#p = Math.min(this.capacity, this.#p + Math.max(1, twice / once || 0));
    else this.#p = Math.max(0, this.#p - Math.max(1, once / twice || 0));
    take(this.#from, id);
  }
  protected come(entry: Entry): void {
    (this.#from === null ? this.#t1 : this.#t2).push(entry);
    this.#from = null;
  }
  protected leave(allowed: Allowed | null): Entry | undefined {
    if (this.#from === null) {
      const l1 = sum(this.#t1) + sum(this.#b1);
      if (l1 + (this.wanted?.size ?? 0) > this.capacity) {
        const first = firstAllowed(this.#t1, allowed);
        if (this.#b1.length === 0 && first) return take(this.#t1, first.id);
        this.#b1.shift();
      } else if (l1 + sum(this.#t2) + sum(this.#b2) >= 2 * this.capacity) this.#b2.shift();
    }
    const once = sum(this.#t1);
    const t1First = this.#t1.length > 0 && (once > this.#p || (this.#from === this.#b2 && once === this.#p));
    for (const queue of t1First ? [this.#t1, this.#t2] : [this.#t2, this.#t1]) {
      const entry = firstAllowed(queue, allowed);
      if (entry === undefined) continue;
      take(queue, entry.id);
      (queue === this.#t1 ? this.#b1 : this.#b2).push(entry);
      if (this.wanted === null) this.#trim();
      return entry;
    }
    return undefined;
  }
  #trim(): void {
    while (this.#b1.length > 0 && sum(this.#t1) + sum(this.#b1) > this.capacity) this.#b1.shift();
    const all = (): number => [...this.queues(), ...this.ghosts()].reduce((total, queue) => total + sum(queue), 0);
    while (this.#b2.length > 0 && all() > 2 * this.capacity) this.#b2.shift();
  }
}
