// How fast the disk itself is: the same bytes written one after another by nobody but the operating system, so that the
// figures of spilling can be read beside what was possible.

import { randomFillSync } from "node:crypto";
import { closeSync, constants, fdatasyncSync, openSync, unlinkSync, writeSync } from "node:fs";
import { join } from "node:path";
import { newFileName } from "../spill/home.js";
import { median } from "./statistics.js";

/** Bytes per second, medians. */
export interface DiskSpeed {
  readonly bytes: number;
  /** As spill files are written: handed to the system, which keeps them in memory for a while. */
  readonly writeBytesPerSecond: number;
  /** Until they lie on the disk. */
  readonly syncedBytesPerSecond: number;
}

const BLOCK_BYTES = 2 ** 18;
const { O_CREAT, O_EXCL, O_WRONLY } = constants;

/** Writes `bytes` (1 or more) to a file of its own in `directory`, `rounds` times. */
export function measureDisk(directory: string, bytes: number, rounds: number): DiskSpeed {
  const block = randomFillSync(new Uint8Array(BLOCK_BYTES));
  const file = join(directory, newFileName());
  const written: number[] = [];
  const synced: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const fd = openSync(file, O_CREAT | O_EXCL | O_WRONLY, 0o600);
    try {
      const start = performance.now();
      for (let at = 0; at < bytes;) at += writeSync(fd, block, 0, Math.min(BLOCK_BYTES, bytes - at));
      written.push(rate(bytes, start));
      fdatasyncSync(fd);
      synced.push(rate(bytes, start));
    } finally {
      closeSync(fd);
      unlinkSync(file);
    }
  }
  return { bytes, writeBytesPerSecond: median(written), syncedBytesPerSecond: median(synced) };
}

function rate(bytes: number, startMs: number): number {
  return (bytes / (performance.now() - startMs)) * 1000;
}
