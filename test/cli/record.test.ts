// `record` and `diff` as they are called: what goes where, how they end, and what a failed recording leaves behind.

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { diffCommand } from "../../src/cli/diff.js";
import { recordCommand } from "../../src/cli/record.js";
import { verifyFile } from "../../src/cli/verify.js";
import { folder, textOf, traceOf } from "../trace/traces.js";
import { run } from "./run.js";

const files = folder();
const at = (name: string): string => join(files.path, name);
const golden = fileURLToPath(new URL("../golden/4.1.1-consumers-1.jsonl.gz", import.meta.url));

async function record(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  return run(recordCommand(), args);
}

describe("record", () => {
  test("writes a trace to a file, plain or gzipped, or to standard output", async () => {
    const args = ["--profile", "tiny", "--seed", "9", "--rows", "700"];
    expect(await record(...args, "--out", at("tiny.jsonl"))).toEqual({ code: 0, out: "", err: "" });
    expect(await record(...args, "--out", at("tiny.jsonl.gz"))).toEqual({ code: 0, out: "", err: "" });
    const text = readFileSync(at("tiny.jsonl"), "utf8");
    expect(gunzipSync(readFileSync(at("tiny.jsonl.gz"))).toString()).toBe(text);
    expect(text.endsWith("}\n")).toBe(true);
    expect(JSON.parse(text.split("\n", 1)[0]!)).toMatchObject({ profile: "tiny", seed: 9, generation: "4.1" });
    for (const file of ["tiny.jsonl", "tiny.jsonl.gz"]) {
      const report = await verifyFile(at(file));
      expect(report.agree).toBe(true);
      expect(report.rows).toBeGreaterThanOrEqual(700);
    }
  });

  test("decides the requests of another trace again", async () => {
    const args = ["--requests", golden, "--generation", "2.4", "--out", at("older.jsonl")];
    expect(await record(...args)).toEqual({ code: 0, out: "", err: "" });
    expect(await verifyFile(at("older.jsonl"))).toMatchObject({ agree: true });
  });

  test.each<[string, string[], RegExp]>([
    ["nothing to ask", ["--seed", "1"], /--profile NAME or --requests FILE/],
    ["a generation without the static manager", ["--profile", "static", "--generation", "4.1"], /Spark 4\.1 has none/],
    ["requests that are not there", ["--requests", "nowhere.jsonl"], /nowhere\.jsonl/],
  ])("%s: exit 2, and no file", async (_name, args, message) => {
    const { code, out, err } = await record(...args, "--out", at("none.jsonl"));
    expect([code, out]).toEqual([2, ""]);
    expect(err).toMatch(message);
    expect(existsSync(at("none.jsonl"))).toBe(false);
  });

  test("leaves no half of a file behind, and names what it cannot write", async () => {
    const torn = files.write("torn.jsonl", textOf(traceOf([{ op: "has", block: "a" }]).slice(0, 2)));
    const { code, err } = await record("--requests", torn, "--out", at("half.jsonl.gz"));
    expect([code, err]).toEqual([2, expect.stringContaining("line 3: the last line is missing") as string]);
    expect(existsSync(at("half.jsonl.gz"))).toBe(false);
    const nowhere = await record("--profile", "tiny", "--out", join(files.path, "no", "such.jsonl"));
    expect([nowhere.code, nowhere.err]).toEqual([2, expect.stringContaining("--out") as string]);
    expect(nowhere.err).toContain("ENOENT");
  });

  test.each([
    ["--profile", "fast"],
    ["--profile", "tiny", "--generation", "3.0"],
    ["--profile", "tiny", "--seed", "-1"],
    ["--profile", "tiny", "--rows", "0"],
    ["--profile", "tiny", "--requests", "x"],
    ["--profile", "tiny", "--manager", "static"],
  ])("%s %s %s %s is wrong usage", async (...args) => {
    await expect(record(...args.filter(Boolean))).rejects.toThrow();
  });
});

describe("diff", () => {
  const trace = traceOf([
    { op: "execAcquire", task: 1, bytes: 700, mode: "onHeap" },
    { op: "execAcquire", task: 1, bytes: 5, mode: "onHeap" },
  ]);
  const a = files.write("a.jsonl", textOf(trace));
  const b = files.write("b.jsonl", textOf(trace).replace('"granted":5', '"granted":4'));
  const other = files.write("other.jsonl", textOf(trace).replace('"bytes":5', '"bytes":6'));

  test("says that they are the same: exit 0", async () => {
    expect(await run(diffCommand(), [a, a])).toEqual({
      code: 0,
      out: `${a}, ${a}: 2 rows, the same answers\n`,
      err: "",
    });
  });

  test("shows where and why they part: exit 1", async () => {
    const { code, out, err } = await run(diffCommand(), [a, b]);
    expect([code, err]).toEqual([1, ""]);
    expect(out).toContain(`${a}, ${b}: answers part at row 2 (line 3, execAcquire), in result`);
    expect(out).toContain("  the law: section 3.2 and 4.1\n  1 of 2 rows differ, 1 of them in more than the state");
    const json = await run(diffCommand(), [a, b, "--json"]);
    expect(json.code).toBe(1);
    expect(json.err).toBe(out);
    expect(JSON.parse(json.out)).toEqual({
      a,
      b,
      rows: 2,
      same: false,
      header: [],
      first: {
        row: 2,
        line: 3,
        op: "execAcquire",
        field: "result",
        a: { granted: 5 },
        b: { granted: 4 },
        before: {
          a: { onHeap: [700, 700, 300, 0], offHeap: [250, 0, 250, 0] },
          b: { onHeap: [700, 700, 300, 0], offHeap: [250, 0, 250, 0] },
        },
        section: "3.2 and 4.1",
      },
      different: 1,
      answers: 1,
    });
  });

  test("refuses other requests and what it cannot read: exit 2", async () => {
    const { code, out, err } = await run(diffCommand(), [a, other]);
    expect([code, out]).toEqual([2, ""]);
    expect(err).toContain(`${other}, line 3: asks execAcquire`);
    const json = await run(diffCommand(), [a, at("nowhere"), "--json"]);
    expect(json.code).toBe(2);
    expect(JSON.parse(json.out)).toMatchObject({
      a,
      same: false,
      error: { name: "Unreadable", file: at("nowhere"), line: 0 },
    });
  });

  test("of two generations of one profile and seed needs nothing else", async () => {
    for (const generation of ["2.4", "4.1"])
      await record(
        "--profile",
        "consumers",
        "--seed",
        "7",
        "--generation",
        generation,
        "--out",
        at(`${generation}.gz`),
      );
    const { code, out } = await run(diffCommand(), [at("2.4.gz"), at("4.1.gz")]);
    expect([code, out]).toEqual([
      1,
      expect.stringContaining("5.2, differences by generation: 2.4 against 4.1") as string,
    ]);
  });
});
