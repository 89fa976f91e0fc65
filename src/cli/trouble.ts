// What the program says and how it ends when a command has thrown: an answer for the user is told in its own words, a bug
// with everything that finds it.

import { CommanderError } from "commander";
import { Refusal } from "../fault.js";
import { exitWith, printError, printJson } from "./output.js";

/** The answer is no. */
export const EXIT_REFUSED = 1;

/** The command line cannot be read, or what it names. */
export const EXIT_USAGE = 2;

/** A bug of this program, so that nobody takes it for an answer. */
export const EXIT_BUG = 70;

export interface Ending {
  readonly code: number;
  /** For standard error; null when all has been said. */
  readonly says: string | null;
}

/** How to end after `error` was thrown. */
export function endingOf(error: unknown): Ending {
  if (error instanceof CommanderError) return { code: error.exitCode === 0 ? 0 : EXIT_USAGE, says: null };
  if (error instanceof Refusal) return { code: EXIT_REFUSED, says: error.message };
  if (isSystemError(error)) return { code: EXIT_USAGE, says: error.message };
  return { code: EXIT_BUG, says: `this is a bug\n${error instanceof Error ? error.stack : String(error)}` };
}

/** Says what is wrong with what a command was given, in JSON too where that is asked for. Throws whatever is nobody's to mend. */
export function refuse(command: string, error: unknown, json = false, facts: object = {}): void {
  if (!(error instanceof Refusal || isSystemError(error))) throw error;
  if (json) printJson({ error: { name: error.name, message: error.message, ...facts } });
  printError(`${command}: ${error.message}`);
  exitWith(EXIT_USAGE);
}

/** A file, folder or device that is not as the user said. */
export function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && "syscall" in error && "code" in error;
}
