// The directories that spill files live in. Each store has its own, whose name says who made it and ends in 128 random bits;
// a store that starts removes those that dead processes left beside it. A program that keeps its stores and files of the same
// kind in a directory of its own names it likewise, and that goes the same way.

import { randomBytes } from "node:crypto";
import { join } from "node:path";
import type { SpillFileSystem } from "./filesystem.js";
import { isGone, thisProcess, type Owner } from "./owner.js";

const HOME = /^tungsten-(?:spill|study)-([0-9a-f]+)-([0-9a-f]+)-([0-9a-f]+)-(\d+)-(\d+)-[0-9a-f]{32}$/;
const FILE = /^[0-9a-f]{32}\.run$/;

/** A name for a directory of this process that nobody can guess. */
export function newHomeName(owner: Owner = thisProcess(), of: "spill" | "study" = "spill"): string {
  const { machine, boot, space, pid, start } = owner;
  return `tungsten-${of}-${machine}-${boot}-${space}-${pid}-${start}-${randomBytes(16).toString("hex")}`;
}

/** A name for a file that nobody can guess. */
export function newFileName(): string {
  return `${randomBytes(16).toString("hex")}.run`;
}

/** Directories of dead processes: how many went, and how many could not be removed. */
export interface Leftovers {
  /** Directories that went. */
  readonly removed: number;
  /** Directories that could not be removed. */
  readonly kept: number;
}

/**
 * Removes from `parent` the directories of processes that are gone, with the spill files and such directories in them and nothing else. Throws only what
 * listing `parent` throws: that somebody else's leftovers resist is no reason to refuse work.
 *
 * @example
 * ```ts
 * import { mkdtempSync, rmSync } from "node:fs";
 * import { tmpdir } from "node:os";
 * import { join } from "node:path";
 * import { nodeFileSystem, removeLeftovers } from "tungsten-memory/spill";
 *
 * const directory = mkdtempSync(join(tmpdir(), "spills-"));
 * console.log(removeLeftovers(directory, nodeFileSystem)); // { removed: 0, kept: 0 }
 * rmSync(directory, { recursive: true });
 * ```
 */
export function removeLeftovers(parent: string, fs: SpillFileSystem): Leftovers {
  let removed = 0;
  let kept = 0;
  for (const name of fs.readdirSync(parent)) {
    const owner = ownerOf(name);
    if (owner === null) continue;
    const home = join(parent, name);
    try {
      const found = fs.lstatSync(home);
      // In a directory open to all, a link or a stranger's directory may carry such a name.
      if (!found.isDirectory() || (process.getuid && found.uid !== process.getuid())) continue;
      if (!isGone(owner, found.mtimeMs)) continue;
      removeLeftovers(home, fs);
      for (const file of fs.readdirSync(home)) if (FILE.test(file)) fs.unlinkSync(join(home, file));
      fs.rmdirSync(home);
      removed += 1;
    } catch {
      kept += 1;
    }
  }
  return { removed, kept };
}

function ownerOf(name: string): Owner | null {
  const parts = HOME.exec(name);
  if (parts === null) return null;
  const [, machine, boot, space, pid, start] = parts as unknown as [string, string, string, string, string, string];
  return { machine, boot, space, pid: Number(pid), start: Number(start) };
}
