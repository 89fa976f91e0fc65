// A process is resident with its own memory, whatever its parent had when it made it.

import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const BUILT = new URL("../../dist/study/resident.js", import.meta.url).href;
const MIB = 2 ** 20;

/** A parent resident with 200 MiB more than a bare process, whose child tells its peak. */
const PARENT = `
  import { spawnSync } from "node:child_process";
  const held = new Uint8Array(${200 * MIB}).fill(1);
  const child = "import('${BUILT}').then((m) => console.log(m.residentPeakBytes()))";
  process.stdout.write(spawnSync(process.execPath, ["-e", child], { encoding: "utf8" }).stdout + held[0]);
`;

test("the peak of a child leaves out its parent's", () => {
  const { stdout } = spawnSync(process.execPath, ["--input-type=module", "-e", PARENT], {
    encoding: "utf8",
    cwd: fileURLToPath(new URL("../..", import.meta.url)),
  });
  const [peak, held] = stdout.trim().split("\n").map(Number);
  expect(held).toBe(1);
  expect(peak).toBeGreaterThan(10 * MIB);
  expect(peak).toBeLessThan(150 * MIB);
});
