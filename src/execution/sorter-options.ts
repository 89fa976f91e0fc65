// What a sorter is asked to do and what it has done, in Spark's words. Options are checked before anything is acquired.

import type { SpillStore } from "../spill/contract.js";
import { Misuse } from "./refusal.js";
import type { RowComparator } from "./rows.js";

/** How a sorter orders rows, and where it spills. */
export interface SorterOptions {
  /** Where runs go. */
  readonly store: SpillStore;
  /** For messages and reports. Default `Sorter`. */
  readonly name?: string;
  /** Smallest data page, bytes; the manager's page size by default. */
  readonly pageBytes?: number;
  /** By prefix. Default `ascending`. */
  readonly order?: "ascending" | "descending";
  /** Whether the prefix is a signed number. Default true. */
  readonly signed?: boolean;
  /** Where rows inserted by `insertNull` come. They keep the order of their insertion. Default `first`. */
  readonly nulls?: "first" | "last";
  /** Whether the array is sorted by radix sort, which takes as much free space as data. Default true. */
  readonly radix?: boolean;
  /** Orders rows of equal prefix; their insertion does when there is none, and where it says 0. */
  readonly comparator?: RowComparator;
  /** In place of a comparator: rows of equal prefix are ordered by these of their bytes, [from, to), unsigned, in `order`. */
  readonly keyBytes?: readonly [from: number, to: number];
  /** Records that the first pointer array is made for; see section 9.2. Default 4096. */
  readonly initialRecords?: number;
  /** `spark.shuffle.spill.numElementsForceSpillThreshold`. */
  readonly spillRecords?: number;
  /** `spark.shuffle.spill.maxSizeInBytesForSpillThreshold`, 4.1 and later. */
  readonly spillBytes?: number;
  /** What the rows are, for the header of the files; at most 200 bytes of UTF-8. */
  readonly fields?: string;
  /** Largest block that is laid out at once, bytes; the store may ask for smaller ones. Default 256 KiB. */
  readonly blockBytes?: number;
}

/** What a sorter has done, in Spark's meaning of each word (section 9.8). Bytes. */
export interface SorterMetrics {
  /** Pages given back by spills, waste included, and the pointer array where an open read was spilled. */
  readonly memoryBytesSpilled: number;
  /** Bytes of the files that spills wrote. Runs that are merged down before reading (more than 128) are not counted again. */
  readonly diskBytesSpilled: number;
  /** Bytes that the same records take in Spark's own uncompressed format (section 9.5). */
  readonly sparkDiskBytesSpilled: number;
  /** Records that spills wrote, a number. */
  readonly recordsSpilled: number;
  /** Spills, a number. */
  readonly spills: number;
  /** Most execution memory so far, as Spark samples it. */
  readonly peakExecutionBytes: number;
}

const DEFAULT_BLOCK_BYTES = 1 << 18;
const DEFAULT_RECORDS = 4096;
const MOST_RECORDS = 2 ** 31 - 1;
const MOST_FIELDS_BYTES = 200;

/** The options with their defaults. Throws Misuse, which names the option, its value and what it may be. */
export function withDefaults(options: SorterOptions) {
  const {
    order = "ascending",
    nulls = "first",
    keyBytes = null,
    pageBytes,
    initialRecords = DEFAULT_RECORDS,
    spillRecords = MOST_RECORDS,
    spillBytes = Number.MAX_SAFE_INTEGER,
    fields = "",
    blockBytes = DEFAULT_BLOCK_BYTES,
  } = options;
  const name = options.name ?? "Sorter";
  const must = (holds: boolean, option: string, value: unknown, rule: string): void => {
    if (!holds) throw new Misuse(`${name}: ${option} ${rule}, not ${JSON.stringify(value)}`);
  };
  const whole = (option: string, value: number, least: number, most: number): void =>
    must(
      Number.isInteger(value) && value >= least && value <= most,
      option,
      value,
      `is a whole number from ${least} to ${most}`,
    );
  must(order === "ascending" || order === "descending", "order", order, "is ascending or descending");
  must(nulls === "first" || nulls === "last", "nulls", nulls, "is first or last");
  if (keyBytes !== null) {
    const [from, to] = keyBytes;
    must(
      Number.isInteger(from) && Number.isInteger(to) && from >= 0 && from <= to,
      "keyBytes",
      keyBytes,
      "is [from, to)",
    );
  }
  if (pageBytes !== undefined) whole("pageBytes", pageBytes, 1, Number.MAX_SAFE_INTEGER);
  whole("initialRecords", initialRecords, 2, 2 ** 29);
  whole("spillRecords", spillRecords, 0, Number.MAX_SAFE_INTEGER);
  whole("spillBytes", spillBytes, 0, Number.MAX_SAFE_INTEGER);
  whole("blockBytes", blockBytes, 64, 2 ** 30);
  must(new TextEncoder().encode(fields).length <= MOST_FIELDS_BYTES, "fields", fields, "has at most 200 bytes");
  return {
    ...options,
    name,
    descending: order === "descending",
    nullsLast: nulls === "last",
    signed: options.signed ?? true,
    radix: options.radix ?? true,
    comparator: options.comparator ?? null,
    keyBytes,
    initialRecords,
    spillRecords,
    spillBytes,
    fields,
    blockBytes,
  };
}
