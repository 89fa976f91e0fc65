// The file of results keeps what was not measured again.

import { expect, it } from "vitest";
import { eviction } from "../../bench/eviction.bench.js";
import { type Outcome, runCase } from "../../bench/harness.js";
import { results, section } from "../../bench/results.js";
import { markdownTable } from "../../bench/table.js";
import { tiny } from "./settings.js";

async function outcomesOfEviction(): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const c of eviction.cases(tiny())) outcomes.push(...(await runCase("eviction", c, tiny())));
  return outcomes;
}

it("a section says what, how, where, what bounds it, and the figures", async () => {
  const outcomes = await outcomesOfEviction();
  const text = section({ name: "n", about: "What it is.", bound: "The disk." }, "run it", "a machine", outcomes, [
    "odd",
  ]);
  expect(text).toContain(
    "## n\n\nWhat it is.\n\n* Command: `run it`\n* Machine: a machine\n* What bounds it: The disk.\n* odd\n\n|",
  );
  expect(
    text
      .trimEnd()
      .split("\n")
      .filter((line) => line.startsWith("| 1e")),
  ).toHaveLength(2);
});

it("sections that are not measured again stay, in the order of the list", () => {
  const first = results(
    "",
    new Map([
      ["b", "## b\n\nold b\n"],
      ["a", "## a\n\nold a\n"],
    ]),
    ["a", "b"],
  );
  expect(first).toMatch(/^# Results\n[^]*\n## a\n\nold a\n\n## b\n\nold b\n$/);
  const second = results(first, new Map([["b", "## b\n\nnew b\n"]]), ["a", "b"]);
  expect(second).toBe(first.replace("old b", "new b"));
  expect(results(second, new Map(), ["b"])).not.toContain("old a");
});

it("the eviction bench ends with how far its cases are apart", async () => {
  const outcomes = await outcomesOfEviction();
  const [end] = [eviction.conclude!(outcomes)].flat() as [Outcome];
  const costs = outcomes.map(({ row }) => row.median);
  expect(end.row.median).toBeCloseTo(Math.max(...costs) / Math.min(...costs), 2);
  expect(end.goal).toEqual({ text: "<= 3 x", reached: end.row.median <= 3 });
  expect(markdownTable([end])).toContain("dearest / cheapest");
});
