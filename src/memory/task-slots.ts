// Which task has which slot of shared accounts. A worker remembers the slots of the tasks it has met, so that the common path
// finds one in a cache of its own; a slot is given to another task only when no other worker remembers it.

import { Refusal } from "../fault.js";
import {
  EMPTY_DECISIONS,
  FIRST_SLOT,
  SLOT_BYTES,
  SLOT_EMPTY_FOR,
  SLOT_HOME,
  SLOT_IN_USE,
  SLOT_KNOWN_BY,
  SLOT_TASK,
  slotsOf,
  WORD_SLOTS_USED,
} from "./accounts-map.js";
import { ABSENT, InvalidTask } from "./ledger.js";

// Task ids are looked up in a direct-mapped cache of (task, address of its slot) before the map.
const CACHE_LINES = 256;

const HIGH_WORD = 2 ** 32;
const HELD_HIGH_BITS = 0x1fffff;
const PRESENT_HIGH_BIT = 0x200000;

// The home of a slot that nobody knows.
const NOWHERE = 0;

/**
 * More tasks at once than the accounts were made for.
 *
 * @example
 * ```ts
 * import { shareExecutor, TooManyTasks } from "tungsten-memory";
 *
 * const { manager } = shareExecutor({ tasks: 1 });
 * try {
 *   for (let task = 1; task <= 1000; task += 1) manager.acquireExecution(1, task, 0);
 * } catch (error) {
 *   console.log(error instanceof TooManyTasks); // true
 * }
 * ```
 */
export class TooManyTasks extends Refusal {
  override readonly name = "TooManyTasks";
}

/** One worker's view of the slots. What changes them runs inside a decision. */
export class TaskSlots {
  readonly #u32: Uint32Array;
  readonly #f64: Float64Array;
  readonly #worker: number;
  readonly #alone: <T>(call: () => T) => T;
  readonly #cache = new Float64Array(2 * CACHE_LINES).fill(Number.NaN);
  readonly #slotOfTask = new Map<number, number>();

  /** `alone` runs a call as one decision. */
  constructor(buffer: ArrayBufferLike, worker: number, alone: <T>(call: () => T) => T) {
    this.#u32 = new Uint32Array(buffer);
    this.#f64 = new Float64Array(buffer);
    this.#worker = worker;
    this.#alone = alone;
  }

  /** Address of the task's slot; it gets one if it has none. */
  of(task: number): number {
    const line = 2 * (task & (CACHE_LINES - 1));
    return this.#cache[line] === task ? this.#cache[line + 1]! : this.#find(task, line);
  }

  /** Address of the task's slot, 0 when it has none. Inside a decision. */
  ofKnown(task: number): number {
    const line = 2 * (task & (CACHE_LINES - 1));
    if (this.#cache[line] === task) return this.#cache[line + 1]!;
    const known = this.#slotOfTask.get(task);
    if (known !== undefined) return known;
    let found = 0;
    this.forEach((slot) => {
      if (this.task(slot) === task && this.#u32[(slot + SLOT_IN_USE) / 4] === 1) found = slot;
    });
    return found;
  }

  task(slot: number): number {
    return this.#f64[(slot + SLOT_TASK) / 8]!;
  }

  /** The worker that the slot's task goes with: where it began, or who else knows it. */
  home(slot: number): number {
    return this.#u32[(slot + SLOT_HOME) / 4]!;
  }

  /** What the task of a slot holds, or ABSENT, from the word of a mode. Inside a decision. */
  balance(word: number): number {
    const high = this.#u32[word / 4 + 1]!;
    if ((high & PRESENT_HIGH_BIT) === 0) return ABSENT;
    return (high & HELD_HIGH_BITS) * HIGH_WORD + this.#u32[word / 4]!;
  }

  forEach(visit: (slot: number) => void): void {
    const end = FIRST_SLOT + this.#u32[WORD_SLOTS_USED]! * SLOT_BYTES;
    for (let slot = FIRST_SLOT; slot < end; slot += SLOT_BYTES) visit(slot);
  }

  /** The worker is gone: it knows no slots, and those that it began in are another's who knows them. Inside a decision. */
  forgetWorker(worker: number): void {
    this.forEach((slot) => this.#leaves(slot, worker));
    if (worker !== this.#worker) return;
    this.#slotOfTask.clear();
    this.#cache.fill(Number.NaN);
  }

  #find(task: number, line: number): number {
    if (!Number.isSafeInteger(task)) throw new InvalidTask(task);
    let slot = this.#slotOfTask.get(task);
    if (slot === undefined) {
      slot = this.#alone(() => {
        const found = this.ofKnown(task) || this.#take(task);
        this.#setKnown(found, this.#worker, true);
        if (this.home(found) === NOWHERE) this.#u32[(found + SLOT_HOME) / 4] = this.#worker;
        return found;
      });
      this.#slotOfTask.set(task, slot);
    }
    this.#cache[line] = task;
    this.#cache[line + 1] = slot;
    return slot;
  }

  /** A slot without entries that nobody else knows, when it has been so for long or none is left; else one never used. */
  #take(task: number): number {
    const used = this.#u32[WORD_SLOTS_USED]!;
    const full = used === slotsOf(this.#u32);
    let slot = 0;
    this.forEach((each) => {
      if (slot === 0 && this.#isSpare(each, full)) slot = each;
    });
    if (slot === 0) {
      if (full)
        throw new TooManyTasks(`task ${task} is one too many: the accounts were made for ${used} tasks at once`);
      slot = FIRST_SLOT + used * SLOT_BYTES;
      this.#u32[WORD_SLOTS_USED] = used + 1;
    } else if (this.#u32[(slot + SLOT_IN_USE) / 4] === 1) {
      this.#forget(this.task(slot));
    }
    // Whoever dies in between leaves a slot that belongs to nobody.
    this.#u32[(slot + SLOT_IN_USE) / 4] = 0;
    this.#f64[(slot + SLOT_TASK) / 8] = task;
    this.#u32[(slot + SLOT_HOME) / 4] = this.#worker;
    this.#u32[(slot + SLOT_KNOWN_BY) / 4] = 0;
    this.#u32[(slot + SLOT_KNOWN_BY) / 4 + 1] = 0;
    this.#u32[(slot + SLOT_EMPTY_FOR) / 4] = 0;
    this.#u32[(slot + SLOT_EMPTY_FOR) / 4 + 1] = 0;
    this.#u32[(slot + SLOT_IN_USE) / 4] = 1;
    return slot;
  }

  #isSpare(slot: number, wanted: boolean): boolean {
    for (let mode = 0; mode < 2; mode += 1) {
      if (this.balance(slot + 8 * mode) !== ABSENT) return false;
      if (!wanted && this.#u32[(slot + SLOT_EMPTY_FOR) / 4 + mode]! < EMPTY_DECISIONS) return false;
    }
    const at = (slot + SLOT_KNOWN_BY) / 4;
    const [word, bit] = bitOf(this.#worker);
    return (this.#u32[at + word]! & ~bit) === 0 && this.#u32[at + 1 - word] === 0;
  }

  // A slot is at home with one who knows it: with whom its task goes.
  #leaves(slot: number, worker: number): void {
    this.#setKnown(slot, worker, false);
    if (this.home(slot) === worker) this.#u32[(slot + SLOT_HOME) / 4] = this.#lowestKnower(slot);
  }

  #lowestKnower(slot: number): number {
    const at = (slot + SLOT_KNOWN_BY) / 4;
    const word = this.#u32[at] === 0 ? 1 : 0;
    const bits = this.#u32[at + word]!;
    return bits === 0 ? NOWHERE : 32 * word + 32 - Math.clz32(bits & -bits);
  }

  #setKnown(slot: number, worker: number, known: boolean): void {
    const [word, bit] = bitOf(worker);
    const at = (slot + SLOT_KNOWN_BY) / 4 + word;
    this.#u32[at] = known ? this.#u32[at]! | bit : this.#u32[at]! & ~bit;
  }

  /** This worker will not ask for the task again. Inside a decision. */
  forget(task: number): void {
    const slot = this.#slotOfTask.get(task);
    if (slot === undefined) return;
    this.#forget(task);
    this.#leaves(slot, this.#worker);
  }

  #forget(task: number): void {
    this.#slotOfTask.delete(task);
    const line = 2 * (task & (CACHE_LINES - 1));
    if (this.#cache[line] === task) this.#cache[line] = Number.NaN;
  }
}

function bitOf(worker: number): [0 | 1, number] {
  const index = worker - 1;
  return [index < 32 ? 0 : 1, 1 << (index & 31)];
}
