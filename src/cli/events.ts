// `events LOG`: what a real Spark event log tells about memory, against the layout that its configuration gives; and what it
// gives ground to change. A folder may hold a rolled log, or the tables of cached RDDs that others derived from one.

import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { Command } from "commander";
import { comparePolicies } from "../events/policies.js";
import { readLog, type LogLine } from "../events/read.js";
import { reportOn, type EventsReport } from "../events/report.js";
import { mostAtOnce } from "../events/requests.js";
import { readResidency, residencyOf } from "../events/residency.js";
import { Unreadable } from "../trace/source.js";
import { eventsText, residencyText, type ResidencyReport } from "./events-text.js";
import { logFiles, logLines } from "./log-files.js";
import { exitWith, print, printJson } from "./output.js";
import { refuse } from "./trouble.js";

export const EXIT_CONTRADICTION = 1;

const EXAMPLES = `
Example:
  tungsten-memory events application_1553914137147_0018.gz
  tungsten-memory events eventlog_v2_local-1776286804625 --json

Exit code: 0 the log agrees with the layout, or the difference is explained; 1 it contradicts; 2 a file that cannot be read.`;

interface EventsOptions {
  readonly json?: true;
  readonly inProgress?: true;
}

/** The command `events`. */
export function eventsCommand(): Command {
  return new Command("events")
    .description("read a Spark event log: layout, spills, peaks, cached RDDs, and advice on sizing")
    .argument("<log>", "an event log, plain or gzipped, the folder of a rolled one, or a folder with rdd.csv")
    .option("--in-progress", "the application may still be writing: pass over a last line that is cut short")
    .option("--json", "one JSON object on standard output")
    .addHelpText("after", EXAMPLES)
    .action(async (path: string, { json, inProgress }: EventsOptions) => {
      try {
        const table = residencyTable(path);
        const report =
          table === null
            ? await readEvents(path, inProgress === true || path.endsWith(".inprogress"))
            : await readTable(path, table);
        if (json) printJson(report);
        else print(report.kind === "events" ? eventsText(report) : residencyText(report));
        if (report.kind === "events" && !report.agrees) exitWith(EXIT_CONTRADICTION);
      } catch (error) {
        const place =
          error instanceof Unreadable ? { file: error.file, line: error.line, message: error.reason } : { file: path };
        refuse("events", error, json === true, place);
      }
    });
}

/** Reads a log and sums it up. Throws Unreadable. */
export async function readEvents(path: string, inProgress: boolean): Promise<EventsReport> {
  return reportOn(path, await readLog(path, allLines(await logFiles(path)), { inProgress }));
}

async function* allLines(files: readonly string[]): AsyncGenerator<LogLine> {
  for (const file of files) yield* logLines(file);
}

/** The table of RDDs that `path` names or holds, or null. */
function residencyTable(path: string): string | null {
  if (/(?:^|[\\/])rdd\.csv(?:\.gz)?$/.test(path)) return path;
  if (!existsSync(path) || !statSync(path).isDirectory()) return null;
  return ["rdd.csv", "rdd.csv.gz"].map((name) => join(path, name)).find((file) => existsSync(file)) ?? null;
}

async function readTable(path: string, table: string): Promise<ResidencyReport> {
  const { stages, rdds, memoryBytes, diskBytes, requests } = residencyOf(await readResidency(table, logLines(table)));
  return {
    kind: "residency",
    file: path,
    stages,
    rdds,
    memoryBytes,
    diskBytes,
    history: {
      requests: requests.count,
      blocks: requests.objects,
      unit: requests.unit,
      mostAtOnce: mostAtOnce(requests),
      dropped: requests.dropped,
      policies: comparePolicies(requests, null),
    },
  };
}
