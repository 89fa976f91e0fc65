// What can be asked of Spark: kinds of traces and vectors, each with a name. A kind and a seed give the same requests always.

import { Refusal } from "../src/fault.js";
import type { Generation } from "../src/config/release.js";
import { EXTENDED_PROFILES, PROFILES, type Profile } from "../src/trace/profiles.js";
import { endLine } from "../src/trace/write.js";
import { Workload } from "../src/trace/workload.js";
import { Random } from "../src/trace/random.js";
import { blocksTrace } from "./blocks.js";
import { unmanagedTrace } from "./unmanaged.js";
import { collectionVector, mapVector, shuffleVector, sorterVector, vectorsHeader } from "./vectors.js";
import type { SparkVersion } from "./versions.js";

/** A kind of questions. */
export interface Kind {
  readonly about: string;
  /** Requests of a trace, or vectors, where nobody says how many. */
  readonly rows: number;
  /** Why this Spark cannot be asked; null when it can. */
  against(spark: SparkVersion): string | null;
  /** The lines of one file without answers: header, requests, last line. */
  ask(spark: SparkVersion, seed: number, rows: number): string[];
}

const TRACE_ROWS = 1500;

const TRACES: Readonly<Record<string, Profile>> = { ...PROFILES, ...EXTENDED_PROFILES };

export const KINDS: Readonly<Record<string, Kind>> = {
  ...Object.fromEntries(Object.entries(TRACES).map(([name, profile]) => [name, traces(name, profile)])),
  marathon: {
    ...traces("waiting", PROFILES["waiting"]!),
    about: "one long trace of the profile waiting, so that what comes late is seen as well",
    rows: 20_000,
  },
  blocks: {
    about: "a block manager: put by iterator, every storage level, reading back, read locks, ends of tasks",
    rows: 300,
    against: () => null,
    ask(spark, seed, rows) {
      const { header, requests } = blocksTrace(spark, seed, rows);
      return [JSON.stringify(header), ...requests.map((each) => JSON.stringify(each)), endLine(requests.length)];
    },
  },
  unmanaged: {
    about: "memory that others hold outside of the pools, as polls tell it to tasks and blocks (4.1)",
    rows: 600,
    against: ({ release }) => (release < 401 ? "unmanaged consumers came with 4.1" : null),
    ask(spark, seed, rows) {
      const { header, requests } = unmanagedTrace(`spark-${spark.version}`, seed, rows);
      return [JSON.stringify(header), ...requests.map((each) => JSON.stringify(each)), endLine(requests.length)];
    },
  },
  sorter: vectors("external sorters of one task: when they spill, what that frees, what is refused", sorterVector),
  map: vectors("the hash map: how many keys it takes, and what it holds", mapVector),
  shuffle: vectors("shuffle sorters of one task: spills, files, bytes of partitions", shuffleVector),
  collection: vectors(
    "collections of objects whose size is an estimate, forced to spill by others or not",
    collectionVector,
  ),
};

/** The kinds of these names that this Spark can be asked; all where none is named. Throws Refusal for what cannot be asked. */
export function kindsOf(spark: SparkVersion, names: readonly string[]): [string, Kind][] {
  for (const name of names) {
    const kind = Object.hasOwn(KINDS, name) ? KINDS[name]! : null;
    if (kind === null) throw new Refusal(`no profile "${name}": there are ${Object.keys(KINDS).join(", ")}`);
    const why = kind.against(spark);
    if (why !== null) throw new Refusal(`profile ${name} cannot be asked of Spark ${spark.version}: ${why}`);
  }
  const all = Object.entries(KINDS).filter(([, kind]) => kind.against(spark) === null);
  return names.length === 0 ? all : all.filter(([name]) => names.includes(name));
}

/** Whose rules a Spark follows. */
function generationOf({ release }: SparkVersion): Generation {
  if (release < 300) return "2.4";
  return release < 401 ? "3.5" : "4.1";
}

function traces(profile: string, { about, manager }: Profile): Kind {
  return {
    about,
    rows: TRACE_ROWS,
    against: ({ release }) =>
      manager === "static" && release >= 300 ? "the static manager is in Spark 2.4 alone" : null,
    ask(spark, seed, rows) {
      const workload = new Workload({ profile, seed, generation: generationOf(spark) });
      const { generation: _, pageSize: _p, tungstenMode: _t, state: _s, ...asked } = workload.header;
      const header = { trace: "executor-memory", version: 1, engine: `spark-${spark.version}`, ...asked };
      const requests = [...workload.rows(rows)].map(([request]) => JSON.stringify(request));
      return [JSON.stringify(header), ...requests, endLine(requests.length)];
    },
  };
}

/** `vector` is told whether this Spark has a spill threshold in bytes. */
function vectors(about: string, vector: (random: Random, bytesThreshold: boolean) => object): Kind {
  return {
    about,
    rows: 4,
    against: () => null,
    ask({ version, release }, seed, rows) {
      const random = new Random(seed);
      const made = Array.from({ length: rows }, () => vector(random, release >= 401));
      return [vectorsHeader(version), ...made].map((each) => JSON.stringify(each)).concat(endLine(rows));
    },
  };
}
