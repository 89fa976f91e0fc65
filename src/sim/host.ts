// One executor in virtual time: the shipped one, with slots for tasks, a disk that does one thing after the other, and the
// partitions that it keeps there.

import { readConf } from "../config/keys.js";
import { memoryLayout } from "../config/layout.js";
import { DEFAULT_GENERATION } from "../config/release.js";
import { Executor, type ExecutorOptions } from "../executor.js";
import { ON_HEAP } from "../memory/mode.js";
import { type BlockId, canonical } from "../storage/block.js";
import type { Attempt } from "./attempt.js";
import type { Clock } from "./clock.js";
import { compressed, diskUs, gcUs } from "./costs.js";
import type { SpillAccount } from "./operator.js";
import type { Outcome } from "./outcome.js";

/** What hosts tell whoever schedules. */
export interface HostOwner {
  readonly clock: Clock;
  readonly outcome: Outcome;
  /** The attempt that is at work just now: what happens in the memory happens for it. */
  readonly current: Attempt | null;
  /** A block has left the memory of a host. */
  evicted(block: BlockId, host: Host): void;
}

/** Heap of an executor of that configuration, bytes. */
export function heapBytesOf(options: ExecutorOptions): number {
  const { conf = {}, generation = DEFAULT_GENERATION, cores = 1, collector = "G1", layout: manager } = options;
  const given = { cores, collector, ...(manager === undefined ? {} : { manager }) };
  return Number(memoryLayout(readConf(conf, generation), given).heap);
}

export class Host implements SpillAccount {
  readonly id: number;
  readonly executor: Executor;
  readonly startedUs: number;
  /** Attempts that run here, by task id. */
  readonly attempts: Map<number, Attempt> = new Map();
  /** Blocks on its disk. */
  readonly onDisk: Set<BlockId> = new Set();
  /** Storage bytes acquired without a block, by mode; recorded requests can do so. */
  readonly rawStorage: [number, number] = [0, 0];
  freeSlots: number;
  idleSinceUs: number;
  readonly #owner: HostOwner;
  readonly #heapBytes: number;
  #diskFreeUs = 0;

  constructor(id: number, owner: HostOwner, options: ExecutorOptions, cores: number, heapBytes: number) {
    this.id = id;
    this.#owner = owner;
    this.#heapBytes = heapBytes;
    this.executor = new Executor({ ...options, cores, pages: "accounts" });
    this.freeSlots = cores;
    this.startedUs = owner.clock.nowUs;
    this.idleSinceUs = owner.clock.nowUs;
    this.executor.store.onEvict = (block, bytes, _mode, to) => this.#evicted(canonical(block), bytes, to);
  }

  /** Writes or reads `bytes` after everything that the disk has to do already; when that will be done. */
  disk(bytes: number): number {
    this.#diskFreeUs = Math.max(this.#diskFreeUs, this.#owner.clock.nowUs) + diskUs(bytes);
    return this.#diskFreeUs;
  }

  /** Reads back what a spill of `dataBytes` of records has written; when that will be done. */
  readBack(dataBytes: number): number {
    return this.disk(compressed(dataBytes));
  }

  /** Writes a block of `bytes`, if it is not on the disk yet; when that will be done. */
  writeBlock(block: BlockId, bytes: number): number {
    if (this.onDisk.has(block)) return this.#owner.clock.nowUs;
    this.onDisk.add(block);
    this.#owner.outcome.diskBytes += compressed(bytes);
    return this.disk(compressed(bytes));
  }

  spilled(pageBytes: number, dataBytes: number, forTask: number): void {
    const { outcome } = this.#owner;
    const bytes = compressed(dataBytes);
    outcome.spills += 1;
    outcome.spillBytes += pageBytes;
    outcome.diskBytes += bytes;
    const attempt = this.attempts.get(forTask);
    if (attempt !== undefined) attempt.readyUs = this.disk(bytes);
  }

  /** Collection time of working on `bytes`, as things are. */
  gcUs(bytes: number): number {
    const { executionUsed, storageUsed } = this.executor.manager.regions[ON_HEAP];
    return gcUs(bytes, this.#heapBytes, storageUsed, executionUsed + storageUsed);
  }

  /** Looks at how much is given out. */
  sample(): void {
    const { manager } = this.executor;
    const { outcome } = this.#owner;
    const execution = manager.executionUsed;
    const storage = manager.storageUsed;
    if (execution > outcome.peakExecutionBytes) outcome.peakExecutionBytes = execution;
    if (storage > outcome.peakStorageBytes) outcome.peakStorageBytes = storage;
    if (execution + storage > outcome.peakBytes) outcome.peakBytes = execution + storage;
  }

  /** Lets everybody look who may go on. */
  settle(): void {
    const { waits } = this.executor.manager;
    if (waits.size > 0) waits.settle();
  }

  #evicted(block: BlockId, bytes: number, to: "disk" | "gone"): void {
    const { outcome, current } = this.#owner;
    outcome.evictions += 1;
    outcome.evictedBytes += bytes;
    this.#owner.evicted(block, this);
    if (to !== "disk") return;
    const doneUs = this.writeBlock(block, bytes);
    if (current !== null) current.readyUs = Math.max(current.readyUs, doneUs);
  }
}
