// Our hash map against real Spark's: how many keys it took, in how many pages, and what it held.

import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { type JsonObject, parseJson } from "../../src/trace/json.js";
import { MAP_VECTORS } from "../../src/trace/map-vectors.js";

function vectorsOf(version: string): JsonObject[] {
  const file = new URL(`../golden/vectors-${version}-sorters-1.jsonl.gz`, import.meta.url);
  const lines = gunzipSync(readFileSync(file)).toString().split("\n");
  return lines.filter((line) => line.includes('"vector":"map"')).map((line) => parseJson(line) as JsonObject);
}

// Both versions answered the same questions; here some of them; `verify` asks all.
describe.each([
  ["4.1.1", 2],
  ["3.5.7", 5],
] as const)("map vectors of Spark %s", (version, every) => {
  it("agree", () => {
    const vectors = vectorsOf(version).filter((_, i) => i % every === 0);
    const engine = { version, collector: "G1" } as const;
    expect(vectors.length).toBeGreaterThanOrEqual(20);
    for (const [i, vector] of vectors.entries()) expect([i, MAP_VECTORS["map"]!(vector, engine)]).toEqual([i, null]);
  });

  it("are told apart from wrong ones", () => {
    const vector = vectorsOf(version)[0]!;
    const result = vector["result"] as JsonObject;
    for (const field of Object.keys(result).filter((name) => name !== "refused")) {
      const wrong = { ...vector, result: { ...result, [field]: (result[field] as number) + 1 } };
      const mismatch = MAP_VECTORS["map"]!(wrong, { version, collector: "G1" });
      expect(mismatch).toMatchObject({ field, got: result[field] });
    }
    const refused = { ...vector, result: { error: "unableToAcquire" } };
    expect(MAP_VECTORS["map"]!(refused, { version, collector: "G1" })).not.toBe(null);
  });
});
