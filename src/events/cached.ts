// Cached RDDs over time: which blocks lie where, as tasks and block managers told it, what was evicted, and who asked for
// what. A log tells sizes only when tasks track the blocks that they change (the default before 2.3), when block updates
// are logged, or in a stage's own summary.

import { Curve, Greatest, type Moment } from "./bounded.js";
import type { BlockStatus, RddInfo, StageInfo, TaskEnd } from "./event.js";
import { cachedFrontier } from "./lineage.js";
import { RequestLog, type CacheRequests } from "./requests.js";

/** A cached RDD. Bytes. */
export interface CachedRdd {
  readonly rdd: number;
  readonly name: string;
  readonly partitions: number;
  readonly parents: readonly number[] | null;
  /** The greatest sums that were seen. */
  peakMemoryBytes: number;
  peakDiskBytes: number;
  /** Greatest number of blocks that were seen in memory or on disk. */
  peakBlocks: number;
  /** Blocks that left memory though nobody unpersisted the RDD. */
  evictions: number;
  evictedBytes: number;
  /** Those of them that went to disk. */
  dropped: number;
  /** Requests of tasks. */
  requests: number;
  unpersisted: boolean;
}

export interface CachedSummary {
  /** Greatest in memory and on disk first. */
  readonly rdds: readonly CachedRdd[];
  readonly count: number;
  readonly evictions: number;
  readonly evictedBytes: number;
  readonly dropped: number;
  readonly peakMemoryBytes: number;
  readonly peakDiskBytes: number;
  /** Whether the log told of blocks of RDDs, one by one. */
  readonly tracked: boolean;
  readonly overTime: readonly Moment[];
  /** Requests whose partition could not be told from the task. */
  readonly unmapped: number;
  /** Blocks that were not followed, beyond the most that are kept. */
  readonly untracked: number;
}

interface Live extends CachedRdd {
  memoryBytes: number;
  diskBytes: number;
  /** Of a block, where the log only knows sums; 0: not known. */
  meanBytes: number;
  blockCount: number;
  /** Blocks by executor and partition. */
  readonly stores: Map<string, Map<number, BlockSizes>>;
}

/** A stage that has been submitted with its job and has not run yet. */
interface PendingStage {
  readonly job: number;
  readonly frontier: readonly number[];
}

const MOST_LIVE_BLOCKS = 1_000_000;
const MOST_RDDS = 20_000;
const MOST_STAGES = 10_000;
const LISTED_RDDS = 50;

export class CachedBlocks {
  readonly #live = new Map<number, Live>();
  readonly #past = new Greatest<CachedRdd>(LISTED_RDDS, (each) => each.peakMemoryBytes + each.peakDiskBytes);
  readonly #curve = new Curve();
  readonly #requests: RequestLog;
  readonly #running = new Map<number, { readonly tasks: number; readonly frontier: readonly RddInfo[] }>();
  readonly #pending = new Map<number, PendingStage>();
  /** RDD to the number of pending stages that will read it. */
  readonly #waiting = new Map<number, number>();
  #count = 0;
  #blocks = 0;
  #memoryBytes = 0;
  #diskBytes = 0;
  #peakMemoryBytes = 0;
  #peakDiskBytes = 0;
  #evictions = 0;
  #evictedBytes = 0;
  #dropped = 0;
  #tracked = false;
  #unmapped = 0;
  #untracked = 0;

  constructor(requests = new RequestLog()) {
    this.#requests = requests;
  }

  jobStarted(job: number, stages: readonly StageInfo[]): void {
    for (const { stage, rdds } of stages) {
      const frontier = cachedFrontier(rdds).map(({ rdd }) => rdd);
      if (frontier.length === 0) continue;
      this.#arrived(stage);
      if (this.#pending.size >= MOST_STAGES) this.#arrived(this.#pending.keys().next().value!);
      this.#pending.set(stage, { job, frontier });
      for (const rdd of frontier) this.#reference(rdd, 1);
    }
  }

  /** Stages that were skipped, their shuffle files being there, wait no longer. */
  jobEnded(job: number): void {
    for (const [stage, pending] of this.#pending) if (pending.job === job) this.#arrived(stage);
  }

  stageSubmitted({ stage, tasks, rdds }: StageInfo): void {
    this.#arrived(stage);
    const frontier = cachedFrontier(rdds);
    if (frontier.length === 0) return;
    for (const each of frontier) this.#meet(each);
    if (this.#running.size >= MOST_STAGES) this.#running.delete(this.#running.keys().next().value!);
    this.#running.set(stage, { tasks, frontier });
  }

  stageCompleted({ stage, rdds }: StageInfo, timeMs: number): void {
    this.#running.delete(stage);
    for (const info of rdds) {
      if (!info.cached || info.cachedPartitions === 0) continue;
      const live = this.#meet(info);
      live.meanBytes = (info.memoryBytes + info.diskBytes) / info.cachedPartitions;
      live.peakBlocks = Math.max(live.peakBlocks, info.cachedPartitions);
      live.peakMemoryBytes = Math.max(live.peakMemoryBytes, info.memoryBytes);
      live.peakDiskBytes = Math.max(live.peakDiskBytes, info.diskBytes);
    }
    if (this.#tracked) {
      this.#curve.add({ timeMs, memoryBytes: this.#memoryBytes, diskBytes: this.#diskBytes });
      return;
    }
    let memoryBytes = 0;
    let diskBytes = 0;
    for (const each of rdds) {
      memoryBytes += each.memoryBytes;
      diskBytes += each.diskBytes;
    }
    this.#reach(memoryBytes, diskBytes);
    if (memoryBytes + diskBytes > 0) this.#curve.add({ timeMs, memoryBytes, diskBytes });
  }

  /** A task asks for its partition of every cached RDD that its stage reads first, then tells what it changed. */
  taskEnded(end: TaskEnd): void {
    const running = this.#running.get(end.stage);
    if (running !== undefined && end.succeeded) {
      for (const { rdd, partitions } of running.frontier) {
        // A coalesced or joined RDD has other partitions than the stage has tasks.
        if (end.partition >= partitions || running.tasks > partitions) {
          this.#unmapped += 1;
          continue;
        }
        const live = this.#live.get(rdd);
        if (live !== undefined) live.requests += 1;
        this.#requests.ask(rdd, end.partition, end.runMs);
      }
    }
    for (const block of end.blocks) this.blockUpdated(end.executor, block);
  }

  blockUpdated(executor: string, { block, memoryBytes, diskBytes }: BlockStatus): void {
    const match = /^rdd_(\d+)_(\d+)$/.exec(block);
    if (match === null) return;
    const rdd = Number(match[1]);
    const partition = Number(match[2]);
    this.#tracked = true;
    const live = this.#live.get(rdd);
    if (live === undefined || live.unpersisted) return;
    const before = live.stores.get(executor)?.get(partition);
    if (before === undefined && this.#blocks >= MOST_LIVE_BLOCKS) {
      this.#untracked += 1;
      return;
    }
    if (before !== undefined && before.memoryBytes > 0 && memoryBytes === 0) this.#evict(live, before, diskBytes);
    this.#put(live, executor, partition, { memoryBytes, diskBytes });
    this.#requests.sized(rdd, partition, memoryBytes + diskBytes);
  }

  unpersisted(rdd: number): void {
    const live = this.#live.get(rdd);
    if (live === undefined) return;
    this.#requests.unpersisted(rdd);
    live.unpersisted = true;
    this.#retire(live);
  }

  /** Blocks of an executor that is gone are lost, not evicted. */
  executorGone(executor: string): void {
    for (const live of this.#live.values()) {
      for (const partition of live.stores.get(executor)?.keys() ?? []) this.#put(live, executor, partition, NOWHERE);
      live.stores.delete(executor);
    }
  }

  requests(): CacheRequests {
    return this.#requests.finish((rdd) => this.#live.get(rdd)?.meanBytes ?? 0);
  }

  /** How many things are kept, for the bound. */
  get kept(): number {
    return this.#live.size + this.#blocks + this.#running.size + this.#pending.size + this.#requests.count;
  }

  summary(): CachedSummary {
    const all = new Greatest<CachedRdd>(LISTED_RDDS, (each) => each.peakMemoryBytes + each.peakDiskBytes);
    for (const each of this.#past.list()) all.offer(each);
    for (const each of this.#live.values()) all.offer(told(each));
    return {
      rdds: all.list(),
      count: this.#count,
      evictions: this.#evictions,
      evictedBytes: this.#evictedBytes,
      dropped: this.#dropped,
      peakMemoryBytes: this.#peakMemoryBytes,
      peakDiskBytes: this.#peakDiskBytes,
      tracked: this.#tracked,
      overTime: this.#curve.list(),
      unmapped: this.#unmapped,
      untracked: this.#untracked,
    };
  }

  /** The stage waits no longer. */
  #arrived(stage: number): void {
    const pending = this.#pending.get(stage);
    if (pending === undefined) return;
    this.#pending.delete(stage);
    for (const rdd of pending.frontier) this.#reference(rdd, -1);
  }

  #reference(rdd: number, more: number): void {
    const refs = (this.#waiting.get(rdd) ?? 0) + more;
    if (refs === 0) this.#waiting.delete(rdd);
    else this.#waiting.set(rdd, refs);
    this.#requests.referenced(rdd, refs);
  }

  #meet({ rdd, name, partitions, parents }: RddInfo): Live {
    const known = this.#live.get(rdd);
    if (known !== undefined) return known;
    if (this.#live.size >= MOST_RDDS) this.#retire(this.#live.values().next().value!);
    const live: Live = {
      rdd,
      name: name.split("\n")[0]!.slice(0, 120),
      partitions,
      parents,
      peakMemoryBytes: 0,
      peakDiskBytes: 0,
      peakBlocks: 0,
      evictions: 0,
      evictedBytes: 0,
      dropped: 0,
      requests: 0,
      unpersisted: false,
      memoryBytes: 0,
      diskBytes: 0,
      meanBytes: 0,
      blockCount: 0,
      stores: new Map(),
    };
    this.#count += 1;
    this.#live.set(rdd, live);
    return live;
  }

  #evict(live: Live, before: BlockSizes, diskBytes: number): void {
    live.evictions += 1;
    live.evictedBytes += before.memoryBytes;
    this.#evictions += 1;
    this.#evictedBytes += before.memoryBytes;
    if (diskBytes === 0) return;
    live.dropped += 1;
    this.#dropped += 1;
  }

  #put(live: Live, executor: string, partition: number, now: BlockSizes): void {
    const store = live.stores.get(executor) ?? new Map<number, BlockSizes>();
    live.stores.set(executor, store);
    const before = store.get(partition) ?? NOWHERE;
    const more = Number(now.memoryBytes + now.diskBytes > 0) - Number(store.delete(partition));
    if (now.memoryBytes + now.diskBytes > 0) store.set(partition, now);
    this.#blocks += more;
    live.blockCount += more;
    live.memoryBytes += now.memoryBytes - before.memoryBytes;
    live.diskBytes += now.diskBytes - before.diskBytes;
    live.peakMemoryBytes = Math.max(live.peakMemoryBytes, live.memoryBytes);
    live.peakDiskBytes = Math.max(live.peakDiskBytes, live.diskBytes);
    live.peakBlocks = Math.max(live.peakBlocks, live.blockCount);
    this.#memoryBytes += now.memoryBytes - before.memoryBytes;
    this.#diskBytes += now.diskBytes - before.diskBytes;
    this.#reach(this.#memoryBytes, this.#diskBytes);
  }

  #reach(memoryBytes: number, diskBytes: number): void {
    this.#peakMemoryBytes = Math.max(this.#peakMemoryBytes, memoryBytes);
    this.#peakDiskBytes = Math.max(this.#peakDiskBytes, diskBytes);
  }

  #retire(live: Live): void {
    this.#live.delete(live.rdd);
    this.#memoryBytes -= live.memoryBytes;
    this.#diskBytes -= live.diskBytes;
    this.#blocks -= live.blockCount;
    this.#past.offer(told(live));
  }
}

type BlockSizes = Pick<BlockStatus, "memoryBytes" | "diskBytes">;
const NOWHERE: BlockSizes = { memoryBytes: 0, diskBytes: 0 };

function told(live: Live): CachedRdd {
  const {
    memoryBytes: _memory,
    diskBytes: _disk,
    meanBytes: _mean,
    blockCount: _count,
    stores: _stores,
    ...rdd
  } = live;
  return rdd;
}
