// Our sorters against real Spark's: when they spilled, what they held, what was refused.

import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { type JsonObject, parseJson } from "../../src/trace/json.js";
import { SORTER_VECTORS } from "../../src/trace/sorter-vectors.js";

function vectorsOf(version: string, name: string = "sorters"): JsonObject[] {
  const file = new URL(`../golden/vectors-${version}-${name}-1.jsonl.gz`, import.meta.url);
  const lines = gunzipSync(readFileSync(file)).toString().split("\n");
  return lines.filter((line) => line.includes('"vector":"sorter"')).map((line) => parseJson(line) as JsonObject);
}

// Both versions answered the same questions; here every fourth and ninth of them; `verify` asks all.
describe.each([
  ["4.1.1", 4],
  ["3.5.7", 9],
] as const)("sorter vectors of Spark %s", (version, every) => {
  it("agree", () => {
    const vectors = vectorsOf(version).filter((_, i) => i % every === 0);
    const engine = { version, collector: "G1" } as const;
    expect(vectors.length).toBeGreaterThanOrEqual(12);
    for (const [i, vector] of vectors.entries())
      expect([i, SORTER_VECTORS["sorter"]!(vector, engine)]).toEqual([i, null]);
  });

  it("are told apart from wrong ones", () => {
    const vector = vectorsOf(version).find((v) => (v["result"] as JsonObject)["memoryBytesSpilled"] !== 0)!;
    const result = vector["result"] as JsonObject;
    const wrong = {
      ...vector,
      result: { ...result, memoryBytesSpilled: (result["memoryBytesSpilled"] as number) + 1 },
    };
    const mismatch = SORTER_VECTORS["sorter"]!(wrong, { version, collector: "G1" });
    expect(mismatch).toMatchObject({ field: "memoryBytesSpilled", got: result["memoryBytesSpilled"] });
  });
});

// Half of them insert key-value rows; some have a bystander make the sorter spill while it is read.
it.each([
  ["4.1.1", 2],
  ["3.5.7", 4],
  ["2.4.8", 4],
] as const)("vectors of reads and of key-value rows of Spark %s agree", (version, every) => {
  const vectors = vectorsOf(version, "reads").filter((_, i) => i % every === 0);
  expect(vectors.filter((vector) => vector["keyValue"] === true).length).toBeGreaterThanOrEqual(2);
  expect(vectors.filter((vector) => vector["read"] !== undefined).length).toBeGreaterThanOrEqual(3);
  for (const [i, vector] of vectors.entries())
    expect([i, SORTER_VECTORS["sorter"]!(vector, { version, collector: "G1" })]).toEqual([i, null]);
});
