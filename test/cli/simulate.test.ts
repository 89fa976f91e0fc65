// The command `simulate`: what it prints, what it refuses, and what is left of a run that is ended early.

import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { CommanderError } from "commander";
import { beforeAll, describe, expect, test } from "vitest";
import { type SimulationReport, simulateCommand } from "../../src/cli/simulate.js";
import { build } from "../house/built.js";
import { start } from "../study/program.js";
import { run } from "./run.js";

beforeAll(build);

const SMALL = ["--workload", "etl", "--memory", "2g", "--scale", "0.1", "--threads", "0"];

type Told = Omit<SimulationReport, "rows"> & { readonly rows: readonly Readonly<Record<string, number>>[] };

async function report(...args: string[]): Promise<SimulationReport> {
  const { code, out } = await run(simulateCommand(), [...SMALL, "--json", ...args]);
  expect(code).toBe(0);
  return JSON.parse(out) as SimulationReport;
}

describe("a run", () => {
  test("is told in words, with intervals and what is the same", async () => {
    const { code, out } = await run(simulateCommand(), [...SMALL, "--seeds", "12", "--policies", "unified,static"]);
    expect(code).toBe(0);
    expect(out).toContain("etl on 1 executor of 4 cores, 2048m, eviction lru, seeds 1 to 12");
    expect(out).toMatch(/^ {2}makespan +\d+\.\d s \[\d+\.\d s, \d+\.\d s\]/m);
    expect(out).toMatch(/static against unified: makespan .* more \[.*\], p 0\.0/);
    expect(out).toMatch(/static: the same on every seed: evictions/);
  });

  test("says whose times are those of less work", async () => {
    const args = ["--workload", "join-heavy", "--memory", "2g", "--scale", "0.3", "--seeds", "2", "--threads", "0"];
    const { out } = await run(simulateCommand(), args);
    expect(out).toMatch(/failed tasks have not done their work: the times of .*static are those of less work/);
    expect((await run(simulateCommand(), [...SMALL, "--seeds", "2"])).out).not.toContain("less work");
  });

  test("says when there are too few seeds to say anything", async () => {
    const { out } = await run(simulateCommand(), [...SMALL, "--seeds", "3"]);
    expect(out).toMatch(/static: not significant: makespan, .*spilled/);
    expect(out).toContain("use more (--seeds)");
  });

  test("is the same again, byte for byte, and does not depend on who runs it", async () => {
    const args = [...SMALL, "--json", "--seeds", "2", "--sweep", "cores=2..4:2"];
    const here = await run(simulateCommand(), args);
    expect((await run(simulateCommand(), args)).out).toBe(here.out);
    const threads = await start(["simulate", ...args, "--threads", "2"]).ended;
    expect([threads.code, threads.out]).toEqual([0, here.out]);
  });

  test("has every figure of every run, and goes to a file besides", async () => {
    const folder = mkdtempSync(join(tmpdir(), "simulate-"));
    try {
      const out = join(folder, "report.json");
      const printed = await report("--seeds", "2", "--out", out);
      expect(JSON.parse(readFileSync(out, "utf8"))).toEqual(printed);
      expect(readdirSync(folder)).toEqual(["report.json"]);
      expect(printed.rows).toHaveLength(4);
      expect(printed.rows[0]).toMatchObject({ at: {}, policy: "unified", seed: 1, jobs: 1, tasks: 36 });
      expect([printed.interrupted, printed.runs]).toEqual([false, { done: 4, all: 4 }]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

test("a sweep goes evenly from one end to the other, in the units of its key", async () => {
  const places = async (...sweeps: string[]) => {
    const args = sweeps.flatMap((sweep) => ["--sweep", sweep]);
    const { points } = await report("--seeds", "1", "--policies", "unified", ...args);
    return points.map(({ at }) => at);
  };
  const GIB = 2 ** 30;
  expect(await places("memory=2g..4g:3")).toEqual([2, 3, 4].map((gib) => ({ memory: gib * GIB })));
  expect(await places("fraction=0.5..0.7")).toEqual([0.5, 0.55, 0.6, 0.65, 0.7].map((fraction) => ({ fraction })));
  expect(await places("cores=1..2")).toEqual([{ cores: 1 }, { cores: 2 }]);
  expect(await places("storageFraction=0.2..0.8:2", "cores=2..2:1")).toEqual([
    { storageFraction: 0.2, cores: 2 },
    { storageFraction: 0.8, cores: 2 },
  ]);
});

describe("wrong usage says what was meant", () => {
  test.each<[string, string[], RegExp]>([
    ["an eviction", ["--eviction", "mru"], /Allowed choices are fifo, lru/],
    ["an order of spilling", ["--spill-order", "smallest"], /Allowed choices are spark, largest/],
    [
      "a sweep of something else",
      ["--sweep", "heap=1..2"],
      /no setting to sweep "heap": there are memory, fraction, storageFraction, cores/,
    ],
    ["a sweep without an end", ["--sweep", "memory=4g"], /write it as key=from\.\.to/],
    ["a sweep beyond what there is", ["--sweep", "fraction=0.5..2"], /fraction is a number from 0 to 1/],
    ["the same sweep twice", ["--sweep", "cores=1..2", "--sweep", "cores=3..4"], /cores is swept already/],
    ["no seeds", ["--seeds", "0"], /whole number from 1/],
    ["memory that is none", ["--memory", "much"], /write a size as Spark does/],
  ])("%s", async (_, args, says) => {
    const error = await run(simulateCommand().configureOutput({ writeErr() {} }), args).then(
      () => null,
      (thrown: unknown) => thrown,
    );
    expect(error).toBeInstanceOf(CommanderError);
    expect((error as CommanderError).message).toMatch(says);
  });

  test("no workload or none of ours, a configuration that Spark refuses, a file that cannot be written: told, and 2", async () => {
    expect(await run(simulateCommand(), [])).toMatchObject({ code: 2, out: "" });
    for (const [workload, says] of [
      ["elt", 'no workload "elt": did you mean etl?'],
      ["./nowhere.jsonl", "no such file"],
      [fileURLToPath(import.meta.url), "line 1: is not"],
    ] as const) {
      const { code, err } = await run(simulateCommand(), ["--workload", workload]);
      expect([code, err]).toEqual([2, expect.stringContaining(says) as string]);
    }
    const refused = await run(simulateCommand(), [...SMALL, "--conf", "spark.memory.fraction=3", "--json"]);
    expect(refused.code).toBe(2);
    expect(JSON.parse(refused.out)).toHaveProperty("error.message");
    const unwritable = await run(simulateCommand(), [
      ...SMALL,
      "--seeds",
      "1",
      "--out",
      join(tmpdir(), "no/such/file"),
    ]);
    expect(unwritable.code).toBe(2);
    expect(unwritable.err).toContain("--out");
  });
});

describe("a recorded trace", () => {
  const golden = fileURLToPath(new URL("../golden/4.1.1-consumers-1.jsonl.gz", import.meta.url));
  const args = ["--workload", golden, "--policies", "unified,none", "--seeds", "2"];

  test("runs like a named workload, in threads as here, and tells how far it could be asked as it was", async () => {
    const here = await run(simulateCommand(), [...args, "--threads", "0", "--json"]);
    expect([here.code, here.err]).toEqual([0, "1 of 4 runs\n2 of 4 runs\n3 of 4 runs\n4 of 4 runs\n"]);
    const threads = await start(["simulate", ...args, "--threads", "2", "--json"]).ended;
    expect([threads.code, threads.out]).toEqual([0, here.out]);
    const { cores, rows } = JSON.parse(here.out) as Told;
    expect(cores).toBeGreaterThan(1);
    expect(rows.map(({ spills }) => spills! > 0)).toEqual([true, false, true, false]);
    const { out } = await run(simulateCommand(), [...args, "--threads", "0"]);
    expect(out).toContain(`${golden} on 1 executor of ${cores} cores, memory as recorded`);
    expect(out).toMatch(/^ {2}got less +\d+\.\d/m);
    expect(out).toContain("under unified requests got less than was recorded");
  });

  test("takes the executor's settings from its header unless others are asked for", async () => {
    const memory = ["--memory", "1g", "--conf", "spark.memory.offHeap.size=1g"];
    const settings = ["--cores", "2", ...memory, "--generation", "3.5", "--threads", "0", "--json"];
    const { out } = await run(simulateCommand(), [...args, ...settings]);
    const { conf, cores, generation, rows } = JSON.parse(out) as Told;
    expect([cores, generation, conf["spark.executor.memory"]]).toEqual([2, "3.5", "1024m"]);
    expect(Object.keys(conf).filter((key) => key.startsWith("spark.testing."))).toEqual([]);
    expect(rows.every(({ shortfalls, waits }) => shortfalls === 0 && waits === 0)).toBe(true);
  });

  test("has no scale", async () => {
    expect(await run(simulateCommand(), [...args, "--scale", "2"])).toMatchObject({
      code: 2,
      err: expect.stringContaining("--scale is for named workloads") as string,
    });
  });
});

describe("--resume", () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "simulate-"));
    return () => rmSync(folder, { recursive: true });
  });
  const resume = (file: string, ...more: string[]) =>
    run(simulateCommand(), [...SMALL, "--policies", "unified", "--resume", join(folder, file), "--json", ...more]);

  test("goes on with what the file holds, and ends as if it had been one run", async () => {
    const first = await resume("grown.json", "--seeds", "2");
    expect(first.err).toBe("1 of 2 runs\n2 of 2 runs\n");
    const more = ["--seeds", "3", "--policies", "unified,static", "--sweep", "cores=4..4:1"];
    const other = await resume("grown.json", ...more);
    expect([other.code, other.err]).toEqual([2, expect.stringContaining("holds 2 runs of other") as string]);
    const grown = await resume("grown.json", "--seeds", "4", "--policies", "unified,static");
    expect(grown.err).toBe("4 of 8 runs\n6 of 8 runs\n8 of 8 runs\n");
    const whole = await run(simulateCommand(), [...SMALL, "--seeds", "4", "--policies", "unified,static", "--json"]);
    expect(grown.out).toBe(whole.out);
    expect(JSON.parse(readFileSync(join(folder, "grown.json"), "utf8"))).toEqual(JSON.parse(whole.out));
    expect(readdirSync(folder)).toEqual(["grown.json"]);
  });

  test("refuses what is no such file, or of another experiment", async () => {
    await resume("other.json", "--seeds", "1");
    const text = readFileSync(join(folder, "other.json"), "utf8");
    expect((await resume("other.json", "--seeds", "1", "--scale", "0.2")).err).toContain(
      "scale is 0.1 there and 0.2 here",
    );
    for (const [bad, says] of [
      ["{}", "is no report of simulate"],
      ["{", "JSON"],
      [text.replace(/"version": "[^"]*"/, '"version": "0.0.0"'), "was written by version 0.0.0"],
    ] as const) {
      writeFileSync(join(folder, "bad.json"), bad);
      const { code, err } = await resume("bad.json", "--seeds", "1");
      expect([code, err]).toEqual([2, expect.stringContaining(says) as string]);
      expect(readFileSync(join(folder, "bad.json"), "utf8")).toBe(bad);
    }
  });
});

test("what does nothing for --trace is refused; a file that cannot be written is, before anything runs", async () => {
  const golden = fileURLToPath(new URL("../golden/4.1.1-pages-1.jsonl.gz", import.meta.url));
  for (const [args, says] of [
    [["--trace", golden, "--seeds", "3"], "--seeds is for --workload"],
    [[...SMALL, "--html", join(tmpdir(), "x.json")], "needs another name"],
    [[...SMALL, "--out", tmpdir()], "is a folder"],
    [[...SMALL, "--html", join(tmpdir(), "no/such/x.html")], "no such file"],
  ] as const) {
    const { code, err } = await run(simulateCommand(), args);
    expect([code, err]).toEqual([2, expect.stringContaining(says) as string]);
    expect(err).not.toContain("runs");
  }
});

test("an interrupt leaves what is complete, marked as such, and ends with 130", async () => {
  const folder = mkdtempSync(join(tmpdir(), "simulate-"));
  try {
    const out = join(folder, "report.json");
    const args = ["--workload", "etl", "--scale", "0.1", "--seeds", "400", "--threads", "2", "--json", "--out", out];
    const { child, ended } = start(["simulate", ...args]);
    // A quarter is done when the first progress is told.
    child.stderr!.once("data", () => child.kill("SIGINT"));
    const { code, out: printed } = await ended;
    expect(code).toBe(130);
    const partial = JSON.parse(printed) as SimulationReport;
    expect(partial.interrupted).toBe(true);
    expect(partial.runs.done).toBe(partial.rows.length);
    expect(partial.runs.done).toBeGreaterThanOrEqual(200);
    expect(partial.runs.done).toBeLessThan(partial.runs.all);
    expect(JSON.parse(readFileSync(out, "utf8"))).toEqual(partial);
    expect(readdirSync(folder)).toEqual(["report.json"]);
    for (const { seeds, policies } of partial.points) {
      expect(seeds.length).toBeGreaterThan(0);
      expect(policies.map(({ policy }) => policy)).toEqual(["unified", "static"]);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});
