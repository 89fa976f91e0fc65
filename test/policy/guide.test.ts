// The example of the guide "Writing a policy": it runs, does what the guide says, and is the text that the README shows.

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { build, ROOT } from "../house/built.js";

const run = (...args: string[]): string => execFileSync(process.execPath, args, { cwd: ROOT, encoding: "utf8" });
const golden = "test/golden/4.1.1-consumers-1.jsonl.gz";

beforeAll(build);

test("the example is ten lines and runs beside shipped policies", () => {
  const lines = readFileSync(join(ROOT, "test/policy/polite.mjs"), "utf8").trimEnd().split("\n");
  expect(lines.filter((line) => line !== "").length).toBeLessThanOrEqual(10);
  expect(run("test/policy/try-polite.mjs").split("\n")).toEqual([
    "greedy: 400.0 MiB and 0 B, laws broken: 0",
    "arbitrated: 400.0 MiB and 0 B, laws broken: 0",
    "polite: 108.6 MiB and 100.0 MiB, laws broken: 0",
    "",
  ]);
});

test("the command line takes the file", () => {
  const out = run("dist/cli/main.js", "record", "--requests", golden, "--policy", "./test/policy/polite.mjs");
  expect(JSON.parse(out.slice(0, out.indexOf("\n")))).toMatchObject({ policy: "polite", manager: "unified" });
});

test("the README shows it as it is here", () => {
  const readme = readFileSync(join(ROOT, "README.md"), "utf8");
  for (const name of ["polite.mjs", "try-polite.mjs"]) {
    const shown = new RegExp(`<!-- (?:file|program): ${name} -->\\n\`\`\`js\\n([^]*?)\`\`\``).exec(readme)?.[1];
    if (shown !== undefined) expect(shown).toBe(readFileSync(join(ROOT, "test/policy", name), "utf8"));
    else expect(readme).not.toContain(name);
  }
});
