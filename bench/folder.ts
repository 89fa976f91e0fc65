// A folder of its own for a contender that writes files, gone when the contender is closed or the process ends.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { Contender } from "./harness.js";

/** What `open` makes over a new folder on the system's temporary disk. */
export function inFolder(open: (directory: string) => Contender): Contender {
  const directory = mkdtempSync(join(tmpdir(), "tungsten-bench-"));
  const remove = (): void => rmSync(directory, { recursive: true, force: true });
  process.once("exit", remove);
  const close = (): void => {
    process.off("exit", remove);
    remove();
  };
  return { ...open(directory), close };
}
