// What is too long for every day about the shared accounts: one preemption more than in test/proof, all faults, and a billion
// raced operations (RUNS / 50 of them).

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { SharedLedger } from "../../src/memory/shared-ledger.js";
import { churning, countedBy } from "../proof/churning.js";
import { Crew } from "../proof/crew.js";
import { exploreAll, exploreDeaths } from "../proof/explore.js";
import { stage } from "../proof/ground.js";
import { hunt, readTable } from "../proof/hunt.js";
import { DEATHS, MORTAL, SCENARIOS } from "../proof/scenarios.js";

const SEED = Number(process.env["SEED"]);
const RUNS = Number(process.env["RUNS"]);

let crew: Crew;

beforeAll(async () => {
  crew = await Crew.start("sound");
});
afterAll(() => crew.end());

describe("every schedule with one preemption more is explained", () => {
  test.each(SCENARIOS.map((scenario) => [scenario.name, scenario] as const))("%s", (_, scenario) => {
    const preemptions = scenario.programs.length === 2 ? 3 : 2;
    const { trouble, schedules } = exploreAll(crew, scenario, { preemptions });
    console.log(`${scenario.name}: ${schedules} schedules of up to ${preemptions} preemptions`);
    expect(trouble).toBeNull();
  });
});

describe("a worker may die before any of its steps, with one preemption besides", () => {
  test.each(DEATHS.map((scenario) => [scenario.name, scenario] as const))("%s", (_, scenario) => {
    const { trouble, schedules } = exploreDeaths(crew, scenario, MORTAL, 1);
    console.log(`${scenario.name}: ${schedules} schedules`);
    expect(trouble).toBeNull();
  });
});

describe("every fault shows", () => {
  test.each([...readTable()])("%s", async (name, means) => {
    expect(await hunt(name, [means])).not.toBeNull();
  });
});

test("raced operations leave the accounts without a byte of difference", async () => {
  const each = 1e7;
  const runs = Math.ceil((100 * RUNS) / 50);
  const plain = await Crew.start("plain", 4);
  for (let run = 0; run < runs; run += 1) {
    const { trouble, history } = plain.race(stage(churning(SEED + run, 2 + (run % 3), each)));
    expect(trouble).toBeNull();
    const { tasks, used } = countedBy(history, SharedLedger.attach(plain.memory));
    for (const { counted, held } of tasks) expect(held).toBe(counted);
    expect(used).toBe(tasks.reduce((sum, { counted }) => sum + counted, 0));
  }
  console.log(`${runs * each} raced operations`);
  await plain.end();
});
