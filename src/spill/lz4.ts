// LZ4 blocks by the wasm kernel, in a memory of its own that is laid out when it is made and never grows. A packed block is
// what lz4-napi and lz4-wasm read and write: the raw length in four little-endian bytes, then the LZ4 block.
//
//   0        tableBytes       + rawBytes + 16        + 4 + worst case
//   | table  | raw block      | packed block          |
//
// Compressing goes from raw to packed, decompressing from packed to raw; nothing survives a call.

import { assert } from "../fault.js";
import { WASM_UNIT_BYTES, createMemory, instantiate } from "../memory/wasm.js";

/** Largest raw block, bytes: the kernel's length sums stay within 32 bits. */
export const LZ4_MAX_RAW_BYTES = 2 ** 24 - 2 ** 17;

/** Bytes before the block that hold its raw length. */
const PREFIX_BYTES = 4;

interface Kernel {
  lz4TableBytes(): number;
  lz4Compress(source: number, length: number, target: number, capacity: number, table: number): number;
  lz4Decompress(source: number, length: number, target: number, rawLength: number): number;
}

/** Work areas and the two verbs. Views stay valid for ever; their contents until the next call. */
export interface Lz4 {
  /** Where a raw block is put before `compress` and found after `decompress`. */
  readonly raw: Uint8Array;
  /** Where a packed block is found after `compress` and put before `decompress`. */
  readonly packed: Uint8Array;
  /** Packs `rawBytes` of `raw`. Returns the packed length, or 0 when it would be more than about `mostBytes`. */
  compress(rawBytes: number, mostBytes?: number): number;
  /** Unpacks `packedBytes` of `packed` to exactly `rawBytes`. False when it is not such a block. */
  decompress(packedBytes: number, rawBytes: number): boolean;
}

/** Reserves work areas for raw blocks of 1 to `maxRawBytes` bytes. */
export function openLz4(maxRawBytes: number): Lz4 {
  assert(
    maxRawBytes >= 1 && maxRawBytes <= LZ4_MAX_RAW_BYTES,
    `raw blocks of ${maxRawBytes} bytes are outside 1..${LZ4_MAX_RAW_BYTES}`,
  );
  const packedRoom = PREFIX_BYTES + worstBytes(maxRawBytes);
  const rawRoom = alignUp(maxRawBytes + 16);
  // Whatever the table turns out to take, a megabyte holds it; what is not touched costs nothing.
  const units = Math.ceil((2 ** 20 + rawRoom + packedRoom) / WASM_UNIT_BYTES);
  const memory = createMemory({ initialUnits: units, maximumUnits: units, shared: false });
  const kernel = instantiate<Kernel>("private", memory);
  const rawAt = alignUp(kernel.lz4TableBytes());
  const packedAt = rawAt + rawRoom;
  const raw = new Uint8Array(memory.buffer, rawAt, maxRawBytes);
  const packed = new Uint8Array(memory.buffer, packedAt, packedRoom);

  return {
    raw,
    packed,
    compress(rawBytes, mostBytes = packedRoom) {
      assert(rawBytes <= raw.length, `${rawBytes} bytes do not fit the ${raw.length} reserved for a raw block`);
      const room = Math.min(mostBytes, packedRoom) - PREFIX_BYTES;
      if (room <= 0) return 0;
      const length = kernel.lz4Compress(rawAt, rawBytes, packedAt + PREFIX_BYTES, room, 0);
      if (length === 0) return 0;
      packed[0] = rawBytes;
      packed[1] = rawBytes >>> 8;
      packed[2] = rawBytes >>> 16;
      packed[3] = rawBytes >>> 24;
      return PREFIX_BYTES + length;
    },
    decompress(packedBytes, rawBytes) {
      if (packedBytes <= PREFIX_BYTES || packedBytes > packed.length || rawBytes > raw.length) return false;
      const told = (packed[0]! | (packed[1]! << 8) | (packed[2]! << 16) | (packed[3]! << 24)) >>> 0;
      if (told !== rawBytes) return false;
      return kernel.lz4Decompress(packedAt + PREFIX_BYTES, packedBytes - PREFIX_BYTES, rawAt, rawBytes) === 1;
    },
  };
}

/** Room in which a block of `rawBytes` always fits, however it compresses. */
function worstBytes(rawBytes: number): number {
  return rawBytes + Math.ceil(rawBytes / 255) + 64;
}

function alignUp(bytes: number): number {
  return Math.ceil(bytes / 16) * 16;
}
