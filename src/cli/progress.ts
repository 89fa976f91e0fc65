// How far a long command is: one line that is written over on a terminal, plain lines elsewhere. Always on standard error, so
// that results can be piped.

import { modeTitle } from "../study/study.js";
import type { Progress } from "../study/run.js";

const BAR = 24;
/** Elsewhere than on a terminal a line is written after each such part of the rounds. */
const PLAIN_PARTS = 4;

export interface ProgressLine extends Progress {
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
  return {
    step: put,
    round(done, all, mode, rowsPerSecond) {
      const filled = Math.round((done / all) * BAR);
      const bar = "█".repeat(filled) + "░".repeat(BAR - filled);
      put(`${bar} ${done} of ${all} rounds, ${modeTitle(mode)} ${millions(rowsPerSecond)}`);
    },
    clear: () => put(""),
  };
}

function inLines(stream: NodeJS.WriteStream): ProgressLine {
  return {
    step: (text) => void stream.write(`${text}\n`),
    round(done, all, mode, rowsPerSecond) {
      const part = (rounds: number): number => Math.floor((rounds * PLAIN_PARTS) / all);
      if (part(done) === part(done - 1)) return;
      stream.write(`${done} of ${all} rounds, ${modeTitle(mode)} ${millions(rowsPerSecond)}\n`);
    },
    clear() {},
  };
}

function millions(rowsPerSecond: number): string {
  return `${(rowsPerSecond / 1e6).toFixed(2)} M rows/s`;
}
