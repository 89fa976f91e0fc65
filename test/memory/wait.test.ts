// Waiting without promises: who looks when, what a request keeps while it waits, and what is left when it is given up.

import { describe, expect, test } from "vitest";
import { Misuse } from "../../src/execution/refusal.js";
import type { Executor } from "../../src/executor.js";
import { WaitEnded } from "../../src/memory/wait.js";
import { type Request, runNow, Step, WaitList, WouldWait } from "../../src/memory/wait.js";
import { Greedy, ON_HEAP, smallExecutor, Stubborn, Thrifty } from "./doubles.js";

/** A request that notes its looks and ends when `ready` says so. */
function* watching(name: string, looks: string[], ready: () => boolean): Request<string> {
  for (;;) {
    looks.push(name);
    if (ready()) return name;
    yield;
  }
}

function added<T>(list: WaitList, request: Request<T>): Step<T> {
  const step = new Step(request);
  expect(step.look()).toBe(false);
  list.add(step as Step<unknown>);
  return step;
}

describe("the list of who waits", () => {
  test("nobody looks without a wake-up, everybody once after one, the longest waiter first", () => {
    const list = new WaitList();
    const looks: string[] = [];
    for (const name of ["a", "b", "c"])
      added(
        list,
        watching(name, looks, () => false),
      );
    looks.length = 0;
    list.settle();
    expect(looks).toEqual([]);
    list.wake();
    list.wake();
    list.settle();
    expect(looks).toEqual(["a", "b", "c"]);
    list.settle();
    expect(looks).toEqual(["a", "b", "c"]);
    expect(list.size).toBe(3);
  });

  test("who came after a wake-up does not look for it", () => {
    const list = new WaitList();
    const looks: string[] = [];
    added(
      list,
      watching("a", looks, () => false),
    );
    list.wake();
    added(
      list,
      watching("b", looks, () => false),
    );
    looks.length = 0;
    list.settle();
    expect(looks).toEqual(["a"]);
  });

  test("a wake-up that a look causes is for the others, earlier ones included", () => {
    const list = new WaitList();
    const looks: string[] = [];
    let causes = 1;
    added(
      list,
      watching("a", looks, () => false),
    );
    added(
      list,
      watching("b", looks, () => {
        if (looks.length >= 4 && causes > 0) {
          causes -= 1;
          list.wake();
        }
        return false;
      }),
    );
    added(
      list,
      watching("c", looks, () => false),
    );
    list.wake();
    list.settle();
    expect(looks.slice(3)).toEqual(["a", "b", "a", "c"]);
  });

  test("who has its answer leaves, and a settle inside a look is the one that runs already", () => {
    const list = new WaitList();
    const looks: string[] = [];
    let ready = false;
    const a: Step<string> = added(
      list,
      watching("a", looks, () => {
        list.settle();
        if (ready) expect(a.waiting).toBe(true);
        return ready;
      }),
    );
    const b = added(
      list,
      watching("b", looks, () => ready),
    );
    ready = true;
    list.wake();
    list.settle();
    expect([a.value, b.value, list.size]).toEqual(["a", "b", 0]);
    expect(looks).toEqual(["a", "b", "a", "b"]);
  });

  test("a wake-up is not lost when it comes during a settle", () => {
    const list = new WaitList();
    let open = false;
    const a = added(
      list,
      watching("a", [], () => open),
    );
    const b = added(
      list,
      (function* (): Request<void> {
        yield;
        open = true;
        list.wake();
      })(),
    );
    list.wake();
    list.settle();
    expect([a.waiting, b.waiting, list.size]).toEqual([false, false, 0]);
  });

  test("nobody is told of a wake-up where nobody waits", () => {
    const list = new WaitList();
    let told = 0;
    list.onWake = () => {
      told += 1;
    };
    list.wake();
    expect(told).toBe(0);
    added(
      list,
      watching("a", [], () => false),
    );
    list.wake();
    expect(told).toBe(1);
  });

  test("one that is given up in the middle of a look fails with what was said", () => {
    const list = new WaitList();
    const error = new Error("enough");
    const given = (): void => {
      expect(a.looking).toBe(true);
      a.cancel(error);
      a.cancel(new Error("too late"));
    };
    const a = added(
      list,
      (function* (): Request<void> {
        yield;
        given();
        yield;
      })(),
    );
    list.wake();
    list.settle();
    expect([a.waiting, a.looking, list.size]).toEqual([false, false, 0]);
    expect(() => a.value).toThrow(error);
  });

  test("one that throws fails, and the others go on", () => {
    const list = new WaitList();
    const a = added(
      list,
      (function* (): Request<void> {
        yield;
        throw new Error("trouble");
      })(),
    );
    const b = added(
      list,
      (function* (): Request<number> {
        yield;
        return 1;
      })(),
    );
    list.wake();
    list.settle();
    expect(() => a.value).toThrow("trouble");
    expect(b.value).toBe(1);
  });
});

describe("giving up", () => {
  test("ends a request once; later looks and cancels change nothing", () => {
    const looks: string[] = [];
    const step = new Step(watching("a", looks, () => false));
    step.look();
    const ends: string[] = [];
    step.onEnd(() => ends.push("end"));
    step.cancel(new Error("first"));
    step.cancel(new Error("second"));
    expect(step.look()).toBe(true);
    expect(() => step.value).toThrow("first");
    expect([looks, ends]).toEqual([["a"], ["end"]]);
  });

  test("one that is looking just now gets its answer if that look finds it, else it is given up", () => {
    for (const finds of [true, false]) {
      const step: Step<string> = new Step(
        watching("a", [], () => {
          step.cancel(new Error("given up"));
          expect(step.waiting).toBe(true);
          return finds;
        }),
      );
      expect(step.look()).toBe(true);
      if (finds) expect(step.value).toBe("a");
      else expect(() => step.value).toThrow("given up");
    }
  });

  test("the request's own clean-up runs, also when it throws", () => {
    const ends: string[] = [];
    const step = new Step(
      (function* (): Request<void> {
        try {
          yield;
        } finally {
          // oxlint-disable-next-line no-unsafe-finally
          throw new Error("in clean-up");
        }
      })(),
    );
    step.look();
    step.onEnd(() => ends.push("end"));
    expect(() => step.cancel(new Error("given up"))).toThrow("in clean-up");
    expect([step.waiting, ends]).toEqual([false, ["end"]]);
  });

  test("a synchronous caller is told who would wait", () => {
    let cleaned = false;
    const request = function* (): Request<number> {
      try {
        yield;
        return 1;
      } finally {
        cleaned = true;
      }
    };
    expect(() => runNow(request(), () => "c1 would have to wait")).toThrow(
      expect.objectContaining({ name: "WouldWait", message: "c1 would have to wait" }),
    );
    expect(cleaned).toBe(true);
    expect(
      runNow(
        watching("a", [], () => true),
        () => "",
      ),
    ).toBe("a");
  });
});

/**
 * A request that waits in the middle of spilling. Storage holds 430 of 1000 for good, so execution has 570: task 1 holds 300
 * (b) and 20 (c), task 2 holds 200 (d), 50 are free. `a` of task 1 asks for 300 and gets 50; `b` covers the rest and spills,
 * but what it frees goes to `d` at once. So task 1 is left with 70, short of its floor of 570 / 4 = 142, and waits.
 */
function inTheMiddle(): { executor: Executor; a: Thrifty; b: Greedy; c: Greedy; d: Stubborn } {
  const executor = smallExecutor({ "spark.memory.storageFraction": "0" });
  executor.store.putAccount("pinned", 430);
  executor.store.pin("pinned");
  const d = new Stubborn(executor.task(2), "d");
  class Robbed extends Greedy {
    override spill(bytes: number, trigger: Greedy): number {
      const freed = super.spill(bytes, trigger);
      if (freed > 0) d.acquireMemory(freed);
      return freed;
    }
  }
  const a = new Thrifty(executor.task(1), "a");
  const b = new Robbed(executor.task(1), "b");
  const c = new Greedy(executor.task(1), "c");
  b.acquireMemory(300);
  c.acquireMemory(20);
  d.acquireMemory(200);
  expect(executor.manager.state(ON_HEAP)).toEqual([570, 520, 430, 430]);
  return { executor, a, b, c, d };
}

describe("waiting in the middle of spilling", () => {
  test("keeps what was got, the candidates as they were, and the next victim", () => {
    const { executor, a, b, c, d } = inTheMiddle();
    const { manager } = executor;
    const step = a.task.begin(a.acquireRequest(300));
    expect(step.waiting).toBe(true);
    expect(b.asked).toEqual([[250, "a"]]);
    expect(c.asked).toEqual([]);
    expect([manager.executionHeld(1, ON_HEAP), a.used, b.used, d.used]).toEqual([70, 0, 0, 500]);
    expect(executor.check()).toEqual([]);

    // Releases pass through, and change no key of the snapshot.
    c.freeMemory(5);
    manager.waits.settle();
    expect(step.waiting).toBe(true);
    d.freeMemory(100);
    manager.waits.settle();
    // 105 come at once. 145 are missing: b's key is still 300, so it is asked first and has nothing; then c gives its 15.
    expect(step.value).toBe(170);
    expect(b.asked).toEqual([
      [250, "a"],
      [145, "a"],
    ]);
    expect(c.asked).toEqual([
      [145, "a"],
      [130, "a"],
    ]);
    expect([a.used, b.used, c.used, manager.executionHeld(1, ON_HEAP)]).toEqual([170, 0, 0, 170]);
    expect([...a.task.consumers].includes(a)).toBe(true);
    expect(executor.check()).toEqual([]);
    expect(manager.waits.size).toBe(0);
  });

  test("given up, it leaves what it had been granted charged to the task", () => {
    const { executor, a } = inTheMiddle();
    const step = a.task.begin(a.acquireRequest(300));
    step.cancel(new WaitEnded("cancelled"));
    executor.manager.waits.settle();
    expect(executor.manager.waits.size).toBe(0);
    expect([a.used, a.enrolled, executor.manager.executionHeld(1, ON_HEAP)]).toEqual([0, false, 70]);
    expect(a.task.describe()).toContain("50 bytes belong to no consumer");
    expect(a.task.blocked).toBe(false);
    expect(executor.check()).toEqual([]);
    expect(executor.endTask(1).bytes).toBe(70);
  });

  test("a synchronous call leaves the same, as an interrupt would", () => {
    const { executor, a, b } = inTheMiddle();
    expect(() => a.acquireMemory(300)).toThrow(WouldWait);
    expect(b.asked).toEqual([[250, "a"]]);
    expect([a.used, a.enrolled, executor.manager.executionHeld(1, ON_HEAP)]).toEqual([0, false, 70]);
    expect([executor.manager.waits.size, a.task.blocked]).toEqual([0, false]);
    expect(executor.check()).toEqual([]);
  });

  test("a page that waits keeps its number to itself until it is had", () => {
    const { executor, a, d } = inTheMiddle();
    const step = a.task.begin(a.pageRequest(300));
    expect(step.waiting).toBe(true);
    expect(a.task.pages()).toEqual([]);
    d.freeMemory(500);
    executor.manager.waits.settle();
    expect([step.value.bytes, step.value.number, a.used]).toEqual([300, 0, 300]);
    expect(executor.check()).toEqual([]);
  });

  test("further requests of the task queue in order behind it", () => {
    const { executor, a, c, d } = inTheMiddle();
    const task = a.task;
    const first = task.begin(a.acquireRequest(300));
    const order: string[] = [];
    const noting = function* (name: string, bytes: number): Request<number> {
      order.push(`${name} looks`);
      return yield* c.acquireRequest(bytes);
    };
    const second = task.begin(noting("second", 10));
    const third = task.begin(noting("third", 20));
    expect([task.blocked, order]).toEqual([true, []]);
    expect(() => c.acquireMemory(1)).toThrow(WouldWait);
    expect(() => c.allocatePage(1)).toThrow(WouldWait);
    // Other tasks are not kept: d's last 10 bytes are back and taken again.
    d.freeMemory(10);
    expect(d.acquireMemory(10)).toBe(10);
    d.freeMemory(500);
    executor.manager.waits.settle();
    expect([first.value, second.value, third.value]).toEqual([300, 10, 20]);
    expect(order).toEqual(["second looks", "third looks"]);
    expect([a.used, c.used, task.blocked]).toEqual([300, 50, false]);
    expect(executor.check()).toEqual([]);
  });

  test("a queued request that is given up never looks", () => {
    const { executor, a, c, d } = inTheMiddle();
    const first = a.task.begin(a.acquireRequest(300));
    const second = a.task.begin(c.acquireRequest(10));
    const third = a.task.begin(c.acquireRequest(20));
    second.cancel(new WaitEnded("cancelled"));
    d.freeMemory(500);
    executor.manager.waits.settle();
    expect(() => second.value).toThrow(WaitEnded);
    expect([first.value, third.value, c.used]).toEqual([300, 20, 40]);
  });

  test("the end of the task gives up all of them", () => {
    const { executor, a, c } = inTheMiddle();
    const steps = [a.task.begin(a.acquireRequest(300)), a.task.begin(c.acquireRequest(10))];
    expect(executor.endTask(1)).toEqual({
      bytes: 70,
      report: "c holds 20 bytes (20 B, onHeap); 50 bytes belong to no consumer",
    });
    executor.manager.waits.settle();
    for (const step of steps) expect(() => step.value).toThrow(Misuse);
    expect([executor.manager.waits.size, executor.manager.executionUsed]).toEqual([0, 500]);
    expect(executor.check()).toEqual([]);
  });

  test("a clean-up does, and lets none of them look", () => {
    const { executor, a, c } = inTheMiddle();
    let looks = 0;
    const queued = a.task.begin(
      (function* (): Request<number> {
        looks += 1;
        return yield* c.acquireRequest(10);
      })(),
    );
    expect(looks).toBe(1);
    const waiting = a.task.begin(a.acquireRequest(300));
    const late = a.task.begin(watching("late", [], () => true));
    a.task.cleanUpAll();
    expect(queued.value).toBe(10);
    for (const step of [waiting, late]) expect(() => step.value).toThrow(Misuse);
    expect(executor.manager.executionHeld(1, ON_HEAP)).toBe(0);
  });

  test("a request begun inside a spill queues behind the one that spills", () => {
    const executor = smallExecutor();
    let inner: Step<number> | null = null;
    class Chained extends Greedy {
      override spill(bytes: number, trigger: Greedy): number {
        inner ??= this.task.begin(other.acquireRequest(5));
        expect(inner.waiting).toBe(true);
        return super.spill(bytes, trigger);
      }
    }
    const chained = new Chained(executor.task(1), "chained");
    const other = new Stubborn(executor.task(1), "other");
    const asker = new Stubborn(executor.task(1), "asker");
    chained.acquireMemory(1000);
    const step = executor.task(1).begin(asker.acquireRequest(100));
    expect([step.value, inner!.value]).toEqual([100, 5]);
    expect(executor.check()).toEqual([]);
  });
});
