// The sorter against a plain stable sort: both modes, every option, rows of every length, with memory ample and short, and
// with other consumers that make it spill while it is read.

import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Consumer } from "../../src/execution/consumer.js";
import { byteRange } from "../../src/execution/order.js";
import { Misuse } from "../../src/execution/refusal.js";
import type { RowComparator } from "../../src/execution/rows.js";
import type { SortedRows } from "../../src/execution/sorted-rows.js";
import { Sorter } from "../../src/execution/sorter.js";
import type { SorterOptions } from "../../src/execution/sorter-options.js";
import type { TaskMemoryManager } from "../../src/execution/task.js";
import { type Executor, openExecutor } from "../../src/executor.js";
import type { RunReader, SpillStore } from "../../src/spill/contract.js";
import { SpillError } from "../../src/spill/error.js";
import { openMemorySpillStore } from "../../src/spill/memory.js";

const SEED = 20261121;

function executor(mode: "onHeap" | "offHeap", totalBytes: number, pageBytes: number): Executor {
  return openExecutor({
    conf: {
      "spark.testing.memory": String(mode === "onHeap" ? totalBytes : 1_000_000),
      "spark.testing.reservedMemory": "0",
      "spark.memory.fraction": "1.0",
      "spark.memory.storageFraction": "0",
      "spark.buffer.pageSize": String(pageBytes),
      "spark.unsafe.exceptionOnMemoryLeak": "true",
      ...(mode === "offHeap"
        ? { "spark.memory.offHeap.enabled": "true", "spark.memory.offHeap.size": String(totalBytes) }
        : {}),
    },
  });
}

interface Row {
  readonly prefix: bigint;
  readonly isNull: boolean;
  readonly bytes: Uint8Array;
}

function insert(sorter: Sorter, row: Row): void {
  if (row.isNull) sorter.insertNull(row.bytes, 0, row.bytes.length);
  else
    sorter.insert(
      row.bytes,
      0,
      row.bytes.length,
      Number(BigInt.asIntN(32, row.prefix >> 32n)),
      Number(BigInt.asIntN(32, row.prefix)),
    );
}

/** The row that a reader stands at, checked against itself, as a copy. */
function current(rows: SortedRows): Row {
  const bytes = Uint8Array.from(rows.u8.subarray(rows.offset, rows.offset + rows.length));
  const prefix = (BigInt(rows.prefixHigh >>> 0) << 32n) | BigInt(rows.prefixLow >>> 0);
  return { prefix, isNull: rows.isNull, bytes };
}

function reference(rows: readonly Row[], options: Partial<SorterOptions>): Row[] {
  const sign = options.order === "descending" ? -1 : 1;
  const key = (row: Row): bigint => (options.signed === false ? row.prefix : BigInt.asIntN(64, row.prefix));
  const comparator =
    options.comparator ?? (options.keyBytes ? byteRange(options.keyBytes[0], options.keyBytes[1], sign === -1) : null);
  const compare = (a: Row, b: Row): number => {
    if (key(a) !== key(b)) return key(a) < key(b) ? -sign : sign;
    return comparator === null ? 0 : comparator(a.bytes, 0, a.bytes.length, b.bytes, 0, b.bytes.length);
  };
  const others = rows.filter((row) => !row.isNull).sort(compare);
  const nulls = rows.filter((row) => row.isNull).map((row) => ({ ...row, prefix: 0n }));
  return options.nulls === "last" ? [...others, ...nulls] : [...nulls, ...others];
}

function expectRow(got: Row, want: Row, place: number): void {
  if (got.prefix !== want.prefix || got.isNull !== want.isNull || Buffer.compare(got.bytes, want.bytes) !== 0)
    expect.fail(
      `place ${place}: ${got.prefix} ${got.isNull} ${got.bytes.length} bytes ${got.bytes.subarray(0, 20).join()}, ` +
        `not ${want.prefix} ${want.isNull} ${want.bytes.length} bytes ${want.bytes.subarray(0, 20).join()}`,
    );
}

const byLength: RowComparator = (_a, _o, aLength, _b, _p, bLength) => aLength - bLength;

/** A consumer that takes what it can get, so that others must spill. */
class Greedy extends Consumer {
  spill(): number {
    return 0;
  }
}

interface Plan {
  readonly mode: "onHeap" | "offHeap";
  readonly totalBytes: number;
  readonly pageBytes: number;
  readonly blockBytes: number;
  readonly options: Partial<SorterOptions>;
  readonly rows: readonly Row[];
  /** After how many rows read another consumer asks for everything; -1 for never. */
  readonly disturbAt: number;
}

function run(plan: Plan): { spills: number; store: SpillStore } {
  const { mode, totalBytes, pageBytes, blockBytes, options, rows, disturbAt } = plan;
  const host = executor(mode, totalBytes, pageBytes);
  const task: TaskMemoryManager = host.task(1);
  const store = openMemorySpillStore({ blockBytes });
  const sorter = new Sorter(task, { store, ...options });
  const greedy = new Greedy(task, { name: "greedy" });
  for (const row of rows) insert(sorter, row);
  const reader = sorter.sorted();
  const want = reference(rows, options);
  for (let place = 0; place < want.length; place += 1) {
    expect(reader.next()).toBe(true);
    expectRow(current(reader), want[place]!, place);
    if (place === disturbAt) {
      const used = sorter.used;
      const before = sorter.metrics.memoryBytesSpilled;
      greedy.acquireMemory(totalBytes);
      expect(sorter.used).toBeLessThan(used);
      expect(sorter.metrics.memoryBytesSpilled - before).toBe(used - sorter.used);
      // The row stays readable, and a second spill has nothing to give.
      expectRow(current(reader), want[place]!, place);
      expect(sorter.spill(1, greedy)).toBe(0);
      greedy.freeMemory(greedy.used);
    }
  }
  expect(reader.next()).toBe(false);
  expect(reader.next()).toBe(false);
  const { spills } = sorter.metrics;
  expect(host.check()).toEqual([]);
  sorter.close();
  expect(sorter.used).toBe(0);
  expect(store.counters.liveFiles).toBe(0);
  expect(host.endTask(1)).toEqual({ bytes: 0, report: "" });
  return { spills, store };
}

/** A store that calls `step` before whatever would touch a disk. */
function failing(store: SpillStore, step: () => void): SpillStore {
  return {
    ...store,
    create(schema, bytes) {
      step();
      const writer = store.create(schema, bytes);
      const stepping = (work: () => void): void => {
        try {
          step();
        } catch (error) {
          writer.abort();
          throw error;
        }
        work();
      };
      return {
        maxBlockBytes: writer.maxBlockBytes,
        writeBlock: (source, offset, length, records) =>
          stepping(() => writer.writeBlock(source, offset, length, records)),
        finish() {
          stepping(() => {});
          const finished = writer.finish();
          const open = (): RunReader => {
            step();
            const reader = finished.open();
            return {
              maxBlockBytes: reader.maxBlockBytes,
              get recordsInBlock() {
                return reader.recordsInBlock;
              },
              readBlock(target, offset) {
                step();
                return reader.readBlock(target, offset);
              },
              close: () => reader.close(),
            };
          };
          return { ...finished, open, delete: () => finished.delete() };
        },
        abort: () => writer.abort(),
      };
    },
  };
}

/** Seeded words (xorshift). */
function words(seed: number): () => number {
  let x = seed | 1;
  return () => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return x >>> 0;
  };
}

function makeRows(
  seed: number,
  count: number,
  length: (word: number) => number,
  keyBits: bigint,
  nulls: number,
): Row[] {
  const word = words(seed);
  return Array.from({ length: count }, (_, i) => {
    const prefix = BigInt.asUintN(64, ((BigInt(word()) << 32n) | BigInt(word())) << (64n - keyBits)) >> (64n - keyBits);
    const bytes = new Uint8Array(length(word()));
    for (let b = 0; b < bytes.length; b += 1) bytes[b] = word();
    if (bytes.length >= 12) new DataView(bytes.buffer).setUint32(8, i, true);
    return { prefix, isNull: nulls > 0 && word() % nulls === 0, bytes };
  });
}

/** Rows as the sort benchmark has them: 16 bytes, of which the first eight are the key. */
function keyedRows(seed: number, count: number, keyBits: bigint): Row[] {
  return makeRows(seed, count, () => 16, keyBits, 0).map((row, i) => {
    const view = new DataView(row.bytes.buffer);
    view.setBigUint64(0, row.prefix, true);
    view.setUint32(8, i, true);
    return row;
  });
}

it.each<[Partial<SorterOptions>, string]>([
  [{ initialRecords: 1 }, "initialRecords is a whole number from 2 to 536870912, not 1"],
  [{ initialRecords: 2.5 }, "not 2.5"],
  [{ blockBytes: 10 }, "blockBytes is a whole number from 64 to 1073741824, not 10"],
  [{ pageBytes: -5 }, "pageBytes is a whole number from 1"],
  [{ spillRecords: -1 }, "spillRecords is a whole number from 0"],
  [{ spillBytes: Number.NaN }, "spillBytes is a whole number from 0"],
  [{ order: "up" as "ascending" }, 'order is ascending or descending, not "up"'],
  [{ nulls: "no" as "first" }, "nulls is first or last"],
  [{ keyBytes: [5, 2] }, "keyBytes is [from, to), not [5,2]"],
  [{ fields: "é".repeat(101) }, "fields has at most 200 bytes"],
])("%j is refused by name, and nothing is held", (options, why) => {
  const host = executor("onHeap", 2 ** 20, 2 ** 16);
  expect(() => new Sorter(host.task(1), { store: openMemorySpillStore(), ...options })).toThrow(Misuse);
  expect(() => new Sorter(host.task(1), { store: openMemorySpillStore(), ...options })).toThrow(why);
  expect(host.manager.executionUsed).toBe(0);
});

it("a row that does not lie in its source is refused, and the sorter goes on", () => {
  const sorter = new Sorter(executor("onHeap", 2 ** 20, 2 ** 16).task(1), { store: openMemorySpillStore() });
  const source = new Uint8Array(8);
  for (const [offset, length] of [
    [0, 9],
    [4, 5],
    [0, -4],
    [-4, 4],
    [0, 1.5],
    [Number.NaN, 4],
    [0, Number.NaN],
  ] as const) {
    expect(() => sorter.insert(source, offset, length, 0, 0)).toThrow(Misuse);
    expect(() => sorter.insertKeyValue(source, offset, length, source, 0, 4, 0, 0)).toThrow(Misuse);
    expect(() => sorter.insertKeyValue(source, 0, 4, source, offset, length, 0, 0)).toThrow(Misuse);
  }
  sorter.insert(source, 8, 0, 0, 0);
  sorter.insert(source, 0, 8, 0, 0);
  expect(sorter.records).toBe(2);
  sorter.close();
});

describe.each(["onHeap", "offHeap"] as const)("sorter, %s", (mode) => {
  const ample = { mode, totalBytes: 16_000_000, pageBytes: 65_536, blockBytes: 1 << 18, disturbAt: -1 };
  const short = { mode, totalBytes: 400_000, pageBytes: 16_384, blockBytes: 4096, disturbAt: -1 };

  it("sorts rows that lie in memory", () => {
    const rows = keyedRows(SEED, 12_000, 64n);
    expect(run({ ...ample, rows, options: {} }).spills).toBe(0);
  });

  it("sorts rows that do not fit, from many runs", () => {
    const rows = keyedRows(SEED + 1, 25_000, 64n);
    expect(run({ ...short, rows, options: {} }).spills).toBeGreaterThan(3);
    const some = keyedRows(SEED + 2, 25_000, 10n);
    expect(run({ ...short, rows: some, options: { order: "descending", signed: false } }).spills).toBeGreaterThan(3);
  });

  it("reads nothing from nothing", () => {
    run({ ...ample, rows: [], options: {} });
  });

  it("sorts by comparison, with fewer records to an array", () => {
    const rows = keyedRows(SEED + 3, 14_000, 12n);
    run({ ...ample, rows, options: { radix: false } });
    expect(run({ ...short, rows, options: { radix: false, order: "descending" } }).spills).toBeGreaterThan(1);
  });

  it("orders equal prefixes by bytes or by a comparator", () => {
    const rows = makeRows(SEED + 4, 8_000, (w) => 4 + (w % 30), 5n, 9);
    for (const radix of [true, false]) {
      run({ ...ample, rows, options: { radix, keyBytes: [1, 9] } });
      expect(run({ ...short, rows, options: { radix, keyBytes: [0, 3], order: "descending" } }).spills).toBeGreaterThan(
        0,
      );
    }
    expect(run({ ...short, rows, options: { comparator: byLength } }).spills).toBeGreaterThan(0);
  });

  it("puts nulls first or last, in the order of their insertion", () => {
    for (const nulls of ["first", "last"] as const)
      for (const every of [1, 2, 50])
        for (const plan of [ample, short])
          run({ ...plan, rows: makeRows(SEED + every, 4_500, (w) => w % 50, 8n, every), options: { nulls } });
  });

  it("finds rows in whichever half of the array they were sorted into", () => {
    const rows = makeRows(SEED + 10, 24_000, (w) => w % 12, 14n, 9);
    for (const nulls of ["first", "last"] as const)
      for (const disturbAt of [-1, 13_000])
        run({ ...ample, disturbAt, rows, options: { nulls, comparator: byLength, order: "descending" } });
  });

  it("takes rows longer than a block, and than a page", () => {
    const rows = makeRows(SEED + 5, 300, (w) => (w % 4 === 0 ? w % 20_000 : w % 40), 7n, 8);
    for (const nulls of ["first", "last"] as const) {
      run({ ...ample, blockBytes: 1024, rows, options: { nulls, blockBytes: 1024 } });
      expect(
        run({ ...short, blockBytes: 256, rows, options: { nulls, blockBytes: 512, keyBytes: [0, 9] } }).spills,
      ).toBeGreaterThan(0);
    }
  });

  it("merges more runs than it opens at once", () => {
    const rows = makeRows(SEED + 6, 2_000, (w) => (w % 100 === 0 ? 900 : w % 60), 9n, 30);
    const { spills } = run({
      ...ample,
      blockBytes: 512,
      rows,
      options: { spillRecords: 7, blockBytes: 512, nulls: "last" },
    });
    expect(spills).toBeGreaterThan(250);
  });

  it("spills what an open read has not returned, at its start, in the middle and at its end", () => {
    const rows = keyedRows(SEED + 7, 6_000, 9n);
    for (const disturbAt of [0, 1, 2_999, 4_500, 5_998, 5_999])
      for (const plan of [ample, short]) run({ ...plan, rows, disturbAt, options: {} });
    const mixed = makeRows(SEED + 8, 4_000, (w) => (w % 400 === 0 ? 5_000 : w % 40), 6n, 5);
    for (const disturbAt of [0, 10, 700, 1_500, 3_200, 3_999])
      for (const nulls of ["first", "last"] as const)
        for (const plan of [ample, short])
          run({ ...plan, blockBytes: 4096, rows: mixed, disturbAt, options: { nulls, blockBytes: 4096 } });
  });

  it("agrees whatever is asked", () => {
    const row = fc.record({
      prefix: fc.oneof(fc.bigInt({ min: 0n, max: 3n }), fc.bigInt({ min: 0n, max: (1n << 64n) - 1n })),
      isNull: fc.nat({ max: 5 }).map((x) => x === 0),
      bytes: fc.oneof(
        fc.uint8Array({ maxLength: 24 }),
        fc.nat({ max: 700 }).map((length) => new Uint8Array(length).fill(length)),
      ),
    });
    const options = fc.record({
      order: fc.constantFrom("ascending" as const, "descending" as const),
      nulls: fc.constantFrom("first" as const, "last" as const),
      signed: fc.boolean(),
      radix: fc.boolean(),
      initialRecords: fc.constantFrom(2, 16, 100),
      spillRecords: fc.constantFrom(3, 20, 1000),
      blockBytes: fc.constantFrom(64, 300, 4096),
      keyBytes: fc.constantFrom(null, [0, 4] as const, [2, 30] as const),
    });
    fc.assert(
      fc.property(
        fc.array(row, { maxLength: 120 }),
        options,
        fc.constantFrom(64, 512, 4096),
        fc.integer({ min: -30, max: 100 }),
        (rows, { keyBytes, ...rest }, blockBytes, disturbAt) => {
          const chosen = keyBytes === null ? rest : { ...rest, keyBytes };
          const inMemory = rows.length % rest.spillRecords !== 0 || rows.length < rest.spillRecords;
          const at = disturbAt < rows.length && inMemory && disturbAt >= 0 ? disturbAt : -1;
          run({
            mode,
            totalBytes: 1_000_000,
            pageBytes: 2048,
            blockBytes,
            rows,
            options: chosen,
            disturbAt: rows.length === 0 ? -1 : at,
          });
        },
      ),
      { seed: SEED, numRuns: 150 },
    );
  });

  it("gives everything back whichever step of a spill fails", () => {
    const rows = makeRows(SEED + 9, 9_000, (w) => (w % 300 === 0 ? 6_000 : w % 60), 8n, 12);
    let steps = 0;
    let fired = true;
    for (let failAt = 0; fired; failAt += 1 + (failAt >> 3)) {
      const host = executor(mode, 300_000, 16_384);
      const task = host.task(1);
      const inner = openMemorySpillStore({ blockBytes: 4096 });
      steps = 0;
      const sorter = new Sorter(task, {
        store: failing(inner, () => {
          if (steps++ === failAt) throw new SpillError("write", "it was told to fail");
        }),
      });
      const work = (): number => {
        for (const row of rows) insert(sorter, row);
        const reader = sorter.sorted();
        let read = 0;
        while (reader.next()) read += 1;
        return read;
      };
      let outcome: unknown;
      try {
        outcome = work();
        sorter.close();
      } catch (error) {
        outcome = error;
      }
      fired = steps > failAt;
      if (fired) expect(String(outcome)).toMatch(/it was told to fail/);
      else expect(outcome).toBe(rows.length);
      expect(sorter.used).toBe(0);
      expect(inner.counters.liveFiles).toBe(0);
      host.endTask(1, true);
      expect(host.manager.executionHeld(1, host.mode)).toBe(0);
      expect(host.check()).toEqual([]);
    }
    expect(steps).toBeGreaterThan(40);
  });

  it("gives everything back when the disk fails", () => {
    const host = executor(mode, 400_000, 16_384);
    const task = host.task(1);
    const store = openMemorySpillStore({ capBytes: 200_000 });
    const sorter = new Sorter(task, { store });
    const rows = keyedRows(SEED, 30_000, 64n);
    expect(() => {
      for (const row of rows) insert(sorter, row);
    }).toThrow(/cap/);
    expect(sorter.used).toBe(0);
    expect(store.counters.liveFiles).toBe(0);
    expect(() => insert(sorter, rows[0]!)).toThrow(/closed/);
    // What was granted before the spill failed belongs to no consumer, and goes with the task (section 5.2).
    expect(task.consumers.has(sorter) && sorter.used > 0).toBe(false);
    host.endTask(1, true);
    expect(host.manager.executionHeld(1, host.mode)).toBe(0);
    expect(host.check()).toEqual([]);
  });
});
