// The bytes of a spill file: golden, and every way to spoil them.

import fs, { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openCodec } from "../../src/spill/codec.js";
import { Files } from "../../src/spill/files.js";
import { encodeHeader } from "../../src/spill/format.js";
import {
  SpillError,
  nodeFileSystem,
  openSpillStore,
  type Run,
  type SpillFileSystem,
  type SpillStore,
} from "../../src/spill/index.js";
import { FileWriter } from "../../src/spill/writer.js";
import { caught, someBytes, writeRun } from "./contract.js";

let directory = "";
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "spill-format-"));
});
afterAll(() => {
  expect(readdirSync(directory)).toEqual([]);
  rmSync(directory, { recursive: true });
});

const SCHEMA = { kind: "k", version: 2, fields: "ü" };
const BLOCKS = [someBytes(64, 2), someBytes(7, 1)];

/** The only file there is. */
function theFile(): string {
  const home = join(directory, readdirSync(directory)[0]!);
  return join(home, readdirSync(home)[0]!);
}

/** Applies `spoil` to the file of a fresh run and tells what reading it throws; the file must be gone then. */
function spoiled(store: SpillStore, spoil: (path: string) => void): unknown {
  const run = writeRun(store, BLOCKS, SCHEMA);
  const path = theFile();
  spoil(path);
  const trouble = caught(() => drain(run));
  if (store.counters.liveFiles !== 0 || existsSync(path)) throw new Error("the file is still there");
  return trouble;
}

/** Flips bits of one byte in place: to write the file anew would make some file systems wait for the disk. */
const flip =
  (at: number, bits: number) =>
  (path: string): void => {
    const byte = new Uint8Array(1);
    const fd = fs.openSync(path, "r+");
    fs.readSync(fd, byte, 0, 1, at);
    byte[0]! ^= bits;
    fs.writeSync(fd, byte, 0, 1, at);
    fs.closeSync(fd);
  };

/** Rewrites the file. */
const put =
  (change: (bytes: Buffer) => Buffer) =>
  (path: string): void =>
    writeFileSync(path, change(readFileSync(path)));

function drain(run: Run): void {
  const reader = run.open();
  const target = new Uint8Array(reader.maxBlockBytes);
  while (reader.readBlock(target, 0) > 0);
  reader.close();
}

describe("a spill file", () => {
  it("has these bytes", () => {
    const files = new Files(directory, nodeFileSystem, { capBytes: Infinity, sync: false, readAheadBytes: 0 });
    const codec = openCodec("lz4", 64);
    const runId = Uint8Array.from({ length: 16 }, (_, i) => 0xa0 + i);
    const header = encodeHeader(SCHEMA, { codec: 1, maxBlockBytes: 64, runId });
    const writer = new FileWriter(files.create(), header, codec, 64, files.counters);
    for (const [i, block] of BLOCKS.entries()) writer.writeBlock(block, 0, block.length, i + 1);
    const run = writer.finish();
    const bytes = readFileSync(theFile());
    expect(bytes.toString("hex").replace(/.{1,32}/g, "$&\n")).toMatchInlineSnapshot(`
      "544d5350494c4c0a01002f0001010200
      4000000002000000a0a1a2a3a4a5a6a7
      a8a9aaabacadaeaf6bc3bc8d68d62142
      4c434b40000000290000000100000001
      0000000000000084e1e7f2d0ac491840
      00000013000100130101001302010013
      03010013040100130501001306010080
      0707070707070707424c434b07000000
      07000000020000000000000001000000
      ba13aae32ff360ce4246741e2bda9145
      4e445302000000030000000000000047
      00000000000000000000008b2cb874
      "
    `);
    expect(run.diskBytes).toBe(bytes.length);
    // The CRCs, by the drawing rather than by the code.
    const headerBytes = 40 + 1 + 2 + 4;
    let chain = crc32(bytes.subarray(0, headerBytes - 4));
    expect(bytes.readUInt32LE(headerBytes - 4)).toBe(chain);
    for (let at = headerBytes; at < bytes.length;) {
      chain = crc32(bytes.subarray(at, at + 28), chain);
      expect(bytes.readUInt32LE(at + 28)).toBe(chain);
      if (bytes.toString("latin1", at, at + 4) === "ENDS") {
        expect(at + 32).toBe(bytes.length);
        break;
      }
      const stored = bytes.readUInt32LE(at + 8);
      expect(bytes.readUInt32LE(at + 24)).toBe(crc32(bytes.subarray(at + 32, at + 32 + stored)));
      at += 32 + stored;
    }
    files.close();
  });

  it.each(["none", "lz4"] as const)("with compression %s shows any flipped bit", (compression) => {
    const store = openSpillStore({ directory, compression, blockBytes: 64, readAheadBytes: 0 });
    const sound = writeRun(store, BLOCKS, SCHEMA);
    const bits = sound.diskBytes * 8;
    sound.delete();
    for (let bit = 0; bit < bits; bit += 1) {
      const trouble = spoiled(store, flip(bit >> 3, 1 << (bit & 7)));
      if (!(trouble instanceof SpillError && trouble.operation === "verify"))
        expect.fail(`bit ${bit}: ${String(trouble)}`);
    }
    expect(bits).toBeGreaterThan(1000);
    store.close();
  });

  it.each([false, true])("shows a cut at any byte (cut after it was opened: %s)", (late) => {
    let size = 0;
    const fileSystem: SpillFileSystem = { ...nodeFileSystem, fstatSync: (fd) => (late ? { size } : fs.fstatSync(fd)) };
    const store = openSpillStore({ directory, blockBytes: 64, readAheadBytes: 0, fileSystem });
    const first = writeRun(store, BLOCKS, SCHEMA);
    size = first.diskBytes;
    first.delete();
    for (let bytes = 0; bytes < size; bytes += 1) {
      const trouble = spoiled(store, (path) => truncateSync(path, bytes));
      expect(trouble, `cut at ${bytes}`).toMatchObject({ name: "SpillError", operation: "verify" });
      expect((trouble as Error).message).toContain(".run");
    }
    if (!late) expect(spoiled(store, (path) => fs.appendFileSync(path, "x"))).toMatchObject({ operation: "verify" });
    store.close();
  });

  it("names the block and the byte", () => {
    const store = openSpillStore({ directory, compression: "none", blockBytes: 64 });
    const header = 40 + 1 + 2 + 4;
    expect(spoiled(store, flip(header + 32 + 10, 1))).toMatchObject({ block: 0, offset: header });
    expect(spoiled(store, flip(header + 96 + 3, 1))).toMatchObject({ block: 1, offset: header + 96 });
    const trouble = spoiled(store, flip(header + 96 + 33, 1)) as Error;
    expect(trouble.message).toMatch(/^spill: verify of block 1 at byte 143 of .*\.run: its bytes have been altered$/);
    store.close();
  });

  it("is told apart from foreign files, other versions and other runs", () => {
    const store = openSpillStore({ directory, blockBytes: 64 });
    const message = (change: (bytes: Buffer) => Buffer): string => (spoiled(store, put(change)) as Error).message;
    expect(message((bytes) => Buffer.alloc(bytes.length, "PNG"))).toContain("it is not a spill file");
    expect(
      message((bytes) => {
        bytes.writeUInt16LE(9, 8);
        return bytes;
      }),
    ).toContain("its format has version 9, this library reads version 1");
    const other = writeRun(store, BLOCKS, SCHEMA);
    const stolen = readFileSync(theFile());
    other.delete();
    expect(message(() => stolen)).toContain("its header belongs to another run");
    // Header of this run, everything after it from the other: each block is whole, and the chain is not.
    expect(message((bytes) => Buffer.concat([bytes.subarray(0, 47), stolen.subarray(47)]))).toContain(
      "its head has been altered",
    );
    store.close();
  });

  it("shows blocks that were exchanged, dropped or doubled", () => {
    const store = openSpillStore({ directory, compression: "none", blockBytes: 64 });
    const blocks = [someBytes(64, 1), someBytes(64, 3), someBytes(64, 5)];
    const orders = [[1, 0, 2], [0, 2], [0, 1, 1, 2], [0, 1, 2, 2], [0, 1], []];
    for (const lies of [true, false])
      for (const order of orders) {
        let told: number | null = null;
        const fileSystem: SpillFileSystem = {
          ...nodeFileSystem,
          fstatSync: (fd) => ({ size: told ?? fs.fstatSync(fd).size }),
        };
        const own = openSpillStore({ directory, compression: "none", blockBytes: 64, fileSystem });
        const run: Run = writeRun(own, blocks, SCHEMA);
        if (lies) told = run.diskBytes;
        const path = theFile();
        const bytes = readFileSync(path);
        const part = (i: number): Buffer => bytes.subarray(47 + i * 96, 47 + (i + 1) * 96);
        writeFileSync(path, Buffer.concat([bytes.subarray(0, 47), ...order.map(part), bytes.subarray(47 + 3 * 96)]));
        expect(
          caught(() => drain(run)),
          order.join(),
        ).toMatchObject({ operation: "verify" });
        own.close();
      }
    store.close();
  });
});
