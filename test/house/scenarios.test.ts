// Every scenario of section 13 of the law is a test whose name begins with its id, or stands here with the reason why not.

import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { describe, expect, test } from "vitest";
import { ROOT } from "./built.js";

/** How many scenarios each letter has. */
const SCENARIOS = { U: 15, C: 9, S: 4, T: 13, A: 5, M: 9, B: 9, E: 5, H: 6, P: 1, X: 1, V: 4, D: 12 };

/** Where the tests of a letter, or of one scenario, stand. */
const WHERE: Readonly<Record<string, string>> = {
  U: "test/memory/scenarios.test.ts",
  ...Object.fromEntries(["U11", "U12", "U13", "U14", "U15"].map((id) => [id, "test/memory/unmanaged.test.ts"])),
  C: "test/memory/scenarios.test.ts",
  S: "test/memory/scenarios.test.ts",
  T: "test/memory/scenarios.test.ts",
  A: "test/memory/heap",
  M: "test/storage/scenarios.test.ts",
  M1: "test/memory/scenarios.test.ts",
  M7: "test/memory/scenarios.test.ts",
  B: "test/storage/scenarios.test.ts",
  E: "test/execution/sorter-scenarios.test.ts",
  H: "test/execution/map-scenarios.test.ts",
  P: "test/execution/packed.test.ts",
  X: "test/execution/shuffle-sorter.test.ts",
  V: "test/memory/waiting-scenarios.test.ts",
  D: "test/memory/scenarios.test.ts",
};

/** Scenarios without a test, and why. Whoever writes the test takes the line away and says in WHERE where it stands. */
const WITHOUT: Readonly<Record<string, string>> = {};

const ids = Object.entries(SCENARIOS).flatMap(([letter, count]) =>
  Array.from({ length: count }, (_, at) => `${letter}${at + 1}`),
);
const tested = testsByScenario(join(ROOT, "test"));

/** Files by the ids that names of their tests begin with. */
function testsByScenario(folder: string): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const name of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
    if (!name.endsWith(".test.ts")) continue;
    const file = join(folder, name);
    for (const id of idsIn(readFileSync(file, "utf8"))) found.set(id, [...(found.get(id) ?? []), relative(ROOT, file)]);
  }
  return found;
}

/** `test("U1: ...`, `it("A2, A3: ...`, and the same after `test.each(...)`. */
function idsIn(text: string): string[] {
  const names = text.matchAll(/(?:\b(?:test|it)|\))\(\s*["'`]((?:[A-Z]\d+(?:, | and )?)+)[: ]/g);
  return [...names].flatMap(([, list]) => list!.split(/, | and /));
}

describe("a scenario of the law", () => {
  test.each(ids)("%s has a test, or a reason", (id) => {
    const files = tested.get(id) ?? [];
    if (id in WITHOUT) {
      expect(files, `${id} has a test: its reason is to be taken away here`).toEqual([]);
    } else {
      const where = WHERE[id] ?? WHERE[id[0]!] ?? "anywhere";
      expect(
        files.some((file) => file.replaceAll("\\", "/").startsWith(where)),
        `${id} in ${where}`,
      ).toBe(true);
    }
  });

  test("is not made up here", () => {
    expect(ids).toHaveLength(93);
    for (const id of [...Object.keys(WITHOUT), ...tested.keys()]) expect(ids).toContain(id);
  });

  test("is found by the names of tests, however they are written", () => {
    const text =
      'test("U1: a");it("A2, A3: b");test.each([\n [1],\n])("E3: c %s");test(\n`V4: d`);test("UTF8: e");describe("B1: f")';
    expect(idsIn(text)).toEqual(["U1", "A2", "A3", "E3", "V4"]);
  });
});
