// Whose turn it is to leave where a policy other than Spark's says so. The store keeps its blocks in slots, which it uses again;
// a policy remembers objects that have left. So blocks have numbers of their own here, for as long as the policy knows them.

import { type EvictionPolicy, NOBODY } from "../eviction/policy.js";
import { type Mode, OFF_HEAP, ON_HEAP } from "../memory/mode.js";
import type { BlockId } from "./block.js";
import { NONE } from "./table.js";

/** What decides about the victims of a store. */
export interface EvictionChoice {
  /** The policy of a mode, empty; each mode has its own. `evictionPolicy` makes one by name. */
  readonly policy: (mode: Mode) => EvictionPolicy;
  /** What the policy wants to know of a block (`EvictionPolicy.hint`), asked at every use; 1 by default. */
  readonly hint?: (block: BlockId) => number;
}

const FIRST_OBJECTS = 64;

/** The blocks of one mode under a policy. Methods take canonical ids. */
export class Victims {
  readonly policy: EvictionPolicy;
  readonly #hint: (block: BlockId) => number;
  readonly #numbers = new Map<BlockId, number>();
  // By number: slot of the store, or NONE.
  #slots = new Int32Array(0);
  // By slot: number.
  #objects = new Int32Array(0);
  readonly #free: number[] = [];
  #used = 0;
  #resident = 0;
  #mayLeave: (slot: number) => boolean = () => true;
  readonly #allowed = (object: number): boolean => this.#mayLeave(this.#slots[object]!);

  constructor(choice: EvictionChoice, mode: Mode) {
    this.policy = choice.policy(mode);
    this.#hint = choice.hint ?? (() => 1);
    this.#grow(FIRST_OBJECTS);
  }

  /** Blocks in memory. */
  get size(): number {
    return this.#resident;
  }

  /** A block that is not in memory shall come; told before room is made for it. `capacity` is what storage may have at most. */
  wanted(id: BlockId, bytes: number, capacity: number): void {
    this.policy.resize(capacity);
    const object = this.#numberOf(id);
    const hint = this.#hint(id);
    this.policy.hit(object, hint);
    this.policy.miss(object, bytes, hint);
  }

  /** The block has come to a slot. */
  arrived(id: BlockId, slot: number, bytes: number): void {
    const object = this.#numberOf(id);
    this.#bind(object, slot);
    this.policy.insert(object, bytes, this.#hint(id));
    this.#resident += 1;
  }

  used(id: BlockId, slot: number): void {
    this.policy.hit(this.#objects[slot]!, this.#hint(id));
  }

  /** Takes a block out of the policy, of those that may leave, and tells its slot; NONE when nobody may. */
  take(mayLeave: ((slot: number) => boolean) | null, capacity: number): number {
    this.policy.resize(capacity);
    if (mayLeave !== null) this.#mayLeave = mayLeave;
    const object = this.policy.evict(mayLeave === null ? null : this.#allowed);
    return object === NOBODY ? NONE : this.#slots[object]!;
  }

  /** A block that was taken stays after all: it is as good as new. */
  stays(id: BlockId, slot: number, bytes: number): void {
    const object = this.#objects[slot]!;
    if (this.policy.has(object)) return;
    this.policy.remove(object);
    this.policy.insert(object, bytes, this.#hint(id));
  }

  /** The block has left its slot: taken before, or removed by somebody. */
  left(slot: number): void {
    const object = this.#objects[slot]!;
    if (this.policy.has(object)) this.policy.remove(object);
    this.#slots[object] = NONE;
    this.#resident -= 1;
  }

  /** Whether the policy has the block of a slot in its cache, with that size. */
  holds(slot: number, bytes: number): boolean {
    const object = this.#objects[slot]!;
    return this.#slots[object] === slot && this.policy.has(object) && this.policy.sizeOf(object) === bytes;
  }

  #bind(object: number, slot: number): void {
    if (slot >= this.#objects.length) {
      const objects = new Int32Array(2 * slot + FIRST_OBJECTS);
      objects.set(this.#objects);
      this.#objects = objects;
    }
    this.#objects[slot] = object;
    this.#slots[object] = slot;
  }

  #numberOf(id: BlockId): number {
    let object = this.#numbers.get(id);
    if (object !== undefined) return object;
    if (this.#free.length === 0 && this.#used === this.#slots.length) this.#sweep();
    object = this.#free.pop() ?? this.#used++;
    this.#numbers.set(id, object);
    return object;
  }

  // Numbers of blocks that the policy has forgotten are free again. Unless that makes half of them free there shall be more.
  #sweep(): void {
    for (const [id, object] of this.#numbers) {
      if (this.#slots[object] !== NONE || this.policy.knows(object)) continue;
      this.#numbers.delete(id);
      this.#free.push(object);
    }
    if (2 * this.#free.length < this.#slots.length) this.#grow(2 * this.#slots.length);
  }

  #grow(objects: number): void {
    const slots = new Int32Array(objects).fill(NONE);
    slots.set(this.#slots);
    this.#slots = slots;
    this.policy.reserve(objects);
  }
}

/** Both modes. */
export function victimsOf(choice: EvictionChoice): readonly [Victims, Victims] {
  return [new Victims(choice, ON_HEAP), new Victims(choice, OFF_HEAP)];
}
