// Traces of this library's own making: generated requests and its answers, or what it answers to recorded requests by the
// rules of another generation or manager.

import type { ManagerName } from "../config/layout.js";
import type { Generation } from "../config/release.js";
import { readHeader, type Row, type TraceHeader } from "./format.js";
import { type Deciders, Replay } from "./replay.js";
import { type RecordedFile } from "./source.js";
import { headerAnswers } from "./state.js";
import { rowsOf } from "./rows.js";
import { refusable } from "./verify.js";
import { Workload, type WorkloadOptions } from "./workload.js";
import { endLine, ENGINE, headerLine, type Origin, rowLine } from "./write.js";

/** The lines of a generated trace: `requests` rows and those in which everything goes back. A raised signal ends it, whole, with fewer. */
export function* generatedLines(options: WorkloadOptions, requests: number, signal?: AbortSignal): Generator<string> {
  const workload = new Workload(options);
  yield headerLine({ engine: ENGINE, ...workload.header });
  let rows = 0;
  for (const [ask, answer] of workload.rows(requests)) {
    rows += 1;
    yield rowLine(ask, answer);
    if (signal?.aborted) break;
  }
  yield endLine(rows);
}

/** Whose rules decide; what is left out stays as it was recorded. */
export interface Rules {
  readonly generation?: Generation;
  readonly manager?: ManagerName;
  /** A policy; a trace names it, so that only one that is shipped can be replayed from what is written. */
  readonly policy?: Deciders["policy"];
  /** A shipped order of spilling. */
  readonly spillOrder?: string;
}

/**
 * The lines of a what-if: the requests of a trace, decided again. A request that the other history makes impossible (its page
 * was never granted, its block has left, its task still waits) is answered with `skipped` and why. A raised signal ends them, whole,
 * with fewer rows. Throws Unreadable.
 */
export async function* decidedLines(
  recorded: RecordedFile,
  rules: Rules,
  signal?: AbortSignal,
): AsyncGenerator<string> {
  const { file } = recorded;
  const { policy, ...others } = rules;
  const header: TraceHeader = { ...readHeader(recorded.header, file), ...others };
  const replay = refusable(file, 1, () => new Replay(header, policy === undefined ? {} : { policy }));
  const named = policy === undefined ? {} : { policy: replay.executor.manager.policy.name };
  yield headerLine({ ...header, ...named, ...originOf(recorded), engine: ENGINE, ...headerAnswers(replay.executor) });
  let rows = 0;
  for await (const { row } of rowsOf(recorded)) {
    rows += 1;
    yield rowLine(requestOf(row), replay.applyIfPossible(row));
    if (signal?.aborted) break;
  }
  yield endLine(rows);
}

/** What a row asks, without what came of it. */
export function requestOf(row: Row): Row {
  const { result: _result, state: _state, evicted: _evicted, spills: _spills, resumed: _resumed, ...request } = row;
  return request as Row;
}

function originOf({ header: { profile, seed } }: RecordedFile): Origin {
  return {
    ...(typeof profile === "string" ? { profile } : {}),
    ...(typeof seed === "number" ? { seed } : {}),
  };
}
