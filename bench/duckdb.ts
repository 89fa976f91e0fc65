// DuckDB as a contender for sorting: the same rows under the same budget, one thread, in a process of its own (duckdb-peer.ts).

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

/** DuckDB with `threads = 1` and a temporary folder to spill to; the rows are read by JavaScript chunk by chunk. */
export function duckdb(settings: Settings, sort: DuckDbSort): (() => Promise<Contender | Absent>)[] {
  if (!settings.npmPeers) return [];
  return [
    async () => {
      const absent = ensurePeer(PACKAGE, settings);
      if (absent !== null) return absent;
      const given = [sort.rows, settings.seed, sort.budget, sort.generation].map(String);
      const peer = fileURLToPath(new URL("./duckdb-peer.js", import.meta.url));
      return linePeer("duckdb", peerVersion(PACKAGE), process.execPath, [peer, ...given], settings);
    },
  ];
}
