// All schedules of the small scenarios, in the shipped code, and the death of a worker before each of its steps.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Crew } from "./crew.js";
import { stage } from "./ground.js";
import { exploreAll, exploreDeaths } from "./explore.js";
import { DEATH_OF_A_BURIER, DEATHS, MORTAL, SCENARIOS } from "./scenarios.js";

let crew: Crew;

beforeAll(async () => {
  crew = await Crew.start("sound");
});
afterAll(() => crew.end());

describe("every schedule is explained, with laws audited after every step", () => {
  test.each(SCENARIOS.map((scenario) => [scenario.name, scenario] as const))("%s", (_, scenario) => {
    const preemptions = scenario.programs.length === 2 ? 2 : 1;
    const { trouble, schedules, histories } = exploreAll(crew, scenario, { preemptions });
    expect(trouble).toBeNull();
    // A scenario in which the order does not matter says nothing.
    expect(histories).toBeGreaterThan(2);
    expect(schedules).toBeGreaterThan(20);
  });
});

describe("a worker may die before any of its steps", () => {
  test.each([...DEATHS, DEATH_OF_A_BURIER].map((scenario) => [scenario.name, scenario] as const))(
    "%s",
    (_, scenario) => {
      const { trouble, schedules } = exploreDeaths(crew, scenario, MORTAL, 0);
      expect(trouble).toBeNull();
      expect(schedules).toBeGreaterThan(50);
    },
  );
});

test("a schedule repeats: the same choices give the same steps and the same answers", () => {
  const staged = stage(SCENARIOS[4]!);
  const first = crew.run(staged, { seed: 11, switchOdds: 3 });
  const again = crew.run(staged, { prefix: first.choices.map(({ chosen }) => chosen) });
  expect(again).toEqual(first);
  expect(first.choices.length).toBeGreaterThan(20);
});
