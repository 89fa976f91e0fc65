// Who waits for whom: the holders whose release would do, what wakes a waiter, and the waits that nobody ends.

import { describe, expect, test } from "vitest";
import { type Executor, openExecutor } from "../../src/executor.js";
import { type Mode, OFF_HEAP, ON_HEAP } from "../../src/memory/mode.js";
import { MUST_WAIT } from "../../src/policy/policy.js";
import { fairShare } from "../../src/policy/share.js";
import { unified } from "../../src/policy/unified.js";
import { missingBytes } from "../../src/why/deadlock.js";
import type { FactOf } from "../../src/why/facts.js";
import { awaited, OpenWaits } from "../../src/why/open-waits.js";
import { CauseRecorder } from "../../src/why/recorder.js";
import { read, recorded, type Recording, SMALL, Stubborn } from "./help.js";

const turn = async (): Promise<void> => {
  for (let i = 0; i < 4; i += 1) await Promise.resolve();
};

const stubborn = (executor: Executor, task: number, name: string, mode: Mode = ON_HEAP): Stubborn =>
  new Stubborn(executor.task(task), { name, mode });

/** Lets a consumer wait; how the wait ends is of no interest here. */
const wait = (executor: Executor, consumer: Stubborn, bytes: number): Promise<unknown> =>
  executor.wait(consumer.task, consumer.acquireRequest(bytes)).catch(() => null);

test("a wait names who holds more than its share and could end it, and each look what woke it", async () => {
  const { told, of, story, rows } = await recorded(async (executor) => {
    const [a, b, c] = [1, 2, 3].map((task) => stubborn(executor, task, "sort")) as [Stubborn, Stubborn, Stubborn];
    a.acquireMemory(900);
    const waiting = wait(executor, b, 400);
    a.freeMemory(50);
    await turn();
    c.acquireMemory(10);
    await turn();
    executor.endTask(3);
    await turn();
    a.freeMemory(850);
    await waiting;
    expect(b.used).toBe(400);
  });
  expect(told("waits")[0]).toBe(
    "the sort of task 2 waits for 400 B of on-heap memory: nothing was free, storage could give 100 B, and the task's share " +
      "was 1/2 (500 B; it held nothing); it does not go on below 250 B; 150 B must come back, which task 1 (900 B, more than " +
      "its share of 500 B) could give",
  );
  expect(told("waits")[2]).toContain("the task's share was 1/3 since task 3 had come in");
  expect(told("woken")).toEqual([
    "task 2 looked again because task 1 gave 50 B back",
    "task 2 looked again because task 3 had come in",
    "task 2 looked again because task 3 gave 10 B back",
    "task 2 looked again because task 1 gave 850 B back",
  ]);
  // Every look of a waiter is a row, and a wake.
  expect(of("woken").map(({ row }) => row)).toEqual(rows.filter(({ ask }) => ask.op === "retry").map(({ i }) => i));
  expect(story.payments).toContainEqual({ payer: 2, for: 1, spilledBytes: 0, evictedBytes: 0, waitedBytes: 150 });
  expect(story.counts.deadlock + story.counts.starved).toBe(0);
});

describe("who waits at a row", () => {
  /** Tasks that wait after each row. */
  const waiting = ({ rows, story }: Recording): number[][] => {
    const waits = new OpenWaits();
    return rows.map((row) => {
      waits.add(row, story.known);
      return waits.all.map(({ asked }) => asked.task);
    });
  };

  test("is nobody any more who was served, or who gave up, which is told", async () => {
    const recording = await recorded(async (executor) => {
      const [a, b, c] = [1, 2, 3].map((task) => stubborn(executor, task, "sort")) as [Stubborn, Stubborn, Stubborn];
      a.acquireMemory(1000);
      const signal = new AbortController();
      const first = executor.wait(b.task, b.acquireRequest(300), { signal: signal.signal }).catch(() => null);
      const second = wait(executor, c, 100);
      await turn();
      signal.abort();
      await first;
      a.freeMemory(500);
      await second;
      expect(c.used).toBe(100);
    });
    expect(waiting(recording)).toEqual([[], [2], [2, 3], [2, 3], [3], []]);
    expect(recording.told("gaveUp")).toEqual(["task 2 gave up waiting"]);
  });

  test("is whoever still waits when the recording ends, and what they do then is not told", async () => {
    const executor = openExecutor(SMALL);
    const parts: Uint8Array[] = [];
    const recorder = new CauseRecorder(executor, (bytes) => parts.push(bytes.slice()));
    const [a, b] = [1, 2].map((task) => stubborn(executor, task, "sort")) as [Stubborn, Stubborn];
    a.acquireMemory(1000);
    const signal = new AbortController();
    const given = executor.wait(b.task, b.acquireRequest(300), { signal: signal.signal }).catch(() => null);
    await turn();
    recorder.end();
    const { facts } = recorder;
    signal.abort();
    await given;
    expect(recorder.facts).toBe(facts);
    expect(waiting(read(Buffer.concat(parts))).at(-1)).toEqual([2]);
  });

  test("is whoever asks anew only for what it asks then", async () => {
    const recording = await recorded(({ manager }) => {
      manager.acquireExecution(1000, 1, ON_HEAP);
      expect(manager.acquireExecution(300, 2, ON_HEAP)).toBe(MUST_WAIT);
      manager.releaseExecution(900, 1, ON_HEAP);
      expect(manager.acquireExecution(50, 2, ON_HEAP)).toBe(50);
    });
    expect(waiting(recording)).toEqual([[], [2], [2], []]);
  });
});

test("an interrupted wait is over", async () => {
  const { rows, story } = await recorded(({ manager }) => {
    manager.acquireExecution(1000, 1, ON_HEAP);
    expect(manager.acquireExecution(300, 2, ON_HEAP)).toBe(MUST_WAIT);
  });
  const waits = new OpenWaits();
  for (const row of rows) waits.add(row, story.known);
  expect(waits.size).toBe(1);
  const ended = waits.add({ ask: { op: "interrupt", task: 2 }, facts: [] }, story.known);
  expect([ended.map(({ row }) => row), waits.size]).toEqual([[2], 0]);
});

test("holders are awaited until what is needed is made up, to the byte", () => {
  const awaitedFor = (needBytes: number) =>
    awaited({
      needBytes,
      holders: [
        [1, 100],
        [2, 50],
        [3, 5],
      ],
    } as unknown as FactOf<"waits">).map(([task]) => task);
  expect([0, 1, 100, 101, 150, 151, 999].map(awaitedFor)).toEqual([[], [1], [1], [1, 2], [1, 2], [1, 2, 3], [1, 2, 3]]);
});

describe("a deadlock", () => {
  test("of two tasks whose consumers cannot spill, each holding what the other waits for", async () => {
    const { told, of, story } = await recorded(async (executor) => {
      const sort = stubborn(executor, 1, "sort");
      const join = stubborn(executor, 2, "join", OFF_HEAP);
      sort.acquireMemory(1000);
      join.acquireMemory(500);
      const waits = [
        wait(executor, stubborn(executor, 1, "build", OFF_HEAP), 300),
        wait(executor, stubborn(executor, 2, "scan"), 200),
      ];
      await turn();
      executor.endTask(1, true);
      executor.endTask(2, true);
      await Promise.all(waits);
    });
    expect(told("deadlock")).toEqual([
      "deadlock: task 2 waits for 200 B of on-heap memory, of which task 1 holds 1000 B; task 1 waits for 300 B of " +
        "off-heap memory, of which task 2 holds 500 B",
    ]);
    expect(of("deadlock")[0]!.cause).toBe(of("waits")[1]!.n);
    expect(story.trouble[0]!.chain[1]).toContain("the scan of task 2 waits for 200 B");
  });

  test("is none while a third task could give enough, and is one when that waits too", async () => {
    const { told, of, story } = await recorded(async (executor) => {
      const holders = [stubborn(executor, 1, "a"), stubborn(executor, 2, "b", OFF_HEAP), stubborn(executor, 3, "c")];
      holders[0]!.acquireMemory(500);
      holders[2]!.acquireMemory(500);
      holders[1]!.acquireMemory(500);
      const waits = [
        wait(executor, stubborn(executor, 1, "a2", OFF_HEAP), 300),
        wait(executor, stubborn(executor, 2, "b2"), 150),
      ];
      await turn();
      waits.push(wait(executor, stubborn(executor, 3, "c2", OFF_HEAP), 100));
      await turn();
      for (const task of [1, 2, 3]) executor.endTask(task, true);
      await Promise.all(waits);
    });
    expect(of("waits").filter(({ cause }) => cause > 0).length).toBeGreaterThanOrEqual(3);
    // The third is stuck behind the cycle of the other two: its wait has closed it.
    expect(told("deadlock")).toEqual([
      "deadlock: task 2 waits for 150 B of on-heap memory, of which task 1 holds 500 B; task 1 waits for 300 B of " +
        "off-heap memory, of which task 2 holds 500 B",
    ]);
    expect(story.known(of("deadlock")[0]!.cause)).toMatchObject({ kind: "waits", holders: [[2, 500]] });
    expect(story.trouble[0]!.chain[1]).toContain("the c2 of task 3 waits");
  });

  test("is none where a wait was given up, and none where unmanaged memory may go", async () => {
    const { of } = await recorded(async (executor) => {
      const sort = stubborn(executor, 1, "sort");
      const join = stubborn(executor, 2, "join", OFF_HEAP);
      sort.acquireMemory(1000);
      join.acquireMemory(500);
      const signal = new AbortController();
      const first = stubborn(executor, 1, "build", OFF_HEAP);
      const given = executor.wait(first.task, first.acquireRequest(300), { signal: signal.signal }).catch(() => null);
      await turn();
      signal.abort();
      await given;
      expect(() => stubborn(executor, 1, "late", OFF_HEAP).acquireMemory(300)).toThrow("would have to wait");
      const second = wait(executor, stubborn(executor, 2, "scan"), 200);
      await turn();
      executor.endTask(1, true);
      await second;
    });
    expect(of("waits").length).toBeGreaterThanOrEqual(3);
    expect(of("deadlock")).toEqual([]);
    const anew = await recorded(({ manager }) => {
      manager.acquireExecution(1000, 1, ON_HEAP);
      manager.acquireExecution(500, 2, OFF_HEAP);
      expect(manager.acquireExecution(300, 2, ON_HEAP)).toBe(MUST_WAIT);
      manager.releaseExecution(900, 1, ON_HEAP);
      expect(manager.acquireExecution(50, 2, ON_HEAP)).toBe(50);
      expect(manager.acquireExecution(300, 1, OFF_HEAP)).toBe(MUST_WAIT);
    });
    expect([anew.of("waits").length, anew.of("deadlock").length]).toEqual([2, 0]);
    const unmanaged = await recorded(({ manager }) => {
      manager.setUnmanaged(900, ON_HEAP);
      expect(manager.acquireExecution(300, 1, ON_HEAP)).toBe(MUST_WAIT);
    });
    expect(unmanaged.of("deadlock")).toEqual([]);
  });
});

test("a task that waits while others who came later are served, beyond one grant each, starves", async () => {
  const { told, of, story } = await recorded(async (executor) => {
    const { manager } = executor;
    manager.acquireExecution(900, 1, ON_HEAP);
    manager.acquireExecution(10, 3, ON_HEAP);
    const waiting = wait(executor, stubborn(executor, 2, "scan"), 400);
    for (let i = 0; i < 5; i += 1) expect(manager.acquireExecution(18, 3, ON_HEAP)).toBe(18);
    executor.endTask(2);
    await waiting;
  });
  expect(told("starved")).toEqual([
    "task 2 starves: it waits for 76 B of on-heap memory to come back, and 5 requests that came later were granted 90 B; " +
      "the bound is 2, one for each other task",
  ]);
  expect(of("starved")[0]).toMatchObject({ row: 8, cause: of("waits")[0]!.n });
  expect(story.trouble.map(({ kind }) => kind)).toEqual(["starved"]);
});

describe("what must come back", () => {
  const region = (used: number, entries: number) =>
    ({
      mode: ON_HEAP,
      total: 1000,
      protectedStorage: 500,
      executionSize: 1000,
      executionUsed: used,
      storageSize: 0,
      storageUsed: 0,
      unmanaged: 0,
      entries,
    }) as unknown as Parameters<typeof missingBytes>[1];

  test("is the least with which the policy would not let the task wait", () => {
    for (const [used, entries, held, asked] of [
      [1000, 2, 0, 400],
      [1000, 2, 100, 100],
      [950, 4, 20, 1000],
      [999, 3, 0, 1],
      [1000, 5, 99, 500],
    ] as const) {
      const least = missingBytes(unified, region(used, entries), held, asked);
      const answer = (bytes: number): number => fairShare(region(used - bytes, entries), 1000, held, asked);
      expect(answer(least)).not.toBe(MUST_WAIT);
      if (least > 0) expect(answer(least - 1)).toBe(MUST_WAIT);
    }
  });

  test("is found by asking where the policy has rules of its own", () => {
    const policy = {
      ...unified,
      share: (view: { executionUsed: number }) => (view.executionUsed > 321 ? MUST_WAIT : 1),
    };
    expect(missingBytes(policy, region(1000, 2), 0, 400)).toBe(679);
  });
});

test("the test's executor is as small as it says", async () => {
  expect(
    (await recorded(({ manager }) => expect(manager.state(ON_HEAP)).toEqual([500, 0, 500, 0]), SMALL)).rows,
  ).toEqual([]);
});
