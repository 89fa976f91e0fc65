// Raced operations leave no difference between what the pool has given out and what the tasks hold and have counted.

import { expect, test } from "vitest";
import { SharedLedger } from "../../src/memory/shared-ledger.js";
import { seeded } from "../help/seed.js";
import { churning, countedBy } from "./churning.js";
import { Crew } from "./crew.js";
import { stage } from "./ground.js";

test("racing workers leave the accounts without a byte of difference", async () => {
  const { seed } = seeded(1);
  const crew = await Crew.start("plain", 3);
  for (const workers of [2, 3]) {
    const { trouble, history } = crew.race(stage(churning(seed, workers, 200_000)));
    expect(trouble).toBeNull();
    const { tasks, used } = countedBy(history, SharedLedger.attach(crew.memory));
    for (const { counted, held } of tasks) expect(held).toBe(counted);
    expect(used).toBe(tasks.reduce((sum, { counted }) => sum + counted, 0));
    expect(history.events.flat()).toHaveLength(workers);
  }
  await crew.end();
});
