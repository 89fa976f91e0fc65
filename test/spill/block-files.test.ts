// Blocks in files: whole or not there, whatever they are called, and found by everybody who knows the directory.

import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { blockFiles } from "../../src/spill/block-files.js";
import { SpillError } from "../../src/spill/error.js";

let directory = "";
beforeEach(() => void (directory = mkdtempSync(join(tmpdir(), "tungsten-blocks-"))));
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const NAMES = ["rdd_1_2", "", "..", "a/b", "A", "a", "x".repeat(1000), "\ud800", "\udc00"];

test("what one has written another reads, until it is removed", () => {
  const [one, other] = [blockFiles(directory), blockFiles(directory)];
  for (const [i, name] of NAMES.entries()) {
    expect([other.has(name), other.read(name)], name).toEqual([false, null]);
    one.write(name, new Uint8Array(i).fill(i));
  }
  for (const [i, name] of NAMES.entries()) expect(other.read(name), name).toEqual(new Uint8Array(i).fill(i));
  one.write("a", new Uint8Array(new SharedArrayBuffer(3)));
  expect(other.read("a")).toEqual(new Uint8Array(3));
  expect(readdirSync(directory)).toHaveLength(NAMES.length);
  for (const name of NAMES) other.remove(name);
  for (const name of NAMES) expect([one.has(name), one.read(name)], name).toEqual([false, null]);
  one.remove("a");
  expect(readdirSync(directory)).toEqual([]);
});

test("a directory that is not there is told, and nothing is left", () => {
  const disk = blockFiles(join(directory, "none"));
  expect(() => disk.write("a", new Uint8Array(1))).toThrow(SpillError);
  expect(() => disk.write("a", new Uint8Array(1))).toThrow("block a");
  expect([disk.read("a"), disk.has("a")]).toEqual([null, false]);
  expect(readdirSync(directory)).toEqual([]);
});
