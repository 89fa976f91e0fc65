// Reads a finished run and believes nothing: the header must be the one that was written, every head must be the next link
// of the chain, the stored bytes must have their CRC, and the trailer must count what was read. A run that fails is removed.

import { crc32 } from "node:zlib";
import { assert } from "../fault.js";
import type { Codec } from "./codec.js";
import type { Run, RunReader } from "./contract.js";
import type { SpillFile } from "./files.js";
import { HEAD_BYTES, Head, chainStart, headerDifference } from "./format.js";

export class FileRun implements Run {
  readonly records: number;
  readonly blocks: number;
  readonly payloadBytes: number;
  readonly #file: SpillFile;
  readonly #header: Uint8Array;
  readonly #codec: Codec | null;
  readonly #maxBlockBytes: number;

  constructor(
    file: SpillFile,
    header: Uint8Array,
    codec: Codec | null,
    maxBlockBytes: number,
    blocks: number,
    records: number,
    payloadBytes: number,
  ) {
    this.records = records;
    this.blocks = blocks;
    this.payloadBytes = payloadBytes;
    this.#file = file;
    this.#header = header;
    this.#codec = codec;
    this.#maxBlockBytes = maxBlockBytes;
  }

  get diskBytes(): number {
    return this.#file.bytes;
  }

  open(): RunReader {
    return new FileReader(this, this.#file, this.#header, this.#codec, this.#maxBlockBytes);
  }

  delete(): void {
    const trouble = this.#file.discard();
    if (trouble !== null) throw trouble;
  }
}

class FileReader implements RunReader {
  readonly maxBlockBytes: number;
  recordsInBlock = 0;
  readonly #run: Run;
  readonly #file: SpillFile;
  readonly #codec: Codec | null;
  readonly #fd: number;
  /** The head that comes next; read together with what stands before it. */
  readonly #head = new Head();
  #chain: number;
  /** Where that head starts in the file. */
  #offset: number;
  #blocks = 0;
  #records = 0;
  #payloadBytes = 0;
  /** End of what has been asked for ahead. */
  #asked = 0;
  #state: "open" | "ended" | "closed" = "open";

  constructor(run: Run, file: SpillFile, header: Uint8Array, codec: Codec | null, maxBlockBytes: number) {
    this.maxBlockBytes = maxBlockBytes;
    this.#run = run;
    this.#file = file;
    this.#codec = codec;
    this.#chain = chainStart(header);
    this.#offset = header.length;
    this.#fd = file.openToRead();
    this.#readAhead();
    const found = new Uint8Array(header.length);
    file.fill(this.#fd, [found, this.#head.bytes], header.length + HEAD_BYTES, 0);
    const difference = headerDifference(found, header);
    if (difference !== null) throw file.lost("verify", difference, undefined, 0);
  }

  readBlock(target: Uint8Array, offset: number): number {
    assert(this.#state !== "closed", "the reader is open");
    assert(offset >= 0 && target.length - offset >= this.maxBlockBytes, "the target has room for the largest block");
    if (this.#state === "ended") return 0;
    const head = this.#head;
    const chain = head.link(this.#chain);
    if (chain < 0) throw this.#altered("its head has been altered");
    if (head.isTrailer) return this.#end();
    if (!head.isBlock) throw this.#altered("neither a block nor the trailer");

    const { payloadBytes, storedBytes, records, packed, crc, block } = head;
    const next = this.#offset + HEAD_BYTES + storedBytes;
    if (block !== this.#blocks) throw this.#altered(`block ${block} stands in its place`);
    if (payloadBytes > this.maxBlockBytes || next + HEAD_BYTES > this.#run.diskBytes)
      throw this.#altered("it is longer than it can be");
    if (packed ? this.#codec === null : storedBytes !== payloadBytes) throw this.#altered("its lengths disagree");
    const stored = packed ? this.#codec!.room(storedBytes) : target.subarray(offset, offset + storedBytes);
    if (stored === null) throw this.#altered("it is longer than it can be");

    this.#file.fill(this.#fd, [stored, head.bytes], storedBytes + HEAD_BYTES, this.#offset, block);
    if (crc32(stored) !== crc) throw this.#altered("its bytes have been altered");
    if (packed && !this.#codec!.unpack(storedBytes, target, offset, payloadBytes))
      throw this.#altered("its bytes do not unpack");
    this.#chain = chain;
    this.#offset = next;
    this.#blocks += 1;
    this.#records += records;
    this.#payloadBytes += payloadBytes;
    this.recordsInBlock = records;
    this.#readAhead();
    return payloadBytes;
  }

  close(): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#file.close(this.#fd);
  }

  /** Keeps between half and the whole of the store's distance asked for ahead of what has been read. */
  #readAhead(): void {
    const most = this.#file.readAheadBytes;
    if (most === 0 || this.#asked - this.#offset > most / 2) return;
    const from = Math.max(this.#asked, this.#offset);
    const to = Math.min(this.#offset + most, this.#run.diskBytes);
    if (to > from) this.#file.readAhead(this.#fd, from, to - from);
    this.#asked = to;
  }

  /** The trailer is sound; it must also tell what has been read, and be the end. */
  #end(): number {
    const head = this.#head;
    const run = this.#run;
    if (
      head.blocks !== this.#blocks ||
      head.allRecords !== this.#records ||
      head.allPayloadBytes !== this.#payloadBytes
    )
      throw this.#altered("the trailer counts other blocks than there are");
    if (this.#offset + HEAD_BYTES !== run.diskBytes || this.#records !== run.records)
      throw this.#altered("the trailer stands in the wrong place");
    this.#state = "ended";
    this.recordsInBlock = 0;
    return 0;
  }

  #altered(why: string): Error {
    return this.#file.lost("verify", why, this.#blocks, this.#offset);
  }
}
