// The page of a real study in a real browser: what is drawn, in both themes and on two screens, and that it asks nobody for
// anything. The table's name and its columns try to break out of the page.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { start } from "../study/program.js";
import { coloursDrawn, LAPTOP, openBrowser, PHONE, visit } from "./browser.js";

const KEY = "</script><script>document.title='broken'</script>";
const NAME = `<img src=x onerror="document.title='broken'">&amp;.csv`;

let directory = "";
let browser: Browser | string = "";

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "study-page-"));
  const input = join(directory, NAME.replaceAll("/", ""));
  const rows = Array.from({ length: 20_000 }, (_, i) => `${(i * 7919) % 20_011},row ${i}`);
  writeFileSync(input, `"${KEY}",v\n${rows.join("\n")}\n`);
  const study = ["study", "--input", input, "--key", KEY, "--memory", "256k", "--page-size", "16k", "--rounds", "4"];
  const { code, err } = await start([...study, "--dir", directory, "--out", directory]).ended;
  expect({ code, err }).toMatchObject({ code: 0 });
  browser = await openBrowser();
  if (typeof browser === "string") console.log(`page tests skipped: ${browser}`);
});

afterAll(async () => {
  if (typeof browser !== "string") await browser.close();
  rmSync(directory, { recursive: true });
});

const open = (to: Browser, screen: typeof LAPTOP, scheme: "light" | "dark") =>
  visit(to, join(directory, "study.html"), screen, scheme);

test.for([
  ["light", LAPTOP],
  ["dark", LAPTOP],
  ["light", PHONE],
  ["dark", PHONE],
] as const)("%s, %o", async ([scheme, screen], { skip }) => {
  if (typeof browser === "string") return skip(browser);
  const { page, trouble } = await open(browser, screen, scheme);
  expect(await coloursDrawn(page)).toEqual(Array(4).fill(expect.toSatisfy((colours: number) => colours > 10)));
  expect(await page.title()).toMatch(/^(Off|On)-heap sorts \d+\.\d\d times as fast as (on|off)-heap\.$/);
  expect(await page.textContent(".lead")).toContain(KEY);
  expect(await page.textContent(".lead")).toContain("onerror");
  expect(await page.$$eval("#comparison-table tbody tr", (rows) => rows.length)).toBeGreaterThan(20);
  expect(await page.$$eval("#comparison-table tbody tr td", (cells) => cells.every((c) => c.textContent !== ""))).toBe(
    true,
  );
  expect(await page.$$eval(".strip circle", (dots) => dots.length)).toBe(8);
  expect(await page.$$eval("details tbody tr", (rows) => rows.length)).toBe(8);
  expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0);
  expect(trouble).toEqual([]);
  await page.close();
});

test("the theme can be switched, and the charts follow", async ({ skip }) => {
  if (typeof browser === "string") return skip(browser);
  const { page, trouble } = await open(browser, LAPTOP, "light");
  const seen = () =>
    page.evaluate(() => [
      getComputedStyle(document.body).backgroundColor,
      document.querySelector("canvas")!.toDataURL(),
      document.getElementById("theme")!.getAttribute("aria-pressed"),
    ]);
  const light = await seen();
  await page.click("#theme");
  const dark = await seen();
  await page.click("#theme");
  expect(await seen()).toEqual(light);
  expect([light[2], dark[2]]).toEqual(["false", "true"]);
  expect(dark[0]).not.toBe(light[0]);
  expect(dark[1]).not.toBe(light[1]);
  expect(trouble).toEqual([]);
  await page.close();
});

test("mouse and arrow keys tell the values", async ({ skip }) => {
  if (typeof browser === "string") return skip(browser);
  const { page, trouble } = await open(browser, LAPTOP, "light");
  for (const [chart, told] of [
    ["#pools-0", /ms · execution uses .* of .*iB · storage/],
    ["#pools-1", /ms · execution uses .* of .*iB · storage/],
    ["#acquires", /on-heap \d+ · off-heap \d+ acquires/],
  ] as const) {
    const readout = page.locator(`output:has(+ ${chart})`);
    const rest = await readout.textContent();
    await page.focus(chart);
    await page.keyboard.press("ArrowRight");
    const first = await readout.textContent();
    expect(first).toMatch(told);
    await page.keyboard.press("End");
    expect(await readout.textContent()).not.toBe(first);
    await page.locator(chart).blur();
    expect(await readout.textContent()).toBe(rest);
    await page.hover(`${chart} .u-over`);
    expect(await readout.textContent()).toMatch(told);
    await page.mouse.move(0, 0);
  }
  expect(trouble).toEqual([]);
  await page.close();
});

test("the figures can be saved", async ({ skip }) => {
  if (typeof browser === "string") return skip(browser);
  const { page } = await open(browser, LAPTOP, "light");
  const [download] = await Promise.all([page.waitForEvent("download"), page.click("#save")]);
  expect(download.suggestedFilename()).toBe("study.json");
  await page.close();
});
