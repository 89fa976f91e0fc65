// Reading a partition of a cached RDD, as Spark's getOrElseUpdate does: from the memory of this executor, from its disk, from
// another executor, or computed from its lineage and put, growing step by step (section 8.3 of the law).

import { ON_HEAP } from "../memory/mode.js";
import { type BlockId, rddBlock } from "../storage/block.js";
import type { Attempt, Work } from "./attempt.js";
import { compressed, computeUs, networkUs, scanUs } from "./costs.js";
import type { Host } from "./host.js";
import type { PartitionRef, Plan, RddPlan } from "./plan.js";

/** What is known of the cached data of a run. Partitions go by the number that `partitionId` gives. */
export class Cached {
  readonly rdds: readonly RddPlan[];
  /** Partitions that have been computed once: to compute one again is a recomputation. */
  readonly computed: Set<number> = new Set();
  /** Whose memory a partition is in. */
  readonly holders: Map<BlockId, Host> = new Map();
  readonly #costsUs = new Map<number, number>();
  readonly #readsLeft = new Map<number, number>();

  constructor({ rdds, jobs }: Plan) {
    this.rdds = rdds;
    rdds.forEach(({ partitionBytes, work }, rdd) =>
      partitionBytes.forEach((bytes, partition) =>
        this.#costsUs.set(partitionId(rdd, partition), Math.ceil(work * computeUs(bytes))),
      ),
    );
    for (const { stages } of jobs)
      for (const { tasks } of stages)
        for (const { reads } of tasks)
          for (const { rdd, partition } of reads) {
            const id = partitionId(rdd, partition);
            this.#readsLeft.set(id, this.readsLeft(id) + 1);
          }
  }

  /** What computing a partition from its parent takes, 1 or more. */
  costUs(id: number): number {
    return Math.max(1, this.#costsUs.get(id) ?? 1);
  }

  /** How often tasks that are planned will still read a partition. */
  readsLeft(id: number): number {
    return this.#readsLeft.get(id) ?? 0;
  }

  /** A task reads a partition as planned; one that has failed may read it again. */
  read(id: number): void {
    this.#readsLeft.set(id, Math.max(0, this.readsLeft(id) - 1));
  }
}

/** The id of a partition's block. RDDs and partitions of plans are small numbers, so it is one too. */
export function partitionId(rdd: number, partition: number): number {
  return rddBlock(rdd, partition) as Exclude<BlockId, string>;
}

/** Reads a partition as a task is planned to. */
export function* readPlanned(attempt: Attempt, { rdd, partition }: PartitionRef): Work {
  attempt.owner.cached.read(partitionId(rdd, partition));
  yield* readPartition(attempt, rdd, partition, true);
}

// `ideal`: nothing but a shortage could have saved this reading.
function* readPartition(attempt: Attempt, rdd: number, partition: number, ideal: boolean): Work {
  const { host, owner } = attempt;
  const { outcome, cached } = owner;
  const { store } = host.executor;
  const id = partitionId(rdd, partition);
  const bytes = cached.rdds[rdd]!.partitionBytes[partition]!;
  outcome.requests += 1;
  if (store.getSize(id) !== null) {
    outcome.cacheHits += 1;
    store.pin(id);
    attempt.pinned.push(id);
    yield attempt.busy(scanUs(bytes), bytes, ideal);
    attempt.pinned.pop();
    store.unpin(id);
    return;
  }
  const again = cached.computed.has(id);
  if (again) {
    outcome.cacheMisses += 1;
    if (ideal) attempt.idealUs += scanUs(bytes);
  }
  if (host.onDisk.has(id)) {
    yield* readFromDisk(attempt, bytes);
  } else if (cached.holders.has(id)) {
    yield networkUs(bytes);
  } else {
    yield* compute(attempt, rdd, partition, ideal && !again);
  }
}

/** Reads a block of `bytes` that has left the memory for the disk. */
export function* readFromDisk(attempt: Attempt, bytes: number): Work {
  yield attempt.host.disk(compressed(bytes)) - attempt.owner.clock.nowUs;
  yield attempt.busy(computeUs(bytes), bytes, false);
}

function* compute(attempt: Attempt, rdd: number, partition: number, ideal: boolean): Work {
  const { host, owner } = attempt;
  const { outcome, cached } = owner;
  const { store } = host.executor;
  const { parent, work, level, partitionBytes } = cached.rdds[rdd]!;
  const id = partitionId(rdd, partition);
  const bytes = partitionBytes[partition]!;
  const again = cached.computed.has(id);
  const part = (partBytes: number): number => {
    const us = attempt.busy(work * computeUs(partBytes), partBytes, ideal);
    if (again) outcome.recomputeUs += Math.ceil(us);
    return us;
  };

  if (parent !== null) yield* readPartition(attempt, parent, partition, ideal);
  else yield networkUs(bytes);

  const { unrollBytes, growthFactor } = store.rules;
  let reserved = 0;
  let done = 0;
  for (let next = unrollBytes, fits = true; done < bytes;) {
    if (fits) {
      fits = yield* reserve(attempt, id, next);
      if (fits) reserved += next;
    }
    // What nothing more is reserved for goes by without being kept.
    const end = fits ? Math.min(bytes, reserved) : bytes;
    yield part(end - done);
    done = end;
    next = Math.trunc(reserved * growthFactor) - reserved;
    if (done === bytes) store.releaseUnroll(reserved, ON_HEAP, attempt.id);
    if (done < bytes || !fits) continue;
    // Another task may have put it meanwhile.
    outcome.requests += 1;
    owner.current = attempt;
    const fate = level === "memory" ? "gone" : "disk";
    if (!store.has(id) && store.putAccount(id, bytes, ON_HEAP, fate)) cached.holders.set(id, host);
    host.sample();
  }
  if (again) outcome.recomputeBytes += bytes;
  cached.computed.add(id);
  if (level === "memory-and-disk" && !store.has(id) && !host.onDisk.has(id))
    yield host.writeBlock(id, bytes) - owner.clock.nowUs;
}

/** Unroll memory for a growing partition, and the time that what it pushed out takes to be written. */
function* reserve(attempt: Attempt, id: number, bytes: number): Work<boolean> {
  const { host, owner } = attempt;
  owner.outcome.requests += 1;
  owner.current = attempt;
  const fits = host.executor.store.reserveUnroll(id, bytes, ON_HEAP, attempt.id);
  host.sample();
  yield* attempt.caughtUp();
  return fits;
}
