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
