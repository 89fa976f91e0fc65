// The process that DuckDB sorts or counts in.
//
//   duckdb-peer ROWS SEED BUDGET in|out [DISTINCT]     with DISTINCT the rows are counted by so many keys
//
// Timed: one query that makes the rows and orders them, and reading every row of its streamed result in JavaScript, order
// checked and hashed on the way. Making the rows is timed once more alone, as a sum over them.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { Reading } from "./harness.js";
import { importPeer } from "./npm-peers.js";
import { answerLines, sayAbsent } from "./peer-lines.js";
import { addGroup, drawnInSql, foldRow, rowsInSql } from "./rows.js";

/** What is used of the package; its own types are not here when the benches are compiled. */
interface DuckDb {
  DuckDBInstance: { create(path: string, config: Record<string, string>): Promise<Instance> };
}
interface Instance {
  connect(): Promise<Connection>;
}
interface Connection {
  stream(sql: string): Promise<Result>;
  runAndReadAll(sql: string): Promise<{ getRows(): unknown[][] }>;
}
interface Result {
  fetchChunk(): Promise<Chunk | null>;
}
interface Chunk {
  readonly rowCount: number;
  getColumnVector(column: number): { readonly items: BigInt64Array };
}

const [rows, seed, budget] = process.argv.slice(2, 5).map(Number) as [number, number, number];
const withoutGeneration = process.argv[5] === "out";
const folder = mkdtempSync(join(tmpdir(), "duckdb-peer-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));

const { DuckDBInstance } = await importPeer<DuckDb>("@duckdb/node-api");
const instance = await DuckDBInstance.create(":memory:", {
  threads: "1",
  memory_limit: `${Math.floor(budget / 1024)}KiB`,
  temp_directory: folder,
});
const connection = await instance.connect();
const watcher = await instance.connect();
const distinct = Number(process.argv[6] ?? 0);
const source = distinct > 0 ? drawnInSql(rows, distinct, seed) : rowsInSql(rows, seed);
const query = distinct > 0 ? countKeys : sort;
let spilledBytes = 0;

try {
  await query(true);
} catch (error) {
  sayAbsent(`DuckDB cannot take ${rows} rows in ${budget} bytes: ${(error as Error).message.split("\n")[0]}`);
}
await answerLines("duckdb", { warm, round });

async function warm(seconds: number): Promise<void> {
  const end = performance.now() + seconds * 1000;
  do {
    await query(true);
    await generate();
  } while (performance.now() < end);
}

async function round(): Promise<Reading> {
  const answered = await query(false);
  const generateSeconds = await generate();
  return {
    ops: rows,
    seconds: withoutGeneration ? answered.seconds - generateSeconds : answered.seconds,
    hash: answered.hash,
    more: { totalSeconds: answered.seconds, generateSeconds, spilledBytes },
  };
}

async function sort(watch: boolean): Promise<{ seconds: number; hash: number }> {
  const start = performance.now();
  const result = await connection.stream(`select k, v from (${source}) order by k`);
  let hash = 0;
  let read = 0;
  let lastHigh = -(2 ** 31);
  for (let chunk = await result.fetchChunk(); chunk !== null && chunk.rowCount > 0; chunk = await result.fetchChunk()) {
    if (read === 0 && watch) spilledBytes = await temporaryBytes();
    const keys = words(chunk.getColumnVector(0).items);
    const values = words(chunk.getColumnVector(1).items);
    const count = chunk.rowCount;
    for (let i = 0; i < 2 * count; i += 2) {
      const high = keys[i + 1]!;
      if (high < lastHigh) throw new Error("DuckDB's rows are out of order");
      lastHigh = high;
      hash = foldRow(hash, high, keys[i]!, values[i]!);
    }
    read += count;
  }
  const seconds = (performance.now() - start) / 1000;
  if (read !== rows) throw new Error(`DuckDB gave ${read} of ${rows} rows`);
  return { seconds, hash };
}

async function countKeys(watch: boolean): Promise<{ seconds: number; hash: number }> {
  const start = performance.now();
  const result = await connection.stream(`select k, count(*)::bigint as n from (${source}) group by k`);
  let hash = 0;
  let read = 0;
  let counted = 0;
  for (let chunk = await result.fetchChunk(); chunk !== null && chunk.rowCount > 0; chunk = await result.fetchChunk()) {
    if (read === 0 && watch) spilledBytes = await temporaryBytes();
    const keys = words(chunk.getColumnVector(0).items);
    const counts = words(chunk.getColumnVector(1).items);
    for (let i = 0; i < 2 * chunk.rowCount; i += 2) {
      hash = addGroup(hash, keys[i + 1]!, keys[i]!, counts[i]!);
      counted += counts[i]!;
    }
    read += chunk.rowCount;
  }
  const seconds = (performance.now() - start) / 1000;
  if (counted !== rows) throw new Error(`DuckDB counted ${counted} of ${rows} rows`);
  return { seconds, hash };
}

/** Seconds that making the rows takes without ordering them. */
async function generate(): Promise<number> {
  const start = performance.now();
  await connection.runAndReadAll(`select sum(k), sum(v) from (${source})`);
  return (performance.now() - start) / 1000;
}

async function temporaryBytes(): Promise<number> {
  const answer = await watcher.runAndReadAll("select coalesce(sum(size), 0)::double from duckdb_temporary_files()");
  return answer.getRows()[0]![0] as number;
}

/** 64-bit integers as pairs of 32-bit words, low one first. */
function words(items: BigInt64Array): Int32Array {
  return new Int32Array(items.buffer, items.byteOffset, 2 * items.length);
}
