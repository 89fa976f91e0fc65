// What a consumer that spills needs from a disk, and nothing of how a disk is reached: the main entry has no Node import.
// `spill/index.ts` (an entry of its own) implements it with files.

/** What the records of a run are: written in the file's header, checked when it is read. */
export interface RunSchema {
  /** `sorted-rows` (records in order, key prefix kept) or `map-page`; at most 32 ASCII characters. */
  readonly kind: string;
  /** Version of the encoding inside the blocks, 1 to 65535. */
  readonly version: number;
  /** Free text that names the record's fields, at most 200 bytes of UTF-8. */
  readonly fields: string;
}

/** A place where runs are kept. Every method that touches the disk throws SpillError and then leaves no file behind. */
export interface SpillStore {
  /**
   * Starts a run. Its write buffer exists already: creating and writing never ask for memory. `expectedPayloadBytes`, where
   * the caller knows it, lets a capped store that does not compress refuse before the first byte instead of at the cap.
   */
  create(schema: RunSchema, expectedPayloadBytes?: number): RunWriter;
  /** What spilling has cost so far: one live object, read it when needed. */
  readonly counters: SpillCounters;
  /** Removes every file of this store. Runs still open are closed. Idempotent. */
  close(): void;
}

/** One run being written. After an error the writer is closed and its file gone. */
export interface RunWriter {
  /** Largest payload of one block, bytes. */
  readonly maxBlockBytes: number;
  /**
   * Appends one block: `length` bytes of `source` from `offset`, holding `records` records. The bytes may lie in shared or
   * wasm memory; they have been taken when the call returns.
   */
  writeBlock(source: Uint8Array, offset: number, length: number, records: number): void;
  /** Writes the trailer and closes the file. */
  finish(): Run;
  /** Drops the run and its file. Idempotent; never throws. */
  abort(): void;
}

/** A finished run. */
export interface Run {
  /** Records of all blocks. */
  readonly records: number;
  /** Number of blocks. */
  readonly blocks: number;
  /** Bytes of the payloads before compression. */
  readonly payloadBytes: number;
  /** Bytes of the file. */
  readonly diskBytes: number;
  /** Opens it from the start. Throws SpillError. */
  open(): RunReader;
  /** Removes the file. Idempotent. */
  delete(): void;
}

/** Reads a run block by block, from the start. */
export interface RunReader {
  /**
   * Puts the payload of the next block at `offset` of `target` and returns its length in bytes, 0 at the end of the run.
   * `recordsInBlock` then says how many records it holds. `target` must have room for `maxBlockBytes`.
   * A torn, truncated or altered file is a SpillError that names the file and the block; the file is then gone.
   */
  readBlock(target: Uint8Array, offset: number): number;
  /** Records of the block that was read last. */
  readonly recordsInBlock: number;
  /** Largest payload of one block, bytes. */
  readonly maxBlockBytes: number;
  /** Closes the file. Idempotent. */
  close(): void;
}

/** What spilling has cost a store so far. Times are those of the disk calls alone, in nanoseconds, as doubles. */
export interface SpillCounters {
  /** Runs finished. */
  readonly runs: number;
  /** Records and payload bytes of blocks written, bytes that reached files or came from them; runs that failed included. */
  readonly records: number;
  /** Bytes of blocks before compression. */
  readonly payloadBytesWritten: number;
  /** Bytes that reached files. */
  readonly diskBytesWritten: number;
  /** Bytes that came from files. */
  readonly diskBytesRead: number;
  /** Time of creating, writing and closing what is written. */
  readonly writeNs: number;
  /** Time of opening, reading and closing what is read. */
  readonly readNs: number;
  /** Files that exist now. */
  readonly liveFiles: number;
}
