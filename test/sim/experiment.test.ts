// Experiments: the grid and its cells, what is compared with what, and what may be said of it.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { ConfigError } from "../../src/config/keys.js";
import { Refusal } from "../../src/fault.js";
import { compare } from "../../src/sim/compare.js";
import { figuresOf } from "../../src/sim/figures.js";
import {
  type Cell,
  type CellResult,
  cellsOf,
  checkExperiment,
  type Experiment,
  pointsOf,
  runCell,
} from "../../src/sim/experiment.js";
import { noOutcome, type Outcome } from "../../src/sim/outcome.js";
import { ROOT } from "../house/built.js";

const MIB = 2 ** 20;

const PLAIN: Experiment = {
  workload: "etl",
  policies: ["unified", "static"],
  spillOrder: null,
  eviction: "lru",
  allocation: "static",
  executors: 1,
  cores: 4,
  conf: { "spark.executor.memory": "4g" },
  generation: "4.1",
  sweeps: [],
  seed: 1,
  seeds: 3,
  scale: 0.1,
};

describe("cells", () => {
  test("are all places of the grid under all policies, seed by seed", () => {
    const experiment: Experiment = {
      ...PLAIN,
      seeds: 2,
      sweeps: [
        { key: "cores", values: [2, 4] },
        { key: "fraction", values: [0.4, 0.6, 0.8] },
      ],
    };
    expect(pointsOf(experiment).slice(0, 4)).toEqual([
      { cores: 2, fraction: 0.4 },
      { cores: 2, fraction: 0.6 },
      { cores: 2, fraction: 0.8 },
      { cores: 4, fraction: 0.4 },
    ]);
    const cells = cellsOf(experiment);
    expect(cells).toHaveLength(2 * 6 * 2);
    expect(cells.slice(0, 12).every(({ seed }) => seed === 1)).toBe(true);
    expect(new Set(cells.map((cell) => JSON.stringify(cell))).size).toBe(cells.length);
  });

  test("without a sweep there is one place", () => {
    expect(pointsOf(PLAIN)).toEqual([{}]);
  });

  test("a cell is run at its place: a swept setting is what the executor gets", () => {
    const peak = (experiment: Experiment, point: number): number =>
      runCell(experiment, { point, policy: "unified", seed: 1 }).peakBytes;
    const memory: Experiment = { ...PLAIN, sweeps: [{ key: "memory", values: [1024 * MIB, 4096 * MIB] }] };
    expect(peak(memory, 0)).toBeLessThanOrEqual((1024 - 300) * MIB * 0.6);
    expect(peak(memory, 1)).toBe(peak(PLAIN, 0));
    const fraction: Experiment = { ...PLAIN, sweeps: [{ key: "fraction", values: [0.1] }] };
    expect(peak(fraction, 0)).toBeLessThanOrEqual((4096 - 300) * MIB * 0.1);
  });

  test("storageFraction decides what a hard boundary leaves to sorts", () => {
    const experiment: Experiment = { ...PLAIN, sweeps: [{ key: "storageFraction", values: [0.1, 0.9] }] };
    const [little, much] = [0, 1].map((point) => runCell(experiment, { point, policy: "static", seed: 1 }).spillBytes);
    expect(much).toBeGreaterThan(little!);
  });

  test("executors that come and go are another allocation of the same demand", () => {
    const cell: Cell = { point: 0, policy: "unified", seed: 1 };
    const fixed = runCell({ ...PLAIN, executors: 3 }, cell);
    const dynamic = runCell({ ...PLAIN, executors: 3, allocation: "dynamic" }, cell);
    expect(dynamic.tasks).toBe(fixed.tasks);
    expect(dynamic.makespanUs).toBeGreaterThan(fixed.makespanUs);
  });
});

describe("an experiment that cannot be run is refused before anything runs", () => {
  test.each<[string, Partial<Experiment>, RegExp]>([
    ["a workload", { workload: "elt" }, /no workload "elt": did you mean etl\?/],
    ["a policy", { policies: ["unified", "unfied"] }, /no policy "unfied": did you mean unified/],
    ["an eviction", { eviction: "mru" }, /no eviction "mru": did you mean lru/],
    ["memory below what Spark starts with", { conf: { "spark.executor.memory": "100m" } }, /./],
    ["a fraction beyond 1 somewhere in the grid", { sweeps: [{ key: "fraction", values: [0.5, 1.5] }] }, /between 0/],
    ["pages that memory has no room for", { conf: { "spark.buffer.pageSize": "64g" } }, /has no room for a page/],
  ])("%s", (_, wrong, says) => {
    expect(() => checkExperiment({ ...PLAIN, ...wrong })).toThrow(Refusal);
    expect(() => checkExperiment({ ...PLAIN, ...wrong })).toThrow(says);
  });

  test("a configuration is refused as Spark refuses it", () => {
    const conf = { "spark.memory.fraction": "two" };
    expect(() => checkExperiment({ ...PLAIN, conf })).toThrow(ConfigError);
    expect(() => checkExperiment(PLAIN)).not.toThrow();
  });
});

describe("comparing", () => {
  const result = (seed: number, policy: string, outcome: Partial<Outcome>): CellResult => ({
    point: 0,
    policy,
    seed,
    outcome: { ...noOutcome(), ...outcome },
  });

  test("pairs by seed: a small difference that is always there is significant beside a large spread", () => {
    const seeds = Array.from({ length: 16 }, (_, i) => i + 1);
    const results = seeds.flatMap((seed) => {
      const makespanUs = 1000 * ((seed * 7919) % 101);
      const noise = (seed * 31) % 7;
      return [
        result(seed, "unified", { makespanUs, gcUs: noise }),
        result(seed, "static", { makespanUs: makespanUs + 5 + (seed % 3), gcUs: 6 - noise }),
      ];
    });
    const [report] = compare({ ...PLAIN, seeds: 16 }, results);
    const of = (metric: string) => report!.differences.find((each) => each.metric === metric)!;
    expect(of("makespanUs")).toMatchObject({ policy: "static", against: "unified", significant: true });
    expect(of("makespanUs").low).toBeGreaterThan(5);
    expect(of("makespanUs").high).toBeLessThan(7);
    expect(of("gcUs").significant).toBe(false);
    expect(of("evictions")).toMatchObject({ mean: 0, p: 1, pCorrected: 1, significant: false });
    const tested = report!.differences.filter(({ alike }) => !alike);
    expect(tested.map(({ metric }) => metric)).toEqual(["makespanUs", "gcUs"]);
    // Corrected for those two alone.
    expect(of("makespanUs").pCorrected).toBeCloseTo(2 * of("makespanUs").p, 12);
    expect(report!.differences).toHaveLength(figuresOf("etl").length);
    expect(report!.enoughSeeds).toBe(true);
  });

  test("leaves out seeds that are not complete, and places without any", () => {
    const experiment: Experiment = { ...PLAIN, sweeps: [{ key: "cores", values: [1, 2] }] };
    const results = [result(2, "unified", {}), result(1, "unified", {}), result(1, "static", {})];
    const [report, ...others] = compare(experiment, results);
    expect([report!.seeds, report!.at, others]).toEqual([[1], { cores: 1 }, []]);
  });

  test("says when so few seeds could show nothing", () => {
    const results = [1, 2].flatMap((seed) => [result(seed, "unified", {}), result(seed, "static", { jobUs: 1 })]);
    expect(compare(PLAIN, results)[0]!.enoughSeeds).toBe(false);
    // Where nothing differs more seeds would not help.
    const same = [1, 2].flatMap((seed) => [result(seed, "unified", {}), result(seed, "static", {})]);
    expect(compare(PLAIN, same)[0]!.enoughSeeds).toBe(true);
  });

  test("one policy is compared with nobody", () => {
    const [report] = compare({ ...PLAIN, policies: ["unified"] }, [result(1, "unified", { makespanUs: 7 })]);
    expect(report!.differences).toEqual([]);
    expect(report!.policies[0]!.metrics.makespanUs).toEqual({ mean: 7, low: 7, high: 7 });
  });
});

test("the simulator computes with what is the same everywhere", () => {
  const files = readdirSync(join(ROOT, "src/sim"), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts"))
    .map((file) => join(ROOT, "src/sim", file));
  expect(files.length).toBeGreaterThan(10);
  for (const file of [...files, join(ROOT, "src/trace/random.ts")]) {
    const used = readFileSync(file, "utf8").matchAll(/\b(?:Math\.(\w+)|(performance|Date|Intl|toLocale\w*))\b/g);
    const names = new Set([...used].map(([, math, other]) => math ?? other));
    const exact = ["abs", "ceil", "floor", "imul", "max", "min", "round", "sqrt", "trunc"];
    expect(
      [...names].filter((name) => !exact.includes(name!)),
      file,
    ).toEqual([]);
  }
});
