// The command `simulate`: what it prints, what it refuses, and what is left of a run that is ended early.

import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CommanderError } from "commander";
import { beforeAll, describe, expect, test } from "vitest";
import { type SimulationReport, simulateCommand } from "../../src/cli/simulate.js";
import { build } from "../house/built.js";
import { start } from "../study/program.js";
import { run } from "./run.js";

beforeAll(build);

const SMALL = ["--workload", "etl", "--memory", "2g", "--scale", "0.1", "--threads", "0"];

async function report(...args: string[]): Promise<SimulationReport> {
  const { code, out } = await run(simulateCommand(), [...SMALL, "--json", ...args]);
  expect(code).toBe(0);
  return JSON.parse(out) as SimulationReport;
}

describe("a run", () => {
  test("is told in words, with intervals and what is not significant", async () => {
    const { code, out } = await run(simulateCommand(), [...SMALL, "--seeds", "12", "--policies", "unified,static"]);
    expect(code).toBe(0);
    expect(out).toContain("etl on 1 executor of 4 cores, 2048m, eviction lru, seeds 1 to 12");
    expect(out).toMatch(/^ {2}makespan +\d+\.\d s \[\d+\.\d s, \d+\.\d s\]/m);
    expect(out).toMatch(/static against unified: makespan .* more \[.*\], p 0\.0/);
    expect(out).toMatch(/static: not significant: .*evictions/);
  });

  test("ends with the law's name when a policy breaks one on the way, whoever runs it", async () => {
    const folder = mkdtempSync(join(tmpdir(), "simulate-"));
    try {
      const file = join(folder, "mine.mjs");
      const unified = new URL("../../dist/policy/unified.js", import.meta.url).href;
      // Well until it meets a whole executor of 2 GiB.
      const share = "(view, held, bytes) => (view.total === 1099746508 ? bytes + 1 : unified.share(view, held, bytes))";
      writeFileSync(
        file,
        `import { unified } from "${unified}";
        const ceiling = (view) => (view.total === 1099746508 ? 0 : unified.ceiling(view));
        export default { ...unified, name: "mine", ceiling, share: ${share} };`,
      );
      const args = [
        "simulate",
        "--workload",
        "etl",
        "--memory",
        "2g",
        "--scale",
        "0.1",
        "--seeds",
        "1",
        "--policies",
        file,
      ];
      for (const threads of ["0", "2"]) {
        const { code, out, err } = await start([...args, "--threads", threads]).ended;
        expect([code, out]).toEqual([2, ""]);
        expect(err).toContain("simulate: law 2: policy mine answers share with ");
        expect(err).not.toContain("bug");
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test("says whose times are those of less work", async () => {
    const args = ["--workload", "join-heavy", "--memory", "2g", "--scale", "0.3", "--seeds", "2", "--threads", "0"];
    const { out } = await run(simulateCommand(), args);
    expect(out).toMatch(/failed tasks have not done their work: the times of .*static are those of less work/);
    expect((await run(simulateCommand(), [...SMALL, "--seeds", "2"])).out).not.toContain("less work");
  });

  test("says when there are too few seeds to say anything", async () => {
    const { out } = await run(simulateCommand(), [...SMALL, "--seeds", "3"]);
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
    ["a workload that there is not", ["--workload", "elt"], /Allowed choices are etl, join-heavy/],
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

  test("no workload, a configuration that Spark refuses, a file that cannot be written: told, and 2", async () => {
    expect(await run(simulateCommand(), [])).toMatchObject({ code: 2, out: "" });
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
