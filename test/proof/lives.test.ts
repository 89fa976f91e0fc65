// Workers of whole executors under the scheduler: pages taken and freed at once by all schedules, and the death of a worker
// before some of the steps of its whole life, in accounts, table and arena alike; before all of them in `npm run soak`.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Crew } from "./crew.js";
import { executorGround } from "./executor-ground.js";
import { exploreAll, exploreDeaths, exploreRandomLives } from "./explore.js";
import { LIVES, PAGES } from "./lives.js";
import { MORTAL } from "./scenarios.js";
import type { Program } from "./worker/program.js";
import { seeded } from "../help/seed.js";

const { seed, numRuns } = seeded(400);

/** One step in so many, so that all scenarios take some seconds. */
const EVERY = 7;

let crew: Crew;

beforeAll(async () => {
  crew = await Crew.start("sound", 4, executorGround());
});
afterAll(() => crew.end());

describe("pages that two workers take and free at once, with laws audited after every step", () => {
  test.each(PAGES.map((scenario) => [scenario.name, scenario] as const))("%s", (_, scenario) => {
    const { trouble, schedules, histories } = exploreAll(crew, scenario, { preemptions: 1 });
    expect(trouble).toBeNull();
    expect(histories).toBeGreaterThan(2);
    expect(schedules).toBeGreaterThan(20);
  });
});

test("all caches are given back before data grows", async () => {
  const ground = executorGround();
  const data = ground.memories[2]!;
  const before = data.buffer.byteLength;
  const alone = await Crew.start("sound", 2, ground);
  const found = PAGES.find(({ name }) => name === "page free against a take that needs all caches")!;
  const [frees, takes] = found.programs as [Program, Program];
  const scenario = { ...found, programs: [frees.slice(0, 2), takes] };
  expect(ground.judge(scenario).trouble(alone.run(ground.stage(scenario)))).toBeNull();
  expect(data.buffer.byteLength).toBe(before);
  await alone.end();
});

describe("a worker may die in its life, and nothing of it is left", () => {
  test.each(LIVES.map((scenario) => [scenario.name, scenario] as const))("%s", (_, scenario) => {
    const { trouble, schedules } = exploreDeaths(crew, scenario, MORTAL, 0, EVERY);
    expect(trouble).toBeNull();
    expect(schedules).toBeGreaterThan(20);
  });
});

test(`random lives that end anywhere, under random schedules, leave nothing (seed ${seed})`, () => {
  expect(exploreRandomLives(crew, seed, numRuns).trouble).toBeNull();
});
