// Spill files against the bare disk: the same bytes to and from the same directory, sequentially, both ending in fdatasync,
// both with the file in the page cache or both with it dropped from there. Rounds alternate, so that a disk that slows
// down slows both.

import { execFileSync } from "node:child_process";
import fs from "node:fs";
import { join } from "node:path";
import { openSpillStore, type Compression, type Run, type SpillFileSystem } from "../../src/spill/index.js";

/** Milliseconds of one round, ours and the bare disk's, for the same payload. */
export interface Round {
  readonly oursMs: number;
  readonly rawMs: number;
  /** What the file holds; payload over this is the ratio of compression. */
  readonly diskBytes: number;
}

export interface DiskBenchOptions {
  /** Where the files go. */
  readonly directory: string;
  readonly compression?: Compression;
  /** Payload of a block and size of a raw call, bytes. */
  readonly blockBytes?: number;
}

const ROW_BYTES = 24;
const SCHEMA = { kind: "sorted-rows", version: 1, fields: "key u64 be, value f64, count u64" };

/** Sorted rows of 24 bytes with 8-byte big-endian keys, as many as fit; the same for the same seed. */
export function sortedRows(bytes: number, seed = 1): Uint8Array {
  const out = new Uint8Array(bytes);
  const view = new DataView(out.buffer);
  let state = seed;
  let key = 0;
  for (let at = 0; at + ROW_BYTES <= bytes; at += ROW_BYTES) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    key += state;
    view.setUint32(at, Math.floor(key / 2 ** 32));
    view.setUint32(at + 4, key >>> 0);
    view.setFloat64(at + 8, (state >>> 8) / 100, true);
    view.setUint32(at + 16, state >>> 24, true);
  }
  return out;
}

/** Writes `bytes` of sorted rows as a run and as bare bytes, `rounds` times each; both end in fdatasync. */
export function spillWriteBench(bytes: number, rounds: number, options: DiskBenchOptions): Round[] {
  const { directory, compression = "none", blockBytes = 1 << 18 } = options;
  const rows = sortedRows(Math.min(bytes, 8 * blockBytes));
  const store = openSpillStore({ directory, compression, blockBytes, sync: true });
  const path = join(directory, `raw-${process.pid}.bin`);
  try {
    return Array.from({ length: rounds }, () => {
      const rawMs = time(() => writeRaw(path, rows, bytes, blockBytes));
      fs.unlinkSync(path);
      let run!: Run;
      const oursMs = time(() => (run = writeRun(store, rows, bytes, blockBytes)));
      run.delete();
      return { oursMs, rawMs, diskBytes: run.diskBytes };
    });
  } finally {
    store.close();
    fs.rmSync(path, { force: true });
  }
}

/**
 * Reads a run of `bytes` and a bare file of the same length, `rounds` times each. `cache` is `warm` (both files in the page
 * cache) or `cold` (both dropped from it before every read, by GNU dd, which needs no rights).
 */
export function spillReadBench(
  bytes: number,
  rounds: number,
  cache: "warm" | "cold",
  options: DiskBenchOptions,
): Round[] {
  const { directory, compression = "none", blockBytes = 1 << 18 } = options;
  const rows = sortedRows(Math.min(bytes, 8 * blockBytes));
  let ourPath = "";
  const fileSystem: SpillFileSystem = {
    ...fs,
    openSync(file, flags, mode) {
      ourPath = file;
      return fs.openSync(file, flags, mode);
    },
  };
  const store = openSpillStore({ directory, compression, blockBytes, sync: true, fileSystem });
  const path = join(directory, `raw-${process.pid}.bin`);
  const target = new Uint8Array(blockBytes);
  try {
    const run = writeRun(store, rows, bytes, blockBytes);
    writeRaw(path, rows, run.diskBytes, blockBytes);
    const prepare = (file: string): void => {
      if (cache === "cold") dropFromCache(file);
      else readRaw(file, target);
    };
    return Array.from({ length: rounds }, () => {
      prepare(path);
      const rawMs = time(() => readRaw(path, target));
      prepare(ourPath);
      const oursMs = time(() => readRun(run, target));
      return { oursMs, rawMs, diskBytes: run.diskBytes };
    });
  } finally {
    store.close();
    fs.rmSync(path, { force: true });
  }
}

export function writeRun(
  store: ReturnType<typeof openSpillStore>,
  rows: Uint8Array,
  bytes: number,
  blockBytes: number,
): Run {
  const writer = store.create(SCHEMA);
  for (let done = 0, at = 0; done < bytes;) {
    const length = Math.min(blockBytes, bytes - done);
    writer.writeBlock(rows, at, length, Math.floor(length / ROW_BYTES));
    done += length;
    at = at + 2 * blockBytes <= rows.length ? at + blockBytes : 0;
  }
  return writer.finish();
}

export function readRun(run: Run, target: Uint8Array): void {
  const reader = run.open();
  while (reader.readBlock(target, 0) > 0);
  reader.close();
}

export function writeRaw(path: string, rows: Uint8Array, bytes: number, callBytes: number): void {
  const fd = fs.openSync(path, "w", 0o600);
  for (let done = 0, at = 0; done < bytes;) {
    done += fs.writeSync(fd, rows, at, Math.min(callBytes, bytes - done));
    at = at + 2 * callBytes <= rows.length ? at + callBytes : 0;
  }
  fs.fdatasyncSync(fd);
  fs.closeSync(fd);
}

export function readRaw(path: string, target: Uint8Array): void {
  const fd = fs.openSync(path, "r");
  while (fs.readSync(fd, target, 0, target.length, null) > 0);
  fs.fdatasyncSync(fd);
  fs.closeSync(fd);
}

export function dropFromCache(path: string): void {
  execFileSync("dd", [`if=${path}`, "iflag=nocache", "count=0", "status=none"]);
}

function time(what: () => unknown): number {
  const started = performance.now();
  what();
  return performance.now() - started;
}
