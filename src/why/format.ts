// The binary form of a recording with causes, byte by byte: the rows of a memory trace, and before each row the facts that
// came about in its course. Fixed numbers are little-endian and unsigned. A count is written seven bits a byte, lowest first, the
// top bit set in all but the last; a signed number has its sign in the lowest bit of the first byte and six bits beside it.
//
//   header                                          fact
//   0   8  "TMCAUSE\n"                              0   1  128 + its kind, in the order of FACTS
//   8   2  version of this format, 2                1   .. its fields, in the order of FACTS:
//   10  2  0                                               fact: count, how far back; 0 none     mode, words: 1 byte
//   12  4  bytes of the header line, H                     task: signed                          name: count, its number
//   16  H  header line of a memory trace, UTF-8            any task: count, 0 none, 1 and then the task
//                                                          any name: count, 0 none, else its number + 1
//   row                                                    block: count, 0 and then RDD and partition as counts,
//   0   1  code of its op, 1 to 127                               else the number of its name + 1
//   1   .. what it asks, in the order of OPS               lists: count, then their items
//   ..  .. its result: 1 tag, then a count or a text
//   ..  .. what it caused: 1 byte, 0 where that is all      name, before it is first used
//          `evicted` and `spilled` facts since the row      0   1  254
//          before, else 1 and                               1   .. text. Names are numbered from 0; after 65 535 from 0 again
//          count of evicted, count of spills,
//          count of resumed requests, each: count of        end, once
//          rows back, result, evicted, spills               0   1  255
//   ..  1  which cells of the state have changed since      1   .. count of rows
//          the row before: bit 4 * mode + cell              ..  .. count of facts
//   ..  .. a signed difference for each, lowest first       and then the end of the file
//
// A text is a count of bytes and UTF-8. An op without a code, and a result without a tag, is a text of JSON.

import { Refusal } from "../fault.js";
import type { Op } from "../trace/format.js";
import { FACT_KINDS, type FactKind } from "./facts.js";

/** Version of the binary form, which a recording begins with. */
export const FORMAT_VERSION = 2;
export const MAGIC: Uint8Array = Uint8Array.from("TMCAUSE\n", (c) => c.charCodeAt(0));
export const HEADER_FIXED_BYTES = 16;

export const FACT_CODE = 128;
export const NAME_CODE = 254;
export const END_CODE = 255;

/** The code of each kind of fact. */
export const CODE = Object.fromEntries(FACT_KINDS.map((kind, at) => [kind, FACT_CODE + at])) as Record<
  FactKind,
  number
>;

/** Names that are known at a time. */
export const MOST_NAMES = 65_536;
/** Longest text, bytes: what claims to be longer is no recording. */
export const MOST_TEXT_BYTES: number = 2 ** 26;

/** Fields of an op that have a short form. */
export type AskField = "task" | "bytes" | "mode" | "block" | "onEvict" | "consumer" | "page";

const OF_TASK = ["task", "bytes", "mode"] as const;
const OF_BLOCK = ["block", "bytes", "mode"] as const;
const OF_MODE = ["bytes", "mode"] as const;
const OF_CONSUMER = ["task", "consumer", "bytes"] as const;

/** Ops that have a code: it is their place here, counted from 1. */
export const OPS = [
  ["execAcquire", OF_TASK],
  ["execRelease", OF_TASK],
  ["retry", OF_TASK],
  ["execReleaseAll", ["task"]],
  ["storageAcquire", OF_BLOCK],
  ["unrollReserve", OF_BLOCK],
  ["storageRelease", OF_MODE],
  ["unrollRelease", OF_MODE],
  ["put", ["block", "bytes", "mode", "onEvict"]],
  ["get", ["block"]],
  ["has", ["block"]],
  ["pin", ["block"]],
  ["unpin", ["block"]],
  ["remove", ["block"]],
  ["acquire", OF_CONSUMER],
  ["free", OF_CONSUMER],
  ["allocatePage", OF_CONSUMER],
  ["freePage", ["task", "consumer", "page"]],
  ["endTask", ["task"]],
  ["clear", []],
  ["unmanaged", OF_MODE],
] as const satisfies readonly (readonly [Op["op"], readonly AskField[]])[];

/** The code of an op; that of ops that have none is `TEXT_OP`. */
export const CODES: ReadonlyMap<string, number> = new Map(OPS.map(([op], at) => [op as string, at + 1]));
export const TEXT_OP = 127;

// Tags of results. The first four say all.
export const NOTHING = 0;
export const WAITS = 1;
export const NO_BYTES = 2;
export const TEXT_RESULT = 3;
/** Results of one count, named so: tags from 16 on. */
export const COUNTS = ["granted", "released", "unroll", "bytes", "used", "leaked"] as const;
export const COUNT_TAG = 16;
/** Results of yes or no: tags from 32 on, no before yes. */
export const FLAGS = ["granted", "stored", "has", "removed"] as const;
export const FLAG_TAG = 32;

/**
 * A recording that breaks its format. Names the file and the byte.
 *
 * @example
 * ```ts
 * import { CauseReader, Malformed } from "tungsten-memory/why";
 *
 * try {
 *   new CauseReader("run.causes").feed(new TextEncoder().encode("no recording at all"));
 * } catch (error) {
 *   if (error instanceof Malformed) console.log(error.file, error.offset); // run.causes 0
 * }
 * ```
 */
export class Malformed extends Refusal {
  override readonly name = "Malformed";
  /** Its name. */
  readonly file: string;
  /** The byte that breaks the format, from 0. */
  readonly offset: number;
  /** What is wrong there. */
  readonly reason: string;

  constructor(file: string, offset: number, reason: string) {
    super(`${file}, byte ${offset}: ${reason}`);
    this.file = file;
    this.offset = offset;
    this.reason = reason;
  }
}
