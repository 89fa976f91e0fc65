// Workers of one executor: they share its memory, wait for each other, come and go, and die.

import { afterEach, describe, expect, test } from "vitest";
import {
  attachExecutor,
  Consumer,
  MAX_WORKERS,
  OFF_HEAP,
  ON_HEAP,
  type SharedExecutor,
  shareExecutor,
  type SharedOptions,
  type WorkerOptions,
} from "../../dist/index.js";
import { Hand, waiting } from "./crew.js";

const MIB = 2 ** 20;

// 512 MiB of heap leave 212 MiB less the 0.4 for user memory; off-heap 100 MiB. Sizes below are what tests need of them.
const CONF = {
  "spark.testing.memory": String(100 * MIB),
  "spark.testing.reservedMemory": "0",
  "spark.memory.fraction": "1.0",
  "spark.memory.offHeap.enabled": "true",
  "spark.memory.offHeap.size": String(100 * MIB),
};

class Holder extends Consumer {
  spill(): number {
    return 0;
  }
}

const hands: Hand[] = [];

async function crew(
  count: number,
  own: Omit<WorkerOptions, "disk" | "onSpill"> = {},
  options: SharedOptions = {},
): Promise<[SharedExecutor, ...Hand[]]> {
  const executor = shareExecutor({ conf: CONF, cores: 2, ...options });
  const hired = await Promise.all(Array.from({ length: count }, () => Hand.hire(executor, own)));
  hands.push(...hired);
  return [executor, ...hired];
}

afterEach(async () => {
  await Promise.all(hands.splice(0).map((hand) => hand.kill()));
});

const nothing = (executor: SharedExecutor): void => {
  expect(executor.check()).toEqual([]);
  for (const mode of [ON_HEAP, OFF_HEAP] as const) {
    expect(executor.manager.regions[mode].executionUsed).toBe(0);
    expect(executor.manager.regions[mode].entries).toBe(0);
  }
};

describe("one memory", () => {
  test("what one worker acquires the others see, and any may give a task's bytes back", async () => {
    const [executor, first, second] = await crew(2);
    expect(await first!.ask("acquire", { bytes: 7 * MIB, task: 1, mode: ON_HEAP })).toBe(7 * MIB);
    expect(await second!.ask("acquire", { bytes: 5 * MIB, task: 1, mode: ON_HEAP })).toBe(5 * MIB);
    expect(executor.manager.executionHeld(1, ON_HEAP)).toBe(12 * MIB);
    expect(await second!.ask("state")).toEqual([executor.manager.state(ON_HEAP), executor.manager.state(OFF_HEAP)]);
    expect(executor.manager.releaseExecution(12 * MIB, 1, ON_HEAP)).toBe(12 * MIB);
    nothing(executor);
  });

  test("the share of a task counts the tasks of all workers", async () => {
    const [executor, first, second] = await crew(2);
    for (const [task, hand] of [first!, second!].entries())
      await hand.ask("acquire", { bytes: 1, task, mode: OFF_HEAP });
    expect(executor.manager.acquireExecution(100 * MIB, 2, OFF_HEAP)).toBe(Math.floor((100 * MIB) / 3));
    expect(executor.check()).toEqual([]);
  });

  test("random requests of four workers leave nothing behind", async () => {
    const [executor, ...all] = await crew(4);
    await Promise.all(all.map((hand, i) => hand.ask("churn", { seed: i + 1, tasks: [i, 10 + i], rounds: 20_000 })));
    nothing(executor);
    expect(executor.manager.storageUsed).toBe(0);
  });
});

describe("one arena", () => {
  const arenaOf = (executor: SharedExecutor): { usedBytes: number; blocks: number } => {
    const pages = executor.allocator(OFF_HEAP) as unknown as {
      arenas: { stats(): { usedBytes: number; blocks: number } }[];
    };
    return pages.arenas[0]!.stats();
  };

  test.each([ON_HEAP, OFF_HEAP])("a block that one worker puts (mode %d) the others read and remove", async (mode) => {
    const [executor, first, second] = await crew(2);
    expect(await first!.ask("put", { block: "b", bytes: 70_000, fill: 7, mode })).toBe(true);
    expect(await second!.ask("read", { block: "b" })).toEqual([70_000, 7, 7]);
    expect(executor.store.read("b")!.every((byte) => byte === 7)).toBe(true);
    expect(arenaOf(executor).blocks).toBe(1);
    expect(executor.manager.storageUsed).toBe(70_000);
    // It outlives who put it.
    await first!.kill();
    expect(await second!.ask("read", { block: "b" })).toEqual([70_000, 7, 7]);
    expect(await second!.ask("remove", { block: "b" })).toBe(true);
    expect(executor.manager.storageUsed).toBe(0);
    nothing(executor);
    expect(await second!.kill()).toEqual({ execution: 0, storage: 0 });
    expect(arenaOf(executor).usedBytes).toBe(0);
  });

  test("the pages of a worker that dies come back", async () => {
    const [executor, first] = await crew(1);
    for (let i = 0; i < 5; i += 1) await first!.ask("page", { bytes: 2 * MIB, task: 1, fill: i });
    expect(arenaOf(executor).usedBytes).toBe(10 * MIB);
    expect(await first!.kill()).toEqual({ execution: 10 * MIB, storage: 0 });
    expect(arenaOf(executor).usedBytes).toBe(0);
    nothing(executor);
  });

  test("suspicious pages of several workers, and blocks beside them", async () => {
    const [executor, first, second] = await crew(2, {}, { debugPages: true });
    await first!.ask("page", { bytes: 2 * MIB, task: 1, fill: 1 });
    await first!.ask("put", { block: "b", bytes: 70_000, fill: 7, mode: OFF_HEAP });
    await first!.kill();
    // The same memory again: it must hold what a freed page holds.
    expect(await second!.ask("page", { bytes: 2 * MIB, task: 2, fill: 2 })).toBe(2 * MIB);
    expect(await second!.ask("read", { block: "b" })).toEqual([70_000, 7, 7]);
    expect(executor.check()).toEqual([]);
  });

  test("an executor of accounts alone has none", async () => {
    const [executor, first] = await crew(1, {}, { pages: "accounts" });
    expect(await first!.ask("put", { block: "b", bytes: 70_000, fill: 7, mode: ON_HEAP })).toBe(true);
    expect(executor.manager.storageUsed).toBe(70_000);
  });
});

describe("a worker that must wait", () => {
  // One task holds all; a second gets its half only when the first gives some back.
  const full = async (own: Omit<WorkerOptions, "disk" | "onSpill"> = {}): Promise<[SharedExecutor, ...Hand[]]> => {
    const [executor, ...all] = await crew(2, own);
    expect(executor.manager.acquireExecution(100 * MIB, 0, OFF_HEAP)).toBe(100 * MIB);
    return [executor, ...all];
  };

  test("sleeps until another releases", async () => {
    const [executor, first] = await full();
    const answer = first!.ask("hold", { bytes: 30 * MIB, task: 1, mode: OFF_HEAP });
    await waiting(executor, 1);
    executor.manager.releaseExecution(10 * MIB, 0, OFF_HEAP);
    executor.manager.releaseExecution(20 * MIB, 0, OFF_HEAP);
    // From 25 MiB, its floor, on: less than it asked for.
    const got = await answer;
    expect([25 * MIB, 30 * MIB]).toContain(got);
    expect(executor.manager.executionHeld(1, OFF_HEAP)).toBe(got);
    expect(executor.check()).toEqual([]);
  });

  test("is woken by a release of the other mode too, and waits on", async () => {
    const [executor, first] = await full();
    executor.manager.acquireExecution(1, 0, ON_HEAP);
    const answer = first!.ask("hold", { bytes: 30 * MIB, task: 1, mode: OFF_HEAP });
    await waiting(executor, 1);
    const { decisions } = executor.ledger;
    executor.manager.releaseExecution(1, 0, ON_HEAP);
    // Whoever is woken does not count until it has looked and waits on.
    await waiting(executor, 1);
    expect(executor.ledger.decisions).toBe(decisions + 2);
    executor.manager.releaseExecution(100 * MIB, 0, OFF_HEAP);
    expect(await answer).toBe(30 * MIB);
  });

  test("gives up when its time has run out, and keeps its entry", async () => {
    const [executor, first] = await full({ waitMs: 20 });
    await expect(first!.ask("hold", { bytes: 30 * MIB, task: 1, mode: OFF_HEAP })).rejects.toThrow(
      expect.objectContaining({ name: "WaitEnded", reason: "timed-out" }),
    );
    expect(executor.manager.hasEntry(1, OFF_HEAP)).toBe(true);
    expect(executor.ledger.waiting).toBe(0);
  });

  test("gives up when it is interrupted, once", async () => {
    const [executor, first] = await full();
    const answer = first!.ask("hold", { bytes: 30 * MIB, task: 1, mode: OFF_HEAP });
    await waiting(executor, 1);
    executor.interrupt(first!.place.worker);
    await expect(answer).rejects.toThrow(expect.objectContaining({ name: "WaitEnded", reason: "cancelled" }));
    const again = first!.ask("hold", { bytes: 30 * MIB, task: 1, mode: OFF_HEAP });
    await waiting(executor, 1);
    executor.manager.releaseExecution(100 * MIB, 0, OFF_HEAP);
    expect(await again).toBe(30 * MIB);
  });

  test("throws where it must not sleep", async () => {
    const [executor, first] = await full({ waitMs: 0 });
    await expect(first!.ask("hold", { bytes: 30 * MIB, task: 1, mode: OFF_HEAP })).rejects.toThrow(
      expect.objectContaining({ name: "WouldWait" }),
    );
    expect(executor.ledger.waiting).toBe(0);
  });

  test("waits by promise on the thread that made the executor", async () => {
    const [executor, first] = await crew(1);
    await first!.ask("hold", { bytes: 100 * MIB, task: 0, mode: OFF_HEAP });
    const mine = new Holder(executor.task(1), { name: "mine", mode: OFF_HEAP });
    const answer = executor.wait(mine.task, mine.acquireRequest(30 * MIB));
    expect(executor.ledger.waiting).toBe(1);
    await first!.ask("drop", { bytes: 60 * MIB, task: 0, mode: OFF_HEAP });
    expect(await answer).toBe(30 * MIB);
    expect(executor.ledger.waiting).toBe(0);
    expect(executor.check()).toEqual([]);
  });
});

describe("workers come and go", () => {
  test("one that leaves in order gives everything back, and its place", async () => {
    const [executor, first] = await crew(1, {}, { workers: 2 });
    await first!.ask("hold", { bytes: 9 * MIB, task: 1, mode: OFF_HEAP });
    await first!.ask("storage", { bytes: 3 * MIB, mode: ON_HEAP });
    expect(() => executor.place()).toThrow("all 2 places for workers are taken");
    await first!.ask("close");
    await expect(first!.ask("state")).rejects.toThrow("worker 2 has left the accounts");
    nothing(executor);
    expect(executor.manager.storageUsed).toBe(0);
    const next = await Hand.hire(executor);
    hands.push(next);
    expect(next.place.worker).toBe(first!.place.worker);
    // The end of the first thread does not bury the second, which has its number.
    await next.ask("acquire", { bytes: 5, task: 3, mode: ON_HEAP });
    expect(await first!.kill()).toEqual({ execution: 0, storage: 0 });
    expect(executor.manager.executionHeld(3, ON_HEAP)).toBe(5);
  });

  test.each([
    ["holds memory", "state", {}],
    ["sleeps", "hold", { bytes: 90 * MIB, task: 1, mode: OFF_HEAP }],
  ])("one that dies while it %s", async (_, command, args) => {
    const [executor, first, second] = await crew(2);
    await second!.ask("hold", { bytes: 95 * MIB, task: 2, mode: OFF_HEAP });
    await first!.ask("acquire", { bytes: 7 * MIB, task: 1, mode: ON_HEAP });
    await first!.ask("storage", { bytes: 3 * MIB, mode: OFF_HEAP });
    void first!.ask(command, args).catch(() => {});
    if (command === "hold") await waiting(executor, 1);
    expect(await first!.kill()).toEqual({ execution: 7 * MIB, storage: 3 * MIB });
    expect(executor.ledger.waiting).toBe(0);
    expect(executor.manager.hasEntry(1, OFF_HEAP)).toBe(false);
    expect(executor.check()).toEqual([]);
    expect(await second!.ask("drop", { bytes: 95 * MIB, task: 2, mode: OFF_HEAP })).toBeUndefined();
    nothing(executor);
  });

  test.each(["dieLocked", "dieDeciding"])("one that dies in the middle of a decision (%s)", async (command) => {
    const [executor, first, second] = await crew(2);
    await first!.stuck(command, { bytes: 7 * MIB, task: 1, mode: ON_HEAP });
    // Needs a decision, and sleeps for that of the first.
    const answer = second!.ask("acquire", { bytes: 60 * MIB, task: 2, mode: ON_HEAP });
    const estate = await first!.kill();
    expect(estate.execution).toBe(command === "dieLocked" ? 0 : 7 * MIB);
    expect(await answer).toBe(60 * MIB);
    expect(executor.manager.state(ON_HEAP)[1]).toBe(60 * MIB);
    expect(executor.check()).toEqual([]);
  });

  test("a thread of little patience is told that another is deciding", async () => {
    const executor = shareExecutor({ conf: CONF, cores: 2 }, { patienceMs: 5 });
    const first = await Hand.hire(executor);
    hands.push(first);
    await first.stuck("dieDeciding", { bytes: 1, task: 1, mode: ON_HEAP });
    expect(() => executor.manager.acquireExecution(1, 2, ON_HEAP)).toThrow(
      expect.objectContaining({ name: "MemoryBusy" }),
    );
    await first.kill();
    expect(executor.manager.acquireExecution(1, 2, ON_HEAP)).toBe(1);
    expect(executor.check()).toEqual([]);
  });

  test.each([false, true])(
    "a thread gives back while another decides for long (outside of the lock: %s)",
    async (outside) => {
      const executor = shareExecutor({ conf: CONF, cores: 2 }, { patienceMs: 5 });
      const [first, second] = [await Hand.hire(executor), await Hand.hire(executor)];
      hands.push(first, second);
      const holder = new Holder(executor.task(1), { mode: OFF_HEAP });
      const page = holder.allocatePage(MIB);
      expect(executor.store.reserveUnroll("u", 5, ON_HEAP)).toBe(true);
      const flag = new Int32Array(new SharedArrayBuffer(4));
      await first.stuck("decide", { flag, outside });
      const busy = expect.objectContaining({ name: "MemoryBusy" });
      expect(() => holder.acquireMemory(100 * MIB)).toThrow(busy);
      holder.freePage(page);
      executor.store.releaseUnroll(5, ON_HEAP);
      expect(() => executor.endTask(1)).toThrow(busy);
      expect(holder.used).toBe(0);
      Atomics.store(flag, 0, 1);
      Atomics.notify(flag, 0);
      // This thread asks for nothing more.
      const used = async (): Promise<number> => {
        const state = await second.ask<number[][]>("state");
        return state.reduce((sum, [, execution, , storage]) => sum + execution! + storage!, 0);
      };
      while ((await used()) > 0);
      expect(executor.endTask(1).bytes).toBe(0);
      nothing(executor);
    },
  );

  test("killed at random moments, every byte comes back", async () => {
    const executor = shareExecutor({ conf: CONF, cores: 2 });
    const witness = await Hand.hire(executor);
    hands.push(witness);
    const churning = witness.ask("churn", { seed: 99, tasks: [1000], rounds: 2_000_000, most: 4 * MIB });
    for (let round = 0; round < 12; round += 1) {
      const victim = await Hand.hire(executor);
      hands.push(victim);
      void victim.ask("churn", { seed: round, tasks: [2 * round, 2 * round + 1], most: 4 * MIB }).catch(() => {});
      for (let tick = 0; tick < round; tick += 1) await new Promise((resolve) => setImmediate(resolve));
      await victim.kill();
      for (const mode of [ON_HEAP, OFF_HEAP] as const) expect(executor.manager.hasEntry(2 * round, mode)).toBe(false);
    }
    await churning;
    nothing(executor);
    expect(executor.manager.storageUsed).toBe(0);
  });
});

describe("refused", () => {
  const executor = shareExecutor({ conf: CONF, cores: 2, tasks: 2, workers: 3 });
  const place = executor.place();

  test("a place of another version", () => {
    expect(() => attachExecutor({ ...place, version: "0.0.1" })).toThrow(
      expect.objectContaining({ name: "AccountsError", reason: "version" }),
    );
  });

  test("a memory that holds no accounts, or not all of them", () => {
    const memory = (units: number): WebAssembly.Memory =>
      new WebAssembly.Memory({ initial: units, maximum: units, shared: true });
    const attach = (accounts: WebAssembly.Memory): unknown => attachExecutor({ ...place, accounts });
    expect(() => attach(memory(0))).toThrow(expect.objectContaining({ reason: "size" }));
    expect(() => attach(memory(1))).toThrow(expect.objectContaining({ reason: "magic" }));
    const cut = memory(1);
    new Uint8Array(cut.buffer).set(new Uint8Array(place.accounts.buffer).subarray(0, 64));
    new Uint32Array(cut.buffer)[2] = 60_000;
    expect(() => attach(cut)).toThrow(expect.objectContaining({ reason: "size" }));
    const old = memory(1);
    new Uint8Array(old.buffer).set(new Uint8Array(place.accounts.buffer).subarray(0, 64));
    new Uint32Array(old.buffer)[1] = 77;
    expect(() => attach(old)).toThrow("the accounts are of version 77");
  });

  test("a module that is another", () => {
    const empty = new WebAssembly.Module(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0));
    expect(() => attachExecutor({ ...place, module: empty })).toThrow(expect.objectContaining({ reason: "module" }));
  });

  test("a place that is taken, and a worker too many", () => {
    const mine = executor.place();
    attachExecutor(mine);
    expect(() => attachExecutor(mine)).toThrow(expect.objectContaining({ reason: "worker" }));
    expect(() => executor.place()).toThrow("all 3 places for workers are taken");
    expect(() => attachExecutor({ ...place, worker: MAX_WORKERS + 1 })).toThrow("numbers are 1 to 64");
  });

  test("more tasks at once than there are slots", () => {
    for (const task of [1, 2]) executor.manager.acquireExecution(1, task, ON_HEAP);
    expect(() => executor.manager.acquireExecution(1, 3, ON_HEAP)).toThrow(
      expect.objectContaining({ name: "TooManyTasks" }),
    );
    executor.manager.releaseExecution(1, 2, ON_HEAP);
    expect(executor.manager.acquireExecution(1, 3, ON_HEAP)).toBe(1);
  });
});
