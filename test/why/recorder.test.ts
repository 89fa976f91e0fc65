// Recording a run: the rows are those of a plain recording, nothing is left behind, and who is not recorded pays nothing.

import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Misuse } from "../../src/execution/refusal.js";
import { type Executor, openExecutor } from "../../src/executor.js";
import { shareExecutor } from "../../src/shared.js";
import { type Mode, OFF_HEAP, ON_HEAP } from "../../src/memory/mode.js";
import { MUST_WAIT } from "../../src/policy/policy.js";
import { unified } from "../../src/policy/unified.js";
import { rddBlock } from "../../src/storage/block.js";
import { Recorder } from "../../src/trace/recorder.js";
import { exportedLines } from "../../src/why/exported.js";
import { CauseReader } from "../../src/why/reader.js";
import { CauseRecorder } from "../../src/why/recorder.js";
import { seeded } from "../help/seed.js";
import { Holder, read, recorded, SMALL, Stubborn } from "./help.js";

type Step = readonly [kind: number, task: number, bytes: number, mode: Mode];

const steps = fc.array(
  fc.tuple(fc.nat(11), fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 700 }), fc.constantFrom<Mode>(0, 1)),
  { maxLength: 40 },
);

/** Does what chance says, through every door that is recorded. */
function play(executor: Executor, script: readonly Step[]): void {
  const { manager, store } = executor;
  const consumers: Holder[] = [];
  const attempt = (call: () => unknown): void => {
    try {
      call();
    } catch (error) {
      expect((error as Error).name).toMatch(/^(?:WouldWait|BlockExists|BlockMisuse|Misuse|EntryLost)$/);
    }
  };
  for (const [kind, task, bytes, mode] of script) {
    attempt(() => {
      if (kind === 0) manager.acquireExecution(bytes, 10 + task, mode);
      else if (kind === 1) manager.releaseExecution(bytes, 10 + task, mode);
      else if (kind === 2) manager.releaseAllExecution(10 + task);
      else if (kind === 3) store.putAccount(rddBlock(task, bytes % 5), bytes, mode);
      else if (kind === 4) store.put(`b${bytes % 7}`, new Uint8Array(bytes), mode);
      else if (kind === 5) store.get(rddBlock(task, bytes % 5));
      else if (kind === 6) store.pin(rddBlock(task, bytes % 5));
      else if (kind === 7) store.remove(rddBlock(task, bytes % 5));
      else if (kind === 8) store.reserveUnroll("u", bytes, mode, task);
      else if (kind === 9) store.releaseUnroll(bytes, mode, task);
      else if (kind === 10) manager.retryExecution(bytes, 10 + task, mode);
      else {
        const consumer = new Holder(executor.task(task), { mode, name: `c${consumers.length}` });
        consumers.push(consumer);
        consumer.acquireMemory(bytes);
      }
    });
  }
}

async function linesOf(bytes: Uint8Array): Promise<string[]> {
  const lines: string[] = [];
  const chunks = (async function* () {
    yield bytes;
  })();
  for await (const line of exportedLines(new CauseReader("run.causes"), chunks)) lines.push(line);
  return lines;
}

describe("a recorded run", () => {
  test("has the rows of a plain recording, in every field", async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (script) => {
        const executor = openExecutor(SMALL);
        const lines: string[] = [];
        const recorder = new Recorder(executor, (line) => lines.push(line));
        play(executor, script);
        recorder.end();
        const { bytes, facts, rows } = await recorded((other) => play(other, script));
        const back = (await linesOf(bytes)).map((line) => JSON.parse(line) as Record<string, unknown>);
        const without = back.map(({ cause: _cause, causes: _causes, ...row }) => row);
        expect(without).toEqual(lines.map((line) => JSON.parse(line) as unknown));
        // Every fact but a request, and a spill of one's own, has its cause; and it lies before.
        for (const { kind, cause, n } of facts) {
          expect(cause).toBeLessThan(n);
          if (kind !== "asked" && kind !== "wanted") expect(cause, kind).toBeGreaterThan(0);
        }
        for (const row of rows)
          if (row.result["granted"] === false || row.result["waits"] === true)
            expect(row.facts.map(({ kind }) => kind)).toContain(row.result["waits"] === true ? "waits" : "refused");
      }),
      seeded(60),
    );
  });

  test("tells an entry that was lost, and a request that another consumer's spill made whole", async () => {
    const { rows } = await recorded(({ manager }) => {
      manager.acquireExecution(900, 1, ON_HEAP);
      manager.acquireExecution(100, 2, ON_HEAP);
      expect(manager.acquireExecution(300, 2, ON_HEAP)).toBe(MUST_WAIT);
      manager.releaseExecution(100, 2, ON_HEAP);
      expect(() => manager.retryExecution(300, 2, ON_HEAP)).toThrow("key not found");
      manager.releaseAllStorage(ON_HEAP);
      manager.setUnmanaged(5, OFF_HEAP);
    });
    expect(rows.map(({ ask, result }) => [ask.op, result])).toEqual([
      ["execAcquire", { granted: 900 }],
      ["execAcquire", { granted: 100 }],
      ["execAcquire", { waits: true }],
      ["execRelease", {}],
      ["retry", { error: "NoSuchElementException" }],
      ["storageRelease", {}],
      ["unmanaged", {}],
    ]);
  });

  test("keeps a bounded buffer, which can be handed on before it is full", () => {
    const executor = openExecutor(SMALL);
    const sizes: number[] = [];
    const parts: Uint8Array[] = [];
    const recorder = new CauseRecorder(
      executor,
      (bytes) => {
        sizes.push(bytes.length);
        parts.push(bytes.slice());
      },
      1024,
    );
    for (let i = 0; i < 1000; i += 1) executor.manager.acquireExecution(1, i % 3, ON_HEAP);
    const before = sizes.length;
    recorder.flush();
    expect(sizes.length).toBe(before + 1);
    recorder.end();
    recorder.end();
    expect(Math.max(...sizes)).toBeLessThanOrEqual(1024 + 256);
    expect([recorder.rows, read(Buffer.concat(parts)).rows.length]).toEqual([1000, 1000]);
  });

  test("of a policy of one's own names it", async () => {
    const { bytes } = await recorded(() => {}, { ...SMALL, policy: { ...unified, name: "mine" } });
    expect(Buffer.from(bytes).toString("latin1")).toContain('"policy":"mine"');
  });
});

describe("nothing is left behind", () => {
  const shapeOf = (object: object): unknown => Object.getOwnPropertyDescriptors(object);

  test("on the executor, its manager, its store and tasks that live on", () => {
    const executor = openExecutor({ ...SMALL, onSpill: () => {} });
    const observer = { shortGrant: () => {} };
    executor.manager.observer = observer;
    const before = [executor, executor.manager, executor.store].map(shapeOf);
    const recorder = new CauseRecorder(executor, () => {});
    const task = executor.task(1);
    new Stubborn(executor.task(2)).acquireMemory(10);
    executor.endTask(2);
    expect(Object.hasOwn(task, "acquireExecutionMemory")).toBe(true);
    expect(() => new CauseRecorder(executor, () => {})).toThrow(Misuse);
    expect(() => new Recorder(executor, () => {})).toThrow(Misuse);
    recorder.end();
    expect([executor, executor.manager, executor.store].map(shapeOf)).toEqual(before);
    expect(Object.hasOwn(task, "acquireExecutionMemory")).toBe(false);
    expect(executor.manager.observer).toBe(observer);
  });

  test("of workers that share an executor: none sees what the others do, and it is refused", () => {
    const executor = shareExecutor({ pages: "accounts" });
    const before = [executor.manager, executor.store].map(shapeOf);
    expect(() => new CauseRecorder(executor, () => {})).toThrow(Misuse);
    expect([executor.manager, executor.store].map(shapeOf)).toEqual(before);
    executor.close();
  });

  test("observers of the embedder are told as before, also those that are set meanwhile", async () => {
    const told: string[] = [];
    await recorded((executor) => {
      const { manager, store } = executor;
      store.onEvict = (block) => told.push(`evicted ${block}`);
      manager.observer = {
        boundaryMoved: (bytes) => told.push(`moved ${bytes}`),
        shortGrant: (asked, granted) => told.push(`short ${asked} ${granted}`),
        mustWait: (bytes, task) => told.push(`waits ${bytes} ${task}`),
      };
      executor.onSpill = ({ freed }) => told.push(`spilled ${freed}`);
      store.putAccount("a", 300);
      store.putAccount("b", 400);
      store.pin("a");
      const holder = new Holder(executor.task(1));
      holder.acquireMemory(500);
      holder.acquireMemory(500);
      holder.acquireMemory(200);
      expect(manager.acquireExecution(300, 2, ON_HEAP)).toBe(MUST_WAIT);
    });
    expect(told).toEqual(["moved -200", "evicted b", "moved 400", "short 500 200", "spilled 500", "waits 300 2"]);
  });
});

describe("the common path", () => {
  test("of an executor that nobody records calls no observer and has no method of anybody else", () => {
    const executor = openExecutor(SMALL);
    const { manager, store } = executor;
    expect(Object.keys(manager)).not.toContain("acquireExecution");
    expect(Object.keys(store)).not.toContain("put");
    const trap = new Proxy({}, { get: (_, name) => expect.fail(`the observer was asked for ${String(name)}`) });
    manager.observer = trap;
    manager.watcher = trap;
    for (let i = 0; i < 100; i += 1) {
      expect(manager.acquireExecution(100, i % 4, ON_HEAP)).toBe(100);
      manager.releaseExecution(100, i % 4, ON_HEAP);
    }
    const holder = new Holder(executor.task(9));
    holder.acquireMemory(100);
    holder.freeMemory(100);
    store.putAccount("a", 10);
    // The same trap would have told of a request that leaves the path.
    expect(() => manager.acquireExecution(2000, 1, ON_HEAP)).toThrow("the observer was asked for");
  });

  test("ends in claimWhole, which calls nothing but its own table", () => {
    const source = readFileSync(new URL("../../src/memory/ledger.ts", import.meta.url), "utf8");
    const claim = /\n {2}claimWhole\([^)]*\): number \{[\s\S]*?\n {2}\}\n/.exec(source)![0];
    const calls = [...claim.matchAll(/([\w.#]+)\(/g)].map(([, name]) => name);
    expect(calls.filter((name) => !["claimWhole", "if", "Math.floor"].includes(name!))).toEqual(["this.#indexOf"]);
    const manager = readFileSync(new URL("../../src/memory/manager.ts", import.meta.url), "utf8");
    const acquire = /\n {2}acquireExecution\([\s\S]*?\n {2}\}\n/.exec(manager)![0];
    expect([...acquire.matchAll(/([\w.#]+)\(/g)].map(([, name]) => name)).toEqual([
      "acquireExecution",
      "this.ledger.claimWhole",
      "this.#decide",
    ]);
  });

  test("leaves no fact while it is recorded", async () => {
    const { facts, rows } = await recorded(({ manager }) => {
      for (let i = 0; i < 10; i += 1) {
        manager.acquireExecution(40, i, ON_HEAP);
        manager.releaseExecution(20, i, ON_HEAP);
      }
    });
    expect([facts.length, rows.length]).toEqual([0, 20]);
  });
});
