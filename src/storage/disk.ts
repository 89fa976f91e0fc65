// Where blocks lie that are not in memory, or not only there. The contract is small and synchronous; the disk here is one in
// memory, for tests and for replays.

import { ByteChunks, type ByteSink } from "./codec.js";
import type { BlockDisk } from "./contract.js";

/** A disk that a block can be streamed to. */
export interface StreamDisk extends BlockDisk {
  /**
   * Writes a block as `fill` produces it and returns its bytes. When `fill` or the disk throws, nothing of the block is
   * left. A block that is there already is refused by the disk.
   */
  stream(block: string, fill: (sink: ByteSink) => void): number;
  /** The bytes of a block, 0 where there is none. */
  bytes(block: string): number;
  /** Calls `visit` for every block. */
  forEach(visit: (block: string, bytes: number) => void): void;
}

const CHUNK_BYTES = 64 * 1024;

/**
 * A disk in the memory of the process.
 *
 * @example
 * ```ts
 * import { MemoryDisk, openExecutor } from "tungsten-memory";
 *
 * const disk = new MemoryDisk();
 * const { store } = openExecutor({ disk });
 * disk.write("rdd_0_1", Uint8Array.of(7));
 * console.log(store.read("rdd_0_1")); // Uint8Array(1) [ 7 ]
 * ```
 */
export class MemoryDisk implements StreamDisk {
  readonly #blocks = new Map<string, Uint8Array>();

  write(block: string, bytes: Uint8Array): void {
    this.#blocks.set(block, bytes.slice());
  }

  stream(block: string, fill: (sink: ByteSink) => void): number {
    const chunks = new ByteChunks(CHUNK_BYTES);
    fill(chunks);
    this.#blocks.set(block, chunks.joined());
    return chunks.bytes;
  }

  read(block: string): Uint8Array | null {
    return this.#blocks.get(block)?.slice() ?? null;
  }

  has(block: string): boolean {
    return this.#blocks.has(block);
  }

  bytes(block: string): number {
    return this.#blocks.get(block)?.length ?? 0;
  }

  forEach(visit: (block: string, bytes: number) => void): void {
    this.#blocks.forEach((bytes, block) => visit(block, bytes.length));
  }

  remove(block: string): void {
    this.#blocks.delete(block);
  }
}
