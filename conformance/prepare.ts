// A Spark's class path: jars by Maven, once a version; the recorder compiled against them, once a version and source. Both are
// put in place whole, so that an end in the middle leaves nothing that looks finished.

import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Refusal } from "../src/fault.js";
import { run, type Tools } from "./tools.js";
import type { SparkVersion } from "./versions.js";

const HERE = dirname(fileURLToPath(import.meta.url));
/** All scopes: Spark's parent marks as provided what it needs all the same. */
const SCOPE = "test";

const SOURCES = join(HERE, "java");

/** The class path of a Spark with the recorder. `say` is told of what takes long. Throws Refusal when it cannot be had. */
export async function prepare(spark: SparkVersion, tools: Tools, say: (text: string) => void): Promise<string> {
  const target = join(HERE, "target", spark.version);
  const fresh = mkdirSync(target, { recursive: true }) !== undefined;
  let jars: string;
  try {
    jars = await resolveJars(spark, tools, target, say);
  } catch (error) {
    if (fresh) rmSync(target, { recursive: true });
    throw error;
  }
  return [await compile(spark, tools, target, jars), jars].join(delimiter);
}

async function resolveJars(
  spark: SparkVersion,
  tools: Tools,
  target: string,
  say: (text: string) => void,
): Promise<string> {
  const wanted = createHash("sha256")
    .update(readFileSync(join(HERE, "pom.xml")))
    .update(SCOPE);
  const file = join(target, `jars-${wanted.digest("hex").slice(0, 12)}`);
  const known = existsSync(file) ? readFileSync(file, "utf8").trim() : "";
  if (known !== "" && known.split(delimiter).every((jar) => existsSync(jar))) return known;
  say(`fetching Spark ${spark.version} with Maven (once a version) ...`);
  const made = `${file}.${process.pid}`;
  try {
    const options = [`-Dspark=${spark.version}`, `-Dscala=${spark.scala}`, `-DincludeScope=${SCOPE}`];
    const output = [`-Dmdep.outputFile=${made}`, `-Dmdep.pathSeparator=${delimiter}`];
    const maven = await run(tools.maven, [
      "-B",
      "-f",
      join(HERE, "pom.xml"),
      "dependency:build-classpath",
      ...options,
      ...output,
    ]);
    if (maven?.code !== 0) throw new Refusal(mavenFailed(spark, maven?.output ?? ""));
    renameSync(made, file);
  } finally {
    rmSync(made, { force: true });
  }
  return readFileSync(file, "utf8").trim();
}

function mavenFailed({ version }: SparkVersion, output: string): string {
  const errors = output.split("\n").filter((line) => line.includes("[ERROR]"));
  const first = (errors[0] ?? output.trim().split("\n").at(-1) ?? "").replace(/^.*\[ERROR\]\s*/, "").slice(0, 400);
  if (
    /could not find artifact|was not found in/i.test(output) &&
    new RegExp(`spark-\\w+_[\\d.]+:\\w+:${version}`).test(output)
  )
    return `the registry that Maven uses has no Spark ${version}: ${first}`;
  if (/could not transfer|unknown host|connect|timed? ?out|offline|unresolvable/i.test(output))
    return `Maven cannot reach the registry that it fetches Spark ${version} from (its settings.xml and the proxy say which): ${first}`;
  return `Maven could not fetch Spark ${version}: ${first}`;
}

async function compile(spark: SparkVersion, tools: Tools, target: string, jars: string): Promise<string> {
  const sources = readdirSync(SOURCES, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".java"))
    .sort()
    .map((file) => join(SOURCES, file));
  const hash = createHash("sha256").update(jars);
  for (const source of sources) hash.update(readFileSync(source));
  const classes = join(target, `classes-${hash.digest("hex").slice(0, 12)}`);
  if (existsSync(classes)) return classes;
  const made = `${classes}.${process.pid}`;
  const list = `${made}.args`;
  try {
    mkdirSync(made);
    // The class path is longer than some shells take.
    writeFileSync(
      list,
      ["-nowarn", "-proc:none", "-Xlint:none", "-d", made, "-cp", jars, ...sources].map(quoted).join("\n"),
    );
    const javac = await run(tools.javac, [`@${list}`]);
    if (javac?.code !== 0)
      throw new Refusal(
        `the recorder does not compile against Spark ${spark.version}: ${(javac?.output ?? "").slice(0, 2000)}`,
      );
    renameSync(made, classes);
  } finally {
    rmSync(made, { recursive: true, force: true });
    rmSync(list, { force: true });
  }
  return classes;
}

function quoted(argument: string): string {
  return `"${argument.replaceAll("\\", "\\\\")}"`;
}
