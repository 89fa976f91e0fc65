// The experiment for people, and for programs.

import { humanBytes } from "../../human.js";
import { grouped } from "../text.js";
import type { GridResults } from "./conduct.js";
import { BATCH_ROWS } from "./work.js";
import { nameOf } from "./setting.js";
import { gridTable } from "./table.js";
import { verdictsOf } from "./verdicts.js";

/** `page`: where the report is. */
export function gridText(results: GridResults, page: string | null = null): string {
  const { experiment, machine, file, contests, unvisited, made, resumed } = results;
  const { columns, rows } = gridTable(contests);
  const notes = rows.flatMap((row, i) => row.notes.map((note) => `  ${nameOf(contests[i]!.setting)}: ${note}`));
  return [
    ...aligned([columns, ...rows.map(({ cells }) => cells)]),
    "",
    "off/on  median ratio of rows/s over pairs of processes; bootstrap interval, processes drawn anew, then repetitions in each",
    "GC      full + young collections a task, pauses as a share of task time",
    `p99     of ${BATCH_ROWS} rows in, or out`,
    ...(notes.length === 0 ? [] : ["", "Left out", ...notes]),
    "",
    ...verdictsOf(experiment.axes, contests).flatMap(({ question, answer }) => [question, `  ${answer}`]),
    "",
    `${grouped(resumed + made)} visits, ${resumed} of them found in the file; ${contests.length} of ${contests.length + unvisited.length} settings; ${endText(results)}.`,
    `Of twenty such intervals one is expected to miss. ${humanBytes(experiment.dataBytes)} of rows a setting, seed ${experiment.seed}.`,
    `Node ${machine.node}, ${machine.cpu}, ${machine.cores} cores, ${humanBytes(machine.memoryBytes)}, ${machine.system}.`,
    "",
    `results   ${file}`,
    ...(page === null ? [] : [`report    ${page}`]),
  ].join("\n");
}

/** Why and when it ended. */
export function endText({ ended, seconds }: GridResults): string {
  const time = `after ${(seconds / 60).toFixed(1)} minutes`;
  if (ended === "narrow") return `nothing was left to measure ${time}`;
  return ended === "time" ? `the time was up ${time}` : `interrupted ${time}`;
}

function aligned(lines: readonly (readonly string[])[]): string[] {
  const widths = lines[0]!.map((_, column) => Math.max(...lines.map((line) => line[column]!.length)));
  return lines.map((line) =>
    line
      .map((text, column) => (column === 0 ? text.padEnd(widths[column]!) : text.padStart(widths[column]!)))
      .join("  "),
  );
}

/** One object: the plan, every cell, every verdict. Figures that do not exist are null. Bytes, seconds, nanoseconds. */
export function gridJson(results: GridResults): object {
  const { experiment, contests, unvisited, ...rest } = results;
  return { plan: experiment, ...rest, cells: contests, unvisited, verdicts: verdictsOf(experiment.axes, contests) };
}
