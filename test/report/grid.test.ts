// The page of the full study: what is decided is on it, bars lie where their intervals do, and it asks nobody for anything.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { gridCard, gridPage } from "../../src/report/grid.js";
import { contestOf } from "../../src/study/grid/contest.js";
import { experimentOf } from "../../src/study/grid/experiment.js";
import { axesOf } from "../../src/study/grid/setting.js";
import { grouped, nanoseconds } from "../../src/study/text.js";
import { SETTING, visit, visits } from "../study/grid.js";
import { EVERYWHERE, LAPTOP, openBrowser, overflow, visit as open } from "./browser.js";

const axes = axesOf(["sort", "budget=4", "record=128", "cores=1", "ballast=0,1g"]);
const faster = contestOf({ ...SETTING, ballastBytes: 2 ** 30 }, visits(SETTING, 1000, 2000), 1);
const contests = [contestOf(SETTING, visits(SETTING, 1000, 1000), 1), faster];
const results = {
  experiment: experimentOf({ seed: 1, axes, dataBytes: 4096, repetitions: 3, seconds: 0, warmUps: 0 }),
  machine: { node: "20", cpu: "<b>fast</b>", cores: 2, memoryBytes: 2 ** 30, system: "test" },
  file: "results.jsonl",
  resumed: 2,
  made: 4,
  seconds: 60,
  ended: "time" as const,
  contests,
  unvisited: [],
};

test("verdicts, settings and machine are on the page, escaped, and nothing is loaded", () => {
  const page = gridPage(results);
  expect(page).toContain("6 visits to 2 of 2 settings");
  expect(page).toContain("Off-heap wins (2.00 times as fast) from 1.0 GiB of live objects on; below, the difference");
  expect(page).toContain("&lt;b&gt;fast&lt;/b&gt;");
  expect(page).not.toMatch(/src=|https?:|<b>fast|uPlot/);
  expect(page.match(/<svg class="ratio/g)).toHaveLength(2);
  expect(page).toContain("<h1>Of 2 settings: off-heap is faster in 1, 1 alike.</h1>");
});

test("all that was measured is there as tables and can be saved, and the repetitions are named where they lie", () => {
  const page = gridPage({ ...results, file: "some/where/results.jsonl" });
  const lines = (id: string): string[][] =>
    [
      ...page
        .split(`id="${id}-table"`)[1]!
        .split("</table>")[0]!
        .matchAll(/<tr>\s*(<th scope="row".*?)<\/tr>/gs),
    ].map(([, line]) => [...line!.matchAll(/>([^<>]+)<\/t[hd]>/g)].map(([, cell]) => cell!));
  expect(lines("work").map(([, mode, repetitions, rate]) => [mode, repetitions, rate])).toEqual([
    ["on-heap", "9", "0.00"],
    ["off-heap", "9", "0.00"],
    ["on-heap", "9", "0.00"],
    ["off-heap", "9", "0.00"],
  ]);
  expect(lines("gc")[0]!.at(-1)).toBe("none");
  const { p50, p99 } = faster.onHeap.acquires;
  expect(lines("acquires")[2]).toEqual(expect.arrayContaining([nanoseconds(p50), nanoseconds(p99)]));
  expect(lines("batches")[2]![2]).toBe(grouped(faster.onHeap.batches.count));
  expect(lines("memory")[0]!.slice(-2)).toEqual(["1", "0"]);
  expect(page).toContain('<a href="results.jsonl">results.jsonl</a>');
  expect(page).not.toContain("some/where");
  const [, data] = /<script type="application\/json" id="data">(.*?)<\/script>/.exec(page)!;
  expect(JSON.parse(data!).cells).toEqual(JSON.parse(JSON.stringify(contests)));
});

test("one that has too few processes decides nothing", () => {
  const few = contestOf(SETTING, visits(SETTING, 1000, 2000).slice(0, 2), 1);
  expect(gridPage({ ...results, contests: [few] })).toContain("<h1>Of 1 setting: 1 not decided.</h1>");
  expect(gridPage({ ...results, contests: [] })).toContain("<h1>Nothing was measured.</h1>");
});

test("a bar lies where its interval does: even in the middle, twice as fast half way to the right", () => {
  const { text } = gridCard({ contests: [faster] });
  const centre = Number(/<circle cx="([\d.]+)%"/.exec(text)![1]);
  const [, from, width] = /<rect x="([\d.]+)%" y="5" width="([\d.]+)%"/.exec(text)!.map(Number) as [
    number,
    number,
    number,
  ];
  expect(centre).toBeCloseTo(75, 0);
  expect(from).toBeLessThan(centre);
  expect(from + width).toBeGreaterThan(centre);
  expect(text).toContain('class="ratio off"');
});

test("where nothing was measured there is no bar, and the reason is told", () => {
  const empty = visit(SETTING, [], []);
  const broken = contestOf(
    SETTING,
    [{ ...empty, onHeap: { ...empty.onHeap, trouble: "the on-heap process: <no>" } }],
    1,
  );
  const { text } = gridCard({ contests: [broken] });
  expect(text).not.toContain("<svg");
  expect(text).toContain("on-heap: the on-heap process: &lt;no&gt;");
});

let directory = "";
let browser: Browser | string = "";

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "grid-page-"));
  writeFileSync(join(directory, "grid.html"), gridPage(results));
  browser = await openBrowser();
  if (typeof browser === "string") console.log(`page tests skipped: ${browser}`);
});

afterAll(async () => {
  if (typeof browser !== "string") await browser.close();
  rmSync(directory, { recursive: true });
});

test.for(EVERYWHERE)("%s, %o: bars are drawn, and nothing leaves the screen", async ([scheme, screen], { skip }) => {
  if (typeof browser === "string") return skip(browser);
  const { page, trouble } = await open(browser, join(directory, "grid.html"), screen, scheme);
  const bars = await page.$$eval("svg.ratio", (all) =>
    all.map((svg) => {
      const box = (of: string) => svg.querySelector(of)!.getBoundingClientRect();
      const dot = box("circle");
      const fill = getComputedStyle(svg.querySelector("circle")!).fill;
      return { at: (dot.x + dot.width / 2 - svg.getBoundingClientRect().x) / 180, bar: box("rect").width, fill };
    }),
  );
  expect(bars.map(({ at }) => at)).toEqual([expect.closeTo(0.5, 1), expect.closeTo(0.75, 1)]);
  expect(bars[1]!.fill).not.toBe(bars[0]!.fill);
  expect(await overflow(page)).toBeLessThanOrEqual(0);
  expect(trouble).toEqual([]);
  await page.close();
});

test("the theme can be turned, and what is shown saved", async ({ skip }) => {
  if (typeof browser === "string") return skip(browser);
  const { page, trouble } = await open(browser, join(directory, "grid.html"), LAPTOP, "light");
  const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const light = await background();
  await page.click("#theme");
  await expect.poll(background).not.toBe(light);
  const [download] = await Promise.all([page.waitForEvent("download"), page.click("#save")]);
  expect(download.suggestedFilename()).toBe("results.json");
  const saved = JSON.parse(readFileSync(await download.path(), "utf8")) as { cells: { speed: { median: number } }[] };
  expect(saved.cells.map(({ speed }) => speed.median)).toEqual([1, 2]);
  expect(trouble).toEqual([]);
  await page.close();
});
