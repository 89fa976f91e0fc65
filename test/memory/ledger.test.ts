import { expect, test } from "vitest";
import { LocalLedger } from "../../src/memory/ledger.js";
import { ON_HEAP } from "../../src/memory/mode.js";
import { keeperContract } from "./ledger.contract.js";

keeperContract("local ledger", () => new LocalLedger());

test("local ledger: its table does not grow with tasks that come and go, only with those that stay", () => {
  const ledger = new LocalLedger();
  ledger.open(ON_HEAP, 1e6, 0);
  ledger.setCeiling(ON_HEAP, 1e12);
  for (let task = 0; task < 100_000; task += 1) {
    ledger.claimWhole(1, task, ON_HEAP, 0);
    if (task % 1000 !== 0) ledger.release(1, task, ON_HEAP);
  }
  expect(ledger.entries(ON_HEAP)).toBe(100);
  expect(ledger.slots).toBe(256);
});

test("local ledger: its table doubles when it is full of tasks that stay, not while half of them have gone", () => {
  const ledger = new LocalLedger();
  const arrive = (from: number, to: number): void => {
    for (let task = from; task < to; task += 1) ledger.enter(task, ON_HEAP);
  };
  arrive(0, 64);
  expect(ledger.slots).toBe(64);
  for (let task = 0; task < 32; task += 1) ledger.release(0, task, ON_HEAP);
  arrive(100, 132);
  expect(ledger.slots).toBe(64);
  arrive(200, 201);
  expect([ledger.slots, ledger.entries(ON_HEAP)]).toEqual([128, 65]);
});
