// DuckDB as a contender for sorting and counting: the same rows under the same budget, one thread, in a process of its own
// (duckdb-peer.ts).

import { fileURLToPath } from "node:url";

import type { Absent, Contender, Settings } from "./harness.js";
import { ensurePeer, peerVersion } from "./npm-peers.js";
import { linePeer } from "./spark.js";

const PACKAGE = "@duckdb/node-api";

export interface DuckDbSort {
  readonly rows: number;
  /** DuckDB's memory_limit, bytes. */
  readonly budget: number;
  /** Whether the time of making the rows is left in, or taken out as measured apart in the same round. */
  readonly generation: "in" | "out";
}

export interface DuckDbCount {
  readonly rows: number;
  readonly distinct: number;
  readonly budget: number;
}

/** DuckDB with `threads = 1` and a temporary folder to spill to; the rows are read by JavaScript chunk by chunk. */
export function duckdb(settings: Settings, sort: DuckDbSort): (() => Promise<Contender | Absent>)[] {
  return peer(settings, [sort.rows, settings.seed, sort.budget, sort.generation]);
}

/** The same for counting by key, the making of the keys left in. */
export function duckdbCount(settings: Settings, count: DuckDbCount): (() => Promise<Contender | Absent>)[] {
  return peer(settings, [count.rows, settings.seed, count.budget, "in", count.distinct]);
}

function peer(settings: Settings, given: readonly (string | number)[]): (() => Promise<Contender | Absent>)[] {
  if (!settings.npmPeers) return [];
  return [
    async () => {
      const absent = ensurePeer(PACKAGE, settings);
      if (absent !== null) return absent;
      const program = fileURLToPath(new URL("./duckdb-peer.js", import.meta.url));
      return linePeer("duckdb", peerVersion(PACKAGE), process.execPath, [program, ...given.map(String)], settings);
    },
  ];
}
