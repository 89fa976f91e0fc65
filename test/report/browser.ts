// A headless Chromium for tests: the one that comes with the development tools, else one of the system.

import { pathToFileURL } from "node:url";
import chromium from "@sparticuz/chromium";
import { type Browser, chromium as launcher, type Page } from "playwright-core";

/** The browser, or why there is none. */
export async function openBrowser(): Promise<Browser | string> {
  const reasons: string[] = [];
  for (const path of [
    () => chromium.executablePath(),
    () => "/usr/bin/chromium",
    () => "/usr/bin/chromium-headless-shell",
  ]) {
    try {
      return await launcher.launch({ executablePath: await path(), args: ["--no-sandbox"] });
    } catch (error) {
      reasons.push((error as Error).message.split("\n")[0]!);
    }
  }
  return `no headless Chromium starts here: ${reasons.join("; ")}`;
}

export const LAPTOP = { width: 1280, height: 800 };
export const PHONE = { width: 390, height: 844 };
export const EVERYWHERE = [
  ["light", LAPTOP],
  ["dark", LAPTOP],
  ["light", PHONE],
  ["dark", PHONE],
] as const;

/** Opens a page from its file and collects everything that should not happen. */
export async function visit(
  to: Browser,
  file: string,
  screen: { readonly width: number; readonly height: number },
  colorScheme: "light" | "dark",
) {
  const page = await to.newPage({ viewport: screen, colorScheme });
  const trouble: string[] = [];
  const url = pathToFileURL(file).href;
  page.on("console", (message) => trouble.push(message.text()));
  page.on("pageerror", (error) => trouble.push(error.message));
  page.on("request", (request) => {
    if (request.url() !== url && !/^(?:data|blob):/.test(request.url())) trouble.push(request.url());
  });
  await page.goto(url);
  await page.waitForSelector("html[data-drawn]");
  return { page, trouble };
}

/** Number of different colours on every canvas of the page, or of those that are named. */
export function coloursDrawn(page: Page, which: string = "canvas"): Promise<number[]> {
  return page.$$eval(which, (found) =>
    (found as HTMLCanvasElement[]).map((canvas) => {
      const { data } = canvas.getContext("2d")!.getImageData(0, 0, canvas.width, canvas.height);
      return new Set(new Uint32Array(data.buffer)).size;
    }),
  );
}

/** How far the page is wider than the screen. */
export function overflow(page: Page): Promise<number> {
  return page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
}
