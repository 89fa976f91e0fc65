// `study --full` as a user meets it: a few tiny cells in real processes and threads, a file that is gone on with, and nothing
// left behind on any way out.

import type { ChildProcess } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { start } from "./program.js";

let directory = "";
let spills = "";
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "grid-program-"));
  spills = join(directory, "spills");
  mkdirSync(spills);
});
afterAll(() => rmSync(directory, { recursive: true }));

const full = (out: string, ...args: string[]) =>
  start([
    "study",
    "--full",
    "--dir",
    spills,
    "--out",
    join(directory, out),
    "--data",
    "1m",
    "--rounds",
    "2",
    "--warm-up",
    "1",
    ...args,
  ]);
const part = (...parts: string[]): string[] => parts.flatMap((one) => ["--only", one]);
const tiny = part("record=16", "budget=1/4", "cores=2", "ballast=1m");

interface Cell {
  readonly repetitions: number;
  readonly vacuous: readonly unknown[];
  readonly trouble: string | null;
  readonly ballastBytes: number;
  readonly spills: number;
  readonly arenaBytes: number | null;
  readonly batches: { readonly p50: number | null };
}

interface Results {
  readonly plan: { readonly seed: number };
  readonly resumed: number;
  readonly made: number;
  readonly ended: string;
  readonly cells: readonly {
    readonly setting: { readonly cores: number };
    readonly telling: number;
    readonly onHeap: Cell;
    readonly offHeap: Cell;
  }[];
  readonly unvisited: readonly unknown[];
  readonly verdicts: readonly { readonly question: string; readonly answer: string }[];
}

const linesOf = (out: string): { kind: string }[] =>
  readFileSync(join(directory, out), "utf8")
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line) as { kind: string });

test("a few cells in real processes, two threads in each at one executor, and the same file gone on with", async () => {
  const {
    code,
    out: said,
    err,
  } = await full("a.jsonl", ...tiny, ...part("sort,aggregate,scan", "cores=2"), "--budget-minutes", "0.03", "--json")
    .ended;
  expect({ code, err }).toMatchObject({ code: 0 });
  const results = JSON.parse(said) as Results;
  expect(results).toMatchObject({ plan: { seed: 1 }, resumed: 0 });
  expect(results.made).toBeGreaterThan(0);
  expect(results.cells.length + results.unvisited.length).toBe(2);
  for (const { onHeap, offHeap } of results.cells) {
    for (const cell of [onHeap, offHeap]) {
      expect(cell).toMatchObject({ vacuous: [], trouble: null });
      expect(cell.repetitions).toBeGreaterThanOrEqual(2);
      expect(cell.spills).toBeGreaterThan(0);
      expect(cell.batches.p50).toBeGreaterThan(0);
      expect(cell.ballastBytes).toBeGreaterThan(2 ** 18);
    }
    expect(onHeap.arenaBytes).toBeNull();
    expect(offHeap.arenaBytes).toBeGreaterThan(0);
  }
  expect(results.verdicts.map(({ question }) => question).join()).toContain("garbage collection");
  expect(readdirSync(spills)).toEqual([]);
  expect(linesOf("a.jsonl")).toHaveLength(1 + results.made);

  const more = await full("a.jsonl", ...tiny, ...part("sort,aggregate,scan", "cores=2"), "--budget-minutes", "0.01")
    .ended;
  expect(more.code).toBe(0);
  expect(more.err).toContain(`${results.made} visits are in the file already`);
  expect(more.out).toContain(`${results.made} of them found in the file`);
  expect(more.out).toContain("Which mode is faster at sort, by live objects in the heap?");
  expect(more.out).toContain(`results   ${join(directory, "a.jsonl")}`);
  expect(more.out.trimEnd().endsWith(join(directory, "a.html"))).toBe(true);
  expect(readFileSync(join(directory, "a.html"), "utf8")).toContain("</html>");
  expect(linesOf("a.jsonl").length).toBeGreaterThan(1 + results.made);

  const other = await full("a.jsonl", ...tiny, ...part("sort,aggregate,scan", "cores=2"), "--seed", "2").ended;
  expect(other).toMatchObject({ code: 2, out: "" });
  expect(other.err).toContain("line 1: is the plan of another experiment: seed is 1 there and 2 here");
});

test("an interrupt keeps whole visits, ends the processes and removes the files", async () => {
  const { child, ended } = full(
    "c.jsonl",
    ...part("sort", "record=16", "cores=1", "ballast=0"),
    "--rounds",
    "50",
    "--json",
  );
  await visiting(child, 2);
  expect(readdirSync(spills)).toHaveLength(1);
  child.kill("SIGINT");
  const { code, out: said } = await ended;
  expect(code).toBe(130);
  const results = JSON.parse(said) as Results;
  expect(results.ended).toBe("interrupted");
  expect(results.made).toBeGreaterThan(0);
  expect(linesOf("c.jsonl").map(({ kind }) => kind)).toEqual(["plan", ...Array<string>(results.made).fill("visit")]);
  expect(readdirSync(spills)).toEqual([]);
});

test("measuring processes and their threads whose parent is killed end and leave nothing", async () => {
  const { child, ended } = full("d.jsonl", ...part("sort", "record=16", "cores=2", "ballast=0"), "--rounds", "50");
  await processesIn(2);
  child.kill("SIGKILL");
  // The output closes when the last process that holds it has ended.
  expect((await ended).code).toBeNull();
  expect(readdirSync(spills)).toEqual([]);
});

test("a budget that nothing fits into is a result, not the end", async () => {
  const parts = part("sort", "record=16", "budget=1/64", "cores=1", "ballast=0");
  const { code, out: said } = await full("e.jsonl", ...parts, "--data", "16k", "--budget-minutes", "0.5", "--json")
    .ended;
  expect(code).toBe(0);
  const results = JSON.parse(said) as Results;
  expect(results).toMatchObject({ ended: "narrow", made: 2, cells: [{ telling: 0 }] });
  expect(results.cells[0]!.onHeap.trouble).toContain("on-heap process: ");
});

test.each([
  [["study", "--full", "--only", "sorting"], "the workloads are sort, aggregate, scan"],
  [["study", "--full", "--only", "scan", "--only", "cores=2"], "a scan has one core"],
  [["study", "--full", "--only", "budget=3/4"], "--only budget=3/4: budgets are"],
  [["study", "--full", "--only", "ballast=64g"], "64.0 GiB of live objects and 32.0 MiB of rows in two processes need"],
  [["study", "--full", "--rows", "5"], "--rows has no meaning with --full"],
  [["study", "--full", "--budget-minutes", "0"], "--budget-minutes"],
  [["study", "--full", "--dir", "/no/such/directory"], "/no/such/directory"],
  [["study", "--full", "--only", "ballast=0", "--out", "/no/such/directory/file"], "--out /no/such/directory/file"],
  [["study", "--budget-minutes", "5"], "--budget-minutes is for --full"],
])("%j ends with 2 and says why", async (args, why) => {
  const { code, err } = await start(args).ended;
  expect({ code, err }).toMatchObject({ code: 2 });
  expect(err).toContain(why);
  expect(err).not.toContain("    at ");
});

/** Resolves when so many measuring processes have made their directories. */
async function processesIn(count: number): Promise<void> {
  const homes = (): number =>
    readdirSync(spills).reduce((sum, home) => sum + readdirSync(join(spills, home)).length, 0);
  while (homes() < count) await setTimeout(20);
}

/** Resolves when so many visits have been announced. */
function visiting(child: ChildProcess, visits: number): Promise<void> {
  let begun = 0;
  return new Promise((resolve) => {
    child.stderr!.on("data", (text: string) => {
      begun += text.split(" left: ").length - 1;
      // A moment into the last one.
      if (begun >= visits) void setTimeout(200).then(resolve);
    });
  });
}
