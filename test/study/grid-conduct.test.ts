// The order of visits, when they stop, and the file that a run leaves and the next one goes on with.

import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Aborted } from "../../src/study/abort.js";
import { conductWith, type GridResults } from "../../src/study/grid/conduct.js";
import { baseOf, type Experiment, experimentOf, identityOf, LINES, passesOf } from "../../src/study/grid/experiment.js";
import { JournalRefused } from "../../src/study/grid/journal.js";
import type { Visit } from "../../src/study/grid/repetition.js";
import { ALL, axesOf, nameOf, type Setting } from "../../src/study/grid/setting.js";
import { visit } from "./grid.js";

let directory = "";
let files = 0;
beforeAll(() => (directory = mkdtempSync(join(tmpdir(), "grid-conduct-"))));
afterAll(() => rmSync(directory, { recursive: true }));
const newFile = (): string => join(directory, `${(files += 1)}.jsonl`);

const small = (more: Partial<Experiment> = {}): Experiment => ({
  ...experimentOf({
    seed: 1,
    axes: axesOf(["sort,scan", "record=128", "cores=1"]),
    dataBytes: 4096,
    repetitions: 2,
    seconds: 0,
    warmUps: 0,
  }),
  ...more,
});

const SILENT = { resumed() {}, begin() {}, visited() {} };
const alike = (setting: Setting): Visit => visit(setting, [100, 101], [100, 101]);

/** Runs with a clock that moves a second with each visit; `answer` makes up what was measured. */
async function run(
  experiment: Experiment,
  file: string,
  budgetSeconds: number,
  answer: (setting: Setting, count: number) => Visit = alike,
  signal = new AbortController().signal,
): Promise<GridResults & { order: string[]; passes: string[]; firsts: string[] }> {
  const order: string[] = [];
  const passes: string[] = [];
  const firsts: string[] = [];
  let nowMs = 0;
  const measure = async (setting: Setting, first: Visit["first"]): Promise<Visit> => {
    const measured = answer(setting, order.length);
    order.push(nameOf(setting));
    firsts.push(first);
    nowMs += 1000;
    return { ...measured, first };
  };
  const progress = { ...SILENT, begin: (pass: string) => void passes.push(pass) };
  const results = await conductWith(
    { measure, nowMs: () => nowMs },
    { experiment, file, budgetSeconds },
    progress,
    signal,
  );
  return { ...results, order, passes, firsts };
}

test("the coarse pass is twelve settings, the lines all that differ from the base in one axis, and both are in the grid", () => {
  const [coarse, lines, grid] = passesOf(small({ axes: ALL }));
  expect(coarse!.settings).toHaveLength(12);
  expect(new Set(coarse!.settings.map(({ share }) => share))).toEqual(new Set([1, 4]));
  expect(new Set(coarse!.settings.map(({ ballastBytes }) => ballastBytes))).toEqual(new Set([0, 2 ** 30]));
  expect(lines!.settings).toHaveLength(3 * (1 + 2 + 3 + 2) + 2);
  const base = baseOf(ALL);
  for (const setting of lines!.settings)
    expect(LINES.filter((axis) => setting[axis] !== base[axis]).length).toBeLessThanOrEqual(1);
  expect(grid!.settings).toHaveLength(180);
});

test("narrow intervals end it after three visits a setting, in random order, modes beginning in turn", async () => {
  const { order, passes, ended, contests, unvisited, firsts } = await run(small(), newFile(), 1000);
  expect(ended).toBe("narrow");
  expect(order).toHaveLength(3 * 24);
  expect(contests.every(({ telling, speed }) => telling === 3 && speed.outcome === "alike")).toBe(true);
  expect(unvisited).toEqual([]);
  // The most telling ones first: all visits of a pass before those of the next.
  expect(passes).toEqual([...passes].sort((a, b) => "clg".indexOf(a[0]!) - "clg".indexOf(b[0]!)));
  // Each setting once before any a second time, and not in the same order again.
  const [first, second] = [order.slice(0, 8), order.slice(8, 16)];
  expect(new Set(first).size).toBe(8);
  expect([...second].sort()).toEqual([...first].sort());
  expect(second).not.toEqual(first);
  for (const name of first) {
    const began = firsts.filter((_, i) => order[i] === name);
    expect(began[0]).toBe(began[2]);
    expect(began[0]).not.toBe(began[1]);
  }
  expect((await run(small(), newFile(), 1000)).order).toEqual(order);
  expect((await run(small({ seed: 2 }), newFile(), 1000)).order).not.toEqual(order);
});

test("wide intervals go on until the time is up; no pass waits for them for ever", async () => {
  const wild = (setting: Setting, count: number): Visit => visit(setting, [100, 130], [100 + (count % 7) * 40, 100]);
  const { order, ended, passes } = await run(small(), newFile(), 150, wild);
  expect(ended).toBe("time");
  expect(order).toHaveLength(150);
  expect(passes.filter((pass) => pass === "coarse")).toHaveLength(5 * 8);
  expect(passes.at(-1)).toBe("grid");
});

test("settings that say nothing get two visits and no more", async () => {
  const vacuous = (setting: Setting): Visit =>
    visit(setting, [100, 100], [100, 100], { spills: setting.share === 1 ? 3 : 0 });
  const { order, ended, contests } = await run(small(), newFile(), 1000, vacuous);
  expect(ended).toBe("narrow");
  expect(order).toHaveLength(2 * 24);
  for (const { onHeap, telling } of contests) expect([telling, onHeap.repetitions]).toEqual([0, 0]);
});

test("a run goes on where the last one stopped, and both together are one run", async () => {
  const file = newFile();
  const whole = await run(small(), newFile(), 1000);
  const first = await run(small(), file, 10);
  expect(first.ended).toBe("time");
  const second = await run(small(), file, 1000);
  expect(second.resumed).toBe(10);
  expect([...first.order, ...second.order]).toEqual(whole.order);
  expect(second.contests).toEqual(whole.contests);
  const third = await run(small(), file, 1000);
  expect([third.made, third.resumed, third.ended]).toEqual([0, 72, "narrow"]);
});

test("a line that was cut off is measured again", async () => {
  const file = newFile();
  await run(small(), file, 5);
  const text = readFileSync(file, "utf8");
  writeFileSync(file, text.slice(0, -100));
  const { resumed } = await run(small(), file, 1);
  expect(resumed).toBe(4);
  const lines = readFileSync(file, "utf8").trimEnd().split("\n");
  expect(lines.map((line) => (JSON.parse(line) as { kind: string }).kind)).toEqual([
    "plan",
    ...Array<string>(5).fill("visit"),
  ]);
});

test("files of other plans and other files are refused and left as they are", async () => {
  const file = newFile();
  await run(small(), file, 2);
  const before = readFileSync(file, "utf8");
  await expect(run(small({ seed: 2 }), file, 2)).rejects.toThrow("another experiment: seed is 1 there and 2 here");
  await expect(run(small({ dataBytes: 1 }), file, 2)).rejects.toThrow(JournalRefused);
  expect(readFileSync(file, "utf8")).toBe(before);
  const [head, line] = before.split("\n") as [string, string];
  const refused: readonly [text: string, line: number, why: string][] = [
    ["no newline", 1, "no line"],
    ["{}\n", 1, "no plan"],
    ["nonsense\n", 1, "no JSON"],
    [head.replace(/"node":"[^"]*"/, '"node":"1.2.3"') + "\n", 1, "another machine: node was 1.2.3"],
    [`${head}\n${line}\n{"kind"\n${line}\n`, 3, "no JSON"],
    [`${head}\n{"kind":"other"}\n`, 2, "no visit"],
    [
      `${head}\n${line.replace('"share":1', '"share":64').replace('"share":4', '"share":64').replace('"share":2', '"share":64').replace('"share":8', '"share":64')}\n`,
      2,
      "has not: ",
    ],
  ];
  for (const [text, at, why] of refused) {
    writeFileSync(file, text);
    const error: unknown = await run(small(), file, 2).catch((thrown: unknown) => thrown);
    expect(error, text).toBeInstanceOf(JournalRefused);
    expect(error).toMatchObject({ name: "JournalRefused", file, line: at });
    expect((error as Error).message).toContain(why);
    expect(readFileSync(file, "utf8")).toBe(text);
  }
  await expect(run(small(), join(directory, "no", "such", "file"), 2)).rejects.toThrow("--out ");
});

test("an empty file is begun", async () => {
  const file = newFile();
  appendFileSync(file, "");
  expect((await run(small(), file, 1)).made).toBe(1);
});

test("an abort keeps whole visits only", async () => {
  const controller = new AbortController();
  const file = newFile();
  const abortAtThird = (setting: Setting, count: number): Visit => {
    if (count < 2) return alike(setting);
    controller.abort();
    throw new Aborted();
  };
  const { ended, made } = await run(small(), file, 1000, abortAtThird, controller.signal);
  expect([ended, made]).toEqual(["interrupted", 2]);
  expect(readFileSync(file, "utf8").split("\n")).toHaveLength(1 + 2 + 1);
});

test("plans that differ in anything have different identities", () => {
  const others = [small(), small({ seed: 3 }), small({ seconds: 1 }), small({ warmUps: 1 }), small({ axes: ALL })];
  expect(new Set(others.map(identityOf)).size).toBe(others.length);
});
