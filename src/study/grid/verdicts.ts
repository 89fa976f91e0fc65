// What the experiment says, in sentences. A sentence names only what an interval decides, and says what is not decided: where
// an interval holds both answers, and where too few processes have measured anything that counts.

import { humanBytes } from "../../human.js";
import { ALIKE, type CellSummary, type Contest, GC_LIMITS, type GcLimit, type Outcome, type Ratio } from "./contest.js";
import { baseOf, LINES } from "./experiment.js";
import { type Axes, nameOf, type Setting, settingsOf, type Workload } from "./setting.js";

type Line = (typeof LINES)[number];

export interface Verdict {
  readonly question: string;
  readonly answer: string;
  /** False when the answer leaves any part of the question open. */
  readonly decided: boolean;
  readonly evidence: readonly Evidence[];
}

/** One setting's part in a verdict: off-heap over on-heap, NaN where nothing was measured. */
export interface Evidence {
  readonly setting: string;
  /** Visits that count. */
  readonly processes: number;
  readonly ratio: number;
  readonly low: number;
  readonly high: number;
  readonly outcome: Outcome;
}

/** Answers all questions that the axes pose. */
export function verdictsOf(axes: Axes, contests: readonly Contest[]): Verdict[] {
  const byName = new Map(contests.map((contest) => [nameOf(contest.setting), contest]));
  return [
    ...axes.workload.flatMap((workload) => {
      const all = LINES.map((line) => ({ line, settings: settingsAlong(axes, workload, line) }));
      const lines = all.filter(({ settings }) => settings.length > 0);
      const told = lines.filter(({ settings }) => settings.length > 1);
      return (told.length > 0 ? told : lines.slice(0, 1)).map(({ line, settings }) =>
        alongLine(workload, line, settings, byName),
      );
    }),
    ...MEASURES.map((measure) => overall(measure, contests)),
    collections(contests),
  ];
}

const ASKS: Readonly<Record<Line, string>> = {
  ballastBytes: "by live objects in the heap",
  share: "by budget",
  recordBytes: "by row size",
  cores: "by cores",
};

/** How a sentence speaks of a part of an axis: from where on, and the part before. */
const WORDS: Readonly<Record<Line, readonly [on: string, before: string]>> = {
  ballastBytes: ["on", "below"],
  share: ["down", "above"],
  recordBytes: ["on", "below"],
  cores: ["on", "below"],
};

function labelOf(line: Line, setting: Setting): string {
  const { share, recordBytes, cores, ballastBytes } = setting;
  if (line === "ballastBytes")
    return ballastBytes === 0 ? "no live objects" : `${humanBytes(ballastBytes)} of live objects`;
  if (line === "share") return `1/${share} of the need`;
  return line === "recordBytes" ? `rows of ${recordBytes} B` : `${cores} core${cores === 1 ? "" : "s"}`;
}

interface Step {
  readonly label: string;
  readonly evidence: Evidence;
}

/** The settings of one workload that differ from the base along one axis only. */
function settingsAlong(axes: Axes, workload: Workload, line: Line): Setting[] {
  const base = { workload, ...baseOf(axes) };
  const known = new Set(settingsOf(axes).map(nameOf));
  return axes[line].map((value) => ({ ...base, [line]: value })).filter((setting) => known.has(nameOf(setting)));
}

function alongLine(
  workload: Workload,
  line: Line,
  settings: readonly Setting[],
  byName: ReadonlyMap<string, Contest>,
): Verdict {
  const steps = settings.map((setting) => {
    const contest = byName.get(nameOf(setting));
    return { label: labelOf(line, setting), evidence: evidenceOf(setting, contest, contest?.speed) };
  });
  const rest = LINES.filter((other) => other !== line).map((other) => labelOf(other, settings[0]!));
  return {
    question: `Which mode is faster at ${workload}, ${ASKS[line]}? (${rest.join(", ")})`,
    answer: sentence(steps, WORDS[line]),
    decided: steps.every(({ evidence }) => isDecided(evidence.outcome)),
    evidence: steps.map(({ evidence }) => evidence),
  };
}

function evidenceOf(setting: Setting, contest: Contest | undefined, ratio: Ratio | undefined): Evidence {
  const none = { median: Number.NaN, low: Number.NaN, high: Number.NaN, outcome: "missing" as const };
  const { median, low, high, outcome } = ratio ?? none;
  return { setting: nameOf(setting), processes: contest?.telling ?? 0, ratio: median, low, high, outcome };
}

function isDecided(outcome: Outcome): boolean {
  return outcome !== "undecided" && outcome !== "missing";
}

/** What is decided along an axis, shortest where the steps agree or change once; then what is not. */
function sentence(steps: readonly Step[], [on, before]: readonly [string, string]): string {
  const told = steps.filter(({ evidence }) => isDecided(evidence.outcome));
  const open = steps.filter(({ evidence }) => !isDecided(evidence.outcome));
  const rest = open.length === 0 ? "" : openText(open);
  if (told.length === 0) return rest;
  const runs = runsOf(told);
  const step = (one: Step): string => `with ${one.label}, ${claimOf([one])}`;
  if (open.length > 0 || told.length === 1 || runs.length > 2)
    return capital(`${told.map(step).join("; ")}.${open.length > 0 ? ` ${rest}` : ""}`);
  const [earlier, later] = runs as [Step[], Step[] | undefined];
  if (later === undefined) return capital(`${claimOf(earlier)} everywhere.`);
  return capital(`${claimOf(later)} from ${later[0]!.label} ${on}; ${before}, ${claimOf(earlier)}.`);
}

/** What is not decided, and why: an interval that holds both answers, or too few processes. */
function openText(steps: readonly Step[]): string {
  if (steps.every(({ evidence }) => evidence.processes === 0)) return `Not measured: ${labelsOf(steps)}.`;
  const missing = steps.filter(({ evidence }) => evidence.outcome === "missing");
  const wide = steps.filter((step) => !missing.includes(step));
  const parts = wide.map(
    ({ label, evidence: { low, high } }) => `${label} (${low.toFixed(2)} to ${high.toFixed(2)} times)`,
  );
  const few = missing.length === 0 ? [] : [`too few processes with ${labelsOf(missing)}`];
  return `Not decided: ${[...(parts.length === 0 ? [] : [parts.join(", ")]), ...few].join("; ")}.`;
}

function labelsOf(steps: readonly Step[]): string {
  return steps.map(({ label }) => label).join(", ");
}

/** Neighbours of the same outcome together. */
function runsOf(steps: readonly Step[]): Step[][] {
  const runs: Step[][] = [];
  for (const step of steps) {
    const last = runs.at(-1);
    if (last !== undefined && last[0]!.evidence.outcome === step.evidence.outcome) last.push(step);
    else runs.push([step]);
  }
  return runs;
}

/** What steps of one decided outcome say. */
function claimOf(steps: readonly Step[]): string {
  const { outcome } = steps[0]!.evidence;
  if (outcome === "alike") return `the difference is within noise (${percent(ALIKE - 1)})`;
  const factors = steps.map(({ evidence }) => (outcome === "off-heap" ? evidence.ratio : 1 / evidence.ratio));
  return `${outcome} wins (${range(factors)} times as fast)`;
}

function range(values: readonly number[]): string {
  const least = Math.min(...values).toFixed(2);
  const most = Math.max(...values).toFixed(2);
  return least === most ? least : `${least} to ${most}`;
}

interface Measured {
  readonly question: string;
  readonly of: (contest: Contest) => Ratio;
  /** Whether a lower figure is the better one. */
  readonly lower: boolean;
}

const MEASURES: readonly Measured[] = [
  { question: "Which mode is faster", of: ({ speed }) => speed, lower: false },
  { question: "Which mode takes less processor time a row", of: ({ cpu }) => cpu, lower: true },
  { question: "Which mode has the shorter tail: p99 of a batch of rows", of: ({ tail }) => tail, lower: true },
  { question: "Which mode is resident with less at the most", of: ({ resident }) => resident, lower: true },
];

/** Over all settings: how many each mode wins, and by how much at the most. */
function overall({ question, of, lower }: Measured, contests: readonly Contest[]): Verdict {
  const evidence = contests.map((contest) => evidenceOf(contest.setting, contest, of(contest)));
  const parts = (["off-heap", "on-heap"] as const).flatMap((mode) => {
    const won = evidence.filter(({ outcome }) => outcome === mode);
    if (won.length === 0) return [];
    const factors = won.map(({ ratio }) => ((mode === "off-heap") === lower ? 1 / ratio : ratio));
    return [`${mode} is better in ${won.length} (by ${range(factors)} times)`];
  });
  const alike = evidence.filter(({ outcome }) => outcome === "alike").length;
  const open = evidence.filter(({ outcome }) => !isDecided(outcome)).length;
  const all = [...parts, ...(alike > 0 ? [`alike in ${alike}`] : []), ...(open > 0 ? [`not decided in ${open}`] : [])];
  return {
    question: `${question}, over all settings measured?`,
    answer:
      contests.length === 0
        ? "Not decided: nothing was measured."
        : capital(`of ${plural(contests.length, "setting")}: ${all.join(", ")}.`),
    decided: evidence.length > 0 && open < evidence.length,
    evidence,
  };
}

/** The thresholds in words. */
export const LIMIT_WORDS: Readonly<Record<GcLimit, string>> = {
  fullPerTask: "no full collection",
  youngPerTask: `fewer than ${GC_LIMITS.youngPerTask} young collections a task`,
  longestMs: `pauses under ${GC_LIMITS.longestMs} ms`,
  share: `under ${percent(GC_LIMITS.share)} of task time`,
};

/** Which thresholds of the tuning guides each mode keeps. */
function collections(contests: readonly Contest[]): Verdict {
  const measured = contests.filter(({ telling }) => telling > 0);
  const told = (mode: "onHeap" | "offHeap"): string => {
    const cells: readonly CellSummary[] = measured.map((contest) => contest[mode]);
    const broken = (Object.keys(GC_LIMITS) as GcLimit[])
      .map((limit) => ({ limit, count: cells.filter(({ gc }) => gc.broken.includes(limit)).length }))
      .filter(({ count }) => count > 0);
    const name = mode === "onHeap" ? "on-heap" : "off-heap";
    if (broken.length === 0) return `${name} keeps all thresholds in all ${plural(cells.length, "cell")}`;
    return `${name} breaks ${broken.map(({ limit, count }) => `"${LIMIT_WORDS[limit]}" in ${count}`).join(", ")} of ${plural(cells.length, "cell")}`;
  };
  return {
    question: "Which mode keeps the thresholds that tuning guides for Spark give for garbage collection?",
    answer:
      measured.length === 0 ? "Not decided: nothing was measured." : capital(`${told("onHeap")}; ${told("offHeap")}.`),
    decided: measured.length > 0,
    evidence: [],
  };
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

function percent(share: number): string {
  return `${Math.round(100 * share)} %`;
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
