// The scenarios of section 13 of the law, by their names, with their numbers. Which have no test, and why, is written in
// test/house/scenarios.test.ts; waiting through each layer that waits is in waiting-scenarios.test.ts.

import { describe, expect, test } from "vitest";
import { Misuse } from "../../src/execution/refusal.js";
import { openExecutor } from "../../src/executor.js";
import { AssertionError } from "../../src/fault.js";
import { accountPages } from "../../src/memory/account-pages.js";
import { encodeSparkAddress, offsetOf, offsetOfSpark, pageOf, pageOfSpark } from "../../src/memory/address.js";
import { WaitEnded } from "../../src/memory/wait.js";
import { EntryLost, MemoryManager } from "../../src/memory/manager.js";
import { FREED_IN_ALLOCATOR } from "../../src/memory/page.js";
import { Step, WouldWait } from "../../src/memory/wait.js";
import { unified } from "../../src/policy/unified.js";
import { heapBytes } from "../../src/storage/bytes.js";
import { type BlockDisk, BlockStore } from "../../src/storage/store.js";
import {
  Greedy,
  NO_REGION,
  OFF_HEAP,
  OFF_HEAP_1000,
  ON_HEAP,
  region,
  smallExecutor,
  staticManager,
  StubbedManager,
  taskOf,
  Thrifty,
} from "./doubles.js";

describe("13.1 unified manager", () => {
  test("U1: one task takes what there is", () => u1(new StubbedManager(region(1000))));

  test("U2: storage alone", () => u2(new StubbedManager(region(1000))));

  test("U3: execution evicts what storage has borrowed", () => {
    const manager = new StubbedManager(region(1000));
    expect(manager.stor(750)).toBe(true);
    expect(manager.exec(0, 100)).toBe(100);
    expect(manager.takeEvictions()).toEqual([]);
    expect(manager.exec(0, 200)).toBe(200);
    expect(manager.takeEvictions()).toEqual([50]);
    expect([manager.executionUsed, manager.storageUsed]).toEqual([300, 700]);
    manager.releaseAllStorage(ON_HEAP);
    expect(manager.stor(400)).toBe(true);
    expect(manager.takeEvictions()).toEqual([]);
    expect(manager.exec(0, 400)).toBe(300);
    expect(manager.takeEvictions()).toEqual([]);
    expect([manager.executionUsed, manager.storageUsed]).toEqual([600, 400]);
  });

  test("U4: execution evicts down to R", () => {
    const manager = new StubbedManager(region(1000));
    expect(manager.stor(700)).toBe(true);
    expect(manager.exec(0, 500)).toBe(500);
    expect(manager.takeEvictions()).toEqual([200]);
    expect([manager.executionUsed, manager.storageUsed]).toEqual([500, 500]);
  });

  test("U5: storage never evicts execution", () => {
    const manager = new StubbedManager(region(1000));
    expect(manager.exec(0, 800)).toBe(800);
    expect(manager.stor(100)).toBe(true);
    expect(manager.stor(250)).toBe(false);
    manager.releaseAllExecution(0);
    manager.releaseAllStorage(ON_HEAP);
    expect(manager.exec(0, 200)).toBe(200);
    expect(manager.stor(750)).toBe(true);
    expect(manager.stor(850)).toBe(false);
    expect(manager.takeEvictions()).toEqual([]);
    expect([manager.executionUsed, manager.storageUsed]).toEqual([200, 750]);
  });

  const U6 = { "spark.testing.reservedMemory": "307200", "spark.memory.fraction": "0.8" };

  test("U6: a heap too small for its reserve", () => {
    const conf = { ...U6, "spark.testing.memory": "1048576" };
    expect(openExecutor({ conf }).numbers.onHeap.total).toBe(593100);
    expect(() => openExecutor({ conf: { ...conf, "spark.testing.memory": "153600" } })).toThrow(
      expect.objectContaining({ condition: "INVALID_DRIVER_MEMORY" }),
    );
  });

  test("U7: executor memory too small for the reserve", () => {
    const conf = { ...U6, "spark.testing.memory": "1048576", "spark.executor.memory": "153600" };
    expect(() => openExecutor({ conf })).toThrow(expect.objectContaining({ condition: "INVALID_EXECUTOR_MEMORY" }));
  });

  test("U8: with storageFraction 0 execution may evict all", () => {
    const manager = new StubbedManager(region(1000, 0));
    expect(manager.exec(0, 100)).toBe(100);
    expect(manager.exec(1, 100)).toBe(100);
    expect(manager.stor(800)).toBe(true);
    expect(manager.takeEvictions()).toEqual([]);
    expect(manager.exec(0, 100)).toBe(100);
    expect(manager.takeEvictions()).toEqual([100]);
    expect([manager.executionUsed, manager.storageUsed]).toEqual([300, 700]);
  });

  test("U9: an eviction that throws has moved nothing", () => {
    const manager = new StubbedManager(region(1000, 0));
    expect(manager.stor(1000)).toBe(true);
    manager.releaseStorage(600, ON_HEAP);
    const before = manager.state(ON_HEAP);
    manager.trouble = new Error("cannot evict");
    expect(() => manager.exec(0, 1000)).toThrow("cannot evict");
    expect(manager.state(ON_HEAP)).toEqual(before);
    expect(before[0] + before[2]).toBe(1000);
  });

  test("U10: off-heap storage", () => {
    const manager = new StubbedManager(NO_REGION, region(1000));
    expect(manager.exec(0, 400, OFF_HEAP)).toBe(400);
    expect(manager.stor(700, OFF_HEAP)).toBe(false);
    expect(manager.stor(100, OFF_HEAP)).toBe(true);
    expect(manager.stor(450, OFF_HEAP)).toBe(true);
    expect(manager.takeEvictions()).toEqual([]);
    expect(manager.storageUsed).toBe(550);
    expect(manager.stor(100, OFF_HEAP)).toBe(true);
    expect(manager.takeEvictions()).toEqual([50]);
    expect(manager.storageUsed).toBe(600);
  });
});

function u1(manager: StubbedManager): void {
  expect(manager.exec(0, 10)).toBe(10);
  expect(manager.exec(0, 100)).toBe(100);
  expect(manager.exec(0, 1000)).toBe(890);
  expect(manager.executionUsed).toBe(1000);
  expect(manager.exec(0, 1)).toBe(0);
  expect(manager.releaseExecution(800, 0, ON_HEAP)).toBe(800);
  expect(manager.executionUsed).toBe(200);
  expect(manager.exec(0, 1)).toBe(1);
  expect(manager.executionUsed).toBe(201);
  expect(manager.overReleases).toBe(0);
  expect(manager.releaseExecution(1000, 0, ON_HEAP)).toBe(201);
  expect(manager.executionUsed).toBe(0);
  expect(manager.overReleases).toBe(1);
}

function u2(manager: StubbedManager): void {
  expect(manager.stor(10)).toBe(true);
  expect(manager.stor(100)).toBe(true);
  expect(manager.storageUsed).toBe(110);
  expect(manager.takeEvictions()).toEqual([]);
  expect(manager.stor(1001)).toBe(false);
  expect(manager.takeEvictions()).toEqual([]);
  expect(manager.storageUsed).toBe(110);
  expect(manager.stor(1000)).toBe(true);
  expect(manager.takeEvictions()).toEqual([110]);
  expect(manager.storageUsed).toBe(1000);
  expect(manager.stor(1)).toBe(true);
  expect(manager.takeEvictions()).toEqual([1]);
  expect(manager.storageUsed).toBe(1000);
  manager.releaseStorage(800, ON_HEAP);
  expect(manager.storageUsed).toBe(200);
  expect(manager.stor(1)).toBe(true);
  expect(manager.takeEvictions()).toEqual([]);
  expect(manager.storageUsed).toBe(201);
  manager.releaseAllStorage(ON_HEAP);
  expect(manager.storageUsed).toBe(0);
  expect(manager.stor(1)).toBe(true);
  manager.releaseStorage(100, ON_HEAP);
  expect(manager.storageUsed).toBe(0);
}

const MANAGERS: [string, () => StubbedManager][] = [
  ["unified", () => new StubbedManager(region(1000))],
  ["static", () => staticManager(1000, 0)],
];

describe.each(MANAGERS)("13.2 sharing between tasks, %s manager", (_name, make) => {
  test("C1: one task has it all, and no more", () => {
    const task = taskOf(make(), 0);
    let c = new Thriftless(task);
    expect([100, 400, 400, 200, 100, 100].map((bytes) => c.acquireMemory(bytes))).toEqual([100, 400, 400, 100, 0, 0]);
    c.freeMemory(500);
    expect([300, 300].map((bytes) => c.acquireMemory(bytes))).toEqual([300, 200]);
    expect(task.cleanUpAll().bytes).toBe(1000);
    c = new Thriftless(task);
    expect([1000, 100].map((bytes) => c.acquireMemory(bytes))).toEqual([1000, 0]);
  });

  test("C2: two tasks at 1/N each", () => {
    const [c1, c2] = pair(make());
    expect(c1.acquireMemory(500)).toBe(500);
    expect(c2.acquireMemory(500)).toBe(500);
    expect(c1.acquireMemory(500)).toBe(0);
    expect(c2.acquireMemory(500)).toBe(0);
  });

  test("C3: two tasks share the rest", () => {
    const [c1, c2] = pair(make());
    expect(c1.acquireMemory(250)).toBe(250);
    expect(c2.acquireMemory(250)).toBe(250);
    expect(c1.acquireMemory(500)).toBe(250);
    expect(c2.acquireMemory(500)).toBe(250);
  });

  test("C4: a task waits for its 1/2N", () => {
    const manager = make();
    const [c1, c2] = pair(manager);
    expect(c1.acquireMemory(1000)).toBe(1000);
    const step = c2.task.begin(c2.acquireRequest(250));
    expect(step.waiting).toBe(true);
    c1.freeMemory(250);
    manager.waits.settle();
    expect(step.value).toBe(250);
    expect(c2.acquireMemory(100)).toBe(0);
  });

  test("C5: what a task spills for itself goes to who waits for it", () => {
    const manager = make();
    const c1 = new Thrifty(taskOf(manager, 1), "c1");
    const c2 = new Thrifty(taskOf(manager, 2), "c2");
    expect(c1.acquireMemory(1000)).toBe(1000);
    const step = c2.task.begin(c2.acquireRequest(500));
    expect(step.waiting).toBe(true);
    expect(c1.acquireMemory(500)).toBe(500);
    manager.waits.settle();
    expect(step.value).toBe(500);
    expect([c1.used, c1.spilled, c2.used]).toEqual([500, 1000, 500]);
  });

  test("C6: the end of a task makes room", () => {
    const manager = make();
    const [c1, c2] = pair(manager);
    expect(c1.acquireMemory(1000)).toBe(1000);
    const step = c2.task.begin(c2.acquireRequest(500));
    expect(step.waiting).toBe(true);
    expect(c1.task.cleanUpAll().bytes).toBe(1000);
    manager.waits.settle();
    expect(step.value).toBe(500);
    expect([500, 500].map((bytes) => c2.acquireMemory(bytes))).toEqual([500, 0]);
  });

  test("C7: a grant is never negative", () => {
    const [c1, c2] = pair(make());
    expect(c1.acquireMemory(700)).toBe(700);
    expect(c2.acquireMemory(300)).toBe(300);
    expect(c1.acquireMemory(300)).toBe(0);
  });
});

/** Cannot spill, as the scenarios' plain consumers. */
class Thriftless extends Greedy {
  constructor(task: ReturnType<typeof taskOf>, options = {}) {
    super(task, "c", options);
  }
  override spill(): number {
    return 0;
  }
}

const pair = (manager: MemoryManager): [Thriftless, Thriftless] => [
  new Thriftless(taskOf(manager, 1)),
  new Thriftless(taskOf(manager, 2)),
];

describe("13.2 both modes", () => {
  test("C8: off-heap execution", () => {
    const task = taskOf(new StubbedManager(region(2), region(1000, 0)), 0, { mode: OFF_HEAP });
    const c = new Thriftless(task);
    expect(c.acquireMemory(1000)).toBe(1000);
    expect(c.acquireMemory(300)).toBe(0);
    expect(task.used).toBe(1000);
    c.freeMemory(500);
    expect(task.used).toBe(500);
    c.freeMemory(500);
    expect(task.used).toBe(0);
  });

  test("C9: peaks by mode", () => {
    const task = taskOf(new StubbedManager(region(1000), region(1000)), 0);
    const off = new Thriftless(task, { mode: OFF_HEAP });
    const on = new Thriftless(task, { mode: ON_HEAP });
    off.acquireMemory(500);
    on.acquireMemory(400);
    expect(task.used).toBe(900);
    off.freeMemory(100);
    on.freeMemory(400);
    on.acquireMemory(10);
    expect([task.peak(ON_HEAP), task.peak(OFF_HEAP)]).toEqual([400, 500]);
  });
});

describe("13.3 static manager", () => {
  test("S1: execution alone", () => u1(staticManager(1000, 0)));

  test("S2: storage alone", () => u2(staticManager(0, 1000)));

  test("S3: a hard boundary", () => {
    const manager = staticManager(200, 1000);
    expect(manager.exec(0, 100)).toBe(100);
    expect(manager.exec(0, 1000)).toBe(100);
    expect(manager.stor(50)).toBe(true);
    manager.releaseExecution(133, 0, ON_HEAP);
    expect([manager.executionUsed, manager.storageUsed]).toEqual([67, 50]);
    manager.releaseAllStorage(ON_HEAP);
    expect([manager.executionUsed, manager.storageUsed]).toEqual([67, 0]);
  });

  test("S4: what unrolling may evict", () => {
    const manager = staticManager(0, 1000, 400);
    expect(manager.acquireUnroll("test_0", 100, ON_HEAP)).toBe(true);
    manager.releaseStorage(40, ON_HEAP);
    expect(manager.storageUsed).toBe(60);
    manager.unrolledBytes = 60;
    expect(manager.stor(800)).toBe(true);
    expect(manager.takeEvictions()).toEqual([]);
    expect(manager.storageUsed).toBe(860);
    expect(manager.acquireUnroll("test_0", 240, ON_HEAP)).toBe(true);
    expect(manager.takeEvictions()).toEqual([100]);
    expect(manager.storageUsed).toBe(1000);
    manager.unrolledBytes = 300;
    expect(manager.acquireUnroll("test_0", 150, ON_HEAP)).toBe(false);
    expect(manager.takeEvictions()).toEqual([100]);
    expect(manager.storageUsed).toBe(900);
    manager.releaseStorage(1000, ON_HEAP);
    expect(manager.storageUsed).toBe(0);
  });

  test("off-heap storage is refused", () => {
    expect(() => staticManager(10, 10).stor(1, OFF_HEAP)).toThrow(expect.objectContaining({ name: "InvalidRequest" }));
  });
});

/** A manager of one region whose evictor is still to be set. */
class Bare extends MemoryManager {
  constructor(total: number) {
    super({ policy: unified, onHeap: region(total), offHeap: NO_REGION });
  }
}

/** The test manager of 13.4: one counter for both modes, grants what there is, or nothing when told so. */
class Counter extends StubbedManager {
  refuse = 0;
  available: number;
  readonly balances = new Map<number, number>();

  constructor(available: number) {
    super(region(available, 0), region(available, 0));
    this.available = available;
  }

  override acquireExecution(bytes: number, task: number): number {
    let granted = Math.min(bytes, this.available);
    if (this.refuse > 0) {
      this.refuse -= 1;
      granted = 0;
    }
    this.available -= granted;
    this.balances.set(task, (this.balances.get(task) ?? 0) + granted);
    return granted;
  }

  override releaseExecution(bytes: number, task: number): number {
    this.available += bytes;
    this.balances.set(task, (this.balances.get(task) ?? 0) - bytes);
    return bytes;
  }

  override releaseAllExecution(task: number): number {
    return this.releaseExecution(this.executionHeld(task, ON_HEAP), task);
  }

  // Counted once, although two modes are asked for.
  override executionHeld(task: number, mode: 0 | 1): number {
    return mode === ON_HEAP ? (this.balances.get(task) ?? 0) : 0;
  }
}

/** A world of 13.4: consumers c1, c2, ... of one task, what they hold, and a step that says so. */
function table(
  limit: number,
  consumers: number,
): { c: Greedy[]; held: () => number[]; task: ReturnType<typeof taskOf> } {
  const task = taskOf(new Counter(limit), 0);
  const c = Array.from({ length: consumers }, (_, i) => new Greedy(task, `c${i + 1}`));
  return { c, task, held: (): number[] => c.map((each) => each.used) };
}

describe("13.4 task memory manager", () => {
  test("T1: a page that is never freed is a leak of its bytes", () => {
    const manager = new StubbedManager(region(100_000));
    const task = taskOf(manager, 0);
    const c = new Greedy(task, "c");
    const page = task.allocatePage(4096, c)!;
    expect([page.bytes, task.used, manager.executionUsed]).toEqual([4096, 4096, 4096]);
    expect(task.cleanUpAll()).toEqual({
      bytes: 4096,
      report: "4096 bytes belong to no consumer; page 0 of 4096 bytes, owner c",
    });
    expect(manager.executionUsed).toBe(0);
  });

  test("T2: an off-heap address beyond 51 bits comes back", () => {
    const base = 2n ** 51n;
    const address = encodeSparkAddress(3, base + 10n - base);
    expect(pageOfSpark(address)).toBe(3);
    expect(base + offsetOfSpark(address)).toBe(2n ** 51n + 10n);
  });

  test("T3: an on-heap address names its page and offset", () => {
    const task = taskOf(new StubbedManager(region(100_000)), 0);
    const page = task.allocatePage(256, new Greedy(task, "c"))!;
    const address = task.encode(page, 64);
    expect(Number.isSafeInteger(address)).toBe(true);
    expect(task.pageAt(address)).toBe(page);
    expect([pageOf(address), offsetOf(address), task.byteAt(address)]).toEqual([page.number, 64, page.base + 64]);
  });

  test("T4: a freed page says so", () => {
    const task = taskOf(new StubbedManager(region(100_000)), 0);
    const c = new Greedy(task, "c");
    const page = c.allocatePage(256);
    c.freePage(page);
    expect(page.number).toBe(FREED_IN_ALLOCATOR);
  });

  test("T5: a task's page is not freed in the allocator", () => {
    const allocator = accountPages(ON_HEAP);
    const task = taskOf(new StubbedManager(region(100_000)), 0, { allocator });
    const page = new Greedy(task, "c").allocatePage(256);
    expect(() => allocator.free(page)).toThrow(AssertionError);
    expect(task.page(page.number)).toBe(page);
  });

  test("T6: a page of the allocator is not freed in a task", () => {
    const allocator = accountPages(ON_HEAP);
    const task = taskOf(new StubbedManager(region(100_000)), 0, { allocator });
    const page = allocator.allocate(256)!;
    expect(() => task.freePage(page, new Greedy(task, "c"))).toThrow(Misuse);
    expect(page.number).toBe(-1);
  });

  test("T7: the one who asks spills last", () => {
    const { c, held, task } = table(100, 2);
    const [c1, c2] = c as [Greedy, Greedy];
    const steps: [Greedy, number, number[]][] = [
      [c1, 100, [100, 0]],
      [c2, 100, [0, 100]],
      [c1, 100, [100, 0]],
      [c1, 50, [50, 0]],
      [c2, 50, [50, 50]],
      [c1, 100, [100, 0]],
    ];
    for (const [who, bytes, expected] of steps) {
      who.acquireMemory(bytes);
      expect(held()).toEqual(expected);
    }
    c1.freeMemory(20);
    expect(held()).toEqual([80, 0]);
    c2.acquireMemory(10);
    expect(held()).toEqual([80, 10]);
    c2.acquireMemory(100);
    expect(held()).toEqual([0, 100]);
    c1.freeMemory(0);
    c2.freeMemory(100);
    expect(task.cleanUpAll().bytes).toBe(0);
  });

  test("T8: the smallest that covers the need", () => {
    const { c, held } = table(100, 3);
    const [c1, c2, c3] = c as [Greedy, Greedy, Greedy];
    c1.acquireMemory(20);
    c2.acquireMemory(80);
    c3.acquireMemory(80);
    expect(held()).toEqual([20, 0, 80]);
    c2.acquireMemory(80);
    expect(held()).toEqual([20, 80, 0]);
    c3.acquireMemory(10);
    expect(held()).toEqual([0, 80, 10]);
  });

  test("T9: the largest, then the next, until it is enough", () => {
    const { c, held } = table(100, 3);
    const [c1, c2, c3] = c as [Greedy, Greedy, Greedy];
    const fill = (): void => {
      c1.acquireMemory(50);
      c2.acquireMemory(40);
      c3.acquireMemory(10);
      expect(held()).toEqual([50, 40, 10]);
    };
    fill();
    c1.acquireMemory(50);
    expect(held()).toEqual([100, 0, 0]);
    c1.acquireMemory(50);
    expect(held()).toEqual([50, 0, 0]);
    c2.acquireMemory(10);
    c1.acquireMemory(60);
    expect(held()).toEqual([60, 0, 0]);
    c1.freeMemory(60);
    fill();
    c3.acquireMemory(50);
    expect(held()).toEqual([0, 40, 60]);
  });

  test("T10: one who holds just enough is enough", () => {
    const { c, held } = table(100, 4);
    const [c1, c2, c3, c4] = c as [Greedy, Greedy, Greedy, Greedy];
    c1.acquireMemory(50);
    c2.acquireMemory(40);
    c3.acquireMemory(10);
    c4.acquireMemory(5);
    expect(held()).toEqual([50, 40, 0, 5]);
    c3.acquireMemory(45);
    expect(held()).toEqual([50, 0, 45, 5]);
    c2.acquireMemory(51);
    expect(held()).toEqual([0, 51, 45, 0]);
  });

  test("T11: nobody of the other mode spills", () => {
    const task = taskOf(new Counter(100), 0);
    const c1 = new Greedy(task, "c1", { mode: ON_HEAP });
    const c2 = new Greedy(task, "c2", { mode: OFF_HEAP });
    expect(c1.acquireMemory(80)).toBe(80);
    expect(c2.acquireMemory(80)).toBe(20);
    expect(c1.asked).toEqual([]);
    expect(c2.acquireMemory(10)).toBe(10);
    expect([c1.used, c2.used, c2.spilled]).toEqual([80, 10, 20]);
  });

  test("T12: off-heap by its old name", () => {
    const executor = smallExecutor({ "spark.unsafe.offHeap": "true", ...OFF_HEAP_1000 });
    expect(executor.mode).toBe(OFF_HEAP);
    expect(executor.task(0).mode).toBe(OFF_HEAP);
  });

  test("T13: the double itself", () => {
    const manager = new Counter(1000);
    expect([manager.acquireExecution(10, 0), manager.acquireExecution(5, 1), manager.acquireExecution(5, 0)]).toEqual([
      10, 5, 5,
    ]);
    expect([manager.executionHeld(0, ON_HEAP), manager.executionHeld(1, ON_HEAP)]).toEqual([15, 5]);
    manager.releaseExecution(10, 0);
    expect(manager.executionHeld(0, ON_HEAP)).toBe(5);
    expect(manager.releaseAllExecution(0)).toBe(5);
    expect(manager.executionHeld(0, ON_HEAP)).toBe(0);
    manager.refuse = 2;
    expect([1, 1, 1].map((bytes) => manager.acquireExecution(bytes, 0))).toEqual([0, 0, 1]);
  });
});

const store12000 = () => {
  const manager = new Bare(12000);
  return { manager, store: new BlockStore({ manager }) };
};

describe("13.6 block store", () => {
  test("M1: unroll memory", () => {
    const { manager, store } = store12000();
    const reserve = (bytes: number): boolean => store.reserveUnroll("test_0", bytes, ON_HEAP);
    for (const bytes of [100, 200, 500]) expect(reserve(bytes)).toBe(true);
    expect(store.unrolled(ON_HEAP)).toBe(800);
    expect(reserve(1_000_000)).toBe(false);
    expect(store.unrolled(ON_HEAP)).toBe(800);
    store.releaseUnroll(100, ON_HEAP);
    store.releaseUnroll(100, ON_HEAP);
    expect(store.unrolled(ON_HEAP)).toBe(600);
    expect(reserve(4400)).toBe(true);
    expect(store.unrolled(ON_HEAP)).toBe(5000);
    expect(reserve(20000)).toBe(false);
    store.releaseUnroll(1000, ON_HEAP);
    expect([store.unrolled(ON_HEAP), manager.storageUsed]).toEqual([4000, 4000]);
    store.releaseUnroll(Number.MAX_SAFE_INTEGER, ON_HEAP);
    expect([store.unrolled(ON_HEAP), manager.storageUsed]).toEqual([0, 0]);
  });

  test("M7: a block that cannot fit is never made", () => {
    const manager = new Bare(12000);
    const made: number[] = [];
    const keeper = heapBytes();
    const take = keeper.take.bind(keeper);
    keeper.take = (bytes) => {
      made.push(bytes);
      return take(bytes);
    };
    const store = new BlockStore({ manager, keepers: [keeper, null] });
    expect(store.put("test_0", new Uint8Array(13000))).toBe(false);
    expect(made).toEqual([]);
    expect(store.put("test_0", new Uint8Array(10000))).toBe(true);
    expect([made, store.getSize("test_0"), manager.storageUsed]).toEqual([[10000], 10000, 10000]);
  });

  test.each([0, 3, 10])("M8: a disk that fails after %d writes loses nothing", (writes) => {
    const manager = new Bare(100);
    const disk = new FailingDisk(writes);
    const store = new BlockStore({ manager, disk, keepers: [heapBytes(), null] });
    for (let i = 0; i < 10; i += 1)
      expect(store.put(`rdd_1_${i}`, Uint8Array.of(...bytesOf(i)), ON_HEAP, "disk")).toBe(true);
    const put = (): boolean => store.put("rdd_2_0", new Uint8Array(100));
    if (writes === 10) expect(put()).toBe(true);
    else expect(put).toThrow("no space left");
    const inMemoryNow = 10 - writes + (writes === 10 ? 1 : 0);
    expect(store.size).toBe(inMemoryNow);
    expect(manager.storageUsed).toBe(writes === 10 ? 100 : 10 * (10 - writes));
    expect(disk.blocks.size).toBe(writes);
    for (let i = 0; i < 10; i += 1) expect([...store.read(`rdd_1_${i}`)!]).toEqual(bytesOf(i));
    // No lock is left: everything can still be evicted, and pinned.
    disk.writesLeft = Infinity;
    for (const block of store.blocks(ON_HEAP)) {
      store.pin(block);
      store.unpin(block);
    }
    if (writes < 10) expect(put()).toBe(true);
    expect([...store.blocks(ON_HEAP)]).toEqual(["rdd_2_0"]);
  });

  test("M8: other readers' locks survive", () => {
    const manager = new Bare(100);
    const disk = new FailingDisk(3);
    const store = new BlockStore({ manager, disk, keepers: [heapBytes(), null] });
    for (let i = 0; i < 10; i += 1) store.put(`rdd_1_${i}`, Uint8Array.of(...bytesOf(i)), ON_HEAP, "disk");
    store.pin("rdd_1_1");
    expect(() => store.put("rdd_2_0", new Uint8Array(90))).toThrow("no space left");
    // Eviction has looked at 4 before the disk failed, so it counts as used.
    expect([...store.blocks(ON_HEAP)]).toEqual([1, 5, 6, 7, 8, 9, 4].map((i) => `rdd_1_${i}`));
    expect(() => store.remove("rdd_1_1")).toThrow("pinned 1 times");
    store.unpin("rdd_1_1");
    expect(store.remove("rdd_1_1")).toBe(true);
  });
});

const bytesOf = (i: number): number[] => Array.from({ length: 10 }, (_, k) => 10 * i + k);

/** Takes so many blocks and then no more. */
class FailingDisk implements BlockDisk {
  readonly blocks = new Map<string, Uint8Array>();
  writesLeft: number;

  constructor(writes: number) {
    this.writesLeft = writes;
  }

  write(block: string, bytes: Uint8Array): void {
    if (this.writesLeft === 0) throw Object.assign(new Error("no space left"), { code: "ENOSPC" });
    this.writesLeft -= 1;
    this.blocks.set(block, bytes.slice());
  }
  read(block: string): Uint8Array | null {
    return this.blocks.get(block) ?? null;
  }
  has(block: string): boolean {
    return this.blocks.has(block);
  }
  remove(block: string): void {
    this.blocks.delete(block);
  }
}

const SIZE = 4040;
const storeOf12000 = (): BlockStore => new BlockStore({ manager: new Bare(12000) });
const put = (to: BlockStore, ...blocks: string[]): boolean[] => blocks.map((block) => to.putAccount(block, SIZE));
const kept = (of: BlockStore): string[] => [...of.blocks(ON_HEAP)];

describe("13.7 block manager: what the store alone decides", () => {
  test("B1: the block whose use is longest ago goes", () => {
    const s = storeOf12000();
    expect(put(s, "a1", "a2", "a3")).toEqual([true, true, true]);
    expect(kept(s)).toEqual(["a2", "a3"]);
    for (const block of ["a2", "a3", "a1", "a2"]) expect(s.getSize(block)).toBe(block === "a1" ? null : SIZE);
    expect(put(s, "a1")).toEqual([true]);
    expect(kept(s)).toEqual(["a2", "a1"]);
  });

  test("B2: an RDD does not push itself out", () => {
    const s = storeOf12000();
    expect(put(s, "rdd_0_1", "rdd_0_2", "rdd_0_3")).toEqual([true, true, false]);
    expect(kept(s)).toEqual(["rdd_0_1", "rdd_0_2"]);
  });

  test("B3: it pushes others out, oldest use first", () => {
    const s = storeOf12000();
    expect(put(s, "rdd_0_1", "rdd_0_2", "rdd_1_1")).toEqual([true, true, true]);
    expect(kept(s)).toEqual(["rdd_0_2", "rdd_1_1"]);
    s.getSize("rdd_0_2");
    expect(put(s, "rdd_0_3")).toEqual([true]);
    expect(kept(s)).toEqual(["rdd_0_2", "rdd_0_3"]);
    expect(put(s, "rdd_0_4")).toEqual([false]);
  });

  test("B4: even newer ones, when its own are in the way", () => {
    const s = storeOf12000();
    put(s, "rdd_0_0", "rdd_1_0");
    s.getSize("rdd_1_0");
    expect(put(s, "rdd_0_1")).toEqual([true]);
    expect(kept(s)).toEqual(["rdd_0_0", "rdd_0_1"]);
  });

  test("B7: locked blocks stay", () => {
    const s = storeOf12000();
    put(s, "a1", "a2");
    s.pin("a1");
    s.pin("a2");
    s.pin("a2");
    expect(put(s, "a3")).toEqual([false]);
    s.unpin("a2");
    expect(put(s, "a3")).toEqual([false]);
    s.unpin("a2");
    expect(put(s, "a3")).toEqual([true]);
    expect(kept(s)).toEqual(["a1", "a3"]);
  });

  test("B8: a block larger than memory is not stored", () => {
    const s = new BlockStore({ manager: new Bare(5000) });
    expect(s.putAccount("a1", 10000)).toBe(false);
    expect(s.size).toBe(0);
  });
});

const starting = (manager: StubbedManager, task: number, bytes: number): Step<number> => {
  const step = new Step(manager.executionRequest(bytes, task, ON_HEAP));
  if (!step.look()) manager.waits.add(step as Step<unknown>);
  return step;
};

describe("13.9 execution pool", () => {
  test("V1: the entry vanishes while its task waits", () => {
    const manager = new StubbedManager(region(1000));
    const peer = new Thriftless(taskOf(manager, 2));
    const own = taskOf(manager, 1);
    const a = new Thriftless(own);
    const b = new Thriftless(own);
    peer.acquireMemory(900);
    a.acquireMemory(100);
    const step = own.begin(b.acquireRequest(300));
    expect(step.waiting).toBe(true);
    a.freeMemory(100);
    peer.freeMemory(300);
    manager.waits.settle();
    expect(() => step.value).toThrow(EntryLost);
    expect(() => step.value).toThrow(
      expect.objectContaining({ task: 1, message: expect.stringContaining("key not found") }),
    );
    expect([b.used, manager.executionUsed, manager.waits.size]).toEqual([0, 600, 0]);
    expect(manager.hasEntry(1, ON_HEAP)).toBe(false);
  });

  test("V2: as 4.1 has it, without registering again", () => {
    const manager = new StubbedManager(region(1000, 0));
    expect([manager.exec(3, 800), manager.exec(2, 100), manager.exec(1, 100)]).toEqual([800, 100, 100]);
    const first = starting(manager, 1, 300);
    expect(first.waiting).toBe(true);
    manager.releaseExecution(100, 1, ON_HEAP);
    const second = starting(manager, 2, 300);
    expect(second.waiting).toBe(true);
    manager.waits.settle();
    expect(() => first.value).toThrow(EntryLost);
    expect(second.waiting).toBe(true);
  });

  test("V3: a wait that ends", () => {
    const manager = new StubbedManager(region(1000));
    expect([manager.exec(2, 900), manager.exec(1, 100)]).toEqual([900, 100]);
    const step = starting(manager, 1, 300);
    manager.releaseExecution(40, 1, ON_HEAP);
    manager.waits.settle();
    expect(step.waiting).toBe(true);
    manager.releaseExecution(300, 2, ON_HEAP);
    manager.waits.settle();
    expect(step.value).toBe(300);
    expect([manager.executionHeld(1, ON_HEAP), manager.executionUsed]).toEqual([360, 960]);
  });

  test("V4: a wait that is interrupted keeps the balance", () => {
    const manager = new StubbedManager(region(1000));
    expect([manager.exec(2, 900), manager.exec(1, 100)]).toEqual([900, 100]);
    const step = starting(manager, 1, 300);
    step.cancel(new WaitEnded("cancelled"));
    manager.waits.settle();
    expect(() => step.value).toThrow(WaitEnded);
    expect([manager.executionHeld(1, ON_HEAP), manager.waits.size]).toEqual([100, 0]);
    manager.releaseExecution(100, 1, ON_HEAP);
    expect(manager.exec(2, 100)).toBe(100);
  });
});

const world = (storageFraction = "0.5", conf: Record<string, string> = {}) => {
  const executor = smallExecutor({ "spark.memory.storageFraction": storageFraction, ...conf });
  const { manager, store } = executor;
  const evicted: string[] = [];
  store.onEvict = (block) => evicted.push(block);
  return {
    executor,
    manager,
    store,
    evicted,
    state: (mode: 0 | 1 = ON_HEAP) => manager.state(mode),
    exec: (task: number, bytes: number, mode: 0 | 1 = ON_HEAP) =>
      executor.waits.start(manager.executionRequest(bytes, task, mode)),
    granted: (task: number, bytes: number, mode: 0 | 1 = ON_HEAP) =>
      executor.waits.start(manager.executionRequest(bytes, task, mode)).value,
  };
};

describe("13.10 derived scenarios", () => {
  test("D1: whole blocks go, below R if need be", () => {
    const { store, state, granted } = world();
    expect(store.putAccount("a", 900)).toBe(true);
    expect(state()).toEqual([100, 0, 900, 900]);
    expect(granted(1, 200)).toBe(200);
    expect(state()).toEqual([1000, 200, 0, 0]);
  });

  test("D2: when the unlocked blocks do not suffice, none goes", () => {
    const { store, state, granted, evicted } = world();
    for (const block of ["a", "b"]) {
      store.putAccount(block, 300);
      store.pin(block);
    }
    expect(state()).toEqual([400, 0, 600, 600]);
    expect(granted(1, 500)).toBe(400);
    expect(state()).toEqual([400, 400, 600, 600]);
    store.unpin("b");
    expect(granted(1, 100)).toBe(100);
    expect(evicted).toEqual(["b"]);
    expect(state()).toEqual([700, 500, 300, 300]);
  });

  test("D3: a block of the same RDD stays, borrowed room stays borrowed", () => {
    const { store, state, evicted } = world();
    expect(store.putAccount("rdd_1_0", 600)).toBe(true);
    expect(state()).toEqual([400, 0, 600, 600]);
    expect(store.putAccount("rdd_1_1", 500)).toBe(false);
    expect(state()).toEqual([0, 0, 1000, 600]);
    expect(store.putAccount("rdd_2_0", 500)).toBe(true);
    expect(evicted).toEqual(["rdd_1_0"]);
    expect(state()).toEqual([0, 0, 1000, 500]);
  });

  test("D4: order of use", () => {
    const { store, state, evicted } = world();
    for (const block of ["a", "b", "c"]) store.putAccount(block, 300);
    store.getSize("a");
    expect(store.putAccount("d", 300)).toBe(true);
    expect(evicted).toEqual(["b"]);
    expect(store.putAccount("e", 700)).toBe(true);
    expect(evicted).toEqual(["b", "c", "a"]);
    expect(store.has("d")).toBe(true);
    expect(state()).toEqual([0, 0, 1000, 1000]);
  });

  test("D5: storage beside busy execution", () => {
    const { store, manager, state, granted, evicted } = world();
    expect(granted(1, 900)).toBe(900);
    expect(state()).toEqual([900, 900, 100, 0]);
    expect(store.putAccount("a", 100)).toBe(true);
    expect(store.putAccount("b", 50)).toBe(true);
    expect(evicted).toEqual(["a"]);
    expect(store.putAccount("c", 101)).toBe(false);
    manager.releaseExecution(500, 1, ON_HEAP);
    expect(store.putAccount("c", 101)).toBe(true);
    expect(state()).toEqual([849, 400, 151, 151]);
  });

  test("D6: modes are apart", () => {
    const { store, state, granted, evicted } = world("0.5", OFF_HEAP_1000);
    store.putAccount("a", 600, ON_HEAP);
    store.putAccount("o", 600, OFF_HEAP);
    expect(granted(1, 700, OFF_HEAP)).toBe(700);
    expect(evicted).toEqual(["o"]);
    expect(state(ON_HEAP)).toEqual([400, 0, 600, 600]);
    expect(state(OFF_HEAP)).toEqual([1000, 700, 0, 0]);
  });

  test("D7: blocks may go for a request that gets nothing", () => {
    const { store, state, granted, evicted } = world("0.2");
    expect(granted(1, 400)).toBe(400);
    expect(granted(2, 1)).toBe(1);
    for (const i of [0, 1, 2, 3, 4]) store.putAccount(`b${i}`, 100);
    expect(state()).toEqual([500, 401, 500, 500]);
    expect(granted(1, 500)).toBe(0);
    expect(evicted).toEqual(["b0", "b1", "b2"]);
    expect(state()).toEqual([800, 401, 200, 200]);
  });

  test("D8: caps rise when a task leaves", () => {
    const { manager, granted } = world();
    expect([granted(1, 600), granted(2, 100), granted(1, 500), granted(2, 500)]).toEqual([600, 100, 0, 300]);
    manager.releaseAllExecution(2);
    expect(manager.hasEntry(2, ON_HEAP)).toBe(false);
    expect(granted(1, 500)).toBe(400);
  });

  test("D9: a task that waits for its first byte counts", () => {
    const { manager, granted, exec } = world();
    expect(granted(1, 1000)).toBe(1000);
    expect(exec(2, 1).waiting).toBe(true);
    expect(manager.hasEntry(2, ON_HEAP)).toBe(true);
    expect([manager.executionHeld(2, ON_HEAP), manager.regions[ON_HEAP].entries]).toEqual([0, 2]);
  });

  test("D10: a request met in full never waits", () => {
    const { granted, exec } = world();
    expect(granted(1, 990)).toBe(990);
    expect(granted(2, 10)).toBe(10);
    expect(exec(2, 10).waiting).toBe(true);
  });

  test("D11: one of two waiters", () => {
    const { manager, granted, exec } = world();
    expect(granted(1, 1000)).toBe(1000);
    const [second, third] = [exec(2, 500), exec(3, 500)];
    expect([second.waiting, third.waiting]).toEqual([true, true]);
    manager.releaseExecution(166, 1, ON_HEAP);
    manager.waits.settle();
    expect(second.value).toBe(166);
    expect(third.waiting).toBe(true);
  });

  test("D12: unmanaged memory makes even a lone task wait", () => {
    const waiting = world();
    waiting.manager.setUnmanaged(600, ON_HEAP);
    const step = waiting.exec(0, 900);
    expect(step.waiting).toBe(true);
    expect(waiting.state()).toEqual([900, 0, 100, 0]);
    const granted = world();
    granted.manager.setUnmanaged(500, ON_HEAP);
    expect(granted.granted(0, 900)).toBe(500);
  });
});

const strict = (): ReturnType<typeof smallExecutor> =>
  smallExecutor({ "spark.unsafe.exceptionOnMemoryLeak": "true", "spark.buffer.pageSize": "64" });
const leaking = (executor: ReturnType<typeof smallExecutor>): void => {
  const c = new Greedy(executor.task(7), "hoarder");
  c.acquireMemory(30);
  c.allocatePage(10);
};

describe("section 10: the end of a task", () => {
  test("a leak is thrown when the configuration says so, after the clean-up, unless the task failed", () => {
    const executor = strict();
    leaking(executor);
    expect(() => executor.endTask(7)).toThrow(
      expect.objectContaining({ name: "MemoryLeak", condition: "INTERNAL_ERROR", task: 7, bytes: 94 }),
    );
    expect(executor.manager.executionUsed).toBe(0);
    leaking(executor);
    expect(() => executor.endTask(7)).toThrow(
      "task 7 ended with 94 bytes (94 B) not given back: hoarder holds 94 bytes (94 B, onHeap); page 0 of 64 bytes, owner hoarder",
    );
    leaking(executor);
    expect(executor.endTask(7, true).bytes).toBe(94);
    const lenient = smallExecutor();
    new Greedy(lenient.task(1), "c").acquireMemory(5);
    expect(lenient.endTask(1)).toEqual({ bytes: 5, report: "c holds 5 bytes (5 B, onHeap)" });
    expect(lenient.check()).toEqual([]);
    lenient.task(2);
    expect(lenient.endTask(2)).toEqual({ bytes: 0, report: "" });
    expect(() => lenient.endTask(2)).toThrow(Misuse);
  });

  test("who waits is woken", async () => {
    const executor = smallExecutor();
    new Thriftless(executor.task(1)).acquireMemory(1000);
    const c = new Thriftless(executor.task(2));
    expect(() => c.acquireMemory(500)).toThrow(WouldWait);
    const granted = executor.wait(executor.task(2), c.acquireRequest(500));
    executor.endTask(1);
    expect(await granted).toBe(500);
  });
});
