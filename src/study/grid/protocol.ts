// What a measuring process of the grid is told and what it answers, and the same for its threads.

import type { Conf } from "../plan.js";
import type { GcPause } from "../gc.js";
import type { Mode } from "../../memory/mode.js";
import type { Place } from "../../shared.js";
import type { Setting } from "./setting.js";
import type { Done } from "./work.js";

/** Everything that a measuring process must know. */
export interface CellPlan {
  readonly mode: Mode;
  readonly conf: Conf;
  readonly setting: Setting;
  readonly dataBytes: number;
  readonly seed: number;
  /** Directory of the spill files; exists. */
  readonly directory: string;
}

/** Counts of a histogram of nanoseconds. */
export interface Counted {
  readonly counts: Uint32Array;
  readonly most: number;
}

/** What one task of one repetition came to. */
export interface TaskResult extends Done {
  /** Milliseconds since 1970, in fractions. */
  readonly startMs: number;
  readonly endMs: number;
  readonly shortGrants: number;
  readonly gc: readonly GcPause[];
  readonly acquires: Counted;
  readonly batches: Counted;
  readonly heapBytes: number;
  /** Of the arenas, which all threads have in common. */
  readonly arenaBytes: number | null;
  readonly fragmentation: number;
}

/** All tasks of one repetition, and what only the process as a whole has. */
export interface ProcessResult {
  readonly tasks: readonly TaskResult[];
  readonly cpuSeconds: number;
  readonly residentBytes: number;
  readonly residentPeakBytes: number;
  readonly minorFaults: number;
  readonly majorFaults: number;
}

/** A thread's place, and which task of the plan is its. */
export interface ThreadData {
  readonly plan: CellPlan;
  readonly place: Place;
  readonly taskNumber: number;
}

/** A thread's answers: first how many bytes of live objects it has made, then one for every start. */
export type ThreadAnswer =
  | { readonly tell: "ready"; readonly ballastBytes: number }
  | { readonly tell: "done"; readonly result: TaskResult }
  | { readonly tell: "trouble"; readonly message: string };
