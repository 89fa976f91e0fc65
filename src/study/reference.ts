// The answer, found the plain way: all rows in memory, sorted by the language's own sort. Every measured sort must give these
// rows in this order.

import { SequenceHash } from "./hash.js";
import { compareTextKeys } from "./key.js";
import type { Table } from "./table.js";

/** The order of the rows: nulls first, then by key, rows of equal keys as they came. */
export function sortedOrder(table: Table): Uint32Array {
  const { rows, prefixHi, prefixLo, nulls, bytes, starts } = table;
  const text = table.kind === "text";
  return Uint32Array.from({ length: rows }, (_, i) => i).sort(
    (a, b) =>
      nulls[b]! - nulls[a]! ||
      prefixHi[a]! - prefixHi[b]! ||
      prefixLo[a]! - prefixLo[b]! ||
      (text ? compareTextKeys(bytes, starts[a]!, 0, bytes, starts[b]!, 0) : 0) ||
      a - b,
  );
}

/** The hash of the sorted rows. */
export function referenceHash(table: Table): string {
  const hash = new SequenceHash();
  for (const row of sortedOrder(table))
    hash.add(table.bytes, table.starts[row]!, table.starts[row + 1]! - table.starts[row]!);
  return hash.hex();
}
