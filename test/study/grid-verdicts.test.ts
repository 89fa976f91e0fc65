// Verdicts on made-up results: what is said, and what is not said because nothing decides it.

import { expect, test } from "vitest";
import { type Contest, contestOf, outcomeOf } from "../../src/study/grid/contest.js";
import { type Repetition, vacuityOf, type Visit } from "../../src/study/grid/repetition.js";
import { type Axes, axesOf, type Setting } from "../../src/study/grid/setting.js";
import { gridTable } from "../../src/study/grid/table.js";
import { type Verdict, verdictsOf } from "../../src/study/grid/verdicts.js";
import { repetition, SETTING, visit, visits } from "./grid.js";

const GIB = 2 ** 30;
const axes: Axes = axesOf(["sort", "budget=4", "record=128", "cores=1", "ballast=0,256m,1g"]);

type Measured = number | null | readonly Visit[];

/** Off-heap over on-heap at no, 256 MiB and 1 GiB of live objects; null where nothing was measured. */
function byBallast(...ratios: readonly Measured[]): Contest[] {
  return ratios.flatMap((ratio, i) => {
    if (ratio === null) return [];
    const setting = { ...SETTING, ballastBytes: axes.ballastBytes[i]! };
    return [contestOf(setting, typeof ratio === "number" ? visits(setting, 1000, 1000 * ratio) : ratio, 1)];
  });
}

const first = (contests: readonly Contest[], of: Axes = axes): Verdict => verdictsOf(of, contests)[0]!;
const answer = (...ratios: readonly Measured[]): string => first(byBallast(...ratios)).answer;
const unsure = (setting: Setting): Visit[] => [800, 1000, 1300].map((off) => visit(setting, [1000, 1000], [off, off]));

test("from where on a mode wins, and what is below", () => {
  const verdict = first(byBallast(1, 1.01, 1.4));
  expect(verdict).toMatchObject({
    question: "Which mode is faster at sort, by live objects in the heap? (1/4 of the need, rows of 128 B, 1 core)",
    answer:
      "Off-heap wins (1.40 times as fast) from 1.0 GiB of live objects on; below, the difference is within noise (5 %).",
    decided: true,
  });
  expect(verdict.evidence.map(({ outcome, processes }) => [outcome, processes])).toEqual([
    ["alike", 3],
    ["alike", 3],
    ["off-heap", 3],
  ]);
  expect(verdict.evidence[2]!.ratio).toBeCloseTo(1.4);
  expect(answer(0.5, 1.2, 2)).toBe(
    "Off-heap wins (1.20 to 2.00 times as fast) from 256.0 MiB of live objects on; below, on-heap wins (2.00 times as fast).",
  );
});

test("one answer everywhere", () => {
  expect(answer(1.2, 1.3, 1.5)).toBe("Off-heap wins (1.20 to 1.50 times as fast) everywhere.");
  expect(answer(0.8, 0.8, 0.8)).toBe("On-heap wins (1.25 times as fast) everywhere.");
  expect(answer(1, 1, 1)).toBe("The difference is within noise (5 %) everywhere.");
});

test("what changes more than once is told step by step", () => {
  expect(answer(1.5, 1, 1.5)).toBe(
    "With no live objects, off-heap wins (1.50 times as fast); with 256.0 MiB of live objects, the difference is within noise (5 %); with 1.0 GiB of live objects, off-heap wins (1.50 times as fast).",
  );
});

test("not decided: intervals that hold both, too few processes, nothing", () => {
  const verdict = first(byBallast(1, unsure(SETTING), 1.5));
  expect(verdict.decided).toBe(false);
  expect(verdict.answer).toBe(
    "With no live objects, the difference is within noise (5 %); with 1.0 GiB of live objects, off-heap wins (1.50 times as fast). " +
      "Not decided: 256.0 MiB of live objects (0.80 to 1.30 times).",
  );
  const few = visits({ ...SETTING, ballastBytes: GIB }, 1000, 2000).slice(0, 2);
  expect(answer(1.5, null, few)).toBe(
    "With no live objects, off-heap wins (1.50 times as fast). " +
      "Not decided: too few processes with 256.0 MiB of live objects, 1.0 GiB of live objects.",
  );
  expect(answer(null, unsure(SETTING), null)).toBe(
    "Not decided: 256.0 MiB of live objects (0.80 to 1.30 times); too few processes with no live objects, 1.0 GiB of live objects.",
  );
  for (const { answer: said, decided } of verdictsOf(axes, [])) {
    expect(said).toMatch(/^Not (?:measured|decided)/);
    expect(decided).toBe(false);
  }
});

test("a smaller budget is further down, not further on", () => {
  const byShare = axesOf(["scan", "budget=1,4,8", "record=128", "cores=1", "ballast=0"]);
  const contests = byShare.share.map((share) => {
    const setting: Setting = { ...SETTING, workload: "scan", share };
    return contestOf(setting, visits(setting, 1000, share < 8 ? 1000 : 1500), 1);
  });
  expect(first(contests, byShare).answer).toBe(
    "Off-heap wins (1.50 times as fast) from 1/8 of the need down; above, the difference is within noise (5 %).",
  );
});

test("a single setting is a question of its own", () => {
  const single = axesOf(["sort", "budget=4", "record=128", "cores=1", "ballast=0"]);
  expect(first([contestOf(SETTING, visits(SETTING, 1000, 1500), 1)], single).answer).toBe(
    "With no live objects, off-heap wins (1.50 times as fast).",
  );
});

test("over all settings: where less is better the winner is the other way round", () => {
  const answers = verdictsOf(axes, byBallast(1, 1.5, 0.5)).map((verdict) => verdict.answer);
  // In these results processor time is time, and resident bytes and tails are the same.
  expect(answers.slice(1, 5)).toEqual([
    "Of 3 settings: off-heap is better in 1 (by 1.50 times), on-heap is better in 1 (by 2.00 times), alike in 1.",
    "Of 3 settings: off-heap is better in 1 (by 1.50 times), on-heap is better in 1 (by 2.00 times), alike in 1.",
    "Of 3 settings: alike in 3.",
    "Of 3 settings: alike in 3.",
  ]);
});

test("thresholds for garbage collection, a task", () => {
  const gc = (count: number, totalMs: number, longestMs: number) => ({ count, totalMs, longestMs });
  const none = gc(0, 0, 0);
  const heavy: Partial<Repetition> = {
    taskSeconds: 1,
    gc: { minor: gc(10, 30, 5), major: gc(1, 210, 210), incremental: none, weak: none },
  };
  const contest = contestOf(SETTING, visits(SETTING, 1000, 1000, heavy), 1);
  expect(contest.onHeap.gc).toMatchObject({ fullPerTask: 1, youngPerTask: 10, longestMs: 210 });
  expect(contest.onHeap.gc.share).toBeCloseTo(0.24);
  expect(contest.onHeap.gc.broken).toEqual(["fullPerTask", "youngPerTask", "longestMs", "share"]);
  expect(contest.onHeap.gc.byKind.major).toEqual({ count: 9, totalMs: 1890, longestMs: 210 });
  const healthy = contestOf(SETTING, visits(SETTING, 1000, 1000), 1);
  expect(healthy.onHeap.gc.broken).toEqual([]);
  expect(verdictsOf(axes, [contest, healthy]).at(-1)!.answer).toBe(
    'On-heap breaks "no full collection" in 1, "fewer than 10 young collections a task" in 1, "pauses under 200 ms" in 1, "under 5 % of task time" in 1 of 2 cells; ' +
      'off-heap breaks "no full collection" in 1, "fewer than 10 young collections a task" in 1, "pauses under 200 ms" in 1, "under 5 % of task time" in 1 of 2 cells.',
  );
  expect(verdictsOf(axes, [healthy]).at(-1)!.answer).toBe(
    "On-heap keeps all thresholds in all 1 cell; off-heap keeps all thresholds in all 1 cell.",
  );
});

test("where a spill is the point, a repetition without one says nothing; where none is, one with one", () => {
  const whole = { ...SETTING, share: 1 };
  expect(vacuityOf(SETTING, repetition(1))).toBeNull();
  expect(vacuityOf(SETTING, repetition(1, { spills: 0 }))).toBe("nothing spilled");
  expect(vacuityOf(SETTING, repetition(1, { shortGrants: 0 }))).toBe("the budget was never reached");
  expect(vacuityOf(whole, repetition(1))).toBe("spilled although everything should fit");
  expect(vacuityOf(whole, repetition(1, { spills: 0, shortGrants: 0 }))).toBeNull();
  expect(vacuityOf(whole, repetition(1, { spills: 0, correct: false }))).toBe("the output differs from the reference");
});

test("vacuous repetitions are counted and never averaged in, and no ratio is made of a visit with one mode", () => {
  const odd = visit(SETTING, [1000, 1000], [1000, 1000]);
  const fast = repetition(1e9, { spills: 0 });
  const mixed: Visit = { ...odd, onHeap: { ...odd.onHeap, repetitions: [...odd.onHeap.repetitions, fast] } };
  const lone: Visit = { ...odd, offHeap: { ...odd.offHeap, trouble: "the off-heap process: no", repetitions: [] } };
  const contest = contestOf(SETTING, [mixed, mixed, lone], 1);
  expect(contest).toMatchObject({ visits: 3, telling: 2, speed: { median: 1, outcome: "missing" } });
  expect(contest.onHeap).toMatchObject({
    repetitions: 4,
    vacuous: [{ why: "nothing spilled", repetitions: 2 }],
    rowsPerSecond: { median: 1000, low: 1000, high: 1000 },
  });
  expect(gridTable([contest]).rows[0]!.notes).toEqual([
    "on-heap: 2 repetitions left out, nothing spilled",
    "off-heap: the off-heap process: no",
  ]);
});

test("outcomes of intervals", () => {
  const outcome = (low: number, high: number): string => outcomeOf({ median: 1, low, high }, 3);
  expect([outcome(0.96, 1.05), outcome(1.01, 1.3), outcome(0.5, 0.99), outcome(0.9, 1.2)]).toEqual([
    "alike",
    "off-heap",
    "on-heap",
    "undecided",
  ]);
  expect(outcome(Number.NaN, 1)).toBe("missing");
  expect(outcomeOf({ median: 2, low: 2, high: 2 }, 2)).toBe("missing");
});

test("the table has a text for every column of every row", () => {
  const nothing = contestOf(SETTING, [visit(SETTING, [], [])], 1);
  const { columns, rows } = gridTable([nothing, ...byBallast(1.5, 1, 1)]);
  for (const { cells } of rows) {
    expect(cells).toHaveLength(columns.length);
    expect(cells.join(" ")).not.toMatch(/NaN|Infinity|undefined/);
  }
  expect(rows[1]!.cells.slice(0, 9)).toEqual([
    "sort",
    "1/4",
    "128 B",
    "1",
    "0",
    "0.00",
    "0.00",
    "1.50 [1.49, 1.52]",
    "off-heap",
  ]);
});
