import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync, gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { verifyCommand, verifyFile } from "../../src/cli/verify.js";
import { parseJson } from "../../src/trace/json.js";
import { run } from "./run.js";

const golden = fileURLToPath(new URL("../golden/", import.meta.url));
const recorded = readdirSync(golden).filter((name) => /^vectors-.*-vectors-/.test(name));
const strange = readdirSync(golden).filter((name) => name.startsWith("strange-"));

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "verify-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

function write(name: string, contents: string | Uint8Array): string {
  const file = join(folder, name);
  writeFileSync(file, contents);
  return file;
}

const HEADER = '{"vectors":"executor-memory","version":1,"engine":"spark-4.1.1","collector":"G1"}';
const BYTES = '{"vector":"bytes","text":"1k","unit":"BYTE","result":{"value":"1024"}}';
const vectors = (...lines: string[]): string => `${[HEADER, ...lines].join("\n")}\n`;

const bytesRow = (result: object, text = "1.5g") => JSON.stringify({ vector: "bytes", text, unit: "BYTE", result });

const check = async (row: string) => (await verifyFile(write("refusal.jsonl", vectors(row)))).disagreement ?? null;

describe("what real Spark answered", () => {
  test.each(recorded)("%s agrees", async (name) => {
    const rows =
      gunzipSync(readFileSync(golden + name))
        .toString()
        .trimEnd()
        .split("\n").length - 1;
    expect(await verifyFile(golden + name)).toEqual({ file: golden + name, kind: "vectors", rows, agree: true });
    expect(rows).toBeGreaterThanOrEqual(1000);
  });

  test.each(strange)("%s: stranger texts, and every typed key of Spark's core", async (name) => {
    expect(await verifyFile(golden + name)).toEqual({ file: golden + name, kind: "vectors", rows: 2500, agree: true });
  });
});

describe("verify", () => {
  test("one line a file, and the worst code wins", async () => {
    const good = write("good.jsonl", vectors(BYTES, BYTES));
    const bad = write("bad.jsonl", vectors(BYTES, BYTES.replace("1024", "1023"), BYTES));
    const broken = write("broken.jsonl", vectors("{"));
    expect(await run(verifyCommand(), [good])).toEqual({ code: 0, out: `${good}: 2 rows agree\n`, err: "" });
    const two = await run(verifyCommand(), [bad, good]);
    expect(two.code).toBe(1);
    expect(two.out).toContain(`${bad}: row 2 (line 3, bytes) disagrees: value expected "1023", got "1024"`);
    expect(two.out).toContain(`${good}: 2 rows agree`);
    const three = await run(verifyCommand(), [broken, bad, good, "--json"]);
    expect(three.code).toBe(2);
    expect(three.out.trim().split("\n").map(parseJson)).toEqual([
      {
        file: broken,
        kind: "vectors",
        rows: 0,
        agree: false,
        error: { line: 2, message: expect.stringContaining("JSON") as string },
      },
      {
        file: bad,
        kind: "vectors",
        rows: 1,
        agree: false,
        disagreement: { row: 2, line: 3, op: "bytes", field: "value", expected: "1023", got: "1024" },
      },
      { file: good, kind: "vectors", rows: 2, agree: true },
    ]);
    expect(three.err.trim().split("\n").length).toBeGreaterThanOrEqual(3);
  });

  test("a trace goes to the checker of traces", async () => {
    const file = write("trace.jsonl", '{"trace":"executor-memory","version":1}\n{"i":1}\n');
    const report = await verifyFile(file, {
      vectors: () => Promise.reject(new Error("not mine")),
      trace: async ({ rows }) => {
        let count = 0;
        for await (const { line } of rows) count += line - 1;
        return { rows: count, disagreement: null };
      },
    });
    expect(report).toEqual({ file, kind: "trace", rows: 1, agree: true });
  });

  test("a header alone has nothing to disagree with", async () => {
    expect(await verifyFile(write("header.jsonl", `${HEADER}\n`))).toMatchObject({ rows: 0, agree: true });
  });

  test("lines that span chunks and rows with large integers", async () => {
    const memory =
      '{"vector":"memory","cores":1,"conf":{"spark.testing.memory":"9223372036854775807","spark.memory.fraction":"1","spark.memory.storageFraction":"0"},"result":' +
      '{"onHeap":[9223372036854775807,0],"offHeap":[0,0],"maxOnHeapStorage":9223372036854775807,"maxOffHeapStorage":0,"pageSize":67108848,"tungstenMode":"onHeap"}}';
    const padding = BYTES.replace("{", `{"padding":"${"ä€".repeat(50_000)}",`);
    const file = write(
      "large.jsonl.gz",
      gzipSync(vectors(padding, memory.replace("9223372036854775807,0", "9223372036854775806,0"))),
    );
    expect((await verifyFile(file)).disagreement).toMatchObject({ row: 2, field: "onHeap" });
  });

  test.each<[string, string | Uint8Array, number, RegExp]>([
    ["empty", "", 1, /empty/],
    ["no line feed at the end", `${HEADER}\n${BYTES}`, 2, /line feed/],
    ["a blank line", `${HEADER}\n\n${BYTES}\n`, 2, /JSON/],
    ["not an object", vectors("[1]"), 2, /object/],
    ["not UTF-8", new Uint8Array([0x7b, 0xff, 0xfe, 0x0a]), 1, /UTF-8/],
    ["no header", `${BYTES}\n`, 1, /header/],
    ["another version", `${HEADER.replace(":1", ":2")}\n`, 1, /version/],
    ["another engine", `${HEADER.replace("spark-4.1.1", "flink-1")}\n`, 1, /engine/],
    ["an engine that is too old", `${HEADER.replace("spark-4.1.1", "spark-1.6.3")}\n`, 1, /1\.6\.3/],
    ["no collector", `${HEADER.replace(',"collector":"G1"', "")}\n`, 1, /collector/],
    ["an unknown kind", vectors(BYTES.replace("bytes", "page")), 2, /"page"/],
    ["a kind named like a property of every object", vectors(BYTES.replace("bytes", "toString")), 2, /"toString"/],
    ["a missing field", vectors(BYTES, BYTES.replace('"text":"1k",', "")), 3, /"text" is missing/],
    ["a field of another type", vectors(BYTES.replace('"1k"', "1024")), 2, /"text" must be a text/],
    ["an unknown unit", vectors(BYTES.replace("BYTE", "BIT")), 2, /"unit"/],
    ["a missing result", vectors(BYTES.replace(/,"result".*/, "}")), 2, /"result" is missing/],
    ["a result without its field", vectors(BYTES.replace('"value"', '"valeu"')), 2, /"value" is missing/],
    ["a result of another type", vectors(BYTES.replace('"1024"', "1024")), 2, /"value" must be a text/],
    ["a torn gzip stream", gzipSync(vectors(BYTES)).subarray(0, 60), 1, /gzip/],
    [
      "a page number out of range",
      vectors('{"vector":"address","page":8192,"offset":"0","result":{"address":"0","page":0}}'),
      2,
      /"page"/,
    ],
  ])("%s is unreadable and names its line", async (name, contents, line, message) => {
    const file = write(name.replace(/\W/g, "-"), contents);
    const report = await verifyFile(file);
    expect(report).toMatchObject({ agree: false, error: { line, message: expect.stringMatching(message) as string } });
    expect(report.rows).toBe(Math.max(0, line - 2));
  });

  test("a file that is not there, and a folder", async () => {
    for (const file of [join(folder, "nowhere"), folder]) {
      expect(await verifyFile(file)).toMatchObject({ kind: null, rows: 0, agree: false, error: { line: 0 } });
    }
  });
});

describe("agreement of refusals", () => {
  test("a Java class stands for any refusal without a condition", async () => {
    expect(await check(bytesRow({ error: "NumberFormatException" }))).toBeNull();
    expect(await check(bytesRow({ error: "IllegalArgumentException" }))).toBeNull();
  });

  test("a condition must be the same, and who refuses what Spark takes disagrees", async () => {
    expect(await check(bytesRow({ error: "INVALID_CONF_VALUE.TYPE_MISMATCH" }))).toMatchObject({ field: "error" });
    expect(await check(bytesRow({ value: "1" }))).toMatchObject({ field: "error", expected: null });
    expect(await check(bytesRow({ error: "NumberFormatException" }, "1g"))).toMatchObject({
      field: "error",
      got: null,
    });
  });
});
