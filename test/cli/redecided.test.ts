// `simulate --trace` as it prints: a table for people, an object for programs.

import { Command } from "commander";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { contestantsOf, listed, type RedecideOptions, simulateTrace } from "../../src/cli/redecided.js";
import { recordCommand } from "../../src/cli/record.js";
import { diffCommand } from "../../src/cli/diff.js";
import { verifyFile } from "../../src/cli/verify.js";
import { POLICIES } from "../../src/policy/registry.js";
import { folder } from "../trace/traces.js";
import { run } from "./run.js";

const golden = fileURLToPath(new URL("../golden/4.1.1-consumers-1.jsonl.gz", import.meta.url));
const files = folder();
const said = (options: RedecideOptions) =>
  run(
    new Command().action(() => simulateTrace(golden, options)),
    [],
  );

describe("a trace decided again", () => {
  test("is a table, policy by policy", async () => {
    const { out, err, code } = await said({ policies: ["unified", "unified@2.4", "arbitrated", "none"] });
    expect([err, code]).toEqual(["", 0]);
    const lines = out.split("\n");
    expect(lines[0]).toBe(`${golden}: 1504 requests decided again`);
    expect(lines[2]!.trim().split(/ {2,}/)).toEqual(["as recorded", "unified", "unified@2.4", "arbitrated", "none"]);
    const cells = (name: string) =>
      lines
        .find((line) => line.startsWith(name))!
        .split(/ {2,}/)
        .slice(1);
    const [recorded, ours] = cells("spills ");
    expect(ours).toBe(recorded);
    expect(cells("spills ").at(-1)).toBe("0");
    expect(cells("laws broken")).toEqual(["0", "0", "0", "0", "0"]);
    expect(cells("parts at row").slice(0, 2)).toEqual(["-", "-"]);
    expect(out).toMatch(/^none parts at row \d+ \(line \d+\): \w+ /m);
  });

  test("is one object with --json", async () => {
    const { out } = await said({ json: true });
    const { outcomes, rows } = JSON.parse(out) as { rows: number; outcomes: { label: string; spills: number }[] };
    expect([rows, out.split("\n").length]).toEqual([1504, 2]);
    expect(outcomes.map(({ label }) => label)).toEqual(["as recorded", ...POLICIES.map(({ name }) => name)]);
  });

  test("takes a file as a policy, and an order of spilling", async () => {
    const mine = files.write(
      "mine.mjs",
      `export default {
        name: "mine",
        ceiling: (view) => view.executionSize,
        reclaim: () => 0,
        share: (view, held, bytes) => Math.min(bytes, view.executionSize - view.executionUsed),
        lend: () => 0,
        evict: () => 0,
      };`,
    );
    const { out } = await said({ policies: ["unified", mine], spillOrder: "largest", json: true });
    const { outcomes } = JSON.parse(out) as { outcomes: { policy: string; spillOrder: string }[] };
    expect(outcomes.slice(1)).toMatchObject([
      { policy: "unified", spillOrder: "largest" },
      { policy: "mine", spillOrder: "largest" },
    ]);
  });
});

test.each([
  ["unifid", "did you mean unified?"],
  ["unified@2.5", 'no generation "2.5": did you mean 2.4?'],
  ["fair,fair", 'policy "fair" is named twice'],
  ["./nowhere.mjs", "nowhere.mjs"],
])("--policies %s is refused", async (list, why) => {
  await expect(contestantsOf(list.split(","))).rejects.toThrow(why);
});

test("a wrong order of spilling is refused", () =>
  expect(contestantsOf(["fair"], "larges")).rejects.toThrow("did you mean largest?"));

test("all names can be listed", () => {
  for (const { name, about } of POLICIES)
    expect(listed()).toMatch(new RegExp(`^  ${name} +${about.slice(0, 20)}`, "m"));
});

describe("record --requests", () => {
  test("takes any policy and order, and what it writes is replayed and compared", async () => {
    const out = `${files.path}/arbitrated.jsonl`;
    const args = ["--requests", golden, "--policy", "arbitrated", "--spill-order", "lru", "--out", out];
    expect(await run(recordCommand(), args)).toEqual({ code: 0, out: "", err: "" });
    expect(await verifyFile(out)).toMatchObject({ agree: true, rows: 1504 });
    const compared = await run(diffCommand(), [golden, out]);
    expect(compared.code).toBe(1);
    expect(compared.out).toContain('policy: null against "arbitrated"');
    expect(compared.out).toContain("policy unified against arbitrated");
  });

  test("refuses a policy that there is not", async () => {
    const { code, err } = await run(recordCommand(), ["--requests", golden, "--policy", "arbitrate"]);
    expect([code, err]).toEqual([2, expect.stringContaining("did you mean arbitrated?") as string]);
  });
});
