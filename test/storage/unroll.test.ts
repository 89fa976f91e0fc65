// Unrolling at its edges: what is reserved when, what a handle allows, and what is left when a record source fails.

import { describe, expect, test } from "vitest";
import { InvalidRequest } from "../../src/memory/manager.js";
import { OFF_HEAP, ON_HEAP } from "../../src/memory/mode.js";
import { BlockExists, BlockMisuse } from "../../src/storage/store.js";
import { putRecords, putValues } from "../../src/storage/unroll.js";
import { HandleUsed, TaskInterrupted, type UnrolledValues } from "../../src/storage/unrolled.js";
import { arrays, filled, remembering, world } from "./world.js";

const sized = (estimatedBytes: number) => ({ estimatedBytes });

function* counted<T>(records: Iterable<T>, seen: { read: number; closed?: boolean }): Generator<T> {
  try {
    for (const record of records) {
      seen.read += 1;
      yield record;
    }
  } finally {
    seen.closed = true;
  }
}

describe("reserving", () => {
  test("nothing is read when not even the first reservation can be had", () => {
    const { store, manager } = world({ memory: 500 });
    const seen = { read: 0 };
    const handle = putValues(store, "a", counted(filled(3, 10), seen), ON_HEAP)!;
    expect([seen.read, manager.storageUsed]).toEqual([0, 0]);
    expect([...handle].length).toBe(3);
  });

  test("is looked at after elements 1, 17, 33, grows ahead of the block, and ends as its exact size", () => {
    const { store, manager } = world({ memory: 100_000 });
    const used: number[] = [];
    const watched = function* () {
      for (const record of filled(40, 96)) {
        yield record;
        used.push(manager.storageUsed);
      }
    };
    expect(putRecords(store, "a", watched(), arrays, ON_HEAP)).toBeNull();
    // 100 bytes each: 17 make 1700, 33 make 3300.
    expect([used[0], used[15], used[16], used[31], used[32], used[39]]).toEqual([512, 512, 2550, 2550, 4950, 4950]);
    expect([manager.storageUsed, store.getSize("a"), store.unrolled(ON_HEAP)]).toEqual([4000, 4000, 0]);
    expect([...arrays.read(store.get("a")!)]).toEqual(filled(40, 96));
  });

  test("follows the configured period and growth", () => {
    const conf = { "spark.storage.unrollMemoryCheckPeriod": "1", "spark.storage.unrollMemoryGrowthFactor": "2" };
    const { store, manager } = world({ memory: 100_000, conf });
    const used: number[] = [];
    const watched = function* () {
      for (const record of filled(12, 96)) {
        yield record;
        used.push(manager.storageUsed);
      }
    };
    putRecords(store, "a", watched(), arrays, ON_HEAP);
    expect(used.slice(4, 12)).toEqual([512, 1200, 1200, 1200, 1200, 1200, 1200, 2400]);
  });

  test("is charged to the task, mode by mode, and goes with its end", () => {
    const { executor, store, unroll } = world({ memory: 2000 });
    executor.task(1);
    putValues(store, "a", filled(9, 1000), ON_HEAP, { task: 1 });
    putRecords(store, "b", filled(9, 1000), arrays, OFF_HEAP, { task: 2 });
    const [one, two] = [store.unrolledBy(1, ON_HEAP), store.unrolledBy(2, OFF_HEAP)];
    expect([one > 0, two > 0, unroll()]).toEqual([true, true, one + two]);
    store.releaseUnroll(Number.MAX_SAFE_INTEGER, ON_HEAP, 2);
    expect(unroll()).toBe(one + two);
    executor.endTask(1);
    expect(unroll()).toBe(two);
    store.endTask(2);
    expect(unroll()).toBe(0);
    expect(() => store.releaseUnroll(-1, ON_HEAP)).toThrow(InvalidRequest);
  });

  test("a threshold beyond every region is refused, not wrong", () => {
    const { store } = world({ conf: { "spark.storage.unrollMemoryThreshold": String(2n ** 63n - 1n) } });
    expect(putValues(store, "a", filled(1, 1), ON_HEAP)).not.toBeNull();
  });

  test("no records are a block too", () => {
    const { store, check } = world();
    expect([putValues(store, "v", [], ON_HEAP), putRecords(store, "b", [], arrays, OFF_HEAP)]).toEqual([null, null]);
    expect([store.getSize("v"), store.getValues("v"), store.getSize("b"), store.get("b")!.length]).toEqual([
      16,
      [],
      0,
      0,
    ]);
    expect(check()).toEqual([]);
  });
});

describe("what is refused", () => {
  test("a block that is in memory, before a record is read", () => {
    const { store, unroll } = world();
    store.put("a", new Uint8Array(10));
    const seen = { read: 0 };
    expect(() => putValues(store, "a", counted(filled(1, 1), seen), ON_HEAP)).toThrow(BlockExists);
    expect([seen.read, unroll()]).toEqual([0, 0]);
  });

  test("a block that its own records put", () => {
    const { store, unroll, check } = world();
    const records = function* () {
      yield new Uint8Array(10);
      store.put("a", new Uint8Array(10));
    };
    expect(() => putRecords(store, "a", records(), arrays, ON_HEAP)).toThrow(BlockExists);
    expect([store.getSize("a"), unroll()]).toEqual([10, 0]);
    expect(check()).toEqual([]);
  });

  test("values off-heap before 3.2, bytes of values, values of bytes", () => {
    const { store } = world({ generation: "2.4" });
    expect(() => putValues(store, "a", [], OFF_HEAP)).toThrow(BlockMisuse);
    putValues(store, "v", [sized(8)], ON_HEAP);
    store.put("b", new Uint8Array(10));
    expect(() => store.get("v")).toThrow("block v is kept as values");
    expect(() => store.getValues("b")).toThrow("block b is kept as bytes");
    expect([store.isValues("v"), store.isValues("b"), store.isValues("c"), store.getValues("c")]).toEqual([
      true,
      false,
      false,
      null,
    ]);
  });
});

describe("a record source that fails", () => {
  const failing = function* () {
    yield* filled(20, 100);
    throw new Error("the source");
  };
  test.each([
    ["outside of a task nothing stays reserved", undefined, 0],
    ["in a task it stays until its end", 7, 1],
  ])("%s", (_what, task, stays) => {
    const { store, unroll } = world({ memory: 100_000 });
    expect(() => putRecords(store, "a", failing(), arrays, ON_HEAP, task === undefined ? {} : { task })).toThrow(
      "the source",
    );
    expect([Math.sign(unroll()), store.has("a")]).toEqual([stays, false]);
    if (task !== undefined) store.endTask(task);
    expect(unroll()).toBe(0);
  });
});

describe("a handle of values", () => {
  test("gives its reservation back when the unrolled part is exhausted", () => {
    const { store, unroll } = world({ memory: 2000 });
    const seen = { read: 0 };
    const handle = putValues(store, "a", counted(filled(9, 1000), seen), ON_HEAP)!;
    const unrolled = seen.read;
    for (let i = 0; i < unrolled; i += 1) handle.next();
    expect(unroll()).toBeGreaterThan(0);
    expect(handle.next().value).toEqual(filled(9, 1000)[unrolled]);
    expect(unroll()).toBe(0);
    expect([...handle].length).toBe(9 - unrolled - 1);
  });

  test("is closed by a loop that breaks off, and the source with it", () => {
    const { store, unroll } = world({ memory: 2000 });
    const seen = { read: 0, closed: false };
    const handle = putValues(store, "a", counted(filled(9, 1000), seen), ON_HEAP)!;
    for (const record of handle) {
      expect(record.length).toBe(1000);
      break;
    }
    handle.close();
    expect([unroll(), seen.closed, handle.next().done]).toEqual([0, true, true]);
  });
});

describe("a handle of bytes", () => {
  const failed = () => {
    const w = world({ memory: 2000 });
    return { ...w, handle: putRecords(w.store, "a", filled(9, 1000), arrays, ON_HEAP)! };
  };

  test("can be used once", () => {
    for (const first of ["finish", "values", "discard"] as const) {
      const { handle, unroll } = failed();
      if (first === "finish") handle.finish(remembering());
      else if (first === "values") expect([...handle.values()]).toEqual(filled(9, 1000));
      else handle.discard();
      expect(() => handle.finish(remembering())).toThrow(HandleUsed);
      expect(() => handle.values()).toThrow(expect.objectContaining({ condition: "INTERNAL_ERROR_STORAGE" }));
      handle.discard();
      expect(unroll()).toBe(0);
    }
  });

  test("that failed at its exact size ends its stream once", () => {
    // An end mark that does not fit what was reserved.
    const marked: typeof arrays = {
      read: (bytes) => arrays.read(bytes.subarray(0, bytes.length - 600)),
      writer: (sink) => ({
        write: (record) => arrays.writer(sink).write(record),
        close: () => sink.write(new Uint8Array(600)),
      }),
    };
    for (const how of ["values", "finish"]) {
      const { store, unroll } = world({ memory: 520 });
      const handle = putRecords(store, "a", filled(2, 10), marked, ON_HEAP)!;
      const to = remembering();
      if (how === "values") expect([...handle.values()]).toEqual(filled(2, 10));
      else expect([handle.finish(to), to.bytes().length]).toEqual([628, 628]);
      expect(unroll()).toBe(0);
    }
  });

  test("whose sink fails holds nothing any more", () => {
    const { handle, unroll } = failed();
    const full = {
      write() {
        throw new Error("no space left");
      },
    };
    expect(() => handle.finish(full)).toThrow("no space left");
    expect(unroll()).toBe(0);
  });
});

describe("an interrupt", () => {
  const put = (generation: string, form: "values" | "bytes", task?: number) => {
    const w = world({ generation, memory: 100_000 });
    const seen = { read: 0 };
    const options = { interrupted: () => seen.read === 3, ...(task === undefined ? {} : { task }) };
    const records = counted(filled(9, 100), seen);
    const call = () =>
      form === "values"
        ? putValues(w.store, "a", records, ON_HEAP, options)
        : putRecords(w.store, "a", records, arrays, ON_HEAP, options);
    return { ...w, call };
  };

  test("stops values with a handle, and bytes by ending the task", () => {
    const values = put("4.1", "values", 5);
    expect([...(values.call() as UnrolledValues<Uint8Array>)]).toEqual(filled(9, 100));
    const bytes = put("4.1", "bytes", 5);
    expect(bytes.call).toThrow(TaskInterrupted);
    expect(bytes.unroll()).toBe(512);
    bytes.store.endTask(5);
    expect(bytes.unroll()).toBe(0);
  });

  test.each([
    ["before 4.0", "3.5", 5],
    ["outside of a task", "4.1", undefined],
  ])("is not heard %s", (_what, generation, task) => {
    for (const form of ["values", "bytes"] as const) expect(put(generation, form, task).call()).toBeNull();
  });
});

test("a value that cannot be closed is told and leaves all the same", () => {
  const { store, check } = world();
  const told: unknown[] = [];
  const trouble = new Error("cannot be closed");
  store.onCloseFailure = (error) => told.push(error);
  const stubborn = {
    estimatedBytes: 8,
    close() {
      throw trouble;
    },
  };
  putValues(store, "a", [stubborn], ON_HEAP);
  expect([store.remove("a"), store.closeFailures, told]).toEqual([true, 1, [trouble]]);
  expect(check()).toEqual([]);
});

test("before 3.2 nothing is closed", () => {
  const { store } = world({ generation: "2.4" });
  putValues(store, "a", [{ estimatedBytes: 8, close: () => expect.fail("closed") }], ON_HEAP);
  expect(store.remove("a")).toBe(true);
});
