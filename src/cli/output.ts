// What commands say and how they end: results on standard output, everything for people beside a JSON result on standard
// error. The process ends by itself, so that no output is cut off.

import { formatJson } from "../trace/json.js";

/** A line is written over no more often than so. */
const STATUS_MS = 100;

let statusShown = false;
let statusAt = performance.now();

/** One JSON object on one line of standard output. BigInts are written as integers. */
export function printJson(value: unknown): void {
  clearStatus();
  process.stdout.write(`${formatJson(value)}\n`);
}

/** Text for people on standard output. */
export function print(text: string): void {
  clearStatus();
  process.stdout.write(`${text}\n`);
}

/** Text for people on standard error. */
export function printError(text: string): void {
  clearStatus();
  process.stderr.write(`${text}\n`);
}

/** How far a command is, on a terminal only: one line, written over by the next and gone before anything else is said. */
export function showStatus(text: () => string): void {
  const now = performance.now();
  if (!process.stderr.isTTY || now - statusAt < STATUS_MS) return;
  statusAt = now;
  statusShown = true;
  process.stderr.write(`\r\u001b[K${text().slice(0, (process.stderr.columns || 80) - 1)}`);
}

/** Takes the line of `showStatus` away. */
export function clearStatus(): void {
  if (statusShown) process.stderr.write("\r\u001b[K");
  statusShown = false;
}

/** Remembers how the process shall end; the worst code wins. */
export function exitWith(code: number): void {
  process.exitCode = Math.max(Number(process.exitCode ?? 0), code);
}
