// Spill files: the Node entry `tungsten-memory/spill`. A store keeps each run in a file of its own and removes it when the
// run is deleted, when the store closes, after any trouble, and when the process ends; what a killed process left behind is
// removed by the next store over the same directory.

import { randomBytes } from "node:crypto";
import { tmpdir } from "node:os";
import { resolve } from "node:path";
import { Refusal } from "../fault.js";
import { openCodec, type Compression } from "./codec.js";
import type { RunSchema, RunWriter, SpillStore } from "./contract.js";
import { SpillError } from "./error.js";
import { closeAtExit, forget } from "./exit.js";
import { Files } from "./files.js";
import { nodeFileSystem, type SpillFileSystem } from "./filesystem.js";
import { HEAD_BYTES, RUN_ID_BYTES, encodeHeader } from "./format.js";
import type { Leftovers } from "./home.js";
import { LZ4_MAX_RAW_BYTES } from "./lz4.js";
import { FileWriter } from "./writer.js";

export { blockFiles } from "./block-files.js";
export type { Compression } from "./codec.js";
export type { Run, RunReader, RunSchema, RunWriter, SpillCounters, SpillStore } from "./contract.js";
export { SpillError, type SpillOperation } from "./error.js";
export { removeSpillFilesOnSignals } from "./exit.js";
export { nodeFileSystem, type SpillFileSystem } from "./filesystem.js";
export { removeLeftovers, type Leftovers } from "./home.js";

/** Largest payload of a block where nobody says, bytes. */
export const DEFAULT_BLOCK_BYTES = 1 << 18;
/** How far ahead of a reader the system is asked to read where nobody says, bytes. */
export const DEFAULT_READ_AHEAD_BYTES = 2 ** 21;
/** Least payload that a block can be limited to, bytes. */
export const LEAST_BLOCK_BYTES = 64;
/** Largest payload of any block, bytes. */
export const LARGEST_BLOCK_BYTES = LZ4_MAX_RAW_BYTES;

/** Where and how a store keeps its runs. */
export interface SpillOptions {
  /** An existing directory; the store makes its own inside. The system's temporary directory by default. */
  readonly directory?: string;
  /** `lz4` by default. `deflate` and `zstd` take memory for each block they pack; `zstd` needs Node 22.15 or later. */
  readonly compression?: Compression;
  /** Largest payload of a block, bytes, 64 to about 16 MiB; 256 KiB by default. */
  readonly blockBytes?: number;
  /** Most bytes that all files of this store may take together; no limit by default. */
  readonly capBytes?: number;
  /** Whether a run is on the disk itself when it is finished (as `spark.shuffle.sync`); false by default. */
  readonly sync?: boolean;
  /** How far ahead of a reader the system is asked to read, bytes; 0 for not at all. 2 MiB by default. */
  readonly readAheadBytes?: number;
  /** In place of node:fs. */
  readonly fileSystem?: SpillFileSystem;
}

/** A store over files. */
export interface FileSpillStore extends SpillStore {
  /** The directory in which the store makes its own. */
  readonly directory: string;
  /** What was found of dead processes when the store opened. */
  readonly leftovers: Leftovers;
}

/**
 * Opens a store. Removes what dead processes have left in the directory; makes its own directory with the first run.
 * Throws SpillError when the directory cannot be listed, Refusal when an option is out of range or this Node lacks the codec.
 *
 * @example
 * ```ts
 * import { openExecutor, Sorter } from "tungsten-memory";
 * import { openSpillStore } from "tungsten-memory/spill";
 *
 * const store = openSpillStore({ compression: "lz4", capBytes: 2 ** 30 });
 * const sorter = new Sorter(openExecutor().task(1), { store });
 * sorter.insert(Uint8Array.of(7), 0, 1, 0, 7);
 * sorter.close();
 * store.close(); // what was left of its files is gone
 * ```
 */
export function openSpillStore(options: SpillOptions = {}): FileSpillStore {
  const { compression = "lz4", blockBytes = DEFAULT_BLOCK_BYTES, capBytes = Infinity } = options;
  const { sync = false, readAheadBytes = DEFAULT_READ_AHEAD_BYTES } = options;
  if (!(Number.isInteger(blockBytes) && blockBytes >= LEAST_BLOCK_BYTES && blockBytes <= LARGEST_BLOCK_BYTES))
    throw new Refusal(`spill: blockBytes ${blockBytes} is outside ${LEAST_BLOCK_BYTES}..${LARGEST_BLOCK_BYTES}`);
  if (!(capBytes >= 0)) throw new Refusal(`spill: capBytes ${capBytes} is not 0 or more`);
  if (!(readAheadBytes >= 0)) throw new Refusal(`spill: readAheadBytes ${readAheadBytes} is not 0 or more`);
  const directory = resolve(options.directory ?? tmpdir());
  const codec = openCodec(compression, blockBytes);
  const files = new Files(directory, options.fileSystem ?? nodeFileSystem, { capBytes, sync, readAheadBytes });
  let open = true;

  const store: FileSpillStore = {
    directory,
    leftovers: files.leftovers,
    counters: files.counters,
    create(schema: RunSchema, expectedPayloadBytes = 0): RunWriter {
      if (!open) throw new SpillError("create", "the store is closed", { file: directory });
      const runId = randomBytes(RUN_ID_BYTES);
      const header = encodeHeader(schema, { codec: codec?.id ?? 0, maxBlockBytes: blockBytes, runId });
      const blocks = Math.ceil(expectedPayloadBytes / blockBytes);
      const least = header.length + HEAD_BYTES + (codec === null ? blocks * HEAD_BYTES + expectedPayloadBytes : 0);
      const why = files.overCap(least);
      if (why !== null) throw new SpillError("cap", why, { file: directory });
      return new FileWriter(files.create(), header, codec, blockBytes, files.counters);
    },
    close() {
      open = false;
      // Until everything is gone the hook at the end of the process stays.
      files.close();
      forget(store);
    },
  };
  closeAtExit(store);
  return store;
}
