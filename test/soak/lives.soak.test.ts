// The death of a worker of a whole executor before every one of its steps, with one preemption besides where lives are short;
// and pages taken and freed at once with one preemption more than in test/proof.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Crew } from "../proof/crew.js";
import { executorGround } from "../proof/executor-ground.js";
import { exploreAll, exploreDeaths } from "../proof/explore.js";
import { isShort, LIVES, PAGES } from "../proof/lives.js";
import { MORTAL } from "../proof/scenarios.js";

let crew: Crew;

beforeAll(async () => {
  crew = await Crew.start("sound", 4, executorGround());
});
afterAll(() => crew.end());

describe("pages that two workers take and free at once", () => {
  test.each(PAGES.map((scenario) => [scenario.name, scenario] as const))("%s", (_, scenario) => {
    const { trouble, schedules } = exploreAll(crew, scenario, { preemptions: 2 });
    console.log(`${scenario.name}: ${schedules} schedules of up to 2 preemptions`);
    expect(trouble).toBeNull();
  });
});

describe("a worker may die before any step of its life, and nothing of it is left", () => {
  test.each(LIVES.map((scenario) => [scenario.name, scenario] as const))("%s", (_, scenario) => {
    const preemptions = isShort(scenario) ? 1 : 0;
    const { trouble, schedules } = exploreDeaths(crew, scenario, MORTAL, preemptions);
    console.log(`${scenario.name}: ${schedules} schedules of up to ${preemptions} preemptions`);
    expect(trouble).toBeNull();
  });
});
