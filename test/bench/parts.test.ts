// The small parts of the harness: what others took of the machine, the hash, the rows, the timer.

import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fold, hex } from "../../bench/hash.js";
import { foreignCores, machineSeconds, processTimes, treeSeconds, cpuTimes } from "../../bench/load.js";
import { keyHigh, keyLow } from "../../bench/rows.js";
import { timeBlocks } from "../../bench/timer.js";

const SEED = 20_261_121;

const foldNumbers = (words: readonly number[]): number => words.reduce((hash, word) => fold(hash, word), 0);

describe("load", () => {
  it("counts what ran, not what idled or waited for the disk", () => {
    expect(machineSeconds("cpu  100 20 30 4000 500 6 7 8 9 9\ncpu0 1 1 1 1 1 1 1 1 1 1\n")).toBe(1.71);
  });

  it("reads a process whose name holds blanks and brackets", () => {
    const stat = "42 (a) b (c) S 7 42 42 0 -1 4194304 1 2 3 4 150 50 20 5 20 0 1 0 99";
    expect(processTimes(stat)).toEqual({ parent: 7, seconds: 2.25 });
  });

  it("adds up a process and all that descend from it, and nobody else", () => {
    const processes = new Map([
      [1, { parent: 0, seconds: 100 }],
      [10, { parent: 1, seconds: 1 }],
      [11, { parent: 10, seconds: 2 }],
      [12, { parent: 11, seconds: 4 }],
      [13, { parent: 1, seconds: 8 }],
      [14, { parent: 99, seconds: 16 }],
    ]);
    expect(treeSeconds(processes, 10)).toBe(7);
  });

  it("is what the machine did beyond the own tree, per second, and never negative", () => {
    expect(foreignCores({ machine: 10, own: 4 }, { machine: 14, own: 7 }, 2)).toBe(0.5);
    expect(foreignCores({ machine: 10, own: 4 }, { machine: 11, own: 6 }, 2)).toBe(0);
  });

  it.runIf(process.platform === "linux")("sees this process work", () => {
    const before = cpuTimes()!;
    const start = process.cpuUsage();
    while (process.cpuUsage(start).user < 100_000);
    const after = cpuTimes()!;
    expect(after.own - before.own).toBeGreaterThanOrEqual(0.05);
  });
});

describe("hash", () => {
  it("changes with any single word, and with the order of two", () => {
    const words = fc.array(fc.integer(), { minLength: 2, maxLength: 20 });
    fc.assert(
      fc.property(words, fc.nat(), fc.integer({ min: 1, max: 0xffffffff }), (list, where, flip) => {
        const index = where % list.length;
        const changed = list.map((word, i) => (i === index ? (word ^ flip) | 0 : word));
        expect(foldNumbers(changed)).not.toBe(foldNumbers(list));
      }),
      { seed: SEED },
    );
    expect(foldNumbers([1, 2])).not.toBe(foldNumbers([2, 1]));
  });

  it("is eight digits", () => {
    expect(hex(-1)).toBe("ffffffff");
    expect(hex(fold(0, 0))).toBe("00000000");
  });
});

describe("rows", () => {
  it("have the keys that a reference in big integers gives", () => {
    const mask = 0xffffffffn;
    const reference = (row: bigint, seed: bigint): bigint => {
      let h = (row * 0x9e3779b1n + seed) & mask;
      h = ((h ^ (h >> 16n)) * 0x85ebca6bn) & mask;
      h = ((h ^ (h >> 13n)) * 0xc2b2ae35n) & mask;
      h ^= h >> 16n;
      return BigInt.asIntN(64, (h << 32n) | ((h * 0x2c1b3c6dn + row) & mask));
    };
    for (const row of [0, 1, 2, 1000, 7_999_999]) {
      const high = keyHigh(row, 42);
      expect((BigInt(high) << 32n) | BigInt(keyLow(high, row) >>> 0)).toBe(reference(BigInt(row), 42n));
    }
  });

  it("have no key twice", () => {
    const seen = new Set(Array.from({ length: 100_000 }, (_, row) => keyHigh(row, 42)));
    expect(seen.size).toBe(100_000);
  });
});

describe("timer", () => {
  it("tells the time of one operation of a block", () => {
    const { nsPerOp, hash } = timeBlocks(oneMillisecond, 10, 1, 5);
    expect(hash).toBe(3);
    expect(nsPerOp).toBeGreaterThan(90_000); // a block cannot take less than 1 ms
  });
});

function oneMillisecond(): number {
  const end = performance.now() + 1;
  while (performance.now() < end);
  return 3;
}
