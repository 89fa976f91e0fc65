// The auditor finds what is broken: each law, broken on purpose.

import { describe, expect, test, vi } from "vitest";
import { accountPages } from "../../src/memory/account-pages.js";
import { type Auditable, audit, auditDecision, type Decision } from "../../src/memory/audit.js";
import { MemoryManager } from "../../src/memory/manager.js";
import type { Mode } from "../../src/memory/mode.js";
import { MUST_WAIT } from "../../src/policy/policy.js";
import { unified } from "../../src/policy/unified.js";
import { BlockStore } from "../../src/storage/store.js";
import { NO_REGION, OFF_HEAP, ON_HEAP, region, Stubborn, taskOf } from "./doubles.js";

function sound() {
  let ceilingLie = 0;
  const policy = {
    ...unified,
    ceiling: (view: Parameters<typeof unified.ceiling>[0]) => unified.ceiling(view) + ceilingLie,
  };
  const manager = new MemoryManager({ policy, onHeap: region(1000), offHeap: NO_REGION });
  const store = new BlockStore({ manager });
  const task = taskOf(manager, 1, { pageBytes: 100 });
  const c = new Stubborn(task, "c");
  const page = c.allocatePage(100);
  c.acquireMemory(50);
  store.putAccount("a", 200);
  manager.acquireStorage("raw", 30, ON_HEAP);
  const facts: Auditable = { manager, store, tasks: [task], rawStorage: [30, 0], consumersOnly: true };
  expect(audit(facts)).toEqual([]);
  const lie = (bytes: number): void => {
    ceilingLie = bytes;
  };
  return { manager, store, task, c, page, facts, lie };
}

/** The manager with one answer changed. */
const lying = (manager: MemoryManager, change: Partial<Record<keyof MemoryManager, unknown>>): MemoryManager =>
  Object.create(manager, Object.fromEntries(Object.entries(change).map(([name, value]) => [name, { value }])));

describe("a state", () => {
  test.each([
    ["pools that do not make the region", { executionSize: 501 }, "law 1: onHeap pools of 501 + 500 do not make 1000"],
    ["more used than there is", { executionUsed: 501 }, "law 1: onHeap execution uses 501 of 500"],
    ["more stored than there is", { storageUsed: 501 }, "law 1: onHeap storage uses 501 of 500"],
    [
      "balances that make something else",
      { executionUsed: 149 },
      "law 2: onHeap balances make 150, execution used says 149",
    ],
    ["a wrong N", { entries: 2 }, "law 2: onHeap has 1 entries, N says 2"],
  ])("with %s", (_what, change, law) => {
    const { manager, facts } = sound();
    const { total, executionSize, executionUsed, storageSize, storageUsed, entries, ceiling, mode } =
      manager.regions[0];
    const { protectedStorage, unmanaged } = manager.regions[0];
    const seen = {
      mode,
      total,
      protectedStorage,
      unmanaged,
      executionSize,
      executionUsed,
      storageSize,
      storageUsed,
      entries,
      ceiling,
    };
    const regions = [{ ...seen, ...change }, manager.regions[1]];
    const bound = Object.assign(
      lying(manager, { regions, policy: { ...manager.policy, ceiling: () => seen.ceiling } }),
      {
        forEachEntry: manager.forEachEntry.bind(manager),
      },
    );
    expect(audit({ ...facts, manager: bound, store: null, tasks: [], consumersOnly: false })).toContain(law);
  });

  test("with storage that nobody holds", () => {
    const { facts } = sound();
    expect(audit({ ...facts, rawStorage: [29, 0] })).toEqual([
      "law 2: onHeap blocks, unroll and raw bytes make 229, storage used says 230",
    ]);
  });

  test("with a page in two places, or under a wrong number", () => {
    const { facts, task, page } = sound();
    expect(audit({ ...facts, tasks: [task, task] })).toContain("law 3: page 0 of task 1 is in two places");
    page.number = 5;
    expect(audit(facts)).toEqual(["law 3: a page of task 1 says number 5, its table does not"]);
  });

  test("with an address that leads elsewhere", () => {
    const { facts, task } = sound();
    vi.spyOn(task, "pageAt").mockReturnValue(accountPages(ON_HEAP).allocate(8)!);
    expect(audit(facts)).toEqual(["law 7: an address of page 0 decodes elsewhere"]);
  });

  test.each([-1, 0.5])("with a balance of %d", (bytes) => {
    const { facts, manager } = sound();
    const bound = Object.assign(lying(manager, {}), {
      forEachEntry: (mode: Mode, visit: (task: number, held: number) => void) => {
        if (mode === ON_HEAP) visit(1, bytes);
      },
    });
    expect(audit({ ...facts, manager: bound, store: null, tasks: [], consumersOnly: false })).toEqual([
      `law 2: task 1 has a onHeap balance of ${bytes}`,
      `law 2: onHeap balances make ${bytes}, execution used says 150`,
    ]);
  });

  test("with blocks that cannot be found, are left locked, or make something else", () => {
    const { facts, store } = sound();
    vi.spyOn(store, "has").mockReturnValue(false);
    vi.spyOn(store, "used").mockImplementation((mode) => (mode === ON_HEAP ? 201 : 0));
    vi.spyOn(store, "size", "get").mockReturnValue(2);
    vi.spyOn(store, "forEachBlock").mockImplementation((mode, visit) => {
      if (mode === ON_HEAP) visit("a", 200, -1);
    });
    expect(audit(facts)).toEqual([
      "law 2: onHeap block a is in the order of use and cannot be found",
      "law 2: onHeap block a is left locked by an eviction",
      "law 2: onHeap blocks make 200 bytes, the store says 201",
      "law 2: 1 blocks in order of use, of 2",
    ]);
  });

  test("with pinned blocks and unroll memory is sound", () => {
    const { facts, store } = sound();
    store.pin("a");
    store.reserveUnroll("u", 40, ON_HEAP);
    expect(audit(facts)).toEqual([]);
  });

  test("with a task whose page is all it has is sound", () => {
    const manager = new MemoryManager({ policy: unified, onHeap: region(1000), offHeap: NO_REGION });
    const task = taskOf(manager, 1, { pageBytes: 100 });
    new Stubborn(task, "c").allocatePage(100);
    expect(audit({ manager, tasks: [task], store: null, rawStorage: [0, 0], consumersOnly: true })).toEqual([]);
  });

  test("with bytes acquired and not used beyond what the task is charged", () => {
    const { facts, task } = sound();
    vi.spyOn(task, "acquiredButUnused", "get").mockReturnValue(100);
    expect(audit(facts)).toEqual(["law 4: task 1 is charged 150 onHeap bytes, its consumers hold 250"]);
  });

  test("with consumers that hold more than their task", () => {
    const { facts, c } = sound();
    c.used += 1;
    expect(audit(facts)).toEqual(["law 4: task 1 is charged 150 onHeap bytes, its consumers hold 151"]);
    expect(audit({ ...facts, consumersOnly: false })).toEqual([]);
  });

  test("with pages that are not charged", () => {
    const { facts, manager, c } = sound();
    manager.releaseExecution(60, 1, ON_HEAP);
    c.used = 90;
    expect(audit(facts)).toEqual(["law 4: task 1 is charged 90 bytes and has pages of 100"]);
  });

  test("where the common path goes by an old ceiling", () => {
    const { facts, lie } = sound();
    lie(1);
    expect(audit(facts)).toEqual([
      "law 5: the common path goes by a onHeap ceiling of 770, the policy says 771",
      "law 5: the common path goes by a offHeap ceiling of 0, the policy says 1",
    ]);
  });

  test("where somebody is charged who has ended", () => {
    const { facts, manager } = sound();
    manager.acquireExecution(7, 3, ON_HEAP);
    expect(audit(facts)).toEqual(["law 9: task 3 has ended and is charged 7 onHeap bytes"]);
    expect(manager.hasEntry(3, OFF_HEAP)).toBe(false);
  });
});

describe("a decision", () => {
  const made: Decision = {
    ceiling: 1000,
    executionSize: 800,
    executionUsed: 500,
    entries: 2,
    held: 100,
    asked: 200,
    answer: 200,
  };

  test.each<[string, Partial<Decision>, string[]]>([
    ["to grant the whole", {}, []],
    ["to grant up to the cap", { asked: 600, held: 200, answer: 300 }, []],
    ["to grant past the cap", { asked: 600, held: 300, answer: 201 }, ["law 5: 300 + 201 pass the cap of 500"]],
    ["to grant what is not free", { asked: 301, answer: 301 }, ["law 5: grants 301 of 300 free bytes"]],
    ["to grant nothing above the cap", { held: 600, answer: 0 }, []],
    ["to grant the whole below the floor", { held: 0, asked: 10, answer: 10 }, []],
    ["to fall short at the floor", { held: 10, asked: 300, answer: 190, executionUsed: 610 }, []],
    [
      "to wait above the floor for more than the cap allows",
      { held: 300, asked: 300, answer: MUST_WAIT },
      ["law 5: waits though 300 + 200 reach the floor of 200"],
    ],
    [
      "to fall short of the floor without waiting",
      { held: 10, asked: 300, answer: 189, executionUsed: 611 },
      ["law 5: 10 + 189 fall short of the floor of 200 and it did not wait"],
    ],
    ["to wait below the floor", { held: 10, asked: 300, executionUsed: 611, answer: MUST_WAIT }, []],
    [
      "to wait at the floor",
      { held: 10, asked: 300, executionUsed: 610, answer: MUST_WAIT },
      ["law 5: waits though 10 + 190 reach the floor of 200"],
    ],
    [
      "to wait for what could be had",
      { held: 0, asked: 10, answer: MUST_WAIT },
      ["law 5: waits for 10 bytes that it could have"],
    ],
  ])("%s", (_what, change, laws) => {
    expect(auditDecision({ ...made, ...change })).toEqual(laws);
  });
});
