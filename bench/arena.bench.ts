// The arena's allocator on what real programs asked of theirs: how fast a recorded trace is replayed, and how much of the memory
// that it took was in use at the peak.
//
// The folder of traces holds wee_alloc/, malloc-bench/ or android/, or is one of these, or holds traces of wee_alloc's format.

import { readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";

import { arenaAdapter } from "./alloc/adapters.js";
import { openReplays, readTraceFile } from "./alloc-replays.js";
import {
  type Absent,
  AHEAD,
  type Bench,
  type Case,
  type Contender,
  type Goal,
  MILLION_OPS,
  OURS,
  type Settings,
  type Unit,
} from "./harness.js";
import { ensurePeer, ownVersion, peerVersion, THING_MALLOC } from "./npm-peers.js";
import { linePeer } from "./spark.js";
import type { TraceFormat } from "../src/alloc-trace/trace.js";

const FORMATS: Readonly<Record<string, TraceFormat>> = {
  wee_alloc: "wee",
  "malloc-bench": "malloc-bench",
  android: "android",
};

/** Traces of large blocks, as tasks ask for pages. */
const PAGE_WORKLOADS = /^(onoro-cc|scp|grep|haskell-web-server|py-.*|mc_server.*)$/;
/** Below so many operations a trace is over before much can be told about speed. */
export const LEAST_OPERATIONS = 10_000;

export const arena: Bench = {
  name: "arena",
  about:
    "Replay of an allocation trace, one call from JavaScript an operation, each round in a fresh allocator; every contender alone in its " +
    "process. Utilisation: the peak of requested bytes over the highest byte ever owned, headers and tables included. " +
    "A peer that takes more than 2 s for a replay is timed once, beyond 15 s not at all.",
  cases: (settings) => traces(settings.traces).map((trace) => replays(settings, trace)),
};

const UTILISATION: Unit = { text: "%", better: "higher", of: ({ more }) => more!["utilisation"]! };
const NOT_BELOW: Goal = { text: ">= 1 x", reached: ({ median, peerMedian }) => median >= peerMedian! };
const WITHIN_FIVE: Goal = { text: "-5 points", reached: ({ median, peerMedian }) => median >= peerMedian! - 5 };

export interface Trace {
  readonly name: string;
  readonly file: string;
  readonly format: TraceFormat;
}

/** The traces of a folder, or of its rooms. */
export function traces(folder: string): Trace[] {
  const rooms = readdirSync(folder).filter((name) => FORMATS[name] !== undefined);
  if (rooms.length > 0) return rooms.flatMap((room) => traces(join(folder, room)));
  const format = FORMATS[basename(folder)] ?? "wee";
  return readdirSync(folder)
    .filter((name) => /\.(trace|txt)(\.gz)?$/.test(name))
    .map((name) => ({ name: name.replace(/\.(trace|txt)(\.gz)?$/, ""), file: join(folder, name), format }));
}

function replays(settings: Settings, { name, file, format }: Trace): Case {
  let operations = 0;
  return {
    name,
    unit: MILLION_OPS,
    goal: () => (operations >= LEAST_OPERATIONS ? AHEAD : null),
    also: [
      {
        name: `${name}, utilisation`,
        unit: UTILISATION,
        goal: () => (PAGE_WORKLOADS.test(name) ? NOT_BELOW : WITHIN_FIVE),
      },
    ],
    ours() {
      const trace = readTraceFile(file, format);
      operations = trace.operations;
      const round = openReplays(trace, arenaAdapter(OURS), Infinity);
      if ("absent" in round) throw new Error(round.absent);
      return {
        name: "ours",
        version: OURS,
        warm() {
          const end = performance.now() + settings.warmMs;
          do round(0);
          while (performance.now() < end);
        },
        round: () => round(settings.roundMs),
        close() {},
      };
    },
    peers: settings.npmPeers ? [() => tlsf(settings, file, format), () => thing(settings, file, format)] : [],
  };
}

function tlsf(settings: Settings, file: string, format: TraceFormat): Promise<Contender | Absent> {
  return allocPeer("AssemblyScript TLSF", ownVersion("assemblyscript"), ["tlsf", format, file], settings);
}

async function thing(settings: Settings, file: string, format: TraceFormat): Promise<Contender | Absent> {
  const absent = ensurePeer(THING_MALLOC, settings);
  return absent ?? allocPeer(THING_MALLOC, peerVersion(THING_MALLOC), ["thi.ng", format, file], settings);
}

function allocPeer(name: string, version: string, given: string[], settings: Settings): Promise<Contender | Absent> {
  const peer = fileURLToPath(new URL("./alloc-peer.js", import.meta.url));
  // It warms up as fast as ours does.
  const warmedAlike = { ...settings, peerWarmMs: settings.warmMs };
  const patienceMs = settings.scale === "real" ? 15_000 : 1000;
  return linePeer(name, version, process.execPath, ["--expose-gc", peer, ...given, String(patienceMs)], warmedAlike);
}
