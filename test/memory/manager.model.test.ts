// The manager and the block store against the model, request by request: the same answer, the same state, the same order of
// blocks, and every law, after each step of random runs.

import * as fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { AsyncWaits } from "../../src/memory/async.js";
import { WaitEnded } from "../../src/memory/wait.js";
import { audit, auditDecision, type Decision } from "../../src/memory/audit.js";
import { EntryLost, type Evictor, MemoryManager, type RegionSizes } from "../../src/memory/manager.js";
import { type Mode, OFF_HEAP, ON_HEAP } from "../../src/memory/mode.js";
import type { Step } from "../../src/memory/wait.js";
import type { Policy } from "../../src/policy/policy.js";
import { staticPolicy } from "../../src/policy/static.js";
import { unified } from "../../src/policy/unified.js";
import { BlockStore } from "../../src/storage/store.js";
import { Model, type ModelRules, type Outcome } from "../help/model.js";
import { seeded } from "../help/seed.js";

/** What happened over all runs: a property that never waits or evicts would prove little. */
const seen = { commands: 0, waits: 0, resumed: 0, lost: 0, evicted: 0, short: 0, refused: 0, cancelled: 0 };

interface Setup {
  readonly onHeap: RegionSizes;
  readonly offHeap: RegionSizes;
  readonly rules: ModelRules;
}

interface Real {
  readonly manager: MemoryManager;
  readonly store: BlockStore | null;
  readonly steps: Step<number>[];
  readonly evicted: string[];
  /** What the policy was asked about sharing since the last look, and what it answered. */
  readonly decisions: Decision[];
  readonly waits: AsyncWaits;
}

function built({ onHeap, offHeap, rules }: Setup): Real {
  const decisions: Decision[] = [];
  const manager = new MemoryManager({
    policy: watched(rules.static === undefined ? unified : staticPolicy(rules.static.maxUnroll), decisions),
    onHeap,
    offHeap,
    offHeapStorage: rules.static === undefined,
  });
  const waits = new AsyncWaits(manager.waits);
  const evicted: string[] = [];
  if (rules.eviction === "stub") {
    manager.setEvictor(stub(manager));
    return { manager, store: null, steps: [], evicted, decisions, waits };
  }
  const store = new BlockStore({ manager });
  store.onEvict = (block) => {
    evicted.push(block);
    seen.evicted += 1;
  };
  return { manager, store, steps: [], evicted, decisions, waits };
}

function stub(manager: MemoryManager): Evictor {
  return {
    evict(_block, bytes, mode) {
      if (manager.regions[mode].storageUsed < bytes) return 0;
      manager.releaseStorage(bytes, mode);
      return bytes;
    },
    unrolled: () => 0,
  };
}

function watched(policy: Policy, decisions: Decision[]): Policy {
  return {
    ...policy,
    share(view, held, asked) {
      const answer = policy.share(view, held, asked);
      const { executionSize, executionUsed, entries } = view;
      decisions.push({ ceiling: policy.ceiling(view), executionSize, executionUsed, entries, held, asked, answer });
      return answer;
    },
  };
}

const outcomeOf = (step: Step<number>): Outcome => {
  if (step.waiting) return "waits";
  try {
    return BigInt(step.value);
  } catch (error) {
    if (error instanceof EntryLost) return "lost";
    if (error instanceof WaitEnded) return "cancelled";
    throw error;
  }
};

/** Everything that can be compared, compared; every law, audited. */
function agree(model: Model, real: Real): void {
  const { manager, store, steps } = real;
  seen.commands += 1;
  for (const mode of [ON_HEAP, OFF_HEAP] as const) {
    expect(manager.state(mode)).toEqual(model.state(mode));
    const entries = new Map<number, bigint>();
    manager.forEachEntry(mode, (task, bytes) => entries.set(task, BigInt(bytes)));
    expect(entries).toEqual(model.regions[mode].E.table);
    if (store === null) continue;
    expect([...store.blocks(mode)]).toEqual(model.blocks.filter((b) => b.mode === mode).map((b) => b.name));
    expect(store.unrolled(mode)).toBe(Number(model.unroll[mode]));
  }
  expect(real.evicted).toEqual(model.evicted);
  expect(steps.map(outcomeOf)).toEqual(model.waiters.map((waiter) => waiter.outcome));
  expect(manager.waits.size).toBe(steps.filter((step) => step.waiting).length);
  const rawStorage = model.raw.map(Number) as [number, number];
  expect(audit({ manager, store, tasks: [], rawStorage, consumersOnly: false })).toEqual([]);
  expect(real.decisions.splice(0).flatMap(auditDecision)).toEqual([]);
}

function settle(model: Model, real: Real): void {
  const before = real.steps.filter((step) => step.waiting).length;
  model.settle();
  real.manager.waits.settle();
  seen.resumed += before - real.steps.filter((step) => step.waiting).length;
  agree(model, real);
}

type Ask = fc.Command<Model, Real>;
const ask = (
  text: string,
  run: (model: Model, real: Real) => void,
  check: (model: Readonly<Model>) => boolean = () => true,
): Ask => ({
  check,
  run(model, real) {
    run(model, real);
    settle(model, real);
  },
  toString: () => text,
});

const acquire = (task: number, bytes: number, mode: Mode): Ask =>
  ask(
    `acquire(task ${task}, ${bytes}, mode ${mode})`,
    (model, real) => {
      // What the common path grants, the policy is not asked: then the decision is the state before.
      const region = real.manager.regions[mode];
      const held = real.manager.executionHeld(task, mode);
      const before = {
        ceiling: real.manager.policy.ceiling(region),
        executionSize: region.executionSize,
        executionUsed: region.executionUsed,
        entries: region.entries + (real.manager.hasEntry(task, mode) ? 0 : 1),
      };
      const expected = model.acquire(bytes, task, mode);
      const step = real.waits.start(real.manager.executionRequest(bytes, task, mode));
      expect(outcomeOf(step)).toBe(expected);
      if (step.waiting) {
        real.steps.push(step);
        seen.waits += 1;
        return;
      }
      if (step.value < bytes) seen.short += 1;
      if (real.decisions.length === 0) real.decisions.push({ ...before, held, asked: bytes, answer: step.value });
    },
    (model) => !model.waits(task),
  );

const release = (task: number, bytes: number, mode: Mode): Ask =>
  ask(`release(task ${task}, ${bytes}, mode ${mode})`, (model, real) => {
    const held = model.regions[mode].E.table.get(task) ?? 0n;
    model.release(bytes, task, mode);
    expect(real.manager.releaseExecution(bytes, task, mode)).toBe(Number(held < BigInt(bytes) ? held : BigInt(bytes)));
    if (model.waits(task) && !model.regions[mode].E.table.has(task)) seen.lost += 1;
  });

const end = (task: number): Ask =>
  ask(`end(task ${task})`, (model, real) => {
    model.wakeAll();
    real.manager.taskEnded(task);
    expect(real.manager.releaseAllExecution(task)).toBe(Number(model.releaseAll(task)));
    for (const mode of [ON_HEAP, OFF_HEAP] as const) expect(real.manager.executionHeld(task, mode)).toBe(0);
  });

const cancel = (which: number): Ask =>
  ask(
    `cancel(waiter ${which})`,
    (model, real) => {
      const waiting = model.waiters.filter((waiter) => waiter.outcome === "waits");
      const waiter = waiting[which % waiting.length]!;
      // Consequence 10: the entry keeps its balance.
      waiter.outcome = "cancelled";
      real.steps[model.waiters.indexOf(waiter)]!.cancel(new WaitEnded("cancelled"));
      seen.cancelled += 1;
      // Nothing was released, so nobody looks; the list is put in order at the next wake-up of anybody.
      real.manager.waits.settle();
    },
    (model) => model.waiters.some((waiter) => waiter.outcome === "waits"),
  );

const storage = (bytes: number, mode: Mode, block: string): Ask =>
  ask(`storage(${block}, ${bytes}, mode ${mode})`, (model, real) => {
    const granted = model.acquireStorage(block, bytes, mode);
    if (granted) model.raw[mode] += BigInt(bytes);
    else seen.refused += 1;
    expect(real.manager.acquireStorage(block, bytes, mode)).toBe(granted);
  });

const releaseStorage = (bytes: number, mode: Mode): Ask =>
  ask(`releaseStorage(${bytes}, mode ${mode})`, (model, real) => {
    // With real blocks only raw bytes may be given back here; the stub has no blocks.
    const most = model.rules.eviction === "stub" ? BigInt(bytes) : model.raw[mode];
    const released = BigInt(bytes) < most ? BigInt(bytes) : most;
    model.raw[mode] -= released;
    model.releaseStorage(released, mode);
    real.manager.releaseStorage(Number(released), mode);
  });

const unmanaged = (bytes: number, mode: Mode): Ask =>
  ask(`unmanaged(${bytes}, mode ${mode})`, (model, real) => {
    model.regions[mode].U = BigInt(bytes);
    real.manager.setUnmanaged(bytes, mode);
  });

const blocksOnly = (model: Readonly<Model>): boolean => model.rules.eviction === "blocks";

const put = (block: string, bytes: number, mode: Mode): Ask =>
  ask(
    `put(${block}, ${bytes}, mode ${mode})`,
    (model, real) => {
      const stored = model.put(block, bytes, mode);
      expect(real.store!.putAccount(block, bytes, mode)).toBe(stored);
      if (!stored) seen.refused += 1;
    },
    (model) => blocksOnly(model) && model.block(block) === undefined,
  );

const get = (block: string): Ask =>
  ask(
    `get(${block})`,
    (model, real) => {
      const bytes = model.get(block);
      expect(real.store!.getSize(block)).toBe(bytes === null ? null : Number(bytes));
    },
    blocksOnly,
  );

const remove = (block: string): Ask =>
  ask(
    `remove(${block})`,
    (model, real) => expect(real.store!.remove(block)).toBe(model.remove(block)),
    (model) => blocksOnly(model) && (model.block(block)?.pins ?? 0) === 0,
  );

const pin = (block: string, by: 1 | -1): Ask =>
  ask(
    by === 1 ? `pin(${block})` : `unpin(${block})`,
    (model, real) => {
      model.block(block)!.pins += by;
      if (by === 1) real.store!.pin(block);
      else real.store!.unpin(block);
    },
    (model) => (model.block(block)?.pins ?? -2) + by >= 0,
  );

const unroll = (block: string, bytes: number, mode: Mode): Ask =>
  ask(
    `reserveUnroll(${block}, ${bytes}, mode ${mode})`,
    (model, real) =>
      expect(real.store!.reserveUnroll(block, bytes, mode)).toBe(model.acquireUnroll(block, bytes, mode)),
    blocksOnly,
  );

const releaseUnroll = (bytes: number, mode: Mode): Ask =>
  ask(
    `releaseUnroll(${bytes}, mode ${mode})`,
    (model, real) => {
      model.releaseUnroll(bytes, mode);
      real.store!.releaseUnroll(bytes, mode);
    },
    blocksOnly,
  );

function commands(scale: number, tasks: number, modes: readonly Mode[], withUnmanaged: boolean): fc.Arbitrary<Ask>[] {
  const mode = fc.constantFrom(...modes);
  const storageMode = fc.constantFrom(...modes);
  const task = fc.integer({ min: 1, max: tasks });
  const some = fc.oneof(
    { weight: 4, arbitrary: fc.integer({ min: 1, max: Math.max(1, Math.floor(scale / 8)) }) },
    { weight: 2, arbitrary: fc.integer({ min: 1, max: Math.max(1, Math.floor(scale / 2)) }) },
    { weight: 1, arbitrary: fc.integer({ min: 1, max: Math.floor(scale * 1.2) + 1 }) },
  );
  const block = fc.constantFrom("rdd_1_0", "rdd_1_1", "rdd_1_2", "rdd_2_0", "rdd_2_1", "a", "b", "c", "d", "rdd_x_1");
  const often = [
    fc.tuple(task, some, mode).map((args) => acquire(...args)),
    fc.tuple(task, some, mode).map((args) => acquire(...args)),
    fc.tuple(task, fc.oneof(some, fc.constant(0)), mode).map((args) => release(...args)),
    fc.tuple(block, some, storageMode).map((args) => put(...args)),
  ];
  return [
    ...often,
    ...often,
    task.map(end),
    fc.nat(5).map(cancel),
    fc.tuple(fc.oneof(some, fc.constant(0)), storageMode, block).map((args) => storage(...args)),
    fc.tuple(some, storageMode).map((args) => releaseStorage(...args)),
    block.map(get),
    block.map(remove),
    fc.tuple(block, fc.constantFrom(1 as const, -1 as const)).map((args) => pin(...args)),
    fc.tuple(block, some, storageMode).map((args) => unroll(...args)),
    fc.tuple(some, storageMode).map((args) => releaseUnroll(...args)),
    ...(withUnmanaged ? [fc.tuple(fc.oneof(some, fc.constant(0)), mode).map((args) => unmanaged(...args))] : []),
  ];
}

const size = fc.constantFrom(7, 100, 1000, 2 ** 31 + 5, 2 ** 52 - 1);

/** Two regions of sizes that belong together. */
const regions = fc
  .tuple(size, fc.constantFrom(0, 0.1, 0.3, 0.5, 0.9), fc.constantFrom(0, 0.5, 1))
  .map(([total, part, offHeap]) => {
    const region = (bytes: number): RegionSizes => {
      const storageBytes = Math.floor(bytes * part);
      return { total: bytes, protectedStorage: storageBytes, execution: bytes - storageBytes, storage: storageBytes };
    };
    return { total, onHeap: region(total), offHeap: region(Math.floor(total * offHeap)) };
  });

function property(
  rules: (total: number) => ModelRules,
  modes: readonly Mode[],
  withUnmanaged: boolean,
): fc.IProperty<unknown> {
  const runs = fc.tuple(regions, fc.integer({ min: 1, max: 12 })).chain(([sizes, tasks]) =>
    fc.record({
      sizes: fc.constant(sizes),
      asked: fc.commands(commands(sizes.total, tasks, modes, withUnmanaged), { maxCommands: 60, size: "max" }),
    }),
  );
  return fc.property(runs, ({ sizes, asked }) => {
    const setup = { onHeap: sizes.onHeap, offHeap: sizes.offHeap, rules: rules(sizes.total) };
    fc.modelRun(() => ({ model: new Model(setup.onHeap, setup.offHeap, setup.rules), real: built(setup) }), asked);
  });
}

const BOTH = [ON_HEAP, OFF_HEAP] as const;

test("unified, whole blocks evicted: library and model agree in every answer and state", () => {
  fc.assert(
    property(() => ({ eviction: "blocks" }), BOTH, false),
    seeded(150),
  );
});

test("unified, with unmanaged memory: library and model agree", () => {
  fc.assert(
    property(() => ({ eviction: "blocks" }), BOTH, true),
    seeded(100),
  );
});

test("unified, stub eviction: library and model agree", () => {
  fc.assert(
    property(() => ({ eviction: "stub" }), BOTH, true),
    seeded(100),
  );
});

const staticRules = (total: number): ModelRules => ({
  eviction: "blocks",
  static: { maxUnroll: Math.floor(total / 5) },
});

test("static: library and model agree", () => {
  fc.assert(property(staticRules, [ON_HEAP], false), seeded(100));
});

afterAll(() => {
  // The random runs reached what they are for.
  if (process.env["RUNS"] !== undefined) console.log(seen);
  for (const [what, count] of Object.entries(seen)) expect(count, what).toBeGreaterThan(what === "lost" ? 2 : 20);
});
