// Two pools over the rows of a trace, as scripts draw them.

import type { ModeName } from "../memory/mode.js";
import type { Envelope } from "./envelope.js";

/** The pools of one mode, samples in order of rows. Bytes. */
export interface RowPools {
  readonly mode: ModeName;
  readonly name: string;
  readonly total: number;
  readonly row: readonly number[];
  readonly executionSize: readonly number[];
  readonly executionUsed: readonly number[];
  readonly storageUsed: readonly number[];
}

export const MODES: readonly ModeName[] = ["onHeap", "offHeap"];

export function modeText(mode: ModeName): string {
  return mode === "onHeap" ? "on-heap" : "off-heap";
}

/** A mode's pools; null where it has none. */
export function rowPools(mode: ModeName, envelope: Envelope, rows: number): RowPools | null {
  const samples = envelope.samples();
  const total = Math.max(0, ...samples.map(([, executionSize, , storageSize]) => executionSize + storageSize));
  if (total === 0) return null;
  const last = samples.at(-1)!;
  // The last state holds until the end.
  if (last[0] < rows) samples.push([rows, last[1], last[2], last[3], last[4]]);
  const at = (cell: 0 | 1 | 2 | 4): number[] => samples.map((sample) => sample[cell]);
  return {
    mode,
    name: modeText(mode),
    total,
    row: at(0),
    executionSize: at(1),
    executionUsed: at(2),
    storageUsed: at(4),
  };
}
