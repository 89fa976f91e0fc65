// The experiment as it runs: what is due is visited, written down and weighed, until every interval is narrow, the time is up
// or somebody ends it.

import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { nodeFileSystem } from "../../spill/filesystem.js";
import { newHomeName, removeLeftovers } from "../../spill/home.js";
import { thisProcess } from "../../spill/owner.js";
import { Aborted } from "../abort.js";
import { thisMachine } from "../machine.js";
import type { Machine } from "../study.js";
import { type Contest, contestOf, standingOf } from "./contest.js";
import { type Experiment, nextOf, type Pass, passesOf, type Standing } from "./experiment.js";
import { openJournal } from "./journal.js";
import type { Visit } from "./repetition.js";
import { nameOf, type Setting, settingsOf } from "./setting.js";
import { type Measure, measureIn } from "./visit.js";

export interface GridRequest {
  readonly experiment: Experiment;
  /** Where results are kept; of the same plan or not there. */
  readonly file: string;
  /** Time for this run. No visit begins after it; the last one may end later. */
  readonly budgetSeconds: number;
  /** An existing directory for spill files; empty again at the end. */
  readonly directory: string;
}

/** Told how far the experiment is. */
export interface GridProgress {
  /** The file holds so many visits already. */
  resumed(visits: number): void;
  begin(pass: Pass["name"], setting: Setting, leftSeconds: number): void;
  visited(visit: Visit): void;
}

export interface GridResults {
  readonly experiment: Experiment;
  readonly machine: Machine;
  readonly file: string;
  /** Visits that this run found, and made. */
  readonly resumed: number;
  readonly made: number;
  readonly seconds: number;
  /** `narrow`: nothing is left to visit. */
  readonly ended: "narrow" | "time" | "interrupted";
  /** Every setting of the plan that was visited, in the plan's order. */
  readonly contests: readonly Contest[];
  /** Settings of the plan that were never visited. */
  readonly unvisited: readonly Setting[];
}

/** Where time and visits come from; another in tests. */
export interface Hands {
  readonly measure: Measure;
  readonly nowMs: () => number;
}

/**
 * Runs the experiment or goes on with it. Throws JournalRefused for a file of another, Refusal for files that cannot be
 * written. An abort ends the visit that is on, which is then not counted; files are removed on every way out.
 */
export async function conduct(request: GridRequest, progress: GridProgress, signal: AbortSignal): Promise<GridResults> {
  const { directory: parent, experiment } = request;
  removeLeftovers(parent, nodeFileSystem);
  const directory = join(parent, newHomeName(thisProcess(), "study"));
  try {
    mkdirSync(directory, { mode: 0o700 });
    const hands = { measure: measureIn(directory, experiment), nowMs: () => performance.now() };
    return await conductWith(hands, request, progress, signal);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** The same by the hands given. */
export async function conductWith(
  { measure, nowMs }: Hands,
  { experiment, file, budgetSeconds }: Omit<GridRequest, "directory">,
  progress: GridProgress,
  signal: AbortSignal,
): Promise<GridResults> {
  const machine = thisMachine();
  const journal = openJournal(file, experiment, machine);
  const passes = passesOf(experiment);
  const bySetting = new Map<string, Visit[]>();
  const add = (visit: Visit): void => {
    const name = nameOf(visit.setting);
    bySetting.set(name, [...(bySetting.get(name) ?? []), visit]);
  };
  journal.visits.forEach(add);
  const settings = settingsOf(experiment.axes).map((setting) => ({ setting, name: nameOf(setting) }));
  const standings = new Map<string, Standing>();
  const weigh = (setting: Setting, name: string): void => {
    standings.set(name, standingOf(setting, bySetting.get(name)!, experiment.seed));
  };
  for (const { setting, name } of settings) if (bySetting.has(name)) weigh(setting, name);
  if (journal.resumed > 0) progress.resumed(journal.resumed);

  const startMs = nowMs();
  const seconds = (): number => (nowMs() - startMs) / 1000;
  let ended: GridResults["ended"] = "time";
  while (seconds() < budgetSeconds) {
    if (signal.aborted) {
      ended = "interrupted";
      break;
    }
    const next = nextOf(experiment, passes, standings);
    if (next === null) {
      ended = "narrow";
      break;
    }
    progress.begin(next.pass.name, next.setting, budgetSeconds - seconds());
    const visit = await unlessAborted(measure(next.setting, next.first, signal));
    if (visit === null) continue;
    journal.append(visit);
    add(visit);
    weigh(next.setting, nameOf(next.setting));
    progress.visited(visit);
  }
  return {
    experiment,
    machine,
    file,
    resumed: journal.resumed,
    made: journal.visits.length - journal.resumed,
    seconds: seconds(),
    ended,
    contests: settings.flatMap(({ setting, name }) => {
      const visits = bySetting.get(name);
      return visits === undefined ? [] : [contestOf(setting, visits, experiment.seed)];
    }),
    unvisited: settings.filter(({ name }) => !bySetting.has(name)).map(({ setting }) => setting),
  };
}

async function unlessAborted(visit: Promise<Visit>): Promise<Visit | null> {
  try {
    return await visit;
  } catch (error) {
    if (error instanceof Aborted) return null;
    throw error;
  }
}
