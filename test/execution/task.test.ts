// The task memory manager where things go wrong: the memory refuses, the table is full, a spill fails, somebody misuses a
// page, a consumer or a task. Each time: a typed error that says who and what, and accounts that still hold.

import { describe, expect, test } from "vitest";
import { Consumer } from "../../src/execution/consumer.js";
import { MAX_PAGE_BYTES, Misuse, TaskOutOfMemory, TooLargePage } from "../../src/execution/refusal.js";
import { TaskMemoryManager } from "../../src/execution/task.js";
import { openExecutor } from "../../src/executor.js";
import { AssertionError } from "../../src/fault.js";
import { accountPages } from "../../src/memory/account-pages.js";
import { audit } from "../../src/memory/audit.js";
import { InvalidTask } from "../../src/memory/ledger.js";
import { InvalidRequest, type MemoryManager } from "../../src/memory/manager.js";
import type { Page, PageAllocator } from "../../src/memory/page.js";
import { sparkSpillOrder } from "../../src/policy/victim.js";
import {
  Greedy,
  OFF_HEAP,
  OFF_HEAP_1000,
  ON_HEAP,
  region,
  smallExecutor,
  StubbedManager,
  Stubborn,
  taskOf,
} from "../memory/doubles.js";

/** Has no memory for the next `refuse` requests. */
class Failing implements PageAllocator {
  readonly mode = ON_HEAP;
  readonly #pages = accountPages(ON_HEAP);
  refuse = 0;
  trouble: Error | null = null;
  troubleAtFree: Error | null = null;
  live = 0;

  allocate(bytes: number): Page | null {
    if (this.trouble !== null) throw this.trouble;
    if (this.refuse > 0) {
      this.refuse -= 1;
      return null;
    }
    this.live += 1;
    return this.#pages.allocate(bytes);
  }

  free(page: Page): void {
    if (this.troubleAtFree !== null) throw this.troubleAtFree;
    this.live -= 1;
    this.#pages.free(page);
  }
}

/** Spills its pages. */
class Pager extends Consumer {
  readonly pages: Page[] = [];
  override spill(): number {
    let freed = 0;
    for (const page of this.pages.splice(0)) {
      freed += page.bytes;
      this.freePage(page);
    }
    return freed;
  }
  more(bytes: number): void {
    this.pages.push(this.allocatePage(bytes));
  }
}

function world(total = 1000, pageBytes = 100) {
  const manager = new StubbedManager(region(total));
  const allocator = new Failing();
  const task = taskOf(manager, 1, { allocator, pageBytes });
  const check = (): string[] => audit({ manager, tasks: [task], store: null, rawStorage: [0, 0], consumersOnly: true });
  return { manager, allocator, task, check };
}

describe("when the memory itself refuses a page", () => {
  test("its bytes stay charged and unused, and it is asked for again whole", () => {
    const { allocator, task, check, manager } = world();
    const c = new Pager(task);
    allocator.refuse = 2;
    c.more(100);
    expect([task.acquiredButUnused, c.used, task.used, c.pages[0]!.number]).toEqual([200, 100, 300, 0]);
    expect(check()).toEqual([]);
    // They are no leak: they are given back first.
    c.spill();
    expect(task.cleanUpAll()).toEqual({ bytes: 0, report: "" });
    expect(manager.executionUsed).toBe(0);
  });

  test("the account runs out, which makes others spill", () => {
    const { allocator, task, check } = world(500);
    const other = new Pager(task, { name: "other" });
    other.more(100);
    other.more(100);
    const c = new Pager(task, { name: "c" });
    // 300 are free: three refusals use them up, then `other` has to spill.
    allocator.refuse = 3;
    c.more(100);
    expect([other.used, c.used, task.acquiredButUnused, task.used]).toEqual([0, 100, 300, 400]);
    expect(check()).toEqual([]);
  });

  test("for good, it ends with a refusal and nothing lost", () => {
    const { allocator, task, check, manager } = world(500);
    const c = new Pager(task, { name: "c" });
    allocator.refuse = Infinity;
    expect(() => c.more(100)).toThrow(TaskOutOfMemory);
    expect([c.used, task.acquiredButUnused, manager.executionUsed, allocator.live]).toEqual([0, 500, 500, 0]);
    expect(check()).toEqual([]);
    expect(task.cleanUpAll().bytes).toBe(0);
    expect(manager.executionUsed).toBe(0);
  });

  test("with an error, bytes and number are back", () => {
    const { allocator, task, check, manager } = world();
    const c = new Pager(task);
    allocator.trouble = new Error("broken");
    expect(() => c.more(100)).toThrow("broken");
    expect([manager.executionUsed, c.used, task.acquiredButUnused]).toEqual([0, 0, 0]);
    allocator.trouble = null;
    c.more(100);
    expect(c.pages[0]!.number).toBe(0);
    expect(check()).toEqual([]);
  });
});

describe("when a page comes back broken", () => {
  test("its bytes stay with the consumer and are back at the end", () => {
    const { allocator, task, manager } = world();
    const c = new Pager(task);
    c.more(100);
    c.more(100);
    allocator.troubleAtFree = new Error("written past its end");
    const broken = c.pages[0]!;
    expect(() => c.freePage(broken)).toThrow("written past its end");
    expect([c.used, task.used, task.pages().length]).toEqual([200, 200, 1]);
    expect(() => c.freePage(broken)).toThrow("it has been freed in its task already");
    expect(() => task.cleanUpAll()).toThrow("written past its end");
    expect([manager.executionUsed, task.pages()]).toEqual([0, []]);
  });

  test("at the end of a task all others are freed, and waiters woken", () => {
    const executor = smallExecutor();
    const allocator = executor.allocator(ON_HEAP);
    const c = new Pager(executor.task(1));
    for (const _ of [1, 2, 3]) c.more(100);
    const free = allocator.free.bind(allocator);
    const freed: Page[] = [];
    allocator.free = (page) => {
      if (page === c.pages[1]) throw new Error("written past its end");
      freed.push(page);
      free(page);
    };
    expect(() => executor.endTask(1)).toThrow("written past its end");
    expect([freed.length, executor.manager.executionUsed]).toEqual([2, 0]);
    expect(executor.check()).toEqual([]);
    expect([...executor.tasks]).toEqual([]);
  });
});

describe("pages that cannot be", () => {
  test("larger than the largest page", () => {
    const { task, manager } = world();
    const c = new Pager(task);
    expect(MAX_PAGE_BYTES).toBe(17179869176);
    expect(caught(() => c.allocatePage(MAX_PAGE_BYTES + 1))).toMatchObject({
      name: "TooLargePage",
      bytes: 17179869177,
      message: "a page of 17179869177 bytes is larger than the largest page of 17179869176 bytes",
    });
    expect(() => c.allocateArray(2 ** 31)).toThrow(TooLargePage);
    expect(() => [...c.pageRequest(MAX_PAGE_BYTES + 1)]).toThrow(TooLargePage);
    // The largest itself is only a matter of memory.
    expect(() => c.allocatePage(MAX_PAGE_BYTES)).toThrow(TaskOutOfMemory);
    expect([manager.executionUsed, c.used]).toEqual([0, 0]);
  });

  test("the 8193rd of a task", () => {
    const { task, manager, check } = world(100_000, 1);
    const c = new Pager(task, { name: "hoarder" });
    for (let i = 0; i < 8192; i += 1) c.more(1);
    expect([c.used, c.pages[8191]!.number]).toEqual([8192, 8191]);
    expect(caught(() => c.more(1))).toMatchObject({ name: "PageTableFull" });
    expect(() => c.more(1)).toThrow("task 1 has all 8192 pages of its table in use (hoarder asked for 1 bytes)");
    expect([manager.executionUsed, c.used, task.peak(ON_HEAP)]).toEqual([8192, 8192, 8193]);
    c.freePage(c.pages[77]!);
    c.pages.splice(77, 1);
    c.more(1);
    expect(c.pages.at(-1)!.number).toBe(77);
    expect(check()).toEqual([]);
  });

  test("of another size than the allocator was asked for", () => {
    const { allocator, task } = world();
    allocator.allocate = () => accountPages(ON_HEAP).allocate(99);
    expect(() => new Pager(task).allocatePage(100)).toThrow(new AssertionError("a page of 99 bytes for 100"));
  });

  test("of the other mode", () => {
    const { task } = world();
    const c = new Pager(task, { mode: OFF_HEAP, name: "stranger" });
    expect(() => c.allocatePage(1)).toThrow(Misuse);
    expect(() => c.allocatePage(1)).toThrow("stranger is offHeap and asks for a page of a onHeap task");
  });

  test("smaller than asked for: given back, and refused with what came", () => {
    const { task, manager, check } = world(150, 100);
    const c = new Stubborn(task, "c");
    // A page between what is needed and the page size is taken as it is.
    const pages = [c.allocatePage(50), c.allocatePage(50)];
    expect(pages.map((page) => page.bytes)).toEqual([100, 50]);
    for (const page of pages) c.freePage(page);
    new Stubborn(task, "other").acquireMemory(100);
    const refusal = caught(() => c.allocatePage(60)) as TaskOutOfMemory;
    expect(refusal).toBeInstanceOf(TaskOutOfMemory);
    expect([refusal.requested, refusal.received, refusal.condition]).toEqual([60, 50, "UNABLE_TO_ACQUIRE_MEMORY"]);
    expect([c.used, manager.executionUsed, task.pages()]).toEqual([0, 100, []]);
    expect(check()).toEqual([]);
  });
});

describe("a spill that fails", () => {
  class Broken extends Consumer {
    trouble: Error = Object.assign(new Error("i/o error, write"), { code: "EIO" });
    override spill(): number {
      throw this.trouble;
    }
  }

  const setting = () => {
    const { task, manager, check } = world(100);
    const broken = new Broken(task, { name: "sorter" });
    broken.acquireMemory(80);
    const c = new Stubborn(task, "asker");
    return { task, manager, check, broken, c };
  };

  test.each(["EIO", "ENOSPC", "EMFILE"])("with %s is the task's refusal and keeps what was got charged", (code) => {
    const { task, broken, c, check } = setting();
    broken.trouble = Object.assign(new Error("the disk"), { code });
    const seen: unknown[] = [];
    task.onSpill = ({ consumer, trigger, asked, freed }) => seen.push([consumer.name, trigger.name, asked, freed]);
    const refusal = caught(() => c.acquireMemory(60)) as TaskOutOfMemory;
    expect(refusal).toBeInstanceOf(TaskOutOfMemory);
    expect([refusal.condition, refusal.cause]).toEqual(["SPILL_OUT_OF_MEMORY", broken.trouble]);
    expect(refusal.message).toMatch(/^sorter of task 1 could not spill: the disk; asker of task 1 asked for 40 bytes/);
    expect(seen).toEqual([["sorter", "asker", 40, -1]]);
    // Section 5.2: 20 were granted before, and the asker does not join the consumers.
    expect([c.used, c.enrolled, task.used]).toEqual([0, false, 100]);
    expect(check()).toEqual([]);
    expect(task.cleanUpAll()).toEqual({
      bytes: 100,
      report: "sorter holds 80 bytes (80 B, onHeap); 20 bytes belong to no consumer",
    });
  });

  test("with the error of a spill store counts as one of the disk, whatever its code", () => {
    const { broken, c } = setting();
    broken.trouble = Object.assign(new Error("cap reached"), { name: "SpillError", code: null });
    expect(() => c.acquireMemory(60)).toThrow(expect.objectContaining({ condition: "SPILL_OUT_OF_MEMORY" }));
  });

  const coded = (code: unknown): Error => Object.assign(new Error(`coded ${String(code)}`), { code });

  test.each([
    new TypeError("a bug"),
    coded("ERR_WORKER"),
    coded("E"),
    coded("EIO!"),
    coded(5),
    new Error("plain"),
    "EIO",
  ])("with %s goes on unchanged", (trouble) => {
    const { broken, c, check } = setting();
    broken.trouble = trouble as Error;
    expect(caught(() => c.acquireMemory(60))).toBe(trouble);
    expect(check()).toEqual([]);
  });

  test("with the words of an error and none of its kind goes on unchanged", () => {
    const { broken, c } = setting();
    broken.trouble = Object.assign({ name: "SpillError", message: "the disk" }, { code: "EIO" });
    expect(caught(() => c.acquireMemory(60))).toBe(broken.trouble);
  });

  test("of the observer is not the disk's", () => {
    const { task, check } = world(100);
    const greedy = new Greedy(task, "greedy");
    greedy.acquireMemory(80);
    task.onSpill = () => {
      throw Object.assign(new Error("log full"), { code: "ENOSPC" });
    };
    expect(() => new Stubborn(task, "asker").acquireMemory(60)).toThrow("log full");
    expect([greedy.used, task.used]).toEqual([0, 20]);
    expect(check()).toEqual([]);
  });
});

describe("the refusal", () => {
  test("says who asked, what was held, what was free, the bound, and the largest holders", () => {
    const executor = smallExecutor({ "spark.testing.memory": "1000000", "spark.memory.storageFraction": "0" });
    const task = executor.task(7);
    new Stubborn(executor.task(8), "peer").acquireMemory(300_000);
    for (const [name, bytes] of [
      ["small", 1024],
      ["large", 300_000],
      ["middle", 100_000],
      ["tiny", 1],
    ] as const)
      new Stubborn(task, name).acquireMemory(bytes);
    executor.manager.acquireExecution(2048, 7, ON_HEAP);
    const refusal = caught(() => new Stubborn(task, "asker").allocatePage(250_000)) as TaskOutOfMemory;
    expect(refusal.shortage).toEqual({
      task: 7,
      consumer: "asker",
      requested: 250_000,
      received: 96_927,
      held: 403_073,
      free: 296_927,
      cap: 500_000,
      tasks: 2,
      holders: [
        { consumer: "large", bytes: 300_000 },
        { consumer: "middle", bytes: 100_000 },
        { consumer: "small", bytes: 1024 },
        { consumer: "tiny", bytes: 1 },
      ],
      unassociated: 2048,
    });
    expect(refusal.message).toBe(
      "not enough memory; asker of task 7 asked for 250000 bytes (244.1 KiB) and received 96927; the task holds 393.6 KiB " +
        "of at most 488.3 KiB (1/2 of the pool's reach), 290.0 KiB are free; largest holders: large 293.0 KiB, " +
        "middle 97.7 KiB, small 1.0 KiB, no consumer 2.0 KiB",
    );
  });

  test("says so when nobody holds anything, and has no cause of its own", () => {
    const { task, manager } = world(100);
    manager.exec(2, 100);
    const c = new Stubborn(task, "c");
    const refusal = task.outOfMemory(c, 10, 0);
    expect(refusal.message).toBe(
      "not enough memory; c of task 1 asked for 10 bytes (10 B) and received 0; the task holds 0 B of at most 100 B " +
        "(1/1 of the pool's reach), 0 B are free; largest holders: none",
    );
    expect([refusal.name, "cause" in refusal]).toEqual(["TaskOutOfMemory", false]);
  });

  test("is worded for who would have to wait", () => {
    const { task, manager } = world();
    manager.exec(2, 1000);
    const c = new Stubborn(task, "c");
    const words =
      "c of task 1 would have to wait for 2048 bytes (2.0 KiB) of onHeap execution memory that other tasks hold";
    expect(caught(() => c.acquireMemory(2048))).toMatchObject({ name: "WouldWait", message: words });
    expect(caught(() => c.allocatePage(2048))).toMatchObject({ name: "WouldWait", message: words });
  });

  test("a task describes what it holds", () => {
    const { task } = world();
    expect(task.describe()).toBe("task 1 holds nothing");
    new Stubborn(task, "c").acquireMemory(10);
    new Stubborn(task, "d").acquireMemory(20);
    expect(task.describe()).toBe("task 1: d holds 20 bytes (20 B, onHeap); c holds 10 bytes (10 B, onHeap)");
  });

  test("a leak report names consumers, pages, and how many more pages there are", () => {
    const { task } = world(10_000, 10);
    const c = new Pager(task, { name: "hoarder" });
    for (let i = 0; i < 11; i += 1) c.more(10);
    new Stubborn(task, "other").acquireMemory(5);
    const { bytes, report } = task.cleanUpAll();
    expect(bytes).toBe(115);
    expect(report).toMatch(
      /^hoarder holds 110 bytes \(110 B, onHeap\); other holds 5 bytes \(5 B, onHeap\); page 0 of 10 bytes, owner hoarder; /,
    );
    expect(report).toMatch(/; and 3 more pages$/);
  });
});

describe("misuse", () => {
  test("a page freed twice, by another consumer, of another task, or never allocated", () => {
    const { task, manager, check } = world();
    const other = taskOf(manager, 2, { pageBytes: 100 });
    const [c, d] = [new Pager(task, { name: "c" }), new Pager(task, { name: "d" })];
    const e = new Pager(other, { name: "e" });
    const page = c.allocatePage(100);
    d.allocatePage(100);
    e.allocatePage(100);
    expect(() => d.freePage(page)).toThrow("d of task 1 frees a page of 100 bytes that it cannot: page 0 belongs to c");
    expect(() => e.freePage(page)).toThrow("page 0 is not in the table of task 2");
    expect([c.used, d.used, e.used, manager.executionUsed]).toEqual([100, 100, 100, 300]);
    c.freePage(page);
    expect(() => c.freePage(page)).toThrow("it has been freed already");
    expect(() => c.freePage(accountPages(ON_HEAP).allocate(8)!)).toThrow("it was not allocated through a task");
    expect([c.used, d.used, e.used, manager.executionUsed]).toEqual([0, 100, 100, 200]);
    for (const each of [c, d, e]) expect(caught(() => each.freePage(page))).toBeInstanceOf(Misuse);
    expect(check().filter((law) => !law.includes("task 2"))).toEqual([]);
  });

  test("giving back more than one holds", () => {
    const { task, manager, check } = world();
    const [c, d] = [new Stubborn(task, "c"), new Stubborn(task, "d")];
    c.acquireMemory(10);
    d.acquireMemory(10);
    expect(() => c.freeMemory(11)).toThrow("c gives back 11 bytes and holds 10");
    expect(() => c.freeMemory(11)).toThrow(Misuse);
    expect([c.used, d.used, manager.executionUsed]).toEqual([10, 10, 20]);
    c.freeMemory(10);
    expect(check()).toEqual([]);
  });

  test("a consumer of another task", () => {
    const { task, manager } = world();
    const stranger = new Stubborn(taskOf(manager, 2), "stranger");
    stranger.acquireMemory(10);
    for (const ask of [
      () => task.acquireExecutionMemory(1, stranger),
      () => task.allocatePage(1, stranger),
      () => [...task.acquireRequest(1, stranger)],
      () => [...task.pageRequest(1, stranger)],
      () => task.releaseExecutionMemory(1, stranger),
    ])
      expect(caught(ask)).toMatchObject({ name: "Misuse", message: "stranger belongs to task 2, not to task 1" });
    expect([manager.executionHeld(1, ON_HEAP), manager.executionHeld(2, ON_HEAP)]).toEqual([0, 10]);
  });

  test("a task that has ended: no requests, and releases give back nothing", () => {
    const executor = smallExecutor();
    const old = new Pager(executor.task(1), { name: "old" });
    old.acquireMemory(100);
    const page = old.allocatePage(1);
    executor.endTask(1);
    // The id lives again.
    const young = new Pager(executor.task(1), { name: "young" });
    young.acquireMemory(50);
    for (const ask of [
      () => old.acquireMemory(1),
      () => old.allocatePage(1),
      () => [...old.acquireRequest(1)],
      () => [...old.pageRequest(1)],
      () => old.freePage(page),
    ])
      expect(caught(ask)).toBeInstanceOf(Misuse);
    expect(() => old.acquireMemory(1)).toThrow("task 1 has ended");
    old.freeMemory(100);
    expect([young.used, executor.manager.executionUsed]).toEqual([50, 50]);
    expect(executor.check()).toEqual([]);
  });

  test("a task that ends inside its own spill: the request is refused, and nothing is charged", () => {
    const executor = smallExecutor();
    class Ending extends Greedy {
      override spill(bytes: number, trigger: Consumer): number {
        executor.endTask(1);
        return super.spill(bytes, trigger);
      }
    }
    new Ending(executor.task(1), "ending").acquireMemory(900);
    const c = new Stubborn(executor.task(1), "c");
    expect(() => c.acquireMemory(500)).toThrow("task 1 has ended");
    expect([c.used, executor.manager.executionUsed]).toEqual([0, 0]);
    expect(executor.check()).toEqual([]);
  });

  test("a task that ends inside an eviction for it", () => {
    const executor = smallExecutor();
    executor.store.putAccount("a", 800);
    executor.store.onEvict = () => executor.endTask(1);
    const c = new Stubborn(executor.task(1), "c");
    c.acquireMemory(100);
    expect(() => c.acquireMemory(500)).toThrow("key not found");
    expect([executor.manager.executionUsed, executor.store.size]).toEqual([0, 0]);
    expect(executor.check()).toEqual([]);
  });

  test("a consumer that goes on after a clean-up joins again with its next acquire", () => {
    const { task, check } = world();
    const c = new Greedy(task, "c");
    c.acquireMemory(600);
    expect(task.cleanUpAll().bytes).toBe(600);
    // Its own count is its own (section 5.7).
    expect([c.used, task.consumers.size]).toEqual([600, 0]);
    c.used = 0;
    expect(c.acquireMemory(700)).toBe(700);
    expect([...task.consumers]).toEqual([c]);
    expect(new Stubborn(task, "d").acquireMemory(500)).toBe(500);
    expect([c.used, c.asked]).toEqual([0, [[200, "d"]]]);
    expect(check()).toEqual([]);
  });

  test("an address of no page", () => {
    const { task } = world();
    const c = new Pager(task);
    const page = c.allocatePage(100);
    const address = task.encode(page, 5);
    expect(task.pageAt(address)).toBe(page);
    c.freePage(page);
    expect(() => task.pageAt(address)).toThrow("task 1 has no page 0 (address 5)");
    expect(() => task.byteAt(2 ** 45)).toThrow(Misuse);
  });

  test.each([0.5, Number.NaN, 2 ** 60])("a task called %d", (id) => {
    const { manager } = world();
    expect(() => taskOf(manager, id)).toThrow(InvalidTask);
    expect(() => smallExecutor().task(id)).toThrow(InvalidTask);
  });
});

describe("sizes that are none", () => {
  const BAD = [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 2 ** 53];

  test.each(BAD)("%d bytes, at every entry", (bytes) => {
    const executor = smallExecutor(OFF_HEAP_1000);
    const { manager, store } = executor;
    const c = new Pager(executor.task(1), { name: "c" });
    c.acquireMemory(20);
    store.reserveUnroll("u", 30, ON_HEAP);
    const before = JSON.stringify([manager.state(ON_HEAP), manager.state(OFF_HEAP), c.used, store.unrolled(ON_HEAP)]);
    const refused: [string, () => unknown][] = [
      ["acquireExecution", () => manager.acquireExecution(bytes, 1, ON_HEAP)],
      ["retryExecution", () => manager.retryExecution(bytes, 1, ON_HEAP)],
      ["executionRequest", () => [...manager.executionRequest(bytes, 1, ON_HEAP)]],
      ["acquireStorage", () => manager.acquireStorage("a", bytes, ON_HEAP)],
      ["acquireUnroll", () => manager.acquireUnroll("a", bytes, OFF_HEAP)],
      ["releaseExecution", () => manager.releaseExecution(bytes, 1, ON_HEAP)],
      ["releaseStorage", () => manager.releaseStorage(bytes, ON_HEAP)],
      ["setUnmanaged", () => manager.setUnmanaged(bytes, ON_HEAP)],
      ["putAccount", () => store.putAccount("a", bytes)],
      ["reserveUnroll", () => store.reserveUnroll("a", bytes, ON_HEAP)],
      ["releaseUnroll", () => store.releaseUnroll(bytes, ON_HEAP)],
      ["acquireMemory", () => c.acquireMemory(bytes)],
      ["acquireRequest", () => [...c.acquireRequest(bytes)]],
      ["allocatePage", () => c.allocatePage(bytes)],
      ["pageRequest", () => [...c.pageRequest(bytes)]],
      ["allocateArray", () => c.allocateArray(bytes)],
    ];
    for (const [entry, ask] of refused) expect(caught(ask), entry).toBeInstanceOf(InvalidRequest);
    expect(() => c.allocatePage(bytes)).toThrow(`page of ${bytes} bytes: a size is`);
    expect(() => c.allocateArray(bytes)).toThrow(`array of ${8 * bytes} bytes: a size is`);
    expect(caught(() => c.freeMemory(bytes))).toMatchObject({ name: bytes > 20 ? "Misuse" : "InvalidRequest" });
    expect(JSON.stringify([manager.state(ON_HEAP), manager.state(OFF_HEAP), c.used, store.unrolled(ON_HEAP)])).toBe(
      before,
    );
    expect(executor.check()).toEqual([]);
  });

  test("nothing is no request for execution memory, and is one for storage", () => {
    const executor = smallExecutor();
    const c = new Pager(executor.task(1));
    expect(() => c.acquireMemory(0)).toThrow(InvalidRequest);
    expect(() => c.allocateArray(0)).toThrow("array of 0 bytes: a size is");
    expect(executor.manager.hasEntry(1, ON_HEAP)).toBe(false);
    expect(c.allocatePage(0).bytes).toBe(100);
    expect(executor.store.putAccount("empty", 0)).toBe(true);
    expect(executor.check()).toEqual([]);
  });
});

// Section 5.2: who spills itself, and how often. `c` holds 60 and never more than 20 at a time goes.
const run = (release: number, held = 100): [number, [number, string][]] => {
  const manager: MemoryManager = new StubbedManager(region(100, 0));
  const task = new TaskMemoryManager({
    id: 1,
    manager,
    allocator: accountPages(ON_HEAP),
    pageBytes: 1,
    spillOrder: openExecutor({ generation: `${Math.floor(release / 100)}.${release % 100}`, conf: {} }).spillOrder,
  });
  class Slow extends Greedy {
    override spill(bytes: number, trigger: Consumer): number {
      this.asked.push([bytes, trigger.name]);
      return this.give(Math.min(20, this.used));
    }
  }
  const c = new Slow(task, "c");
  c.acquireMemory(held);
  return [c.acquireMemory(60), c.asked];
};

describe("spill orders by generation", () => {
  test.each([
    [204, 20, 1],
    [301, 20, 1],
    [302, 60, 3],
    [303, 60, 3],
    [401, 60, 3],
  ])("release %d: gets %d by %d spills of its own", (release, got, spills) => {
    const [granted, asked] = run(release);
    expect([granted, asked.length]).toEqual([got, spills]);
  });

  // Of 100 it holds 90, so that 10 are granted at once; each spill then frees 20, the last more than is needed.
  test.each<[number, number, number[]]>([
    [204, 30, [50]],
    [302, 60, [50, 30, 10]],
    [401, 60, [50, 30, 10]],
  ])("release %d: gets %d, asked for what is still missing", (release, got, needs) => {
    const [granted, asked] = run(release, 90);
    expect([granted, asked]).toEqual([got, needs.map((need) => [need, "c"])]);
  });

  test.each([204, 302, 401])("release %d: who frees nothing is asked once, and the manager not again", (release) => {
    const manager = new StubbedManager(region(100, 0));
    let short = 0;
    manager.observer = {
      shortGrant: () => {
        short += 1;
      },
    };
    const c = new Stubborn(taskOf(manager, 1, { release }), "c");
    c.acquireMemory(90);
    expect([c.acquireMemory(60), c.asked, short]).toEqual([10, [[50, "c"]], 1]);
  });

  test("who holds nothing is not asked", () => {
    const { task } = world(100);
    const [idle, holder] = [new Stubborn(task, "idle"), new Stubborn(task, "holder")];
    idle.acquireMemory(10);
    idle.freeMemory(10);
    holder.acquireMemory(100);
    expect(new Stubborn(task, "c").acquireMemory(5)).toBe(0);
    expect([idle.asked, holder.asked]).toEqual([[], [[5, "c"]]]);
  });
});

test("spills are told to who opened the task", () => {
  const manager = new StubbedManager(region(100, 0));
  const told: unknown[] = [];
  const task = new TaskMemoryManager({
    id: 7,
    manager,
    allocator: accountPages(ON_HEAP),
    pageBytes: 1,
    spillOrder: sparkSpillOrder(401),
    onSpill: (spill) => told.push(spill),
  });
  const greedy = new Greedy(task, "greedy");
  greedy.acquireMemory(90);
  const c = new Stubborn(task, "c");
  expect(c.acquireMemory(60)).toBe(60);
  expect(told).toEqual([{ task: 7, consumer: greedy, trigger: c, asked: 50, freed: 90 }]);
});

test("a spill that gives back what another consumer of the task held is believed", () => {
  const { task } = world(100);
  const hoard = new Stubborn(task, "hoard");
  hoard.acquireMemory(50);
  class Keeper extends Greedy {
    override spill(bytes: number, trigger: Consumer): number {
      this.asked.push([bytes, trigger.name]);
      return hoard.give(hoard.used);
    }
  }
  const keeper = new Keeper(task, "keeper");
  keeper.acquireMemory(50);
  expect(new Stubborn(task, "c").acquireMemory(40)).toBe(40);
  expect([hoard.used, keeper.used, keeper.asked]).toEqual([0, 50, [[40, "c"]]]);
});

test("what a request of the task asks for while it looks is part of it", () => {
  const executor = smallExecutor();
  const c = new Pager(executor.task(1), { name: "c" });
  const step = c.task.begin(
    (function* () {
      c.acquireMemory(10);
      c.more(100);
      return yield* c.acquireRequest(20);
    })(),
  );
  expect([step.waiting, c.used, c.task.blocked]).toEqual([false, 130, false]);
});

test("while a request of the task waits, nothing else of it is answered, not even in the other mode", () => {
  const executor = smallExecutor(OFF_HEAP_1000);
  new Stubborn(executor.task(1), "holder", { mode: OFF_HEAP }).acquireMemory(1000);
  const task = executor.task(2);
  const [waiter, c] = [new Stubborn(task, "waiter", { mode: OFF_HEAP }), new Stubborn(task, "c")];
  task.begin(waiter.acquireRequest(500));
  expect(task.blocked).toBe(true);
  const refusal = { name: "WouldWait", message: "c of task 2 would have to wait: a request of its task waits already" };
  expect(caught(() => c.acquireMemory(1))).toMatchObject(refusal);
  expect(caught(() => c.allocatePage(1))).toMatchObject(refusal);
  expect([c.used, executor.manager.hasEntry(2, ON_HEAP)]).toEqual([0, false]);
  executor.endTask(1);
  executor.manager.waits.settle();
  expect([waiter.used, c.acquireMemory(1)]).toEqual([500, 1]);
});

test("a spill that gives nothing back and says that it did is named, not asked for ever", () => {
  const manager = new StubbedManager(region(100, 0));
  const task = taskOf(manager, 1);
  class Liar extends Consumer {
    override spill(): number {
      return 1_000_000;
    }
  }
  const liar = new Liar(task, { name: "liar" });
  liar.acquireMemory(100);
  const error = caught(() => new Greedy(task, "g").acquireMemory(10));
  expect(error).toBeInstanceOf(Misuse);
  expect((error as Misuse).message).toContain("liar says that it freed 1000000 bytes");
  expect([liar.used, manager.executionHeld(1, ON_HEAP)]).toEqual([100, 100]);
});

test.each([-1, 0.5, Number.NaN, Promise.resolve(5)])("an answer of %s to a spill is no number of bytes", (answer) => {
  const task = taskOf(new StubbedManager(region(100, 0)), 1);
  class Odd extends Consumer {
    override spill(): number {
      return answer as number;
    }
  }
  new Odd(task, { name: "odd" }).acquireMemory(100);
  const error = caught(() => new Greedy(task, "g").acquireMemory(10));
  expect(error).toBeInstanceOf(Misuse);
  expect((error as Misuse).message).toContain("odd answers a spill with");
});

test("a spill that asks for memory, which has it spill again, is named before the stack ends", () => {
  const task = taskOf(new StubbedManager(region(100, 0)), 1);
  class Nested extends Consumer {
    override spill(): number {
      this.acquireMemory(5);
      return 0;
    }
  }
  new Nested(task, { name: "nested" }).acquireMemory(100);
  const error = caught(() => new Greedy(task, "g").acquireMemory(10));
  expect((error as Misuse).message).toBe("nested asks for memory in its own spill, again and again");
});

test.each([
  [401, "SPILL_OUT_OF_MEMORY"],
  [400, null],
  [305, null],
  [204, null],
])("release %d: a failed spill has the condition %s", (release, condition) => {
  const task = taskOf(new StubbedManager(region(100, 0)), 1, { release });
  class Broken extends Consumer {
    override spill(): number {
      throw Object.assign(new Error("no space"), { code: "ENOSPC" });
    }
  }
  new Broken(task, { name: "broken" }).acquireMemory(100);
  expect(caught(() => new Greedy(task, "g").acquireMemory(10))).toMatchObject({ condition, spillFailed: true });
});

function caught(ask: () => unknown): unknown {
  try {
    ask();
  } catch (error) {
    return error;
  }
  return expect.fail("nothing was thrown");
}
