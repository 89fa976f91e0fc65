// Every policy and every order of spilling that is shipped, by name. A policy may be made from what the executor is: its
// cores, and what unrolling may push out.

import { unknownName } from "../closest.js";
import { Refusal } from "../fault.js";
import { arbitrated } from "./arbitrated.js";
import { fair } from "./fair.js";
import { greedy } from "./greedy.js";
import { none } from "./none.js";
import type { Policy } from "./policy.js";
import { slotsPolicy } from "./slots.js";
import { staticPolicy } from "./static.js";
import { unified } from "./unified.js";
import { unifiedFair } from "./unified-fair.js";
import {
  cheapestToWrite,
  largestFirst,
  leastRecentlyUsed,
  roundRobin,
  sparkSpillOrder,
  type SpillOrder,
} from "./victim.js";

/** What of an executor a policy may be made from. */
export interface PolicyContext {
  /** 1 or more. */
  readonly cores: number;
  /** The most that all unrolling together may hold by eviction, bytes (section 4.6 of the law). */
  readonly maxUnrollBytes: number;
}

/** A policy, a shipped one's name, or how to make one for an executor. */
export type PolicyChoice = Policy | string | ((context: PolicyContext) => Policy);

/** Something that has a name here. */
export interface Named {
  /** By which it is looked up. */
  readonly name: string;
  /** One line. */
  readonly about: string;
  /** Whose rules they are. */
  readonly source: string;
}

interface PolicyEntry extends Named {
  readonly make: (context: PolicyContext) => Policy;
}

interface SpillOrderEntry extends Named {
  readonly make: (release: number) => SpillOrder;
}

const POLICY_ENTRIES: readonly PolicyEntry[] = [
  {
    name: "unified",
    about: "soft boundary, each task between 1/2N and 1/N, short tasks wait",
    source: "Apache Spark 2.4 to 4.1, UnifiedMemoryManager",
    make: () => unified,
  },
  {
    name: "static",
    about: "hard boundary, each task between 1/2N and 1/N of execution",
    source: "Apache Spark 1.6 to 2.4, StaticMemoryManager",
    make: ({ maxUnrollBytes }) => staticPolicy(maxUnrollBytes),
  },
  {
    name: "greedy",
    about: "first come, first served, whole or nothing, nobody waits or is pushed",
    source: "Apache DataFusion, GreedyMemoryPool",
    make: () => greedy,
  },
  {
    name: "fair",
    about: "an even part for each task of what can be spilled, whole or nothing",
    source: "Apache DataFusion, FairSpillPool",
    make: () => fair,
  },
  {
    name: "slots",
    about: "a fixed even part for each core, used or not, hard boundary",
    source: "Apache Flink, managed memory of task slots",
    make: ({ cores }) => slotsPolicy(cores),
  },
  {
    name: "arbitrated",
    about: "whole or nothing; the task with most to give spills for whoever is short, blocks give way",
    source: "Velox, SharedArbitrator",
    make: () => arbitrated,
  },
  {
    name: "unified-fair",
    about: "unified, but the largest holder spills for a task that would have to wait",
    source: "this library",
    make: () => unifiedFair,
  },
  {
    name: "none",
    about: "no bound at all: the lower bound on spills and evictions",
    source: "Apache DataFusion, UnboundedMemoryPool",
    make: () => none,
  },
];

const SPILL_ORDER_ENTRIES: readonly SpillOrderEntry[] = [
  {
    name: "spark",
    about: "the smallest that covers the need, else the largest",
    source: "Apache Spark, TaskMemoryManager, as in the generation",
    make: sparkSpillOrder,
  },
  {
    name: "largest",
    about: "the largest holder first",
    source: "Velox, reclaim within a query",
    make: () => largestFirst,
  },
  {
    name: "lru",
    about: "the one that has not acquired for the longest time",
    source: "least recently used, as caches evict",
    make: () => leastRecentlyUsed,
  },
  {
    name: "cheapest",
    about: "fewest bytes to write for what is needed",
    source: "cost per byte freed, as GreedyDual caches weigh",
    make: () => cheapestToWrite,
  },
  {
    name: "round-robin",
    about: "the one that spilled longest ago",
    source: "taking turns",
    make: () => roundRobin,
  },
];

/** The shipped policies, Spark's first. */
export const POLICIES: readonly Named[] = POLICY_ENTRIES;

/** The shipped orders of spilling, Spark's first. */
export const SPILL_ORDERS: readonly Named[] = SPILL_ORDER_ENTRIES;

/**
 * A name that there is not; the message says what may have been meant.
 *
 * @example
 * ```ts
 * import { openExecutor, UnknownName } from "tungsten-memory";
 *
 * try {
 *   openExecutor({ policy: "unifed" });
 * } catch (error) {
 *   if (error instanceof UnknownName) console.log(error.message); // no policy "unifed": did you mean unified?
 * }
 * ```
 */
export class UnknownName extends Refusal {
  override readonly name = "UnknownName";
}

/**
 * The shipped policy of that name for an executor. Throws UnknownName.
 *
 * @example
 * ```ts
 * import { policyNamed } from "tungsten-memory";
 *
 * const policy = policyNamed("slots", { cores: 4, maxUnrollBytes: 0 });
 * console.log(policy.name); // slots
 * ```
 */
export function policyNamed(name: string, context: PolicyContext): Policy {
  return entryOf("policy", name, POLICY_ENTRIES).make(context);
}

/**
 * The shipped order of that name, as it is in a release (major * 100 + minor). Throws UnknownName.
 *
 * @example
 * ```ts
 * import { openExecutor, spillOrderNamed } from "tungsten-memory";
 *
 * const executor = openExecutor({ spillOrder: spillOrderNamed("largest", 401), pages: "accounts" });
 * console.log(executor.spillOrder.name); // largest
 * ```
 */
export function spillOrderNamed(name: string, release: number): SpillOrder {
  return entryOf("spill order", name, SPILL_ORDER_ENTRIES).make(release);
}

/** The policy that a choice stands for. Throws UnknownName. */
export function policyOf(choice: PolicyChoice, context: PolicyContext): Policy {
  if (typeof choice === "string") return policyNamed(choice, context);
  return typeof choice === "function" ? choice(context) : choice;
}

function entryOf<Entry extends Named>(what: string, name: string, entries: readonly Entry[]): Entry {
  const found = entries.find((entry) => entry.name === name);
  if (found !== undefined) return found;
  throw new UnknownName(
    unknownName(
      what,
      name,
      entries.map((entry) => entry.name),
    ),
  );
}
