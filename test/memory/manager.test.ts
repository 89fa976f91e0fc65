// The manager at its edges: what observers and policies may not break, and what a refusal leaves behind.

import { describe, expect, test } from "vitest";
import { AssertionError, Refusal } from "../../src/fault.js";
import { EntryLost, MemoryManager } from "../../src/memory/manager.js";
import { MUST_WAIT, type Policy, REFUSE } from "../../src/policy/policy.js";
import { unified } from "../../src/policy/unified.js";
import { OFF_HEAP, ON_HEAP, region, smallExecutor, staticManager, StubbedManager } from "./doubles.js";

describe("observers", () => {
  test("are told of what the common path never does", () => {
    const manager = new StubbedManager(region(1000));
    const told: unknown[] = [];
    manager.observer = {
      boundaryMoved: (bytes, mode) => told.push(["moved", bytes, mode]),
      mustWait: (bytes, task) => told.push(["waits", bytes, task]),
      shortGrant: (asked, granted, task) => told.push(["short", asked, granted, task]),
    };
    manager.exec(1, 100);
    expect(told.splice(0)).toEqual([]);
    manager.exec(1, 700);
    manager.stor(150);
    manager.exec(1, 100);
    manager.exec(2, 200);
    manager.releaseExecution(300, 1, ON_HEAP);
    manager.stor(250);
    expect(told).toEqual([
      ["moved", 300, ON_HEAP],
      ["moved", 50, ON_HEAP],
      ["short", 100, 50, 1],
      ["waits", 200, 2],
      ["moved", -250, ON_HEAP],
    ]);
  });

  test("need not listen to everything", () => {
    const manager = new StubbedManager(region(1000));
    manager.observer = {};
    expect([manager.exec(1, 900), manager.exec(1, 200), manager.exec(2, 10)]).toEqual([900, 100, "waits"]);
    manager.releaseExecution(1000, 1, ON_HEAP);
    expect(manager.stor(700)).toBe(true);
  });

  test("are not told of a boundary that stays: what storage has borrowed cannot be evicted", () => {
    const manager = new MemoryManager({ policy: unified, onHeap: region(1000), offHeap: region(0) });
    manager.setEvictor({ evict: () => 0, unrolled: () => 0 });
    manager.acquireStorage("a", 700, ON_HEAP);
    const told: unknown[] = [];
    manager.observer = { boundaryMoved: (bytes) => told.push(bytes) };
    expect(manager.acquireExecution(400, 1, ON_HEAP)).toBe(300);
    expect([told, manager.state(ON_HEAP)]).toEqual([[], [300, 300, 700, 700]]);
  });

  test("that fail leave no byte charged that nobody got", () => {
    const manager = new StubbedManager(region(1000));
    manager.observer = {
      shortGrant: () => {
        throw new Error("the observer");
      },
    };
    manager.exec(1, 900);
    expect(() => manager.exec(1, 500)).toThrow("the observer");
    expect(manager.executionUsed).toBe(900);
    manager.observer = null;
    expect(manager.exec(1, 500)).toBe(100);
  });
});

describe("a policy that breaks a law", () => {
  const tired = (): never => {
    throw new Error("tired");
  };
  const withPolicy = (part: Partial<Policy>): StubbedManager =>
    new StubbedManager(region(1000), region(1000), { ...unified, ceiling: () => 0, ...part });

  const refusalOf = (call: () => unknown): unknown => {
    try {
      return call();
    } catch (error) {
      expect(error).toBeInstanceOf(Refusal);
      return error;
    }
  };

  test.each<[string, number, Partial<Policy>, number, string, string]>([
    ["grants more than was asked", 10, { share: () => 11 }, 2, "share", "11 bytes: 10 are asked for and 500 are free"],
    ["grants a part of a byte", 10, { share: () => 0.5 }, 2, "share", "0.5 bytes: 10 are asked for and 500 are free"],
    ["grants less than nothing", 10, { share: () => -3 }, 2, "share", "-3 bytes: 10 are asked for and 500 are free"],
    ["grants no number", 10, { share: () => NaN }, 2, "share", "NaN bytes: 10 are asked for and 500 are free"],
    [
      "grants what is not free",
      800,
      { share: (_view, _held, bytes) => bytes, reclaim: () => 0 },
      1,
      "share",
      "800 bytes: 800 are asked for and 500 are free",
    ],
    ["has storage push execution", 800, { reclaim: () => -100 }, 6, "reclaim", "-100 bytes to take from storage"],
    ["reclaims a part of a byte", 800, { reclaim: () => 0.5 }, 1, "reclaim", "0.5 bytes to take from storage"],
    ["has a ceiling below nothing", 10, { ceiling: () => -7 }, 5, "ceiling", "-7 bytes for tasks to share"],
    ["has a ceiling that is no number", 10, { ceiling: () => NaN }, 5, "ceiling", "NaN bytes for tasks to share"],
    [
      "answers with a text",
      10,
      { share: (() => "10") as never },
      2,
      "share",
      'the text "10": 10 are asked for and 500 are free',
    ],
    [
      "answers with a promise",
      10,
      { share: (async () => Promise.resolve(10)) as never },
      2,
      "share",
      "a promise: 10 are asked for and 500 are free",
    ],
    ["throws when it shall share", 10, { share: tired }, 10, "share", "an error: tired"],
    ["throws when it shall reclaim", 800, { reclaim: tired }, 10, "reclaim", "an error: tired"],
    ["throws when it shall tell a ceiling", 10, { ceiling: tired }, 10, "ceiling", "an error: tired"],
  ])("%s is refused, and nothing is left behind", (_what, bytes, part, law, question, why) => {
    const manager = withPolicy(part);
    manager.stor(500);
    const before = manager.state(ON_HEAP);
    expect(refusalOf(() => manager.exec(1, bytes))).toMatchObject({
      name: "BrokenLaw",
      law,
      policy: "unified",
      question,
      message: `law ${law}: policy unified answers ${question} with ${why}`,
    });
    expect([manager.state(ON_HEAP), manager.regions[ON_HEAP].entries]).toEqual([before, 0]);
    expect(manager.releaseExecution(0, 1, ON_HEAP)).toBe(0);
  });

  test.each(["unmanaged", "executionUsed", "storageSize", "entries"] as const)(
    "cannot change what it sees: %s",
    (cell) => {
      const manager = withPolicy({
        share: (view, _held, bytes) => {
          (view as { -readonly [K in keyof typeof view]: (typeof view)[K] })[cell] = 7;
          return bytes;
        },
      });
      expect(refusalOf(() => manager.exec(1, 10))).toMatchObject({ law: 10, cause: expect.any(TypeError) as unknown });
      expect(manager.state(ON_HEAP)).toEqual([500, 0, 500, 0]);
    },
  );

  test.each<[string, Partial<Policy>, number, string]>([
    ["throws", { evict: tired }, 10, "an error: tired"],
    ["evicts no number", { evict: () => NaN }, 1, "NaN bytes"],
  ])("%s when it shall evict: what it has lent is given back", (_what, part, law, why) => {
    const manager = withPolicy(part);
    const moves: number[] = [];
    manager.observer = { boundaryMoved: (bytes) => moves.push(bytes) };
    expect(refusalOf(() => manager.stor(700))).toMatchObject({
      law,
      message: `law ${law}: policy unified answers evict with ${why}`,
    });
    expect([manager.state(ON_HEAP), moves]).toEqual([
      [500, 0, 500, 0],
      [-200, 200],
    ]);
  });

  test.each<[string, Policy["sizes"], string]>([
    ["throw", tired, "law 10: policy unified answers sizes with an error: tired"],
    ["are none", (() => undefined) as never, "law 1: policy unified answers sizes with total undefined, "],
    ["do not add up", (sizes) => ({ ...sizes, storage: 501 }), "pools of 500 and 501 bytes: they do not make 1000"],
    [
      "protect more than there is",
      (sizes) => ({ ...sizes, protectedStorage: 1001 }),
      "1001 protected bytes of storage",
    ],
    [
      "are beyond number",
      () => ({ total: 2 ** 54, protectedStorage: 0, execution: 2 ** 53, storage: 2 ** 53 }),
      "total 18014398509481984 bytes",
    ],
  ])("sizes that %s are refused", (_what, sizes, why) => {
    expect(refusalOf(() => withPolicy({ sizes: sizes! }))).toMatchObject({
      name: "BrokenLaw",
      question: "sizes",
      message: expect.stringContaining(why) as unknown,
    });
  });

  test("a release never fails for a policy that throws, and the next request is told", () => {
    let well = true;
    const manager = withPolicy({ ceiling: () => (well ? 0 : tired()) });
    manager.stor(500);
    well = false;
    manager.releaseStorage(500, ON_HEAP);
    expect(refusalOf(() => manager.exec(1, 10))).toMatchObject({ law: 10, question: "ceiling" });
    well = true;
    manager.refreshCeilings();
    expect(manager.exec(1, 10)).toBe(10);
  });

  test("an entry that was there before stays", () => {
    let granted = 10;
    const manager = withPolicy({ share: () => granted });
    manager.exec(1, 10);
    granted = 11;
    expect(() => manager.exec(1, 10)).toThrow("law 2");
    expect([manager.executionHeld(1, ON_HEAP), manager.regions[ON_HEAP].entries]).toEqual([10, 1]);
  });

  test.each<[string, Partial<Policy>, number, string]>([
    ["lends what execution uses", { lend: () => 600 }, 6, "lend with 600 bytes: execution has 500 free"],
    ["lends less than nothing", { lend: () => -5 }, 1, "lend with -5 bytes: execution has 500 free"],
    ["lends a part of a byte", { lend: () => 1.5 }, 1, "lend with 1.5 bytes: execution has 500 free"],
    ["evicts less than nothing", { evict: () => -1 }, 1, "evict with -1 bytes"],
    ["evicts what is no number", { evict: () => NaN }, 1, "evict with NaN bytes"],
  ])("%s is refused, and the block takes nothing", (_what, part, law, why) => {
    const manager = withPolicy(part);
    expect(refusalOf(() => manager.stor(10))).toMatchObject({
      law,
      message: `law ${law}: policy unified answers ${why}`,
    });
    expect([manager.state(ON_HEAP), manager.takeEvictions()]).toEqual([[500, 0, 500, 0], []]);
  });

  test("reclaims more than there is gets what can be evicted", () => {
    const manager = withPolicy({ reclaim: () => 1500 });
    manager.stor(400);
    manager.exec(1, 800);
    // 100 were free; 1400 more cannot be evicted, so nothing is.
    expect([manager.takeEvictions(), manager.state(ON_HEAP)]).toEqual([[1400], [600, 600, 400, 400]]);
  });

  test("refuses all storage is obeyed", () => {
    expect(withPolicy({ lend: () => REFUSE }).stor(1)).toBe(false);
  });
});

describe("what a policy is asked", () => {
  test("to reclaim only what is missing, where something is", () => {
    const missed: number[] = [];
    const policy: Policy = {
      ...unified,
      ceiling: () => 0,
      reclaim: (view, missing) => {
        missed.push(missing);
        return unified.reclaim(view, missing);
      },
    };
    const manager = new StubbedManager(region(1000), region(0), policy);
    expect([manager.exec(1, 499), manager.exec(1, 1), manager.exec(1, 30)]).toEqual([499, 1, 30]);
    expect(missed).toEqual([30]);
  });

  test("what unrolling has reserved, whatever the storage is for", () => {
    const asked: [string, number][] = [];
    const policy: Policy = {
      ...unified,
      evict: (_view, _bytes, purpose, unrolled) => {
        asked.push([purpose, unrolled]);
        return 0;
      },
    };
    const manager = new StubbedManager(region(1000), region(0), policy);
    manager.unrolledBytes = 7;
    manager.stor(10);
    manager.acquireUnroll("u", 10, ON_HEAP);
    expect(asked).toEqual([
      ["storage", 7],
      ["unroll", 7],
    ]);
  });
});

test("what an observer of an eviction has put meanwhile is not taken from it", () => {
  const manager = new MemoryManager({ policy: unified, onHeap: region(1000), offHeap: region(0) });
  manager.setEvictor({
    evict: (_block, bytes, mode) => {
      manager.releaseStorage(bytes, mode);
      manager.acquireStorage("meanwhile", 60, mode);
      return bytes;
    },
    unrolled: () => 0,
  });
  manager.acquireStorage("a", 700, ON_HEAP);
  // Of the 100 that were evicted 60 are in use again.
  expect(manager.acquireExecution(400, 1, ON_HEAP)).toBe(340);
  expect(manager.state(ON_HEAP)).toEqual([340, 340, 660, 660]);
});

describe("what is given back", () => {
  test("at the end of a task is told as one sum", () => {
    const manager = new StubbedManager(region(1000), region(1000));
    manager.exec(1, 30);
    manager.exec(1, 12, OFF_HEAP);
    expect(manager.releaseAllExecution(1)).toBe(42);
    expect(manager.executionUsed).toBe(0);
  });

  test("beyond what is held is counted, once a release", () => {
    const manager = new StubbedManager(region(1000));
    manager.exec(1, 30);
    manager.stor(20);
    manager.releaseExecution(10, 1, ON_HEAP);
    manager.releaseStorage(10, ON_HEAP);
    expect(manager.overReleases).toBe(0);
    expect(manager.releaseExecution(21, 1, ON_HEAP)).toBe(20);
    expect(manager.overReleases).toBe(1);
    manager.releaseStorage(11, ON_HEAP);
    expect([manager.overReleases, manager.state(ON_HEAP)]).toEqual([2, [500, 0, 500, 0]]);
  });

  test("may be nothing", () => {
    const manager = new StubbedManager(region(1000));
    manager.stor(20);
    manager.releaseStorage(0, ON_HEAP);
    expect([manager.overReleases, manager.state(ON_HEAP)]).toEqual([0, [500, 0, 500, 20]]);
  });
});

describe("refusals say", () => {
  const RULE = "a size is a whole number of bytes, 1 or more where execution memory is acquired";

  test.each<[string, (manager: MemoryManager) => unknown]>([
    ["execution request of 0.5 bytes", (manager) => manager.acquireExecution(0.5, 1, ON_HEAP)],
    ["release of -1 bytes", (manager) => manager.releaseExecution(-1, 1, ON_HEAP)],
    ["release of 0.5 bytes", (manager) => manager.releaseStorage(0.5, ON_HEAP)],
    ["storage request of -2 bytes", (manager) => manager.acquireStorage("a", -2, ON_HEAP)],
    ["report of unmanaged memory of NaN bytes", (manager) => manager.setUnmanaged(Number.NaN, ON_HEAP)],
  ])("%s", (words, ask) => {
    expect(() => ask(new StubbedManager(region(1000)))).toThrow(
      expect.objectContaining({ name: "InvalidRequest", message: `${words}: ${RULE}` }),
    );
  });

  test("which manager keeps no off-heap storage, and for which block", () => {
    expect(() => staticManager(600, 400).stor(1, OFF_HEAP)).toThrow(
      expect.objectContaining({
        name: "InvalidRequest",
        message: "the static manager keeps no off-heap storage memory (block test_0)",
      }),
    );
    const manager = new MemoryManager({ policy: unified, onHeap: region(0), offHeap: region(1000) });
    expect(manager.acquireStorage("a", 1000, OFF_HEAP)).toBe(true);
  });

  test("which task has lost its entry", () => {
    expect(() => new StubbedManager(region(1000)).retryExecution(1, 7, OFF_HEAP)).toThrow(
      expect.objectContaining({
        name: "EntryLost",
        task: 7,
        message: "key not found: task 7 has lost its offHeap entry while it waited for execution memory",
      }),
    );
  });
});

describe("waiting at the manager", () => {
  test("asks again only with an entry", () => {
    const manager = new StubbedManager(region(1000));
    expect(() => manager.retryExecution(10, 1, ON_HEAP)).toThrow(EntryLost);
    manager.exec(1, 1000);
    expect(manager.acquireExecution(10, 2, ON_HEAP)).toBe(MUST_WAIT);
    expect(manager.retryExecution(10, 2, ON_HEAP)).toBe(MUST_WAIT);
    manager.releaseExecution(0, 2, ON_HEAP);
    expect(() => manager.retryExecution(10, 2, ON_HEAP)).toThrow(EntryLost);
  });

  test("a release in one mode wakes those who wait in the other, storage wakes nobody", () => {
    const executor = smallExecutor({ "spark.memory.offHeap.size": "1000" });
    const { manager } = executor;
    let looks = 0;
    manager.observer = {
      mustWait: () => {
        looks += 1;
      },
    };
    manager.acquireExecution(1000, 1, ON_HEAP);
    manager.acquireExecution(5, 1, OFF_HEAP);
    executor.waits.start(manager.executionRequest(100, 2, ON_HEAP));
    const looked = (act: () => unknown): number => {
      looks = 0;
      act();
      manager.waits.settle();
      return looks;
    };
    expect(looked(() => manager.releaseExecution(5, 1, OFF_HEAP))).toBe(1);
    // Always, also when nothing changed; and by a new entry of either mode, and by the end of a task.
    expect(looked(() => manager.releaseExecution(7, 99, OFF_HEAP))).toBe(1);
    expect(looked(() => manager.acquireExecution(1, 3, OFF_HEAP))).toBe(1);
    expect(looked(() => manager.acquireExecution(1, 3, OFF_HEAP))).toBe(0);
    expect(looked(() => manager.taskEnded(1))).toBe(1);
    expect(looked(() => manager.releaseAllExecution(99))).toBe(1);
    expect(looked(() => executor.store.putAccount("a", 100, OFF_HEAP))).toBe(0);
    expect(looked(() => executor.store.remove("a"))).toBe(0);
    expect(looked(() => manager.setUnmanaged(10, ON_HEAP))).toBe(0);
  });
});

test("a manager has one evictor, and pools that make their region", () => {
  const manager = new StubbedManager(region(1000));
  expect(() => manager.setEvictor({ evict: () => 0, unrolled: () => 0 })).toThrow(
    new AssertionError("a manager has one block store"),
  );
  const wrong = { total: 10, protectedStorage: 5, execution: 5, storage: 6 };
  expect(() => new MemoryManager({ policy: unified, onHeap: wrong, offHeap: region(0) })).toThrow(
    new AssertionError("the two pools make the region"),
  );
});

test("without an evictor nothing is evicted", () => {
  const manager = new MemoryManager({ policy: unified, onHeap: region(1000, 0), offHeap: region(0) });
  expect(manager.acquireStorage("a", 800, ON_HEAP)).toBe(true);
  expect(manager.acquireStorage("b", 300, ON_HEAP)).toBe(false);
  expect(manager.acquireUnroll("b", 300, ON_HEAP)).toBe(false);
  expect(manager.acquireExecution(500, 1, ON_HEAP)).toBe(200);
});

test("an executor of 64 GB is accounted for without owning it", () => {
  const bytes = 64 * 2 ** 30;
  const manager = new StubbedManager(region(bytes), region(bytes));
  expect([manager.exec(1, bytes - 1), manager.exec(1, 1, OFF_HEAP), manager.exec(1, 2)]).toEqual([bytes - 1, 1, 1]);
  expect([manager.executionUsed, manager.maxStorage(ON_HEAP), manager.maxStorage(OFF_HEAP)]).toEqual([
    bytes + 1,
    0,
    bytes - 1,
  ]);
});
