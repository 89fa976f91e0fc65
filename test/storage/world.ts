// A small executor with a block manager over blocks of byte arrays.

import { Executor } from "../../src/executor.js";
import { type Mode, OFF_HEAP, ON_HEAP } from "../../src/memory/mode.js";
import { BlockManager } from "../../src/storage/block-manager.js";
import { type ByteSink, ByteChunks, encodeRecords, type RecordCodec } from "../../src/storage/codec.js";
import { MemoryDisk } from "../../src/storage/disk.js";

/** Byte arrays, each behind its length. */
export const arrays: RecordCodec<Uint8Array> = {
  writer: (sink) => ({
    write(record) {
      const length = new Uint8Array(4);
      new DataView(length.buffer).setUint32(0, record.length);
      sink.write(length);
      sink.write(record);
    },
    close() {},
  }),
  *read(bytes) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let at = 0; at < bytes.length;) {
      const end = at + 4 + view.getUint32(at);
      yield bytes.slice(at + 4, end);
      at = end;
    }
  },
};

/** `count` arrays of `length` bytes, the i-th full of i. */
export function filled(count: number, length: number): Uint8Array[] {
  return Array.from({ length: count }, (_, i) => new Uint8Array(length).fill(i));
}

/** What the codec makes of records. */
export function encoded(records: Iterable<Uint8Array>): Uint8Array {
  const chunks = new ByteChunks(1000);
  encodeRecords(arrays, records, chunks);
  return chunks.joined();
}

/** A sink that remembers. */
export function remembering(): ByteSink & { bytes(): Uint8Array } {
  const chunks = new ByteChunks(1000);
  return { write: (bytes) => chunks.write(bytes), bytes: () => chunks.joined() };
}

export interface WorldOptions {
  /** Bytes of each mode. */
  readonly memory?: number;
  readonly generation?: string;
  readonly conf?: Readonly<Record<string, string>>;
}

export function world({ memory = 12000, generation = "4.1", conf = {} }: WorldOptions = {}) {
  const executor = new Executor({
    generation,
    conf: {
      "spark.testing.memory": String(memory),
      "spark.testing.reservedMemory": "0",
      "spark.memory.fraction": "1",
      "spark.memory.storageFraction": "0.999",
      "spark.memory.offHeap.size": String(memory),
      "spark.storage.unrollMemoryThreshold": "512",
      ...conf,
    },
  });
  const { store, manager } = executor;
  const disk = new MemoryDisk();
  const blocks = new BlockManager({ store, disk, codec: arrays });
  return {
    executor,
    manager,
    store,
    disk,
    blocks,
    kept: (mode: Mode = ON_HEAP) => [...store.blocks(mode)],
    unroll: () => store.unrolled(ON_HEAP) + store.unrolled(OFF_HEAP),
    check: () => executor.check(),
  };
}

export type World = ReturnType<typeof world>;
