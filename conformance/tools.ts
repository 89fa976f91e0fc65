// The programs that must be there already: a JDK and Maven. What is missing is told with what to install.

import { spawn, type ChildProcess } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { Refusal } from "../src/fault.js";
import type { SparkVersion } from "./versions.js";

export interface Tools {
  readonly java: string;
  readonly javac: string;
  readonly maven: string;
}

export interface Ended {
  readonly code: number | null;
  readonly output: string;
}

/** Processes that must not outlive this one. */
const children = new Set<ChildProcess>();

/** Ends every process that was started here, at once. */
export function killAll(): void {
  for (const child of children) child.kill("SIGKILL");
}

/** Registers a process that must not outlive this one. */
export function owned<T extends ChildProcess>(child: T): T {
  children.add(child);
  child.once("close", () => children.delete(child));
  return child;
}

/** Finds Java by JAVA_HOME or on the path, and Maven on the path. Throws Refusal with what to install. */
export async function findTools(spark: SparkVersion, env: NodeJS.ProcessEnv = process.env): Promise<Tools> {
  const home = env["JAVA_HOME"];
  const inHome = (name: string): string =>
    home !== undefined && existsSync(join(home, "bin", name)) ? join(home, "bin", name) : name;
  const install = `install a JDK of version ${spark.java} or later, and put it on the PATH or into JAVA_HOME`;
  const java = inHome("java");
  const said = await run(java, ["-version"], env);
  if (said === null) throw new Refusal(`real Spark needs Java, and there is no \`java\`: ${install}`);
  const major = Number(/version "(?:1\.)?(\d+)/.exec(said.output)?.[1] ?? NaN);
  if (!(major >= spark.java))
    throw new Refusal(`Spark ${spark.version} needs Java ${spark.java} here, and \`java\` is ${major}: ${install}`);
  const javac = inHome("javac");
  if ((await run(javac, ["-version"], env)) === null)
    throw new Refusal(`there is a \`java\` but no \`javac\`, a runtime without its compiler: ${install}`);
  const maven = process.platform === "win32" ? "mvn.cmd" : "mvn";
  if ((await run(maven, ["-version"], env)) === null)
    throw new Refusal(
      "Spark's jars are fetched with Maven, and there is no `mvn`: install Maven 3.6 or later, and put it on the PATH",
    );
  return { java, javac, maven };
}

/** Runs a program to its end; null when there is no such program. */
export async function run(
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
): Promise<Ended | null> {
  const child = owned(spawn(command, args, { stdio: ["ignore", "pipe", "pipe"], env }));
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => (output += chunk.toString()));
  return await new Promise((resolve, reject) => {
    child.once("error", (error: NodeJS.ErrnoException) => (error.code === "ENOENT" ? resolve(null) : reject(error)));
    child.once("close", (code) => resolve({ code, output }));
  });
}
