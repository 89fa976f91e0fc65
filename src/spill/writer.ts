// Writes one run. A block goes out as head and stored bytes in one call, straight from where the caller or the codec has it;
// the only memory is a head, which was there before the first byte.

import { crc32 } from "node:zlib";
import { assert } from "../fault.js";
import type { Codec } from "./codec.js";
import type { Run, RunWriter } from "./contract.js";
import type { SpillFile, Tally } from "./files.js";
import { HEAD_BYTES, Head, PACKED, chainStart } from "./format.js";
import { FileRun } from "./reader.js";

export class FileWriter implements RunWriter {
  readonly maxBlockBytes: number;
  readonly #file: SpillFile;
  readonly #header: Uint8Array;
  readonly #codec: Codec | null;
  readonly #counters: Tally;
  readonly #head = new Head();
  #chain: number;
  #blocks = 0;
  #records = 0;
  #payloadBytes = 0;
  #open = true;

  /** Takes over the empty `file` and writes the header. */
  constructor(file: SpillFile, header: Uint8Array, codec: Codec | null, maxBlockBytes: number, counters: Tally) {
    this.maxBlockBytes = maxBlockBytes;
    this.#file = file;
    this.#header = header;
    this.#codec = codec;
    this.#counters = counters;
    this.#chain = chainStart(header);
    file.append([header], header.length);
  }

  writeBlock(source: Uint8Array, offset: number, length: number, records: number): void {
    assert(this.#open && !this.#file.gone, "the writer is open");
    assert(
      length >= 1 && length <= this.maxBlockBytes,
      `a block of ${length} bytes is outside 1..${this.maxBlockBytes}`,
    );
    assert(offset >= 0 && offset + length <= source.length, `bytes ${offset} to ${offset + length} lie in the source`);
    assert(records >= 0 && records < 2 ** 32, `${records} records fit a block`);
    const packed = this.#codec === null ? null : this.#codec.pack(source, offset, length);
    const stored = packed ?? source.subarray(offset, offset + length);
    const block = this.#blocks;
    this.#file.admit(HEAD_BYTES + stored.length + HEAD_BYTES, block);
    const flags = packed === null ? 0 : PACKED;
    this.#chain = this.#head.putBlock(length, stored.length, records, flags, block, crc32(stored), this.#chain);
    this.#file.append([this.#head.bytes, stored], HEAD_BYTES + stored.length, block);
    this.#blocks += 1;
    this.#records += records;
    this.#payloadBytes += length;
    this.#counters.records += records;
    this.#counters.payloadBytesWritten += length;
  }

  finish(): Run {
    assert(this.#open && !this.#file.gone, "the writer is open");
    this.#open = false;
    this.#head.putTrailer(this.#blocks, this.#records, this.#payloadBytes, this.#chain);
    this.#file.append([this.#head.bytes], HEAD_BYTES);
    this.#file.seal();
    this.#counters.runs += 1;
    return new FileRun(
      this.#file,
      this.#header,
      this.#codec,
      this.maxBlockBytes,
      this.#blocks,
      this.#records,
      this.#payloadBytes,
    );
  }

  abort(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#file.discard();
  }
}
