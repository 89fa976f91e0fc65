// The study for programs: the same figures as on the page, and of every round those that are single numbers.

import { vacuityOf } from "./round.js";
import { type Study, summarise } from "./study.js";

/** One object; absent figures are null. Bytes, seconds and counts, units in the names. */
export function studyJson(study: Study): object {
  const { table, modes, referenceHash, ...rest } = study;
  return {
    rows: table.rows,
    source: table.source,
    key: table.key,
    kind: table.kind,
    recordBytes: table.recordBytes,
    ...rest,
    referenceHash,
    modes: modes.map((mode) => ({
      ...summarise(mode, table, referenceHash),
      conf: mode.conf,
      layout: mode.layout,
      everyRound: mode.rounds.map(({ samples: _s, acquires: _a, marks: _m, gc, ...round }) => ({
        ...round,
        gcPauses: gc.length,
        gcMs: gc.reduce((sum, pause) => sum + pause.durationMs, 0),
        vacuous: vacuityOf(round),
      })),
    })),
  };
}
