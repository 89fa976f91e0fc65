// What every policy keeps to: its answers depend on the view alone and can be carried out, whatever is asked, and every law
// holds after every request.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { policyFaults } from "../../src/lab/policy-check.js";
import { ON_HEAP } from "../../src/memory/mode.js";
import {
  type Claim,
  NOBODY,
  type Policy,
  type RegionView,
  type StoragePurpose,
  type TaskView,
} from "../../src/policy/policy.js";
import { POLICIES, policyNamed, SPILL_ORDERS } from "../../src/policy/registry.js";
import { unified } from "../../src/policy/unified.js";
import { modeOf } from "../../src/trace/format.js";
import { Replay } from "../../src/trace/replay.js";
import { type Decided, Workload } from "../../src/trace/workload.js";
import { seeded } from "../help/seed.js";
import { holder, thousand } from "./view.js";

const ROWS = 120;
const WORKLOADS = ["consumers", "mixed", "pages", "waiting", "crowd", "tiny"];

/** A policy that is asked twice for everything, on a frozen copy of the view, and must leave the view as it was. */
function watched(policy: Policy): Policy {
  const twice = <Args extends readonly unknown[]>(question: (view: RegionView, ...args: Args) => number) => {
    return (view: RegionView, ...args: Args): number => {
      const before = copyOf(view);
      const answer = question(before, ...args);
      expect(question(view, ...args)).toBe(answer);
      expect(copyOf(view)).toEqual(before);
      return answer;
    };
  };
  return {
    ...policy,
    ceiling: twice((view) => policy.ceiling(view)),
    reclaim: twice((view, missing: number) => policy.reclaim(view, missing)),
    share: twice((view, held: number, bytes: number) => policy.share(view, held, bytes)),
    lend: twice((view, bytes: number, purpose: StoragePurpose) => policy.lend(view, bytes, purpose)),
    evict: twice((view, bytes: number, purpose: StoragePurpose, unrolled: number) =>
      policy.evict(view, bytes, purpose, unrolled),
    ),
    ...(policy.arbitrate === undefined
      ? {}
      : {
          arbitrate: twice((view, claim: Claim, tasks: readonly TaskView[]) =>
            policy.arbitrate!(view, Object.freeze(claim), Object.freeze(tasks.map((task) => Object.freeze(task)))),
          ),
        }),
  };
}

function copyOf(view: RegionView): RegionView {
  const { mode, total, protectedStorage, executionSize, executionUsed, storageSize, storageUsed, unmanaged, entries } =
    view;
  return Object.freeze({
    mode,
    total,
    protectedStorage,
    executionSize,
    executionUsed,
    storageSize,
    storageUsed,
    unmanaged,
    entries,
  });
}

/** The requests of a profile, and what came of them under a policy, every law looked at after each. */
function answersOf(workload: Workload, requests: readonly Decided[], policy: string, spillOrder: string): unknown[] {
  const replay = new Replay(workload.header, {
    policy: (context) => watched(policyNamed(policy, context)),
    spillOrder,
  });
  return requests.map(([request]) => {
    const held = request.op === "storageRelease" ? replay.rawStorage[modeOf(request.mode)] : 0;
    const bounded = request.op === "storageRelease" && request.bytes > held ? { ...request, bytes: held } : request;
    const answer = replay.applyIfPossible(bounded);
    expect(replay.executor.check(replay.rawStorage, false), `after row ${request.i}, ${request.op}`).toEqual([]);
    return answer;
  });
}

describe.each(POLICIES.map(({ name }) => name))("%s", (name) => {
  test("answers every view with what can be carried out, twice the same, and changes nothing", () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer({ min: 1, max: 64 }), (seed, cores) => {
        const made = policyNamed(name, { cores, maxUnrollBytes: cores * 10 });
        expect(policyFaults(made, 40, seed)).toEqual([]);
      }),
      seeded(20),
    );
  });

  test.each(WORKLOADS)("keeps every law in generated requests of profile %s, and repeats itself", (profile) => {
    fc.assert(
      fc.property(fc.nat(2 ** 32 - 1), fc.constantFrom(...SPILL_ORDERS), (seed, { name: spillOrder }) => {
        const workload = new Workload({ profile, seed });
        const requests = [...workload.rows(ROWS)];
        const answers = answersOf(workload, requests, name, spillOrder);
        expect(answersOf(workload, requests, name, spillOrder)).toEqual(answers);
      }),
      seeded(1),
    );
  });
});

describe("a policy that is none", () => {
  test.each<[string, unknown, string]>([
    ["is no object", 7, "it is no object"],
    ["has no name", { ...unified, name: undefined }, "it has no name"],
    ["lacks a function", { ...unified, share: undefined }, "it has no function share"],
    [
      "misspells one",
      { ...unified, ceiling: undefined, cieling: () => 0 },
      "it has no function ceiling (there is cieling)",
    ],
    ["has something else in its place", { ...unified, arbitrate: 3 }, "its arbitrate is no function"],
    [
      "grants what is not free",
      { ...unified, ceiling: () => 0, share: (_v: unknown, _h: number, n: number) => n },
      "law 1",
    ],
    ["grants more than is asked", { ...unified, ceiling: () => 0, share: () => 2 ** 40 }, "law 2"],
    ["says other than its ceiling", { ...unified, share: () => 0 }, "law 5"],
    ["shares by who is there", { ...unified, ceiling: (v: RegionView) => v.executionUsed }, "law 5"],
    ["pushes execution", { ...unified, lend: (v: RegionView) => v.executionSize + 1 }, "law 6"],
    ["takes less than nothing", { ...unified, reclaim: () => -1 }, "law 6"],
    [
      "evicts a part of a byte for unrolling",
      { ...unified, evict: (_v: unknown, _b: number, why: string) => (why === "unroll" ? 0.5 : 0) },
      "law 1",
    ],
    ["counts in 32 bits", { ...unified, ceiling: (v: RegionView) => v.total | 0 }, "law 5"],
    ["has pools of its own that do not add up", { ...unified, sizes: (s: object) => ({ ...s, total: -1 }) }, "law 1"],
    ["throws", { ...unified, share: tired }, "law 10"],
    ["answers with a promise", { ...unified, share: async () => Promise.resolve(1) }, "law 2"],
    ["is a promise", Promise.resolve(unified), "it is a promise"],
    ["evicts a part of a byte", { ...unified, evict: () => 0.5 }, "law 1"],
    ["names a task that is not there", { ...unified, arbitrate: () => 99 }, "law 9"],
    ["rolls dice", { ...unified, reclaim: () => Math.floor(Math.random() * 2 ** 40) }, "law 10"],
    ["keeps count", { ...unified, evict: counter() }, "law 10"],
    [
      "changes what it sees",
      {
        ...unified,
        reclaim: (v: { unmanaged: number }) => {
          v.unmanaged = 1;
          return 0;
        },
      },
      "law 10",
    ],
  ])("%s", (_what, value, fault) => expect(policyFaults(value).join("\n")).toContain(fault));

  test("is refused when it names nobody that is there, and nothing is lost", () => {
    for (const at of [1, -2, 0.5, NaN]) {
      const executor = thousand({ policy: { ...unified, name: "mine", arbitrate: () => at } });
      const [rich, poor] = [holder(executor, 1), holder(executor, 2)];
      rich.acquireMemory(1000);
      expect(() => poor.acquireMemory(100)).toThrow(
        expect.objectContaining({ name: "BrokenLaw", law: 9, policy: "mine", question: "arbitrate" }),
      );
      expect([rich.used, executor.manager.executionHeld(1, ON_HEAP), executor.check()]).toEqual([1000, 1000, []]);
    }
  });

  test.each<[string, Partial<Policy>, number]>([
    ["its arbitrate throws", { arbitrate: tired }, 10],
    ["it says other things when asked again", { share: later(() => NaN) }, 2],
  ])("has a request that was granted in part give it back when %s", (_what, part, law) => {
    const executor = thousand({ policy: { ...unified, name: "mine", ceiling: () => 0, ...part } });
    const [rich, poor, other] = [holder(executor, 1), holder(executor, 2), holder(executor, 2)];
    rich.acquireMemory(500);
    other.acquireMemory(10);
    expect(() => poor.acquireMemory(600)).toThrow(expect.objectContaining({ name: "BrokenLaw", law }));
    expect([poor.used, executor.manager.executionHeld(2, ON_HEAP)]).toEqual([0, other.used]);
    expect(executor.check()).toEqual([]);
  });

  test("ends the requests that wait when it breaks one on the way, and nobody else's", () => {
    let well = true;
    const share: Policy["share"] = (view, held, bytes) => (well ? unified.share(view, held, bytes) : tired());
    const executor = thousand({ policy: { ...unified, name: "mine", ceiling: () => 0, share } });
    const [rich, poor] = [holder(executor, 1), holder(executor, 2)];
    rich.acquireMemory(1000);
    const step = executor.task(2).begin(poor.acquireRequest(400));
    well = false;
    rich.freeMemory(10);
    executor.manager.waits.settle();
    expect(() => step.value).toThrow("law 10: policy mine answers share with an error: tired");
    expect([executor.manager.waits.size, executor.manager.regions[ON_HEAP].entries, rich.used]).toEqual([0, 1, 990]);
    expect(executor.check()).toEqual([]);
  });

  test("may name nobody", () => {
    const executor = thousand({ policy: { ...unified, name: "mine", arbitrate: () => NOBODY } });
    const [rich, poor] = [holder(executor, 1), holder(executor, 2)];
    rich.acquireMemory(1000);
    expect(() => poor.acquireMemory(100)).toThrow(expect.objectContaining({ name: "WouldWait" }));
  });
});

function tired(): never {
  throw new Error("tired");
}

/** Spark's own answers, and something else to a task that comes back for more. */
function later(other: () => number): Policy["share"] {
  return (view, held, bytes) => (held > 0 && bytes < 600 ? other() : unified.share(view, held, bytes));
}

function counter(): () => number {
  let count = 0;
  return () => (count += 1);
}
