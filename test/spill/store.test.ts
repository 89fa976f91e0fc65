import { existsSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import zlib from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Refusal } from "../../src/fault.js";
import { nodeFileSystem, openSpillStore, type Compression } from "../../src/spill/index.js";
import { openMemorySpillStore } from "../../src/spill/memory.js";
import { SCHEMA, caught, readRun, someBytes, spillContract, writeRun } from "./contract.js";

let directory = "";
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "spill-store-"));
});
afterAll(() => {
  expect(readdirSync(directory)).toEqual([]);
  rmSync(directory, { recursive: true });
});

const hasZstd = "zstdCompressSync" in zlib;
const codecs: Compression[] = hasZstd ? ["none", "lz4", "deflate", "zstd"] : ["none", "lz4", "deflate"];

spillContract("memory", openMemorySpillStore);
for (const compression of codecs)
  spillContract(`files, ${compression}`, (options) => openSpillStore({ ...options, directory, compression }));
spillContract("files that are synced, without reading ahead", (options) =>
  openSpillStore({ ...options, directory, sync: true, readAheadBytes: 0 }),
);

/** Bytes of the file of 100,000 payload bytes. */
const sizes = (compression: Compression, seed: number): number => {
  const store = openSpillStore({ directory, compression });
  const run = writeRun(store, [someBytes(100_000, seed)]);
  const { diskBytes } = run;
  const [home] = readdirSync(directory) as [string];
  expect(statSync(join(directory, home, readdirSync(join(directory, home))[0]!)).size).toBe(diskBytes);
  store.close();
  return diskBytes;
};

describe("a store over files", () => {
  it("keeps files with modes 0700 and 0600 and names that differ each time", () => {
    const homes = new Set<string>();
    for (let i = 0; i < 2; i += 1) {
      const store = openSpillStore({ directory });
      expect(readdirSync(directory)).toEqual([]);
      writeRun(store, [someBytes(100, 1)]);
      writeRun(store, [someBytes(100, 1)]);
      const [home] = readdirSync(directory) as [string];
      const files = readdirSync(join(directory, home));
      expect(files).toHaveLength(2);
      expect(new Set(files).size).toBe(2);
      expect(lstatSync(join(directory, home)).mode & 0o777).toBe(0o700);
      for (const file of files) expect(lstatSync(join(directory, home, file)).mode & 0o777).toBe(0o600);
      homes.add(home);
      store.close();
      expect(readdirSync(directory)).toEqual([]);
    }
    expect(homes.size).toBe(2);
  });

  it("makes a new directory when its own has vanished, after one error", () => {
    const store = openSpillStore({ directory });
    const run = writeRun(store, [someBytes(100, 1)]);
    const [home] = readdirSync(directory) as [string];
    rmSync(join(directory, home), { recursive: true });
    expect(caught(() => run.open())).toMatchObject({ name: "SpillError", operation: "open", code: "ENOENT" });
    expect(caught(() => store.create(SCHEMA))).toMatchObject({ operation: "create", code: "ENOENT" });
    expect(readRun(writeRun(store, [someBytes(50, 1)]))).toHaveLength(1);
    store.close();
  });

  it("writes a run whose directory vanishes meanwhile, and says so when it is read", () => {
    const store = openSpillStore({ directory });
    const writer = store.create(SCHEMA);
    rmSync(join(directory, readdirSync(directory)[0]!), { recursive: true });
    writer.writeBlock(someBytes(50, 1), 0, 50, 1);
    const run = writer.finish();
    expect(caught(() => run.open())).toMatchObject({ operation: "open", code: "ENOENT" });
    expect(store.counters.liveFiles).toBe(0);
    store.close();
  });

  it("shrinks what can be shrunk and stores the rest as it is", () => {
    const plain = sizes("none", 2);
    expect(plain).toBe(100_000 + 40 + 11 + 21 + 4 + 64);
    for (const compression of codecs.slice(1)) {
      expect(sizes(compression, 2)).toBeLessThan(plain / 4);
      expect(sizes(compression, 3)).toBe(plain);
    }
  });

  it("asks for no memory in proportion to what it writes", () => {
    const fileSystem = {
      ...nodeFileSystem,
      openSync: () => 99,
      closeSync: () => {},
      unlinkSync: () => {},
      writevSync: (_fd: number, parts: readonly Uint8Array[]) => parts.reduce((sum, part) => sum + part.length, 0),
    };
    for (const compression of ["none", "lz4"] as const) {
      const store = openSpillStore({ directory, compression, fileSystem });
      const source = someBytes(2 ** 18, 2);
      const writer = store.create(SCHEMA);
      for (let i = 0; i < 64; i += 1) writer.writeBlock(source, 0, source.length, 1);
      globalThis.gc!();
      const before = process.memoryUsage();
      for (let i = 0; i < 512; i += 1) writer.writeBlock(source, 0, source.length, 1);
      const after = process.memoryUsage();
      expect(after.arrayBuffers).toBeLessThanOrEqual(before.arrayBuffers);
      expect(after.heapUsed - before.heapUsed).toBeLessThan(4 * 2 ** 20);
      writer.abort();
      store.close();
    }
  });

  it("refuses options out of range and a directory that is not there", () => {
    for (const blockBytes of [0, 63, 64.5, 2 ** 24, NaN])
      expect(() => openSpillStore({ directory, blockBytes })).toThrow(Refusal);
    expect(() => openSpillStore({ directory, capBytes: NaN })).toThrow(Refusal);
    expect(() => openSpillStore({ directory, readAheadBytes: -1 })).toThrow(Refusal);
    expect(() => openSpillStore({ directory, compression: "snappy" as Compression })).toThrow("none of none, lz4");
    if (!hasZstd) expect(() => openSpillStore({ directory, compression: "zstd" })).toThrow("has no zstd");
    const nowhere = join(directory, "nowhere");
    expect(caught(() => openSpillStore({ directory: nowhere }))).toMatchObject({ operation: "list", code: "ENOENT" });
    expect(existsSync(nowhere)).toBe(false);
  });

  it("leaves alone what is not its own in its directory, and says why the directory stays", () => {
    const store = openSpillStore({ directory });
    writeRun(store, [someBytes(10, 1)]);
    const [home] = readdirSync(directory) as [string];
    mkdirSync(join(directory, home, "stranger"));
    expect(caught(() => store.close())).toMatchObject({ operation: "rmdir", code: "ENOTEMPTY" });
    expect(readdirSync(join(directory, home))).toEqual(["stranger"]);
    rmSync(join(directory, home, "stranger"), { recursive: true });
    store.close();
    expect(readdirSync(directory)).toEqual([]);
  });
});
