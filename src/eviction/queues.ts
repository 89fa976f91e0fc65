// Queues of objects, doubly linked through one record an object, so that whoever uses an object finds its neighbours, its queue
// and its mark on one line of the processor's cache; sizes, which only coming and leaving need, lie apart. Queues of objects in
// the cache and of ghosts, which are remembered only, are told apart by their numbers.

import { assert } from "../fault.js";

/** A queue is a number from -1 down to -8, or from -9 to -16 for ghosts. */
const RESIDENT = -8;
const HEADS = 16;

/** The first queues of each kind. */
export const FIRST = -1;
export const FIRST_GHOST = -9;
export const MOST_QUEUES = 8;

// A record: | newer i32 | older i32 | queue i32 | mark i32 |, heads of the queues first.
const INTS = 4;
const NEWER = 0;
const OLDER = 1;
const QUEUE = 2;
const MARK = 3;

/** Ids must fit the arithmetic of 32 bits. */
export const MOST_OBJECTS = 2 ** 27;

/** Up to 16 queues over dense ids. An object is in one of them or in none. A negative id is the end of a queue. */
export class Queues {
  /** Sum of the sizes and number of the objects, by negated queue. */
  readonly #total = new Float64Array(HEADS + 1);
  readonly #count = new Float64Array(HEADS + 1);
  #ints = new Int32Array(0);
  // Null while every object has been of size 1.
  #sizes: Float64Array | null = null;

  constructor() {
    this.reserve(0);
    for (let head = -1; head >= -HEADS; head -= 1) {
      this.#ints[(head + HEADS) * INTS + NEWER] = head;
      this.#ints[(head + HEADS) * INTS + OLDER] = head;
    }
  }

  reserve(objects: number): void {
    assert(objects <= MOST_OBJECTS, `${objects} objects are more than ${MOST_OBJECTS}`);
    if ((objects + HEADS) * INTS <= this.#ints.length) return;
    const ints = new Int32Array((objects + HEADS) * INTS);
    ints.set(this.#ints);
    this.#ints = ints;
    if (this.#sizes !== null) this.#sizes = this.#sized(this.#sizes);
  }

  /** The queue that an object is in, or 0. */
  queueOf(id: number): number {
    return this.#ints[(id + HEADS) * INTS + QUEUE]!;
  }

  /** Whether an object is in a queue that is none of ghosts. */
  resident(id: number): boolean {
    const queue = this.#ints[(id + HEADS) * INTS + QUEUE]!;
    return queue < 0 && queue >= RESIDENT;
  }

  sizeOf(id: number): number {
    return this.#sizes === null ? 1 : this.#sizes[id + HEADS]!;
  }

  /** What a policy notes of an object; 0 after `push`. */
  mark(id: number): number {
    return this.#ints[(id + HEADS) * INTS + MARK]!;
  }

  setMark(id: number, mark: number): void {
    this.#ints[(id + HEADS) * INTS + MARK] = mark;
  }

  /** Sum of the sizes in a queue. */
  total(queue: number): number {
    return this.#total[-queue]!;
  }

  count(queue: number): number {
    return this.#count[-queue]!;
  }

  /** The object that has been in a queue longest; negative when it is empty. */
  oldest(queue: number): number {
    return this.#ints[(queue + HEADS) * INTS + NEWER]!;
  }

  /** The object that came after `id`, be that an object or a queue; negative at the end. */
  newer(id: number): number {
    return this.#ints[(id + HEADS) * INTS + NEWER]!;
  }

  /** Puts an object that is in no queue into one, as the newest. */
  push(queue: number, id: number, size: number): void {
    if (size !== 1) this.#sizes ??= this.#sized([]);
    if (this.#sizes !== null) this.#sizes[id + HEADS] = size;
    this.#ints[(id + HEADS) * INTS + MARK] = 0;
    this.#link(queue, id);
    this.#count[-queue]! += 1;
    this.#total[-queue]! += size;
  }

  /** Takes an object out of its queue. */
  take(id: number): void {
    const queue = this.#ints[(id + HEADS) * INTS + QUEUE]!;
    this.#unlink(id);
    this.#ints[(id + HEADS) * INTS + QUEUE] = 0;
    this.#count[-queue]! -= 1;
    this.#total[-queue]! -= this.sizeOf(id);
  }

  /** Makes an object the newest of its queue. */
  renew(id: number): void {
    const queue = this.#ints[(id + HEADS) * INTS + QUEUE]!;
    if (this.#ints[(id + HEADS) * INTS + NEWER] === queue) return;
    this.#unlink(id);
    this.#link(queue, id);
  }

  /** Takes an object from its queue to the newest place of another. Its mark stays. */
  move(id: number, queue: number): void {
    const from = this.#ints[(id + HEADS) * INTS + QUEUE]!;
    const size = this.sizeOf(id);
    this.#unlink(id);
    this.#link(queue, id);
    this.#count[-from]! -= 1;
    this.#count[-queue]! += 1;
    this.#total[-from]! -= size;
    this.#total[-queue]! += size;
  }

  // A column of sizes for all records, that begins with `known`.
  #sized(known: ArrayLike<number>): Float64Array {
    const sizes = new Float64Array(this.#ints.length / INTS).fill(1);
    sizes.set(known);
    return sizes;
  }

  #unlink(id: number): void {
    const ints = this.#ints;
    const newer = ints[(id + HEADS) * INTS + NEWER]!;
    const older = ints[(id + HEADS) * INTS + OLDER]!;
    ints[(older + HEADS) * INTS + NEWER] = newer;
    ints[(newer + HEADS) * INTS + OLDER] = older;
  }

  #link(queue: number, id: number): void {
    const ints = this.#ints;
    const newest = ints[(queue + HEADS) * INTS + OLDER]!;
    const at = (id + HEADS) * INTS;
    ints[at + NEWER] = queue;
    ints[at + OLDER] = newest;
    ints[at + QUEUE] = queue;
    ints[(newest + HEADS) * INTS + NEWER] = id;
    ints[(queue + HEADS) * INTS + OLDER] = id;
  }
}
