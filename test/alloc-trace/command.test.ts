import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { arenaCommand, type ArenaReport } from "../../src/cli/arena.js";
import { run } from "../cli/run.js";
import { encodeMallocBench } from "./encode.js";

const golden = (name: string): string => fileURLToPath(new URL(`../golden/alloc/${name}.trace.gz`, import.meta.url));

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "arena-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

function write(name: string, contents: string | Uint8Array): string {
  writeFileSync(join(folder, name), contents);
  return join(folder, name);
}

const KEYS = [
  "file",
  "ops",
  "seconds",
  "opsPerSecond",
  "peakLive",
  "highWater",
  "utilisation",
  "refused",
  "violations",
];

test.each([
  ["find", 1130, 66_494],
  ["grep-random-data", 198, 53_926],
  ["ls", 82, 55_989],
  ["source-map", 2402, 1_735_775],
])("%s replays under the observer; one JSON object on standard output", async (name, ops, peakLive) => {
  const file = golden(name);
  const { code, out } = await run(arenaCommand(), ["--trace", file, "--format", "wee", "--shadow", "--json"]);
  const report = JSON.parse(out) as ArenaReport;
  expect(code).toBe(0);
  expect(Object.keys(report)).toEqual(KEYS);
  expect(report).toMatchObject({ file, ops, peakLive, refused: 0, violations: 0 });
  expect(report.utilisation).toBe(peakLive / report.highWater);
  expect(report.utilisation).toBeGreaterThan(0.8);
  expect(report.seconds).toBeGreaterThan(0);
});

test("a plain file and a gzipped one give the same, and a table without --json", async () => {
  const file = write("plain.trace", gunzipSync(readFileSync(golden("ls"))));
  const { code, out } = await run(arenaCommand(), ["--trace", file, "--format", "wee"]);
  expect(code).toBe(0);
  expect(out).toContain("peak live   55989");
});

test("requests that cannot fit are refused, and the exit is 0", async () => {
  const operations = [
    { malloc: { id: 0, size: 36_507_222_016 } },
    { malloc: { id: 1, size: 100 } },
    { free: { input: 0 } },
    { free: { input: 1 } },
  ];
  const file = write("large.trace", encodeMallocBench(operations, 2));
  const ran = await run(arenaCommand(), ["--trace", file, "--format", "malloc-bench", "--shadow", "--json"]);
  expect(ran.code).toBe(0);
  expect(JSON.parse(ran.out)).toMatchObject({ ops: 4, refused: 1, peakLive: 100, violations: 0 });
  expect(ran.err).toContain("frees of refused blocks 1");
});

test("--limit bounds the arena", async () => {
  const args = ["--trace", golden("source-map"), "--format", "wee", "--limit", "100000", "--shadow", "--json"];
  const { code, out } = await run(arenaCommand(), args);
  const report = JSON.parse(out) as ArenaReport;
  expect(code).toBe(0);
  expect(report.refused).toBeGreaterThan(0);
  expect(report.peakLive).toBeLessThanOrEqual(100_000);
});

// The tables are part of what the limit bounds.
test.each([2000, 20_000, 100_000, 1_000_000])("--limit %d bounds the high water, tables included", async (limit) => {
  for (const name of ["source-map", "ls", "find"]) {
    const args = ["--trace", golden(name), "--format", "wee", "--limit", String(limit), "--shadow", "--json"];
    const report = JSON.parse((await run(arenaCommand(), args)).out) as ArenaReport;
    expect(report).toMatchObject({ violations: 0 });
    expect(report.peakLive).toBeGreaterThan(0);
    expect(report.highWater).toBeLessThanOrEqual(limit);
  }
});

test("a limit that the tables fill refuses all", async () => {
  const args = ["--trace", golden("ls"), "--format", "wee", "--limit", "1", "--json"];
  const { code, out } = await run(arenaCommand(), args);
  expect(code).toBe(0);
  expect(JSON.parse(out)).toMatchObject({ refused: 45, peakLive: 0 });
});

const refused = async (file: string, format: string): Promise<string> => {
  const { code, out, err } = await run(arenaCommand(), ["--trace", file, "--format", format, "--json"]);
  expect(code).toBe(2);
  expect(out).toBe("");
  expect(err).toContain(file);
  return err;
};

describe("what cannot be read exits 2 and names file and place", () => {
  test("no such file", async () => {
    expect(await refused(join(folder, "none"), "wee")).toContain("byte 0");
  });
  test("a cut gzip", async () => {
    const whole = readFileSync(golden("find"));
    expect(await refused(write("cut.gz", whole.subarray(0, 900)), "wee")).toContain("byte 900");
  });
  test("a line that is none", async () => {
    expect(await refused(write("line.trace", "Alloc(3),\nFree(0),\nFree("), "wee")).toContain("line 3");
  });
  test("another format", async () => {
    await refused(golden("ls"), "malloc-bench");
    await refused(golden("ls"), "android");
  });
  test("an empty file", async () => {
    for (const format of ["wee", "malloc-bench", "android"]) await refused(write("empty", ""), format);
  });
});

test.each(["0", "-1", "1k", "4294967296"])("a limit of %s is refused", async (limit) => {
  const args = ["--trace", golden("ls"), "--format", "wee", "--limit", limit];
  const command = arenaCommand().configureOutput({ writeErr: () => {} });
  await expect(run(command, args)).rejects.toThrow(/limit/);
});
