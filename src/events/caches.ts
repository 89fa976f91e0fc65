// The caches that cached-block requests are run through: by name, under the rule of Spark's store that a block pushes out
// blocks of other RDDs only, and nobody when these do not make enough room. Nothing else here knows who decides.

/** What became of a request. */
export type Answer = "hit" | "admitted" | "oversize" | "refused";

/** A cache without contents. Ids are dense; sizes and capacity whole numbers of one unit. */
export interface BlockCache {
  /** `hint`: what the number that comes with a request means to the policy. */
  readonly policy: { readonly hint: "none" | "cost" | "refs" | "nextUse" };
  request(id: number, size: number, group: number, hint: number): Answer;
  /** The block is gone for good, be it in the cache or not. */
  remove(id: number): void;
  /** The hint of a block has changed without a use. */
  note(id: number, hint: number): void;
}

/** Names that `openCache` knows. */
export const CACHE_POLICIES: readonly string[] = ["fifo", "lru"];

/** An empty cache under the policy. */
export function openCache(policy: string, capacity: number): BlockCache {
  return new ListedCache(capacity, policy === "lru");
}

interface Kept {
  readonly size: number;
  readonly group: number;
}

/** Oldest first: by insertion, or by use. */
class ListedCache implements BlockCache {
  readonly policy = { hint: "none" } as const;
  readonly #capacity: number;
  readonly #byUse: boolean;
  readonly #kept = new Map<number, Kept>();
  readonly #ofGroup = new Map<number, number>();
  #used = 0;

  constructor(capacity: number, byUse: boolean) {
    this.#capacity = capacity;
    this.#byUse = byUse;
  }

  request(id: number, size: number, group: number): Answer {
    const kept = this.#kept.get(id);
    if (kept !== undefined) {
      if (this.#byUse) {
        this.#kept.delete(id);
        this.#kept.set(id, kept);
      }
      return "hit";
    }
    if (size > this.#capacity) return "oversize";
    if ((this.#ofGroup.get(group) ?? 0) + size > this.#capacity) return "refused";
    for (const [victim, { group: other }] of this.#kept) {
      if (this.#used + size <= this.#capacity) break;
      if (other !== group) this.remove(victim);
    }
    this.#kept.set(id, { size, group });
    this.#add(group, size);
    return "admitted";
  }

  remove(id: number): void {
    const kept = this.#kept.get(id);
    if (kept === undefined) return;
    this.#kept.delete(id);
    this.#add(kept.group, -kept.size);
  }

  note(): void {}

  #add(group: number, size: number): void {
    this.#used += size;
    this.#ofGroup.set(group, (this.#ofGroup.get(group) ?? 0) + size);
  }
}
