// The scenarios about waiting (13.9, and D11 of 13.10) through an executor of every generation and through each layer that
// waits: virtual time, where a simulator says when waiters look, and promises. In both the longest waiter looks first.

import { describe, expect, test } from "vitest";
import { GENERATIONS } from "../../src/config/release.js";
import type { Executor } from "../../src/executor.js";
import { WaitEnded } from "../../src/memory/wait.js";
import { EntryLost } from "../../src/memory/manager.js";
import { ON_HEAP } from "../../src/memory/mode.js";
import type { Request } from "../../src/memory/wait.js";
import { Greedy, smallExecutor } from "./doubles.js";

/** A request that somebody waits for. */
interface Waiting {
  /** Whether there is no answer yet. */
  readonly pending: () => boolean;
  /** Throws what the request threw. */
  readonly value: () => number;
  readonly interrupt: () => void;
}

interface Layer {
  readonly name: string;
  start(executor: Executor, task: number, request: Request<number>): Waiting;
  /** Lets waiters look who were woken. */
  rest(executor: Executor): Promise<void>;
}

const virtualTime: Layer = {
  name: "virtual time",
  start(executor, task, request) {
    const step = executor.task(task).begin(request);
    return {
      pending: () => step.waiting,
      value: () => step.value,
      interrupt: () => step.cancel(new WaitEnded("cancelled")),
    };
  },
  async rest(executor) {
    executor.manager.waits.settle();
  },
};

const promises: Layer = {
  name: "promises",
  start(executor, task, request) {
    const stop = new AbortController();
    let end: { readonly value: number } | { readonly error: unknown } | null = null;
    executor.wait(executor.task(task), request, { signal: stop.signal }).then(
      (value) => (end = { value }),
      (error: unknown) => (end = { error }),
    );
    return {
      pending: () => end === null,
      value() {
        if (end === null) throw new Error("there is no answer yet");
        if ("error" in end) throw end.error;
        return end.value;
      },
      interrupt: () => stop.abort(),
    };
  },
  rest: () => new Promise((resolve) => setImmediate(resolve)),
};

const worlds = [virtualTime, promises].flatMap((layer) =>
  GENERATIONS.map((generation) => [layer.name, generation, layer] as const),
);

describe.each(worlds)("waiting by %s, in %s", (_name, generation, layer) => {
  /** `tasks`: who holds how much, in the order in which they came. */
  const world = (...tasks: (readonly [task: number, bytes: number])[]) => {
    const executor = smallExecutor({ "spark.memory.storageFraction": "0" }, { generation });
    const { manager } = executor;
    for (const [task, bytes] of tasks) expect(manager.acquireExecution(bytes, task, ON_HEAP)).toBe(bytes);
    return {
      manager,
      executor,
      ask: (task: number, bytes: number) => layer.start(executor, task, manager.executionRequest(bytes, task, ON_HEAP)),
      release: async (task: number, bytes: number): Promise<void> => {
        manager.releaseExecution(bytes, task, ON_HEAP);
        await layer.rest(executor);
      },
      rest: () => layer.rest(executor),
    };
  };

  test("V1: another consumer of the task gives its last byte back: key not found", async () => {
    const { executor, manager, rest } = world([2, 900]);
    const own = executor.task(1);
    const [a, b] = [new Greedy(own, "a"), new Greedy(own, "b")];
    a.acquireMemory(100);
    const waiting = layer.start(executor, 1, b.acquireRequest(300));
    await rest();
    expect(waiting.pending()).toBe(true);
    a.freeMemory(100);
    manager.releaseExecution(300, 2, ON_HEAP);
    await rest();
    expect(waiting.value).toThrow(EntryLost);
    expect(waiting.value).toThrow("key not found: task 1");
    expect([b.used, manager.executionUsed, manager.hasEntry(1, ON_HEAP)]).toEqual([0, 600, false]);
  });

  test("V2: an entry that is gone is not made again: the other task goes by N = 2 and waits", async () => {
    const { manager, ask, rest } = world([3, 800], [2, 100], [1, 100]);
    const first = ask(1, 300);
    await rest();
    expect(first.pending()).toBe(true);
    manager.releaseExecution(100, 1, ON_HEAP);
    const second = ask(2, 300);
    await rest();
    expect(first.value).toThrow(EntryLost);
    expect([second.pending(), manager.regions[ON_HEAP].entries]).toEqual([true, 2]);
  });

  test("V3: a wait that ends adds to what the task kept", async () => {
    const { manager, ask, release, rest } = world([2, 900], [1, 100]);
    const waiting = ask(1, 300);
    await rest();
    await release(1, 40);
    expect(waiting.pending()).toBe(true);
    await release(2, 300);
    expect(waiting.value()).toBe(300);
    expect([manager.executionHeld(1, ON_HEAP), manager.executionUsed]).toEqual([360, 960]);
  });

  test("V4: an interrupted wait keeps its balance", async () => {
    const { manager, ask, release, rest } = world([2, 900], [1, 100]);
    const waiting = ask(1, 300);
    await rest();
    waiting.interrupt();
    await rest();
    expect(waiting.value).toThrow(WaitEnded);
    expect([manager.executionHeld(1, ON_HEAP), manager.waits.size]).toEqual([100, 0]);
    await release(1, 100);
    expect(manager.acquireExecution(100, 2, ON_HEAP)).toBe(100);
  });

  test("D11: of two waiters the longer one gets what is there, the other waits on", async () => {
    const { manager, ask, release, rest } = world([1, 1000]);
    const [second, third] = [ask(2, 500), ask(3, 500)];
    await rest();
    expect([second.pending(), third.pending()]).toEqual([true, true]);
    await release(1, 166);
    expect([second.value(), third.pending()]).toEqual([166, true]);
    expect(manager.executionHeld(2, ON_HEAP)).toBe(166);
  });

  test("the order is that of arrival, whatever the tasks' numbers", async () => {
    const { ask, release, rest } = world([9, 1000]);
    const waiting = [7, 2, 5].map((task) => ask(task, 400));
    await rest();
    // Floors of 1000 / 8: enough for one at a time.
    for (let served = 1; served <= 3; served += 1) {
      await release(9, 125);
      expect(waiting.map((each) => each.pending())).toEqual([served < 1, served < 2, served < 3]);
    }
    expect(waiting.map((each) => each.value())).toEqual([125, 125, 125]);
  });
});
