// `npm run soak`: the random tests of the suite, RUNS (50) times as long and from a seed of their own, SEED (drawn and
// printed), and the explorations of test/soak, each for SOAK_SECONDS (60). A failure is found again by the SEED it printed.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { defineConfig } from "vitest/config";

const env = {
  SEED: setting("SEED", 1 + Math.floor(Math.random() * 2 ** 30)),
  RUNS: setting("RUNS", 50),
  SOAK_SECONDS: setting("SOAK_SECONDS", 60),
};
const files = readdirSync("test", { recursive: true, encoding: "utf8" }).map((file) => join("test", file));
const drawsFromSeed = (file: string) => /help\/seed|\.contract\.js/.test(readFileSync(file, "utf8"));

console.log(
  `soak: ${Object.entries(env)
    .map(([name, value]) => `${name}=${value}`)
    .join(" ")}`,
);

export default defineConfig({
  test: {
    include: files.filter(
      (file) => file.endsWith(".soak.test.ts") || (file.endsWith(".test.ts") && drawsFromSeed(file)),
    ),
    env,
    pool: "forks",
    maxWorkers: "100%",
    execArgv: ["--expose-gc"],
    testTimeout: 6 * 3600 * 1000,
    hookTimeout: 600_000,
  },
});

/** A number above 0 from the environment, as the tests read it. */
function setting(name: string, otherwise: number): string {
  const value = Number(process.env[name] ?? otherwise);
  if (!(value > 0 && Number.isFinite(value))) throw new Error(`${name} is a number above 0, not ${process.env[name]}`);
  return String(value);
}
