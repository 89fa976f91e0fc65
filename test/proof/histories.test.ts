// Random small histories of 2 to 4 workers on pools so small that refusals, waits and evictions are common: under random
// schedules, which a seed repeats, and in workers that race, of which a seed repeats the programs only. RUNS times as many.

import { afterAll, beforeAll, expect, test } from "vitest";
import { numbers, seeded } from "../help/seed.js";
import { Crew } from "./crew.js";
import { stage } from "./ground.js";
import { type Event, historyInWords, isExplained } from "./explain.js";
import { exploreRandomScenarios } from "./explore.js";
import { type Operation, randomScenario, type Scenario, sizes } from "./worker/program.js";

const { seed, numRuns } = seeded(1000);

let sound: Crew;
let plain: Crew;

beforeAll(async () => {
  [sound, plain] = await Promise.all([Crew.start("sound"), Crew.start("plain")]);
});
afterAll(() => Promise.all([sound.end(), plain.end()]));

test(`histories under random schedules are explained by an order of their calls (seed ${seed})`, () => {
  const { trouble, histories } = exploreRandomScenarios(sound, seed, numRuns);
  expect(trouble).toBeNull();
  expect(histories).toBeGreaterThan(numRuns / 2);
});

test(`histories of racing workers are explained by an order of their calls (seed ${seed})`, () => {
  for (let i = 0; i < numRuns; i += 1) {
    const scenario = randomScenario(numbers(seed + i), `racing, from seed ${seed + i}`, true);
    const { trouble, history } = plain.race(stage(scenario));
    if (trouble !== null || !isExplained(scenario, history))
      expect.fail(
        `${scenario.name}: ${trouble ?? "unexplained"}\n${JSON.stringify(scenario)}\n${historyInWords(history)}`,
      );
  }
});

test("random scenarios have refusals, waits, evictions and tasks of two workers", () => {
  let waits = 0;
  let short = 0;
  let evicting = 0;
  for (let i = 0; i < 200; i += 1) {
    const scenario = randomScenario(numbers(seed + i), "", false);
    const { history } = sound.run(stage(scenario), { seed: seed + i });
    for (const { call, answer, operation, responded } of history.events.flat()) {
      if (responded === Number.POSITIVE_INFINITY) continue;
      if (call === "acquire" && answer === -1) waits += 1;
      if ((call === "acquire" || call === "retry") && answer >= 0 && answer < (operation as { bytes: number }).bytes)
        short += 1;
      if (call === "put" && answer === 1) evicting += 1;
    }
  }
  expect(waits).toBeGreaterThan(40);
  expect(short).toBeGreaterThan(40);
  expect(evicting).toBeGreaterThan(40);
});

// ---- the judge itself

const SMALL: Scenario = {
  name: "small",
  pools: { onHeap: sizes(10), offHeap: sizes(0) },
  programs: [[], []],
};
const acquire = (task: number, bytes: number): Operation => ({ does: "acquire", task, bytes });
const event = (worker: number, operation: Operation, invoked: number, responded: number, answer: number): Event => ({
  worker,
  call: operation.does,
  operation,
  invoked,
  responded,
  answer,
});
const explained = (...events: Event[][]): boolean => isExplained(SMALL, { events, asleep: 0, left: null });

test("the judge reorders calls that overlap, and no others", () => {
  // The second task gets its half whether or not the first came before; the first gets all only when it came first.
  expect(explained([event(0, acquire(1, 10), 1, 4, 10)], [event(1, acquire(2, 4), 2, 3, 0)])).toBe(false);
  expect(explained([event(0, acquire(1, 10), 1, 4, 5)], [event(1, acquire(2, 4), 2, 3, 4)])).toBe(true);
  expect(explained([event(0, acquire(1, 10), 1, 2, 5)], [event(1, acquire(2, 4), 3, 4, 4)])).toBe(false);
  expect(explained([event(0, acquire(1, 10), 3, 4, 5)], [event(1, acquire(2, 4), 1, 2, 4)])).toBe(true);
});

test("the judge wants sleepers who have not been woken, and retries of those who have", () => {
  const all = event(0, acquire(1, 10), 1, 2, 10);
  const waits = event(1, acquire(2, 4), 3, 4, -1);
  const release = event(0, { does: "release", task: 1, bytes: 10 }, 5, 6, 10);
  const retry: Event = { ...event(1, acquire(2, 4), 7, 8, 4), call: "retry" };
  const judge = (asleep: number, ...events: Event[][]): boolean => isExplained(SMALL, { events, asleep, left: null });
  expect(judge(0b10, [all], [waits])).toBe(true);
  expect(judge(0b10, [all, release], [waits])).toBe(false);
  expect(judge(0, [all, release], [waits, retry])).toBe(true);
  expect(judge(0, [all], [waits, { ...retry, answer: -1 }])).toBe(false);
});

test("the judge looks at what is left", () => {
  const events = [[event(0, acquire(1, 4), 1, 2, 4)]];
  const judge = (left: string): boolean => isExplained(SMALL, { events, asleep: 0, left });
  expect(judge("10,4,0,0{1:4} 0,0,0,0{}")).toBe(true);
  expect(judge("10,3,0,0{1:3} 0,0,0,0{}")).toBe(false);
});
