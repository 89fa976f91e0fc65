// Policies from files: what is taken, and what is said of a file that is none.

import { execFileSync, spawnSync } from "node:child_process";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { choosePolicy, isPolicyFile, loadPolicy } from "../../src/lab/load-policy.js";
import { policyOf } from "../../src/policy/registry.js";
import { build, ROOT } from "../house/built.js";
import { folder } from "../trace/traces.js";

const files = folder();

const BODY = `{
  name: "mine",
  ceiling: (view) => view.executionSize,
  reclaim: () => 0,
  share: (view, held, bytes) => Math.min(bytes, view.executionSize - view.executionUsed),
  lend: () => 0,
  evict: () => 0,
}`;

test.each<[string, string]>([
  ["default.mjs", `export default ${BODY};`],
  ["named.js", `export const policy = ${BODY};`],
  ["made.mjs", `export default ({ cores }) => ({ ...${BODY}, name: "mine of " + cores });`],
])("%s is taken", async (name, text) => {
  const choice = await loadPolicy(files.write(name, text));
  expect(policyOf(choice, { cores: 3, maxUnrollBytes: 0 }).name).toMatch(/^mine( of 3)?$/);
});

describe("a file that is no policy is refused with what is wrong:", () => {
  test.each<[string, string, string]>([
    ["empty.mjs", "export {};", "exports no policy: write `export default { name, ... }`"],
    ["number.mjs", "export default 7;", "is no policy to decide by: it is no object"],
    ["short.mjs", `export default { name: "x" };`, "is no policy to decide by: it has no function ceiling"],
    [
      "spelt.mjs",
      `export default { ...${BODY}, lend: undefined, lent() {} };`,
      "it has no function lend (there is lent)",
    ],
    ["dice.mjs", `export default { ...${BODY}, evict: () => Math.floor(Math.random() * 1e9) };`, "law 10: policy mine"],
    ["greedy.mjs", `export default { ...${BODY}, share: (_v, _h, n) => n + 1 };`, "law 2: policy mine answers share"],
    [
      "tired.mjs",
      `export default { ...${BODY}, share() { throw new Error("tired"); } };`,
      "share with an error: tired",
    ],
    [
      "maker.mjs",
      `export default () => { throw new Error("tired"); };`,
      "function that makes the policy throws: tired",
    ],
    ["class.mjs", "export default class {}", "function that makes the policy throws: Class constructor"],
    ["later.mjs", `export default async () => (${BODY});`, "it is a promise"],
    ["sizes.mjs", `export default { ...${BODY}, sizes: () => undefined };`, "law 1: policy mine answers sizes"],
    ["broken.mjs", "export default {", "cannot be run: "],
    ["throws.mjs", `throw new Error("not today");`, "cannot be run: not today"],
  ])("%s", async (name, text, why) => {
    const file = files.write(name, text);
    await expect(loadPolicy(file)).rejects.toThrow(
      expect.objectContaining({ name: "BadPolicyFile", file, message: expect.stringContaining(why) as string }),
    );
  });

  test("a file that is not there", async () => {
    await expect(loadPolicy(join(files.path, "nowhere.mjs"))).rejects.toThrow("nowhere.mjs");
  });
});

test("what a command line means: a name, or a file", async () => {
  expect(["fair", "unified-fair", "./x", "x.ts", "a/b", "x.mjs"].map(isPolicyFile)).toEqual([
    false,
    false,
    true,
    true,
    true,
    true,
  ]);
  expect(await choosePolicy("fair")).toBe("fair");
  await expect(choosePolicy("fiar")).rejects.toThrow("did you mean fair?");
});

describe("TypeScript", () => {
  beforeAll(build);

  const typed = `const policy: { name: string } & Record<string, unknown> = ${BODY.replace("(view,", "(view: any,").replace("(view)", "(view: any)").replace("held,", "held: number,").replace("bytes)", "bytes: number)")};\nexport default policy;\n`;
  const program = `
    const { loadPolicy } = await import(process.argv[1]);
    try { console.log((await loadPolicy(process.argv[2])).name); } catch (error) { console.log(error.name + ": " + error.message); }
  `;
  const load = (file: string, cwd: string): string =>
    execFileSync(
      process.execPath,
      ["--input-type=module", "-e", program, join(ROOT, "dist/lab/load-policy.js"), file],
      { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] },
    ).trim();
  const strips = spawnSync(process.execPath, [files.write("probe.ts", "const one: number = 1;\n")]).status === 0;

  test("runs where Node strips types, or where tsx is installed", () => {
    // The repository has tsx.
    expect(load(files.write("mine.ts", typed), ROOT)).toBe("mine");
  });

  test("elsewhere it is said what to do", () => {
    const said = load(files.write("mine.ts", typed), files.path);
    const refused = `BadPolicyFile: ${join(files.path, "mine.ts")}: Node ${process.versions.node} runs no TypeScript: use Node 22.18 or later, install tsx beside the file, or write it as JavaScript`;
    expect(said).toBe(strips ? "mine" : refused);
  });
});
