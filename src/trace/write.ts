// The lines of a memory trace, version 1, as text without line feeds.

import { VERSION } from "../generated/version.js";
import type { Answer } from "./replay.js";
import type { Op, TraceHeader } from "./format.js";

/** How this library is named where Spark would stand. */
export const ENGINE = `tungsten-memory-${VERSION}`;

/** What a header says besides: where a generated trace comes from. */
export interface Origin {
  readonly profile?: string;
  readonly seed?: number;
}

export function headerLine(header: TraceHeader & Origin): string {
  const { engine, generation, manager, policy, spillOrder, looks, ...rest } = header;
  const { profile, seed, cores, collector, conf, ...answers } = rest;
  const { pageSize, tungstenMode, state } = answers;
  const asked = { engine, generation, manager, policy, spillOrder, looks, profile, seed, cores, collector, conf };
  return JSON.stringify({ trace: "executor-memory", version: 1, ...asked, pageSize, tungstenMode, state });
}

/** `more`: fields that readers ignore. */
export function rowLine(ask: Op & { readonly i: number }, answer: Answer, more: object = {}): string {
  const { i, op, ...asked } = ask;
  const { result, evicted, spills, resumed, state } = answer;
  return JSON.stringify({ i, op, ...asked, ...more, result, evicted, spills, resumed, state });
}

/** The last line of a trace of `rows` rows. */
export function endLine(rows: number): string {
  return JSON.stringify({ end: rows });
}
