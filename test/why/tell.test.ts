// Why a task was denied, waited, spilled or lost its block: the sentences, word by word, of small runs.

import { describe, expect, test } from "vitest";
import { OFF_HEAP, ON_HEAP } from "../../src/memory/mode.js";
import { chain, sizeText } from "../../src/why/tell.js";
import { divide, type Policy, type RegionView } from "../../src/policy/policy.js";
import { unified } from "../../src/policy/unified.js";
import { Holder, MIB, recorded, SMALL, Stubborn } from "./help.js";

describe("a spill", () => {
  test("is told with what was free, what storage could give and why no more, and the task's share", async () => {
    const conf = {
      "spark.testing.memory": String(512 * MIB),
      "spark.testing.reservedMemory": "0",
      "spark.memory.fraction": "1",
      "spark.memory.storageFraction": "0.25",
    };
    const { told, of } = await recorded(
      (executor) => {
        const { manager, store } = executor;
        const blocks = { rdd_1_0: 48, rdd_1_1: 36, rdd_1_2: 36, rdd_2_0: 36, broadcast_7: 36 };
        for (const [block, mib] of Object.entries(blocks)) {
          store.putAccount(block, mib * MIB);
          store.pin(block);
        }
        store.putAccount("short-lived", 40 * MIB);
        store.remove("short-lived");
        expect(manager.acquireExecution(180 * MIB, 1, ON_HEAP)).toBe(180 * MIB);
        expect(manager.acquireExecution(16 * MIB, 2, ON_HEAP)).toBe(16 * MIB);
        const task = executor.task(7);
        const [sort, map] = ["sort", "hash map"].map((name) => new Holder(task, { name })) as [Holder, Holder];
        sort.acquireMemory(64 * MIB);
        expect(manager.acquireExecution(8 * MIB, 9, ON_HEAP)).toBe(8 * MIB);
        expect(map.acquireMemory(128 * MIB)).toBe(96 * MIB);
      },
      { conf, collector: "other", pages: "accounts" },
    );
    expect(told("spilled")[0]).toBe(
      "the sort of task 7 spilled 64 MiB because the hash map of the same task asked for 128 MiB: 12 MiB were free, " +
        "storage could give 40 MiB (5 blocks pinned, 3 of the same RDD), and the task's share was 1/4 since task 9 had come in " +
        "(96 MiB; it held 64 MiB)",
    );
    expect(of("moved").at(-1)).toMatchObject({ bytes: 40 * MIB });
    expect(of("short")[0]).toMatchObject({ granted: 32 * MIB, capBytes: 96 * MIB, limit: "kept", pinned: 5, alike: 3 });
  });

  test("within a spill names what it spilled for, one after the other", async () => {
    class Careless extends Holder {
      #spilling = false;
      override spill(): number {
        if (this.#spilling) return 0;
        this.#spilling = true;
        const helper = new Stubborn(this.task, { name: "helper" });
        helper.acquireMemory(150);
        helper.freeMemory(helper.used);
        return super.spill();
      }
    }
    const { told, facts, story } = await recorded((executor) => {
      const task = executor.task(1);
      const small = new Holder(task, { name: "small" });
      const careless = new Careless(task, { name: "careless" });
      const asker = new Holder(task, { name: "asker" });
      small.acquireMemory(250);
      careless.acquireMemory(700);
      asker.acquireMemory(500);
    });
    expect(told("spilled")).toEqual([
      "the small of task 1 spilled 250 B because the helper of the same task asked for 150 B: nothing was free, storage " +
        "could give nothing, and the task had the pool to itself",
      "the careless of task 1 spilled 700 B because the asker of the same task asked for 500 B: nothing was free, storage " +
        "could give 50 B, and the task had the pool to itself",
    ]);
    // The helper asked in the course of the spill for the asker, who was short at first.
    expect(
      chain(
        facts.find(({ kind }) => kind === "spilled")!,
        story.known,
      ),
    ).toEqual([
      told("spilled")[0],
      "the asker of task 1 was granted 50 B of the 500 B that it asked for: nothing was free, storage could give 50 B, and " +
        "the task had the pool to itself",
    ]);
  });

  test("that frees nothing or fails is told too, and the request is told again after it", async () => {
    class Broken extends Holder {
      override spill(): number {
        throw Object.assign(new Error("no space"), { code: "ENOSPC" });
      }
    }
    const { told } = await recorded((executor) => {
      const task = executor.task(3);
      const stubborn = new Stubborn(task, { name: "stubborn" });
      const holder = new Holder(task, { name: "holder" });
      const broken = new Broken(task, { name: "broken" });
      stubborn.acquireMemory(200);
      holder.acquireMemory(800);
      expect(holder.acquireMemory(150)).toBe(150);
      broken.acquireMemory(500);
      expect(() => stubborn.acquireMemory(400)).toThrow("could not spill");
    });
    expect(told("spilled").map((text) => text.split(":")[0])).toEqual([
      "the stubborn of task 3 spilled nothing because the holder of the same task asked for 150 B",
      "the holder of task 3 spilled 800 B because it asked for 150 B",
      "the broken of task 3 failed to spill because the stubborn of the same task asked for 400 B",
    ]);
  });

  test("of its own accord has no other cause", async () => {
    const { told, story, of } = await recorded((executor) => {
      const holder = new Holder(executor.task(2), { name: "sort" });
      holder.acquireMemory(70);
      holder.spillSelf();
    });
    expect(told("spilled")).toEqual(["the sort of task 2 spilled 70 B of its own accord, at a bound of its own"]);
    expect(of("spilled")[0]).toMatchObject({ cause: 0, row: 3 });
    expect(story.payments).toEqual([{ payer: 2, for: 2, spilledBytes: 70, evictedBytes: 0, waitedBytes: 0 }]);
  });
});

describe("storage", () => {
  test("gives to execution what lies above the protected part, and says what left for whom", async () => {
    const { told, story } = await recorded(({ manager, store }) => {
      store.putAccount("rdd_1_0", 400);
      store.putAccount("rdd_1_1", 300);
      store.pin("rdd_1_1");
      manager.acquireExecution(900, 1, ON_HEAP);
    });
    expect(told("moved", "evicted", "short")).toEqual([
      "the boundary moved by 200 B to storage because block rdd_1_1 wanted 300 B of on-heap storage and 100 B were free",
      "block rdd_1_0 (400 B, on-heap) was dropped because task 1 asked for 900 B and 300 B were free",
      "the boundary moved by 400 B to execution because task 1 asked for 900 B and 300 B were free",
      "task 1 was granted 700 B of the 900 B that it asked for: 300 B were free, storage could give 400 B (what it holds is " +
        "protected), and the task had the pool to itself",
    ]);
    expect(story.payments).toEqual([{ payer: "storage", for: 1, spilledBytes: 0, evictedBytes: 400, waitedBytes: 0 }]);
  });

  test("refuses a block for its own RDD, for locks, for want of room, or for the policy", async () => {
    const { told } = await recorded(({ manager, store }) => {
      manager.acquireExecution(200, 1, ON_HEAP);
      store.putAccount("rdd_1_0", 400, ON_HEAP, "disk");
      store.putAccount("rdd_1_1", 300);
      expect(store.putAccount("rdd_1_2", 300)).toBe(false);
      expect(store.putAccount("b", 900)).toBe(false);
      store.pin("rdd_1_1");
      expect(store.putAccount("c", 600)).toBe(false);
      expect(store.putAccount("d", 500)).toBe(true);
    });
    expect(told("refused", "evicted")).toEqual([
      "block rdd_1_2 wanted 300 B of on-heap storage and was refused: nothing was free, execution lent 100 B, and " +
        "others could give nothing (2 of the same RDD)",
      "block b wanted 900 B of on-heap storage and was refused: 100 B were free, and storage " +
        "can never have so much while execution holds what it holds",
      "block c wanted 600 B of on-heap storage and was refused: 100 B were free, execution lent nothing, and others " +
        "could give 400 B (1 block pinned)",
      "block rdd_1_0 (400 B, on-heap) was written to disk because block d wanted 500 B of on-heap storage and 100 B were free",
    ]);
    const legacy = await recorded(
      ({ store }) => {
        expect(store.reserveUnroll("t", 8 * MIB, ON_HEAP)).toBe(true);
        store.putAccount("a", 22 * MIB);
        expect(store.reserveUnroll("u", 6 * MIB, ON_HEAP)).toBe(false);
      },
      {
        generation: "2.4",
        conf: {
          "spark.memory.useLegacyMode": "true",
          "spark.testing.memory": String(64 * MIB),
          "spark.storage.memoryFraction": "0.5",
          "spark.storage.safetyFraction": "1",
          "spark.storage.unrollFraction": "0.2",
        },
        pages: "accounts",
      },
    );
    expect(legacy.told("refused")).toEqual([
      "block u wanted 6 MiB of on-heap storage to unroll and was refused: 2 MiB were free, execution lent nothing, " +
        "and the policy evicts no more for it",
    ]);
  });

  test("knows whose block it was where a task unrolled it, and what was evicted by hand", async () => {
    const { told, story } = await recorded(({ manager, store }) => {
      store.reserveUnroll("rdd_5_0", 300, ON_HEAP, 4);
      store.putUnrolledValues("rdd_5_0", [1], 300, { mode: ON_HEAP, task: 4, bytes: 300 });
      store.putAccount("x", 100, OFF_HEAP);
      store.putAccount("y", 400);
      expect(manager.acquireExecution(800, 6, ON_HEAP)).toBe(600);
      expect(store.evict(null, 50, OFF_HEAP)).toBe(100);
    });
    expect(told("evicted")).toEqual([
      "block rdd_5_0 of task 4 (300 B, on-heap) was dropped because task 6 asked for 800 B and 300 B were free",
      "block x (100 B, off-heap) was dropped because somebody wanted 50 B of off-heap storage evicted",
    ]);
    expect(story.payments).toEqual([
      { payer: 4, for: 6, spilledBytes: 0, evictedBytes: 300, waitedBytes: 0 },
      { payer: "storage", for: "storage", spilledBytes: 0, evictedBytes: 100, waitedBytes: 0 },
    ]);
  });
});

describe("what bounds a task is told as the policy has it", () => {
  const bounds = async (policy: Policy | string): Promise<string[]> => {
    const { told } = await recorded(
      ({ manager }) => {
        manager.acquireExecution(10, 1, ON_HEAP);
        manager.acquireExecution(60, 2, ON_HEAP);
        manager.acquireExecution(950, 2, ON_HEAP);
      },
      { ...SMALL, policy, cores: 4 },
    );
    return told("short").map((text) => /storage could give .*?, and (.*)$/.exec(text)![1]!);
  };

  test.each([
    ["unified", "the task's share was 1/2 (500 B; it held 60 B)"],
    ["fair", "the task's share was 1/2 (500 B; it held 60 B)"],
    ["unified-fair", "the task's share was 1/2 (500 B; it held 60 B)"],
    ["slots", "a task may hold 125 B (it held 60 B)"],
    ["greedy", "no task has a bound of its own (it held 60 B)"],
    ["arbitrated", "no task has a bound of its own (it held 60 B)"],
  ] as const)("%s", async (policy, text) => {
    expect(await bounds(policy)).toEqual([text]);
  });

  test("and as a policy of one's own has it", async () => {
    const quarter = (view: RegionView): number => divide(view.total, 4);
    const policy: Policy = {
      ...unified,
      name: "polite",
      ceiling: (view) => Math.min(unified.ceiling(view), quarter(view)),
      share: (view, held, bytes) => unified.share(view, held, Math.max(0, Math.min(bytes, quarter(view) - held))),
    };
    expect(await bounds(policy)).toEqual(["a task may hold 250 B (it held 60 B)"]);
  });

  test("and nobody has a floor where nobody is kept waiting for one", async () => {
    const { told } = await recorded(
      async (executor) => {
        for (const task of [1, 2, 3, 4]) executor.manager.acquireExecution(100, task, ON_HEAP);
        const waiting = executor.wait(
          executor.task(5),
          new Stubborn(executor.task(5), { name: "late" }).acquireRequest(120),
        );
        executor.manager.releaseAllExecution(1);
        await waiting;
      },
      { ...SMALL, policy: "slots", cores: 4 },
    );
    expect(told("waits")).toEqual([
      "the late of task 5 waits for 120 B of on-heap memory: 100 B were free, storage could give nothing, and a task may hold " +
        "125 B (it held nothing); it does not go on below 120 B; 20 B must come back, which task 1 (100 B) could give",
    ]);
  });
});

test("sizes are whole where they are whole", () => {
  expect([0, 17, 1023, 1024, 1536, 128 * MIB, 96.5 * MIB, 2 ** 53 - 1].map(sizeText)).toEqual([
    "0 B",
    "17 B",
    "1023 B",
    "1 KiB",
    "1.5 KiB",
    "128 MiB",
    "96.5 MiB",
    "8.0 PiB",
  ]);
});
