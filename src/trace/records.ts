// The records of extended traces: as a value a record is charged the bytes it says, and it is serialized as exactly that many,
// its length first. Nothing is buffered, so the bytes written are known after each record.

import type { SelfSized } from "../storage/size.js";
import type { RecordCodec } from "../storage/codec.js";
import type { Records } from "./block-rows.js";

/** A record of a trace. */
export type TraceRecord = SelfSized;

/** The records that runs stand for. */
export function* recordsOf(runs: Records): Generator<TraceRecord> {
  for (const [count, bytes] of runs) for (let i = 0; i < count; i += 1) yield { estimatedBytes: bytes };
}

export const traceCodec: RecordCodec<TraceRecord> = {
  writer: (sink) => ({
    write(record) {
      const bytes = new Uint8Array(record.estimatedBytes);
      new DataView(bytes.buffer).setUint32(0, bytes.length);
      sink.write(bytes);
    },
    close() {},
  }),
  *read(bytes) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let at = 0; at < bytes.length; at += view.getUint32(at)) yield { estimatedBytes: view.getUint32(at) };
  },
};
