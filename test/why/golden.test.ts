// What real Spark answered, told with causes: every denial, wait, wake, move of the boundary, eviction and spill of every
// recorded trace has one, the chain behind it can be told to its end, and the numbers in it make the answer.

import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { openRecorded } from "../../src/cli/lines.js";
import type { Fact, FactOf } from "../../src/why/facts.js";
import type { CausedRow } from "../../src/why/reader.js";
import { CauseReader } from "../../src/why/reader.js";
import { causesOf } from "../../src/why/replay.js";
import { Story } from "../../src/why/story.js";

const GOLDEN = new URL("../golden/", import.meta.url);
// A trace of each kind from the newest Spark that has it, and all of the older generation's consumers.
const FILES = readdirSync(GOLDEN).filter((file) =>
  /^(?:4\.1\.1-[a-z]+-1|2\.4\.8-(?:static|consumers|findings|blocks)-\d)\.jsonl\.gz$/.test(file),
);

/** What the numbers of a short answer come to: of what was free and what storage gave, no more than the task's cap lets it. */
function grantOf({ cause, capBytes }: FactOf<"short">, facts: readonly Fact[]): number {
  const asked = facts.find((fact): fact is FactOf<"asked"> => fact.kind === "asked" && fact.n === cause)!;
  const moved = facts.reduce((sum, fact) => sum + (fact.kind === "moved" && fact.cause === cause ? fact.bytes : 0), 0);
  return Math.min(asked.bytes, Math.max(0, capBytes - asked.heldBytes), asked.freeBytes + moved);
}

/** A look that waits: of the row itself, or of one that it has woken. */
const waits = ({ result, resumed }: CausedRow): number =>
  [result, ...resumed.map((each) => each.result)].filter((each) => each["waits"] === true).length;

test("there is a trace of every kind", () => {
  expect(FILES.length).toBeGreaterThanOrEqual(15);
});

test.each(FILES)("%s", async (file) => {
  const recorded = await openRecorded(fileURLToPath(new URL(file, GOLDEN)));
  const reader = new CauseReader(file);
  const story = new Story();
  const unknown: string[] = [];
  const chunks = causesOf(recorded);
  let step = await chunks.next();
  for (; step.done !== true; step = await chunks.next()) {
    for (const row of reader.feed(step.value)) {
      story.add(row.facts);
      for (const fact of row.facts) {
        const isRequest = fact.kind === "asked" || fact.kind === "wanted";
        if (!isRequest && fact.cause === 0) unknown.push(`row ${row.i}: ${fact.kind} without a cause`);
        if (fact.kind === "short") expect([fact.bound, grantOf(fact, row.facts)]).toEqual(["share", fact.granted]);
        unknown.push(...story.tell(fact).chain.filter((text) => /too far back|undefined|NaN|null/.test(text)));
      }
      const kinds = row.facts.map(({ kind }) => kind);
      const count = (kind: string): number => kinds.filter((each) => each === kind).length;
      const told = [row, ...row.resumed.map((each) => ({ effects: each }))];
      expect(count("evicted")).toBe(told.flatMap(({ effects }) => effects.evicted ?? []).length);
      expect(count("spilled")).toBe(told.flatMap(({ effects }) => effects.spills ?? []).length);
      expect(count("waits")).toBeGreaterThanOrEqual(waits(row));
      if (row.ask.op === "put" && row.result["stored"] === false) expect(count("refused")).toBe(1);
      if (row.ask.op === "execAcquire" && row.result["granted"] !== undefined && row.resumed.length === 0)
        expect(count("short")).toBe((row.result["granted"] as number) < (row.ask["bytes"] as number) ? 1 : 0);
    }
  }
  reader.finish();
  // This library answers as Spark did, so the causes are those of what Spark answered.
  expect(step.value).toBe(0);
  expect(unknown).toEqual([]);
  expect(reader.facts).toEqual([]);
  const { counts } = story;
  expect(counts.woken).toBeLessThanOrEqual(counts.waits);
  expect(counts.deadlock).toBe(0);
});
