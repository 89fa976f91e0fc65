// The list of changes that nobody can notice, as far as it can be checked without making them (`npm run mutate` does).

import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { inWords, readEquivalents } from "../../scripts/mutants.mjs";

const ROOT = new URL("../../", import.meta.url);
const text = readFileSync(new URL("test/mutants/equivalent.md", ROOT), "utf8");

test("every entry changes a line that its file still has, into another", () => {
  const listed = readEquivalents(text);
  expect(listed.size).toBeGreaterThan(0);
  for (const [file, entries] of listed) {
    const lines = new Set(
      readFileSync(new URL(file, ROOT), "utf8")
        .split("\n")
        .map((line) => line.trim().replace(/\s+/g, " ")),
    );
    expect(new Set(entries).size, file).toBe(entries.length);
    for (const entry of entries) {
      const [before, after] = entry.slice(1, -1).split("` → `");
      expect.soft(lines.has(before!), `${file}: ${before}`).toBe(true);
      expect.soft(after).not.toBe(before);
    }
  }
});

test("an entry is read and written in one form, and needs a reason", () => {
  const source = ["function f(a) {", "  if (a  > 0) {", "    return a;", "  }", "}"].join("\n");
  const at = (line: number, column: number) => ({ line, column });
  expect(inWords(source, { location: { start: at(2, 7), end: at(2, 13) }, replacement: "a  >= 0" })).toBe(
    "`if (a > 0) {` → `if (a >= 0) {`",
  );
  expect(inWords(source, { location: { start: at(2, 15), end: at(4, 4) }, replacement: "{}" })).toBe(
    "`if (a > 0) {` → `if (a > 0) {}`",
  );
  expect(readEquivalents("# Title\n\n## f.ts\n\n- `a` → `b`: because.\n- `c` → `d`: why")).toEqual(
    new Map([["f.ts", ["`a` → `b`", "`c` → `d`"]]]),
  );
  expect(() => readEquivalents("## f.ts\n- `a` → `b`:\n")).toThrow("equivalent.md:2");
  expect(() => readEquivalents("- `a` → `b`: no file")).toThrow("equivalent.md:1");
});
