import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { sortedRows, spillReadBench, spillWriteBench } from "../../bench/spill/disk.js";

it("the disk bench runs, small, and leaves nothing", () => {
  const directory = mkdtempSync(join(tmpdir(), "spill-bench-"));
  const bytes = 3 * 2 ** 18 + 24;
  for (const compression of ["none", "lz4"] as const)
    for (const rounds of [
      spillWriteBench(bytes, 2, { directory, compression }),
      spillReadBench(bytes, 2, "warm", { directory, compression }),
    ]) {
      expect(rounds).toHaveLength(2);
      for (const round of rounds) {
        expect(Math.min(round.oursMs, round.rawMs)).toBeGreaterThan(0);
        expect(round.diskBytes).toBeGreaterThan(compression === "none" ? bytes : 0);
      }
    }
  expect(readdirSync(directory)).toEqual([]);
  rmSync(directory, { recursive: true });
});

it("the bench's rows are in order", () => {
  const rows = sortedRows(24 * 1000);
  for (let at = 24; at < rows.length; at += 24)
    expect(Buffer.compare(rows.subarray(at - 24, at - 16), rows.subarray(at, at + 8))).toBeLessThanOrEqual(0);
});
