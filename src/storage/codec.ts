// How records become bytes and come back. The storage room writes no format of its own: who stores records says how.

/** Takes bytes in order. What is given may be overwritten by its owner afterwards. */
export interface ByteSink {
  /** Takes bytes; they may be overwritten when it returns. */
  write(bytes: Uint8Array): void;
}

/** Writes records to a sink, perhaps through a buffer of its own. */
export interface RecordWriter<T> {
  /** Writes one record. */
  write(record: T): void;
  /** Writes what is left in buffers, and an end mark where the format has one. */
  close(): void;
}

/** How records become bytes, and bytes records again. */
export interface RecordCodec<T> {
  /** A writer of records that go to `sink`. */
  writer(sink: ByteSink): RecordWriter<T>;
  /** The records of what one writer has written. */
  read(bytes: Uint8Array): Iterable<T>;
}

/**
 * Bytes gathered in chunks, so that growing copies nothing.
 *
 * @example
 * ```ts
 * import { ByteChunks } from "tungsten-memory";
 *
 * const chunks = new ByteChunks(4);
 * chunks.write(Uint8Array.of(1, 2, 3));
 * chunks.write(Uint8Array.of(4, 5, 6));
 * console.log(chunks.bytes, [...chunks.joined()]); // 6 [ 1, 2, 3, 4, 5, 6 ]
 * ```
 */
export class ByteChunks implements ByteSink {
  readonly #chunkBytes: number;
  #chunks: Uint8Array[] = [];
  #last: Uint8Array = new Uint8Array(0);
  // Bytes used of the last chunk.
  #filled = 0;
  /** Bytes written so far. */
  bytes = 0;

  constructor(chunkBytes: number) {
    this.#chunkBytes = chunkBytes;
  }

  write(bytes: Uint8Array): void {
    let from = 0;
    while (from < bytes.length) {
      if (this.#filled === this.#last.length) this.#open();
      const part = bytes.subarray(from, from + this.#last.length - this.#filled);
      this.#last.set(part, this.#filled);
      this.#filled += part.length;
      from += part.length;
    }
    this.bytes += bytes.length;
  }

  /** Copies everything to the start of `to`. */
  copyTo(to: Uint8Array): void {
    let at = 0;
    this.drain({
      write(part) {
        to.set(part, at);
        at += part.length;
      },
    });
  }

  /** Gives everything to another sink. */
  drain(to: ByteSink): void {
    for (const chunk of this.#chunks) to.write(chunk === this.#last ? chunk.subarray(0, this.#filled) : chunk);
  }

  /** A copy of everything in one piece. */
  joined(): Uint8Array {
    const all = new Uint8Array(this.bytes);
    this.copyTo(all);
    return all;
  }

  #open(): void {
    this.#last = new Uint8Array(this.#chunkBytes);
    this.#filled = 0;
    this.#chunks.push(this.#last);
  }
}

/** The bytes that a codec makes of records. */
export function encodeRecords<T>(codec: RecordCodec<T>, records: Iterable<T>, sink: ByteSink): void {
  const writer = codec.writer(sink);
  for (const record of records) writer.write(record);
  writer.close();
}
