// Whose turn it is, where others are always faster: a worker waits no longer than it may, however often it is woken.

import { expect, test } from "vitest";
import { type AccountsExports, CONTENDED, WORD_DECIDING } from "../../src/memory/accounts-map.js";
import { Turns } from "../../src/memory/turns.js";
import { MemoryBusy } from "../../src/memory/wait.js";

const ME = 3;
const OTHER = 2;

/** Accounts of which only what a turn begins with is there. Every sleep ends soon, by a wake-up; others may sleep on. */
function turns(lock: "taken" | "free", patienceMs: number) {
  const slept: number[] = [];
  const sleep = (nanoseconds: number): number => {
    slept.push(nanoseconds);
    for (const from = performance.now(); performance.now() < from + 1;);
    return 1;
  };
  const wasm = {
    accountsLock: () => (lock === "free" ? 1 : 0),
    accountsTryLock: (me: number) => {
      expect(me).toBe(ME | CONTENDED);
      return lock === "free" ? 1 : 0;
    },
    accountsUnlock: () => {},
    accountsAwaitLock: sleep,
    accountsAwaitDecision: (_other: number, nanoseconds: number) => sleep(nanoseconds),
  } as unknown as AccountsExports;
  const words = new Uint32Array(new SharedArrayBuffer(64));
  words[WORD_DECIDING] = lock === "free" ? OTHER : 0;
  return { turns: new Turns(wasm, words, ME, patienceMs), slept };
}

test.each(["taken", "free"] as const)("one deadline for all sleeps, where the lock is always %s", (lock) => {
  const { turns: mine, slept } = turns(lock, 20);
  expect(() => mine.begin()).toThrow(MemoryBusy);
  expect(mine.mine).toBe(false);
  expect(slept.length).toBeGreaterThan(1);
  expect(slept).toEqual(slept.toSorted((a, b) => b - a));
  expect([slept[0]! <= 20e6, slept.at(-1)]).toEqual([true, 0]);
});

test("a call may have less patience than its worker", () => {
  const { turns: mine, slept } = turns("taken", Number.POSITIVE_INFINITY);
  expect(() => mine.begin(2)).toThrow(MemoryBusy);
  expect(slept.every((nanoseconds) => nanoseconds <= 2e6)).toBe(true);
});
