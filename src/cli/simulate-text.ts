// A simulation's report for people: per place of the grid a table of policies, then the differences in words.

import { humanBytes } from "../human.js";
import { type Compared, LEVEL, type PointReport } from "../sim/compare.js";
import { type Figure, figuresOf, figureText, intervalText } from "../sim/figures.js";
import type { Point } from "../sim/experiment.js";
import type { SimulationReport } from "./simulate.js";

const LABEL = 17;
const CELL = 34;

export function simulationText(report: SimulationReport): string {
  const { workload, executors, cores, allocation, eviction, seed, seeds, runs, interrupted } = report;
  const figures = figuresOf(workload);
  const swept = new Set(report.sweeps.map(({ key }) => key));
  const memory = swept.has("memory") ? "" : `, ${report.conf["spark.executor.memory"] ?? "memory as recorded"}`;
  const lines = [
    `${workload} on ${allocation === "dynamic" ? "at most " : ""}${executors} ${executors === 1 ? "executor" : "executors"}` +
      `${swept.has("cores") ? "" : ` of ${cores} ${cores === 1 ? "core" : "cores"}`}${memory}, eviction ${eviction}, seeds ${seed} to ${seed + seeds - 1}`,
  ];
  if (interrupted)
    lines.push(
      `interrupted: ${runs.done} of ${runs.all} runs are complete and reported; --resume FILE keeps them and goes on`,
    );
  for (const point of report.points) {
    lines.push("", `${placeOf(point.at)}${point.seeds.length} seeds; mean and 95 % bootstrap interval`);
    lines.push(
      row(
        "",
        point.policies.map(({ policy }) => policy),
      ),
    );
    for (const figure of figures) {
      const cells = point.policies.map(({ metrics }) => intervalText(figure, metrics[figure.metric]));
      lines.push(row(figure.title, cells));
    }
    lines.push(...lessWork(point, figures), ...differencesOf(point, figures));
  }
  return lines.join("\n");
}

/** Whose figures are not those of the same work. */
function lessWork({ policies }: PointReport, figures: readonly Figure[]): string[] {
  const named = (metric: Figure["metric"]): string =>
    figures.every((figure) => figure.metric !== metric)
      ? ""
      : policies.flatMap(({ policy, metrics }) => (metrics[metric].mean > 0 ? [policy] : [])).join(", ");
  const [failed, less] = [named("failedTasks"), named("shortfalls")];
  return [
    ...(failed === ""
      ? []
      : [`  failed tasks have not done their work: the times of ${failed} are those of less work`]),
    ...(less === "" ? [] : [`  under ${less} requests got less than was recorded, and their tasks went on without`]),
  ];
}

function placeOf(at: Point): string {
  const words = Object.entries(at).map(([key, value]) => `${key} ${key === "memory" ? humanBytes(value) : value}`);
  return words.length === 0 ? "" : `${words.join(", ")}: `;
}

function row(label: string, cells: readonly string[]): string {
  return `  ${label.padEnd(LABEL)}${cells.map((cell) => cell.padEnd(CELL)).join("")}`.trimEnd();
}

function differencesOf({ differences, enoughSeeds }: PointReport, figures: readonly Figure[]): string[] {
  const tested = differences.filter(({ alike }) => !alike).length;
  const figureOf = ({ metric }: Compared): Figure => figures.find((figure) => figure.metric === metric)!;
  if (differences.length === 0) return [];
  const lines = [
    `  differences on the same seeds (sign-flip test, Holm's correction over ${tested} comparisons, level ${LEVEL})`,
  ];
  for (const policy of new Set(differences.map((each) => each.policy))) {
    const mine = differences.filter((each) => each.policy === policy);
    for (const each of mine.filter(({ significant }) => significant)) {
      const figure = figureOf(each);
      const tell = (value: number): string => figureText(figure, value);
      const [sign, least, most] = each.mean > 0 ? ["more", each.low, each.high] : ["less", -each.high, -each.low];
      lines.push(
        `  ${policy} against ${each.against}: ${figure.title} ${tell(Math.abs(each.mean))} ${sign} ` +
          `[${tell(least)}, ${tell(most)}], p ${each.pCorrected.toPrecision(2)}`,
      );
    }
    const titles = (all: readonly Compared[]): string => all.map((each) => figureOf(each).title).join(", ");
    const unsure = mine.filter(({ significant, alike }) => !significant && !alike);
    if (unsure.length > 0) lines.push(`  ${policy}: not significant: ${titles(unsure)}`);
    const alike = mine.filter((each) => each.alike);
    if (alike.length > 0) lines.push(`  ${policy}: the same on every seed: ${titles(alike)}`);
  }
  if (!enoughSeeds) lines.push("  so few seeds cannot show any difference after the correction: use more (--seeds)");
  return lines;
}
