// The answers, found the plain way: the language's own sort, its own Map, and rows one after the other.

import { sortedOrder } from "../reference.js";
import type { Table } from "../table.js";
import { GroupHash } from "./groups.js";
import { VALUE_BYTES } from "./rows.js";
import type { Workload } from "./setting.js";
import { WordHash } from "./work.js";
import { SCANS } from "./workloads.js";

/** The hash that a workload over these rows must give. */
export function answerOf(workload: Workload, table: Table): string {
  const { rows, bytes, starts } = table;
  const words = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length >>> 2);
  const recordWords = starts[1]! >>> 2;
  if (workload === "aggregate") return groupsHash(words, recordWords);
  const hash = new WordHash();
  const order =
    workload === "sort" ? sortedOrder(table) : Uint32Array.from({ length: SCANS * rows }, (_, i) => i % rows);
  for (const row of order) hash.add(words, row * recordWords, recordWords);
  return hash.hex();
}

function groupsHash(words: Int32Array, recordWords: number): string {
  const keyWords = recordWords - VALUE_BYTES / 4;
  const sums = new Map<string, { at: number; sum: number }>();
  for (let at = 0; at < words.length; at += recordWords) {
    const key = words.subarray(at, at + keyWords).join();
    const group = sums.get(key);
    if (group === undefined) sums.set(key, { at, sum: words[at + keyWords]! });
    else group.sum += words[at + keyWords]!;
  }
  const hash = new GroupHash(keyWords);
  for (const { at, sum } of sums.values()) hash.add(words, at, sum);
  return hash.hex();
}
