// The command `study` as a user meets it: figures, exit codes, and that nothing is left behind on any way out.

import type { ChildProcess } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { start } from "./program.js";

let directory = "";
let spills = "";
let out = "";
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "study-program-"));
  spills = join(directory, "spills");
  out = join(directory, "out");
  mkdirSync(spills);
});
afterAll(() => rmSync(directory, { recursive: true }));

const study = (...args: string[]) => start(["study", "--dir", spills, "--out", out, ...args]);
const small = ["--rows", "20000", "--memory", "256k", "--page-size", "16k", "--warm-up", "1"];

interface Figures {
  readonly rows: number;
  readonly referenceHash: string;
  readonly interrupted: boolean;
  readonly report: string;
  readonly disk: { readonly syncedBytesPerSecond: number } | null;
  readonly modes: readonly {
    readonly name: string;
    readonly rounds: number;
    readonly vacuous: readonly { readonly why: string; readonly rounds: number }[];
    readonly sameAsReference: boolean;
    readonly spills: number | null;
    readonly rowsPerSecond: { readonly median: number; readonly least: number; readonly most: number };
    readonly acquires: { readonly count: number; readonly p50: number | null; readonly p999: number | null };
    readonly everyRound: readonly { readonly hash: string; readonly spills: number }[];
  }[];
}

test("both modes side by side: every figure, the page and the raw figures, and nothing left", async () => {
  const { code, out: said, err } = await study(...small, "--rounds", "3", "--json").ended;
  expect({ code, err }).toMatchObject({ code: 0 });
  const figures = JSON.parse(said) as Figures;
  expect(figures).toMatchObject({ rows: 20_000, interrupted: false, report: join(out, "study.html") });
  expect(figures.modes.map(({ name }) => name)).toEqual(["on-heap", "off-heap"]);
  expect(figures.disk!.syncedBytesPerSecond).toBeGreaterThan(0);
  for (const mode of figures.modes) {
    expect(mode).toMatchObject({ rounds: 3, vacuous: [], sameAsReference: true });
    expect(mode.everyRound.map(({ hash }) => hash)).toEqual(Array(3).fill(figures.referenceHash));
    expect(mode.spills).toBeGreaterThan(1);
    const { least, median, most } = mode.rowsPerSecond;
    expect([least, median, most]).toEqual([least, median, most].sort((a, b) => a - b));
    expect(mode.acquires.p50).toBeGreaterThan(0);
    expect(mode.acquires.p999 === null).toBe(mode.acquires.count < 1000);
  }
  expect(readdirSync(spills)).toEqual([]);
  expect(readFileSync(join(out, "study.html"), "utf8")).toContain("</html>");
  expect(JSON.parse(readFileSync(join(out, "study.json"), "utf8"))).toMatchObject({ rows: 20_000 });
});

test("for people: plain lines of progress, a table, and where the page is", async () => {
  const {
    code,
    out: said,
    err,
  } = await study(...small, "--rounds", "1", "--mode", "off-heap", "--compress", "false").ended;
  expect({ code, err }).toMatchObject({ code: 0 });
  expect(err).not.toContain("\r");
  expect(err).toContain("2 of 2 rounds");
  for (const line of ["rows/s, median", "spills a round", "acquire p50", "resident peak", "not compressed"])
    expect(said).toContain(line);
  expect(said).toContain("same rows in the same order");
  expect(said.trimEnd().endsWith(join(out, "study.html"))).toBe(true);
});

test("rounds without pressure are told and not counted", async () => {
  const { code, out: said } = await study("--rows", "1000", "--memory", "64m", "--rounds", "2", "--json").ended;
  expect(code).toBe(0);
  const figures = JSON.parse(said) as Figures;
  for (const mode of figures.modes) {
    expect(mode).toMatchObject({ rounds: 0, spills: null, vacuous: [{ why: "nothing spilled", rounds: 2 }] });
    expect(mode.everyRound).toHaveLength(2);
  }
  expect(figures.disk).toBeNull();
});

test.each([
  [["--rows", "0"], "--rows"],
  [["--memory", "1.5g"], "--memory"],
  [["--mode", "sideways"], "on-heap, off-heap, both"],
  [["--conf", "spark.memory.fraction"], "key=value"],
  [["--conf", "spark.memory.fraction=x"], "spark.memory.fraction"],
  [["--input", "a.csv", "--rows", "5"], "cannot be used with"],
  [["--rows", "5", "--key", "a"], "--key"],
  [["--input", "/no/such/file.csv", "--key", "a"], "/no/such/file.csv"],
  [["--dir", "/no/such/directory"], "/no/such/directory"],
  [["--key", "altitude"], "delay, distance, time"],
  [["--memory", "4k", "--rows", "1000"], "on-heap process: not enough memory"],
  [["--nonsense"], "--nonsense"],
])("%j ends with 2 and says why", async (args, why) => {
  const { code, err } = await study(...args).ended;
  expect({ code, err }).toMatchObject({ code: 2 });
  expect(err).toContain(why);
  expect(err).not.toContain("    at ");
  expect(readdirSync(spills)).toEqual([]);
});

test("a broken file is named with its line", async () => {
  const file = join(directory, "broken.csv");
  writeFileSync(file, "a,b\n1,2\n3\n");
  const { code, err } = await study("--input", file, "--key", "a").ended;
  expect({ code, err: err.includes(`${file}, line 3: has 1 field`) }).toEqual({ code: 2, err: true });
});

test("an interrupt ends the processes, removes the files, and prints what there is", async () => {
  const { child, ended } = study(...small, "--rounds", "300", "--json");
  await measuring(child);
  expect(readdirSync(spills)).toHaveLength(1);
  child.kill("SIGINT");
  const { code, out: said } = await ended;
  expect(code).toBe(130);
  const figures = JSON.parse(said) as Figures;
  expect(figures.interrupted).toBe(true);
  expect(figures.modes[0]!.everyRound.length).toBeGreaterThan(0);
  expect(readdirSync(spills)).toEqual([]);
});

test("measuring processes whose parent is killed end and leave nothing", async () => {
  const { child, ended } = study(...small, "--rounds", "300");
  await measuring(child);
  child.kill("SIGKILL");
  // The output closes when the last process that holds it has ended.
  expect((await ended).code).toBeNull();
  expect(readdirSync(spills)).toEqual([]);
});

test("what a study leaves whose processes are all killed at once, the next one removes", async () => {
  const { child, ended } = study(...small, "--rounds", "300");
  await measuring(child);
  const pids = readdirSync(spills)
    .flatMap((name) => readdirSync(join(spills, name)))
    .map((name) => Number(/^tungsten-spill-\w+-\w+-\w+-(\d+)-/.exec(name)?.[1]))
    .filter((pid) => pid > 0);
  expect(pids.length).toBeGreaterThan(0);
  for (const pid of [...pids, child.pid!]) process.kill(pid, "SIGKILL");
  await ended;
  expect(readdirSync(spills)).toHaveLength(1);
  expect((await study(...small, "--rounds", "1").ended).code).toBe(0);
  expect(readdirSync(spills)).toEqual([]);
});

/** Resolves when rounds have been measured and most of 300 are to come. */
function measuring(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    child.stderr!.on("data", (text: string) => {
      if (/\d+ of \d+ rounds/.test(text)) resolve();
    });
  });
}
