// Rules about the text of the repository: what no file may say, and what every file of code says first.

import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { describe, expect, test } from "vitest";
import { ROOT } from "./built.js";

const SKIPPED = new Set([
  "node_modules",
  "target",
  "generated",
  "golden",
  "build",
  "dist",
  "coverage",
  ".git",
  "out",
  "reports",
  ".stryker-tmp",
]);
const CODE = /\.(?:ts|mjs)$/;
const TEXT = /\.(?:ts|mjs|js|json|md|java|xml|properties|ya?ml)$|\/run$|\/\.\w+$/;

const files = filesIn(ROOT);
const locks = files.filter((file) => file.endsWith("package-lock.json"));

function filesIn(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => !SKIPPED.has(entry.name))
    .flatMap((entry) => (entry.isDirectory() ? filesIn(join(folder, entry.name)) : [join(folder, entry.name)]))
    .filter((file) => TEXT.test(file));
}

/** Places of the machine that somebody worked on: absolute paths of homes, scratch and checkouts. */
const MACHINE_PATH = /(?<![\w.}])\/(?:home|root|tmp|work|Users|var\/tmp|private\/tmp)\/[\w.-]/;

/** Hosts from which packages are fetched; which one is used is the user's own business. */
const REGISTRY_HOST =
  /\b(?:registry\.[\w-]+\.\w+|(?:repo1?|repository)\.[\w.-]+\.(?:org|com)|(?:static\.)?crates\.io|pypi\.org|proxy\.golang\.org|deb\.\w+\.org)\b/;

function linesWith(pattern: RegExp, text: string): string[] {
  return text.split("\n").filter((line) => pattern.test(line));
}

describe("no file", () => {
  test("names a place of some machine", () => {
    for (const file of files) {
      expect.soft(linesWith(MACHINE_PATH, readFileSync(file, "utf8")), relative(ROOT, file)).toEqual([]);
    }
  });

  test("names the host of a registry", () => {
    for (const file of files) {
      expect.soft(linesWith(REGISTRY_HOST, readFileSync(file, "utf8")), relative(ROOT, file)).toEqual([]);
    }
  });

  test("pins a package to where it was fetched", () => {
    for (const file of locks) {
      const resolved = linesWith(/"resolved": "http/, readFileSync(file, "utf8"));
      expect.soft(resolved, relative(ROOT, file)).toEqual([]);
    }
  });

  test("the rules see what they are for, and nothing else", () => {
    const slash = "/";
    for (const path of ["home/me/x", "tmp/out.json", "root/.npm", "work/main"]) {
      expect(linesWith(MACHINE_PATH, `see ${slash}${path}.`)).toHaveLength(1);
    }
    expect(linesWith(MACHINE_PATH, "src/work/a.ts, a/tmp/b, ${folder}/tmp/c")).toEqual([]);
    for (const host of [
      ["registry", "npmjs", "org"],
      ["repo1", "maven", "org"],
      ["crates", "io"],
    ]) {
      expect(linesWith(REGISTRY_HOST, `https:${slash}${slash}${host.join(".")}${slash}x`)).toHaveLength(1);
    }
    expect(linesWith(REGISTRY_HOST, "registry.get(name), repository.ts, maven.apache.org/POM")).toEqual([]);
  });
});

test("npm ci finds every optional package in the lock file, for whatever machine it is", () => {
  interface Locked {
    readonly optionalDependencies?: Record<string, string>;
  }
  expect(locks.length).toBeGreaterThan(0);
  for (const file of locks) {
    const { packages } = JSON.parse(readFileSync(file, "utf8")) as { packages: Record<string, Locked> };
    const optional = Object.values(packages).flatMap((each) => Object.keys(each.optionalDependencies ?? {}));
    const names = new Set(Object.keys(packages).map((path) => path.replace(/^.*node_modules\//, "")));
    expect
      .soft(
        optional.filter((name) => !names.has(name)),
        relative(ROOT, file),
      )
      .toEqual([]);
  }
});

describe("every file of code", () => {
  const code = files.filter((file) => CODE.test(file));
  /** Test files may leave the first words to their `describe`. */
  const mustOpen = code.filter((file) => !/\/test\/.*\.test\.ts$/.test(file));

  test("opens with what a colleague would say at the door", () => {
    expect(mustOpen.length).toBeGreaterThan(50);
    for (const file of mustOpen) {
      const first = readFileSync(file, "utf8").replace(/^#!.*\n/, "");
      expect.soft(opening(first), relative(ROOT, file)).toBeGreaterThan(20);
    }
  });

  test("none is a stand-in", () => {
    for (const file of code) {
      const opens = readFileSync(file, "utf8").split("\n", 1)[0]!;
      expect.soft(opens, relative(ROOT, file)).not.toMatch(/stand-in until/i);
    }
  });
});

/** Characters of the comment that a file begins with. */
function opening(text: string): number {
  const lines = /^(?:\/\/.*\n)+|^\/\*[^]*?\*\//.exec(text);
  return lines?.[0].length ?? 0;
}
