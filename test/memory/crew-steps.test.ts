// The allocator that workers share, compiled with a call before every write.

import { beforeAll, describe, expect, test } from "vitest";
import { seeded } from "../help/seed.js";
import { compileSteps } from "../help/steps.js";
import { deaths, deathsInRepair, hurries, meetings, wander } from "./crew-scenes.js";

const { seed, numRuns: worlds } = seeded(4);
let module: WebAssembly.Module;
beforeAll(async () => {
  module = await compileSteps();
});

test("workers that act in turn are answered as the tables say", () => {
  expect(wander(module, seed, 5 * worlds)).toBeGreaterThan(0);
});

describe("a worker that dies at any write", () => {
  test("leaves nothing, and what others hold is as it was", () => {
    expect(deaths(module, seed, worlds)).toBeGreaterThan(500);
  });

  test("may leave its work to one who dies at it too", () => {
    expect(deathsInRepair(module, seed, [11, 29])).toBeGreaterThan(200);
  });
});

test("a worker that is met at any write by another one: both are answered as if one had been first", () => {
  const { tried, asleep } = meetings(module, seed + 100, worlds);
  expect(asleep).toBeGreaterThan(100);
  expect(tried - asleep).toBeGreaterThan(200);
});

test("one that must not sleep is told that it is too late, and has changed nothing", () => {
  const { tried, late } = hurries(module, seed + 200, worlds);
  expect(late).toBeGreaterThan(100);
  expect(tried - late).toBeGreaterThan(200);
});
