// Runs to and from a disk, beside the bare disk: the same bytes, sequentially, to the same folder, both ending in fdatasync.
// What laying out and packing the rows takes is shown apart, without the disk.

import fs from "node:fs";
import { join } from "node:path";

import { inFolder } from "./folder.js";
import {
  atLeast,
  type Bench,
  type Case,
  MIB_PER_SECOND,
  MILLION_ROWS,
  OURS,
  parameter,
  type Settings,
  whole,
} from "./harness.js";
import { fold } from "./hash.js";
import { executorOf, modeText } from "./manager.js";
import { insertRows } from "./sorter-rows.js";
import { dropFromCache, readRaw, readRun, sortedRows, writeRaw, writeRun } from "./spill/disk.js";
import { Consumer } from "../src/execution/consumer.js";
import { Sorter } from "../src/execution/sorter.js";
import { type Mode, OFF_HEAP, ON_HEAP } from "../src/memory/mode.js";
import { type Compression, openSpillStore, type Run } from "../src/spill/index.js";

const MIB = 2 ** 20;
const BLOCK_BYTES = 2 ** 18;

export const spill: Bench = {
  name: "spill",
  about:
    "A run of sorted 24-byte rows in blocks of 256 KiB, checksums and trailer included, against plain writes or reads of as many bytes " +
    "in calls of 256 KiB. MiB/s of the rows before packing. `cached`: the file is in the page cache; `uncached`: it was dropped " +
    "from there. `gather and encode`: random 16-byte rows, sorted already, from their pages into blocks of a run, less the time " +
    "of the disk calls.",
  bound:
    "a run is laid out in blocks, checksummed and framed, and a read checks what was written; the bare disk only " +
    "hands bytes over, at the speed of a copy in memory.",
  cases: (settings) => [
    writes(settings, "none"),
    reads(settings, "none", "cached"),
    reads(settings, "none", "uncached"),
    writes(settings, "lz4"),
    reads(settings, "lz4", "cached"),
    reads(settings, "lz4", "uncached"),
    ...([OFF_HEAP, ON_HEAP] as const).flatMap((mode) => [
      gathers(settings, mode, "none"),
      gathers(settings, mode, "lz4"),
    ]),
  ],
};

const BARE_DISK = ["bare disk", "256 KiB calls"] as const;

/** Packed rows are other bytes than those of the bare disk. */
const goalOf = (compression: Compression): Pick<Case, "goal"> =>
  compression === "none" ? { goal: () => atLeast(0.9) } : {};

const bytesOf = (settings: Settings): number => parameter(settings, 3 * BLOCK_BYTES + 24, 256 * MIB, 64 * MIB);

function writes(settings: Settings, compression: Compression): Case {
  const bytes = bytesOf(settings);
  const rows = sortedRows(8 * BLOCK_BYTES);
  return {
    name: `write${packed(compression)}`,
    unit: MIB_PER_SECOND,
    ...goalOf(compression),
    ours: () =>
      inFolder((directory) => {
        const store = openSpillStore({ directory, compression, blockBytes: BLOCK_BYTES, sync: true });
        return whole(settings, "ours", OURS, () => {
          const start = performance.now();
          const run = writeRun(store, rows, bytes, BLOCK_BYTES);
          const seconds = (performance.now() - start) / 1000;
          run.delete();
          return { ops: bytes, seconds, hash: hashOf(run), more: { diskBytes: run.diskBytes } };
        });
      }),
    peers: [
      async () =>
        inFolder((directory) => {
          const path = join(directory, "raw");
          return whole(settings, ...BARE_DISK, () => {
            const start = performance.now();
            writeRaw(path, rows, bytes, BLOCK_BYTES);
            const seconds = (performance.now() - start) / 1000;
            fs.unlinkSync(path);
            return { ops: bytes, seconds, hash: null };
          });
        }),
    ],
  };
}

type Cache = "cached" | "uncached";

function reads(settings: Settings, compression: Compression, cache: Cache): Case {
  const bytes = bytesOf(settings);
  const rows = sortedRows(8 * BLOCK_BYTES);
  const target = new Uint8Array(BLOCK_BYTES);
  return {
    name: `read, ${cache}${packed(compression)}`,
    unit: MIB_PER_SECOND,
    ...goalOf(compression),
    ours: () =>
      inFolder((directory) => {
        let path = "";
        const openSync: typeof fs.openSync = (file, ...how) => fs.openSync((path = file as string), ...how);
        const store = openSpillStore({
          directory,
          compression,
          blockBytes: BLOCK_BYTES,
          sync: true,
          fileSystem: { ...fs, openSync },
        });
        const run = writeRun(store, rows, bytes, BLOCK_BYTES);
        return whole(settings, "ours", OURS, () => {
          prepare(path, cache, target);
          const start = performance.now();
          readRun(run, target);
          const seconds = (performance.now() - start) / 1000;
          return { ops: bytes, seconds, hash: hashOf(run) };
        });
      }),
    peers: [
      async () =>
        inFolder((directory) => {
          const path = join(directory, "raw");
          writeRaw(path, rows, bytes, BLOCK_BYTES);
          return whole(settings, ...BARE_DISK, () => {
            prepare(path, cache, target);
            const start = performance.now();
            readRaw(path, target);
            return { ops: bytes, seconds: (performance.now() - start) / 1000, hash: null };
          });
        }),
    ],
  };
}

/** A million random rows that lie sorted in a sorter are turned into a run for the sake of another consumer. */
function gathers(settings: Settings, mode: Mode, compression: Compression): Case {
  const rows = parameter(settings, 1000, 1e6);
  return {
    name: `gather and encode, ${modeText(mode)}${packed(compression)}`,
    unit: MILLION_ROWS,
    ours: () =>
      inFolder((directory) => {
        const store = openSpillStore({ directory, compression, blockBytes: BLOCK_BYTES });
        const task = executorOf(mode, 256 * MIB).task(0);
        const other = new Other(task);
        return whole(settings, "ours", OURS, () => {
          const sorter = new Sorter(task, { store });
          insertRows(sorter, rows, settings.seed);
          sorter.sorted();
          const disk = store.counters.writeNs + store.counters.readNs;
          const start = performance.now();
          sorter.spill(1, other);
          const seconds = (performance.now() - start) / 1000;
          const diskSeconds = (store.counters.writeNs + store.counters.readNs - disk) / 1e9;
          const { recordsSpilled, diskBytesSpilled } = sorter.metrics;
          sorter.close();
          const hash = fold(fold(0, recordsSpilled), diskBytesSpilled);
          return { ops: rows, seconds: seconds - diskSeconds, hash, more: { diskSeconds } };
        });
      }),
    peers: [],
  };
}

class Other extends Consumer {
  spill(): number {
    return 0;
  }
}

function hashOf(run: Run): number {
  return [run.records, run.blocks, run.payloadBytes, run.diskBytes].reduce(fold, 0);
}

function packed(compression: Compression): string {
  return compression === "none" ? "" : `, ${compression}`;
}

/** `cached` by reading it once, `uncached` by asking the system to forget it. */
function prepare(path: string, cache: Cache, target: Uint8Array): void {
  if (cache === "cached") readRaw(path, target);
  else dropFromCache(path);
}
