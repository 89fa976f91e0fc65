// Waiting by promise: grants, signals, time-outs, retries, and crowds of logical tasks on one thread.

import * as fc from "fast-check";
import { getEventListeners } from "node:events";
import { describe, expect, test, vi } from "vitest";
import type { Consumer } from "../../src/execution/consumer.js";
import type { Executor } from "../../src/executor.js";
import { WaitEnded } from "../../src/memory/wait.js";
import { InvalidRequest } from "../../src/memory/manager.js";
import { WouldWait } from "../../src/memory/wait.js";
import { numbers, seeded } from "../help/seed.js";
import { Greedy, ON_HEAP, smallExecutor, Stubborn, Thrifty } from "./doubles.js";

/** Task 1 holds everything; a consumer of task 2. */
function full(): { executor: Executor; holder: Stubborn; c: Stubborn } {
  const executor = smallExecutor();
  const holder = new Stubborn(executor.task(1), "holder");
  holder.acquireMemory(1000);
  return { executor, holder, c: new Stubborn(executor.task(2), "c") };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("a wait", () => {
  test("ends with the grant, after the release and not during it", async () => {
    const { executor, holder, c } = full();
    const granted = executor.wait(c.task, c.acquireRequest(500));
    holder.freeMemory(600);
    expect(c.used).toBe(0);
    expect(await granted).toBe(500);
    expect([c.used, executor.manager.waits.size]).toEqual([500, 0]);
    expect(executor.check()).toEqual([]);
  });

  test("is none where there is room", async () => {
    const { executor, holder, c } = full();
    holder.freeMemory(600);
    const granted = executor.wait(c.task, c.acquireRequest(100));
    expect(c.used).toBe(100);
    expect(await granted).toBe(100);
  });

  test("goes by arrival: the longest waiter first", async () => {
    const { executor, holder, c } = full();
    const others = [3, 4].map((id) => new Stubborn(executor.task(id), `c${id}`));
    const order: string[] = [];
    const waits = [c, ...others].map(async (each) => {
      const got = await executor.wait(each.task, each.acquireRequest(125));
      order.push(`${each.name} ${got}`);
    });
    expect(executor.manager.waits.size).toBe(3);
    holder.freeMemory(125);
    await turn();
    expect(order).toEqual(["c 125"]);
    holder.freeMemory(250);
    await Promise.all(waits);
    expect(order).toEqual(["c 125", "c3 125", "c4 125"]);
  });

  test("rejects with what the request throws", async () => {
    const { executor, holder, c } = full();
    const wait = executor.wait(c.task, c.acquireRequest(500));
    executor.manager.releaseExecution(0, 2, ON_HEAP);
    holder.freeMemory(1);
    await expect(wait).rejects.toThrow("key not found");
    await expect(executor.wait(c.task, c.acquireRequest(-1))).rejects.toThrow(InvalidRequest);
    expect(executor.manager.waits.size).toBe(0);
    expect(c.task.blocked).toBe(false);
  });
});

describe("giving up", () => {
  test.each([
    [
      "a signal",
      (controller: AbortController) => ({ signal: controller.signal }),
      "cancelled",
      "the wait for memory was cancelled",
    ],
    ["a time-out", () => ({ timeoutMs: 1 }), "timed-out", "the wait for memory took too long"],
    ["a time-out of nothing", () => ({ timeoutMs: 0 }), "timed-out", "the wait for memory took too long"],
  ] as const)("by %s leaves the entry and an empty list", async (_name, options, reason, message) => {
    const { executor, holder, c } = full();
    const controller = new AbortController();
    const wait = executor.wait(c.task, c.acquireRequest(500), options(controller));
    expect([executor.manager.hasEntry(2, ON_HEAP), executor.manager.waits.size]).toEqual([true, 1]);
    controller.abort(new Error("enough"));
    await expect(wait).rejects.toThrow(expect.objectContaining({ name: "WaitEnded", reason, message }));
    await turn();
    expect([executor.manager.hasEntry(2, ON_HEAP), executor.manager.waits.size, c.task.blocked]).toEqual([
      true,
      0,
      false,
    ]);
    // The entry counts: N is 2, so the holder is over its half and gets nothing more.
    holder.freeMemory(100);
    expect(holder.acquireMemory(100)).toBe(0);
    expect(executor.check()).toEqual([]);
  });

  test("a signal's reason is the cause", async () => {
    const { executor, c } = full();
    const controller = new AbortController();
    const wait = executor.wait(c.task, c.acquireRequest(500), { signal: controller.signal });
    const reason = new Error("enough");
    controller.abort(reason);
    await expect(wait).rejects.toThrow(expect.objectContaining({ cause: reason }));
  });

  test("before the start nothing is asked", async () => {
    const { executor, c } = full();
    await expect(executor.wait(c.task, c.acquireRequest(500), { signal: AbortSignal.abort() })).rejects.toThrow(
      expect.objectContaining({ name: "WaitEnded", reason: "cancelled" }),
    );
    expect(executor.manager.hasEntry(2, ON_HEAP)).toBe(false);
  });

  test("a signal that is set off during the first look counts", async () => {
    const { executor, c } = full();
    const controller = new AbortController();
    const request = (function* () {
      controller.abort();
      return yield* c.acquireRequest(500);
    })();
    await expect(executor.wait(c.task, request, { signal: controller.signal })).rejects.toThrow(WaitEnded);
    await turn();
    expect(executor.manager.waits.size).toBe(0);
  });

  test("a signal in the middle of a spill waits for the end of that look", async () => {
    const executor = smallExecutor();
    const controller = new AbortController();
    class Aborting extends Greedy {
      override spill(bytes: number, trigger: Consumer): number {
        controller.abort();
        return super.spill(bytes, trigger);
      }
    }
    const spiller = new Aborting(executor.task(1), "spiller");
    const peer = new Stubborn(executor.task(2), "peer");
    peer.acquireMemory(500);
    spiller.acquireMemory(100);
    const hog = new Stubborn(executor.task(3), "hog");
    expect(hog.acquireMemory(400)).toBe(333);
    expect(new Stubborn(executor.task(4), "last").acquireMemory(67)).toBe(67);
    const asker = new Stubborn(executor.task(1), "asker");
    const wait = executor.wait(executor.task(1), asker.acquireRequest(300), { signal: controller.signal });
    // Held 100 of a floor of 125: waits. A release lets it look, spill, and have its answer.
    expect(controller.signal.aborted).toBe(false);
    hog.freeMemory(40);
    expect(await wait).toBe(140);
    expect([controller.signal.aborted, asker.used, spiller.used]).toEqual([true, 140, 0]);
    expect(executor.check()).toEqual([]);
  });

  test.each([-1, Number.NaN])("a time-out of %d ms is refused", async (timeoutMs) => {
    const { executor, c } = full();
    await expect(executor.wait(c.task, c.acquireRequest(500), { timeoutMs })).rejects.toThrow(
      new InvalidRequest(`a wait of at most ${timeoutMs} ms`),
    );
    expect(executor.manager.hasEntry(2, ON_HEAP)).toBe(false);
  });

  test.each([2 ** 31, Number.POSITIVE_INFINITY])("a time-out of %d ms is no bound", async (timeoutMs) => {
    const { executor, holder, c } = full();
    const wait = executor.wait(c.task, c.acquireRequest(500), { timeoutMs });
    // A timer that cannot hold the time would go off at once.
    await new Promise((resolve) => setTimeout(resolve, 5));
    holder.freeMemory(1000);
    expect(await wait).toBe(500);
  });
});

test("the longest time that a timer can hold is a bound", async () => {
  vi.useFakeTimers();
  try {
    const { executor, c } = full();
    const wait = executor.wait(c.task, c.acquireRequest(500), { timeoutMs: 2 ** 31 - 1 });
    vi.advanceTimersByTime(2 ** 31 - 2);
    expect(executor.manager.waits.size).toBe(1);
    vi.advanceTimersByTime(1);
    await expect(wait).rejects.toThrow(expect.objectContaining({ reason: "timed-out" }));
  } finally {
    vi.useRealTimers();
  }
});

test("a signal is let go when the wait is over", async () => {
  const { executor, holder, c } = full();
  const { signal } = new AbortController();
  const wait = executor.wait(c.task, c.acquireRequest(500), { signal });
  expect(getEventListeners(signal, "abort")).toHaveLength(1);
  holder.freeMemory(1000);
  await wait;
  expect(getEventListeners(signal, "abort")).toEqual([]);
});

test("a hundred releases schedule one look, and none where nobody waits", async () => {
  const { executor, holder, c } = full();
  const scheduled = vi.spyOn(globalThis, "queueMicrotask");
  try {
    const wait = executor.wait(c.task, c.acquireRequest(500));
    for (let i = 0; i < 100; i += 1) holder.freeMemory(2);
    expect(scheduled).toHaveBeenCalledTimes(1);
    await turn();
    holder.freeMemory(800);
    expect(scheduled).toHaveBeenCalledTimes(2);
    expect(await wait).toBe(500);
    c.freeMemory(500);
    expect(await executor.wait(c.task, c.acquireRequest(1))).toBe(1);
    expect(scheduled).toHaveBeenCalledTimes(2);
  } finally {
    scheduled.mockRestore();
  }
});

describe("retrying", () => {
  test("calls again after every release, until nothing would wait", async () => {
    const { executor, holder, c } = full();
    let calls = 0;
    const got = executor.retrying(() => {
      calls += 1;
      return c.acquireMemory(500);
    });
    expect([calls, executor.manager.waits.size]).toEqual([1, 1]);
    holder.freeMemory(100);
    await turn();
    expect([calls, c.used]).toEqual([2, 0]);
    holder.freeMemory(400);
    expect(await got).toBe(500);
    expect([calls, c.used, executor.manager.waits.size]).toEqual([3, 500, 0]);
  });

  test("keeps its place among those who wait", async () => {
    const { executor, holder, c } = full();
    const order: string[] = [];
    const retry = executor.retrying(() => c.acquireMemory(200)).then(() => order.push("retry"));
    const late = new Stubborn(executor.task(3), "late");
    const wait = executor.wait(late.task, late.acquireRequest(200)).then(() => order.push("wait"));
    holder.freeMemory(10);
    await turn();
    holder.freeMemory(190);
    await turn();
    expect(order).toEqual(["retry"]);
    holder.freeMemory(200);
    await Promise.all([retry, wait]);
    expect(order).toEqual(["retry", "wait"]);
  });

  test("passes other errors on, also from a later call", async () => {
    const { executor, holder } = full();
    await expect(executor.retrying(() => JSON.parse("{"))).rejects.toThrow(SyntaxError);
    let calls = 0;
    const failing = executor.retrying(() => {
      calls += 1;
      if (calls === 1) throw new WouldWait("later");
      throw new Error("trouble");
    });
    holder.freeMemory(1);
    await expect(failing).rejects.toThrow("trouble");
    expect(executor.manager.waits.size).toBe(0);
  });

  test("one time-out covers all its waits", async () => {
    const { executor, holder, c } = full();
    const timer = setInterval(() => {
      holder.freeMemory(1);
    }, 1);
    try {
      await expect(executor.retrying(() => c.acquireMemory(1000), { timeoutMs: 20 })).rejects.toThrow(
        expect.objectContaining({ reason: "timed-out" }),
      );
    } finally {
      clearInterval(timer);
    }
    await turn();
    expect(executor.manager.waits.size).toBe(0);
  });
});

/** One task: acquires, holds, spills, frees, ends; `pause` hands the thread to the others. */
async function work(executor: Executor, id: number, random: () => number, pause: () => Promise<void>): Promise<number> {
  const task = executor.task(id);
  const consumers: Greedy[] = [
    new Greedy(task, "greedy"),
    new Thrifty(task, "thrifty"),
    new Stubborn(task, "stubborn"),
  ];
  let got = 0;
  for (let step = 0; step < 4; step += 1) {
    const c = consumers[Math.floor(random() * 3)]!;
    const bytes = 1 + Math.floor(random() * 300);
    if (random() < 0.3) {
      const page = await executor
        .wait(task, c.pageRequest(bytes))
        .catch((error: unknown) => (expect(error).toMatchObject({ name: "TaskOutOfMemory" }), null));
      got += page?.bytes ?? 0;
      await pause();
      // A page is freed by its consumer unless that has spilled it; these do not spill pages.
      if (page !== null) c.freePage(page);
    } else {
      got += await executor.wait(task, c.acquireRequest(bytes));
      await pause();
      c.freeMemory(Math.floor(random() * c.used));
    }
    expect(executor.check()).toEqual([]);
  }
  for (const c of consumers) c.freeMemory(c.used);
  expect(executor.endTask(id).bytes).toBe(0);
  return got;
}

describe("crowds", () => {
  test("of any schedule finish, and every law holds all the way", async () => {
    let waited = 0;
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), fc.integer({ min: 2, max: 9 }), fc.nat(), async (scheduler, tasks, seed) => {
        const executor = smallExecutor({ "spark.buffer.pageSize": "64" });
        executor.manager.observer = {
          mustWait: () => {
            waited += 1;
          },
        };
        const random = numbers(seed);
        let done = 0;
        let trouble: unknown = null;
        for (let id = 0; id < tasks; id += 1) {
          work(executor, id, random, () => scheduler.schedule(Promise.resolve())).then(
            () => (done += 1),
            (error: unknown) => (trouble = error),
          );
        }
        do {
          while (scheduler.count() > 0) await scheduler.waitOne();
          await turn();
        } while (scheduler.count() > 0);
        if (trouble !== null) throw trouble;
        // Nothing is left to run: who is not done was never woken.
        expect(done).toBe(tasks);
        expect([executor.manager.waits.size, executor.manager.executionUsed]).toEqual([0, 0]);
      }),
      seeded(60),
    );
    expect(waited).toBeGreaterThan(50);
  });

  test("of three hundred finish", async () => {
    const executor = smallExecutor({ "spark.buffer.pageSize": "64", "spark.testing.memory": "1500" });
    const random = numbers(5);
    const got = await Promise.all(
      Array.from({ length: 300 }, async (_, id) => {
        const pause = random() < 0.5 ? turn : () => Promise.resolve();
        return work(executor, id, random, pause);
      }),
    );
    expect(got.filter((bytes) => bytes > 0).length).toBeGreaterThan(200);
    expect([executor.manager.waits.size, executor.manager.executionUsed]).toEqual([0, 0]);
  });
});
