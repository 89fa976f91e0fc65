// Runs in virtual time: the same bytes for the same seed, every law after every step, and nothing lost on the way.

import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { ExecutorOptions } from "../../src/executor.js";
import { MUST_WAIT, type Policy } from "../../src/policy/policy.js";
import { unified } from "../../src/policy/unified.js";
import { dynamicRules } from "../../src/sim/allocation.js";
import { EVICTION_NAMES, POLICY_NAMES } from "../../src/sim/choices.js";
import type { Outcome } from "../../src/sim/outcome.js";
import type { OperatorPlan, Plan, RddPlan, TaskPlan } from "../../src/sim/plan.js";
import { simulate, type SimulationOptions } from "../../src/sim/simulator.js";
import { WORKLOADS, workloadNamed } from "../../src/sim/workloads.js";
import { seeded } from "../help/seed.js";

const MIB = 2 ** 20;

/** An executor of so many bytes of unified memory, half of it protected, with pages of 64 KiB. */
function small(bytes: number): ExecutorOptions {
  const conf = {
    "spark.testing.memory": String(bytes),
    "spark.testing.reservedMemory": "0",
    "spark.memory.fraction": "1.0",
    "spark.buffer.pageSize": "64k",
  };
  return { conf, cores: 4 };
}

function task(operators: readonly OperatorPlan[], reads: TaskPlan["reads"] = []): TaskPlan {
  return { reads, inputBytes: 0, operators, slowness: 1 };
}

function operator(kind: OperatorPlan["kind"], records: number): OperatorPlan {
  return { kind, records, recordBytes: 100, rowsPerRecord: 1 };
}

function planOf(tasks: readonly TaskPlan[], rdds: readonly RddPlan[] = []): Plan {
  return { jobs: [{ arrivalUs: 0, stages: [{ name: "all", tasks }] }], rdds };
}

function run(options: Partial<SimulationOptions> & Pick<SimulationOptions, "plan">): Outcome {
  return simulate({ executors: 1, cores: 4, executor: small(8 * MIB), audit: true, ...options });
}

describe("the same seed gives the same bytes", () => {
  const FOUR_GIB: ExecutorOptions = { conf: { "spark.executor.memory": "4g" }, cores: 4 };
  const outcomeOf = (name: string, policy: string): string =>
    JSON.stringify(
      simulate({
        plan: workloadNamed(name).plan(7, 0.1),
        executors: 2,
        cores: 4,
        executor: { ...FOUR_GIB, policy },
      }),
    );

  test("on every machine and every Node: a hash of all workloads under two policies", () => {
    const hash = createHash("sha256");
    for (const { name } of WORKLOADS) for (const policy of ["unified", "static"]) hash.update(outcomeOf(name, policy));
    expect(hash.digest("hex")).toBe("85f5afe74ec4695ebbe66bdc9b0844659abe5d77812e572063d4aca01f7563dd");
  });

  test("a plan is made of its seed alone", () => {
    for (const workload of WORKLOADS) {
      expect(workload.plan(3, 0.2)).toEqual(workload.plan(3, 0.2));
      expect(workload.plan(4, 0.2), workload.name).not.toEqual(workload.plan(3, 0.2));
    }
  });

  test("whole numbers come out, but for the index of fairness", () => {
    for (const { name } of WORKLOADS) {
      const { fairness, ...counts } = JSON.parse(outcomeOf(name, "unified")) as Outcome;
      for (const [what, n] of Object.entries(counts)) expect(Number.isSafeInteger(n), `${name} ${what}`).toBe(true);
      expect(fairness).toBeGreaterThan(0);
      expect(fairness).toBeLessThanOrEqual(1);
    }
  });
});

/** What a policy never has anybody do: others than Spark's grant whole or not at all. */
const NEVER: Readonly<Record<string, string[]>> = {
  greedy: ["waits"],
  fair: ["waits"],
  slots: ["waits"],
  arbitrated: ["waits"],
  none: ["spills", "evictions", "waits", "failedTasks"],
};

describe("random small plans", () => {
  const operators = fc.array(
    fc.record({
      kind: fc.constantFrom<OperatorPlan["kind"]>("sort", "aggregate", "join", "shuffle"),
      records: fc.integer({ min: 0, max: 12_000 }),
      recordBytes: fc.constantFrom(16, 100, 1000),
      rowsPerRecord: fc.constantFrom(1, 4),
    }),
    { maxLength: 3 },
  );
  const rdds = fc
    .array(
      fc.record({
        partitionBytes: fc.array(fc.integer({ min: 1, max: 3 * MIB }), { minLength: 4, maxLength: 4 }),
        derived: fc.boolean(),
        work: fc.constantFrom(1, 5),
        level: fc.constantFrom<RddPlan["level"]>("memory", "memory-and-disk"),
      }),
      { minLength: 1, maxLength: 3 },
    )
    .map((list) =>
      list.map(({ derived, ...rdd }, i): RddPlan => ({ ...rdd, parent: derived && i > 0 ? i - 1 : null })),
    );
  const plans = rdds.chain((all) =>
    fc
      .array(
        fc.record({
          arrivalUs: fc.integer({ min: 0, max: 100_000 }),
          stages: fc.array(
            fc.record({
              name: fc.constant("stage"),
              tasks: fc.array(
                fc.record({
                  reads: fc.array(fc.record({ rdd: fc.nat({ max: all.length - 1 }), partition: fc.nat({ max: 3 }) }), {
                    maxLength: 2,
                  }),
                  inputBytes: fc.constantFrom(0, MIB),
                  operators,
                  slowness: fc.constantFrom(1, 3.5),
                }),
                { maxLength: 6 },
              ),
              unpersists: fc.subarray(all.map((_, i) => i)),
            }),
            { minLength: 1, maxLength: 2 },
          ),
        }),
        { minLength: 1, maxLength: 3 },
      )
      .map((jobs): Plan => ({ jobs, rdds: all })),
  );

  test.each(POLICY_NAMES)("%s: every law holds after every step, and all that was planned ends", (policy) => {
    const seen = { spills: 0, evictions: 0, waits: 0, cacheHits: 0, recomputeBytes: 0, failedTasks: 0 };
    fc.assert(
      fc.property(plans, fc.integer({ min: 2, max: 12 }), fc.boolean(), (plan, mib, dynamic) => {
        const outcome = run({
          plan,
          executors: 2,
          executor: { ...small(mib * MIB), policy },
          dynamic: dynamic ? dynamicRules(2) : null,
        });
        const planned = plan.jobs.flatMap(({ stages }) => stages.flatMap(({ tasks }) => tasks));
        expect([outcome.jobs, outcome.tasks]).toEqual([plan.jobs.length, planned.length]);
        expect(outcome.deadlocks).toBe(0);
        if (policy !== "none") expect(outcome.peakBytes).toBeLessThanOrEqual(mib * MIB);
        expect(outcome.failedAttempts).toBeGreaterThanOrEqual(outcome.failedTasks);
        expect(outcome.waitUs).toBeGreaterThanOrEqual(outcome.longestWaitUs);
        expect(outcome.spills === 0).toBe(outcome.spillBytes === 0);
        expect(outcome.evictions === 0).toBe(outcome.evictedBytes === 0);
        expect(outcome.executorUs).toBeLessThanOrEqual(2 * outcome.makespanUs);
        for (const what of Object.keys(seen) as (keyof typeof seen)[]) seen[what] += outcome[what];
      }),
      seeded(40),
    );
    // Runs in which nothing happens would prove nothing.
    const never = Object.entries(seen).filter(([, count]) => count === 0);
    expect(never.map(([what]) => what)).toEqual(NEVER[policy] ?? []);
  });
});

describe("what memory does", () => {
  test("more of it never makes a sort spill more often, and enough makes it not spill at all", () => {
    const plan = planOf([task([operator("sort", 60_000)])]);
    const spills = [2, 3, 4, 6, 8, 12, 16, 24, 32].map((mib) => run({ plan, executor: small(mib * MIB) }).spills);
    expect(spills).toEqual(spills.toSorted((a, b) => b - a));
    expect(spills[0]).toBeGreaterThan(2);
    expect(spills.at(-1)).toBe(0);
  });

  test("a sort's spills give back its pages, and its disk holds its records compressed", () => {
    const { spills, spillBytes, diskBytes } = run({
      plan: planOf([task([operator("sort", 60_000)])]),
      executor: small(2 * MIB),
    });
    expect(spillBytes % (64 * 1024)).toBe(0);
    expect(spillBytes).toBeGreaterThanOrEqual(diskBytes);
    expect(diskBytes).toBeLessThanOrEqual(Math.ceil(60_000 * 100 * 0.74) + spills);
  });

  test("a table that cannot spill and does not fit fails its task, again and again, and the run goes on", () => {
    const plan = planOf([task([operator("join", 60_000)]), task([operator("sort", 100)])]);
    const outcome = run({ plan, executor: small(4 * MIB) });
    expect([outcome.tasks, outcome.failedTasks, outcome.failedAttempts]).toEqual([2, 1, 4]);
  });

  test("a cached partition is read, not computed again; one that does not fit is computed every time", () => {
    const rdds: RddPlan[] = [{ partitionBytes: [MIB, 32 * MIB], parent: null, work: 1, level: "memory" }];
    const read = (partition: number): Plan => {
      const tasks = [task([], [{ rdd: 0, partition }])];
      const stage = { name: "read", tasks };
      return { jobs: [{ arrivalUs: 0, stages: [stage, stage, stage] }], rdds };
    };
    expect(run({ plan: read(0) })).toMatchObject({ cacheHits: 2, cacheMisses: 0, recomputeBytes: 0 });
    expect(run({ plan: read(1) })).toMatchObject({ cacheHits: 0, cacheMisses: 2, recomputeBytes: 64 * MIB });
  });

  test("what was evicted to disk is read from there, what was not is computed from its parents", () => {
    const rdd = (level: RddPlan["level"], parent: number | null): RddPlan => ({
      partitionBytes: [3 * MIB],
      parent,
      work: 1,
      level,
    });
    const plan = (level: RddPlan["level"]): Plan => {
      const reads = [0, 1, 2, 3, 0].map((id) => task([], [{ rdd: id, partition: 0 }]));
      const stages = reads.map((each) => ({ name: "read", tasks: [each] }));
      return { jobs: [{ arrivalUs: 0, stages }], rdds: [0, 1, 2, 3].map(() => rdd(level, null)) };
    };
    const dropped = run({ plan: plan("memory") });
    expect(dropped.evictions).toBeGreaterThan(0);
    expect([dropped.recomputeBytes, dropped.diskBytes]).toEqual([3 * MIB, 0]);
    const kept = run({ plan: plan("memory-and-disk") });
    expect(kept.recomputeBytes).toBe(0);
    expect(kept.diskBytes).toBeGreaterThan(0);
  });
});

describe("orders of eviction", () => {
  test.each(EVICTION_NAMES)("%s: laws hold, everything ends, and blocks are evicted", (eviction) => {
    const rdds = Array.from({ length: 6 }, (_, i): RddPlan => {
      const partitionBytes = [1, 2, 3].map((n) => Math.floor((n * MIB) / (1 + (i % 3))));
      return { partitionBytes, parent: i < 2 ? null : i - 2, work: 1 + i, level: "memory" };
    });
    const stages = Array.from({ length: 12 }, (_, i) => ({
      name: "read",
      tasks: [0, 1, 2].map((partition) =>
        task([operator("sort", 3000)], [{ rdd: (i * i + partition) % 6, partition }]),
      ),
    }));
    const outcome = run({ plan: { jobs: [{ arrivalUs: 0, stages }], rdds }, eviction });
    expect(outcome.tasks).toBe(36);
    expect(outcome.evictions).toBeGreaterThan(0);
  });

  test("that of cost keeps what is dear to compute, that of references what is still read", () => {
    const rdd = (work: number): RddPlan => ({ partitionBytes: [3 * MIB], parent: null, work, level: "memory" });
    const reads = (...ids: number[]): Plan => {
      const tasks = ids.map((id) => ({ name: "read", tasks: [task([], [{ rdd: id, partition: 0 }])] }));
      return { jobs: [{ arrivalUs: 0, stages: tasks }], rdds: [rdd(50), rdd(1), rdd(1)] };
    };
    // Two of three fit. By last use the first goes, which is the dear one and is read again.
    const again = (eviction: SimulationOptions["eviction"]): number =>
      run({ plan: reads(0, 1, 2, 0), ...(eviction === undefined ? {} : { eviction }) }).recomputeBytes;
    expect([again("lru"), again("gdsf"), again("lrc")]).toEqual([3 * MIB, 0, 0]);
  });
});

describe("waiting", () => {
  test("tasks that come while others hold everything wait for them, and their wait is counted", () => {
    const hog = task([operator("join", 24_000), operator("sort", 20_000)]);
    const late = Array.from({ length: 3 }, () => task([operator("sort", 4000)]));
    const plan: Plan = {
      jobs: [
        { arrivalUs: 0, stages: [{ name: "hog", tasks: [{ ...hog, slowness: 40 }] }] },
        { arrivalUs: 1_000_000, stages: [{ name: "late", tasks: late }] },
      ],
      rdds: [],
    };
    const outcome = run({ plan, executor: small(4.5 * MIB) });
    expect(outcome.waits).toBeGreaterThan(0);
    expect(outcome.waitUs).toBeGreaterThanOrEqual(outcome.longestWaitUs);
    expect(outcome.longestWaitUs).toBeGreaterThan(0);
    expect(outcome.tasks).toBe(4);
  });

  test("where nothing can go on any more, the one that waited longest fails, and it is told", () => {
    const stubborn: Policy = { ...unified, name: "stubborn", ceiling: () => 0, share: () => MUST_WAIT };
    const outcome = run({
      plan: planOf([task([operator("sort", 10)])]),
      executor: { ...small(4 * MIB), policy: stubborn },
    });
    expect([outcome.deadlocks, outcome.failedAttempts, outcome.failedTasks, outcome.tasks]).toEqual([4, 4, 1, 1]);
  });
});

describe("executors that come and go", () => {
  const rdds: RddPlan[] = [{ partitionBytes: [MIB, MIB, MIB, MIB], parent: null, work: 1, level: "memory" }];
  const tasks = [0, 1, 2, 3].map((partition) => task([], [{ rdd: 0, partition }]));
  const twice: Plan = {
    jobs: [0, 300_000_000].map((arrivalUs) => ({ arrivalUs, stages: [{ name: "read", tasks }] })),
    rdds,
  };

  test("are started for a backlog, and those with blocks stay by default", () => {
    const outcome = run({ plan: twice, cores: 2, executors: 4, dynamic: dynamicRules(4) });
    expect(outcome.executorsStarted).toBeGreaterThan(0);
    expect([outcome.blocksLost, outcome.recomputeBytes]).toEqual([0, 0]);
    // A second of backlog, and the start of an executor.
    expect(outcome.jobUs).toBeGreaterThan(6_000_000);
  });

  test("take their blocks with them when idle blocks are no reason to stay", () => {
    const dynamic = { ...dynamicRules(4), cachedIdleTimeoutUs: 60_000_000 };
    const outcome = run({ plan: twice, cores: 2, executors: 4, dynamic });
    expect(outcome.executorsRemoved).toBeGreaterThan(0);
    expect([outcome.blocksLost, outcome.recomputeBytes]).toEqual([4, 4 * MIB]);
    const fixed = run({ plan: twice, cores: 2, executors: 4 });
    expect(outcome.executorUs).toBeLessThan(fixed.executorUs);
  });
});

test("a number of executors or cores that is none is refused", () => {
  const plan = planOf([]);
  for (const wrong of [{ executors: 0 }, { cores: 1.5 }, { executors: -1 }])
    expect(() => run({ plan, ...wrong })).toThrow(/is no whole number from 1 on/);
});
