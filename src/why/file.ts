// A recording on disk, written while it grows. Only here the room needs Node.

import { closeSync, openSync, rmSync, writeSync } from "node:fs";
import type { Executor } from "../executor.js";
import { CauseRecorder } from "./recorder.js";

/** A recording that goes to a file. */
export interface FileRecording {
  /** Who records. */
  readonly recorder: CauseRecorder;
  /** Ends the recording and closes the file. Throws what the file system threw meanwhile: what came after that is not in the file. */
  end: () => void;
}

/**
 * Records an executor on which nothing has been asked yet to `path`, 64 KiB at a time. What stands there is replaced. A disk that
 * fails later disturbs no request: `end` tells of it. Throws Misuse as CauseRecorder does, and what the file system throws; a file
 * that cannot be begun is not left behind.
 *
 * @example
 * ```ts
 * import { rmSync } from "node:fs";
 * import { openExecutor } from "tungsten-memory";
 * import { recordToFile } from "tungsten-memory/why/file";
 *
 * const executor = openExecutor({ pages: "accounts" });
 * const recording = recordToFile(executor, "run.causes");
 * executor.manager.acquireExecution(100, 1, 0);
 * recording.end(); // now `tungsten-memory explain run.causes` tells why
 * console.log(recording.recorder.rows); // 1
 * rmSync("run.causes");
 * ```
 */
export function recordToFile(executor: Executor, path: string): FileRecording {
  const file = openSync(path, "w");
  const failures: unknown[] = [];
  const write = (bytes: Uint8Array): void => {
    if (failures.length > 0) return;
    try {
      for (let from = 0; from < bytes.length;) from += writeSync(file, bytes, from);
    } catch (error) {
      failures.push(error);
    }
  };
  let recorder: CauseRecorder;
  try {
    recorder = new CauseRecorder(executor, write);
  } catch (error) {
    closeSync(file);
    rmSync(path, { force: true });
    throw error;
  }
  let ended = false;
  return {
    recorder,
    end: () => {
      if (ended) return;
      recorder.end();
      ended = true;
      closeSync(file);
      if (failures.length > 0) throw failures[0];
    },
  };
}
