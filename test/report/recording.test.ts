// The page of a recording in a real browser: what is drawn and where, what is told, zooming by mouse, key and button, and that
// what it offers for download holds the extremes of every row. The recording's name tries to break out of the page.

import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { RecordingData } from "../../src/report/recording/data.js";
import { start } from "../study/program.js";
import { coloursDrawn, EVERYWHERE, LAPTOP, openBrowser, overflow, PHONE, visit } from "./browser.js";

const NAME = `<img src=x onerror="document.title='broken'">&.causes`;

let directory = "";
let recording = "";
let file = "";
let data: RecordingData;
let browser: Browser | string = "";

async function program(...args: string[]) {
  const { code, err, out } = await start(args).ended;
  expect({ code, err }).toEqual({ code: 0, err: "" });
  return out;
}

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "recording-page-"));
  recording = join(directory, NAME);
  file = join(directory, "run.html");
  await program("record", "--profile", "consumers", "--seed", "7", "--rows", "12000", "--why", "--out", recording);
  const told = await program("explain", recording, "--html", file);
  expect(told).toMatch(/run\.html: 12,0\d\d requests: [\d,]+ spills, [\d,]+ evictions/);
  data = JSON.parse(/id="data">(.*?)<\/script>/.exec(readFileSync(file, "utf8"))![1]!) as RecordingData;
  browser = await openBrowser();
  if (typeof browser === "string") console.log(`page tests skipped: ${browser}`);
});

afterAll(async () => {
  if (typeof browser !== "string") await browser.close();
  rmSync(directory, { recursive: true });
});

/** The largest event of a lane. */
function largest(lane: number): number {
  const all = data.events.row.map((_, i) => i).filter((i) => data.events.lane[i] === lane);
  return all.reduce((most, i) => (data.events.mostBytes[i]! > data.events.mostBytes[most]! ? i : most), all[0]!);
}

/** Where an event lies in the drawing of lanes, CSS pixels of the window. */
async function placeOf(page: Page, event: number): Promise<{ x: number; y: number }> {
  await page.locator("#lanes").scrollIntoViewIfNeeded();
  const over = (await page.locator("#lanes .u-over").boundingBox())!;
  const lane = over.height / data.lanes.length;
  // Where the parts of a lane end, at whose bottom even the lowest mark is drawn.
  const bottom = [10, 18, 25][data.events.kind[event]!]!;
  return {
    x: over.x + (data.events.row[event]! / data.rows) * over.width,
    y: over.y + data.events.lane[event]! * lane + bottom - 1,
  };
}

const rows = (page: Page) => page.textContent(".zoom .rows");

test.for(EVERYWHERE)("%s, %o: every lane and pool is drawn", async ([scheme, screen], { skip }) => {
  if (typeof browser === "string") return skip(browser);
  const { page, trouble } = await visit(browser, file, screen, scheme);
  expect(await coloursDrawn(page, ".pools canvas")).toEqual(
    Array(2).fill(expect.toSatisfy((colours: number) => colours > 10)),
  );
  expect(data.lanes).toHaveLength(13);
  expect(data.lanes.at(-1)).toMatch(/^\d+ others$/);
  const marks = [];
  for (let lane = 0; lane < data.lanes.length; lane += 1) {
    const event = largest(lane);
    marks.push({ ...(await placeOf(page, event)), ink: ["spill", "store", "wait"][data.events.kind[event]!]! });
  }
  const drawn = await page.evaluate((all) => {
    const canvas = document.querySelector<HTMLCanvasElement>("#lanes canvas")!;
    const box = canvas.getBoundingClientRect();
    const { data: pixels, width } = canvas.getContext("2d")!.getImageData(0, 0, canvas.width, canvas.height);
    return all.map(({ x, y, ink }) => {
      const probe = document.body.appendChild(document.createElement("i"));
      probe.style.color = `var(--${ink})`;
      const wanted = getComputedStyle(probe).color.match(/\d+/g)!.slice(0, 3).join();
      probe.remove();
      const at = Math.floor(y - box.y) * width + Math.floor(x - box.x);
      return [-2, -1, 0, 1, 2].some((by) => pixels.slice(4 * (at + by), 4 * (at + by) + 3).join() === wanted);
    });
  }, marks);
  expect(drawn).toEqual(marks.map(() => true));
  expect(await page.title()).toContain(NAME);
  expect(await overflow(page)).toBeLessThanOrEqual(0);
  expect(trouble).toEqual([]);
  await page.close();
});

test("what lies under the mouse is told in words, and arrow keys go from event to event", async ({ skip }) => {
  if (typeof browser === "string") return skip(browser);
  const { page, trouble } = await visit(browser, file, LAPTOP, "light");
  const readout = page.locator("output:has(+ #lanes)");
  const rest = await readout.textContent();
  const event = largest(0);
  const { x, y } = await placeOf(page, event);
  await page.mouse.move(x, y);
  expect(await readout.textContent()).toContain(data.told[event]!);
  expect(data.told[event]).toMatch(/^the \S+ of task \d+ spilled .* because /);
  await page.mouse.move(0, 0);
  expect(await readout.textContent()).toBe(rest);
  await page.focus("#lanes");
  const seen = new Set<string | null>();
  for (const key of ["Home", "ArrowRight", "ArrowRight", "End"]) {
    await page.keyboard.press(key);
    seen.add(await readout.textContent());
  }
  expect(seen.size).toBe(4);
  for (const each of seen) expect(each).toMatch(/row [\d,]+/);
  const pools = page.locator("output:has(+ #pools-0)");
  await page.focus("#pools-0");
  await page.keyboard.press("ArrowRight");
  expect(await pools.textContent()).toMatch(/^row \d+ · execution uses .*B of .*B · storage .*B of .*B/);
  expect(trouble).toEqual([]);
  await page.close();
});

test("drag, keys, buttons and a double click zoom all drawings together", async ({ skip }) => {
  if (typeof browser === "string") return skip(browser);
  const { page, trouble } = await visit(browser, file, LAPTOP, "light");
  const drawn = () => page.$$eval("canvas", (all) => all.map((canvas) => canvas.toDataURL()));
  const all = `rows 0 to ${data.rows.toLocaleString("en")}`;
  const whole = await drawn();
  expect(await rows(page)).toBe(all);
  await page.locator("#pools-0").scrollIntoViewIfNeeded();
  const over = (await page.locator("#pools-0 .u-over").boundingBox())!;
  const y = over.y + over.height / 2;
  await page.mouse.move(over.x + over.width / 4, y);
  await page.mouse.down();
  await page.mouse.move(over.x + over.width / 2, y, { steps: 5 });
  await page.mouse.up();
  const [, from, to] = /rows ([\d,]+) to ([\d,]+)/
    .exec((await rows(page))!)!
    .map((text) => Number(text.replaceAll(",", "")));
  expect(Math.abs(from! - data.rows / 4)).toBeLessThan(data.rows / 200);
  expect(Math.abs(to! - data.rows / 2)).toBeLessThan(data.rows / 200);
  const zoomed = await drawn();
  zoomed.forEach((picture, i) => expect(picture).not.toBe(whole[i]));
  await page.mouse.dblclick(over.x + over.width / 2, y);
  expect(await rows(page)).toBe(all);
  await page.mouse.move(0, 0);
  await page.focus("#lanes");
  await page.keyboard.press("+");
  expect(await rows(page)).toBe(
    `rows ${Math.ceil(data.rows / 4).toLocaleString("en")} to ${Math.floor((data.rows * 3) / 4).toLocaleString("en")}`,
  );
  await page.keyboard.press("Shift+ArrowRight");
  expect(await rows(page)).toBe(
    `rows ${Math.ceil(data.rows / 2).toLocaleString("en")} to ${data.rows.toLocaleString("en")}`,
  );
  await page.keyboard.press("0");
  expect(await rows(page)).toBe(all);
  for (let i = 0; i < 30; i += 1) await page.locator('[data-zoom="in"]').first().click();
  const [, least, most] = /rows ([\d,]+) to ([\d,]+)/
    .exec((await rows(page))!)!
    .map((text) => Number(text.replaceAll(",", "")));
  expect(most! - least!).toBeLessThanOrEqual(20);
  await page.locator('[data-zoom="all"]').last().click();
  expect(await rows(page)).toBe(all);
  await expect.poll(drawn).toEqual(whole);
  expect(trouble).toEqual([]);
  await page.close();
});

test("the theme can be switched, and the drawings follow", async ({ skip }) => {
  if (typeof browser === "string") return skip(browser);
  const { page } = await visit(browser, file, PHONE, "light");
  const drawn = () => page.$$eval("canvas", (all) => all.map((canvas) => canvas.toDataURL()));
  const light = await drawn();
  await page.click("#theme");
  (await drawn()).forEach((picture, i) => expect(picture).not.toBe(light[i]));
  await page.click("#theme");
  expect(await drawn()).toEqual(light);
  await page.close();
});

test("what is saved is what is drawn, and holds the extremes of every row", async ({ skip }) => {
  if (typeof browser === "string") return skip(browser);
  const { page } = await visit(browser, file, LAPTOP, "light");
  const [download] = await Promise.all([page.waitForEvent("download"), page.click("#save")]);
  expect(download.suggestedFilename()).toMatch(/-drawn\.json$/);
  const saved = JSON.parse(readFileSync(await download.path(), "utf8")) as RecordingData;
  expect(saved).toEqual(data);
  const exported = await program("export", recording);
  const states = exported
    .trimEnd()
    .split("\n")
    .slice(0, -1)
    .map((line) => (JSON.parse(line) as { state: Record<string, number[]> }).state);
  expect(saved.rows).toBe(states.length - 1);
  for (const { mode, row, executionSize, executionUsed, storageUsed } of saved.pools) {
    expect(row.length).toBeLessThan(states.length);
    [executionSize, executionUsed, null, storageUsed].forEach((column, cell) => {
      if (column === null) return;
      const every = states.map((state) => state[mode]![cell]!);
      expect([Math.min(...column), Math.max(...column)]).toEqual([Math.min(...every), Math.max(...every)]);
      row.forEach((i, at) => expect(column[at]).toBe(every[i]));
    });
  }
  const link = await page.$eval(".card a", (a) => (a as HTMLAnchorElement).href);
  expect(fileURLToPath(link)).toBe(recording);
  await page.close();
});

test("the tables say what explain says", async ({ skip }) => {
  if (typeof browser === "string") return skip(browser);
  const { page } = await visit(browser, file, LAPTOP, "light");
  const { counts, payments } = JSON.parse(await program("explain", recording, "--json")) as {
    counts: Record<string, number>;
    payments: { payer: unknown; spilledBytes: number }[];
  };
  const cells = (table: string) =>
    page.$$eval(`#${table} tbody tr`, (lines) => lines.map((line) => [...line.children].map((c) => c.textContent!)));
  const facts = new Map((await cells("facts-table")).map(([name, times]) => [name!, times!]));
  expect(facts.get("spills")).toBe(counts["spilled"]!.toLocaleString("en"));
  expect(facts.get("evictions")).toBe(counts["evicted"]!.toLocaleString("en"));
  const marks = (kind: number) =>
    data.events.count.reduce((sum, each, i) => sum + (data.events.kind[i] === kind ? each : 0), 0);
  expect([marks(0), marks(1)]).toEqual([counts["spilled"], counts["evicted"]]);
  const [first] = await cells("payments-table");
  expect(first![0]).toBe(`task ${String(payments[0]!.payer)}`);
  expect(first![2]).toBe(payments[0]!.spilledBytes.toLocaleString("en"));
  const matrix = await cells("matrix");
  expect(matrix).toHaveLength(13);
  expect(matrix.every((line) => line.length === 14)).toBe(true);
  await page.close();
});

test("a recording that lies elsewhere is put beside its page, and a page that cannot be written leaves nothing", async () => {
  const golden = fileURLToPath(new URL("../golden/4.1.1-mixed-1.jsonl.gz", import.meta.url));
  const other = mkdtempSync(join(directory, "other-"));
  await program("explain", golden, "--html", join(other, "golden.html"));
  expect(readFileSync(join(other, "golden.4.1.1-mixed-1.jsonl.gz"))).toEqual(readFileSync(golden));
  expect(readFileSync(join(other, "golden.html"), "utf8")).toContain('href="golden.4.1.1-mixed-1.jsonl.gz"');
  const nowhere = join(directory, "no", "such.html");
  expect(await start(["explain", golden, "--html", nowhere]).ended).toMatchObject({
    code: 2,
    err: expect.stringMatching(/explain: --html .*such\.html: ENOENT/) as string,
  });
  expect(existsSync(dirname(nowhere))).toBe(false);
  expect(await start(["explain", golden, "--html", other]).ended).toMatchObject({ code: 2 });
  expect(existsSync(other)).toBe(true);
  const self = await start(["explain", recording, "--html", recording]).ended;
  expect(self).toMatchObject({ code: 2, err: expect.stringContaining("is the recording itself") as string });
});
