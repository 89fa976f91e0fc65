// The pools of an executor as traces write them: what a header says that its engine derived, and the state after each row.

import type { Executor } from "../executor.js";
import { modeName, OFF_HEAP, ON_HEAP } from "../memory/mode.js";
import type { State, TraceHeader } from "./format.js";

/** Fields of a header that are answers. */
export const HEADER_ANSWERS = ["pageSize", "tungstenMode", "state"] as const;
export type HeaderAnswers = Pick<TraceHeader, (typeof HEADER_ANSWERS)[number]>;

/** What a header says that its engine derived, as this library derives it. */
export function headerAnswers(executor: Executor): HeaderAnswers {
  return { pageSize: executor.numbers.pageBytes, tungstenMode: modeName(executor.mode), state: stateOf(executor) };
}

export function stateOf({ manager }: Executor): State {
  return { onHeap: manager.state(ON_HEAP), offHeap: manager.state(OFF_HEAP) };
}
