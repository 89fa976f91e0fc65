// What every eviction policy is: an order among the objects of a cache, asked for whoever shall leave next. A policy decides
// and forgets; how much there is in the cache, how much may be, and which object may not leave now is its caller's business.

/** Nobody may leave. */
export const NOBODY = -1;

/** Whether an object may leave now: not for one that is locked, or that Spark's same-RDD rule protects. */
export type Allowed = (id: number) => boolean;

/** What the number that comes with a request means to a policy. */
export type Hint =
  /** Nothing. */
  | "none"
  /** What it costs to have the object again, above 0; 1 where nobody knows. */
  | "cost"
  /** How many uses are known to come after this one. */
  | "refs"
  /** The number of the request that uses the object next, counted from 0 over all calls of `hit`; Infinity for never. */
  | "nextUse";

/**
 * Objects are dense ids from 0. The caller tells every request, in this order: `hit`; where that says false, `miss`, then
 * `evict` until there is room (or not, and then no more), then `insert`. Sizes and capacity are in one unit, bytes or objects.
 * No call allocates, but for `reserve`.
 */
export interface EvictionPolicy {
  /** How it is chosen and reported. */
  readonly name: string;
  /** What the number means that comes with its requests. */
  readonly hint: Hint;
  /** Makes room for the ids below `objects`; to be called before one of them is used. */
  reserve(objects: number): void;
  /** From now on the cache may hold `capacity`. What is too much stays until it is evicted. */
  resize(capacity: number): void;
  /** Whether the object is in the cache. */
  has(id: number): boolean;
  /** The size with which the object was inserted last. */
  sizeOf(id: number): number;
  /** A use. False, and nothing has changed, when the object is not in the cache. */
  hit(id: number, hint: number): boolean;
  /** The object is wanted and not in the cache; told before room is made for it. */
  miss(id: number, size: number, hint: number): void;
  /** The object comes into the cache. */
  insert(id: number, size: number, hint: number): void;
  /** Takes out whoever shall leave first among those who may (null: all), or says NOBODY. A refusal changes no membership. */
  evict(allowed: Allowed | null): number;
  /**
   * Where the published policy throws objects out though there is room: whether the last hit has brought that about. Who
   * goes by the book evicts while this holds; who has room to spare need not ask.
   */
  overfull?(): boolean;
  /** The object is gone for good, be it in the cache or only remembered. */
  remove(id: number): void;
  /** Whether anything is remembered of the object. One that is not may give its id to another. */
  knows(id: number): boolean;
  /** The hint of an object has changed without a use. */
  note(id: number, hint: number): void;
}
