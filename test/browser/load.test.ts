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
const PAGE =
  "<!doctype html><title>A page</title><link rel=icon href=data:,><script type=module src=/index.js></script>";
const FILES: Record<string, string | Buffer> = { "/": PAGE, "/isolated": PAGE };
for (const name of ["program.js", "crew.js", "hand.js"])
  FILES[`/${name}`] = readFileSync(join(ROOT, "test/browser", name));
// What makes a page cross-origin isolated, and lets its workers in.
const ISOLATED = { "cross-origin-opener-policy": "same-origin", "cross-origin-embedder-policy": "require-corp" };

let server: Server;
let browser: Browser | null = null;
let noBrowser = "";

beforeAll(async () => {
  build();
  server = createServer((request, response) => {
    const path = normalize(new URL(request.url!, "http://page").pathname);
    try {
      const body = FILES[path] ?? readFileSync(join(ROOT, "dist", path));
      const isolated = path === "/isolated" || path === "/hand.js" ? ISOLATED : {};
      response.writeHead(200, { "content-type": TYPES[extname(path)] ?? "text/html", ...isolated }).end(body);
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

/** What a program answers in a fresh page, and everything that the page complained of. */
async function inPage(path: string, program: string): Promise<{ facts: unknown; complaints: string[] }> {
  const page = await browser!.newPage();
  const complaints: string[] = [];
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("console", (message) => complaints.push(message.text()));
  page.on("response", (response) => {
    if (!response.ok()) complaints.push(`${response.status()} ${response.url()}`);
  });
  try {
    await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`);
    const facts: unknown = await page.evaluate(program);
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
  const program = `import("/program.js").then(({ work }) => work(${JSON.stringify(conf)}))`;
  const { facts, complaints } = await inPage("/", program);
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

const share = `import("/crew.js").then(({ share }) => share())`;

test("an isolated page shares its memory with workers, sleeps, wakes and buries", async (context) => {
  if (browser === null) return context.skip(noBrowser);
  const { facts, complaints } = await inPage("/isolated", share);
  expect(complaints).toEqual([]);
  expect(facts).toEqual({
    isolated: true,
    first: [30 * MIB, 30 * MIB],
    // Of three tasks.
    rest: Math.floor((100 * MIB) / 3),
    asleep: 1,
    woken: 20 * MIB,
    awaited: 25 * MIB,
    pages: 300,
    torn: 0,
    estate: { execution: 30 * MIB, storage: 0 },
    left: 0,
    lawsBroken: [],
  });
});

test("a plain page is told why it cannot share", async (context) => {
  if (browser === null) return context.skip(noBrowser);
  const { facts, complaints } = await inPage("/", share);
  expect(complaints).toEqual([]);
  expect(facts).toEqual({
    isolated: false,
    error: "AccountsError",
    reason: "host",
    message:
      "the page is not cross-origin isolated, so that its workers cannot share memory: openExecutor serves one thread",
  });
});
