// One door to the readers.

import { adaptSizeReader, addressReader, arcReader, lirsReader } from "./lists.js";
import { cache2kReader, oracleGeneralReader, scarabReader } from "./records.js";
import type { TraceReader } from "./trace.js";

export { TraceError, type TraceReader } from "./trace.js";

export const REQUEST_FORMATS = ["arc", "lirs", "cache2k", "scarab", "address", "oracle-general", "adapt-size"] as const;

export type RequestFormat = (typeof REQUEST_FORMATS)[number];

/** A reader of a format; `file` names the trace in errors. `shift`: lowest bits of an address that do not tell objects apart. */
export function requestReader(format: RequestFormat, file: string, shift: number = 0): TraceReader {
  switch (format) {
    case "arc":
      return arcReader(file);
    case "lirs":
      return lirsReader(file);
    case "cache2k":
      return cache2kReader(file);
    case "scarab":
      return scarabReader(file);
    case "address":
      return addressReader(file, shift);
    case "oracle-general":
      return oracleGeneralReader(file);
    case "adapt-size":
      return adaptSizeReader(file);
  }
}
