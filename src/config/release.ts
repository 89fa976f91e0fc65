// Which Spark is meant. Rules changed between releases, some of them inside a generation, so everything that differs asks
// for the release and compares numbers.

import { Refusal } from "../fault.js";

/** major * 100 + minor: 204 is Spark 2.4, 401 is Spark 4.1. */
export type Release = number;

/** The generations that this library follows in every rule. */
export const GENERATIONS = ["2.4", "3.5", "4.1"] as const;
export type Generation = (typeof GENERATIONS)[number];

/** What a generation is when nobody says. */
export const DEFAULT_GENERATION: Generation = "4.1";

const OLDEST: Release = 200;

/** The release of a version text such as `2.4`, `3.5.7` or `4.1.1`. Refuses what is no version, and all before 2.0. */
export function releaseOf(version: string): Release {
  const match = /^(\d+)\.(\d{1,2})(?:[.-].*)?$/.exec(version);
  if (!match) throw new Refusal(`"${version}" is not a Spark version such as 3.5 or 4.1.1`);
  const release = Number(match[1]) * 100 + Number(match[2]);
  if (release < OLDEST) throw new Refusal(`Spark ${version} is not known here: the oldest is 2.0`);
  return release;
}

/** `3.5` for 305. */
export function formatRelease(release: Release): string {
  return `${Math.floor(release / 100)}.${release % 100}`;
}
