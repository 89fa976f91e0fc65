// Finds the slot of a partition. Partitions that stand side by side are put, read and evicted side by side, so their slots
// stand side by side too: in tiles of 4 RDDs by 4 partitions, one cache line each, which are found by hashing.

import { partitionPart, rddPart } from "./block.js";

const FIRST_TILES = 16;
const CELLS = 16;
/** Nothing is found. */
const NONE = -1;

export class PartitionIndex {
  // By tile: its 16 slots, its key, how many of its slots are taken. Free tiles are linked through their first cell.
  #cells = new Int32Array(FIRST_TILES * CELLS).fill(NONE);
  #keys = new Float64Array(FIRST_TILES);
  #taken = new Uint8Array(FIRST_TILES);
  #tiles = 0;
  #free = NONE;
  // Open addressing over tiles, linear probing, at most half full, closed up when a tile leaves.
  #buckets = new Int32Array(2 * FIRST_TILES).fill(NONE);
  // The tile that an id was last removed from, while it has others: what leaves together stands together.
  #leavingKey = -1;
  #leavingTile = NONE;

  /** The slot of a numeric id, or -1. */
  find(id: number): number {
    const rdd = rddPart(id);
    const partition = partitionPart(id, rdd);
    const tile = this.#buckets[this.#bucketOf(rdd >> 2, partition >> 2)]!;
    return tile === NONE ? NONE : this.#cells[tile * CELLS + cellOf(rdd, partition)]!;
  }

  /** Sets the slot of an id that has none. */
  add(id: number, slot: number): void {
    if (this.#free === NONE && this.#tiles === this.#keys.length) this.#grow();
    const rdd = rddPart(id);
    const partition = partitionPart(id, rdd);
    const bucket = this.#bucketOf(rdd >> 2, partition >> 2);
    let tile = this.#buckets[bucket]!;
    if (tile === NONE) {
      tile = this.#open(keyOf(rdd >> 2, partition >> 2));
      this.#buckets[bucket] = tile;
    }
    this.#cells[tile * CELLS + cellOf(rdd, partition)] = slot;
    this.#taken[tile]! += 1;
  }

  /** Forgets an id that has a slot. */
  remove(id: number): void {
    const rdd = rddPart(id);
    const partition = partitionPart(id, rdd);
    const key = keyOf(rdd >> 2, partition >> 2);
    const tile =
      key === this.#leavingKey ? this.#leavingTile : this.#buckets[this.#bucketOf(rdd >> 2, partition >> 2)]!;
    this.#cells[tile * CELLS + cellOf(rdd, partition)] = NONE;
    const left = this.#taken[tile]! - 1;
    this.#taken[tile] = left;
    if (left > 0) {
      this.#leavingKey = key;
      this.#leavingTile = tile;
      return;
    }
    this.#leavingKey = -1;
    this.#closeUp(this.#bucketOf(rdd >> 2, partition >> 2));
    this.#cells[tile * CELLS] = this.#free;
    this.#free = tile;
  }

  #open(key: number): number {
    let tile = this.#free;
    if (tile === NONE) {
      tile = this.#tiles;
      this.#tiles += 1;
    } else {
      this.#free = this.#cells[tile * CELLS]!;
      this.#cells[tile * CELLS] = NONE;
    }
    this.#keys[tile] = key;
    return tile;
  }

  // The bucket that holds the tile, or the empty one where it would go.
  #bucketOf(rdds: number, partitions: number): number {
    const buckets = this.#buckets;
    const mask = buckets.length - 1;
    const key = keyOf(rdds, partitions);
    let bucket = hashOf(rdds, partitions) & mask;
    for (let tile = buckets[bucket]!; tile !== NONE && this.#keys[tile] !== key; tile = buckets[bucket]!) {
      bucket = (bucket + 1) & mask;
    }
    return bucket;
  }

  // Empties a bucket and moves back what had been pushed past it.
  #closeUp(bucket: number): void {
    const buckets = this.#buckets;
    const mask = buckets.length - 1;
    let hole = bucket;
    for (let at = (hole + 1) & mask; buckets[at] !== NONE; at = (at + 1) & mask) {
      const home = hashOfKey(this.#keys[buckets[at]!]!) & mask;
      if (((at - home) & mask) < ((at - hole) & mask)) continue;
      buckets[hole] = buckets[at]!;
      hole = at;
    }
    buckets[hole] = NONE;
  }

  #grow(): void {
    const tiles = 2 * this.#keys.length;
    const cells = new Int32Array(tiles * CELLS).fill(NONE);
    cells.set(this.#cells);
    this.#cells = cells;
    const keys = new Float64Array(tiles);
    keys.set(this.#keys);
    this.#keys = keys;
    const taken = new Uint8Array(tiles);
    taken.set(this.#taken);
    this.#taken = taken;
    this.#buckets = new Int32Array(2 * tiles).fill(NONE);
    for (let tile = 0; tile < this.#tiles; tile += 1) {
      const key = keys[tile]!;
      const rdds = Math.floor(key / KEY_SPAN);
      this.#buckets[this.#bucketOf(rdds, key - rdds * KEY_SPAN)] = tile;
    }
  }
}

// Both parts of a tile have 24 bits.
const KEY_SPAN = 2 ** 24;

function keyOf(rdds: number, partitions: number): number {
  return rdds * KEY_SPAN + partitions;
}

function cellOf(rdd: number, partition: number): number {
  return ((rdd & 3) << 2) | (partition & 3);
}

function hashOf(rdds: number, partitions: number): number {
  const mixed = Math.imul(rdds, 0x9e3779b1) ^ Math.imul(partitions, 0x85ebca6b);
  return mixed ^ (mixed >>> 15);
}

function hashOfKey(key: number): number {
  const rdds = Math.floor(key / KEY_SPAN);
  return hashOf(rdds, key - rdds * KEY_SPAN);
}
