// The rows of a task, the same on any machine for the same seed, and what each workload needs to hold all of them in memory.

import { randomWords } from "../generate.js";
import { neededBytes } from "../plan.js";
import type { Table } from "../table.js";
import type { Setting } from "./setting.js";

/** Rows of one key, on average, where rows are aggregated. */
const ROWS_PER_GROUP = 4;

/** A cached block. */
export const BLOCK_BYTES = 64 * 1024;

/** The last 8 bytes of a row to aggregate: what is added, and the row's number. */
export const VALUE_BYTES = 8;

/** Rows of one task of a setting. */
export function rowsOf({ recordBytes, cores }: Setting, dataBytes: number): number {
  return Math.max(ROWS_PER_GROUP, Math.floor(dataBytes / cores / recordBytes));
}

/**
 * Makes the rows of task `task`. Where rows are aggregated their first bytes name one of a quarter as many groups; elsewhere
 * all bytes are drawn. The first eight bytes are the key to sort by, unsigned.
 */
export function makeRows(setting: Setting, dataBytes: number, seed: number, task: number): Table {
  const { workload, recordBytes } = setting;
  const rows = rowsOf(setting, dataBytes);
  const words = recordBytes / 4;
  const content = new Int32Array(rows * words);
  const random = randomWords(seed + 7919 * task);
  if (workload === "aggregate") fillGroups(content, words, groupsOf(rows), random);
  else for (let i = 0; i < content.length; i += 1) content[i] = random();
  const prefixHi = new Uint32Array(rows);
  const prefixLo = new Uint32Array(rows);
  for (let row = 0; row < rows; row += 1) {
    prefixLo[row] = content[row * words]!;
    prefixHi[row] = content[row * words + 1]!;
  }
  return {
    source: `drawn rows, seed ${seed}`,
    key: "first 8 bytes",
    kind: "long",
    rows,
    bytes: new Uint8Array(content.buffer),
    starts: Uint32Array.from({ length: rows + 1 }, (_, row) => row * recordBytes),
    prefixHi,
    prefixLo,
    nulls: new Uint8Array(rows),
  };
}

function groupsOf(rows: number): number {
  return Math.ceil(rows / ROWS_PER_GROUP);
}

function fillGroups(content: Int32Array, words: number, groups: number, random: () => number): void {
  const keyWords = words - VALUE_BYTES / 4;
  for (let at = 0, row = 0; at < content.length; at += words, row += 1) {
    const group = random() % groups;
    const key = randomWords(group);
    content[at] = group;
    for (let i = 1; i < keyWords; i += 1) content[at + i] = key();
    content[at + keyWords] = random() & 0xffff;
    content[at + keyWords + 1] = row;
  }
}

/** What is wasted at the ends of pages, and in the last one. */
const PAGE_WASTE = 1.1;

/**
 * Bytes with which all tasks of a setting spill nothing: pages and an array beside them, or when that doubled for the last
 * time half the pages, the array and its predecessor (sections 9.2 and 9.4 of the law). Of a scan, its blocks.
 */
export function needOf(setting: Setting, dataBytes: number): number {
  const { workload, recordBytes, cores } = setting;
  const rows = rowsOf(setting, dataBytes);
  if (workload === "scan") return cores * Math.ceil(rows / rowsPerBlock(recordBytes)) * BLOCK_BYTES;
  const [pages, array] = workload === "sort" ? sortParts(rows, recordBytes) : mapParts(rows, recordBytes);
  return Math.ceil(cores * PAGE_WASTE * Math.max(pages + array, pages / 2 + 1.5 * array));
}

function sortParts(rows: number, recordBytes: number): [pages: number, array: number] {
  const pages = rows * (recordBytes + 4);
  return [pages, neededBytes({ rows, bytes: { length: rows * recordBytes } }) - pages];
}

/** Not every group is drawn, so that a map of a power of two of them does not double once more. */
function mapParts(rows: number, recordBytes: number): [pages: number, array: number] {
  const groups = groupsOf(rows);
  const slots = Math.max(FIRST_SLOTS, 2 ** Math.ceil(Math.log2(2 * groups)));
  return [groups * (recordBytes + MAP_RECORD_EXTRA_BYTES), 16 * slots];
}

/** Slots of a map's first array. */
export const FIRST_SLOTS = 1024;

/** What a record of a map takes besides key and value. */
const MAP_RECORD_EXTRA_BYTES = 16;

export function rowsPerBlock(recordBytes: number): number {
  return Math.floor(BLOCK_BYTES / recordBytes);
}

/** Spark's rule for the page size without a least of 1 MiB: a sixteenth of a core's share of half the budget. */
export function pageBytesOf(budgetBytes: number, cores: number): number {
  const wanted = 2 ** Math.ceil(Math.log2(budgetBytes / 2 / cores / 16));
  return Math.min(2 ** 26, Math.max(2 ** 12, wanted));
}
