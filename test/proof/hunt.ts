// Hunts for a fault in one variant of the code with all means there are, the cheap ones first, and says by which it shows.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../house/built.js";
import { Crew } from "./crew.js";
import { executorGround } from "./executor-ground.js";
import { exploreAll, exploreDeaths, exploreRandomScenarios, type Found } from "./explore.js";
import { plainGround } from "./ground.js";
import { isShort, LIVES, PAGES } from "./lives.js";
import { DEATH_OF_A_BURIER, DEATHS, MORTAL, SCENARIOS } from "./scenarios.js";
import { MAX_WORKERS } from "./worker/control.js";
import type { Scenario } from "./worker/program.js";

/** A means to show a fault: `schedules` of a scenario, `deaths` in one, or random `histories`. */
export interface Means {
  readonly how: string;
  readonly where: string;
}

export interface Shown extends Means {
  readonly schedules: number;
  readonly trouble: string;
}

/** Random runs that a fault may take to show. */
const HISTORIES = 2000;
const SEED = 7;

interface Tried extends Means {
  /** Whether its workers are those of whole executors. */
  readonly whole: boolean;
  readonly run: (crew: Crew) => Found;
}

/** What there is to try, in order. */
export const MEANS: readonly Tried[] = [
  ...SCENARIOS.map((scenario) => all(scenario, 1)),
  ...[...DEATHS, DEATH_OF_A_BURIER].map((scenario) => deaths(scenario, 0)),
  {
    how: "histories",
    where: `random, seed ${SEED}`,
    whole: false,
    run: (crew) => exploreRandomScenarios(crew, SEED, HISTORIES),
  },
  ...PAGES.map((scenario) => ({ ...all(scenario, 1), whole: true })),
  ...LIVES.map((scenario) => ({ ...deaths(scenario, 0), whole: true })),
  ...SCENARIOS.filter(({ programs }) => programs.length === 2).map((scenario) => all(scenario, 2)),
  ...DEATHS.map((scenario) => deaths(scenario, 1)),
  ...PAGES.map((scenario) => ({ ...all(scenario, 2), whole: true })),
  ...LIVES.filter(isShort).map((scenario) => ({ ...deaths(scenario, 1), whole: true })),
];

function all(scenario: Scenario, preemptions: number): Tried {
  return {
    how: `schedules, ${preemptions} preemption${preemptions === 1 ? "" : "s"}`,
    where: scenario.name,
    whole: false,
    run: (crew) => exploreAll(crew, scenario, { preemptions }),
  };
}

function deaths(scenario: Scenario, preemptions: 0 | 1): Tried {
  return {
    how: preemptions === 0 ? "deaths" : "deaths, 1 preemption",
    where: scenario.name,
    whole: false,
    run: (crew) => exploreDeaths(crew, scenario, MORTAL, preemptions),
  };
}

/** Shows the fault of a variant by the first means that does, of all or of those given; null: none does. */
export async function hunt(variant: string, means: readonly Means[] = MEANS): Promise<Shown | null> {
  const tried = means.map(({ how, where }) => {
    const found = MEANS.find((each) => each.how === how && each.where === where);
    if (found === undefined) throw new Error(`there are no ${how} of ${where}`);
    return found;
  });
  const crews = new Map<boolean, Crew>();
  try {
    for (const { how, where, whole, run } of tried) {
      let crew = crews.get(whole);
      if (crew === undefined) {
        crew = await Crew.start(variant, MAX_WORKERS, whole ? executorGround() : plainGround());
        crews.set(whole, crew);
      }
      const { trouble, schedules } = run(crew);
      if (trouble !== null) return { how, where, schedules, trouble };
    }
    return null;
  } finally {
    for (const crew of crews.values()) await crew.end();
  }
}

/** The means that shows each fault, as mutants.md lists them. */
export function readTable(): Map<string, Means> {
  const text = readFileSync(join(ROOT, "test/proof/mutants.md"), "utf8");
  const rows = text.matchAll(/^\| `([\w-]+)` +\| (.+?) +\| (.+?) +\|$/gm);
  return new Map([...rows].map(([, name, how, where]) => [name!, { how: how!, where: where! }]));
}
