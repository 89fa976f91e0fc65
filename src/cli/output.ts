// What commands say and how they end: results on standard output, everything for people beside a JSON result on standard
// error. The process ends by itself, so that no output is cut off.

import { formatJson } from "../trace/json.js";

/** One JSON object on one line of standard output. BigInts are written as integers. */
export function printJson(value: unknown): void {
  process.stdout.write(`${formatJson(value)}\n`);
}

/** Text for people on standard output. */
export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Text for people on standard error. */
export function printError(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** Remembers how the process shall end; the worst code wins. */
export function exitWith(code: number): void {
  process.exitCode = Math.max(Number(process.exitCode ?? 0), code);
}
