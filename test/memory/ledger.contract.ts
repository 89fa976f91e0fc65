// What every keeper of accounts must do, to the byte. One suite for all keepers: call it with a way to make an empty one.

import { describe, expect, test } from "vitest";
import { AssertionError } from "../../src/fault.js";
import { ABSENT, InvalidTask, type Ledger, UNDECIDED } from "../../src/memory/ledger.js";
import { type Mode, OFF_HEAP, ON_HEAP } from "../../src/memory/mode.js";
import { numbers } from "../help/seed.js";

export type Keeper = Ledger;

const entries = (keeper: Keeper, mode: Mode): [number, number][] => {
  const found: [number, number][] = [];
  keeper.forEachEntry(mode, (task, bytes) => found.push([task, bytes]));
  return found.sort((a, b) => a[0] - b[0]);
};

const cells = (keeper: Keeper, mode: Mode): number[] => [
  keeper.executionSize(mode),
  keeper.executionUsed(mode),
  keeper.storageSize(mode),
  keeper.storageUsed(mode),
  keeper.entries(mode),
];

// Forty thousand steps are too many for an `expect` each.
const same = (got: unknown, expected: unknown): void => {
  if (got !== expected) expect(got).toBe(expected);
};

export function keeperContract(name: string, make: () => Keeper): void {
  // Pools of 600 + 400 on heap and 50 + 0 off heap; tasks may share all of execution.
  const opened = (): Keeper => {
    const keeper = make();
    keeper.open(ON_HEAP, 600, 400);
    keeper.open(OFF_HEAP, 50, 0);
    keeper.setCeiling(ON_HEAP, 1000);
    keeper.setCeiling(OFF_HEAP, 50);
    return keeper;
  };

  describe(`${name}: pools`, () => {
    test("open with their sizes and nothing used", () => {
      const keeper = opened();
      expect(cells(keeper, ON_HEAP)).toEqual([600, 0, 400, 0, 0]);
      expect(cells(keeper, OFF_HEAP)).toEqual([50, 0, 0, 0, 0]);
      expect(keeper.ceiling(ON_HEAP)).toBe(1000);
      expect(keeper.ceiling(OFF_HEAP)).toBe(50);
    });

    test.each([-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53])("refuse a size of %d", (bytes) => {
      expect(() => make().open(ON_HEAP, bytes, 0)).toThrow(new AssertionError(`execution pool of ${bytes} bytes`));
      expect(() => make().open(ON_HEAP, 0, bytes)).toThrow(new AssertionError(`storage pool of ${bytes} bytes`));
    });

    test("are sized before they are used", () => {
      const keeper = opened();
      keeper.claimWhole(1, 7, ON_HEAP, 0);
      const trouble = new AssertionError("pools are sized before they are used");
      expect(() => keeper.open(ON_HEAP, 1, 1)).toThrow(trouble);
      keeper.open(OFF_HEAP, 1, 1);
      keeper.useStorage(1, OFF_HEAP);
      expect(() => keeper.open(OFF_HEAP, 1, 1)).toThrow(trouble);
    });

    test("hold 2^53 - 1 bytes exactly", () => {
      const keeper = make();
      keeper.open(ON_HEAP, Number.MAX_SAFE_INTEGER, 0);
      keeper.setCeiling(ON_HEAP, Number.MAX_SAFE_INTEGER);
      expect(keeper.claimWhole(Number.MAX_SAFE_INTEGER - 1, 1, ON_HEAP, 0)).toBe(Number.MAX_SAFE_INTEGER - 1);
      // Two tasks: half each, although the last byte is free.
      expect(keeper.claimWhole(1, 1, ON_HEAP, 0)).toBe(1);
      expect(keeper.claimWhole(1, 1, ON_HEAP, 0)).toBe(UNDECIDED);
      expect(keeper.release(Number.MAX_SAFE_INTEGER, 1, ON_HEAP)).toBe(Number.MAX_SAFE_INTEGER);
      expect(cells(keeper, ON_HEAP)).toEqual([Number.MAX_SAFE_INTEGER, 0, 0, 0, 0]);
    });

    test("move their boundary both ways, never below what is used", () => {
      const keeper = opened();
      keeper.claimWhole(500, 1, ON_HEAP, 0);
      keeper.useStorage(150, ON_HEAP);
      keeper.moveBoundary(250, ON_HEAP);
      expect(cells(keeper, ON_HEAP)).toEqual([850, 500, 150, 150, 1]);
      expect(() => keeper.moveBoundary(1, ON_HEAP)).toThrow(
        new AssertionError("storage pool shrunk to 149 bytes, below what is used"),
      );
      keeper.moveBoundary(-350, ON_HEAP);
      expect(cells(keeper, ON_HEAP)).toEqual([500, 500, 500, 150, 1]);
      expect(() => keeper.moveBoundary(-1, ON_HEAP)).toThrow(
        new AssertionError("execution pool shrunk to 499 bytes, below what is used"),
      );
      expect(() => keeper.moveBoundary(Number.NaN, ON_HEAP)).toThrow(AssertionError);
      keeper.moveBoundary(0, ON_HEAP);
      expect(cells(keeper, ON_HEAP)).toEqual([500, 500, 500, 150, 1]);
      expect(cells(keeper, OFF_HEAP)).toEqual([50, 0, 0, 0, 0]);
    });

    test("use and release storage; a release of more is clamped", () => {
      const keeper = opened();
      keeper.useStorage(0, ON_HEAP);
      keeper.useStorage(400, ON_HEAP);
      expect(() => keeper.useStorage(1, ON_HEAP)).toThrow(new AssertionError("storage of 1 bytes beyond its pool"));
      expect(() => keeper.useStorage(-1, ON_HEAP)).toThrow(AssertionError);
      expect(() => keeper.useStorage(1, OFF_HEAP)).toThrow(AssertionError);
      expect(keeper.releaseStorage(100, ON_HEAP)).toBe(100);
      expect(keeper.storageUsed(ON_HEAP)).toBe(300);
      expect(keeper.releaseStorage(301, ON_HEAP)).toBe(300);
      expect(keeper.releaseStorage(5, ON_HEAP)).toBe(0);
      expect(cells(keeper, ON_HEAP)).toEqual([600, 0, 400, 0, 0]);
    });
  });

  describe(`${name}: claiming whole`, () => {
    test("grants what is free within ceiling / N and gives a task its entry", () => {
      const keeper = opened();
      expect(keeper.claimWhole(333, 1, ON_HEAP, 0)).toBe(333);
      expect(keeper.claimWhole(200, 2, ON_HEAP, 0)).toBe(200);
      expect(cells(keeper, ON_HEAP)).toEqual([600, 533, 400, 0, 2]);
      expect(keeper.balance(1, ON_HEAP)).toBe(333);
      expect(keeper.balance(2, ON_HEAP)).toBe(200);
      expect(keeper.balance(1, OFF_HEAP)).toBe(ABSENT);
    });

    test("stops at the last free byte", () => {
      const keeper = opened();
      expect(keeper.claimWhole(601, 1, ON_HEAP, 0)).toBe(UNDECIDED);
      expect(keeper.claimWhole(600, 1, ON_HEAP, 0)).toBe(600);
      expect(keeper.claimWhole(1, 1, ON_HEAP, 0)).toBe(UNDECIDED);
      expect(cells(keeper, ON_HEAP)).toEqual([600, 600, 400, 0, 1]);
    });

    test("stops at a cap of floor(ceiling / N), counting the entry it would make", () => {
      const keeper = opened();
      keeper.setCeiling(ON_HEAP, 500);
      keeper.claimWhole(10, 1, ON_HEAP, 0);
      keeper.claimWhole(10, 2, ON_HEAP, 0);
      // N = 3: floor(500 / 3) = 166.
      expect(keeper.claimWhole(167, 3, ON_HEAP, 0)).toBe(UNDECIDED);
      expect(keeper.balance(3, ON_HEAP)).toBe(ABSENT);
      expect(keeper.entries(ON_HEAP)).toBe(2);
      expect(keeper.claimWhole(166, 3, ON_HEAP, 0)).toBe(166);
      expect(keeper.claimWhole(157, 1, ON_HEAP, 0)).toBe(UNDECIDED);
      expect(keeper.claimWhole(156, 1, ON_HEAP, 0)).toBe(156);
      expect(cells(keeper, ON_HEAP)).toEqual([600, 342, 400, 0, 3]);
      // 4 * 125 is all of it.
      expect(keeper.claimWhole(126, 4, ON_HEAP, 0)).toBe(UNDECIDED);
      expect(keeper.claimWhole(125, 4, ON_HEAP, 0)).toBe(125);
    });

    test("leaves a newcomer to a decision while somebody waits, not who is there already", () => {
      const keeper = opened();
      keeper.claimWhole(10, 1, ON_HEAP, 0);
      expect(keeper.claimWhole(10, 2, ON_HEAP, 1)).toBe(UNDECIDED);
      expect(keeper.balance(2, ON_HEAP)).toBe(ABSENT);
      expect(keeper.claimWhole(10, 1, ON_HEAP, 1)).toBe(10);
      expect(keeper.entries(ON_HEAP)).toBe(1);
    });

    test.each([0, -1, 0.5, 1.5, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 2 ** 53, 1e300])(
      "never grants %d bytes",
      (bytes) => {
        const keeper = opened();
        keeper.claimWhole(100, 1, ON_HEAP, 0);
        expect(keeper.claimWhole(bytes, 1, ON_HEAP, 0)).toBe(UNDECIDED);
        expect(keeper.claimWhole(bytes, 2, ON_HEAP, 0)).toBe(UNDECIDED);
        expect(cells(keeper, ON_HEAP)).toEqual([600, 100, 400, 0, 1]);
        expect(entries(keeper, ON_HEAP)).toEqual([[1, 100]]);
      },
    );

    test.each([Number.NaN, 0.5, 2 ** 53, Number.POSITIVE_INFINITY])("knows no task %d", (task) => {
      const keeper = opened();
      expect(() => keeper.claimWhole(1, task, ON_HEAP, 0)).toThrow(
        expect.objectContaining({ name: "InvalidTask", message: `a task id is a safe integer, not ${task}` }),
      );
      expect(() => keeper.enter(task, ON_HEAP)).toThrow(InvalidTask);
      expect(() => keeper.release(1, task, ON_HEAP)).toThrow(InvalidTask);
      expect(cells(keeper, ON_HEAP)).toEqual([600, 0, 400, 0, 0]);
    });
  });

  describe(`${name}: entries`, () => {
    test("a balance of 0 is not the absence of one", () => {
      const keeper = opened();
      expect(keeper.balance(1, ON_HEAP)).toBe(ABSENT);
      expect(keeper.enter(1, ON_HEAP)).toBe(true);
      expect(keeper.enter(1, ON_HEAP)).toBe(false);
      expect(keeper.balance(1, ON_HEAP)).toBe(0);
      expect(keeper.entries(ON_HEAP)).toBe(1);
      expect(keeper.entries(OFF_HEAP)).toBe(0);
      keeper.grant(0, 1, ON_HEAP);
      expect(entries(keeper, ON_HEAP)).toEqual([[1, 0]]);
      // Section 3.2, consequence 5: a release of nothing ends an entry of nothing.
      expect(keeper.release(0, 1, ON_HEAP)).toBe(0);
      expect(keeper.balance(1, ON_HEAP)).toBe(ABSENT);
      expect(keeper.entries(ON_HEAP)).toBe(0);
    });

    test("a release of nothing leaves a balance alone", () => {
      const keeper = opened();
      keeper.claimWhole(5, 1, ON_HEAP, 0);
      expect(keeper.release(0, 1, ON_HEAP)).toBe(0);
      expect(keeper.balance(1, ON_HEAP)).toBe(5);
    });

    test("the last byte ends an entry at once", () => {
      const keeper = opened();
      keeper.claimWhole(30, 1, ON_HEAP, 0);
      expect(keeper.release(29, 1, ON_HEAP)).toBe(29);
      expect(keeper.entries(ON_HEAP)).toBe(1);
      expect(keeper.release(1, 1, ON_HEAP)).toBe(1);
      expect(cells(keeper, ON_HEAP)).toEqual([600, 0, 400, 0, 0]);
      expect(keeper.balance(1, ON_HEAP)).toBe(ABSENT);
    });

    test("over-release is clamped and touches nobody else", () => {
      const keeper = opened();
      keeper.claimWhole(30, 1, ON_HEAP, 0);
      keeper.claimWhole(40, 2, ON_HEAP, 0);
      keeper.claimWhole(20, 1, OFF_HEAP, 0);
      expect(keeper.release(1000, 1, ON_HEAP)).toBe(30);
      expect(keeper.release(1000, 1, ON_HEAP)).toBe(0);
      expect(keeper.release(1, 3, ON_HEAP)).toBe(0);
      expect(entries(keeper, ON_HEAP)).toEqual([[2, 40]]);
      expect(entries(keeper, OFF_HEAP)).toEqual([[1, 20]]);
    });

    test("a grant needs an entry and free bytes", () => {
      const keeper = opened();
      expect(() => keeper.grant(1, 1, ON_HEAP)).toThrow(new AssertionError("task 1 has no entry to be granted to"));
      keeper.enter(1, ON_HEAP);
      keeper.grant(600, 1, ON_HEAP);
      for (const bytes of [1, -1, Number.NaN])
        expect(() => keeper.grant(bytes, 1, ON_HEAP)).toThrow(new AssertionError(`a grant of ${bytes} bytes`));
      expect(entries(keeper, ON_HEAP)).toEqual([[1, 600]]);
    });

    test("tasks are told apart by any safe integer", () => {
      const keeper = opened();
      const tasks = [
        0,
        -1,
        1,
        256,
        -256,
        512,
        2 ** 32,
        2 ** 32 + 256,
        Number.MAX_SAFE_INTEGER,
        Number.MIN_SAFE_INTEGER,
      ];
      tasks.forEach((task, i) => expect(keeper.claimWhole(i + 1, task, ON_HEAP, 0)).toBe(i + 1));
      tasks.forEach((task, i) => expect(keeper.balance(task, ON_HEAP)).toBe(i + 1));
      tasks.forEach((task, i) => expect(keeper.release(100, task, ON_HEAP)).toBe(i + 1));
      expect(cells(keeper, ON_HEAP)).toEqual([600, 0, 400, 0, 0]);
    });

    test("those that stay keep their balances, those of 0 too, while thousands pass through", () => {
      const keeper = opened();
      // Some come first, so that those who stay do not have the first places.
      for (let task = 1900; task < 1930; task += 1) keeper.enter(task, ON_HEAP);
      for (let task = 1900; task < 1930; task += 1) keeper.release(0, task, ON_HEAP);
      const staying = [3, 50, 51, 300, 1000];
      staying.forEach((task, i) => {
        keeper.claimWhole(10 + i, task, ON_HEAP, 0);
        keeper.enter(task + 1_000_000, OFF_HEAP);
      });
      for (let task = 2000; task < 7000; task += 1) {
        keeper.claimWhole(1, task, ON_HEAP, 0);
        keeper.release(1, task, ON_HEAP);
        const [i, stays] = [task % 5, staying[task % 5]!];
        same(keeper.claimWhole(1, stays, ON_HEAP, 0), 1);
        same(keeper.balance(stays, ON_HEAP), 11 + i);
        same(keeper.release(1, stays, ON_HEAP), 1);
        same(keeper.enter(stays + 1_000_000, OFF_HEAP), false);
      }
      expect(entries(keeper, ON_HEAP)).toEqual(staying.map((task, i) => [task, 10 + i]));
      expect(entries(keeper, OFF_HEAP)).toEqual(staying.map((task) => [task + 1_000_000, 0]));
      expect(cells(keeper, ON_HEAP)).toEqual([600, 60, 400, 0, 5]);
      expect(cells(keeper, OFF_HEAP)).toEqual([50, 0, 0, 0, 5]);
    });

    test("survive ten thousand tasks that come and go", () => {
      const keeper = make();
      keeper.open(ON_HEAP, 1e9, 0);
      keeper.open(OFF_HEAP, 1e9, 0);
      keeper.setCeiling(ON_HEAP, 1e12);
      keeper.setCeiling(OFF_HEAP, 1e12);
      const random = numbers(1);
      const books = [new Map<number, number>(), new Map<number, number>()] as const;
      for (let step = 0; step < 40_000; step += 1) {
        const task = step < 20_000 ? Math.floor(random() * 200) : Math.floor(step / 4);
        const mode = random() < 0.5 ? ON_HEAP : OFF_HEAP;
        const book = books[mode];
        const held = book.get(task);
        const bytes = Math.floor(random() * 50);
        if (random() < 0.4) {
          same(keeper.release(bytes, task, mode), Math.min(bytes, held ?? 0));
          if (held !== undefined && bytes >= held) book.delete(task);
          else if (held !== undefined) book.set(task, held - bytes);
        } else if (bytes === 0) {
          same(keeper.enter(task, mode), held === undefined);
          book.set(task, held ?? 0);
        } else {
          same(keeper.claimWhole(bytes, task, mode, 0), bytes);
          book.set(task, (held ?? 0) + bytes);
        }
        // Nearly all of the late tasks leave at once, so that their slots are wanted again.
        if (step >= 20_000 && random() < 0.97) {
          for (const each of [ON_HEAP, OFF_HEAP] as const) {
            same(keeper.release(1e9, task, each), books[each].get(task) ?? 0);
            books[each].delete(task);
          }
        }
      }
      for (const mode of [ON_HEAP, OFF_HEAP] as const) {
        expect(entries(keeper, mode)).toEqual([...books[mode]].sort((a, b) => a[0] - b[0]));
        expect(keeper.entries(mode)).toBe(books[mode].size);
        expect(keeper.executionUsed(mode)).toBe([...books[mode].values()].reduce((sum, bytes) => sum + bytes, 0));
        for (const [task, bytes] of books[mode]) expect(keeper.balance(task, mode)).toBe(bytes);
      }
    });
  });
}
