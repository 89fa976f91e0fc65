// Policies that come from elsewhere against slow twins: pools as the originals' documentation has them, in one map of what
// tasks hold and one list of cached blocks. They know nothing of boundaries, ceilings or entries.

import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { Executor } from "../../src/executor.js";
import { rddBlock } from "../../src/storage/block.js";
import { seeded } from "../help/seed.js";
import { type Holder, holder, stuck, thousand } from "./view.js";

type Step =
  | { readonly kind: "acquire" | "release"; readonly task: number; readonly bytes: number }
  | { readonly kind: "end"; readonly task: number }
  | { readonly kind: "put"; readonly bytes: number }
  | { readonly kind: "drop" };

const TASKS = 4;
const TOTAL = 1000;
const task = fc.nat(TASKS - 1);
const bytes = fc.oneof(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: 1100 }));
const steps = fc.array(
  fc.oneof<fc.WeightedArbitrary<Step>[]>(
    { weight: 6, arbitrary: fc.record({ kind: fc.constant("acquire" as const), task, bytes }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant("release" as const), task, bytes }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("end" as const), task }) },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant("put" as const), bytes }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("drop" as const) }) },
  ),
  { minLength: 10, maxLength: 80 },
);

/** What tasks and blocks hold. Tasks are here from their first request until they hold nothing after a release. */
class Twin {
  readonly held = new Map<number, number>();
  cache: { readonly block: number; readonly bytes: number }[] = [];

  get free(): number {
    return TOTAL - this.executionUsed - this.cached;
  }
  get executionUsed(): number {
    return [...this.held.values()].reduce((sum, each) => sum + each, 0);
  }
  get cached(): number {
    return this.cache.reduce((sum, block) => sum + block.bytes, 0);
  }
  of(id: number): number {
    return this.held.get(id) ?? 0;
  }
  /** What is granted. */
  acquire(id: number, _bytes: number): number {
    this.held.set(id, this.of(id));
    return 0;
  }
  grant(id: number, granted: number): number {
    this.held.set(id, this.of(id) + granted);
    return granted;
  }
  release(id: number, given: number): void {
    const left = this.of(id) - given;
    if (left === 0) this.held.delete(id);
    else this.held.set(id, left);
  }
  /** The room that blocks may have together. */
  get room(): number {
    return TOTAL - this.executionUsed;
  }
  put(block: number, size: number): boolean {
    if (size > this.room) return false;
    while (this.cached + size > this.room) this.cache.shift();
    this.cache.push({ block, bytes: size });
    return true;
  }
}

/** "A greedy first-come first-serve limit." */
class Greedy extends Twin {
  override acquire(id: number, wanted: number): number {
    super.acquire(id, wanted);
    return this.grant(id, wanted <= this.free ? wanted : 0);
  }
}

/** An even part of what is not unspillable for each that can spill; what is cached cannot be. */
class Fair extends Twin {
  override acquire(id: number, wanted: number): number {
    super.acquire(id, wanted);
    const part = Math.floor((TOTAL - this.cached) / this.held.size);
    return this.grant(id, this.of(id) + wanted <= part && wanted <= this.free ? wanted : 0);
  }
}

/** 600 bytes in as many even parts as there are slots, and 400 for blocks. */
class Slots extends Twin {
  override acquire(id: number, wanted: number): number {
    super.acquire(id, wanted);
    return this.grant(id, this.of(id) + wanted <= 600 / TASKS ? wanted : 0);
  }
  override get room(): number {
    return 400;
  }
}

/** What is free; then what is cached; then who has most to give spills, until there is enough or nobody has anything. */
class Arbitrated extends Twin {
  override acquire(id: number, wanted: number): number {
    super.acquire(id, wanted);
    while (wanted > this.free) {
      if (this.cache.length > 0) this.cache.shift();
      else {
        const most = Math.max(...this.held.values());
        if (most === 0) return 0;
        const [largest] = [...this.held].toSorted(([a], [b]) => a - b).find(([, each]) => each === most)!;
        if (largest === id) this.held.set(id, 0);
        else this.held.delete(largest);
      }
    }
    return this.grant(id, wanted);
  }
}

test.each<[string, new () => Twin, (executor: Executor, id: number) => Holder]>([
  ["greedy", Greedy, stuck],
  ["fair", Fair, stuck],
  ["slots", Slots, stuck],
  ["arbitrated", Arbitrated, holder],
])("%s answers as its original is documented, and evicts and spills the same", (policy, Original, consumer) => {
  fc.assert(
    fc.property(steps, (list) => {
      const twin = new Original();
      const executor = thousand({ policy, cores: TASKS });
      // In the order of their ids, as the twin looks for the largest.
      let tasks = Array.from({ length: TASKS }, (_, id) => consumer(executor, id));
      for (const [at, step] of list.entries()) {
        const where = `step ${at}: ${JSON.stringify(step)}`;
        if (step.kind === "acquire") {
          const got = tasks[step.task]!.acquireMemory(step.bytes);
          expect(got, where).toBe(twin.acquire(step.task, step.bytes));
        } else if (step.kind === "release") {
          const given = Math.min(step.bytes, tasks[step.task]!.used);
          tasks[step.task]!.freeMemory(given);
          if (twin.held.has(step.task)) twin.release(step.task, given);
        } else if (step.kind === "put") {
          expect(executor.store.putAccount(rddBlock(at, 0), step.bytes), where).toBe(twin.put(at, step.bytes));
        } else if (step.kind === "drop") {
          const oldest = twin.cache.shift();
          if (oldest !== undefined) executor.store.remove(rddBlock(oldest.block, 0));
        } else {
          // All at once, so that those who come anew stand in the order of their ids.
          for (let id = 0; id < TASKS; id += 1) executor.endTask(id);
          twin.held.clear();
          tasks = tasks.map((_, id) => consumer(executor, id));
        }
        expect(
          tasks.map(({ used }) => used),
          where,
        ).toEqual(tasks.map((_, id) => twin.of(id)));
        const there = list.flatMap((_, n) => (executor.store.has(rddBlock(n, 0)) ? [n] : []));
        expect(there, where).toEqual(twin.cache.map(({ block }) => block));
      }
      expect(executor.check()).toEqual([]);
    }),
    seeded(60),
  );
});
