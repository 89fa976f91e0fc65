// The cached blocks that tasks asked for, in order, as columns that any eviction policy can be run over.

/** Requests for blocks. All columns have `count` entries; ids are dense, 0 to objects - 1. */
export interface CacheRequests {
  readonly count: number;
  readonly objects: number;
  readonly ids: Uint32Array;
  /** Bytes; 1 each where the unit is objects. */
  readonly sizes: Float64Array;
  readonly unit: "bytes" | "objects";
  /** The RDD of the block: one that is being cached must not push out blocks of its own RDD. */
  readonly groups: Uint32Array;
  /** Milliseconds that the task took which asked for the block first; 1 where not known. */
  readonly costs: Float64Array;
  /** Stages that wait, submitted with their job, and will read the block as well: what LRC counts. */
  readonly refs: Uint32Array;
  /** Index of the next request for the same block; `count` when there is none. */
  readonly nextUse: Uint32Array;
  /** What happened between requests, ascending. */
  readonly changes: readonly GroupChange[];
  /** Requests beyond the most that are kept. */
  readonly dropped: number;
}

/** Something that concerns all blocks of an RDD, right before request `at`. */
export interface GroupChange {
  readonly at: number;
  readonly group: number;
  /** How many waiting stages will read the blocks from now on; null: unpersisted, the blocks are gone. */
  readonly refs: number | null;
}

const MOST_REQUESTS = 250_000;

/** Collects requests; sizes of blocks may become known later. */
export class RequestLog {
  readonly #most: number;
  readonly #idOf = new Map<number, Map<number, number>>();
  readonly #ids: number[] = [];
  readonly #refs: number[] = [];
  readonly #refsOf = new Map<number, number>();
  readonly #groupOf: number[] = [];
  readonly #costOf: number[] = [];
  readonly #sizeOf: number[] = [];
  readonly #changes: GroupChange[] = [];
  #dropped = 0;

  constructor(most = MOST_REQUESTS) {
    this.#most = most;
  }

  get count(): number {
    return this.#ids.length;
  }

  ask(rdd: number, partition: number, costMs: number): void {
    if (this.#ids.length >= this.#most) {
      this.#dropped += 1;
      return;
    }
    const blocks = this.#idOf.get(rdd) ?? new Map<number, number>();
    this.#idOf.set(rdd, blocks);
    let id = blocks.get(partition);
    if (id === undefined) {
      id = this.#groupOf.length;
      blocks.set(partition, id);
      this.#groupOf.push(rdd);
      this.#costOf.push(Math.max(1, costMs));
      this.#sizeOf.push(0);
    }
    this.#ids.push(id);
    this.#refs.push(this.#refsOf.get(rdd) ?? 0);
  }

  /** Learns the size of a block in memory and on disk together; the greatest told counts. */
  sized(rdd: number, partition: number, bytes: number): void {
    const id = this.#idOf.get(rdd)?.get(partition);
    if (id !== undefined) this.#sizeOf[id] = Math.max(this.#sizeOf[id]!, bytes);
  }

  /** `refs` waiting stages will read the RDD from now on. */
  referenced(rdd: number, refs: number): void {
    if (refs === 0) this.#refsOf.delete(rdd);
    else this.#refsOf.set(rdd, refs);
    this.#change(rdd, refs);
  }

  unpersisted(rdd: number): void {
    this.#refsOf.delete(rdd);
    this.#change(rdd, null);
  }

  #change(group: number, refs: number | null): void {
    if (!this.#idOf.has(group) || this.#dropped > 0) return;
    if (this.#changes.length < this.#most) this.#changes.push({ at: this.#ids.length, group, refs });
  }

  /** `meanBytes` knows a size for blocks of an RDD whose own was never told, or 0. Unless all are known, objects are counted. */
  finish(meanBytes: (rdd: number) => number = () => 0): CacheRequests {
    const sizeOf = this.#sizeOf.map((bytes, id) => bytes || Math.ceil(meanBytes(this.#groupOf[id]!)));
    const known = sizeOf.every((bytes) => bytes > 0);
    const ids = Uint32Array.from(this.#ids);
    const count = ids.length;
    const nextUse = new Uint32Array(count).fill(count);
    const next = new Uint32Array(sizeOf.length).fill(count);
    for (let i = count - 1; i >= 0; i -= 1) {
      nextUse[i] = next[ids[i]!]!;
      next[ids[i]!] = i;
    }
    return {
      count,
      objects: sizeOf.length,
      ids,
      sizes: Float64Array.from(ids, (id) => (known ? sizeOf[id]! : 1)),
      unit: known ? "bytes" : "objects",
      groups: Uint32Array.from(ids, (id) => this.#groupOf[id]!),
      costs: Float64Array.from(ids, (id) => this.#costOf[id]!),
      refs: Uint32Array.from(this.#refs),
      nextUse,
      changes: this.#changes,
      dropped: this.#dropped,
    };
  }
}

/** What a store without limit would hold at most at once: bytes, or objects. Blocks go only when they are unpersisted. */
export function mostAtOnce({ count, objects, ids, sizes, groups, changes }: CacheRequests): number {
  const held = new Uint8Array(objects);
  const ofGroup = new Map<number, { ids: number[]; sum: number }>();
  let [sum, most, changed] = [0, 0, 0];
  for (let i = 0; i < count; i += 1) {
    for (; changed < changes.length && changes[changed]!.at <= i; changed += 1) {
      const { group, refs } = changes[changed]!;
      const gone = refs === null ? ofGroup.get(group) : undefined;
      if (gone === undefined) continue;
      for (const id of gone.ids) held[id] = 0;
      sum -= gone.sum;
      ofGroup.delete(group);
    }
    const id = ids[i]!;
    if (held[id] === 1) continue;
    held[id] = 1;
    const group = ofGroup.get(groups[i]!) ?? { ids: [], sum: 0 };
    ofGroup.set(groups[i]!, group);
    group.ids.push(id);
    group.sum += sizes[i]!;
    sum += sizes[i]!;
    most = Math.max(most, sum);
  }
  return most;
}
