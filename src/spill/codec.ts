// How a block's payload is packed. LZ4 is our own kernel with work areas reserved when the store opens; deflate and zstd are
// Node's, give better ratios at a fraction of the speed, and take memory for their result at every block.

import zlib from "node:zlib";
import { Refusal } from "../fault.js";
import { openLz4 } from "./lz4.js";

/** How the blocks of spill files are packed. */
export type Compression = "none" | "lz4" | "deflate" | "zstd";

/** A payload is stored packed when that makes it smaller by this factor at least, else as it is. */
export const LEAST_RATIO = 1.05;

/** One codec with its work areas. Calls never overlap: writers and readers of a store share it. */
export interface Codec {
  /** As the file's header names it. */
  readonly id: number;
  /** The payload packed, valid until the next call, or null when it does not shrink by LEAST_RATIO. */
  pack(source: Uint8Array, offset: number, length: number): Uint8Array | null;
  /** Where the stored bytes of a block are to be put before `unpack`; null when there is no such room. */
  room(storedBytes: number): Uint8Array | null;
  /** Unpacks what was put in `room` to `offset` of `target`. False when it is not a block of `payloadBytes`. */
  unpack(storedBytes: number, target: Uint8Array, offset: number, payloadBytes: number): boolean;
}

/** The codec with work areas for blocks of `maxBlockBytes`; null for `none`. Refuses what this Node does not have. */
export function openCodec(compression: Compression, maxBlockBytes: number): Codec | null {
  switch (compression) {
    case "none":
      return null;
    case "lz4":
      return lz4Codec(maxBlockBytes);
    case "deflate":
      return zlibCodec(
        2,
        maxBlockBytes,
        (raw) => zlib.deflateRawSync(raw, { level: 1 }),
        (packed, most) => zlib.inflateRawSync(packed, { maxOutputLength: most }),
      );
    case "zstd": {
      const { zstdCompressSync, zstdDecompressSync } = zlib as unknown as Partial<Zstd>;
      if (!zstdCompressSync || !zstdDecompressSync)
        throw new Refusal(`spill: this Node (${process.version}) has no zstd; use lz4, deflate or none`);
      return zlibCodec(
        3,
        maxBlockBytes,
        (raw) => zstdCompressSync(raw),
        (packed, most) => zstdDecompressSync(packed, { maxOutputLength: most }),
      );
    }
    default:
      throw new Refusal(`spill: compression "${String(compression)}" is none of none, lz4, deflate, zstd`);
  }
}

/** Not in the types of the oldest Node that we support. */
interface Zstd {
  zstdCompressSync(raw: Uint8Array): Uint8Array;
  zstdDecompressSync(packed: Uint8Array, options: { maxOutputLength: number }): Uint8Array;
}

function lz4Codec(maxBlockBytes: number): Codec {
  const lz4 = openLz4(maxBlockBytes);
  return {
    id: 1,
    pack(source, offset, length) {
      lz4.raw.set(source.subarray(offset, offset + length));
      const packed = lz4.compress(length, Math.floor(length / LEAST_RATIO));
      return packed === 0 ? null : lz4.packed.subarray(0, packed);
    },
    room: (storedBytes) => (storedBytes > lz4.packed.length ? null : lz4.packed.subarray(0, storedBytes)),
    unpack(storedBytes, target, offset, payloadBytes) {
      if (!lz4.decompress(storedBytes, payloadBytes)) return false;
      target.set(lz4.raw.subarray(0, payloadBytes), offset);
      return true;
    },
  };
}

function zlibCodec(
  id: number,
  maxBlockBytes: number,
  deflate: (raw: Uint8Array) => Uint8Array,
  inflate: (packed: Uint8Array, mostBytes: number) => Uint8Array,
): Codec {
  const stored = new Uint8Array(maxBlockBytes);
  return {
    id,
    pack(source, offset, length) {
      const packed = deflate(source.subarray(offset, offset + length));
      return packed.length * LEAST_RATIO <= length ? packed : null;
    },
    room: (storedBytes) => (storedBytes > maxBlockBytes ? null : stored.subarray(0, storedBytes)),
    unpack(storedBytes, target, offset, payloadBytes) {
      let raw: Uint8Array;
      try {
        raw = inflate(stored.subarray(0, storedBytes), payloadBytes);
      } catch {
        return false;
      }
      if (raw.length !== payloadBytes) return false;
      target.set(raw, offset);
      return true;
    },
  };
}
