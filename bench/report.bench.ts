// How long the page of a recording takes, from the file to the page on disk, and how large it is.

import { statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { cpuSeconds } from "./cpu.js";
import { inFolder } from "./folder.js";
import { below, type Bench, type Case, OURS, parameter, type Settings, type Unit, whole } from "./harness.js";
import { fold } from "./hash.js";
import { writePage } from "../src/cli/explain-page.js";
import { generatedLines } from "../src/trace/decide.js";
import { type Line, objectOn } from "../src/trace/source.js";
import { causesOf } from "../src/why/replay.js";

const SECONDS: Unit = { text: "s", better: "lower", of: ({ seconds }) => seconds };
const MEGABYTES: Unit = { text: "MB", better: "lower", of: ({ more }) => more!["page bytes"]! / 1e6 };
const MOST_SECONDS = 5;
const MOST_MEGABYTES = 5;

export const report: Bench = {
  name: "report",
  about:
    "`explain FILE --html OUT` on a recording with causes of 1 M rows, in this process: reading it, telling it, thinning it, writing the page. " +
    "`mixed`: tasks and cached blocks, half a fact a row. `consumers`: every consumer spills again and again, three facts a row. " +
    "Making the recording is not timed. Seconds are those that the user waits; beside them those of the CPU, the collector's threads included. `page` is the size of the page.",
  bound: "each fact is an object that lives until 65 536 others have come: the collector takes a quarter.",
  cases: (settings) => [page(settings, "mixed"), page(settings, "consumers")],
};

function page(settings: Settings, profile: "mixed" | "consumers"): Case {
  return {
    name: profile,
    unit: SECONDS,
    goal: () => below(MOST_SECONDS),
    also: [
      {
        name: `${profile}, page`,
        unit: MEGABYTES,
        goal: () => below(MOST_MEGABYTES),
      },
    ],
    mostRounds: 5,
    async ours() {
      const rows = parameter(settings, 1000, 1_000_000, 200_000);
      const bytes = await recorded(profile, settings.seed, rows);
      return inFolder((folder) => {
        const recording = join(folder, `${profile}.causes`);
        const out = join(folder, "page.html");
        writeFileSync(recording, bytes);
        return whole(settings, "ours", OURS, async () => {
          const cpuStart = cpuSeconds();
          const start = performance.now();
          const told = await writePage(recording, out);
          const seconds = (performance.now() - start) / 1000;
          const cpu = cpuSeconds() - cpuStart;
          const words = Array.from(told.slice(out.length), (letter) => letter.charCodeAt(0));
          return {
            ops: rows,
            seconds,
            hash: words.reduce(fold, 0),
            more: { "CPU seconds": cpu, "page bytes": statSync(out).size, "recording bytes": statSync(recording).size },
          };
        });
      });
    },
    peers: [],
  };
}

/** A recording with causes of generated requests. */
async function recorded(profile: "mixed" | "consumers", seed: number, rows: number): Promise<Uint8Array> {
  const file = "the requests";
  const lines = (function* (): Generator<Line> {
    let line = 0;
    for (const text of generatedLines({ profile, seed }, rows)) yield { line: (line += 1), text };
  })();
  const header = objectOn(file, lines.next().value as Line);
  const all = (async function* () {
    yield* lines;
  })();
  const chunks: Uint8Array[] = [];
  for await (const chunk of causesOf({ file, header, rows: all })) chunks.push(chunk);
  return Buffer.concat(chunks);
}
