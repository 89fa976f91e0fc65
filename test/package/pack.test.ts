// The package as a user gets it: packed, looked through, installed in an empty project, and used there by the programs of the
// README, by the command line, and from an event loop that is not ours.

import { execFileSync } from "node:child_process";
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { build, ROOT } from "../house/built.js";

const folder = mkdtempSync(join(tmpdir(), "tungsten-pack-"));
const project = join(folder, "project");
const npm = process.platform === "win32" ? "npm.cmd" : "npm";
const manifest = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as {
  version: string;
  dependencies: Record<string, string>;
};

interface Packed {
  readonly filename: string;
  readonly files: readonly { readonly path: string; readonly mode: number }[];
}

let packed: Packed;
let tarball: string;

beforeAll(() => {
  build();
  // `prepare` runs here, as it does for whoever publishes.
  const told = run(npm, ["pack", "--json", "--pack-destination", folder], ROOT);
  [packed] = JSON.parse(told.slice(told.indexOf("[\n"))) as [Packed];
  tarball = join(folder, packed.filename);
  mkdirSync(project);
  writeFileSync(join(project, "package.json"), `{ "name": "empty", "private": true, "type": "module" }`);
  run(npm, ["install", "--prefer-offline", "--no-audit", "--no-fund", tarball], project);
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs a program and returns what it printed; what it printed on standard error is in the error when it fails. */
function run(command: string, args: readonly string[], cwd: string = project): string {
  return execFileSync(command, args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}

describe("the tarball", () => {
  test("holds compiled code, its types, the wasm, the readme and the licence only", () => {
    const strays = packed.files
      .map(({ path }) => path)
      .filter((path) => !/^dist\/[\w/-]+\.(?:js|d\.ts)$|^dist\/wasm\/(?:shared|private)\.wasm$/.test(path));
    expect(strays.toSorted()).toEqual(["LICENSE", "README.md", "package.json"]);
  });

  test("holds a types file for each module, and the wasm", () => {
    const paths = new Set(packed.files.map(({ path }) => path));
    expect(paths).toContain("dist/index.js");
    expect(paths).toContain("dist/spill/index.js");
    expect(paths).toContain("dist/wasm/shared.wasm");
    expect(paths).toContain("dist/wasm/private.wasm");
    const untyped = [...paths].filter((path) => path.endsWith(".js") && !paths.has(path.replace(/\.js$/, ".d.ts")));
    expect(untyped).toEqual([]);
  });

  test("holds a program that can be run", () => {
    expect(packed.files.find(({ path }) => path === "dist/cli/main.js")!.mode & 0o111).toBe(0o111);
  });

  test("brings nothing along but what it names", () => {
    const dependencies = Object.keys(manifest.dependencies);
    expect(dependencies.toSorted()).toEqual(["commander", "picocolors"]);
    const installed = readdirSync(join(project, "node_modules")).filter((name) => !name.startsWith("."));
    expect(installed.toSorted()).toEqual(["commander", "picocolors", "tungsten-memory"]);
  });

  test("publint has nothing to say", async () => {
    const { publint } = await import("publint");
    const bytes = readFileSync(tarball);
    const { messages } = await publint({ pack: { tarball: new Uint8Array(bytes).buffer }, strict: true });
    expect(messages).toEqual([]);
  });

  test("its types resolve as its code does", () => {
    const attw = join(ROOT, "node_modules/@arethetypeswrong/cli/dist/index.js");
    // Ends with 1 when there is a problem.
    const told = run(process.execPath, [attw, tarball, "--profile", "esm-only", "--format", "json"]);
    const { analysis } = JSON.parse(told) as { analysis: { entrypoints: Record<string, unknown> } };
    expect(Object.keys(analysis.entrypoints)).toEqual(expect.arrayContaining([".", "./spill"]));
  });
});

describe("installed in an empty project", () => {
  const readme = readFileSync(join(ROOT, "README.md"), "utf8");
  const programs = [...readme.matchAll(/<!-- program: (\S+) -->\n```js\n([^]*?)\n```\n/g)];

  // What a program of the readme imports by a path of its own.
  beforeAll(() => {
    for (const [, name, code] of readme.matchAll(/<!-- file: (\S+) -->\n```js\n([^]*?)\n```\n/g))
      writeFileSync(join(project, name!), `${code}\n`);
  });

  test("the readme has a program", () => {
    expect(programs.map(([, name]) => name)).toContain("example.mjs");
  });

  test.each(programs.map(([, name, code]) => [name!, code!]))("%s of the readme prints what it says", (name, code) => {
    writeFileSync(join(project, name), `${code}\n`);
    const said = run(process.execPath, [name]);
    const [, expected] = new RegExp(`<!-- output: ${name} -->\\n\`\`\`\\w*\\n([^]*?)\`\`\``).exec(readme)!;
    expect(said).toBe(expected);
  });

  test("the command line answers", () => {
    const program = join(project, "node_modules/.bin/tungsten-memory");
    const args = ["layout", "--conf", "spark.executor.memory=8g", "--cores", "4", "--json"];
    expect(JSON.parse(run(program, args))).toMatchObject({ heap: 8 * 2 ** 30, pageSize: 67108848 });
    expect(run(program, ["--version"])).toBe(`${manifest.version}\n`);
  });

  test("the study runs and writes its page", () => {
    const program = join(project, "node_modules/.bin/tungsten-memory");
    const quick = ["--rows", "20000", "--rounds", "1", "--warm-up", "0"];
    const told = JSON.parse(run(program, ["study", ...quick, "--out", "report", "--json"])) as object;
    expect(Object.keys(told).length).toBeGreaterThan(0);
    expect(readFileSync(join(project, "report/study.html"), "utf8")).toMatch(/^<!doctype html>/i);
  });

  test("it lives in an event loop that is not ours", () => {
    copyFileSync(join(ROOT, "test/package/embed.mjs"), join(project, "embed.mjs"));
    const said = run(process.execPath, ["embed.mjs"]);
    expect(said).toBe(run(process.execPath, ["embed.mjs"]));
    expect(said.split("\n")).toEqual([
      " 1 task 1 asks for 3 MiB",
      " 1 task 1 got 3 MiB",
      " 1 task 1 asks for 1 MiB",
      " 1 task 1 got 1 MiB",
      " 2 task 2 asks for 3 MiB",
      " 3 task 3 asks for 3 MiB",
      "11 task 1 ends",
      "11 task 2 got 2 MiB",
      "11 task 2 asks for 1 MiB",
      "11 task 2 got 0 MiB",
      "11 task 3 got 2 MiB",
      "11 task 3 asks for 1 MiB",
      "11 task 3 got 0 MiB",
      "21 task 2 ends",
      "21 task 3 ends",
      "21 waiting: 0, used: 0, laws broken: 0",
      "",
    ]);
  });

  test("an import has no effect", () => {
    const program = `
      const effects = () => [
        process.eventNames().map((name) => process.listenerCount(name)),
        process.getActiveResourcesInfo(),
        Object.getOwnPropertyNames(globalThis),
      ];
      const before = JSON.stringify(effects());
      const { openExecutor } = await import("tungsten-memory");
      const after = JSON.stringify(effects());
      console.log(typeof openExecutor, after === before ? "nothing changed" : before + after);
    `;
    writeFileSync(join(project, "effects.mjs"), program);
    expect(run(process.execPath, ["effects.mjs"])).toBe("function nothing changed\n");
  });

  test("spill files have an entry of their own", () => {
    writeFileSync(
      join(project, "spill.mjs"),
      `console.log(Object.keys(await import("tungsten-memory/spill")).length > 0);`,
    );
    expect(run(process.execPath, ["spill.mjs"])).toBe("true\n");
    expect(() => run(process.execPath, ["-e", `import("tungsten-memory/executor.js")`])).toThrow(
      /ERR_PACKAGE_PATH_NOT_EXPORTED/,
    );
  });

  test("the wasm is a file of the package", () => {
    const program = `console.log(import.meta.resolve("tungsten-memory/wasm/shared.wasm"));`;
    writeFileSync(join(project, "wasm.mjs"), program);
    const url = new URL(run(process.execPath, ["wasm.mjs"]).trim());
    expect(statSync(url).size).toBeGreaterThan(0);
  });
});
