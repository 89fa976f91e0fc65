// What is told besides the rows of a trace: facts, each with its cause. One table says what a fact of each kind holds, for
// the type, the binary form and the text alike.

import type { Mode, ModeName } from "../memory/mode.js";

/** What a field holds. Counts are whole numbers up to 2^53, signed ones may be negative; a fact is the number of an earlier one. */
export interface FieldTypes {
  /** Number of an earlier fact, 0 for none. */
  readonly fact: number;
  /** A whole number from 0. */
  readonly count: number;
  /** A whole number. */
  readonly signed: number;
  /** A task's id. */
  readonly task: number;
  /** A task's id, null for none. */
  readonly anyTask: number | null;
  /** A name. */
  readonly name: string;
  /** A name, null for none. */
  readonly anyName: string | null;
  /** A block's id. */
  readonly block: string;
  /** Whose pools. */
  readonly mode: ModeName;
  /** What storage memory is wanted for. */
  readonly purpose: Purpose;
  /** Where a block went. */
  readonly fate: "gone" | "disk";
  /** What made a waiter look again. */
  readonly waking: Waking;
  /** Why storage gave no more. */
  readonly limit: Limit;
  /** What bounds a task whatever is free. */
  readonly bound: Bound;
  /** Tasks and what they hold. */
  readonly holders: readonly Held[];
  /** Tasks that wait for each other, each for the next. */
  readonly cycle: readonly InCycle[];
}

/** What storage memory is wanted for; `hand`: somebody called the store's `evict`. */
export const PURPOSES = ["storage", "unroll", "hand"] as const;
/** What storage memory is wanted for; `hand`: somebody called the store's `evict`. */
export type Purpose = (typeof PURPOSES)[number];

/** What made a waiter look again: execution memory that came back, a new task in the pool, the end of a task, or nothing seen. */
export const WAKINGS = ["release", "entry", "end", "look"] as const;
/** What made a waiter look again. */
export type Waking = (typeof WAKINGS)[number];

/**
 * Why storage gave no more: it had to give no more, what is left of it is protected, its blocks could not make up what was
 * wanted (they go all or not at all), the request is larger than storage can be now, or the policy evicts no more for it.
 */
export const LIMITS = ["enough", "protected", "kept", "tooLarge", "policy"] as const;
/** Why storage gave no more, in one word; told at LIMITS. */
export type Limit = (typeof LIMITS)[number];

/** What bounds a task whatever is free: its 1/N of what the tasks share, a bound of the policy's own, or nothing. */
export const BOUNDS = ["share", "own", "none"] as const;
/** What bounds a task whatever is free; told at BOUNDS. */
export type Bound = (typeof BOUNDS)[number];

/** A task and the bytes it holds. */
export type Held = readonly [task: number, bytes: number];

/** A task that waits for `asked` bytes, and what the next task of the cycle holds in that mode. */
export type InCycle = readonly [task: number, mode: Mode, asked: number, nextHolds: number];

type Field = readonly [name: string, type: keyof FieldTypes];

/**
 * Kinds of facts; the order of fields is that of the binary form. `cause` is 0 where the row itself is the cause.
 *
 * - `asked`: a request for execution memory that was not simply granted, as things stood before: what its task held, what was
 *   free, how many tasks shared the pool, who of the others had come in last. `required` is what the consumer wants in all,
 *   `bytes` what is asked for now.
 * - `wanted`: the same for storage memory.
 * - `moved`: the boundary, by `bytes` towards execution, or towards storage where negative.
 * - `evicted`: a block; `owner` is the task that put it, where that is known.
 * - `short`: granted less than asked, perhaps nothing. `capBytes`: the most that a task may hold by its `bound`, 0 without one.
 *   `storageBytes`: what storage could give; `pinned`: blocks in the way that
 *   are locked, `alike`: how many of those in the way are of one RDD, `ownRdd`: how many for being of the block's own RDD.
 * - `waits`: must wait, being offered less than lifts its task to `floorBytes`. `needBytes` must come back before it is served; `holders` are those who hold memory, largest first.
 * - `woken`: a waiter looks again.
 * - `spilled`: a consumer was asked to spill; -1 where it failed. Without a cause it spilled of its own accord.
 * - `refused`: storage memory that was not granted, though execution lent `lentBytes`.
 * - `gaveUp`: a waiter waits no longer, though it was not served. - `deadlock`: tasks that wait for each other. - `starved`: others were served, again and again, while one waits.
 */
export const FACTS = {
  asked: [
    ["cause", "fact"],
    ["task", "task"],
    ["consumer", "anyName"],
    ["mode", "mode"],
    ["required", "count"],
    ["bytes", "count"],
    ["heldBytes", "count"],
    ["freeBytes", "count"],
    ["storageFreeBytes", "count"],
    ["tasks", "count"],
    ["newest", "anyTask"],
  ],
  wanted: [
    ["cause", "fact"],
    ["block", "block"],
    ["purpose", "purpose"],
    ["task", "anyTask"],
    ["mode", "mode"],
    ["bytes", "count"],
    ["freeBytes", "count"],
    ["executionFreeBytes", "count"],
  ],
  moved: [
    ["cause", "fact"],
    ["mode", "mode"],
    ["bytes", "signed"],
  ],
  evicted: [
    ["cause", "fact"],
    ["block", "block"],
    ["owner", "anyTask"],
    ["mode", "mode"],
    ["bytes", "count"],
    ["to", "fate"],
  ],
  short: [
    ["cause", "fact"],
    ["granted", "count"],
    ["bound", "bound"],
    ["capBytes", "count"],
    ["storageBytes", "count"],
    ["limit", "limit"],
    ["pinned", "count"],
    ["alike", "count"],
  ],
  waits: [
    ["cause", "fact"],
    ["bound", "bound"],
    ["capBytes", "count"],
    ["floorBytes", "count"],
    ["storageBytes", "count"],
    ["limit", "limit"],
    ["pinned", "count"],
    ["alike", "count"],
    ["needBytes", "count"],
    ["holders", "holders"],
  ],
  woken: [
    ["cause", "fact"],
    ["task", "task"],
    ["what", "waking"],
    ["by", "anyTask"],
    ["bytes", "count"],
  ],
  spilled: [
    ["cause", "fact"],
    ["task", "task"],
    ["consumer", "name"],
    ["forTask", "task"],
    ["trigger", "name"],
    ["asked", "count"],
    ["freedBytes", "signed"],
  ],
  refused: [
    ["cause", "fact"],
    ["limit", "limit"],
    ["lentBytes", "count"],
    ["evictableBytes", "count"],
    ["pinned", "count"],
    ["alike", "count"],
    ["ownRdd", "count"],
  ],
  deadlock: [
    ["cause", "fact"],
    ["cycle", "cycle"],
  ],
  starved: [
    ["cause", "fact"],
    ["task", "task"],
    ["mode", "mode"],
    ["needBytes", "count"],
    ["grants", "count"],
    ["grantedBytes", "count"],
    ["bound", "count"],
  ],
  gaveUp: [
    ["cause", "fact"],
    ["task", "task"],
  ],
} as const satisfies Readonly<Record<string, readonly Field[]>>;

/** What kind of thing came about. */
export type FactKind = keyof typeof FACTS;
export const FACT_KINDS = Object.keys(FACTS) as FactKind[];

/** A fact of one kind: its number, counted from 1, and the row in whose course it came about. */
export type FactOf<K extends FactKind> = { readonly kind: K; readonly n: number; readonly row: number } & {
  readonly [F in (typeof FACTS)[K][number] as F[0]]: FieldTypes[F[1]];
};

/** Something that came about, and what it came from. The kinds are told at FACTS. */
export type Fact = { [K in FactKind]: FactOf<K> }[FactKind];
