// The contract over memory: for browsers, where a worker may put files in its place, and for tests that want no disk. Runs
// are copies of their blocks; nothing here imports Node.

import { assert } from "../fault.js";
import type { Run, RunReader, RunSchema, RunWriter, SpillCounters, SpillStore } from "./contract.js";
import { SpillError } from "./error.js";

export interface MemorySpillOptions {
  /** Largest payload of a block, bytes; 256 KiB by default. */
  readonly blockBytes?: number;
  /** Most bytes that all runs may take together; no limit by default. */
  readonly capBytes?: number;
}

interface Block {
  readonly payload: Uint8Array;
  readonly records: number;
}

/** Opens a store that keeps runs in buffers of the JavaScript heap. Its `disk` bytes are the payload bytes. */
export function openMemorySpillStore(options: MemorySpillOptions = {}): SpillStore {
  const { blockBytes: maxBlockBytes = 1 << 18, capBytes = Infinity } = options;
  const counters: { -readonly [K in keyof SpillCounters]: SpillCounters[K] } = {
    runs: 0,
    records: 0,
    payloadBytesWritten: 0,
    diskBytesWritten: 0,
    diskBytesRead: 0,
    writeNs: 0,
    readNs: 0,
    liveFiles: 0,
  };
  /** Bytes of each run that exists, by its blocks. */
  const live = new Map<Block[], number>();
  let liveBytes = 0;
  let open = true;

  const drop = (blocks: Block[]): void => {
    const bytes = live.get(blocks);
    if (bytes === undefined) return;
    live.delete(blocks);
    liveBytes -= bytes;
    counters.liveFiles -= 1;
    blocks.length = 0;
  };
  const checkCap = (bytes: number, block?: number): void => {
    if (liveBytes + bytes > capBytes)
      throw new SpillError(
        "cap",
        `${bytes} more bytes would pass the cap of ${capBytes} bytes; ${liveBytes} are kept`,
        {
          block,
        },
      );
  };

  return {
    counters,
    create(schema: RunSchema, expectedPayloadBytes = 0): RunWriter {
      if (!open) throw new SpillError("create", "the store is closed");
      assert(/^[\x20-\x7e]{1,32}$/.test(schema.kind), `kind "${schema.kind}" is not 1 to 32 ASCII characters`);
      checkCap(expectedPayloadBytes);
      const blocks: Block[] = [];
      let records = 0;
      let payloadBytes = 0;
      let writing = true;
      live.set(blocks, 0);
      counters.liveFiles += 1;
      return {
        maxBlockBytes,
        writeBlock(source, offset, length, recordsInBlock) {
          assert(writing && live.has(blocks), "the writer is open");
          assert(length >= 1 && length <= maxBlockBytes, `a block of ${length} bytes is outside 1..${maxBlockBytes}`);
          assert(
            offset >= 0 && offset + length <= source.length,
            `bytes ${offset} to ${offset + length} lie in the source`,
          );
          try {
            checkCap(length, blocks.length);
          } catch (error) {
            writing = false;
            drop(blocks);
            throw error;
          }
          // A copy of a view over shared memory is private: `slice` would keep it shared.
          const payload = new Uint8Array(length);
          payload.set(source.subarray(offset, offset + length));
          blocks.push({ payload, records: recordsInBlock });
          payloadBytes += length;
          records += recordsInBlock;
          live.set(blocks, payloadBytes);
          liveBytes += length;
          counters.records += recordsInBlock;
          counters.payloadBytesWritten += length;
          counters.diskBytesWritten += length;
        },
        finish(): Run {
          assert(writing && live.has(blocks), "the writer is open");
          writing = false;
          counters.runs += 1;
          return {
            records,
            blocks: blocks.length,
            payloadBytes,
            diskBytes: payloadBytes,
            open: () => {
              if (!live.has(blocks)) throw new SpillError("open", "the run has been deleted");
              return read(blocks);
            },
            delete: () => drop(blocks),
          };
        },
        abort() {
          if (!writing) return;
          writing = false;
          drop(blocks);
        },
      };
    },
    close() {
      open = false;
      for (const blocks of live.keys()) drop(blocks);
    },
  };

  function read(blocks: Block[]): RunReader {
    let next = 0;
    let reading = true;
    const reader = {
      maxBlockBytes,
      recordsInBlock: 0,
      readBlock(target: Uint8Array, offset: number): number {
        assert(reading, "the reader is open");
        assert(offset >= 0 && target.length - offset >= maxBlockBytes, "the target has room for the largest block");
        if (!live.has(blocks)) throw new SpillError("read", "the run has been deleted", { block: next });
        const block = blocks[next];
        reader.recordsInBlock = block?.records ?? 0;
        if (block === undefined) return 0;
        next += 1;
        target.set(block.payload, offset);
        counters.diskBytesRead += block.payload.length;
        return block.payload.length;
      },
      close() {
        reading = false;
      },
    };
    return reader;
  }
}
