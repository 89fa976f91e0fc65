// Policies and orders of eviction by the names that a user gives them. Policies go by the shipped ones' names; a policy of the
// user's own comes in as itself. Belady's orders need to know what comes, and a run does not.

import { unknownName } from "../closest.js";
import { EVICTION_NAMES as ALL_EVICTIONS, type EvictionName } from "../eviction/names.js";
import { Refusal } from "../fault.js";
import { POLICIES, type PolicyChoice, policyNamed } from "../policy/registry.js";

export const POLICY_NAMES: readonly string[] = POLICIES.map(({ name }) => name);

/** Orders of eviction that a run can have; `lru` is Spark's. */
export const EVICTION_NAMES: readonly EvictionName[] = ALL_EVICTIONS.filter((name) => !name.startsWith("belady"));

/** What a name in an experiment stands for. */
export type PolicyOf = (name: string) => PolicyChoice;

/** Shipped policies only. Throws UnknownName. */
export const shippedPolicy: PolicyOf = (name) => {
  policyNamed(name, { cores: 1, maxUnrollBytes: 0 });
  return name;
};

/** The order of that name. Refusal for one that there is not, or that has to know what comes. */
export function evictionNamed(name: string): EvictionName {
  const found = EVICTION_NAMES.find((each) => each === name);
  if (found === undefined) throw new Refusal(unknownName("eviction", name, EVICTION_NAMES));
  return found;
}
