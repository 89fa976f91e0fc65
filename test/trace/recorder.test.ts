// An embedder's own run as a trace: it replays row by row, whatever was asked, and recording leaves nothing behind.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Consumer } from "../../src/execution/consumer.js";
import { Misuse } from "../../src/execution/refusal.js";
import { Sorter } from "../../src/execution/sorter.js";
import { type Executor, type ExecutorOptions, openExecutor } from "../../src/executor.js";
import { MUST_WAIT } from "../../src/policy/policy.js";
import { unified } from "../../src/policy/unified.js";
import { openMemorySpillStore } from "../../src/spill/memory.js";
import { rddBlock } from "../../src/storage/block.js";
import { EntryLost } from "../../src/memory/manager.js";
import { OFF_HEAP, ON_HEAP } from "../../src/memory/mode.js";
import { Recorder } from "../../src/trace/recorder.js";
import { checkTrace } from "../../src/trace/verify.js";
import { seeded } from "../help/seed.js";
import { recordedOf, SMALL } from "./traces.js";

const OPTIONS: ExecutorOptions = { conf: SMALL.conf, collector: "other", pages: "accounts" };

class Holder extends Consumer {
  spill(): number {
    const freed = this.used;
    this.freeMemory(freed);
    return freed;
  }
}

/** Records what `run` does to a new executor; the lines of the trace. */
async function recorded(run: (executor: Executor) => Promise<void> | void, options = OPTIONS): Promise<string[]> {
  const executor = openExecutor(options);
  const lines: string[] = [];
  const recorder = new Recorder(executor, (line) => lines.push(line));
  await run(executor);
  recorder.end();
  expect(recorder.rows).toBe(lines.length - 2);
  return lines;
}

async function expectReplay(lines: readonly string[]): Promise<void> {
  expect(await checkTrace(recordedOf(lines))).toEqual({ rows: lines.length - 2, disagreement: null });
}

const rowsOf = (lines: readonly string[]): Record<string, unknown>[] =>
  lines.slice(1, -1).map((line) => JSON.parse(line) as Record<string, unknown>);

describe("a run is replayed as it was", () => {
  test("with consumers that spill for each other, and who spilled for whom beside the rows", async () => {
    const lines = await recorded((executor) => {
      const [a, b] = ["a", "b"].map((name) => new Holder(executor.task(1), { name })) as [Holder, Holder];
      a.acquireMemory(700);
      b.acquireMemory(600);
      executor.endTask(1);
    });
    await expectReplay(lines);
    expect(rowsOf(lines).map(({ op, bytes, result }) => [op, bytes, result])).toEqual([
      ["execAcquire", 700, { granted: 700 }],
      ["execAcquire", 600, { granted: 300 }],
      ["execRelease", 700, {}],
      ["execAcquire", 300, { granted: 300 }],
      ["execRelease", 0, {}],
      ["execReleaseAll", undefined, { released: 600 }],
    ]);
    expect(rowsOf(lines)[3]!["spilled"]).toEqual([{ task: 1, consumer: "a", trigger: "b", asked: 300, freed: 700 }]);
  });

  test("with blocks in both modes, by whatever name, their eviction and the user's observer", async () => {
    const evicted: string[] = [];
    const lines = await recorded(
      ({ store, manager }) => {
        store.onEvict = (block) => evicted.push(block);
        store.put(rddBlock(1, 0), new Uint8Array(400));
        store.putAccount("rdd_1_1", 300);
        store.put("broadcast_7", new Uint8Array(400), OFF_HEAP);
        expect(() => store.putAccount("broadcast_7", 1)).toThrow("in memory already");
        store.get(rddBlock(1, 0));
        store.read("nowhere");
        store.pin("rdd_1_1");
        manager.acquireExecution(900, 1, ON_HEAP);
        store.unpin("rdd_1_1");
        manager.acquireExecution(900, 1, ON_HEAP);
        store.reserveUnroll("b", 50, OFF_HEAP);
        store.releaseUnroll(70, OFF_HEAP);
        expect(store.remove("nowhere")).toBe(false);
        expect(() => store.unpin("broadcast_7")).toThrow("not pinned");
        expect(store.remove("broadcast_7")).toBe(true);
        manager.acquireStorage("raw", 9, OFF_HEAP);
        manager.releaseAllStorage(OFF_HEAP);
        store.putAccount("c", 60, OFF_HEAP);
        store.clear();
      },
      { ...OPTIONS, pages: "real" },
    );
    await expectReplay(lines);
    expect(evicted).toEqual(["rdd_1_0"]);
    const rows = rowsOf(lines);
    expect(rows.flatMap((row) => (row["evicted"] ?? []) as { block: string }[]).map(({ block }) => block)).toEqual(
      evicted,
    );
    expect(rows.map(({ op }) => op)).toContain("clear");
    expect(rows.find(({ op }) => op === "get")).toMatchObject({ block: "rdd_1_0", result: { bytes: 400 } });
  });

  test("with several waiters, their further looks as rows, in the order in which they were served", async () => {
    const lines = await recorded(async (executor) => {
      const { manager } = executor;
      const [a, b, c] = [1, 2, 3].map((task) => new Holder(executor.task(task)));
      a!.acquireMemory(1000);
      const waits = [b!, c!].map((each) => executor.wait(each.task, each.acquireRequest(500)));
      a!.freeMemory(166);
      await Promise.resolve();
      expect([b!.used, c!.used, manager.waits.size]).toEqual([166, 0, 1]);
      a!.freeMemory(834);
      await Promise.all(waits);
      for (const task of [1, 2, 3]) executor.endTask(task);
    });
    await expectReplay(lines);
    const looks = rowsOf(lines).filter(({ op }) => op === "retry");
    expect(looks.map(({ task, result }) => [task, result])).toEqual([
      [2, { granted: 166 }],
      [3, { waits: true }],
      [3, { granted: 500 }],
    ]);
    expect(JSON.parse(lines[0]!)).toMatchObject({ looks: "rows" });
  });

  test("with an entry that is lost while its task waits (V1)", async () => {
    const lines = await recorded(({ manager }) => {
      expect(manager.acquireExecution(900, 1, ON_HEAP)).toBe(900);
      expect(manager.acquireExecution(100, 2, ON_HEAP)).toBe(100);
      expect(manager.acquireExecution(300, 2, ON_HEAP)).toBe(MUST_WAIT);
      manager.releaseExecution(100, 2, ON_HEAP);
      expect(() => manager.retryExecution(300, 2, ON_HEAP)).toThrow(EntryLost);
    });
    await expectReplay(lines);
    expect(rowsOf(lines).at(-1)!["result"]).toEqual({ error: "NoSuchElementException" });
  });

  test("with unmanaged memory", async () => {
    const lines = await recorded(({ manager }) => {
      manager.setUnmanaged(200, ON_HEAP);
      expect(manager.acquireExecution(900, 1, ON_HEAP)).toBe(800);
    });
    await expectReplay(lines);
  });

  test.each(["2.4", "3.5", "4.1"])("with a sorter on real pages, by the rules of %s", async (generation) => {
    const conf = { ...SMALL.conf, "spark.testing.memory": "400000", "spark.buffer.pageSize": "16k" };
    const lines = await recorded(
      (executor) => {
        const store = openMemorySpillStore();
        const sorter = new Sorter(executor.task(1), { store, initialRecords: 16 });
        const row = new Uint8Array(100);
        for (let i = 0; i < 8000; i += 1) sorter.insert(row, 0, row.length, Math.imul(i, 0x9e3779b1), i);
        expect(sorter.metrics.spills).toBeGreaterThan(0);
        sorter.close();
        executor.endTask(1);
        store.close();
      },
      { ...OPTIONS, conf, generation, pages: "real" },
    );
    await expectReplay(lines);
    expect(lines.length).toBeGreaterThan(50);
  });

  test("under the static manager", async () => {
    const conf = { "spark.testing.memory": "40000000" };
    const lines = await recorded(
      ({ manager, store }) => {
        manager.acquireExecution(1e7, 1, ON_HEAP);
        for (let i = 0; i < 30; i += 1) store.putAccount(`b${i}`, 1e6);
        store.reserveUnroll("u", 5e6, ON_HEAP);
      },
      { ...OPTIONS, conf, generation: "2.4", layout: "static" },
    );
    await expectReplay(lines);
    expect(JSON.parse(lines[0]!)).toMatchObject({ manager: "static", generation: "2.4" });
  });

  test("whatever is asked", async () => {
    const bytes = fc.integer({ min: 1, max: 600 });
    const ask = fc.oneof(
      fc.record({ kind: fc.constant("acquire" as const), task: fc.nat(3), bytes }),
      fc.record({ kind: fc.constant("free" as const), task: fc.nat(3), bytes }),
      fc.record({ kind: fc.constant("put" as const), task: fc.nat(9), bytes }),
      fc.record({ kind: fc.constant("remove" as const), task: fc.nat(9), bytes }),
      fc.record({ kind: fc.constant("unroll" as const), task: fc.nat(9), bytes }),
      fc.record({ kind: fc.constant("end" as const), task: fc.nat(3), bytes }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(ask, { maxLength: 60 }), async (asks) => {
        const lines = await recorded(async (executor) => {
          const holders = new Map<number, Holder>();
          const waits: Promise<unknown>[] = [];
          for (const { kind, task, bytes: size } of asks) {
            if (kind === "put" && !executor.store.has(`rdd_${task}_0`))
              executor.store.putAccount(`rdd_${task}_0`, size);
            if (kind === "remove") executor.store.remove(`rdd_${task}_0`);
            if (kind === "unroll") executor.store.reserveUnroll("u", size, ON_HEAP);
            if (kind === "end" && holders.delete(task)) executor.endTask(task, true);
            const holder = holders.get(task) ?? new Holder(executor.task(task));
            if (kind === "acquire") {
              holders.set(task, holder);
              waits.push(executor.wait(holder.task, holder.acquireRequest(size)).catch(() => null));
            }
            if (kind === "free" && holder.used > 0) holder.freeMemory(Math.min(size, holder.used));
            if (size % 3 === 0) await Promise.resolve();
          }
          for (const task of holders.keys()) executor.endTask(task, true);
          await Promise.all(waits);
        });
        await expectReplay(lines);
      }),
      seeded(60),
    );
  });
});

describe("recording", () => {
  test("puts methods on one executor, and takes them off again", () => {
    const [executor, other] = [openExecutor(OPTIONS), openExecutor(OPTIONS)];
    const onSpill = (): void => {};
    executor.onSpill = onSpill;
    const before = [Object.keys(executor.manager), Object.keys(executor.store), Object.keys(executor)];
    const recorder = new Recorder(executor, () => {});
    expect(() => new Recorder(executor, () => {})).toThrow("being recorded already");
    expect(Object.keys(executor.manager)).toContain("acquireExecution");
    expect(Object.keys(other.manager)).not.toContain("acquireExecution");
    const onEvict = (): void => {};
    executor.store.onEvict = onEvict;
    recorder.end();
    recorder.end();
    expect(
      [Object.keys(executor.manager), Object.keys(executor.store), Object.keys(executor)].map((keys) =>
        keys.toSorted(),
      ),
    ).toEqual(before.map((keys) => keys.toSorted()));
    expect([executor.store.onEvict, executor.onSpill]).toEqual([onEvict, onSpill]);
    executor.manager.acquireExecution(1, 1, ON_HEAP);
    expect(recorder.rows).toBe(0);
  });

  test("begins on a new executor of Spark's own policies", () => {
    const used = openExecutor(OPTIONS);
    used.manager.acquireExecution(1, 1, ON_HEAP);
    expect(() => new Recorder(used, () => {})).toThrow(Misuse);
    const moved = openExecutor(OPTIONS);
    moved.manager.acquireExecution(600, 1, ON_HEAP);
    moved.manager.releaseAllExecution(1);
    expect(() => new Recorder(moved, () => {})).toThrow("before anything is asked");
    const tasked = openExecutor(OPTIONS);
    tasked.task(1);
    expect(() => new Recorder(tasked, () => {})).toThrow("before anything is asked");
    const own = openExecutor({ ...OPTIONS, policy: { ...unified, name: "mine" } });
    expect(() => new Recorder(own, () => {})).toThrow("a trace has no word for the policy mine");
    expect(() => new Recorder(openExecutor({ ...OPTIONS, policy: unified }), () => {})).not.toThrow();
  });
});
