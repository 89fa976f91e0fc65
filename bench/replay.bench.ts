// What it costs to decide a recorded trace again and to check every answer: the decisions alone, with the rows in columns of
// numbers, and `verify` from the first byte of a plain file to its verdict.

import { createWriteStream } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { inFolder } from "./folder.js";
import { type Bench, type Case, MILLION_ROWS, OURS, parameter, type Reading, type Settings, whole } from "./harness.js";
import { fold } from "./hash.js";
import { openRecorded } from "../src/cli/lines.js";
import { compact, replayCompact } from "../src/trace/compact.js";
import { generatedLines } from "../src/trace/decide.js";
import type { Row } from "../src/trace/format.js";
import { stateOf } from "../src/trace/state.js";
import { checkTrace } from "../src/trace/verify.js";
import { Workload } from "../src/trace/workload.js";
import { ENGINE } from "../src/trace/write.js";

export const replay: Bench = {
  name: "replay",
  about:
    "A generated trace decided again, every answer, eviction and state checked. `decisions`: the rows lie in columns of numbers, made " +
    "untimed; `file`: what `verify` does with plain JSON lines, reading and parsing included. One thread.",
  cases: (settings) => [
    decisions(settings, "execution"),
    decisions(settings, "mixed"),
    file(settings, "execution"),
    file(settings, "mixed"),
    file(settings, "consumers"),
  ],
};

function decisions(settings: Settings, profile: string): Case {
  return {
    name: `decisions, ${profile}`,
    unit: MILLION_ROWS,
    ours() {
      const workload = new Workload({ profile, seed: settings.seed });
      const rows = [...workload.rows(rowsOf(settings))].map(([ask, answer]): Row => ({ ...ask, ...answer }));
      const trace = compact({ engine: ENGINE, ...workload.header }, rows);
      return whole(settings, "ours", OURS, () => {
        const start = performance.now();
        const { rows: agreed, executor } = replayCompact(trace);
        const seconds = (performance.now() - start) / 1000;
        const { onHeap, offHeap } = stateOf(executor);
        return { ...reading(agreed, trace.rows, seconds, [...trace.answers, ...onHeap, ...offHeap]), kept: executor };
      });
    },
    peers: [],
  };
}

function file(settings: Settings, profile: string): Case {
  return {
    name: `file, ${profile}`,
    unit: MILLION_ROWS,
    async ours() {
      const lines = [...generatedLines({ profile, seed: settings.seed }, rowsOf(settings))];
      let path = "";
      const contender = inFolder((folder) => {
        path = join(folder, "trace.jsonl");
        return whole(settings, "ours", OURS, async () => {
          const start = performance.now();
          const { rows: agreed } = await checkTrace(await openRecorded(path));
          return reading(agreed, lines.length - 2, (performance.now() - start) / 1000);
        });
      });
      await pipeline(Readable.from(lines.map((line) => `${line}\n`)), createWriteStream(path));
      return contender;
    },
    peers: [],
  };
}

function rowsOf(settings: Settings): number {
  return parameter(settings, 200, 300_000, 100_000);
}

/** A figure only if all rows agree. */
function reading(agreed: number, rows: number, seconds: number, words: readonly number[] = []): Reading {
  if (agreed !== rows) throw new Error(`row ${agreed + 1} of ${rows} disagrees`);
  return { ops: rows, seconds, hash: words.reduce(fold, rows) };
}
