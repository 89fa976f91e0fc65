// Hunts for a fault in one variant of the code with all means there are, the cheap ones first, and says by which it shows.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../house/built.js";
import { Crew } from "./crew.js";
import { exploreAll, exploreDeaths, exploreRandomScenarios, type Found } from "./explore.js";
import { DEATH_OF_A_BURIER, DEATHS, MORTAL, SCENARIOS } from "./scenarios.js";
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

/** What there is to try, in order. */
export const MEANS: readonly (Means & { readonly run: (crew: Crew) => Found })[] = [
  ...SCENARIOS.map((scenario) => all(scenario, 1)),
  ...[...DEATHS, DEATH_OF_A_BURIER].map((scenario) => ({
    how: "deaths",
    where: scenario.name,
    run: (crew: Crew) => exploreDeaths(crew, scenario, MORTAL, 0),
  })),
  {
    how: "histories",
    where: `random, seed ${SEED}`,
    run: (crew) => exploreRandomScenarios(crew, SEED, HISTORIES),
  },
  ...SCENARIOS.filter(({ programs }) => programs.length === 2).map((scenario) => all(scenario, 2)),
  ...DEATHS.map((scenario) => ({
    how: "deaths, 1 preemption",
    where: scenario.name,
    run: (crew: Crew) => exploreDeaths(crew, scenario, MORTAL, 1),
  })),
];

function all(scenario: Scenario, preemptions: number) {
  return {
    how: `schedules, ${preemptions} preemption${preemptions === 1 ? "" : "s"}`,
    where: scenario.name,
    run: (crew: Crew) => exploreAll(crew, scenario, { preemptions }),
  };
}

/** Shows the fault of a variant by the first means that does, of all or of those given; null: none does. */
export async function hunt(variant: string, means: readonly Means[] = MEANS): Promise<Shown | null> {
  const crew = await Crew.start(variant);
  try {
    for (const { how, where } of means) {
      const tried = MEANS.find((each) => each.how === how && each.where === where);
      if (tried === undefined) throw new Error(`there are no ${how} of ${where}`);
      const { trouble, schedules } = tried.run(crew);
      if (trouble !== null) return { how, where, schedules, trouble };
    }
    return null;
  } finally {
    await crew.end();
  }
}

/** The means that shows each fault, as mutants.md lists them. */
export function readTable(): Map<string, Means> {
  const text = readFileSync(join(ROOT, "test/proof/mutants.md"), "utf8");
  const rows = text.matchAll(/^\| `([\w-]+)` +\| (.+?) +\| (.+?) +\|$/gm);
  return new Map([...rows].map(([, name, how, where]) => [name!, { how: how!, where: where! }]));
}
