// A collection of objects that accounts for itself by estimates: Spark's sorter and append-only map for objects (section 9.6
// of the law). What the objects are, what they take and how they are written away is the owner's; when memory is asked for
// and when the collection spills is decided here.

import { ON_HEAP } from "../memory/mode.js";
import { Consumer } from "./consumer.js";
import type { TaskMemoryManager } from "./task.js";

/** What a collection of objects must tell about itself, since nobody here sees its objects. Bytes. */
export interface CollectionOptions {
  /** What the collection holds now, a whole number of bytes, estimated. */
  estimate(): number;
  /** Writes everything away and leaves the collection empty. Must not acquire memory. */
  spill(): void;
  /**
   * Writes away what it can for another consumer, and says whether that was anything: its elements, or the rest of an open
   * read. Left out, the collection never spills for others, as Spark's sorter does not while it is filled or shuffles.
   */
  spillForOthers?(): boolean;
  /** A `sorter` counts an element before it looks at its size, a `map` after. */
  readonly kind: "sorter" | "map";
  /** For messages and reports. */
  readonly name?: string;
  /** What it may take before it asks for memory, bytes (`spark.shuffle.spill.initialMemoryThreshold`). Default 5 MiB. */
  readonly initialBytes?: number;
  /** `spark.shuffle.spill.numElementsForceSpillThreshold`. */
  readonly spillRecords?: number;
  /** `spark.shuffle.spill.maxSizeInBytesForSpillThreshold`, 4.1 and later. */
  readonly spillBytes?: number;
}

/** How many elements pass between two looks at what they take. */
const LOOK_EVERY = 32;

/**
 * Memory of a collection of objects: always on-heap, whatever the mode of the task's pages.
 *
 * @example
 * ```ts
 * import { ObjectCollection, openExecutor } from "tungsten-memory";
 *
 * let rows: string[] = [];
 * const executor = openExecutor();
 * const collection = new ObjectCollection(executor.task(1), {
 *   kind: "sorter",
 *   estimate: () => rows.length * 100,
 *   spill: () => void (rows = []), // written away by you
 * });
 * for (const row of ["b", "a"]) {
 *   rows.push(row);
 *   collection.count(); // true when it has been spilled
 * }
 * console.log(collection.elements, collection.spills); // 2 0
 * collection.releaseMemory();
 * ```
 */
export class ObjectCollection extends Consumer {
  readonly #options: CollectionOptions;
  readonly #initialBytes: number;
  readonly #spillRecords: number;
  readonly #spillBytes: number;
  readonly #beforeRelease41: boolean;
  /** What the collection may take: `initialBytes` and what was acquired on top. */
  #threshold: number;
  #elements = 0;
  #memoryBytesSpilled = 0;
  #spills = 0;
  #peak = 0;

  constructor(task: TaskMemoryManager, options: CollectionOptions) {
    super(task, { name: options.name ?? "ObjectCollection", mode: ON_HEAP });
    this.#options = options;
    this.#initialBytes = this.#threshold = options.initialBytes ?? 5 * 2 ** 20;
    this.#spillRecords = options.spillRecords ?? 2 ** 31 - 1;
    this.#beforeRelease41 = task.release < 401;
    this.#spillBytes = this.#beforeRelease41 ? Infinity : (options.spillBytes ?? Infinity);
  }

  /** Elements since the last spill that was the collection's own. */
  get elements(): number {
    return this.#elements;
  }

  /** Estimates of what the collection's own spills wrote away, and what spills for others gave back. Bytes. */
  get memoryBytesSpilled(): number {
    return this.#memoryBytesSpilled;
  }

  /** The collection's own spills. */
  get spills(): number {
    return this.#spills;
  }

  /** The largest estimate seen, bytes. */
  get peakBytes(): number {
    return this.#peak;
  }

  /**
   * Counts an element: a `sorter` calls this after it has put the element in, a `map` before. Returns whether the
   * collection was spilled. Throws what `spill` throws, TaskOutOfMemory, or WouldWait (then call it again).
   */
  count(): boolean {
    const sorter = this.#options.kind === "sorter";
    const estimate = this.#options.estimate();
    const elements = sorter ? this.#elements + 1 : this.#elements;
    this.#peak = Math.max(this.#peak, estimate);
    const spills = this.#mustSpill(elements, estimate);
    if (spills) {
      this.#spills += 1;
      this.#options.spill();
      this.#memoryBytesSpilled += estimate;
      const freed = this.#threshold - this.#initialBytes;
      this.releaseMemory();
      this.task.onSpill?.({ task: this.task.id, consumer: this, trigger: this, asked: freed, freed });
    }
    this.#elements = (spills ? 0 : elements) + (sorter ? 0 : 1);
    return spills;
  }

  /** For others: what was acquired beyond `initialBytes`, where the owner can spill and the task's pages are on-heap. */
  override spill(_bytes: number, trigger: Consumer): number {
    if (trigger === this || this.task.mode !== ON_HEAP || this.#options.spillForOthers?.() !== true) return 0;
    const freed = this.#threshold - this.#initialBytes;
    this.#memoryBytesSpilled += freed;
    this.releaseMemory();
    return freed;
  }

  /** Gives back what was acquired, as at the end of reading. The elements stay counted. */
  releaseMemory(): void {
    this.freeMemory(this.#threshold - this.#initialBytes);
    this.#threshold = this.#initialBytes;
  }

  #mustSpill(elements: number, estimate: number): boolean {
    const forced = elements > this.#spillRecords || estimate > this.#spillBytes;
    // Before 4.1 memory is asked for first, even where the number of elements forces a spill.
    if (forced && !this.#beforeRelease41) return true;
    if (elements % LOOK_EVERY !== 0 || estimate < this.#threshold) return forced;
    this.#threshold += this.acquireMemory(2 * estimate - this.#threshold);
    return estimate >= this.#threshold || forced;
  }
}
