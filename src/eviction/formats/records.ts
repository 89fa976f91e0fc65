// The binary formats: records of one length, one after the other.

import { RequestBuilder, TraceError, type TraceReader } from "./trace.js";

/** Keys of 4 bytes, big-endian (cache2k). */
export function cache2kReader(file: string): TraceReader {
  const builder = new RequestBuilder(false);
  return recordReader(file, builder, 4, (view, at) => builder.add(view.getUint32(at), 0));
}

/** Keys of 8 bytes, big-endian (Scarab). */
export function scarabReader(file: string): TraceReader {
  const builder = new RequestBuilder(false);
  return recordReader(file, builder, 8, (view, at) => builder.add(view.getUint32(at + 4), view.getUint32(at)));
}

/** libCacheSim's oracleGeneral, little-endian: | time u32 | object u64 | size u32, bytes | number of the next request i64 |. */
export function oracleGeneralReader(file: string): TraceReader {
  const builder = new RequestBuilder(true);
  return recordReader(file, builder, 24, (view, at) =>
    builder.add(view.getUint32(at + 4, true), view.getUint32(at + 8, true), view.getUint32(at + 12, true)),
  );
}

function recordReader(
  file: string,
  builder: RequestBuilder,
  recordBytes: number,
  request: (view: DataView, at: number) => void,
): TraceReader {
  const torn = new Uint8Array(recordBytes);
  const tornView = new DataView(torn.buffer);
  let tornBytes = 0;
  let offset = 0;
  return {
    write(piece) {
      let at = 0;
      if (tornBytes > 0) {
        at = Math.min(recordBytes - tornBytes, piece.length);
        torn.set(piece.subarray(0, at), tornBytes);
        tornBytes += at;
        if (tornBytes === recordBytes) {
          request(tornView, 0);
          tornBytes = 0;
        }
      }
      const view = new DataView(piece.buffer, piece.byteOffset, piece.byteLength);
      for (; at + recordBytes <= piece.length; at += recordBytes) request(view, at);
      if (at < piece.length) {
        torn.set(piece.subarray(at));
        tornBytes = piece.length - at;
      }
      offset += piece.length;
    },
    end() {
      if (tornBytes > 0)
        throw new TraceError(
          file,
          { offset: offset - tornBytes },
          `ends within a record of ${recordBytes} bytes: the file is cut off, or of another format`,
        );
      return builder.finish(file, offset);
    },
  };
}
