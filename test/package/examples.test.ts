// The documentation of the public names, held to what it says: everything has a docstring, down to methods and properties, every
// function and class an example, and all examples compile as a user's programs and print what they promise.

import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { build, ROOT } from "../house/built.js";
import { entries, namesOf, promised, type PublicName } from "./examples.js";
import { membersOf } from "./members.js";

const names = Array.from(entries(), ([entry, file]) => namesOf(entry, file)).flat();
const unique = Array.from(new Map(names.map((each) => [`${each.file} ${each.name}`, each])).values());
const examples = unique.flatMap(({ name, file, examples: codes }) =>
  codes.map((code, at) => ({ name, file, code, program: `${file.replaceAll(/\W/g, "-")}-${name}-${at}` })),
);

// Within the package, so that its name means itself, with its types as they are shipped.
const folder = join(ROOT, "build", `examples-${process.pid}`);

const idOf = ({ entry, name, file }: PublicName): string => `${entry} ${name} (${file})`;

describe("every public name", () => {
  beforeAll(() => build());

  test("is found", () => {
    expect(new Set(names.map(({ entry }) => entry))).toEqual(
      new Set([".", "./eviction", "./spill", "./why", "./why/file"]),
    );
    expect(names.length).toBeGreaterThan(300);
  });

  test("has a docstring", () => {
    expect(unique.filter(({ doc }) => doc.length < 10).map(idOf)).toEqual([]);
  });

  test("has docstrings for its methods and properties", () => {
    const members = unique
      .filter(({ kind }) => kind === "class" || kind === "interface")
      .flatMap(({ name: owner }) => membersOf(owner).map((member) => ({ owner, ...member })));
    expect(members.length).toBeGreaterThan(900);
    expect(members.filter(({ doc }) => doc.length < 5).map(({ owner, name }) => `${owner}.${name}`)).toEqual([]);
  });

  test("that can be called or made has an example that imports it from where it is to be had", () => {
    const lacking = unique.filter(
      ({ kind, examples: codes, name }) =>
        (kind === "function" || kind === "class") &&
        !codes.some((code) => new RegExp(`\\b${name}\\b`).test(code) && code.includes('from "tungsten-memory')),
    );
    expect(lacking.map(idOf)).toEqual([]);
  });
});

describe("the examples", () => {
  beforeAll(() => {
    build();
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    for (const { program, code } of examples) writeFileSync(join(folder, `${program}.ts`), `${code}\nexport {};\n`);
    writeFileSync(
      join(folder, "tsconfig.json"),
      JSON.stringify({
        extends: "../../tsconfig.json",
        compilerOptions: { noEmit: false, rootDir: ".", outDir: "out", allowJs: false },
        include: ["*.ts"],
      }),
    );
    writeFileSync(join(folder, "run.mjs"), RUNNER);
  });

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test("compile against what is shipped, and print what they promise", () => {
    const tsc = join(dirname(createRequire(import.meta.url).resolve("typescript/package.json")), "bin/tsc");
    const node = (...args: string[]): string => {
      try {
        return execFileSync(process.execPath, args, {
          cwd: folder,
          encoding: "utf8",
          stdio: ["ignore", "pipe", "pipe"],
        });
      } catch (error) {
        const { stdout, stderr } = error as { stdout: string; stderr: string };
        throw new Error(stdout + stderr, { cause: error });
      }
    };
    node(tsc, "-p", "tsconfig.json");
    const printed = JSON.parse(node("run.mjs", ...examples.map(({ program }) => program))) as Record<string, string[]>;
    for (const { program, code } of examples) expect.soft(printed[program], program).toEqual(promised(code));
  });
});

/** Runs the compiled examples in one process, one after the other, and tells what each has printed. */
const RUNNER = `
import { format, inspect } from "node:util";

const printed = {};
let lines = [];
const say = console.log;
inspect.defaultOptions.breakLength = Infinity;
console.log = (...values) => void lines.push(format(...values));
for (const name of process.argv.slice(2)) {
  printed[name] = lines = [];
  try {
    await import("./out/" + name + ".js");
  } catch (error) {
    lines.push("threw " + (error.stack ?? error));
  }
}
say(JSON.stringify(printed));
`;
