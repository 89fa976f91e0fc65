// The memory manager as the law tells it: sections 3, 4.1 to 4.3, 4.6, 8.1 and 8.5, sentence by sentence, in 64-bit
// integers and ordinary maps. Slow and obvious; nothing here is shared with the library.

import { type Mode, OFF_HEAP, ON_HEAP } from "../../src/memory/mode.js";

/** What an execution request gets: bytes, or it waits. */
export type Answer = bigint | "waits";

/** What became of a request that waited. `lost`: its entry was gone when it looked (consequence 9). */
export type Outcome = Answer | "lost" | "cancelled";

export interface ModelSizes {
  readonly total: number;
  readonly protectedStorage: number;
  readonly execution: number;
  readonly storage: number;
}

export interface ModelRules {
  /** Section 4.6 instead of 4.1 and 4.2. */
  readonly static?: { readonly maxUnroll: number };
  /** Whole blocks by section 8.5, or the stub of section 13: exactly what is asked, if that much is used, else nothing. */
  readonly eviction: "blocks" | "stub";
}

interface Waiter {
  readonly task: number;
  readonly bytes: bigint;
  readonly mode: Mode;
  woken: boolean;
  outcome: Outcome;
}

interface Block {
  readonly name: string;
  readonly bytes: bigint;
  readonly mode: Mode;
  pins: number;
}

const smaller = (a: bigint, b: bigint): bigint => (a < b ? a : b);
const larger = (a: bigint, b: bigint): bigint => (a > b ? a : b);

/** One mode's pair of pools. */
class Region {
  readonly M: bigint;
  readonly R: bigint;
  readonly E: { size: bigint; readonly table: Map<number, bigint> };
  readonly S: { size: bigint; used: bigint };
  U = 0n;

  constructor(sizes: ModelSizes) {
    this.M = BigInt(sizes.total);
    this.R = BigInt(sizes.protectedStorage);
    this.E = { size: BigInt(sizes.execution), table: new Map() };
    this.S = { size: BigInt(sizes.storage), used: 0n };
  }

  get executionUsed(): bigint {
    return [...this.E.table.values()].reduce((sum, balance) => sum + balance, 0n);
  }
  get executionFree(): bigint {
    return this.E.size - this.executionUsed;
  }
  get storageFree(): bigint {
    return this.S.size - this.S.used;
  }
}

export class Model {
  readonly regions: readonly [Region, Region];
  readonly rules: ModelRules;
  /** Both modes, oldest use first. */
  blocks: Block[] = [];
  readonly unroll: [bigint, bigint] = [0n, 0n];
  /** Storage acquired without a block. */
  readonly raw: [bigint, bigint] = [0n, 0n];
  /** Names of the blocks evicted, in order. */
  readonly evicted: string[] = [];
  /** Everybody who ever waited, in order of arrival. */
  readonly waiters: Waiter[] = [];

  constructor(onHeap: ModelSizes, offHeap: ModelSizes, rules: ModelRules) {
    this.regions = [new Region(onHeap), new Region(offHeap)];
    this.rules = rules;
  }

  /** `[execution size, execution used, storage size, storage used]` */
  state(mode: Mode): number[] {
    const { E, S, executionUsed } = this.regions[mode];
    return [E.size, executionUsed, S.size, S.used].map(Number);
  }

  // ---- execution

  /** A request of a task that has none waiting. */
  acquire(bytes: number, task: number, mode: Mode): Answer {
    const table = this.regions[mode].E.table;
    if (!table.has(task)) {
      table.set(task, 0n);
      this.wakeAll();
    }
    const answer = this.look(BigInt(bytes), task, mode);
    if (answer === "waits") this.waiters.push({ task, bytes: BigInt(bytes), mode, woken: false, outcome: "waits" });
    return answer;
  }

  /** One pass of the loop of section 3.2. */
  look(n: bigint, task: number, mode: Mode): Answer {
    const region = this.regions[mode];
    const { E } = region;
    const N = BigInt(E.table.size);
    const held = E.table.get(task)!;
    this.grow(n - region.executionFree, mode);
    const cap = this.maxSize(mode) / N;
    const floor = E.size / (2n * N);
    const offer = smaller(smaller(n, larger(0n, cap - held)), region.executionFree);
    if (offer < n && held + offer < floor) return "waits";
    E.table.set(task, held + offer);
    return offer;
  }

  grow(x: bigint, mode: Mode): void {
    if (this.rules.static !== undefined || x <= 0n) return;
    const region = this.regions[mode];
    const r = larger(region.storageFree, region.S.size - region.R);
    if (r <= 0n) return;
    const k = this.freeForShrink(smaller(x, r), mode);
    region.S.size -= k;
    region.E.size += k;
  }

  freeForShrink(want: bigint, mode: Mode): bigint {
    const fromFree = smaller(want, this.regions[mode].storageFree);
    const rest = want - fromFree;
    return rest === 0n ? fromFree : fromFree + this.evict(null, rest, mode);
  }

  maxSize(mode: Mode): bigint {
    const { M, R, E, S, U } = this.regions[mode];
    return this.rules.static === undefined ? larger(0n, M - smaller(S.used, R) - U) : E.size;
  }

  release(bytes: number, task: number, mode: Mode): void {
    const table = this.regions[mode].E.table;
    const held = table.get(task);
    if (held !== undefined) {
      const left = held - smaller(BigInt(bytes), held);
      if (left === 0n) table.delete(task);
      else table.set(task, left);
    }
    this.wakeAll();
  }

  /** Both modes, as one step. */
  releaseAll(task: number): bigint {
    let released = 0n;
    for (const mode of [ON_HEAP, OFF_HEAP] as const) {
      const held = this.regions[mode].E.table.get(task) ?? 0n;
      this.release(Number(held), task, mode);
      released += held;
    }
    return released;
  }

  // ---- waiting

  wakeAll(): void {
    for (const waiter of this.waiters) waiter.woken = true;
  }

  /** Whoever is woken looks, the longest waiter first, until nobody is. What a look itself causes wakes the others. */
  settle(): void {
    for (;;) {
      const waiter = this.waiters.find((each) => each.outcome === "waits" && each.woken);
      if (waiter === undefined) return;
      const present = this.regions[waiter.mode].E.table.has(waiter.task);
      waiter.outcome = present ? this.look(waiter.bytes, waiter.task, waiter.mode) : "lost";
      waiter.woken = false;
    }
  }

  waits(task: number): boolean {
    return this.waiters.some((waiter) => waiter.task === task && waiter.outcome === "waits");
  }

  // ---- storage

  acquireStorage(block: string | null, bytes: number, mode: Mode): boolean {
    const n = BigInt(bytes);
    const region = this.regions[mode];
    if (this.rules.static !== undefined) {
      if (n > region.S.size) return false;
      return this.poolAcquire(block, n, larger(0n, n - region.storageFree), mode);
    }
    if (n > larger(0n, region.M - region.executionUsed - region.U)) return false;
    if (n > region.storageFree) {
      const b = smaller(region.executionFree, n - region.storageFree);
      region.E.size -= b;
      region.S.size += b;
    }
    return this.poolAcquire(block, n, larger(0n, n - region.storageFree), mode);
  }

  acquireUnroll(block: string, bytes: number, mode: Mode): boolean {
    const n = BigInt(bytes);
    let ok: boolean;
    if (this.rules.static === undefined) {
      ok = this.acquireStorage(block, bytes, mode);
    } else {
      const free = this.regions[mode].storageFree;
      const room = larger(0n, BigInt(this.rules.static.maxUnroll) - this.unroll[mode] - free);
      ok = this.poolAcquire(block, n, larger(0n, smaller(room, n - free)), mode);
    }
    if (ok) this.unroll[mode] += n;
    return ok;
  }

  poolAcquire(block: string | null, n: bigint, toFree: bigint, mode: Mode): boolean {
    const region = this.regions[mode];
    if (toFree > 0n) this.evict(block, toFree, mode);
    if (n > region.storageFree) return false;
    region.S.used += n;
    return true;
  }

  releaseStorage(n: bigint, mode: Mode): void {
    const { S } = this.regions[mode];
    S.used -= smaller(n, S.used);
  }

  releaseUnroll(bytes: number, mode: Mode): void {
    const released = smaller(BigInt(bytes), this.unroll[mode]);
    this.unroll[mode] -= released;
    this.releaseStorage(released, mode);
  }

  // ---- blocks

  put(name: string, bytes: number, mode: Mode): boolean {
    if (!this.acquireStorage(name, bytes, mode)) return false;
    this.blocks.push({ name, bytes: BigInt(bytes), mode, pins: 0 });
    return true;
  }

  /** A read makes the block the newest. */
  get(name: string): bigint | null {
    const block = this.block(name);
    if (block === undefined) return null;
    this.blocks = [...this.blocks.filter((each) => each !== block), block];
    return block.bytes;
  }

  block(name: string): Block | undefined {
    return this.blocks.find((each) => each.name === name);
  }

  remove(name: string): boolean {
    const block = this.block(name);
    if (block === undefined) return false;
    this.blocks = this.blocks.filter((each) => each !== block);
    this.releaseStorage(block.bytes, block.mode);
    return true;
  }

  evict(forBlock: string | null, space: bigint, mode: Mode): bigint {
    if (this.rules.eviction === "stub") {
      if (this.regions[mode].S.used < space) return 0n;
      this.releaseStorage(space, mode);
      return space;
    }
    const rddToAdd = forBlock === null ? null : rddOf(forBlock);
    const selected: Block[] = [];
    let freed = 0n;
    for (const block of this.blocks) {
      if (freed >= space) break;
      const eligible = block.mode === mode && (rddToAdd === null || rddOf(block.name) !== rddToAdd);
      if (!eligible || block.pins > 0) continue;
      selected.push(block);
      freed += block.bytes;
    }
    if (freed < space) return 0n;
    for (const block of selected) {
      this.remove(block.name);
      this.evicted.push(block.name);
    }
    return freed;
  }
}

function rddOf(name: string): string | null {
  return /^rdd_(\d+)_\d+$/.exec(name)?.[1] ?? null;
}
