// Unmanaged consumers: the scenarios U11 to U15 by their names, the registry, the timer, and what polls do not do.

import { afterEach, describe, expect, test, vi } from "vitest";
import { InvalidRequest, type MemoryManager } from "../../src/memory/manager.js";
import { type Mode, OFF_HEAP, ON_HEAP } from "../../src/memory/mode.js";
import { pollUnmanaged, type UnmanagedConsumer, UnmanagedMemory, unmanagedMemory } from "../../src/memory/unmanaged.js";
import { MUST_WAIT } from "../../src/policy/policy.js";
import { smallExecutor } from "./doubles.js";

const POLLING = { "spark.memory.unmanagedMemoryPollingInterval": "100ms" };

/** A consumer whose answer can be changed. */
function answering(instance: string, answer: number, mode: Mode = ON_HEAP): UnmanagedConsumer & { answer: number } {
  return {
    component: "store",
    instance,
    mode,
    answer,
    bytesUsed() {
      return this.answer;
    },
  };
}

const acquire = (manager: MemoryManager, bytes: number, mode: Mode = ON_HEAP): number =>
  manager.acquireExecution(bytes, 0, mode);
const stores = (manager: MemoryManager, bytes: number, mode: Mode = ON_HEAP): boolean =>
  manager.acquireStorage("test_0", bytes, mode);

describe("13.1 unified manager, unmanaged memory", () => {
  test("U11: unmanaged memory lowers what tasks and blocks may have", () => {
    const unmanaged = new UnmanagedMemory();
    const { manager } = smallExecutor(POLLING, { unmanaged });
    const offHeap = answering("off", 200, OFF_HEAP);
    unmanaged.register(offHeap);
    unmanaged.poll();
    expect(acquire(manager, 1000)).toBe(1000);
    manager.releaseAllExecution(0);
    unmanaged.unregister(offHeap);
    const onHeap = answering("on", 200);
    unmanaged.register(onHeap);
    expect(unmanaged.used(OFF_HEAP)).toBe(200);
    unmanaged.poll();
    expect(unmanaged.used(OFF_HEAP)).toBe(0);
    expect(acquire(manager, 900)).toBe(800);
    manager.releaseAllExecution(0);
    onHeap.answer = 300;
    unmanaged.poll();
    expect(stores(manager, 800)).toBe(false);
    expect(stores(manager, 600)).toBe(true);
  });

  test("U12: the consumers of a component", () => {
    const unmanaged = new UnmanagedMemory();
    const [first, second] = [answering("1", 100), answering("2", 200, OFF_HEAP)];
    unmanaged.register(first);
    unmanaged.register(second);
    unmanaged.register({ component: "another", instance: "1", mode: ON_HEAP, bytesUsed: () => 7 });
    expect(unmanaged.usedBy("store")).toBe(300);
    unmanaged.unregister(first);
    expect(unmanaged.usedBy("store")).toBe(200);
    unmanaged.unregister({ component: "store", instance: "2" });
    expect(unmanaged.usedBy("store")).toBe(0);
    expect(unmanaged.usedBy("another")).toBe(7);
  });

  test("U13: who answers -1 is removed by the next poll", () => {
    const unmanaged = new UnmanagedMemory();
    const [first, second] = [answering("1", 100), answering("2", 200)];
    unmanaged.register(first);
    unmanaged.register(second);
    first.answer = -1;
    unmanaged.poll();
    expect(unmanaged.usedBy("store")).toBe(200);
    expect(unmanaged.used(ON_HEAP)).toBe(200);
    second.answer = -1;
    // A read-out takes negatives as they are.
    expect(unmanaged.usedBy("store")).toBe(-1);
    unmanaged.poll();
    expect(unmanaged.usedBy("store")).toBe(0);
    expect(unmanaged.used(ON_HEAP)).toBe(0);
  });

  test("U14: without polling nothing is unmanaged", () => {
    for (const conf of [{}, { "spark.memory.unmanagedMemoryPollingInterval": "-1s" }]) {
      const unmanaged = new UnmanagedMemory();
      const { manager, unmanagedPollMs } = smallExecutor(conf, { unmanaged });
      const other = smallExecutor(POLLING, { unmanaged });
      unmanaged.register(answering("on", 500));
      unmanaged.poll();
      expect(unmanagedPollMs).toBe(0);
      expect(acquire(manager, 1000)).toBe(1000);
      // Another manager that polls reckons with it.
      expect(acquire(other.manager, 1000)).toBe(500);
    }
  });

  test("U15: unmanaged off-heap memory", () => {
    const unmanaged = new UnmanagedMemory();
    const offHeap = { "spark.memory.offHeap.enabled": "true", "spark.memory.offHeap.size": "1500" };
    const { manager } = smallExecutor({ ...POLLING, ...offHeap }, { unmanaged });
    const consumers = answering("off", 300, OFF_HEAP);
    unmanaged.register(consumers);
    unmanaged.poll();
    expect(acquire(manager, 1400, OFF_HEAP)).toBe(1200);
    manager.releaseAllExecution(0);
    consumers.answer = 500;
    unmanaged.poll();
    expect(stores(manager, 1100, OFF_HEAP)).toBe(false);
    expect(stores(manager, 900, OFF_HEAP)).toBe(true);
    manager.releaseAllStorage(OFF_HEAP);
    expect(acquire(manager, 600)).toBe(600);
    manager.releaseAllExecution(0);
    consumers.answer = 200;
    unmanaged.poll();
    expect(acquire(manager, 400)).toBe(400);
    expect(acquire(manager, 1000, OFF_HEAP)).toBe(1000);
  });
});

describe("the registry", () => {
  test("keeps the last consumer of a key, and tells keys apart", () => {
    const unmanaged = new UnmanagedMemory();
    for (const [component, instance, bytes] of [
      ["a", "b", 1],
      ["a", "b", 2],
      ["ab", "", 4],
      ["", "ab", 8],
    ] as const)
      unmanaged.register({ component, instance, mode: ON_HEAP, bytesUsed: () => bytes });
    unmanaged.poll();
    expect(unmanaged.used(ON_HEAP)).toBe(14);
    expect(unmanaged.usedBy("a")).toBe(2);
  });

  test("counts errors and nonsense as 0, and says so", () => {
    const unmanaged = new UnmanagedMemory();
    const told: unknown[] = [];
    unmanaged.onTrouble = ({ instance }, trouble) => told.push([instance, trouble]);
    const broken = new Error("no answer");
    unmanaged.register({
      component: "store",
      instance: "throws",
      mode: ON_HEAP,
      bytesUsed() {
        throw broken;
      },
    });
    const nonsense = answering("nonsense", -2);
    unmanaged.register(nonsense);
    unmanaged.register(answering("sound", 5));
    unmanaged.poll();
    expect(unmanaged.used(ON_HEAP)).toBe(5);
    expect(told).toEqual([
      ["throws", broken],
      ["nonsense", expect.any(InvalidRequest)],
    ]);
    expect(unmanaged.usedBy("store")).toBe(3);
    for (const answer of [Number.NaN, 0.5, 2 ** 53, Number.POSITIVE_INFINITY, "7" as unknown as number]) {
      nonsense.answer = answer;
      unmanaged.poll();
      expect([unmanaged.used(ON_HEAP), unmanaged.usedBy("store")]).toEqual([5, 5]);
    }
    expect(() => unmanaged.register(answering("nowhere", 1, 2 as Mode))).toThrow(InvalidRequest);
  });

  test("survives totals beyond what accounts can hold", () => {
    const unmanaged = new UnmanagedMemory();
    const { manager } = smallExecutor(POLLING, { unmanaged });
    for (const instance of ["1", "2", "3"]) unmanaged.register(answering(instance, Number.MAX_SAFE_INTEGER));
    unmanaged.poll();
    expect(unmanaged.used(ON_HEAP)).toBe(Number.MAX_SAFE_INTEGER);
    expect(stores(manager, 1)).toBe(false);
  });

  test("clears totals at once, and tells a manager that comes later what was polled before", () => {
    const unmanaged = new UnmanagedMemory();
    unmanaged.register(answering("on", 400));
    unmanaged.poll();
    const { manager } = smallExecutor(POLLING, { unmanaged });
    expect(manager.regions[ON_HEAP].unmanaged).toBe(400);
    unmanaged.clear();
    expect([manager.regions[ON_HEAP].unmanaged, unmanaged.usedBy("store")]).toEqual([0, 0]);
    expect(acquire(manager, 1000)).toBe(1000);
  });

  test("is that of the process unless another is given, and does not exist before 4.1", () => {
    const { manager, unmanaged } = smallExecutor(POLLING);
    expect(unmanaged).toBe(unmanagedMemory);
    const before = smallExecutor(POLLING, { generation: "4.0" });
    unmanaged.register(answering("on", 250));
    unmanaged.poll();
    expect(acquire(manager, 1000)).toBe(750);
    expect(acquire(before.manager, 1000)).toBe(1000);
    unmanaged.clear();
    expect(manager.regions[ON_HEAP].unmanaged).toBe(0);
  });

  test("wakes nobody; who waits looks at the total of the last poll", () => {
    const unmanaged = new UnmanagedMemory();
    const executor = smallExecutor(POLLING, { unmanaged });
    const { manager } = executor;
    const on = answering("on", 600);
    unmanaged.register(on);
    unmanaged.poll();
    // D12: a lone task waits.
    const step = executor.waits.start(manager.executionRequest(900, 0, ON_HEAP));
    expect(step.waiting).toBe(true);
    on.answer = 500;
    unmanaged.poll();
    manager.waits.settle();
    expect(step.waiting).toBe(true);
    manager.releaseExecution(0, 7, ON_HEAP);
    manager.waits.settle();
    expect(step.value).toBe(500);
    expect(acquire(manager, 900)).not.toBe(MUST_WAIT);
  });
});

describe("the timer", () => {
  afterEach(() => void vi.useRealTimers());

  test("polls at once and then every interval, once a registry, until it is stopped", () => {
    vi.useFakeTimers();
    const unmanaged = new UnmanagedMemory();
    const on = answering("on", 1);
    unmanaged.register(on);
    const stop = pollUnmanaged(100, unmanaged);
    expect(unmanaged.used(ON_HEAP)).toBe(1);
    on.answer = 2;
    vi.advanceTimersByTime(99);
    expect(unmanaged.used(ON_HEAP)).toBe(1);
    // A second one changes nothing, not even the interval.
    expect(pollUnmanaged(5, unmanaged)).toBe(stop);
    expect(vi.getTimerCount()).toBe(1);
    vi.advanceTimersByTime(1);
    expect(unmanaged.used(ON_HEAP)).toBe(2);
    stop();
    stop();
    expect(vi.getTimerCount()).toBe(0);
    on.answer = 3;
    const again = pollUnmanaged(2 ** 40, unmanaged);
    expect(unmanaged.used(ON_HEAP)).toBe(3);
    // The first one's stop has nothing to do with it.
    stop();
    expect(vi.getTimerCount()).toBe(1);
    again();
    expect(vi.getTimerCount()).toBe(0);
    expect(() => pollUnmanaged(0, unmanaged)).toThrow(InvalidRequest);
  });

  test("keeps no process alive", () => {
    const started = vi.spyOn(globalThis, "setInterval");
    const stop = pollUnmanaged(1000, new UnmanagedMemory());
    const timer = started.mock.results[0]!.value as NodeJS.Timeout;
    started.mockRestore();
    expect(timer.hasRef()).toBe(false);
    stop();
  });
});
