// The experiment for people, on a terminal of any width, and for programs.

import { humanBytes } from "../../human.js";
import { grouped } from "../text.js";
import type { GridResults } from "./conduct.js";
import { NARROW } from "./experiment.js";
import { gridTable } from "./table.js";
import { verdictsOf } from "./verdicts.js";

export function gridText(results: GridResults): string {
  const { experiment, machine, file, contests, unvisited, made, resumed } = results;
  const { columns, rows } = gridTable(contests);
  const notes = rows.flatMap(({ setting, notes: of }) => of.map((note) => `  ${setting}: ${note}`));
  const verdicts = verdictsOf(experiment.axes, contests);
  return [
    ...aligned([["setting", ...columns], ...rows.map(({ setting, cells }) => [setting, ...cells])]),
    "",
    "off/on: median ratio of rows per second over pairs of processes, [95 % bootstrap interval, processes drawn anew, then repetitions].",
    "GC: full + young collections a task, share of task time. Spilled: memory given up, or evicted from the cache, a repetition.",
    ...(notes.length === 0 ? [] : ["", "Left out:", ...notes]),
    "",
    ...verdicts.flatMap(({ question, answer }) => [question, `  ${answer}`]),
    "",
    `${grouped(resumed + made)} visits (${resumed} found in the file), ${contests.length} of ${contests.length + unvisited.length} settings; ${endText(results)}.`,
    `Of twenty intervals one is expected to miss. ${humanBytes(experiment.dataBytes)} of rows a setting, seed ${experiment.seed}, Node ${machine.node}, ${machine.cpu}, ${machine.cores} cores.`,
    `results   ${file}`,
  ].join("\n");
}

function endText({ ended, seconds }: GridResults): string {
  const time = `after ${(seconds / 60).toFixed(1)} minutes`;
  if (ended === "narrow") return `every interval is narrow (within ${NARROW} times) or hopeless, ${time}`;
  return ended === "time" ? `the time was up, ${time}` : `interrupted ${time}`;
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
