// The hash map against a model of chains in a JavaScript Map, over every kind of memory; and what it does when memory is
// short: iterated away, spilled meanwhile, sorted, refused, or told to wait.

import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Consumer } from "../../src/execution/consumer.js";
import { HashMap, type HashMapOptions } from "../../src/execution/hash-map.js";
import type { MapRecords } from "../../src/execution/map-records.js";
import { byMapKey } from "../../src/execution/map-sort.js";
import { hashLong, hashWords } from "../../src/execution/murmur.js";
import { Misuse, TaskOutOfMemory } from "../../src/execution/refusal.js";
import { WouldWait } from "../../src/memory/wait.js";
import { SpillError } from "../../src/spill/error.js";
import { openMemorySpillStore } from "../../src/spill/memory.js";
import { executor, failing, MEMORIES, pair, taskOf, text } from "../help/maps.js";
import { seeded } from "../help/seed.js";

/** Keys by number: of 8 bytes, every third and fifth one longer. */
function keyOf(n: number): Uint8Array {
  const key = new Uint8Array(n % 5 === 4 ? 40 : n % 3 === 2 ? 16 : 8);
  new DataView(key.buffer).setInt32(key.length - 8, n, true);
  return key;
}

function valueOf(n: number, bytes = 8): Uint8Array {
  const value = new Uint8Array(bytes);
  if (bytes > 0) new DataView(value.buffer).setInt32(0, n, true);
  return value;
}

function append(map: HashMap, key: Uint8Array, value: Uint8Array): boolean {
  return map.append(key, 0, key.length, value, 0, value.length);
}

/** The values of a key, newest first. */
function chain(map: HashMap, key: Uint8Array): string[] {
  const values: string[] = [];
  for (let at = map.lookup(key, 0, key.length); at !== null; at = map.older(at)) values.push(pair(at)[1]);
  return values;
}

function rest(records: MapRecords): string[] {
  const pairs: string[] = [];
  while (records.next()) pairs.push(pair(records).join());
  return pairs;
}

class Greedy extends Consumer {
  spill(): number {
    return 0;
  }
}

const HASHES: NonNullable<HashMapOptions["hash"]>[] = [() => 7, (key, offset) => key[offset]! & 3];

describe("the default hash", () => {
  it("is Spark's", () => {
    const asked: [number, number, number][] = [
      [0, 0, -1670924195],
      [1, 0, -1712319331],
      [-1, -1, -939490007],
      [42, 0, 1316951768],
      [0x89abcdef | 0, 0x01234567, 657182333],
      [0, -(2 ** 31), -853646085],
    ];
    for (const [low, high, hash] of asked) {
      expect(hashLong(low, high)).toBe(hash);
      expect(hashWords(Int32Array.of(9, low, high), 1, 8)).toBe(hash);
    }
    const bytes = Uint8Array.from({ length: 40 }, (_, i) => i * 37 + 11);
    const words = new Int32Array(bytes.buffer);
    const answers = { 0: 142593372, 8: 1475633032, 16: 465409344, 24: 144361652, 40: -1138773149 };
    for (const [length, hash] of Object.entries(answers)) expect(hashWords(words, 0, Number(length))).toBe(hash);
  });
});

describe.each(MEMORIES)("hash map, %s", (kind) => {
  const open = (totalBytes: number, pageBytes: number, options: Partial<HashMapOptions> = {}) => {
    const host = executor(kind, totalBytes, pageBytes);
    const task = taskOf(host, kind);
    const map = new HashMap(task, { capacity: 64, ...options });
    return { host, task, map };
  };
  const close = ({ host, task, map }: ReturnType<typeof open>): void => {
    expect(map.used).toBe(map.memoryBytes);
    map.free();
    map.free();
    expect(map.used).toBe(0);
    expect(task.used).toBe(task.acquiredButUnused);
    expect(task.end()).toEqual({ bytes: 0, report: "" });
    expect(host.check()).toEqual([]);
  };

  it("does what a Map of chains does", () => {
    const step = fc.oneof(
      {
        weight: 6,
        arbitrary: fc.record({ op: fc.constant("append"), key: fc.nat(60), bytes: fc.constantFrom(0, 8, 24, 400) }),
      },
      { weight: 6, arbitrary: fc.record({ op: fc.constant("add"), key: fc.nat(60), bytes: fc.maxSafeInteger() }) },
      { weight: 1, arbitrary: fc.record({ op: fc.constant("reset"), key: fc.nat(60), bytes: fc.constant(0) }) },
    );
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 250 }),
        fc.constantFrom(null, ...HASHES),
        fc.nat(7),
        (steps, hash, shift) => {
          const opened = open(900_000, 1000, hash === null ? {} : { hash });
          const { map } = opened;
          const model = new Map<string, string[]>();
          for (const { op, key: n, bytes } of steps) {
            const key = keyOf(n);
            // The same bytes from somewhere in the middle of a larger array.
            const from = new Uint8Array(key.length + 8);
            from.set(key, shift);
            const values = model.get(text(key)) ?? [];
            if (op === "append") {
              expect(map.append(from, shift, key.length, valueOf(n, bytes), 0, bytes)).toBe(true);
              model.set(text(key), [text(valueOf(n, bytes)), ...values]);
            } else if (op === "reset") {
              map.reset();
              model.clear();
            } else if (values.length > 0 && values[0]!.length !== 16) {
              expect(() => map.add(from, shift, key.length, bytes)).toThrow(Misuse);
            } else {
              expect(map.add(from, shift, key.length, bytes)).toBe(true);
              const before = values.length === 0 ? 0n : Buffer.from(values[0]!, "hex").readBigInt64LE();
              const after = Buffer.alloc(8);
              after.writeBigInt64LE(BigInt.asIntN(64, before + BigInt(bytes)));
              model.set(text(key), [text(after), ...values.slice(1)]);
            }
          }
          for (let n = 0; n <= 60; n += 1) expect(chain(map, keyOf(n))).toEqual(model.get(text(keyOf(n))) ?? []);
          expect(map.keys).toBe(model.size);
          const all = [...model].flatMap(([key, values]) => values.map((value) => `${key},${value}`));
          expect(map.values).toBe(all.length);
          expect(rest(map.records()).sort()).toEqual([...all].sort());
          expect(rest(map.drain()).sort()).toEqual(all.sort());
          close(opened);
        },
      ),
      seeded(60),
    );
  });

  it("finds every key while it grows, and records that are longer than a page", () => {
    const opened = open(8_000_000, 4096, { capacity: 1 });
    const { map } = opened;
    for (let n = 0; n < 9_000; n += 1)
      expect(append(map, keyOf(n), valueOf(n, n % 2000 === 7 ? 20_000 : 8))).toBe(true);
    expect(map.capacity).toBe(32_768);
    for (let n = 0; n < 9_000; n += 1) expect(map.lookup(keyOf(n), 0, keyOf(n).length)?.keyBytes).toBe(keyOf(n).length);
    expect(map.lookup(keyOf(9_000), 0, 8)).toBe(null);
    expect(chain(map, keyOf(2007))).toEqual([text(valueOf(2007, 20_000))]);
    close(opened);
  });

  it("spills what a destructive iteration has not reached, and loses nothing", () => {
    for (const blockBytes of [256, 1 << 18])
      for (const spillAt of [-1, 0, 1, 700, 1499]) {
        const store = openMemorySpillStore({ blockBytes });
        const opened = open(2_000_000, 4096, { store });
        const { map, task } = opened;
        const greedy = new Greedy(task, { name: "greedy" });
        for (let n = 0; n < 1_500; n += 1) append(map, keyOf(n % 900), valueOf(n, n % 100 === 0 ? 1200 : 8));
        const all = rest(map.records()).sort();
        expect(map.spill(1, greedy)).toBe(0);
        const records = map.drain();
        expect(map.spill(1, map)).toBe(0);
        expect(() => append(map, keyOf(1), valueOf(1))).toThrow(/iterated away/);
        expect(() => map.lookup(keyOf(1), 0, 8)).toThrow(/iterated away/);
        const read: string[] = [];
        for (let i = 0; i <= spillAt && records.next(); i += 1) read.push(pair(records).join());
        const before = map.used;
        const asked = Math.min(20_000, before - 4096 - 1);
        if (asked > 0 && map.pageCount > 1) {
          const freed = map.spill(asked, greedy);
          expect(freed).toBeGreaterThanOrEqual(asked);
          expect(map.used).toBe(before - freed);
          expect(store.counters.liveFiles).toBeGreaterThan(0);
        }
        if (read.length > 0) expect(pair(records).join()).toBe(read.at(-1));
        if (map.pageCount > 1) expect(map.spill(2 ** 40, greedy)).toBeGreaterThan(0);
        expect([...read, ...rest(records)].sort()).toEqual(all);
        expect(records.next()).toBe(false);
        expect(map.used).toBe(0);
        expect(store.counters.liveFiles).toBe(0);
        close(opened);
        expect(() => rest(records)).toThrow(Misuse);
      }
  });

  it("keeps every record when a page cannot be written, and gives all back when one cannot be read", () => {
    let steps = 0;
    let fired = true;
    for (let failAt = 0; fired; failAt += 1) {
      const inner = openMemorySpillStore({ blockBytes: 512 });
      let writing = true;
      steps = 0;
      const store = failing(inner, (what) => {
        writing = what === "create" || what === "write" || what === "finish";
        if (steps++ === failAt) throw new SpillError("write", "it was told to fail");
      });
      const opened = open(1_000_000, 2048, { store });
      const { map, task, host } = opened;
      const greedy = new Greedy(task, { name: "greedy" });
      for (let n = 0; n < 150; n += 1) append(map, keyOf(n), valueOf(n, n === 90 ? 3000 : 8));
      const all = rest(map.records()).sort();
      const records = map.drain();
      records.next();
      const read = [pair(records).join()];
      const troubles: unknown[] = [];
      try {
        map.spill(2 ** 40, greedy);
      } catch (error) {
        troubles.push(error);
      }
      try {
        read.push(...rest(records));
      } catch (error) {
        troubles.push(error);
      }
      fired = steps > failAt;
      expect(troubles.map(String)).toEqual(fired ? [expect.stringMatching(/told to fail/)] : []);
      if (troubles.length === 0 || writing) expect(read.sort()).toEqual(all);
      expect(map.used).toBe(0);
      map.free();
      expect(inner.counters.liveFiles).toBe(0);
      expect(task.end()).toEqual({ bytes: 0, report: "" });
      expect(host.check()).toEqual([]);
    }
    expect(steps).toBeGreaterThan(40);
  });

  it("goes on by sorting, again and again", () => {
    for (const long of [false, true]) {
      const store = openMemorySpillStore();
      const opened = open(100_000, 4096, { capacity: 1 });
      const { map } = opened;
      const sorter = map.openSorter({ store, ...(long ? { comparator: byMapKey } : {}) });
      expect(sorter.used).toBe(0);
      const want = new Map<string, number>();
      const key = new Uint8Array(long ? 24 : 8);
      const words = new Int32Array(key.buffer);
      let spilled = 0;
      for (let i = 0; i < 9_000; i += 1) {
        words[words.length - 1] = Math.imul(i, 0x9e3779b1) >>> 20;
        words[0] = long ? 1 : words[1]! % 7;
        want.set(text(key), (want.get(text(key)) ?? 0) + i);
        if (map.add(key, 0, key.length, i)) continue;
        spilled += map.memoryBytes;
        map.sortInto(sorter);
        expect([map.keys, map.values, map.capacity, map.canGrow]).toEqual([0, 0, 64, true]);
        if (!map.add(key, 0, key.length, i)) expect.fail("an empty map takes no key");
      }
      spilled += map.memoryBytes;
      map.sortInto(sorter);
      expect(sorter.metrics.memoryBytesSpilled).toBe(spilled);
      expect(sorter.metrics.spills).toBeGreaterThan(2);
      expect(sorter.used).toBe(0);
      const rows = sorter.sorted();
      let last = "";
      const sums = new Map<string, number>();
      while (rows.next()) {
        if (rows.length !== key.length + 12) expect.fail(`a row of ${rows.length} bytes`);
        const row = Buffer.from(rows.u8.slice(rows.offset, rows.offset + rows.length));
        const group = row.subarray(0, key.length).toString("hex");
        if (group !== last && sums.has(group)) expect.fail(`the rows of ${group} are apart`);
        sums.set(group, (sums.get(group) ?? 0) + Number(row.readBigInt64LE(key.length)));
        last = group;
      }
      expect(sums).toEqual(want);
      sorter.close();
      close(opened);
    }
  });

  it("takes an array of its own to sort chains, and stays as it was when that cannot be had or written", () => {
    const opened = open(200_000, 8192);
    const { map, task } = opened;
    const store = openMemorySpillStore();
    for (let n = 0; n < 1500; n += 1) append(map, keyOf(n % 20), valueOf(n));
    const greedy = new Greedy(task, { name: "greedy" });
    const chains = (): string[][] => Array.from({ length: 20 }, (_, n) => chain(map, keyOf(n)));
    const before = chains();
    greedy.acquireMemory(200_000 - task.used - 5000);
    const sorter = map.openSorter({ store, comparator: byMapKey });
    expect(() => map.sortInto(sorter)).toThrow(TaskOutOfMemory);
    expect(chains()).toEqual(before);
    greedy.freeMemory(greedy.used);
    map.sortInto(sorter);
    expect([map.values, sorter.used]).toEqual([0, 0]);
    const rows = sorter.sorted();
    let read = 0;
    while (rows.next()) read += 1;
    expect(read).toBe(1500);
    sorter.close();

    const bad = failing(store, (what) => {
      if (what === "write") throw new SpillError("write", "it was told to fail");
    });
    const failed = map.openSorter({ store: bad, comparator: byMapKey });
    for (let n = 0; n < 25; n += 1) append(map, keyOf(n % 20), valueOf(n));
    const again = chains();
    expect(() => map.sortInto(failed)).toThrow(/told to fail/);
    expect(chains()).toEqual(again);
    failed.close();
    expect(store.counters.liveFiles).toBe(0);
    close(opened);
  });

  it("may be called again after it had to wait", () => {
    const host = executor(kind, 100_000, 2048);
    const task = taskOf(host, kind);
    const other = new Greedy(host.task(2), { name: "other" });
    other.acquireMemory(98_900);
    const map = new HashMap(task, { capacity: 64 });
    expect(() => append(map, keyOf(1), valueOf(1))).toThrow(WouldWait);
    expect(map.values).toBe(0);
    other.freeMemory(2048);
    let n = 0;
    // The page fits; the array must wait for its growth, and what was appended then is there once.
    for (; n < 32; n += 1) expect(append(map, keyOf(3 * n), valueOf(n))).toBe(true);
    expect([map.keys, map.capacity, map.canGrow]).toEqual([32, 64, true]);
    expect(() => append(map, keyOf(3 * n), valueOf(n))).toThrow(WouldWait);
    expect(map.values).toBe(32);
    other.freeMemory(other.used);
    expect(append(map, keyOf(3 * n), valueOf(n))).toBe(true);
    expect([map.keys, map.capacity]).toEqual([33, 128]);
    map.free();
    expect(task.end().bytes).toBe(0);
    host.endTask(2);
    expect(host.check()).toEqual([]);
  });

  it("refuses what has no whole words, and reading what has gone", () => {
    const opened = open(100_000, 2048);
    const { map } = opened;
    const bytes = new Uint8Array(32);
    expect(() => map.append(bytes, 0, 12, bytes, 0, 8)).toThrow("a key of 12 bytes");
    expect(() => map.append(bytes, 0, 8, bytes, 0, 4)).toThrow("a value of 4 bytes");
    expect(() => map.lookup(bytes, 0, 7)).toThrow("a key of 7 bytes");
    for (let n = 0; n < 100; n += 1) append(map, keyOf(3 * n), valueOf(n));
    const records = map.records();
    records.next();
    map.reset();
    expect(() => rest(records)).toThrow(Misuse);
    map.free();
    expect(() => map.add(bytes, 0, 8, 1)).toThrow("freed");
    expect(() => map.lookup(bytes, 0, 8)).toThrow("freed");
    close(opened);
  });
});

it("a map over many memories ends where references end, as one that gets no page", () => {
  const host = executor("offHeap, many arenas", 2_000_000, 8192);
  const task = taskOf(host, "offHeap, many arenas", 1, 65_536);
  const map = new HashMap(task, { capacity: 64 });
  let n = 0;
  while (append(map, keyOf(3 * n), valueOf(n))) n += 1;
  expect(map.memoryBytes).toBeLessThan(1_000_000);
  for (let k = 0; k < n; k += 1) expect(chain(map, keyOf(3 * k))).toEqual([text(valueOf(k))]);
  const sorter = map.openSorter({ store: openMemorySpillStore() });
  map.sortInto(sorter);
  sorter.close();
  map.free();
  expect(task.end().bytes).toBe(0);
});
