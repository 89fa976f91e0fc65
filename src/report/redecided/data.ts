// What the script of a trace's page draws from, and what the page offers for download: of every policy what came of it, and its
// pools over the rows, thinned so that their extremes stay.

import type { Outcome, PoolWatcher, Redecided } from "../../lab/redecide.js";
import { Envelope } from "../envelope.js";
import { MODES, type RowPools, rowPools } from "../pools.js";

export interface RedecidedData {
  readonly file: string;
  readonly rows: number;
  readonly interrupted: boolean;
  readonly outcomes: readonly Outcome[];
  /** By outcome. */
  readonly pools: readonly (readonly RowPools[])[];
  /** Rows of which the pools' extremes are kept. */
  readonly stateRows: number;
}

/** Stretches of rows of which the extremes of the pools are kept, a policy and mode. */
const STRETCHES = 512;

/** The pools of all policies while a trace is decided again. */
export class PoolsOver {
  readonly #columns: Envelope[][] = [];

  readonly watch: PoolWatcher = (column, row, state) => {
    const envelopes = (this.#columns[column] ??= MODES.map(() => new Envelope(STRETCHES)));
    MODES.forEach((mode, at) => envelopes[at]!.add(row, state[mode]));
  };

  /** All that the page draws, once the trace has been read to its end. */
  data(redecided: Redecided): RedecidedData {
    const { rows } = redecided;
    return {
      ...redecided,
      pools: this.#columns.map((envelopes) => MODES.flatMap((mode, at) => rowPools(mode, envelopes[at]!, rows) ?? [])),
      stateRows: Math.max(...this.#columns.flatMap((envelopes) => envelopes.map(({ rowsEach }) => rowsEach))),
    };
  }
}
