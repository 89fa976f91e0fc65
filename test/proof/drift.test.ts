// Raced operations leave no difference between what the pool has given out and what the tasks hold. RUNS times as many.

import { expect, test } from "vitest";
import { seeded } from "../help/seed.js";
import { SharedLedger } from "../../src/memory/shared-ledger.js";
import { Crew, stage } from "./crew.js";
import { type Scenario, sizes } from "./worker/program.js";

const OPERATIONS = 400_000;
const WORKERS = 2;

test("racing workers leave the accounts without a byte of difference", async () => {
  const { seed, numRuns } = seeded(1);
  const crew = await Crew.start("plain", WORKERS);
  for (let run = 0; run < numRuns; run += 1) {
    const scenario: Scenario = {
      name: `drift, seed ${seed + run}`,
      pools: { onHeap: sizes(100_000, 20_000, 10_000), offHeap: sizes(0) },
      programs: Array.from({ length: WORKERS }, (_, worker) => [
        { does: "churn", bytes: OPERATIONS / WORKERS, task: 10 + worker, seed: (seed + run) * 2 + worker },
      ]),
    };
    const { trouble, history } = crew.race(stage(scenario));
    expect(trouble).toBeNull();
    const counted = new Map(history.events.map(([churn], worker) => [10 + worker, churn!.answer]));
    const ledger = SharedLedger.attach(crew.memory);
    for (const [task, bytes] of counted) expect(Math.max(0, ledger.balance(task, 0))).toBe(bytes);
    expect(ledger.executionUsed(0)).toBe([...counted.values()].reduce((sum, bytes) => sum + bytes, 0));
  }
  await crew.end();
});
