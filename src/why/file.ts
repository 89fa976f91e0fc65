// A recording on disk, written while it grows. Only here the room needs Node.

import { closeSync, openSync, rmSync, writeSync } from "node:fs";
import type { Executor } from "../executor.js";
import { CauseRecorder } from "./recorder.js";

/** A recording that goes to a file. */
export interface FileRecording {
  readonly recorder: CauseRecorder;
  /** Ends the recording and closes the file. */
  end: () => void;
}

/**
 * Records an executor on which nothing has been asked yet to `path`, 64 KiB at a time. What stands there is replaced. Throws Misuse
 * as CauseRecorder does, and what the file system throws; a file that cannot be begun is not left behind.
 */
export function recordToFile(executor: Executor, path: string): FileRecording {
  const file = openSync(path, "w");
  let open = true;
  const close = (): void => {
    if (open) closeSync(file);
    open = false;
  };
  try {
    const recorder = new CauseRecorder(executor, (bytes) => {
      for (let from = 0; from < bytes.length;) from += writeSync(file, bytes, from);
    });
    return {
      recorder,
      end: () => {
        try {
          recorder.end();
        } finally {
          close();
        }
      },
    };
  } catch (error) {
    close();
    rmSync(path, { force: true });
    throw error;
  }
}
