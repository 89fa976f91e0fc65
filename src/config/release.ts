// Which Spark is meant. Rules changed between releases, some of them inside a generation, so everything that differs asks
// for the release and compares numbers.

import { Refusal } from "../fault.js";

/** major * 100 + minor: 204 is Spark 2.4, 401 is Spark 4.1. */
export type Release = number;

/** The generations that this library follows in every rule. */
export const GENERATIONS = ["2.4", "3.5", "4.1"] as const;
/** A generation of Spark: the rules between two changes, named by the release that is followed. */
export type Generation = (typeof GENERATIONS)[number];

/** What a generation is when nobody says. */
export const DEFAULT_GENERATION: Generation = "4.1";

const OLDEST: Release = 204;
const NEWEST: Release = 401;

/** The release of a version text such as `1.6`, `3.5.7` or `4.1.1`. Refuses what is no version. */
export function releaseOf(version: string): Release {
  const match = /^(\d+)\.(\d{1,2})(?:[.-].*)?$/.exec(version);
  if (!match) throw new Refusal(`"${version}" is not a Spark version such as 3.5 or 4.1.1`);
  return Number(match[1]) * 100 + Number(match[2]);
}

/** The same for a release whose rules are wanted: refuses those before 2.4 and after 4.1. */
export function ruledRelease(version: string): Release {
  const release = releaseOf(version);
  if (release < OLDEST || release > NEWEST)
    throw new Refusal(`the rules of Spark ${version} are not known here: 2.4 is the oldest and 4.1 the newest`);
  return release;
}

/** `3.5` for 305. */
export function formatRelease(release: Release): string {
  return `${Math.floor(release / 100)}.${release % 100}`;
}
