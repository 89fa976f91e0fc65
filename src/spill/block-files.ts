// A disk for evicted blocks: one file each in a directory, which all workers of an executor give by the same path, so that
// each finds what the others wrote. A block is there whole or not at all: it is written beside its place and then put there.

import { createHash } from "node:crypto";
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { BlockDisk } from "../storage/contract.js";
import { codeOf, SpillError, type SpillOperation } from "./error.js";
import { FILE_MODE } from "./filesystem.js";

// One worker at a time writes a block. What one that died had begun is written over, or goes with the block.
const PART = ".part";

/**
 * Blocks in an existing directory, which they stay in until they are removed. Whatever the disk does wrong is a SpillError.
 *
 * @example
 * ```ts
 * import { mkdtempSync, rmSync } from "node:fs";
 * import { tmpdir } from "node:os";
 * import { join } from "node:path";
 * import { openExecutor } from "tungsten-memory";
 * import { blockFiles } from "tungsten-memory/spill";
 *
 * const directory = mkdtempSync(join(tmpdir(), "blocks-"));
 * const disk = blockFiles(directory);
 * openExecutor({ disk }); // evicted blocks go there
 * disk.write("rdd_0_0", Uint8Array.of(1, 2, 3));
 * console.log(disk.read("rdd_0_0")?.length); // 3
 * rmSync(directory, { recursive: true });
 * ```
 */
export function blockFiles(directory: string): BlockDisk {
  // Names of blocks may be longer than those of files, and hold what those must not.
  const fileOf = (block: string): string =>
    join(directory, `${createHash("sha256").update(block, "utf16le").digest("hex")}.block`);
  return {
    write(block, bytes) {
      const file = fileOf(block);
      const part = file + PART;
      try {
        told("write", block, file, () => {
          writeFileSync(part, bytes, { mode: FILE_MODE });
          renameSync(part, file);
        });
      } catch (error) {
        rmSync(part, { force: true });
        throw error;
      }
    },
    read(block) {
      const file = fileOf(block);
      return told("read", block, file, () => {
        try {
          return new Uint8Array(readFileSync(file));
        } catch (error) {
          if (codeOf(error) === "ENOENT") return null;
          throw error;
        }
      });
    },
    has: (block) => existsSync(fileOf(block)),
    remove(block) {
      const file = fileOf(block);
      told("delete", block, file, () => {
        for (const each of [file, file + PART]) rmSync(each, { force: true });
      });
    },
  };
}

function told<T>(operation: SpillOperation, block: string, file: string, call: () => T): T {
  try {
    return call();
  } catch (cause) {
    throw new SpillError(operation, `block ${block}: ${(cause as Error).message}`, { file, cause });
  }
}
