// Explores schedules: all of a scenario up to a number of preemptions, the fewest first, or random ones from a seed. Every run's
// laws are audited by its workers; what they answered and what they left is judged by the ground they stand on.

import { type Choice, NOBODY } from "./worker/control.js";
import type { Crew, Outcome, Schedule } from "./crew.js";
import { historyInWords } from "./explain.js";
import { randomLives } from "./lives.js";
import { MORTAL } from "./scenarios.js";
import { randomScenario, type Scenario } from "./worker/program.js";
import { numbers } from "../help/seed.js";

/** What an exploration came to. */
export interface Found {
  readonly schedules: number;
  /** Different histories among them. */
  readonly histories: number;
  /** The first failure, as text that says how to see it again; null: none. */
  readonly trouble: string | null;
}

export interface Limits {
  /** Most switches away from a worker that could have gone on. */
  readonly preemptions: number;
  /** Most schedules; an exploration that would take more fails. */
  readonly schedules?: number;
  readonly death?: Schedule["death"];
}

/** All schedules of a scenario with up to so many preemptions, those with fewer first. */
export function exploreAll(crew: Crew, scenario: Scenario, limits: Limits): Found {
  const staged = crew.ground.stage(scenario);
  const judge = crew.ground.judge(scenario);
  const most = limits.schedules ?? 1_000_000;
  const levels: number[][][] = Array.from({ length: limits.preemptions + 1 }, () => []);
  for (let first = 0; first < scenario.programs.length; first += 1) levels[0]!.push([first]);
  let schedules = 0;
  for (let level = 0; level < levels.length; level += 1) {
    const open = levels[level]!;
    for (let prefix = open.pop(); prefix !== undefined; prefix = open.pop()) {
      schedules += 1;
      if (schedules > most) throw new Error(`${scenario.name}: more than ${most} schedules`);
      const schedule = { prefix, ...(limits.death === undefined ? {} : { death: limits.death }) };
      const outcome = crew.run(staged, schedule);
      const trouble = judge.trouble(outcome);
      if (trouble !== null)
        return { schedules, histories: judge.histories, trouble: inWords(scenario, schedule, outcome, trouble) };
      branch(outcome.choices, prefix.length, level, levels);
    }
  }
  return { schedules, histories: judge.histories, trouble: null };
}

// Every choice after the prefix could have been another; each such prefix is explored once.
function branch(choices: readonly Choice[], from: number, level: number, levels: number[][][]): void {
  const chosen = choices.map((choice) => choice.chosen);
  for (let at = from; at < choices.length; at += 1) {
    const { couldGoOn, ready, timed } = choices[at]!;
    for (let worker = 0; worker < 8; worker += 1) {
      const isTimed = (timed & (1 << worker)) !== 0;
      if (worker === chosen[at] || ((ready & (1 << worker)) === 0 && !isTimed)) continue;
      // A sleep that runs out counts as a preemption, too.
      const cost = couldGoOn || isTimed ? 1 : 0;
      levels[level + cost]?.push([...chosen.slice(0, at), worker]);
    }
  }
}

/** Random schedules of one scenario. */
export function exploreAtRandom(crew: Crew, scenario: Scenario, seed: number, schedules: number): Found {
  const staged = crew.ground.stage(scenario);
  const judge = crew.ground.judge(scenario);
  for (let i = 0; i < schedules; i += 1) {
    const schedule = randomSchedule(seed + i);
    const outcome = crew.run(staged, schedule);
    const trouble = judge.trouble(outcome);
    if (trouble !== null)
      return { schedules: i + 1, histories: judge.histories, trouble: inWords(scenario, schedule, outcome, trouble) };
  }
  return { schedules, histories: judge.histories, trouble: null };
}

/** Random scenarios, each under some random schedules: `count` runs from a seed. */
export function exploreRandomScenarios(crew: Crew, seed: number, count: number, schedulesEach = 4): Found {
  let histories = 0;
  for (let i = 0; i < count; i += schedulesEach) {
    const scenario = randomScenario(numbers(seed + i), `random from seed ${seed + i}`, false);
    const found = exploreAtRandom(crew, scenario, seed + i, Math.min(schedulesEach, count - i));
    histories += found.histories;
    if (found.trouble !== null) return { schedules: i + found.schedules, histories, trouble: found.trouble };
  }
  return { schedules: count, histories, trouble: null };
}

/** A scenario in which one worker stops for ever before each of its steps (or one in `every`), and the last one buries it. */
export function exploreDeaths(crew: Crew, scenario: Scenario, mortal: number, preemptions: number, every = 1): Found {
  let schedules = 0;
  const staged = crew.ground.stage(scenario);
  for (let step = 1; ; step += every) {
    const death = { worker: mortal, step };
    // Whether there is such a step at all is seen where the mortal goes first; it may die at the end of its program, too.
    const first = crew.run(staged, { prefix: [mortal], death });
    const last = first.trouble === null && first.steps[mortal]! < step;
    if (last && (first.died & (1 << mortal)) === 0) return { schedules, histories: 0, trouble: null };
    const found = exploreAll(crew, scenario, { preemptions, death });
    schedules += found.schedules;
    if (last || found.trouble !== null) return { schedules, histories: 0, trouble: found.trouble };
  }
}

/** Random lives, each under some random schedules and with a death at some random step: `count` runs from a seed. */
export function exploreRandomLives(crew: Crew, seed: number, count: number, deathsEach = 5): Found {
  for (let i = 0; i < count; i += deathsEach) {
    const random = numbers(seed + i);
    const scenario = randomLives(random, `random life from seed ${seed + i}`);
    const staged = crew.ground.stage(scenario);
    const judge = crew.ground.judge(scenario);
    const steps = crew.run(staged, { prefix: [MORTAL] }).steps[MORTAL]!;
    for (let death = 0; death < deathsEach; death += 1) {
      const schedule = {
        ...randomSchedule(seed + i + death),
        death: { worker: MORTAL, step: 1 + Math.floor(random() * steps) },
      };
      const outcome = crew.run(staged, schedule);
      const trouble = judge.trouble(outcome);
      if (trouble !== null)
        return { schedules: i + death, histories: 0, trouble: inWords(scenario, schedule, outcome, trouble) };
    }
  }
  return { schedules: count, histories: 0, trouble: null };
}

/** The schedule that a random run repeats from. */
export function randomSchedule(seed: number): Schedule {
  return { seed, switchOdds: [2, 4, 8, 16][seed & 3]! };
}

/** A failure and how to see it again: the scenario, the turns that the schedule lays down, and what was answered. */
export function inWords(scenario: Scenario, schedule: Schedule, outcome: Outcome, trouble: string): string {
  const turns: string[] = [];
  let goes = NOBODY;
  outcome.choices.forEach(({ chosen }, at) => {
    if (chosen !== goes) turns.push(`${at}:${chosen === NOBODY ? "end" : chosen}`);
    goes = chosen;
  });
  const { death, seed } = schedule;
  const lines = [
    `${scenario.name}: ${trouble}`,
    ...(death === undefined ? [] : [`worker ${death.worker} dies before its step ${death.step}`]),
    ...(seed === undefined ? [] : [`schedule seed ${seed}`]),
    `turns (choice:worker): ${turns.join(" ")}`,
    `pools: ${JSON.stringify(scenario.pools)}`,
    `before: ${JSON.stringify(scenario.before ?? [])}`,
    historyInWords(outcome.history),
  ];
  return lines.join("\n");
}
