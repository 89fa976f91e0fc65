// The program as it is started: what it loads, how it answers what it does not understand, and how it ends.

import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CommanderError } from "commander";
import { beforeAll, describe, expect, test } from "vitest";
import { EXIT_BUG, endingOf } from "../../src/cli/trouble.js";
import { assert, Refusal } from "../../src/fault.js";
import { VERSION } from "../../src/generated/version.js";
import { build, ROOT } from "../house/built.js";

const MAIN = join(ROOT, "dist/cli/main.js");

function cli(args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...args], {
    encoding: "utf8",
    env: { ...process.env, ...env },
  });
  return { code: status, out: stdout, err: stderr };
}

beforeAll(build);

describe("what is asked of the program itself", () => {
  test("--version prints the version", () => {
    expect(cli(["--version"])).toEqual({ code: 0, out: `${VERSION}\n`, err: "" });
  });

  test("--help names every command, with examples and exit codes", () => {
    const { code, out, err } = cli(["--help"]);
    expect([code, err]).toEqual([0, ""]);
    for (const name of ["study", "layout", "verify", "record", "diff", "arena", "evict"]) {
      expect(out).toMatch(new RegExp(`^  ${name}\\b`, "m"));
      expect(out).toMatch(new RegExp(`^  tungsten-memory ${name}\\b`, "m"));
    }
    expect(out).toContain("Exit code:");
    expect(cli(["help"])).toEqual({ code, out, err });
  });

  test("a command tells its own options", () => {
    const { code, out, err } = cli(["layout", "--help"]);
    expect([code, err]).toEqual([0, ""]);
    expect(out).toContain("--conf");
    expect(cli(["help", "layout"])).toEqual({ code, out, err });
  });

  test("without a command it shows its help, as wrong usage", () => {
    const { code, out, err } = cli([]);
    expect([code, out]).toEqual([2, ""]);
    expect(err).toContain("Usage: tungsten-memory");
  });
});

describe("wrong usage ends with 2, says what was meant, and prints no result", () => {
  test.each<[string, string[], string]>([
    ["a misspelt command", ["laout"], "unknown command 'laout'\n(Did you mean layout?)"],
    ["a command that is nothing like one", ["xylophone"], "unknown command 'xylophone'"],
    ["a misspelt option", ["layout", "--cnof", "a=b"], "unknown option '--cnof'\n(Did you mean --conf?)"],
    ["an option without its value", ["layout", "--conf"], "argument missing"],
    ["a value that is none of the choices", ["layout", "--cluster", "mesos"], "Allowed choices are yarn, k8s"],
    ["a value that is no number", ["layout", "--cores", "four"], "'four' is invalid"],
    ["an argument too many", ["layout", "8g"], "too many arguments"],
    ["no file", ["verify"], "missing required argument 'file'"],
  ])("%s", (_, args, says) => {
    const { code, out, err } = cli(args);
    expect([code, out]).toEqual([2, ""]);
    expect(err).toContain(`tungsten-memory: `);
    expect(err).toContain(says);
    expect(err).not.toContain("    at ");
  });
});

test("a command does not load the others", () => {
  const folder = mkdtempSync(join(tmpdir(), "loaded-"));
  try {
    expect(cli(["layout", "--json"], { NODE_V8_COVERAGE: folder }).code).toBe(0);
    const [report] = readdirSync(folder);
    const { result } = JSON.parse(readFileSync(join(folder, report!), "utf8")) as { result: { url: string }[] };
    const loaded = result
      .map(({ url }) => /\/dist\/cli\/(\w+)\.js$/.exec(url)?.[1])
      .filter((name) => name !== undefined);
    expect(loaded).toContain("layout");
    expect(loaded.filter((name) => ["study", "verify", "arena"].includes(name))).toEqual([]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("a reader that goes away ends the program without a word", async () => {
  const child = spawn(process.execPath, [MAIN, "--help"], { stdio: ["ignore", "pipe", "pipe"] });
  let err = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (err += text));
  child.stdout.destroy();
  expect(await once(child, "close")).toEqual([0, null]);
  expect(err).toBe("");
});

describe("what a command throws", () => {
  test("a refusal is told in its own words", () => {
    expect(endingOf(new Refusal("no room"))).toEqual({ code: 1, says: "no room" });
  });

  test("a file that is not there is the user's", () => {
    const error = Object.assign(new Error("ENOENT: no such file"), { code: "ENOENT", syscall: "open" });
    expect(endingOf(error)).toEqual({ code: 2, says: "ENOENT: no such file" });
  });

  test("what commander has said is not said again", () => {
    expect(endingOf(new CommanderError(1, "commander.unknownOption", "x"))).toEqual({ code: 2, says: null });
    expect(endingOf(new CommanderError(0, "commander.helpDisplayed", "x"))).toEqual({ code: 0, says: null });
  });

  test("a bug brings its stack", () => {
    const bug = (() => {
      try {
        return assert(false, "two and two are four");
      } catch (error) {
        return error;
      }
    })();
    for (const thrown of [bug, new TypeError("x is undefined"), "a string"]) {
      const { code, says } = endingOf(thrown);
      expect(code).toBe(EXIT_BUG);
      expect(says).toContain("this is a bug");
    }
    expect(endingOf(bug).says).toMatch(/two and two are four\n\s+at /);
  });
});
