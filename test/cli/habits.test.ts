// What every command has to do alike, one table over all of them: examples in its help that run as printed, an answer to what was
// misspelt, files named that cannot be read, JSON and nothing else where JSON is asked for, and an end on Ctrl-C that loses
// nothing.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { gunzipSync, gzipSync } from "node:zlib";
import type { Command } from "commander";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { build, ROOT } from "../house/built.js";
import { folder } from "../trace/traces.js";
import { run } from "./run.js";

const MAIN = join(ROOT, "dist/cli/main.js");
const files = folder();

interface Habits {
  readonly load: () => Promise<Command>;
  /** A misspelt option, and the one meant. */
  readonly misspelt: readonly [string, string];
  /** A misspelt value, and the one meant. */
  readonly value?: readonly [readonly string[], string];
  /** Arguments with a file that is not there; null for a command that reads none. */
  readonly absent: readonly string[] | null;
  /** Arguments for one JSON value on standard output; null for a command whose lines are JSON anyway. */
  readonly json: readonly string[] | null;
}

const EVICT = ["--trace", "OLTP.lis.gz", "--format", "arc", "--policy", "lru,arc", "--capacity", "10,20"];

const COMMANDS: Readonly<Record<string, Habits>> = {
  study: {
    load: async () => (await import("../../src/cli/study.js")).studyCommand(),
    misspelt: ["--memroy", "--memory"],
    value: [["--mode", "on-heep"], "on-heap"],
    absent: ["--input", "absent"],
    json: ["--rows", "2000", "--memory", "256k", "--rounds", "1", "--warm-up", "0", "--out", "page", "--json"],
  },
  layout: {
    load: async () => (await import("../../src/cli/layout.js")).layoutCommand(),
    misspelt: ["--cnof", "--conf"],
    value: [["--cluster", "yran"], "yarn"],
    absent: null,
    json: ["--json"],
  },
  verify: {
    load: async () => (await import("../../src/cli/verify.js")).verifyCommand(),
    misspelt: ["--jsno", "--json"],
    absent: ["absent"],
    json: ["--json", "waiting.jsonl.gz"],
  },
  record: {
    load: async () => (await import("../../src/cli/record.js")).recordCommand(),
    misspelt: ["--profil", "--profile"],
    value: [["--profile", "watiing"], "waiting"],
    absent: ["--requests", "absent"],
    json: null,
  },
  diff: {
    load: async () => (await import("../../src/cli/diff.js")).diffCommand(),
    misspelt: ["--jsno", "--json"],
    absent: ["waiting.jsonl.gz", "absent"],
    json: ["--json", "a.jsonl", "b.jsonl"],
  },
  arena: {
    load: async () => (await import("../../src/cli/arena.js")).arenaCommand(),
    misspelt: ["--tarce", "--trace"],
    value: [["--trace", "x", "--format", "wie"], "wee"],
    absent: ["--trace", "absent", "--format", "wee"],
    json: ["--trace", "allocations.trace", "--format", "wee", "--shadow", "--json"],
  },
  events: {
    load: async () => (await import("../../src/cli/events.js")).eventsCommand(),
    misspelt: ["--in-progres", "--in-progress"],
    absent: ["absent"],
    json: ["log.gz", "--json"],
  },
  evict: {
    load: async () => (await import("../../src/cli/evict.js")).evictCommand(),
    misspelt: ["--capcity", "--capacity"],
    value: [["--trace", "x", "--format", "arc", "--policy", "lru,s3-fiffo", "--capacity", "1"], "s3-fifo"],
    absent: ["--trace", "absent", "--format", "arc", "--policy", "lru", "--capacity", "1"],
    json: [...EVICT, "--json"],
  },
  simulate: {
    load: async () => (await import("../../src/cli/simulate.js")).simulateCommand(),
    misspelt: ["--wrokload", "--workload"],
    value: [["--workload", "etl", "--policies", "unified,statik"], "static"],
    absent: ["--trace", "absent"],
    json: ["--workload", "etl", "--seeds", "1", "--scale", "0.1", "--threads", "0", "--json"],
  },
  explain: {
    load: async () => (await import("../../src/cli/explain.js")).explainCommand(),
    misspelt: ["--taks", "--task"],
    absent: ["absent"],
    json: ["--json", "waiting.jsonl.gz"],
  },
  export: {
    load: async () => (await import("../../src/cli/export.js")).exportCommand(),
    misspelt: ["--otu", "--out"],
    absent: ["absent"],
    json: null,
  },
};

/** What is added to examples that take long as they are printed. */
const ABRIDGED: Readonly<Record<string, readonly string[]>> = {
  "tungsten-memory study --full": ["--budget-minutes", "0.01", "--data", "1m", "--only", "ballast=0"],
  "tungsten-memory study": ["--rows", "2000", "--memory", "256k", "--rounds", "1", "--warm-up", "0"],
  "tungsten-memory simulate --workload trace.jsonl.gz": ["--seeds", "1", "--threads", "0"],
  "tungsten-memory simulate --workload": ["--seeds", "1", "--scale", "0.02", "--threads", "0"],
};

/** In this process where that can be: the processes of a study are started from dist/. */
async function ran(name: string, args: readonly string[]) {
  const { load } = COMMANDS[name]!;
  return name === "study" ? cli([name, ...args]) : run(await load(), args);
}

async function cli(args: readonly string[]) {
  const child = spawn(process.execPath, [MAIN, ...args], { cwd: files.path });
  let [out, err] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => (out += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (err += text));
  const [code] = (await once(child, "close")) as [number | null];
  return { code, out, err };
}

const examplesIn = (help: string): string[] => help.match(/(?<=^ {2})tungsten-memory .+$/gm) ?? [];

const home = process.cwd();
afterAll(() => process.chdir(home));

beforeAll(() => {
  build();
  process.chdir(files.path);
  const golden = (name: string, as: string): void =>
    copyFileSync(join(ROOT, "test/golden", name), join(files.path, as));
  const log = join(ROOT, "test/events/logs/spark3.0-application_1553914137147_0018-7g.jsonl.gz");
  golden("4.1.1-waiting-1.jsonl.gz", "trace.jsonl.gz");
  golden("4.1.1-tiny-1.jsonl.gz", "trace.jsonl");
  golden("4.1.1-waiting-2.jsonl.gz", "waiting.jsonl.gz");
  golden("4.1.1-tiny-1.jsonl.gz", "a.jsonl");
  golden("4.1.1-tiny-1.jsonl.gz", "b.jsonl");
  golden("vectors-4.1.1-reads-1.jsonl.gz", "vectors.jsonl.gz");
  golden("alloc/ls.trace.gz", "allocations.trace");
  golden("alloc/ls.trace.gz", "allocations.trace.gz");
  copyFileSync(log, join(files.path, "application_1553914137147_0018.gz"));
  copyFileSync(log, join(files.path, "log.gz"));
  mkdirSync(join(files.path, "eventlog_v2_local-1776286804625"));
  const part = gunzipSync(readFileSync(log));
  writeFileSync(join(files.path, "eventlog_v2_local-1776286804625/events_1_local-1776286804625"), part);
  copyFileSync(join(ROOT, "data/flights-200k.csv.gz"), join(files.path, "flights.csv.gz"));
  const requests = Array.from({ length: 200 }, (_, i) => `${(i * i) % 97} ${1 + (i % 7)} 0 ${i}\n`).join("");
  mkdirSync(join(files.path, "page"));
  writeFileSync(join(files.path, "OLTP.lis.gz"), gzipSync(requests));
  const shipped = pathToFileURL(join(ROOT, "dist/index.js")).href;
  writeFileSync(
    join(files.path, "mine.mjs"),
    `import { unified } from "${shipped}";\nexport default { ...unified, name: "mine" };\n`,
  );
});

describe("help", () => {
  test("the table has every command", async () => {
    const { out } = await cli(["--help"]);
    const commands = /^Commands:\n(.*?)\n\n/ms.exec(out)![1]!.matchAll(/^ {2}(\w+) /gm);
    expect(new Set(Array.from(commands, ([, name]) => name))).toEqual(new Set([...Object.keys(COMMANDS), "help"]));
    for (const name of Object.keys(COMMANDS))
      expect(examplesIn(out).some((example) => example.startsWith(`tungsten-memory ${name}`))).toBe(true);
  });

  test.each(Object.keys(COMMANDS))("%s says how it ends, and its examples run as printed", async (name) => {
    const { code, out, err } = await cli([name, "--help"]);
    expect([code, err]).toEqual([0, ""]);
    expect(out).toMatch(/^Exit code: 0 .*2 .*\.$/m);
    const examples = examplesIn(out);
    expect(examples.filter((example) => example.startsWith(`tungsten-memory ${name}`))).not.toEqual([]);
    // One after the other: an example may use what the one before has made.
    for (const example of examples) {
      const more = Object.entries(ABRIDGED).find(([start]) => example === start || example.startsWith(`${start} `));
      const isStudy = more?.[0] === "tungsten-memory study";
      const args = example.split(" ").slice(1);
      const added = more === undefined || (isStudy && args.length > 1) ? [] : more[1];
      const { code: ended, out: said, err: trouble } = await ran(args[0]!, [...args.slice(1), ...added]);
      // A difference found is an answer too.
      expect(ended, `${example}\n${trouble}`).toBe(args[0] === "diff" ? 1 : 0);
      if (args.includes("--json")) expect(() => void JSON.parse(said), example).not.toThrow();
    }
  });
});

describe.each(Object.entries(COMMANDS))("%s", (name, { misspelt, value, absent, json }) => {
  test("tells what was meant by a misspelt option or value", async () => {
    const option = await cli([name, misspelt[0]]);
    expect(option).toMatchObject({ code: 2, out: "" });
    expect(option.err).toContain(`unknown option '${misspelt[0]}'\n(Did you mean ${misspelt[1]}?)`);
    if (value === undefined) return;
    const wrong = await cli([name, ...value[0]]);
    expect(wrong).toMatchObject({ code: 2, out: "" });
    expect(wrong.err.toLowerCase()).toContain(`did you mean ${value[1]}?`);
  });

  if (absent !== null)
    test("names a file that cannot be read, on standard error, and ends with 2", async () => {
      const plain = await ran(name, absent);
      expect([plain.code, plain.out]).toEqual([2, ""]);
      expect(plain.err).toContain("absent");
      expect(plain.err).not.toContain("    at ");
      if (json === null) return;
      const asJson = await ran(name, [...absent, "--json"]);
      expect(asJson.code).toBe(2);
      // What prints a list of rows prints none.
      if (asJson.out !== "") expect(JSON.parse(asJson.out)).toHaveProperty("error.message");
    });

  if (json !== null)
    test("prints JSON and nothing else with --json, and no colour", async () => {
      const { code, out, err } = await ran(name, json);
      expect(code, err).toBe(0);
      expect(out.match(/\n/g)).toHaveLength(1);
      expect(() => void JSON.parse(out)).not.toThrow();
      expect(out + err).not.toContain("\u001b");
    });
});

test("`help` tells which command was meant", async () => {
  const { code, out, err } = await cli(["help", "simualte"]);
  expect([code, out]).toEqual([2, ""]);
  expect(err).toContain("did you mean simulate?");
});

test("a setting that is nobody's is told where it is simulated, beside the result", async () => {
  const { code, err } = await cli(
    "simulate --workload etl --seeds 1 --scale 0.1 --threads 0 --conf spark.memory.fractoin=0.5".split(" "),
  );
  expect(code).toBe(0);
  expect(err).toContain("notice misspelt-key:");
});

describe("an interrupted command", () => {
  /** Interrupts a command as soon as `begun` holds. */
  async function interrupted(args: readonly string[], begun: (said: string) => boolean) {
    const child = spawn(process.execPath, [MAIN, ...args], { cwd: files.path });
    const ended = once(child, "close");
    let out = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (out += text));
    while (!begun(out) && child.exitCode === null) await new Promise((resolve) => setTimeout(resolve, 10));
    child.kill("SIGINT");
    const [code] = (await ended) as [number | null];
    return { code, out };
  }

  test.each([
    ["a trace", "cut.jsonl.gz", []],
    ["a recording with causes", "cut.causes", ["--why"]],
  ])("leaves %s that is whole", async (_, out, more) => {
    const args = ["record", "--profile", "waiting", "--rows", "100000000", ...more, "--out", out];
    const before = readdirSync(files.path);
    const { code } = await interrupted(args, () => readdirSync(files.path).includes(out));
    expect(code).toBe(130);
    expect(readdirSync(files.path)).toEqual([...before, out].sort());
    const read = out.endsWith(".causes") ? ["explain", out, "--json"] : ["verify", out, "--json"];
    const { code: readCode, err } = await cli(read);
    expect(readCode, err).toBe(0);
  });

  test("prints the rows that it has", async () => {
    copyFileSync(join(ROOT, "test/golden/requests/web07.trace.gz"), join(files.path, "web07.trace.gz"));
    const capacities = Array.from({ length: 2000 }, (_, i) => i + 100).join(",");
    const { code, out } = await interrupted(
      ["evict", "--trace", "web07.trace.gz", "--format", "cache2k", "--policy", "lirs", "--capacity", capacities],
      (said) => said.includes("lirs"),
    );
    expect(code).toBe(130);
    const rows = out.match(/^lirs .*\n/gm)!;
    expect(rows.length).toBeGreaterThan(0);
    expect(rows.length).toBeLessThan(2000);
    expect(out.endsWith("\n")).toBe(true);
  });
});
