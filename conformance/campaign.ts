// Asks a Spark many files of each kind and compares. While this library checks one recording, Spark makes the next.

import { type Checked, check } from "./check.js";
import type { Kind } from "./questions.js";
import { shorten } from "./shrink.js";
import type { Oracle, Recorded } from "./spark.js";
import type { SparkVersion } from "./versions.js";

export interface Plan {
  readonly spark: SparkVersion;
  readonly kinds: readonly (readonly [name: string, kind: Kind])[];
  readonly firstSeed: number;
  readonly seeds: number;
  /** Requests a file; each kind has its own number where it is left out. */
  readonly rows?: number;
  readonly shrink: boolean;
}

/** What came of one kind. */
export interface Tally {
  readonly profile: string;
  readonly traces: number;
  readonly rows: number;
  readonly agree: number;
  readonly disagree: number;
  readonly seconds: number;
}

/** A recording that disagrees, and a short one that shows the same when one was found. */
export interface Failure {
  readonly profile: string;
  readonly seed: number;
  readonly row: number;
  readonly text: string;
  readonly lines: readonly string[];
  readonly short: readonly string[] | null;
}

/** Yields a tally for each kind; `failed` is told of each failure when it is found. */
export async function* campaign(plan: Plan, oracle: Oracle, failed: (failure: Failure) => void): AsyncGenerator<Tally> {
  for (const [profile, kind] of plan.kinds) {
    const start = performance.now();
    let rows = 0;
    let disagree = 0;
    for await (const { seed, asked, recorded, checked } of recordings(plan, profile, kind, oracle)) {
      rows += checked.rows;
      if (checked.difference === null) continue;
      disagree += 1;
      const { row, text, what } = checked.difference;
      const answered = what !== "broken" && what !== "unreadable";
      const short = plan.shrink && answered ? await shorten(asked, checked.difference, oracle) : null;
      failed({ profile, seed, row, text, lines: recorded.lines, short });
    }
    const seconds = (performance.now() - start) / 1000;
    yield { profile, traces: plan.seeds, rows, agree: plan.seeds - disagree, disagree, seconds };
  }
}

interface Answered {
  readonly seed: number;
  readonly asked: readonly string[];
  readonly recorded: Recorded;
  readonly checked: Checked;
}

async function* recordings(plan: Plan, profile: string, kind: Kind, oracle: Oracle): AsyncGenerator<Answered> {
  const ask = (seed: number) => {
    const asked = kind.ask(plan.spark, seed, plan.rows ?? kind.rows);
    return { seed, asked, answer: oracle.answer(asked) };
  };
  const last = plan.firstSeed + plan.seeds - 1;
  let next = ask(plan.firstSeed);
  for (let seed = plan.firstSeed; seed <= last; seed += 1) {
    const { asked, answer } = next;
    const recorded = await answer;
    if (seed < last) {
      next = ask(seed + 1);
      // It is awaited later; until then nobody else must take its failure for an unhandled one.
      next.answer.catch(() => {});
    }
    yield { seed, asked, recorded, checked: await check(`${profile}-${seed}`, recorded) };
  }
}
