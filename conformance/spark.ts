// Real Spark as somebody who answers: one JVM that takes requests and gives them back with answers, file after file, until it
// is closed. Nothing is written to disk but what Spark itself spills, and that goes with the JVM.

import { type ChildProcessByStdio, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { Refusal } from "../src/fault.js";
import { prepare } from "./prepare.js";
import { findTools, killAll, owned } from "./tools.js";
import type { SparkVersion } from "./versions.js";

/** What came back for one file of requests. */
export interface Recorded {
  /** Header, rows, last line. */
  readonly lines: readonly string[];
  /** Why the recording ends early: a request that could not be asked. */
  readonly broken: string | null;
}

/** Whoever answers files of requests: real Spark, or a double of it in tests. */
export interface Oracle {
  /** `lines`: header, requests, last line. Answers come in the order of the calls. */
  answer(lines: readonly string[]): Promise<Recorded>;
  close(): Promise<void>;
}

// Spark opens these by itself where it is started as a program; a bare main method has to ask.
const OPENS =
  "java.lang java.lang.invoke java.lang.reflect java.io java.net java.nio java.util java.util.concurrent " +
  "java.util.concurrent.atomic sun.nio.ch sun.nio.cs sun.security.action sun.util.calendar";

const FLAGS = [
  ...OPENS.split(" ").map((name) => `--add-opens=java.base/${name}=ALL-UNNAMED`),
  "-XX:+UseG1GC",
  "-Xmx2g",
  "-ea:org.apache.spark...",
  "-Dlog4j2.level=OFF",
];

/** The longest silence while an answer is wanted. Answers to many requests come together. */
const PATIENCE_MS = 180_000;

/** Starts a Spark, fetching and compiling first what is not there yet. Throws Refusal when it cannot be had. */
export async function openSpark(spark: SparkVersion, say: (text: string) => void): Promise<Oracle> {
  const tools = await findTools(spark);
  const classPath = await prepare(spark, tools, say);
  return new Jvm(spark, tools.java, classPath);
}

class Jvm implements Oracle {
  readonly #spark: SparkVersion;
  readonly #folder = mkdtempSync(join(tmpdir(), "conformance-"));
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #asked: { readonly lines: string[]; resolve(recorded: Recorded): void; reject(error: Error): void }[] = [];
  readonly #ended: Promise<void>;
  readonly #clean = (): void => {
    killAll();
    rmSync(this.#folder, { recursive: true, force: true });
  };
  readonly #watch: NodeJS.Timeout;
  #heard = Date.now();
  #errors = "";

  constructor(spark: SparkVersion, java: string, classPath: string) {
    this.#spark = spark;
    process.on("exit", this.#clean);
    const local = { SPARK_LOCAL_DIRS: this.#folder, SPARK_LOCAL_IP: "127.0.0.1", SPARK_LOCAL_HOSTNAME: "localhost" };
    const main = [`-Djava.io.tmpdir=${this.#folder}`, "-cp", classPath, "org.apache.spark.memory.Main"];
    const env: NodeJS.ProcessEnv = { ...process.env, ...local };
    delete env["LOCAL_DIRS"];
    this.#child = owned(spawn(java, [...FLAGS, ...main], { stdio: ["pipe", "pipe", "pipe"], env }));
    this.#child.stdin.on("error", () => {}); // it has ended, and its end says so
    this.#child.stderr.on("data", (chunk: Buffer) => (this.#errors = (this.#errors + chunk.toString()).slice(-4000)));
    createInterface({ input: this.#child.stdout }).on("line", (line) => this.#take(line));
    this.#ended = new Promise((resolve) => this.#child.once("close", () => resolve()));
    void this.#ended.then(() => this.#fail());
    this.#watch = setInterval(() => this.#listen(), 5000);
  }

  answer(lines: readonly string[]): Promise<Recorded> {
    return new Promise((resolve, reject) => {
      if (this.#asked.length === 0) this.#heard = Date.now();
      this.#asked.push({ lines: [], resolve, reject });
      if (this.#child.exitCode !== null || this.#child.signalCode !== null) this.#fail();
      else this.#child.stdin.write(`${lines.join("\n")}\n`);
    });
  }

  async close(): Promise<void> {
    clearInterval(this.#watch);
    this.#child.stdin.end();
    await this.#ended;
    process.off("exit", this.#clean);
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** A Spark that hangs is no answer. */
  #listen(): void {
    if (this.#asked.length === 0 || Date.now() - this.#heard < PATIENCE_MS) return;
    this.#errors += `\nnothing was heard of it for ${PATIENCE_MS / 1000} seconds`;
    this.#child.kill("SIGKILL");
  }

  #take(line: string): void {
    this.#heard = Date.now();
    const asked = this.#asked[0]!;
    const end = line.startsWith('{"end":') ? (JSON.parse(line) as { end: number; broken?: string }) : null;
    asked.lines.push(end === null ? line : JSON.stringify({ end: end.end }));
    if (end === null) return;
    this.#asked.shift();
    asked.resolve({ lines: asked.lines, broken: end.broken ?? null });
  }

  #fail(): void {
    const said = this.#errors.trim().split("\n").slice(-5).join("\n");
    for (const asked of this.#asked.splice(0))
      asked.reject(
        new Refusal(`Spark ${this.#spark.version} has ended without an answer${said === "" ? "" : `:\n${said}`}`),
      );
  }
}
