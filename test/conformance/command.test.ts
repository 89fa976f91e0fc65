// The command itself, as far as it goes without Java: what it refuses, and what it says where a tool is missing.

import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { build, ROOT } from "../house/built.js";

const folder = mkdtempSync(join(tmpdir(), "tools-"));
beforeAll(build);
afterAll(() => rmSync(folder, { recursive: true }));

function conformance(args: readonly string[], env: NodeJS.ProcessEnv = process.env) {
  const main = ["--import", "tsx", "conformance/main.ts", ...args];
  const { status, stdout, stderr } = spawnSync(process.execPath, main, { cwd: ROOT, encoding: "utf8", env });
  return { status, stdout, stderr };
}

/** A machine on which only these programs are installed; each says its version. */
function machine(programs: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  const bin = mkdtempSync(join(folder, "bin-"));
  for (const [name, says] of Object.entries(programs)) {
    writeFileSync(join(bin, name), `#!/bin/sh\n${says}\n`);
    chmodSync(join(bin, name), 0o755);
  }
  return { PATH: bin, HOME: folder };
}

const says = (text: string): string => `echo '${text}' >&2`;
const JDK = { java: says('openjdk version "17.0.1"'), javac: says("javac 17.0.1") };

test("a Spark whose rules are not known is refused before anything is looked for", () => {
  const { status, stderr } = conformance(["--spark", "3.1.3"], machine({}));
  expect(status).toBe(2);
  expect(stderr).toContain("conformance: Spark 3.1.3 cannot be checked against: 3.0 to 3.2");
});

test("wrong usage ends with 2 and a way on", () => {
  for (const args of [[], ["--spark", "3.5.7", "--seeds", "none"]]) {
    const { status, stderr } = conformance(args);
    expect(status).toBe(2);
    expect(stderr).toContain("--help tells more");
  }
});

describe("what is missing is told with what to install", () => {
  test.each([
    ["no Java", {}, "there is no `java`: install a JDK of version 17"],
    ["an old Java", { java: says('java version "1.8.0_392"') }, "`java` is 8"],
    ["no compiler", { java: JDK.java }, "no `javac`"],
    ["no Maven", JDK, "install Maven"],
  ])("%s", (_, programs, message) => {
    const { status, stderr } = conformance(["--spark", "3.5.7"], machine(programs));
    expect(stderr).toContain(message);
    expect(status).toBe(2);
  });

  test("a registry that cannot be reached", () => {
    const maven = `[ "$1" = -version ] && exit 0\necho '[ERROR] Could not transfer artifact x: Connection refused'; exit 1`;
    // A version that nobody has fetched.
    const { status, stderr } = conformance(["--spark", "3.5.99"], machine({ ...JDK, mvn: maven }));
    expect(stderr).toContain("Maven cannot reach the registry that it fetches Spark 3.5.99 from");
    expect(stderr).toContain("Connection refused");
    expect(status).toBe(2);
    expect(existsSync(join(ROOT, "conformance/target/3.5.99"))).toBe(false);
  });
});
