// What is too long for every day about the shared accounts: one preemption more than in test/proof, and all faults.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Crew } from "../proof/crew.js";
import { exploreAll, exploreDeaths } from "../proof/explore.js";
import { hunt, readTable } from "../proof/hunt.js";
import { DEATHS, MORTAL, SCENARIOS } from "../proof/scenarios.js";

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
