// The main entry as a browser loads it: unbundled, from a plain page that is not cross-origin isolated and so has no shared
// memory. The same small program runs on heap pages and on the arena.

import chromium from "@sparticuz/chromium";
import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize } from "node:path";
import { type Browser, chromium as playwright } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { VERSION } from "../../src/generated/version.js";
import { OFF_HEAP, ON_HEAP } from "../../src/memory/mode.js";
import { build, ROOT } from "../house/built.js";

const TYPES: Record<string, string> = { ".js": "text/javascript", ".html": "text/html" };
const FILES: Record<string, string | Buffer> = {
  "/": "<!doctype html><title>A page</title><link rel=icon href=data:,><script type=module src=/index.js></script>",
  "/program.js": readFileSync(join(ROOT, "test/browser/program.js")),
};

let server: Server;
let browser: Browser | null = null;
let noBrowser = "";

beforeAll(async () => {
  build();
  server = createServer((request, response) => {
    const path = normalize(new URL(request.url!, "http://page").pathname);
    try {
      const body = FILES[path] ?? readFileSync(join(ROOT, "dist", path));
      response.writeHead(200, { "content-type": TYPES[extname(path)] ?? "text/html" }).end(body);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    browser = await playwright.launch({ executablePath: await chromium.executablePath(), args: ["--no-sandbox"] });
  } catch (error) {
    noBrowser = `no browser starts here: ${(error as Error).message.split("\n", 1)[0]}`;
    console.log(`test/browser is skipped, ${noBrowser}`);
  }
});

afterAll(async () => {
  await browser?.close();
  server.closeAllConnections();
  server.close();
});

/** What `work` of program.js answers in a fresh page, and everything that the page complained of. */
async function inPage(conf: Record<string, string>): Promise<{ facts: unknown; complaints: string[] }> {
  const page = await browser!.newPage();
  const complaints: string[] = [];
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("console", (message) => complaints.push(message.text()));
  page.on("response", (response) => {
    if (!response.ok()) complaints.push(`${response.status()} ${response.url()}`);
  });
  try {
    await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    const facts: unknown = await page.evaluate(
      `import("/program.js").then(({ work }) => work(${JSON.stringify(conf)}))`,
    );
    return { facts, complaints };
  } finally {
    await page.close();
  }
}

const MIB = 2 ** 20;

test.for([
  { where: "on heap pages", mode: ON_HEAP, conf: { "spark.executor.memory": "450m" }, spilled: 20 },
  {
    where: "on the arena",
    mode: OFF_HEAP,
    conf: { "spark.memory.offHeap.enabled": "true", "spark.memory.offHeap.size": "64m" },
    spilled: 20,
  },
])("a plain page spills, waits, writes and reads $where", async ({ mode, conf, spilled }, context) => {
  if (browser === null) return context.skip(noBrowser);
  const { facts, complaints } = await inPage(conf);
  expect(complaints).toEqual([]);
  expect(facts).toEqual({
    version: VERSION,
    isolated: false,
    sharedMemory: "undefined",
    mode,
    spills: [["first", "second", spilled]],
    damaged: 0,
    granted: MIB,
    leak: "",
    lawsBroken: [],
  });
});
