// The rows that are sorted: a 64-bit key and a value, the row's number. Cheap to make in any language (the Spark peer makes
// the same in Java, DuckDB in SQL), so that every contender sorts the same rows and must arrive at the same hash.

import { fold } from "./hash.js";

/** The high 32 bits of the key of a row, signed. No two rows of 2^32 have the same, so the order is total. */
export function keyHigh(row: number, seed: number): number {
  let h = (Math.imul(row, 0x9e3779b1) + seed) | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}

/** The low 32 bits of the key, signed. */
export function keyLow(high: number, row: number): number {
  return (Math.imul(high, 0x2c1b3c6d) + row) | 0;
}

/** Mixes one row of the result into its hash. Only the low 32 bits of the value count. */
export function foldRow(hash: number, high: number, low: number, value: number): number {
  return fold(hash, Math.imul(high, 0x27d4eb2f) ^ low ^ ((value << 16) | (value >>> 16)));
}

/** Mixes one group of a count into its hash, whatever the order of the groups. */
export function addGroup(hash: number, high: number, low: number, count: number): number {
  return (hash + foldRow(0, high, low, count)) | 0;
}

/** The query that makes rows 0 to rows-1 in DuckDB: `k` BIGINT, `v` BIGINT. Unsigned words, masked after every step. */
export function rowsInSql(rows: number, seed: number): string {
  return keyedInSql(`select range::ubigint as i from range(${rows})`, seed);
}

/** The keys of `rows` rows, `distinct` different ones at most: the key of a row is that of the row that its own key picks. */
export function drawnInSql(rows: number, distinct: number, seed: number): string {
  const picks = hashedInSql(`select range::ubigint as i from range(${rows})`, seed);
  return keyedInSql(`select h % ${distinct}::ubigint as i from (${picks})`, seed);
}

function keyedInSql(source: string, seed: number): string {
  return `
    select (case when h >= 2147483648 then h::bigint - 4294967296 else h::bigint end) * 4294967296
           + ${word(`${times("h", 0x2c1b3c6d)} + i`)}::bigint as k, i::bigint as v
    from (${hashedInSql(source, seed)})`;
}

/** `keyHigh` of every `i` of the source, unsigned, as `h`. */
function hashedInSql(source: string, seed: number): string {
  return `select i, ${shifted("h", 16)} as h
    from (select i, ${times(shifted("h", 13), 0xc2b2ae35)} as h
    from (select i, ${times(shifted("h", 16), 0x85ebca6b)} as h
    from (select i, ${word(`${times("i", 0x9e3779b1)} + ${seed >>> 0}`)} as h
    from (${source}))))`;
}

const word = (text: string): string => `((${text}) & 4294967295)`;
const times = (text: string, factor: number): string => word(`${text} * ${factor}::ubigint`);
const shifted = (text: string, bits: number): string => `xor(${text}, ${text} >> ${bits})`;
