// One door to the readers.

import { readAndroid } from "./android.js";
import { readMallocBench } from "./malloc-bench.js";
import type { AllocTrace, TraceFormat } from "./trace.js";
import { readWee } from "./wee.js";

/** Decodes the uncompressed bytes of a trace; `file` names it in errors. Throws TraceError. */
export function readTrace(bytes: Uint8Array, format: TraceFormat, file: string): AllocTrace {
  switch (format) {
    case "wee":
      return readWee(bytes, file);
    case "malloc-bench":
      return readMallocBench(bytes, file);
    case "android":
      return readAndroid(bytes, file);
  }
}
