// Starts real Spark as a peer: resolves its jars with Maven and compiles the Java program once per version, then becomes a
// pipe to it (see SparkPeer.java for the lines). Without a JDK 17 or Maven it says so in one line and ends with status 3.
//
//   node run.mjs [--spark 4.1.1] [--prepared] [--pre-touched] ITEM key=value ...    --prepared: never resolve or compile now
//   node run.mjs --prepare [--spark 4.1.1]                                          resolve and compile only
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { tmpdir } from "node:os";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const SLF4J = { "4.1.1": "2.0.17", "3.5.7": "2.0.7" };
const SOURCES = [
  "pom.xml",
  "src/main/java/org/apache/spark/memory/SparkPeer.java",
  "src/main/resources/log4j2.properties",
];
// Spark opens these at start-up by itself; a bare main method has to ask.
const OPENS = (
  "java.lang java.lang.invoke java.lang.reflect java.io java.net java.nio java.util java.util.concurrent " +
  "java.util.concurrent.atomic sun.nio.ch sun.nio.cs sun.security.action sun.util.calendar"
)
  .split(" ")
  .map((name) => `--add-opens=java.base/${name}=ALL-UNNAMED`);

const args = process.argv.slice(2);
const flag = (name) => (args.includes(name) ? args.splice(args.indexOf(name), 1).length > 0 : false);
const option = (name, otherwise) => (args.includes(name) ? args.splice(args.indexOf(name), 2)[1] : otherwise);
const version = option("--spark", "4.1.1");
const preparedOnly = flag("--prepared");
const prepareOnly = flag("--prepare");
// The anchors' heap is not touched beforehand: a young generation of many hundred MiB is then filled for the first time while
// it is measured, and a short loop that makes garbage pays a page fault for every 4 KiB of it, which decides the ratio. In an
// executor that has run for a while the heap is resident, as in the smaller one that is touched beforehand.
const heap = flag("--pre-touched") ? ["-Xms2g", "-Xmx2g", "-XX:+AlwaysPreTouch"] : ["-Xms4g", "-Xmx4g"];

function absent(reason) {
  console.log(JSON.stringify({ absent: reason }));
  process.exit(3);
}

function tool(command, versionFlag, install) {
  const answer = spawnSync(command, [versionFlag], { encoding: "utf8" });
  if (answer.error) absent(`no ${command} on the PATH (${install})`);
  return `${answer.stdout}${answer.stderr}`;
}

/** The class path of a version, resolved and compiled if it is not yet or if the sources have changed. */
function prepare() {
  if (SLF4J[version] === undefined) absent(`Spark ${version} is not one of ${Object.keys(SLF4J).join(", ")}`);
  const java = /version "(\d+)/.exec(tool("java", "-version", "a JDK 17 is needed"))?.[1];
  if (Number(java) !== 17) absent(`java is ${java}, and Spark's peer is measured on a JDK 17`);
  const target = join(here, "target", version);
  const jars = join(target, "classpath");
  const stamp = join(target, "stamp");
  const wanted = createHash("sha256");
  for (const source of SOURCES) wanted.update(readFileSync(join(here, source)));
  const digest = wanted.digest("hex");
  const complete = () =>
    existsSync(stamp) &&
    readFileSync(stamp, "utf8") === digest &&
    readFileSync(jars, "utf8")
      .split(delimiter)
      .every((jar) => existsSync(jar));
  if (!complete()) {
    if (preparedOnly) absent(`Spark ${version} is not set up yet (npm run bench:peers does it)`);
    tool("javac", "-version", "a JDK 17 is needed, not a JRE alone");
    tool("mvn", "-version", "Maven 3.6 or later is needed");
    console.error(`spark ${version}: resolving jars and compiling with Maven ...`);
    mkdirSync(target, { recursive: true });
    const maven = spawnSync(
      "mvn",
      ["-q", "-B", "-f", join(here, "pom.xml"), `-Dspark=${version}`, `-Dslf4j=${SLF4J[version]}`]
        .concat(["process-classes", "dependency:build-classpath", "-DincludeScope=runtime"])
        .concat([`-Dmdep.outputFile=${jars}`, `-Dmdep.pathSeparator=${delimiter}`]),
      { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] },
    );
    if (maven.status !== 0) {
      const first = `${maven.stdout}${maven.stderr}`.split("\n").find((line) => line.includes("ERROR"));
      absent(`Maven could not set up Spark ${version}: ${first ?? `status ${maven.status}`}`);
    }
    writeFileSync(stamp, digest);
  }
  return [join(target, "classes"), readFileSync(jars, "utf8").trim()].join(delimiter);
}

const classPath = prepare();
if (!prepareOnly) {
  const local = mkdtempSync(join(tmpdir(), "spark-peer-"));
  const jvm = spawn(
    "java",
    [...heap, "-XX:+UseG1GC", ...OPENS, "-cp", classPath, "org.apache.spark.memory.SparkPeer", ...args],
    { stdio: "inherit", env: environment(local) },
  );
  jvm.on("exit", (code) => {
    rmSync(local, { recursive: true, force: true });
    process.exitCode = code ?? 1;
  });
}

/** Ours, with the folder that Spark spills to, and with an address so that it does not ask the DNS for its own. */
function environment(folder) {
  const env = {
    ...process.env,
    SPARK_LOCAL_DIRS: folder,
    SPARK_LOCAL_IP: "127.0.0.1",
    SPARK_LOCAL_HOSTNAME: "localhost",
  };
  delete env.LOCAL_DIRS;
  return env;
}
