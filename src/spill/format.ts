// The spill file, byte by byte. Numbers are little-endian and unsigned. Every CRC is the CRC-32 of zlib, and those of the
// heads form a chain that starts at the header: each is seeded with the one before. So a flipped bit, a cut, a block
// missing, doubled, moved or taken from another file all break it, and a file without its trailer is not finished.
//
//   header                                    block, as many as there are          trailer, once, and then the end of the file
//   0   8  "TMSPILL\n"                        0   4  "BLCK"                        0   4  "ENDS"
//   8   2  version of this format, 1          4   4  payload bytes                 4   4  blocks
//   10  2  bytes of the header                8   4  stored bytes                  8   8  records
//   12  1  codec: 0 none, 1 lz4,              12  4  records                       16  8  payload bytes of all blocks
//             2 deflate, 3 zstd               16  4  flags: 1 = packed by codec    24  4  0
//   13  1  bytes of the kind, K               20  4  number of the block, from 0   28  4  CRC of bytes 0..27, seeded
//   14  2  version of the schema              24  4  CRC of the stored bytes
//   16  4  largest payload of a block         28  4  CRC of bytes 0..27, seeded
//   20  2  bytes of the fields, F             32     the stored bytes
//   22  2  0
//   24  16 id of the run, random
//   40  K  kind, ASCII
//   ..  F  fields, UTF-8
//   ..  4  CRC of all bytes before

import { crc32 } from "node:zlib";
import { assert } from "../fault.js";
import type { RunSchema } from "./contract.js";

export const FORMAT_VERSION = 1;
/** Bytes of a block head, and of the trailer. */
export const HEAD_BYTES = 32;
/** Bytes of a header before the kind. */
export const HEADER_FIXED_BYTES = 40;
export const RUN_ID_BYTES = 16;
const CRC_BYTES = 4;

const MAGIC = Uint8Array.from("TMSPILL\n", (c) => c.charCodeAt(0));
const BLOCK_MARK = 0x4b434c42; // "BLCK"
const END_MARK = 0x53444e45; // "ENDS"
/** Flag of a block: the stored bytes are what the codec made of the payload. */
export const PACKED = 1;

/** What the header says, apart from the schema. */
export interface HeaderFacts {
  readonly codec: number;
  readonly maxBlockBytes: number;
  readonly runId: Uint8Array;
}

/** A header, whole. Its last four bytes are the start of the chain. */
export function encodeHeader(schema: RunSchema, facts: HeaderFacts): Uint8Array {
  const fields = new TextEncoder().encode(schema.fields);
  const { kind } = schema;
  assert(/^[\x20-\x7e]{1,32}$/.test(kind), `kind "${kind}" is not 1 to 32 ASCII characters`);
  assert(fields.length <= 200, `fields take ${fields.length} bytes, at most 200 are allowed`);
  assert(schema.version >= 1 && schema.version <= 65_535, `schema version ${schema.version} is outside 1..65535`);
  assert(facts.runId.length === RUN_ID_BYTES, "the id of a run has 16 bytes");
  const bytes = HEADER_FIXED_BYTES + kind.length + fields.length + CRC_BYTES;
  const header = new Uint8Array(bytes);
  const view = new DataView(header.buffer);
  header.set(MAGIC);
  view.setUint16(8, FORMAT_VERSION, true);
  view.setUint16(10, bytes, true);
  header[12] = facts.codec;
  header[13] = kind.length;
  view.setUint16(14, schema.version, true);
  view.setUint32(16, facts.maxBlockBytes, true);
  view.setUint16(20, fields.length, true);
  header.set(facts.runId, 24);
  for (let i = 0; i < kind.length; i += 1) header[HEADER_FIXED_BYTES + i] = kind.charCodeAt(i);
  header.set(fields, HEADER_FIXED_BYTES + kind.length);
  view.setUint32(bytes - CRC_BYTES, crc32(header.subarray(0, bytes - CRC_BYTES)), true);
  return header;
}

/** Why `found` is not the header `expected`, in words, or null when it is. */
export function headerDifference(found: Uint8Array, expected: Uint8Array): string | null {
  const view = new DataView(found.buffer, found.byteOffset, found.length);
  const differs = found.findIndex((byte, i) => byte !== expected[i]);
  if (differs < 0 && found.length === expected.length) return null;
  if (differs >= 0 && differs < MAGIC.length) return "it is not a spill file";
  const version = view.getUint16(8, true);
  if (version !== FORMAT_VERSION)
    return `its format has version ${version}, this library reads version ${FORMAT_VERSION}`;
  const end = found.length - CRC_BYTES;
  if (view.getUint32(end, true) !== crc32(found.subarray(0, end))) return "its header has been altered";
  return "its header belongs to another run";
}

/** Last four bytes of a header: what the first head's CRC is seeded with. */
export function chainStart(header: Uint8Array): number {
  return new DataView(header.buffer, header.byteOffset).getUint32(header.length - CRC_BYTES, true);
}

/** One head, to be filled or looked at. Writers and readers keep one each. */
export class Head {
  readonly bytes = new Uint8Array(HEAD_BYTES);
  readonly #view = new DataView(this.bytes.buffer);
  readonly #sealed = this.bytes.subarray(0, HEAD_BYTES - CRC_BYTES);

  /** Fills in a block's head and returns the next link of the chain. */
  putBlock(
    payloadBytes: number,
    storedBytes: number,
    records: number,
    flags: number,
    block: number,
    crc: number,
    chain: number,
  ): number {
    const view = this.#view;
    view.setUint32(0, BLOCK_MARK, true);
    view.setUint32(4, payloadBytes, true);
    view.setUint32(8, storedBytes, true);
    view.setUint32(12, records, true);
    view.setUint32(16, flags, true);
    view.setUint32(20, block, true);
    view.setUint32(24, crc, true);
    return this.#seal(chain);
  }

  /** Fills in a trailer and returns the last link of the chain. */
  putTrailer(blocks: number, records: number, payloadBytes: number, chain: number): number {
    const view = this.#view;
    view.setUint32(0, END_MARK, true);
    view.setUint32(4, blocks, true);
    putCount(view, 8, records);
    putCount(view, 16, payloadBytes);
    view.setUint32(24, 0, true);
    return this.#seal(chain);
  }

  #seal(chain: number): number {
    const crc = crc32(this.#sealed, chain);
    this.#view.setUint32(HEAD_BYTES - CRC_BYTES, crc, true);
    return crc;
  }

  /** The link these bytes carry, when they are the ones that follow `chain`; -1 when not. */
  link(chain: number): number {
    const crc = this.#view.getUint32(HEAD_BYTES - CRC_BYTES, true);
    return crc === crc32(this.#sealed, chain) ? crc : -1;
  }

  get isBlock(): boolean {
    return this.#view.getUint32(0, true) === BLOCK_MARK;
  }
  get isTrailer(): boolean {
    return this.#view.getUint32(0, true) === END_MARK;
  }
  /** Of a block. */
  get payloadBytes(): number {
    return this.#view.getUint32(4, true);
  }
  get storedBytes(): number {
    return this.#view.getUint32(8, true);
  }
  get records(): number {
    return this.#view.getUint32(12, true);
  }
  get packed(): boolean {
    return (this.#view.getUint32(16, true) & PACKED) !== 0;
  }
  get block(): number {
    return this.#view.getUint32(20, true);
  }
  get crc(): number {
    return this.#view.getUint32(24, true);
  }
  /** Of a trailer. */
  get blocks(): number {
    return this.#view.getUint32(4, true);
  }
  get allRecords(): number {
    return getCount(this.#view, 8);
  }
  get allPayloadBytes(): number {
    return getCount(this.#view, 16);
  }
}

function putCount(view: DataView, at: number, value: number): void {
  view.setUint32(at, value % 2 ** 32, true);
  view.setUint32(at + 4, Math.floor(value / 2 ** 32), true);
}

function getCount(view: DataView, at: number): number {
  return view.getUint32(at, true) + view.getUint32(at + 4, true) * 2 ** 32;
}
