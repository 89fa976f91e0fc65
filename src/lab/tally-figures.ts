// What came of a trace decided again, figure by figure: the same words in a terminal and on a page.

import { humanBytes } from "../human.js";
import type { Outcome } from "./redecide.js";

export interface TallyFigure {
  readonly title: string;
  readonly of: (outcome: Outcome) => number;
  readonly tell: (outcome: Outcome) => string;
}

function bytes(title: string, of: TallyFigure["of"]): TallyFigure {
  return { title, of, tell: (outcome) => humanBytes(of(outcome)) };
}

/** `aside`: so many of them, told in brackets where there are any. */
function count(title: string, of: TallyFigure["of"], aside?: TallyFigure["of"], words = ""): TallyFigure {
  const tell = (outcome: Outcome): string => {
    const some = aside?.(outcome) ?? 0;
    return some === 0 ? String(of(outcome)) : `${of(outcome)} (${some} ${words})`;
  };
  return { title, of, tell };
}

export const TALLY_FIGURES: readonly TallyFigure[] = [
  bytes("granted", (o) => o.grantedBytes),
  count("short grants", (o) => o.shortGrants),
  count(
    "waits",
    (o) => o.waits,
    (o) => o.stillWaiting,
    "at the end",
  ),
  count("denied", (o) => o.denied),
  count("storage refused", (o) => o.refused),
  count(
    "spills",
    (o) => o.spills,
    (o) => o.spillsForOthers,
    "for others",
  ),
  bytes("spilled", (o) => o.spilledBytes),
  count("evictions", (o) => o.evictions),
  bytes("evicted", (o) => o.evictedBytes),
  count("impossible rows", (o) => o.impossible),
  bytes("peak execution", (o) => o.peakExecution),
  bytes("peak storage", (o) => o.peakStorage),
  count("laws broken", (o) => o.brokenLaws.length),
  count("rows that differ", (o) => o.different),
  { title: "parts at row", of: (o) => o.parts?.row ?? 0, tell: (o) => (o.parts === null ? "-" : String(o.parts.row)) },
];

/** Where a policy first parts from the recording, and how; null where it does not. */
export function partingText({ label, parts }: Outcome): { readonly where: string; readonly how: string } | null {
  if (parts === null) return null;
  return {
    where: `${label} parts at row ${parts.row} (line ${parts.line}): ${parts.asked}`,
    how: `recorded ${parts.field} ${JSON.stringify(parts.recorded)}, here ${JSON.stringify(parts.answered)}`,
  };
}
