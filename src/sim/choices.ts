// Policies and orders of eviction by the names that a user gives them.

import { readConf } from "../config/keys.js";
import { memoryLayout } from "../config/layout.js";
import { DEFAULT_GENERATION } from "../config/release.js";
import type { ExecutorOptions } from "../executor.js";
import { Refusal } from "../fault.js";
import { staticPolicy } from "../policy/static.js";
import { unified } from "../policy/unified.js";

type Chosen = Partial<ExecutorOptions>;

const POLICIES: Readonly<Record<string, (options: ExecutorOptions) => Chosen>> = {
  unified: () => ({ policy: unified }),
  static: (options) => ({ policy: staticPolicy(maxUnrollBytes(options)) }),
};

const EVICTIONS: Readonly<Record<string, () => Chosen>> = {
  lru: () => ({}),
};

export const POLICY_NAMES: readonly string[] = Object.keys(POLICIES);
export const EVICTION_NAMES: readonly string[] = Object.keys(EVICTIONS);

/** What opens an executor under that policy and that order of eviction. Refusal for a name that there is not. */
export function chosen(options: ExecutorOptions, policy: string, eviction: string): ExecutorOptions {
  const byPolicy = named("policy", POLICIES, policy)(options);
  return { ...options, ...byPolicy, ...named("eviction", EVICTIONS, eviction)() };
}

/** Throws Refusal for a name that there is not. */
export function checkChoices(policies: readonly string[], eviction: string): void {
  for (const policy of policies) named("policy", POLICIES, policy);
  named("eviction", EVICTIONS, eviction);
}

function named<T>(what: string, all: Readonly<Record<string, T>>, name: string): T {
  if (Object.hasOwn(all, name)) return all[name]!;
  throw new Refusal(`${what}: "${name}" is none of ${Object.keys(all).join(", ")}`);
}

// The static manager's own share (section 4.6 of the law) of the storage that the unified layout begins with: both policies
// divide the same region.
function maxUnrollBytes({ conf = {}, generation = DEFAULT_GENERATION, cores = 1 }: ExecutorOptions): number {
  const read = readConf(conf, generation);
  const { onHeap } = memoryLayout(read, { cores, collector: "G1" });
  return Math.trunc(Number(onHeap.storage) * read.get("spark.storage.unrollFraction"));
}
