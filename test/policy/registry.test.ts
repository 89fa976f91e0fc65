// Policies and orders by name.

import { describe, expect, test } from "vitest";
import { POLICIES, policyNamed, policyOf, SPILL_ORDERS, spillOrderNamed } from "../../src/policy/registry.js";
import { unified } from "../../src/policy/unified.js";
import { thousand, view } from "./view.js";

const context = { cores: 3, maxUnrollBytes: 80 };

test("every policy and order is called what it is listed as, with one line about it and whose it is", () => {
  expect(POLICIES.map(({ name }) => name)).toEqual([
    "unified",
    "static",
    "greedy",
    "fair",
    "slots",
    "arbitrated",
    "unified-fair",
    "none",
  ]);
  expect(SPILL_ORDERS.map(({ name }) => name)).toEqual(["spark", "largest", "lru", "cheapest", "round-robin"]);
  for (const { name, about, source } of POLICIES) {
    expect(policyNamed(name, context).name).toBe(name);
    expect([about, source].join(" ")).toMatch(/^[^\n]{10,140}$/);
  }
  for (const { name, about, source } of SPILL_ORDERS) {
    expect(spillOrderNamed(name, 401).name).toBe(name);
    expect([about, source].join(" ")).toMatch(/^[^\n]{10,140}$/);
  }
});

test("a policy is made for its executor", () => {
  expect(policyNamed("slots", context).share(view({ executionUsed: 0 }), 0, 200)).toBe(200);
  expect(policyNamed("static", context).evict(view({ storageUsed: 390 }), 100, "unroll", 0)).toBe(70);
  expect(thousand({ cores: 3, policy: "slots" }).manager.policy.share(view({ executionUsed: 0 }), 0, 201)).toBe(0);
  // A fifth of what storage starts with, as Spark's own default says.
  const made = thousand({ policy: "static" }).manager.policy;
  expect(made.evict(view({ storageUsed: 390 }), 300, "unroll", 0)).toBe(70);
});

test("a choice is a name, a policy, or how to make one", () => {
  expect(policyOf("unified", context)).toBe(unified);
  expect(policyOf(unified, context)).toBe(unified);
  expect(policyOf(({ cores }) => ({ ...unified, name: `mine of ${cores}` }), context).name).toBe("mine of 3");
  expect(
    thousand({ policy: ({ cores }) => ({ ...unified, name: `mine of ${cores}` }), cores: 2 }).manager.policy.name,
  ).toBe("mine of 2");
});

describe("a name that there is not", () => {
  test.each([
    ["unifed", 'no policy "unifed": did you mean unified?'],
    ["Greedy", 'no policy "Greedy": did you mean greedy?'],
    ["unified-fare", 'no policy "unified-fare": did you mean unified-fair?'],
    ["spark", 'no policy "spark": there are unified, static, greedy, fair, slots, arbitrated, unified-fair, none'],
  ])("%s is refused, with what was meant", (name, message) =>
    expect(() => policyNamed(name, context)).toThrow(expect.objectContaining({ name: "UnknownName", message })),
  );

  test("of an order too, and by an executor", () => {
    expect(() => spillOrderNamed("round-robbin", 401)).toThrow(
      'no spill order "round-robbin": did you mean round-robin?',
    );
    expect(() => thousand({ policy: "gredy" })).toThrow("did you mean greedy?");
    expect(() => thousand({ spillOrder: "lro" })).toThrow("did you mean lru?");
  });
});
