// Which entry may import what: the main one nothing that a browser lacks, the spill files Node alone, the program its two
// dependencies besides.

import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { importsOf, moduleGraph } from "../../scripts/graph.mjs";
import { LIMITS, sizes } from "../../scripts/size.mjs";
import { build, ROOT } from "./built.js";

const entry = (name: string) => join(ROOT, "dist", name);

beforeAll(build);

test("the main entry imports its own files only, and none that is for Node", () => {
  const { files, outside } = moduleGraph(entry("index.js"));
  expect(outside).toEqual([]);
  const names = files.map((file) => relative(entry("."), file));
  expect(names).toContain("executor.js");
  expect(names).toContain("memory/wasm.js");
  expect(names.filter((name) => /^(?:spill\/index|cli|report|study)\b/.test(name))).toEqual([]);
});

test("the causes are told without Node, and only their files import it", () => {
  expect(moduleGraph(entry("why/index.js")).outside).toEqual([]);
  const { outside } = moduleGraph(entry("why/file.js"));
  expect([...new Set(outside.map(({ specifier }) => specifier))]).toEqual(["node:fs"]);
});

test("the spill files import Node's modules besides", () => {
  const { outside } = moduleGraph(entry("spill/index.js"));
  expect(outside.map(({ specifier }) => specifier)).toContain("node:fs");
  expect(outside.filter(({ specifier }) => !specifier.startsWith("node:"))).toEqual([]);
});

test("the program imports its dependencies besides", () => {
  const { outside } = moduleGraph(entry("cli/main.js"));
  // A policy of the user's own, and the tsx beside it, are imported by where they are.
  const computed = outside.filter(({ file }) => file.endsWith("load-policy.js"));
  expect(computed.map(({ specifier }) => specifier).filter((name) => !name.startsWith("node:"))).toEqual([
    "url",
    "api",
  ]);
  const named = outside.filter((each) => !computed.includes(each));
  const bare = named.map(({ specifier }) => specifier).filter((specifier) => !specifier.startsWith("node:"));
  expect([...new Set(bare)].toSorted()).toEqual(["commander", "picocolors"]);
});

test("the main entry is checked against a world without Node", () => {
  const folder = mkdtempSync(join(ROOT, "build/web-"));
  const check = (text: string) => {
    writeFileSync(join(folder, "probe.ts"), text);
    writeFileSync(
      join(folder, "tsconfig.json"),
      JSON.stringify({ extends: join(ROOT, "tsconfig.web.json"), include: ["probe.ts"] }),
    );
    return spawnSync(process.execPath, [join(ROOT, "node_modules/typescript/bin/tsc"), "-p", folder], {
      encoding: "utf8",
    });
  };
  try {
    expect(check("export const now: number = performance.now();\n").status).toBe(0);
    for (const text of ["process.cwd();", "Buffer.alloc(1);", "setImmediate(() => {});", `import "node:fs";`]) {
      const { status, stdout } = check(`${text}\nexport {};\n`);
      expect(status, text).not.toBe(0);
      expect(stdout).toContain("probe.ts(1,");
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("every kind of import is seen", () => {
  const text = `
    // import "comment";
    /* export * from "comment"; */
import "bare-effect";
import a, { b } from "node:a";
import {
  c,
  d,
} from "./c.js";
export * from './e.js';
export { f as g } from "f";
const h = await import("h");
const i = await import(name);
export const from = "not an import";
`;
  expect(importsOf(text).toSorted()).toEqual(["./c.js", "./e.js", "bare-effect", "f", "h", "name", "node:a"]);
});

test("an import is found however deep it lies", () => {
  const folder = mkdtempSync(join(tmpdir(), "graph-"));
  try {
    writeFileSync(join(folder, "a.js"), `export * from "./b.js";\n`);
    writeFileSync(join(folder, "b.js"), `import { c } from "./a.js";\nawait import("./c.js");\n`);
    writeFileSync(join(folder, "c.js"), `import fs from "node:fs";\n`);
    const { files, outside } = moduleGraph(join(folder, "a.js"));
    expect(files.map((file) => relative(folder, file))).toEqual(["a.js", "b.js", "c.js"]);
    expect(outside).toEqual([{ file: join(folder, "c.js"), specifier: "node:fs" }]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("what a user downloads is within its limits", () => {
  expect(sizes().map(({ what }) => what)).toEqual(Object.keys(LIMITS));
  for (const { what, gzipBytes, limit } of sizes()) expect.soft(gzipBytes, what).toBeLessThanOrEqual(limit);
});
