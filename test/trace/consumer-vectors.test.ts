// Our shuffle sorters and object collections against real Spark's: when they asked, spilled, were refused, and how they
// were counted.

import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { COLLECTION_VECTORS } from "../../src/trace/collection-vectors.js";
import { BadField, type JsonObject, parseJson } from "../../src/trace/json.js";
import { SHUFFLE_VECTORS } from "../../src/trace/shuffle-vectors.js";

const CHECKERS = { ...SHUFFLE_VECTORS, ...COLLECTION_VECTORS };

function vectorsOf(version: string, kind: string): JsonObject[] {
  const file = new URL(`../golden/vectors-${version}-consumers-1.jsonl.gz`, import.meta.url);
  const lines = gunzipSync(readFileSync(file)).toString().split("\n");
  return lines.filter((line) => line.includes(`"vector":"${kind}"`)).map((line) => parseJson(line) as JsonObject);
}

const resultOf = (vector: JsonObject): JsonObject => vector["result"] as JsonObject;
const hasEvents = (vector: JsonObject): boolean => (resultOf(vector)["events"] as unknown[]).length > 0;

describe.each(["4.1.1", "3.5.7", "2.4.8"])("vectors of Spark %s", (version) => {
  const engine = { version, collector: "G1" } as const;

  it.each([
    ["shuffle", 6],
    ["collection", 1],
  ] as const)("of kind %s agree", (kind, every) => {
    const vectors = vectorsOf(version, kind).filter((_, i) => i % every === 0);
    expect(vectors.filter(hasEvents).length).toBeGreaterThanOrEqual(5);
    for (const [i, vector] of vectors.entries()) expect([i, CHECKERS[kind]!(vector, engine)]).toEqual([i, null]);
  });

  it.each(["shuffle", "collection"])("of kind %s are told apart from wrong ones", (kind) => {
    const vector = vectorsOf(version, kind).find(hasEvents)!;
    const result = resultOf(vector);
    const events = (result["events"] as JsonObject[]).map((event) => ({ ...event }));
    (events[0] as Record<string, number>)["record"]! += 1;
    const wrong = { ...vector, result: { ...result, events } };
    expect(CHECKERS[kind]!(wrong, engine)).toMatchObject({ field: "events.0.record" });
    const failed = { ...vector, result: { ...result, error: "create" } };
    expect(CHECKERS[kind]!(failed, engine)).toEqual({ field: "error", expected: "create", got: null });
  });
});

it("refuses collections of unknown kinds", () => {
  const vector = vectorsOf("4.1.1", "collection")[0]!;
  const wrong = { ...vector, collections: ["sorter", "heap"] };
  expect(() => CHECKERS["collection"]!(wrong, { version: "4.1.1", collector: "G1" })).toThrow(BadField);
});
