// Which Sparks can be asked: those whose rules this library follows. Any other is refused before anything is downloaded, since
// a disagreement with it would say nothing.

import { Refusal } from "../src/fault.js";
import { releaseOf } from "../src/config/release.js";

/** A Spark that can be asked. */
export interface SparkVersion {
  /** `3.5.7`. */
  readonly version: string;
  /** major * 100 + minor. */
  readonly release: number;
  /** Which of its builds is taken. */
  readonly scala: string;
  /** Least version of Java that runs the recorder with it. */
  readonly java: number;
}

/** What a reader may ask for, in words. */
export const KNOWN = "2.4.x, 3.3.x, 3.4.x, 3.5.x, 4.0.x and 4.1.x";

/** Reads a version such as `3.5.7`. Throws Refusal with the reason for any that cannot be asked. */
export function sparkVersion(text: string): SparkVersion {
  if (!/^\d+\.\d+\.\d+$/.test(text))
    throw new Refusal(`"${text}" is not a release of Spark: write all three numbers, such as 3.5.7 (known: ${KNOWN})`);
  const release = text.startsWith("1.") ? 100 : releaseOf(text);
  const why = reasonAgainst(release);
  if (why !== null) throw new Refusal(`Spark ${text} cannot be checked against: ${why} (known: ${KNOWN})`);
  return { version: text, release, scala: release < 300 ? "2.12" : "2.13", java: 17 };
}

function reasonAgainst(release: number): string | null {
  if (release < 204) return "before 2.4 a consumer is asked to spill once only and storage borrows otherwise";
  if (release >= 300 && release < 303)
    return "3.0 to 3.2 spill by rules between those of 2.4 and 3.3, and follow neither";
  if (release > 204 && release < 300) return "there is no such release";
  if (release > 305 && release < 400) return "there is no such release";
  return release > 401 ? "it is newer than the rules that are known here" : null;
}
