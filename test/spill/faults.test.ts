// Trouble at every call. A run of the whole life of a store is counted call by call; then it is lived again once for each
// call and each kind of trouble. Every time the fault must fire, one SpillError must come, and no file and no descriptor stay.

import fs, { existsSync, mkdtempSync, readdirSync, readlinkSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { filesBelow } from "./files.js";
import { SpillError, openSpillStore, type SpillFileSystem, type SpillStore } from "../../src/spill/index.js";
import { SCHEMA, someBytes } from "./contract.js";

let directory = "";
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "spill-faults-"));
});
afterAll(() => {
  expect(readdirSync(directory)).toEqual([]);
  rmSync(directory, { recursive: true });
});

type Call = Exclude<keyof SpillFileSystem, "read" | "fdatasync" | "close">;
type Trouble = "ENOSPC" | "EIO" | "EMFILE" | "EACCES" | "nothing moves" | "half moves";

interface Disk extends SpillFileSystem {
  readonly calls: Call[];
  fired: number;
}

/** The real disk with `trouble` at call number `at`; -1 for never. Hints are left out: they have no place in the order of calls. */
function disk(at: number, trouble: Trouble): Disk {
  const calls: Call[] = [];
  // Nobody pulls the plug here, so nothing needs to wait for the disk itself.
  const real = { ...fs, fdatasyncSync: () => {} } as unknown as Record<Call, (...args: unknown[]) => unknown>;
  const call =
    (name: Call) =>
    (...args: unknown[]): unknown => {
      calls.push(name);
      if (calls.length - 1 !== at) return real[name](...args);
      made.fired += 1;
      const [fd, parts] = args as [number, readonly Uint8Array[]];
      if (trouble === "nothing moves") return 0;
      if (trouble === "half moves") return (real[name] as typeof fs.writevSync)(fd, halfOf(parts));
      // The system lets go of a descriptor even when it reports trouble on closing it.
      if (name === "closeSync") real.closeSync(fd);
      throw Object.assign(new Error(`${trouble}: injected, ${name}`), { code: trouble });
    };
  const names = Object.keys(OPERATIONS) as Call[];
  const methods = Object.fromEntries(names.map((name) => [name, call(name)]));
  const made = { ...methods, calls, fired: 0 } as unknown as Disk;
  return made;
}

function halfOf(parts: readonly Uint8Array[]): Uint8Array[] {
  const total = parts.reduce((sum, part) => sum + part.length, 0);
  let left = Math.ceil(total / 2);
  const out: Uint8Array[] = [];
  for (const part of parts) {
    out.push(part.subarray(0, Math.min(left, part.length)));
    left -= out.at(-1)!.length;
  }
  return out;
}

const BLOCKS = [someBytes(300, 2), someBytes(512, 1), someBytes(1, 1)];

/** Two runs written, one read twice, one dropped half-written. */
function live(store: SpillStore): void {
  const writers = [store.create(SCHEMA), store.create(SCHEMA), store.create(SCHEMA)] as const;
  for (const block of BLOCKS) for (const writer of writers) writer.writeBlock(block, 0, block.length, 1);
  const runs = [writers[0].finish(), writers[1].finish()] as const;
  writers[2].abort();
  const readers = [runs[0].open(), runs[1].open(), runs[0].open()] as const;
  const target = new Uint8Array(512);
  for (const block of BLOCKS)
    for (const reader of readers) {
      const length = reader.readBlock(target, 0);
      if (Buffer.compare(target.subarray(0, length), block) !== 0) throw new Error("other bytes came back");
    }
  for (const reader of readers) {
    if (reader.readBlock(target, 0) !== 0) throw new Error("the run does not end");
    reader.close();
  }
  runs[0].delete();
}

/** Files of ours that stand open; null where the system does not tell. */
function openFiles(): string[] | null {
  if (!existsSync("/proc/self/fd")) return null;
  return readdirSync("/proc/self/fd").flatMap((fd) => {
    try {
      const path = readlinkSync(`/proc/self/fd/${fd}`);
      return path.includes("spill-faults-") ? [path] : [];
    } catch {
      return [];
    }
  });
}

const OPERATIONS: Record<Call, readonly string[]> = {
  readdirSync: ["list"],
  lstatSync: [],
  mkdirSync: ["mkdir"],
  rmdirSync: ["rmdir"],
  openSync: ["create", "open"],
  fstatSync: ["stat"],
  writevSync: ["write"],
  readvSync: ["read", "verify"],
  fdatasyncSync: ["sync"],
  closeSync: ["close"],
  unlinkSync: ["delete"],
};

describe.each(["none", "lz4"] as const)("trouble at every call, compression %s", (compression) => {
  const open = (fileSystem: SpillFileSystem): SpillStore =>
    openSpillStore({ directory, compression, blockBytes: 512, sync: true, fileSystem });

  /** Lives a whole life with the trouble in it. Returns what was thrown. */
  function liveWith(fileSystem: Disk): unknown[] {
    const thrown: unknown[] = [];
    const attempt = (action: () => void): void => {
      try {
        action();
      } catch (error) {
        thrown.push(error);
      }
    };
    let store: SpillStore | undefined;
    attempt(() => (store = open(fileSystem)));
    if (store === undefined) {
      expect(filesBelow(directory)).toEqual([]);
      return thrown;
    }
    const opened = store;
    attempt(() => live(opened));
    if (thrown.length > 0) {
      const { calls } = fileSystem;
      const lost = (thrown[0] as SpillError).operation;
      // The file in trouble is gone at once, unless it is its removal that was refused; then the next run takes it along.
      if (lost !== "delete" && (thrown[0] as SpillError).file?.endsWith(".run"))
        expect(existsSync((thrown[0] as SpillError).file!)).toBe(false);
      const callsBefore = calls.length;
      attempt(() => live(opened));
      expect(calls.length).toBeGreaterThan(callsBefore);
    }
    attempt(() => opened.close());
    attempt(() => opened.close());
    expect(opened.counters.liveFiles).toBe(0);
    expect(readdirSync(directory)).toEqual([]);
    return thrown;
  }

  const clean = (): Call[] => {
    const fileSystem = disk(-1, "EIO");
    expect(liveWith(fileSystem)).toEqual([]);
    return fileSystem.calls;
  };

  it("the life has every kind of call in it", () => {
    const names = new Set(clean());
    expect([...names].sort()).toEqual(
      Object.keys(OPERATIONS)
        .filter((name) => name !== "lstatSync")
        .sort(),
    );
  });

  it.each(["ENOSPC", "EIO", "EMFILE", "EACCES"] as const)("%s", (code) => {
    const calls = clean();
    let quiet = 0;
    for (const [at, name] of calls.entries()) {
      const fileSystem = disk(at, code);
      const thrown = liveWith(fileSystem);
      const where = `call ${at}, ${name}`;
      expect(fileSystem.fired, where).toBe(1);
      expect(openFiles() ?? [], where).toEqual([]);
      // abort() never throws, nor does what closing a store does to files that are still open.
      if (thrown.length === 0 && (name === "unlinkSync" || name === "closeSync")) {
        quiet += 1;
        continue;
      }
      expect(thrown, where).toHaveLength(1);
      expect(thrown[0], where).toBeInstanceOf(SpillError);
      expect(OPERATIONS[name], where).toContain((thrown[0] as SpillError).operation);
      expect(thrown[0], where).toMatchObject({ code, file: expect.stringContaining(directory) as string });
      expect((thrown[0] as SpillError).cause, where).toMatchObject({ code });
    }
    expect(quiet).toBeLessThanOrEqual(3);
  });

  it("a disk that takes or gives nothing", () => {
    let tried = 0;
    for (const [at, name] of clean().entries()) {
      if (name !== "writevSync" && name !== "readvSync") continue;
      tried += 1;
      const fileSystem = disk(at, "nothing moves");
      const thrown = liveWith(fileSystem);
      expect(fileSystem.fired).toBe(1);
      expect(thrown).toHaveLength(1);
      expect(OPERATIONS[name]).toContain((thrown[0] as SpillError).operation);
      expect(openFiles() ?? []).toEqual([]);
    }
    expect(tried).toBeGreaterThan(20);
  });

  it("a disk that takes or gives less than asked is asked again", () => {
    let tried = 0;
    const calls = clean();
    for (const [at, name] of calls.entries()) {
      if (name !== "writevSync" && name !== "readvSync") continue;
      tried += 1;
      const fileSystem = disk(at, "half moves");
      expect(liveWith(fileSystem), `call ${at}`).toEqual([]);
      expect(fileSystem.fired).toBe(1);
      expect(fileSystem.calls).toHaveLength(calls.length + 1);
    }
    expect(tried).toBeGreaterThan(20);
  });
});

describe("hints", () => {
  const KIB = 1024;
  function roundTrip(fileSystem: SpillFileSystem): void {
    const store = openSpillStore({ directory, compression: "none", sync: true, blockBytes: 1024 * KIB, fileSystem });
    const block = someBytes(1024 * KIB, 1);
    const writer = store.create(SCHEMA);
    for (let i = 0; i < 20; i += 1) writer.writeBlock(block, 0, block.length, 1);
    const reader = writer.finish().open();
    const target = new Uint8Array(1024 * KIB);
    for (let i = 0; i < 20; i += 1) expect(reader.readBlock(target, 0)).toBe(block.length);
    expect(Buffer.compare(target, block)).toBe(0);
    expect(reader.readBlock(target, 0)).toBe(0);
    store.close();
  }

  it("ask for every byte once, in order, and for the writes so far", () => {
    const asked: [number, number][] = [];
    let synced = 0;
    const done = new Set<Promise<unknown>>();
    const told = (ask: (tell: (error: Error | null) => void) => void): void => {
      done.add(new Promise((resolve) => ask(resolve)));
    };
    roundTrip({
      ...fs,
      read: (fd, into, offset, length, position) => {
        asked.push([position, length]);
        told((tell) => fs.read(fd, into, offset, length, position, tell));
      },
      fdatasync: (fd) => {
        synced += 1;
        told((tell) => fs.fdatasync(fd, tell));
      },
    });
    expect(synced).toBe(2);
    let end = asked[0]![0];
    for (const [position, length] of asked) {
      expect(position).toBe(end);
      end += length;
    }
    expect(end).toBe(20 * (1024 * KIB + 32) + 40 + SCHEMA.kind.length + 22 + 4 + 32 - 1);
    return Promise.all(done);
  });

  it("may fail without harm", () => {
    let refused = 0;
    const refuse = (): never => {
      refused += 1;
      throw Object.assign(new Error("EAGAIN: injected"), { code: "EAGAIN" });
    };
    roundTrip({ ...fs, read: refuse, fdatasync: refuse });
    expect(refused).toBeGreaterThan(10);
  });
});
