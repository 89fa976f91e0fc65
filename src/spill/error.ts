// The one error of spilling. Whatever the disk did wrong, the caller sees this, knows where it happened, and finds no
// file and no descriptor left behind.

import { Refusal } from "../fault.js";

/** What was being done: the calls that reach the disk, `verify` for contents that are not what was written, `cap` for the limit. */
export type SpillOperation =
  | "list"
  | "mkdir"
  | "create"
  | "write"
  | "sync"
  | "open"
  | "stat"
  | "read"
  | "verify"
  | "close"
  | "delete"
  | "rmdir"
  | "cap";

/** Where it happened; what does not apply is left out. */
export interface SpillPlace {
  readonly file?: string | undefined;
  /** Number of the block in the file, from 0. */
  readonly block?: number | undefined;
  /** Offset in the file, bytes, at which the block, trailer or header starts. */
  readonly offset?: number | undefined;
  readonly cause?: unknown;
}

/**
 * A spill that the disk, or what was found on it, made impossible.
 *
 * @example
 * ```ts
 * import { openSpillStore, SpillError } from "tungsten-memory/spill";
 *
 * try {
 *   openSpillStore({ directory: "no-such-directory" });
 * } catch (error) {
 *   if (error instanceof SpillError) console.log(error.operation); // list
 * }
 * ```
 */
export class SpillError extends Refusal {
  override readonly name = "SpillError";
  /** What was being done. */
  readonly operation: SpillOperation;
  /** Path of the file or directory, null where there is none. */
  readonly file: string | null;
  /** Number of the block in the file, from 0; null where it is none. */
  readonly block: number | null;
  /** Where in the file, bytes; null where that means nothing. */
  readonly offset: number | null;
  /** The operating system's name for the trouble (`ENOSPC`, `EIO`, ...), null when it did not report any. */
  readonly code: string | null;

  constructor(operation: SpillOperation, why: string, place: SpillPlace = {}) {
    const where =
      (place.block === undefined ? "" : ` of block ${place.block}`) +
      (place.offset === undefined ? "" : ` at byte ${place.offset}`) +
      (place.file === undefined ? "" : ` of ${place.file}`);
    super(`spill: ${operation}${where}: ${why}`, null, place.cause === undefined ? undefined : { cause: place.cause });
    this.operation = operation;
    this.file = place.file ?? null;
    this.block = place.block ?? null;
    this.offset = place.offset ?? null;
    this.code = codeOf(place.cause);
  }
}

/** The errno name that an error of the file system carries, null when it has none. */
export function codeOf(error: unknown): string | null {
  const code = (error as { code?: unknown } | null | undefined)?.code;
  return typeof code === "string" ? code : null;
}
