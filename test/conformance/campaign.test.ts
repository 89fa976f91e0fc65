import { describe, expect, test } from "vitest";
import { campaign, type Failure, type Tally } from "../../conformance/campaign.js";
import { KINDS, kindsOf } from "../../conformance/questions.js";
import { tableHead, tableRow } from "../../conformance/table.js";
import { sparkVersion } from "../../conformance/versions.js";
import { double } from "./double.js";

const spark = sparkVersion("3.5.7");

async function run(oracle: ReturnType<typeof double>): Promise<{ tallies: Tally[]; failures: Failure[] }> {
  const failures: Failure[] = [];
  const tallies: Tally[] = [];
  const kinds = kindsOf(spark, ["tiny", "crowd", "interrupts"]);
  const plan = { spark, kinds, firstSeed: 3, seeds: 3, rows: 120, shrink: false };
  for await (const tally of campaign(plan, oracle, (failure) => failures.push(failure))) tallies.push(tally);
  return { tallies, failures };
}

test("a campaign counts profile by profile", async () => {
  const oracle = double();
  const { tallies, failures } = await run(oracle);
  expect(failures).toEqual([]);
  expect(oracle.asked).toBe(9);
  expect(tallies.map(({ profile, traces, agree, disagree }) => ({ profile, traces, agree, disagree }))).toEqual(
    ["tiny", "interrupts", "crowd"].map((profile) => ({ profile, traces: 3, agree: 3, disagree: 0 })),
  );
  for (const { rows } of tallies) expect(rows).toBeGreaterThanOrEqual(360);
  expect(tableHead()).toHaveLength(tableRow(tallies[0]!).length);
});

test("every seed that disagrees is told, with where", async () => {
  const { tallies, failures } = await run(
    double((row, result) => (row.op === "execReleaseAll" ? { released: -1 } : result)),
  );
  expect(tallies.map(({ agree, disagree }) => [agree, disagree])).toEqual([
    [0, 3],
    [0, 3],
    [0, 3],
  ]);
  expect(failures.map(({ seed }) => seed)).toEqual([3, 4, 5, 3, 4, 5, 3, 4, 5]);
});

describe("every kind of questions", () => {
  const newest = sparkVersion("4.1.1");
  const kinds = Object.entries(KINDS).filter(([, kind]) => kind.against(newest) === null);

  test.each(kinds)("%s asks the same again for the same seed, and carries no answers", (_, kind) => {
    const lines = kind.ask(newest, 11, 20);
    expect(kind.ask(newest, 11, 20)).toEqual(lines);
    expect(kind.ask(newest, 12, 20)).not.toEqual(lines);
    const [header, ...rest] = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    const end = rest.pop();
    expect(header).toMatchObject({ version: 1, engine: "spark-4.1.1", collector: "G1" });
    expect(end).toEqual({ end: rest.length });
    for (const [at, row] of rest.entries()) {
      if ("op" in row) expect(row["i"]).toBe(at + 1);
      else expect(row["vector"]).toBeTypeOf("string");
      for (const answer of ["result", "state", "evicted", "spills", "resumed"]) expect(row).not.toHaveProperty(answer);
    }
  });
});
