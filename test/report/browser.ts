// A headless Chromium for tests: the one that comes with the development tools, else one of the system.

import chromium from "@sparticuz/chromium";
import { type Browser, chromium as launcher } from "playwright-core";

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
