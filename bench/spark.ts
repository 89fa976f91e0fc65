// Real Spark as a contender: a process that does one round when it is asked for one (bench/peers/spark). Where there is no JDK
// or no Maven the peer is absent, with the reason.

import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

import type { Absent, Contender, Reading, Settings } from "./harness.js";

/** The folder of the repository: the nearest one above this file that has the peers. */
export function repository(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, "bench", "peers", "package.json"))) {
    const above = dirname(folder);
    if (above === folder) throw new Error("the benches run from a checkout of the repository");
    folder = above;
  }
  return folder;
}

/** How the JVM's heap is made (run.mjs says why it matters): as the anchors were taken, or smaller and touched beforehand. */
export type Heap = "anchor" | "pre-touched";

/** Contenders of one item of `SparkPeer.java`, one for each version that is wanted. */
export function spark(
  settings: Settings,
  item: string,
  parameters: Readonly<Record<string, string | number | boolean>>,
  heap: Heap = "anchor",
): (() => Promise<Contender | Absent>)[] {
  const given = Object.entries(parameters).map(([name, value]) => `${name}=${value}`);
  const driver = join(repository(), "bench", "peers", "spark", "run.mjs");
  return settings.sparks.map((version) => {
    const flags = ["--spark", version];
    if (!settings.install) flags.push("--prepared");
    if (heap === "pre-touched") flags.push("--pre-touched");
    const name = heap === "anchor" ? "spark" : "spark, heap pre-touched";
    return () => linePeer(name, version, process.execPath, [driver, ...flags, item, ...given], settings);
  });
}

/** The same under both heaps, for items that make so much garbage that the heap decides the ratio. A quick answer has one. */
export function sparkOnBothHeaps(
  settings: Settings,
  item: string,
  parameters: Readonly<Record<string, string | number | boolean>>,
): (() => Promise<Contender | Absent>)[] {
  const heaps: readonly Heap[] = settings.scale === "quick" ? ["anchor"] : ["anchor", "pre-touched"];
  return heaps.flatMap((heap) => spark(settings, item, parameters, heap));
}

type Answer = Record<string, unknown>;

/** A peer in a process of its own: `warm SECONDS` or `round SECONDS` in, one JSON object a line out. */
export async function linePeer(
  name: string,
  version: string,
  command: string,
  args: readonly string[],
  settings: Settings,
): Promise<Contender | Absent> {
  const child = spawn(command, args, { stdio: ["pipe", "pipe", "inherit"] });
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  child.stdin.on("error", () => {}); // it has ended: the missing answer says so
  const failed = new Promise<never>((_, reject) => child.once("error", reject));
  failed.catch(() => {});

  const next = async (): Promise<Answer> => {
    const line = await Promise.race([lines.next(), failed]);
    if (line.done === true) throw new Error(`the peer ${name} ${version} ended without an answer`);
    const answer = JSON.parse(line.value) as Answer;
    if (typeof answer["error"] === "string") throw new Error(`the peer ${name} ${version} failed: ${answer["error"]}`);
    return answer;
  };
  const ask = (verb: string, ms: number): Promise<Answer> => {
    child.stdin.write(`${verb} ${ms / 1000}\n`);
    return next();
  };

  const hello = await next();
  if (typeof hello["absent"] === "string") {
    await ended;
    return { absent: hello["absent"] };
  }
  return {
    name,
    version,
    async warm() {
      await ask("warm", settings.peerWarmMs);
    },
    async round() {
      return reading(await ask("round", settings.roundMs));
    },
    async close() {
      child.stdin.end();
      await ended;
    },
  };
}

function reading(answer: Answer): Reading {
  const { ops, seconds, hash, ...more } = answer;
  return {
    ops: ops as number,
    seconds: seconds as number,
    hash: hash === null ? null : Number.parseInt(hash as string, 16) | 0,
    more: more as Record<string, number>,
  };
}
