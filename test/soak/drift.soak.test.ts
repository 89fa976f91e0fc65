// A billion raced operations (RUNS / 50 of them) by two to four workers, ten million at a time, with no byte of difference at
// rest. By itself: `npm run soak -- test/soak/drift`; seven to eight minutes on two cores.

import { expect, test } from "vitest";
import { SharedLedger } from "../../src/memory/shared-ledger.js";
import { churning, countedBy } from "../proof/churning.js";
import { Crew } from "../proof/crew.js";
import { stage } from "../proof/ground.js";

const SEED = Number(process.env["SEED"]);
const RACES = Math.ceil((100 * Number(process.env["RUNS"])) / 50);
const EACH = 1e7;

test("raced operations leave the accounts without a byte of difference", async () => {
  const crew = await Crew.start("plain", 4);
  for (let race = 0; race < RACES; race += 1) {
    const { trouble, history } = crew.race(stage(churning(SEED + race, 2 + (race % 3), EACH)));
    expect(trouble).toBeNull();
    const { tasks, used } = countedBy(history, SharedLedger.attach(crew.memory));
    for (const { counted, held } of tasks) expect(held).toBe(counted);
    expect(used).toBe(tasks.reduce((sum, { counted }) => sum + counted, 0));
  }
  console.log(`${RACES * EACH} raced operations`);
  await crew.end();
});
