// The page of a trace decided again in a real browser: bars as long as their figures, pools of every policy with the line where it
// parts, one zoom for all, and the trace beside it. The trace's name tries to break out of the page.

import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { RedecidedData } from "../../src/report/redecided/data.js";
import { start } from "../study/program.js";
import { coloursDrawn, EVERYWHERE, LAPTOP, openBrowser, overflow, visit } from "./browser.js";

const NAME = `<img src=x onerror="document.title='broken'">&.jsonl.gz`;
const POLICIES = ["unified", "static", "none"];

let directory = "";
let file = "";
let data: RedecidedData;
let browser: Browser | string = "";

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "redecided-page-"));
  file = join(directory, "page.html");
  const trace = join(directory, NAME);
  copyFileSync(new URL("../golden/4.1.1-consumers-1.jsonl.gz", import.meta.url), trace);
  const args = ["simulate", "--trace", trace, "--policies", POLICIES.join(",")];
  expect(await start([...args, "--html", file]).ended).toMatchObject({ code: 0, err: "" });
  data = JSON.parse(/id="data">(.*?)<\/script>/.exec(readFileSync(file, "utf8"))![1]!) as RedecidedData;
  browser = await openBrowser();
  if (typeof browser === "string") console.log(`page tests skipped: ${browser}`);
});

afterAll(async () => {
  if (typeof browser !== "string") await browser.close();
  rmSync(directory, { recursive: true });
});

/** Whether a column of a drawing has the colour of that name at the place of a row. */
function hasInk(page: Page, id: string, row: number, ink: string): Promise<boolean> {
  return page.evaluate(
    ([chart, part, name]) => {
      const box = document.getElementById(chart)!;
      const canvas = box.querySelector("canvas")!;
      const over = box.querySelector(".u-over")!.getBoundingClientRect();
      const x = over.x - canvas.getBoundingClientRect().x + part * over.width;
      const probe = document.body.appendChild(document.createElement("i"));
      probe.style.color = `var(--${name})`;
      const wanted = getComputedStyle(probe).color.match(/\d+/g)!.map(Number);
      probe.remove();
      const at = Math.round(x * devicePixelRatio) - 2;
      const { data: pixels } = canvas.getContext("2d")!.getImageData(at, 0, 5, canvas.height);
      for (let i = 0; i < pixels.length; i += 4)
        if (wanted.every((value, c) => Math.abs(value - pixels[i + c]!) < 3)) return true;
      return false;
    },
    [id, row / data.rows, ink] as const,
  );
}

test.for(EVERYWHERE)(
  "%s, %o: every policy has its bars, its pools and where it parts",
  async ([scheme, screen], { skip }) => {
    if (typeof browser === "string") return skip(browser);
    const { page, trouble } = await visit(browser, file, screen, scheme);
    const figures = await page.$$eval(".figure", (all) =>
      all.map((figure) => ({
        title: figure.querySelector("h3")!.textContent,
        parts: [...figure.querySelectorAll("svg")].map(
          (svg) => svg.querySelector("rect")!.getBoundingClientRect().width / svg.getBoundingClientRect().width,
        ),
      })),
    );
    const of = (title: string) => figures.find((figure) => figure.title === title)!.parts;
    const spills = data.outcomes.map((outcome) => outcome.spills);
    of("spills").forEach((part, i) => expect(part).toBeCloseTo(spills[i]! / Math.max(...spills), 2));
    expect(of("granted")).toHaveLength(1 + POLICIES.length);
    const charts = data.pools.flatMap((all, column) =>
      all.map((_, mode) => [column, `pools-${column}-${mode}`] as const),
    );
    expect(charts).toHaveLength(2 * (1 + POLICIES.length));
    expect(await coloursDrawn(page)).toEqual(
      charts.map(() => expect.toSatisfy((colours: number) => colours > 10) as number),
    );
    // Before canvases are read a second time, of which the browser warns.
    expect(trouble).toEqual([]);
    for (const [column, id] of charts) {
      const { parts } = data.outcomes[column]!;
      expect(await hasInk(page, id, parts?.row ?? 700, "spill"), id).toBe(parts !== null);
    }
    expect(await overflow(page)).toBeLessThanOrEqual(0);
    expect(await page.title()).toContain(NAME);
    await page.close();
  },
);

test("one zoom is for all, and keys tell the pools of a policy", async ({ skip }) => {
  if (typeof browser === "string") return skip(browser);
  const { page, trouble } = await visit(browser, file, LAPTOP, "light");
  const readout = page.locator("output:has(+ #pools-2-0)");
  const look = (id: string) => page.$eval(`#${id} canvas`, (canvas) => (canvas as HTMLCanvasElement).toDataURL());
  const before = [await look("pools-0-0"), await look("pools-3-1")];
  await page.focus("#pools-2-0");
  await page.keyboard.press("End");
  expect(await readout.textContent()).toMatch(/^row 1,504 · execution uses .*B of .*B · storage .*B of .*B$/);
  await page.keyboard.press("+");
  await expect.poll(() => page.textContent(".zoom .rows")).not.toBe("rows 0 to 1,504");
  expect(await look("pools-0-0")).not.toBe(before[0]);
  expect(await look("pools-3-1")).not.toBe(before[1]);
  await page.click("button[data-zoom=all]");
  expect(await page.textContent(".zoom .rows")).toBe("rows 0 to 1,504");
  expect(trouble).toEqual([]);
  await page.close();
});

test("what is saved reaches as far as the figures say, and the trace lies beside the page", async ({ skip }) => {
  if (typeof browser === "string") return skip(browser);
  const { page } = await visit(browser, file, LAPTOP, "light");
  const [download] = await Promise.all([page.waitForEvent("download"), page.click("#save")]);
  const saved = JSON.parse(readFileSync(await download.path(), "utf8")) as RedecidedData;
  expect(saved).toEqual(data);
  saved.outcomes.forEach(({ label, peakExecution }, column) => {
    const most = saved.pools[column]!.map(({ executionUsed }) => Math.max(...executionUsed));
    // Of both modes together at one row, so at most the sum of what each reached.
    expect(
      most.reduce((sum, each) => sum + each, 0),
      label,
    ).toBeGreaterThanOrEqual(peakExecution);
    for (const each of most) expect(each, label).toBeLessThanOrEqual(peakExecution);
  });
  const link = await page.$eval(".card a", (a) => (a as HTMLAnchorElement).href);
  expect(existsSync(fileURLToPath(link))).toBe(true);
  await page.close();
});

test("a trace that lies elsewhere is put beside its page; a page that cannot be written leaves nothing", async () => {
  const trace = fileURLToPath(new URL("../golden/4.1.1-pages-1.jsonl.gz", import.meta.url));
  const args = ["simulate", "--trace", trace, "--policies", "fair", "--html"];
  const other = join(directory, "other");
  mkdirSync(other);
  expect(await start([...args, join(other, "p.html")]).ended).toMatchObject({ code: 0 });
  expect(readdirSync(other).sort((a, b) => a.localeCompare(b))).toEqual(["p.4.1.1-pages-1.jsonl.gz", "p.html"]);
  expect(await start([...args, join(other, "no", "x.html")]).ended).toMatchObject({
    code: 2,
    err: expect.stringContaining("--html") as string,
  });
  expect(readdirSync(other)).toHaveLength(2);
});
