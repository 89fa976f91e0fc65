// What is left when a process ends, by every way out there is, and what the next one does about it.

import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { filesBelow } from "./files.js";
import { newHomeName } from "../../src/spill/home.js";
import { nodeFileSystem, openSpillStore } from "../../src/spill/index.js";
import { isGone, thisProcess, type Owner } from "../../src/spill/owner.js";
import { someBytes, writeRun } from "./contract.js";

let directory = "";
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "spill-life-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

const CHILD = join(dirname(fileURLToPath(import.meta.url)), "child.ts");
const windows = process.platform === "win32";

interface Ended {
  readonly code: number | null;
  readonly signal: string | null;
  /** Files it had when it said that it was ready. */
  readonly had: number;
}

/** Runs the child to its end; `whenReady` is called while it lives. */
function child(end: string, whenReady: (kill: (signal: NodeJS.Signals) => void) => void = () => {}): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const started = spawn(process.execPath, ["--import", "tsx", CHILD, directory, end], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    let had = 0;
    let words = "";
    started.stderr.on("data", (text) => (words += String(text)));
    started.stdout.on("data", () => {
      had = files().length;
      whenReady((signal) => started.kill(signal));
    });
    started.on("error", reject);
    started.on("exit", (code, signal) => {
      if (code === 1 && !words.includes("un")) reject(new Error(words));
      resolve({ code, signal, had });
    });
  });
}

function files(): string[] {
  return filesBelow(directory);
}

describe("a process that ends by itself leaves nothing", () => {
  it.each([
    ["returns", "return", 0],
    ["calls process.exit", "exit", 3],
    ["throws and nobody catches", "throw", 1],
    ["rejects and nobody handles", "reject", 1],
  ])("when it %s", async (_, end, code) => {
    expect(await child(end)).toMatchObject({ code, signal: null });
    expect(readdirSync(directory)).toEqual([]);
  });
});

describe.skipIf(windows)("a process that is ended by a signal (skipped on Windows, which has none)", () => {
  it("SIGKILL leaves its directory, which no store touches while it lives and the next one removes", async () => {
    const ended = await child("wait", (kill) => {
      const beside = openSpillStore({ directory });
      expect(beside.leftovers).toEqual({ removed: 0, kept: 0 });
      writeRun(beside, [someBytes(10, 1)]);
      beside.close();
      expect(files()).toHaveLength(2);
      kill("SIGKILL");
    });
    expect(ended).toMatchObject({ signal: "SIGKILL", had: 2 });
    expect(files()).toHaveLength(2);
    const store = openSpillStore({ directory });
    expect(store.leftovers).toEqual({ removed: 1, kept: 0 });
    expect(readdirSync(directory)).toEqual([]);
    store.close();
  });

  it("SIGTERM without a listener does the same: the embedder's signals are its own", async () => {
    expect(await child("wait", (kill) => kill("SIGTERM"))).toMatchObject({ signal: "SIGTERM", had: 2 });
    expect(files()).toHaveLength(2);
    openSpillStore({ directory }).close();
    expect(readdirSync(directory)).toEqual([]);
  });

  it.each(["SIGTERM", "SIGINT"] as const)("%s leaves nothing when it was asked for", async (signal) => {
    expect(await child("signals", (kill) => kill(signal))).toMatchObject({ code: null, signal, had: 2 });
    expect(readdirSync(directory)).toEqual([]);
  });

  it("another listener decides, and nothing is left when it exits", async () => {
    expect(await child("own listener", (kill) => kill("SIGTERM"))).toMatchObject({ code: 7, signal: null, had: 2 });
    expect(readdirSync(directory)).toEqual([]);
  });
});

/** A directory with a spill file in it, as `owner` would have left it. */
const leave = (owner: Owner, changedMs = Date.now()): string => {
  const name = newHomeName(owner);
  mkdirSync(join(directory, name));
  writeFileSync(join(directory, name, `${"0".repeat(32)}.run`), "x");
  utimesSync(join(directory, name), changedMs / 1000, changedMs / 1000);
  return name;
};
const me = thisProcess();
const remains = (): string[] => {
  openSpillStore({ directory }).close();
  return readdirSync(directory);
};

describe("leftovers", () => {
  it("of this process are its own", () => {
    expect(remains()).toEqual([]);
    const mine = leave(me);
    expect(remains()).toEqual([mine]);
  });

  it.skipIf(me.start === 0)(
    "of a pid that has been given out again go (skipped where the system tells no start)",
    () => {
      leave({ ...me, start: me.start - 1 });
      leave({ ...me, pid: process.ppid, start: 1e15 });
      expect(remains()).toEqual([]);
    },
  );

  it("of other machines and other pid namespaces stay", () => {
    const names = [
      leave({ ...me, machine: "12345678", pid: 2 ** 22 + 1 }),
      leave({ ...me, space: "12345678", pid: 2 ** 22 + 1 }),
    ];
    expect(remains().sort()).toEqual(names.sort());
  });

  it("of an earlier boot go, unless they changed since this one", () => {
    const before = { ...me, boot: me.boot === "0" ? "0" : "12345678" };
    const young = leave(before);
    leave(before, 1000);
    if (me.boot === "0") expect(remains()).toHaveLength(2);
    else expect(remains()).toEqual([young]);
  });

  it("that hold what is not ours stay and are counted", () => {
    const name = leave({ ...me, pid: 2 ** 22 + 1 });
    writeFileSync(join(directory, name, "letter.txt"), "dear all");
    const store = openSpillStore({ directory });
    expect(store.leftovers).toEqual({ removed: 0, kept: 1 });
    expect(files()).toEqual(["letter.txt"]);
    store.close();
  });

  it.skipIf(windows)("are never looked for behind a link (skipped on Windows)", () => {
    const treasure = join(directory, "treasure");
    mkdirSync(treasure);
    writeFileSync(join(treasure, `${"0".repeat(32)}.run`), "gold");
    symlinkSync(treasure, join(directory, newHomeName({ ...me, pid: 2 ** 22 + 1 })));
    const store = openSpillStore({ directory });
    expect(store.leftovers).toEqual({ removed: 0, kept: 0 });
    expect(files()).toHaveLength(1);
    store.close();
  });

  it("that resist do not keep a store from opening", () => {
    const dead = { ...me, pid: 2 ** 22 + 1 };
    for (const call of ["lstatSync", "unlinkSync", "rmdirSync"] as const) {
      leave(dead);
      let fired = 0;
      const fileSystem = {
        ...nodeFileSystem,
        [call]: () => {
          fired += 1;
          throw Object.assign(new Error("EACCES: injected"), { code: "EACCES" });
        },
      };
      const store = openSpillStore({ directory, fileSystem });
      expect(fired).toBe(1);
      expect(store.leftovers).toEqual({ removed: 0, kept: 1 });
      store.close();
      expect(remains()).toEqual([]);
    }
  });

  it("are judged by the process, not by its number alone", () => {
    expect(isGone(me, Date.now())).toBe(false);
    expect(isGone({ ...me, pid: 2 ** 22 + 1 }, Date.now())).toBe(true);
    expect(isGone({ ...me, pid: process.ppid, start: 0 }, Date.now())).toBe(false);
  });
});

it("a process has the exit hook only while a store is open", () => {
  const before = process.listenerCount("exit");
  const stores = [openSpillStore({ directory }), openSpillStore({ directory })];
  expect(process.listenerCount("exit")).toBe(before + 1);
  for (const store of stores) store.close();
  expect(process.listenerCount("exit")).toBe(before);
  expect(process.listenerCount("SIGTERM") + process.listenerCount("SIGHUP")).toBe(0);
});
