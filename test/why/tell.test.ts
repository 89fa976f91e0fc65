// Why a task was denied, waited, spilled or lost its block: the sentences, word by word, of small runs.

import { describe, expect, test } from "vitest";
import { openExecutor } from "../../src/executor.js";
import { OFF_HEAP, ON_HEAP } from "../../src/memory/mode.js";
import { MUST_WAIT } from "../../src/policy/policy.js";
import { BlockManager } from "../../src/storage/block-manager.js";
import { MemoryDisk } from "../../src/storage/disk.js";
import { LEVELS } from "../../src/storage/level.js";
import { chain, sizeText } from "../../src/why/tell.js";
import { Holder, KIB, MIB, recorded, SMALL, Stubborn } from "./help.js";

describe("a spill", () => {
  test("is told with what was free, what storage could give and why no more, and the task's share", async () => {
    const conf = {
      "spark.testing.memory": "512m",
      "spark.testing.reservedMemory": "0",
      "spark.memory.fraction": "1",
      "spark.memory.storageFraction": "0.25",
    };
    const { told, of } = await recorded(
      (executor) => {
        const { manager, store } = executor;
        for (const block of ["rdd_1_0", "rdd_1_1", "rdd_1_2", "rdd_2_0", "broadcast_7"]) {
          store.putAccount(block, (192 / 5) * MIB - ((192 / 5) * MIB % 1));
          store.pin(block);
        }
        const rest = 192 * MIB - manager.storageUsed;
        expect(manager.acquireStorage("rest", rest, ON_HEAP)).toBe(true);
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
        "storage could give 40 MiB (5 blocks pinned, 3 of the same RDD), and the task's share was 1/4 since task 9 had come in",
    );
    expect(of("moved").at(-1)).toMatchObject({ bytes: 40 * MIB });
    expect(of("short")[0]).toMatchObject({ granted: 32 * MIB, capBytes: 96 * MIB, limit: "kept", pinned: 5, alike: 3 });
  });

  test("within a spill names what it spilled for, one after the other", async () => {
    class Careless extends Holder {
      override spill(): number {
        const before = this.used;
        if (before > 0) {
          const helper = new Stubborn(this.task, { name: "helper" });
          helper.acquireMemory(300);
          helper.freeMemory(helper.used);
        }
        return super.spill();
      }
    }
    const { told, facts, story } = await recorded((executor) => {
      const task = executor.task(1);
      const small = new Holder(task, { name: "small" });
      const careless = new Careless(task, { name: "careless" });
      const asker = new Holder(task, { name: "asker" });
      small.acquireMemory(200);
      careless.acquireMemory(700);
      asker.acquireMemory(600);
    });
    const outer = facts.find((fact) => fact.kind === "spilled" && fact.consumer === "careless")!;
    expect(told("spilled")).toEqual([
      "the small of task 1 spilled 200 B because the helper of the same task asked for 300 B, of which 200 B were still missing: 0",
    ]);
    expect(chain(outer, story.known)).toEqual([]);
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
  expect([openExecutor, MUST_WAIT, OFF_HEAP, BlockManager, MemoryDisk, LEVELS, KIB, SMALL].length).toBe(8);
});
