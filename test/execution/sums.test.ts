// Sums against a model in a JavaScript Map, over every kind of memory, ample and short, and with troubles on the way.

import { describe, expect, it } from "vitest";
import { Consumer } from "../../src/execution/consumer.js";
import { Misuse, TaskOutOfMemory } from "../../src/execution/refusal.js";
import { Sums, type SumsOptions } from "../../src/execution/sums.js";
import { WouldWait } from "../../src/memory/wait.js";
import { SpillError } from "../../src/spill/error.js";
import { openMemorySpillStore } from "../../src/spill/memory.js";
import { executor, failing, MEMORIES, taskOf } from "../help/maps.js";
import { numbers, seeded } from "../help/seed.js";

class Greedy extends Consumer {
  spill(): number {
    return 0;
  }
}

const key = new Uint8Array(16);
const words = new Int32Array(key.buffer);

/** What is added: key and delta by number. */
function* additions(count: number, keys: number): Generator<[low: number, high: number, delta: number]> {
  const random = numbers(seeded(1).seed);
  for (let i = 0; i < count; i += 1) {
    const k = Math.floor(random() * keys);
    const kind = Math.floor(random() * 20);
    const delta =
      kind === 0 ? Math.floor(random() * 2 ** 53) - 2 ** 52 : kind < 4 ? -1 - k : kind < 6 ? 2 ** 31 - 1 : 1;
    yield [Math.imul(k, 0x9e3779b1), k % 3, delta];
  }
}

function addAll(sums: Sums, count: number, keys: number): void {
  for (const [low, high, delta] of additions(count, keys)) {
    words[1] = low;
    words[2] = high;
    sums.add(key, 4, delta);
  }
}

function modelOf(count: number, keys: number): Map<string, bigint> {
  const model = new Map<string, bigint>();
  for (const [low, high, delta] of additions(count, keys))
    model.set(`${low},${high}`, BigInt.asIntN(64, (model.get(`${low},${high}`) ?? 0n) + BigInt(delta)));
  return model;
}

function read(sums: Sums): Map<string, bigint> {
  const got = new Map<string, bigint>();
  const groups = sums.groups();
  while (groups.next()) {
    const name = `${groups.keyLow},${groups.keyHigh}`;
    if (got.has(name)) expect.fail(`two groups of ${name}`);
    const sum = (BigInt(groups.sumHigh) << 32n) | BigInt(groups.sumLow >>> 0);
    if (sum === BigInt.asIntN(53, sum) && BigInt(groups.sum) !== sum) expect.fail(`${groups.sum} is not ${sum}`);
    got.set(name, sum);
  }
  expect(groups.next()).toBe(false);
  return got;
}

describe.each(MEMORIES)("sums, %s", (kind) => {
  const open = (totalBytes: number, options: Partial<SumsOptions> = {}, host = executor(kind, totalBytes, 8192)) => {
    const task = taskOf(host, kind);
    const store = openMemorySpillStore();
    const sums = new Sums(task, { store, capacity: 64, waitingBytes: 16_384, ...options });
    const close = (): void => {
      sums.close();
      sums.close();
      expect(sums.used + sums.map.used).toBe(0);
      expect(store.counters.liveFiles).toBe(0);
      expect(task.used).toBe(task.acquiredButUnused);
      expect(task.end()).toEqual({ bytes: 0, report: "" });
      expect(host.check()).toEqual([]);
    };
    return { host, task, store, sums, close };
  };

  it("are those of the model, with memory ample", () => {
    for (const [count, keys] of [
      [0, 1],
      [1, 1],
      [20_000, 40],
      [20_000, 6_000],
    ] as const) {
      const { sums, close } = open(4_000_000);
      addAll(sums, count, keys);
      expect(read(sums)).toEqual(modelOf(count, keys));
      expect(sums.fallBacks).toBe(0);
      expect(() => sums.groups()).toThrow(Misuse);
      expect(() => sums.add(key, 0, 1)).toThrow(Misuse);
      expect(() => sums.add(key, 1, 1)).toThrow(Misuse);
      close();
      expect(() => sums.add(key, 0, 1)).toThrow(Misuse);
    }
  });

  it("are the same by way of the sorter, with memory short", () => {
    const { sums, close } = open(150_000);
    addAll(sums, 20_000, 6_000);
    expect(sums.fallBacks).toBeGreaterThan(2);
    expect(read(sums)).toEqual(modelOf(20_000, 6_000));
    close();
  });

  it("go on after they had to wait, and count nothing twice", () => {
    const host = executor(kind, 600_000, 8192);
    const other = new Greedy(host.task(2), { name: "other" });
    other.acquireMemory(570_000);
    const { sums, close } = open(600_000, {}, host);
    let waits = 0;
    for (const [low, high, delta] of additions(20_000, 6_000)) {
      words[1] = low;
      words[2] = high;
      for (;;) {
        try {
          sums.add(key, 4, delta);
          break;
        } catch (error) {
          if (!(error instanceof WouldWait)) throw error;
          waits += 1;
          other.freeMemory(Math.min(other.used, 9000));
        }
      }
    }
    if (other.used > 0) other.freeMemory(other.used);
    host.endTask(2);
    expect(waits).toBeGreaterThan(0);
    expect(read(sums)).toEqual(modelOf(20_000, 6_000));
    close();
  });

  it("give everything back when the disk fails, or when no key fits", () => {
    for (const what of ["create", "write", "finish", "open", "read"]) {
      const inner = openMemorySpillStore();
      let left = 3;
      const store = failing(inner, (step) => {
        if (step === what && (left -= 1) === 0) throw new SpillError("write", "it was told to fail");
      });
      const { sums, close } = open(150_000, { store });
      expect(() => {
        addAll(sums, 20_000, 6_000);
        read(sums);
      }).toThrow(/told to fail/);
      close();
      expect(inner.counters.liveFiles).toBe(0);
    }
    const { sums, task, close } = open(100_000);
    const greedy = new Greedy(task, { name: "greedy" });
    greedy.acquireMemory(100_000);
    expect(() => addAll(sums, 20_000, 6_000)).toThrow(TaskOutOfMemory);
    greedy.freeMemory(greedy.used);
    close();
  });

  it("are refused with too little room, and leave nothing", () => {
    const host = executor(kind, 10_000, 1024);
    const task = taskOf(host, kind);
    const store = openMemorySpillStore();
    expect(() => new Sums(task, { store, waitingBytes: 100 })).toThrow(Misuse);
    expect(() => new Sums(task, { store, capacity: 64, waitingBytes: 16_384 })).toThrow(TaskOutOfMemory);
    expect(task.end().bytes).toBe(0);
  });
});
