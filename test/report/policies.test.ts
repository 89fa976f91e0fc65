// The page of a policy comparison in a real browser: dots with intervals where the figures say, curves that follow what is
// chosen, and the runs beside it.

import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { PoliciesData } from "../../src/report/policies/data.js";
import { start } from "../study/program.js";
import { coloursDrawn, EVERYWHERE, LAPTOP, openBrowser, overflow, visit } from "./browser.js";

const SMALL = ["simulate", "--scale", "0.1", "--threads", "0", "--policies", "unified,static"];

let directory = "";
let file = "";
let browser: Browser | string = "";

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "policies-page-"));
  file = join(directory, "ml.html");
  const sweeps = ["--sweep", "memory=1g..4g:4", "--sweep", "cores=2..4:2", "--seeds", "8"];
  const { code } = await start([...SMALL, "--workload", "iterative-ml", ...sweeps, "--html", file]).ended;
  expect(code).toBe(0);
  browser = await openBrowser();
  if (typeof browser === "string") console.log(`page tests skipped: ${browser}`);
});

afterAll(async () => {
  if (typeof browser !== "string") await browser.close();
  rmSync(directory, { recursive: true });
});

interface Raw {
  readonly points: readonly {
    readonly policies: readonly {
      policy: string;
      metrics: Record<string, { mean: number; low: number; high: number }>;
    }[];
  }[];
  readonly rows: readonly object[];
}

const raw = (): Raw => JSON.parse(readFileSync(join(directory, "ml.json"), "utf8")) as Raw;

const canvas = (page: Page) => page.$eval("canvas", (each) => each.toDataURL());

test.for(EVERYWHERE)("%s, %o: every policy has its dot and interval", async ([scheme, screen], { skip }) => {
  if (typeof browser === "string") return skip(browser);
  const { page, trouble } = await visit(browser, file, screen, scheme);
  const drawn = await page.$$eval("details[open] .figure", (figures) =>
    figures.map((figure) => ({
      title: figure.querySelector("h3")!.textContent,
      at: [...figure.querySelectorAll("svg")].map((svg) => {
        const width = svg.getBoundingClientRect().width;
        const [low, high] = ["x1", "x2"].map((end) => parseFloat(svg.querySelector(".interval")!.getAttribute(end)!));
        return { width, low, high, mean: parseFloat(svg.querySelector("circle")!.getAttribute("cx")!) };
      }),
    })),
  );
  const makespan = drawn.find(({ title }) => title === "makespan")!.at;
  const figures = raw().points[0]!.policies.map(({ metrics }) => metrics["makespanUs"]!);
  const [least, most] = [Math.min(...figures.map((f) => f.low)), Math.max(...figures.map((f) => f.high))];
  expect(makespan).toHaveLength(2);
  makespan.forEach(({ width, ...at }, i) => {
    expect(width).toBeGreaterThan(100);
    for (const end of ["low", "mean", "high"] as const)
      expect(at[end]).toBeCloseTo(2 + ((figures[i]![end] - least) / (most - least)) * 96, 1);
  });
  expect(await coloursDrawn(page)).toEqual([expect.toSatisfy((colours: number) => colours > 10)]);
  expect(await page.$$eval("#places ~ details", (all) => all.length)).toBe(8);
  expect(await overflow(page)).toBeLessThanOrEqual(0);
  expect(trouble).toEqual([]);
  await page.close();
});

test("curves follow what is chosen, and keys tell each place", async ({ skip }) => {
  if (typeof browser === "string") return skip(browser);
  const { page, trouble } = await visit(browser, file, LAPTOP, "light");
  const readout = page.locator("output:has(+ #curves)");
  const first = await canvas(page);
  await page.focus("#curves");
  await page.keyboard.press("Home");
  expect(await readout.textContent()).toMatch(/^memory 1 GiB · makespan: unified .* s.* · static .* s/);
  await page.keyboard.press("End");
  expect(await readout.textContent()).toMatch(/^memory 4 GiB · /);
  await page.locator("#curves").blur();
  await page.selectOption("#figure", { label: "peak memory" });
  const peaks = await canvas(page);
  expect(peaks).not.toBe(first);
  await page.focus("#curves");
  await page.keyboard.press("Home");
  expect(await readout.textContent()).toMatch(/peak memory: unified .*iB.* · static .*iB/);
  await page.locator("#curves").blur();
  await page.selectOption("select[data-key=cores]", "4");
  expect(await canvas(page)).not.toBe(peaks);
  expect(trouble).toEqual([]);
  await page.close();
});

test("what is saved holds every figure, and every run lies beside the page", async ({ skip }) => {
  if (typeof browser === "string") return skip(browser);
  const { page } = await visit(browser, file, LAPTOP, "light");
  const [download] = await Promise.all([page.waitForEvent("download"), page.click("#save")]);
  expect(download.suggestedFilename()).toBe("ml-drawn.json");
  const saved = JSON.parse(readFileSync(await download.path(), "utf8")) as PoliciesData;
  const { points, rows } = raw();
  expect(rows).toHaveLength(2 * 8 * 8);
  points.forEach(({ policies }, place) =>
    saved.figures.forEach(({ metric }, figure) =>
      policies.forEach(({ metrics }, policy) => {
        const [mean, low, high] = saved.points[place]!.ranges[figure]![policy]!;
        const is = metrics[metric]!;
        for (const [a, b] of [
          [mean, is.mean],
          [low, is.low],
          [high, is.high],
        ] as const)
          expect(Math.abs(a - b)).toBeLessThanOrEqual(1e-6 * Math.abs(b));
      }),
    ),
  );
  const link = await page.$eval(".card a", (a) => (a as HTMLAnchorElement).href);
  expect(fileURLToPath(link)).toBe(join(directory, "ml.json"));
  await page.close();
});

test("one place without a sweep has no curves; what cannot be written is refused", async ({ skip }) => {
  const alone = join(directory, "etl.html");
  const etl = [...SMALL, "--workload", "etl", "--seeds", "3"];
  expect(await start([...etl, "--html", alone]).ended).toMatchObject({ code: 0 });
  expect(await start([...etl, "--html", join(directory, "no", "x.html")]).ended).toMatchObject({
    code: 2,
    err: expect.stringContaining("simulate: --html") as string,
  });
  expect(await start([...etl, "--html", join(directory, "x.json")]).ended).toMatchObject({
    code: 2,
    err: expect.stringContaining("needs another name") as string,
  });
  expect(existsSync(join(directory, "x.json"))).toBe(false);
  if (typeof browser === "string") return skip(browser);
  const { page, trouble } = await visit(browser, alone, LAPTOP, "dark");
  expect(await page.$$("canvas")).toHaveLength(0);
  expect(await page.textContent("h1")).toBe(
    "Too few seeds to tell whether any policy is faster or slower than unified on etl.",
  );
  expect(await page.$$eval(".figure", (all) => all.length)).toBeGreaterThan(3);
  expect(trouble).toEqual([]);
  await page.close();
});
