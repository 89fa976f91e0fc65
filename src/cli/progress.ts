// How far a long command is: one line that is written over on a terminal, plain lines elsewhere. Always on standard error, so
// that results can be piped.

import type { Mode } from "../memory/mode.js";
import { modeTitle } from "../study/study.js";
import type { Progress } from "../study/run.js";

const BAR = 24;
/** Elsewhere than on a terminal a line is written after each such part. */
const PLAIN_PARTS = 4;

export interface ProgressLine extends Progress {
  /** `done` of `all` parts are over; `what` says parts of what, and what else there is to say. */
  part(done: number, all: number, what: string): void;
  /** Takes the line away before something else is written. */
  clear(): void;
}

export function progressOn(stream: NodeJS.WriteStream): ProgressLine {
  return stream.isTTY ? onTerminal(stream) : inLines(stream);
}

function onTerminal(stream: NodeJS.WriteStream): ProgressLine {
  const put = (text: string): void => {
    stream.write(`\r\u001b[K${text.slice(0, (stream.columns || 80) - 1)}`);
  };
  const part: ProgressLine["part"] = (done, all, what) => {
    const filled = Math.round((done / all) * BAR);
    const bar = "█".repeat(filled) + "░".repeat(BAR - filled);
    put(`${bar} ${done} of ${all} ${what}`);
  };
  return {
    step: put,
    part,
    round: (done, all, mode, rowsPerSecond) => part(done, all, rounds(mode, rowsPerSecond)),
    clear: () => put(""),
  };
}

function inLines(stream: NodeJS.WriteStream): ProgressLine {
  const part: ProgressLine["part"] = (done, all, what) => {
    const quarter = (parts: number): number => Math.floor((parts * PLAIN_PARTS) / all);
    if (quarter(done) !== quarter(done - 1)) stream.write(`${done} of ${all} ${what}\n`);
  };
  return {
    step: (text) => void stream.write(`${text}\n`),
    part,
    round: (done, all, mode, rowsPerSecond) => part(done, all, rounds(mode, rowsPerSecond)),
    clear() {},
  };
}

function rounds(mode: Mode, rowsPerSecond: number): string {
  return `rounds, ${modeTitle(mode)} ${(rowsPerSecond / 1e6).toFixed(2)} M rows/s`;
}
