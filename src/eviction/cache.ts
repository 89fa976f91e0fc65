// A cache without contents, for those who study what would stay: objects with sizes under any policy, with locks, Spark's
// same-RDD rule and a capacity that moves.

import { assert, Refusal } from "../fault.js";
import { type EvictionPolicy, NOBODY } from "./policy.js";

/** No group: an object that the same-group rule does not concern. */
export const NO_GROUP = -1;

/** How a request ended. `refused`: there is not enough that may leave; nothing was evicted for it then. */
export type Admission = "hit" | "admitted" | "oversize" | "refused";

/**
 * Objects are dense ids from 0; sizes and capacity are whole numbers of one unit.
 *
 * @example
 * ```ts
 * import { EvictionCache, evictionPolicy } from "tungsten-memory/eviction";
 *
 * const cache = new EvictionCache(evictionPolicy("lru"), 2);
 * let gone = -1;
 * cache.onEvict = (id) => (gone = id);
 * console.log([0, 1, 0, 2].map((id) => cache.request(id, 1))); // [ 'admitted', 'admitted', 'hit', 'admitted' ]
 * console.log(gone); // 1
 * ```
 */
export class EvictionCache {
  /** Who says who leaves. */
  readonly policy: EvictionPolicy;
  /** Told of each object that is evicted. */
  onEvict: ((id: number, size: number) => void) | null = null;
  /** Sizes of the objects in the cache together, in the unit of the capacity. */
  used = 0;
  /** Objects evicted so far. */
  evictions = 0;
  #capacity: number;
  #objects = 0;
  #groups = new Int32Array(0);
  #locks = new Int32Array(0);
  // Number and sizes of the locked, sizes of the unlocked by group: what may not leave is known without looking.
  #lockedObjects = 0;
  #locked = 0;
  readonly #unlocked = new Map<number, number>();
  readonly #byTheBook: boolean;
  // The group that wants room.
  #group = NO_GROUP;
  readonly #allowed = (id: number): boolean =>
    this.#locks[id] === 0 && (this.#group === NO_GROUP || this.#groups[id] !== this.#group);

  /**
   * `policy` is empty. One whose authors throw objects out though there is room (`EvictionPolicy.overfull`) does so, unless
   * `byTheBook` is false: a block store has nobody leave before it needs the room.
   */
  constructor(policy: EvictionPolicy, capacity: number, { byTheBook = true }: { readonly byTheBook?: boolean } = {}) {
    this.policy = policy;
    this.#byTheBook = byTheBook;
    this.#capacity = checked("capacity", capacity);
    policy.resize(capacity);
  }

  /** Most that the cache may hold. */
  get capacity(): number {
    return this.#capacity;
  }

  /** Moves the capacity. Who may leave leaves until the rest fits; what is locked stays, and more than fits may stay. */
  resize(capacity: number): void {
    this.#capacity = checked("capacity", capacity);
    this.policy.resize(capacity);
    this.#group = NO_GROUP;
    while (this.used > capacity && this.#evict());
  }

  /** Whether the object is in the cache; no use. */
  has(id: number): boolean {
    return id < this.#objects && this.policy.has(id);
  }

  /**
   * Asks for an object, and admits it when it is not there: larger than the capacity it is not; else others leave, none that
   * is locked or of its own `group` (section 8.5 of the law). `hint` is what the policy wants to know, `EvictionPolicy.hint`.
   */
  request(id: number, size: number, group: number = NO_GROUP, hint: number = 1): Admission {
    this.#reserve(id);
    const { policy } = this;
    if (policy.hit(id, hint)) {
      this.#group = NO_GROUP;
      // Beside locked objects it would not be those who are meant.
      if (this.#byTheBook && this.#lockedObjects === 0) while (policy.overfull?.() === true) this.#evict();
      return "hit";
    }
    if (checked("size", size) > this.#capacity) return "oversize";
    policy.miss(id, size, hint);
    const missing = this.used + size - this.#capacity;
    if (missing > 0) {
      const staying = this.#locked + (group === NO_GROUP ? 0 : (this.#unlocked.get(group) ?? 0));
      if (this.used - staying < missing) return "refused";
      this.#group = group;
      while (this.used + size > this.#capacity) assert(this.#evict(), "those who may leave leave");
    }
    policy.insert(id, size, hint);
    this.#groups[id] = group;
    this.used += size;
    this.#addUnlocked(group, size);
    return "admitted";
  }

  /** Locks an object of the cache once more; it stays until it is unlocked as often. */
  lock(id: number): void {
    if (!this.has(id)) throw new Refusal(`object ${id} is not in the cache and cannot be locked`);
    this.#locks[id]! += 1;
    if (this.#locks[id] === 1) this.#turn(id, 1);
  }

  /** Takes one lock off. Throws Refusal for an object that has none. */
  unlock(id: number): void {
    if (!this.has(id) || this.#locks[id] === 0) throw new Refusal(`object ${id} is not locked`);
    this.#locks[id]! -= 1;
    if (this.#locks[id] === 0) this.#turn(id, -1);
  }

  /** Takes an object out for good, locked or not; false when it was not in the cache. */
  remove(id: number): boolean {
    if (id >= this.#objects) return false;
    const there = this.policy.has(id);
    if (there) this.#leave(id);
    this.policy.remove(id);
    return there;
  }

  /** Tells the policy that the hint of an object has changed without a use. */
  note(id: number, hint: number): void {
    if (id < this.#objects) this.policy.note(id, hint);
  }

  #evict(): boolean {
    const id = this.policy.evict(this.#lockedObjects === 0 && this.#group === NO_GROUP ? null : this.#allowed);
    if (id === NOBODY) return false;
    this.evictions += 1;
    const size = this.#leave(id);
    this.onEvict?.(id, size);
    return true;
  }

  #leave(id: number): number {
    const size = this.policy.sizeOf(id);
    this.used -= size;
    if (this.#locks[id] === 0) this.#addUnlocked(this.#groups[id]!, -size);
    else {
      this.#locks[id] = 0;
      this.#lockedObjects -= 1;
      this.#locked -= size;
    }
    return size;
  }

  // An object becomes locked (1) or unlocked (-1).
  #turn(id: number, sign: 1 | -1): void {
    const size = sign * this.policy.sizeOf(id);
    this.#lockedObjects += sign;
    this.#locked += size;
    this.#addUnlocked(this.#groups[id]!, -size);
  }

  #addUnlocked(group: number, size: number): void {
    if (group !== NO_GROUP) this.#unlocked.set(group, (this.#unlocked.get(group) ?? 0) + size);
  }

  #reserve(id: number): void {
    if (id < this.#objects) return;
    this.#objects = Math.max(64, 2 * this.#objects, id + 1);
    this.policy.reserve(this.#objects);
    const groups = new Int32Array(this.#objects).fill(NO_GROUP);
    groups.set(this.#groups);
    this.#groups = groups;
    const locks = new Int32Array(this.#objects);
    locks.set(this.#locks);
    this.#locks = locks;
  }
}

function checked(what: string, value: number): number {
  if (!(value >= 0 && Number.isSafeInteger(value))) throw new Refusal(`${what}: ${value} is no whole number from 0`);
  return value;
}
