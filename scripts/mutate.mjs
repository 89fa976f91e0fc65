// Shows that the tests have teeth: changes the code in every way StrykerJS knows, one change at a time, and asks the room's
// tests whether they notice. `npm run mutate [-- ROOM OR FILE...]`. A change that nobody can notice stands in
// test/mutants/equivalent.md with the reason. Exit 1 where any other survives, a file scores less than 95 %, or the list
// is out of date.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Stryker } from "@stryker-mutator/core";
import { inWords, readEquivalents } from "./mutants.mjs";

const LEAST_SCORE = 95;

const memory = ["ledger", "manager", "scenarios", "wait", "async", "audit"].map(
  (name) => `test/memory/${name}.test.ts`,
);
/** Policies besides Spark's, each with a test of its name. */
const shipped = ["greedy", "fair", "slots", "arbitrated", "unified-fair", "none", "registry"];
const execution = ["task", "consumer", "page-table", "arbiter"].map((name) => `test/execution/${name}.test.ts`);

/** Which files are changed, and whom that is asked of: tests that are quick and stay within the process. */
export const ROOMS = {
  policy: {
    mutate: ["policy", "share", "unified", "static", "victim", ...shipped].map((name) => `src/policy/${name}.ts`),
    tests: [
      ...["policies", "spill-orders", ...shipped].map((name) => `test/policy/${name}.test.ts`),
      "test/memory/scenarios.test.ts",
      "test/execution/task.test.ts",
      "test/execution/arbiter.test.ts",
    ],
  },
  memory: {
    mutate: ["ledger", "manager", "wait", "async", "audit"].map((name) => `src/memory/${name}.ts`),
    tests: [...memory, ...execution],
  },
  execution: {
    mutate: ["task", "consumer", "page-table", "refusal", "arbiter", "spill-log"].map(
      (name) => `src/execution/${name}.ts`,
    ),
    tests: [...execution, ...memory],
  },
  storage: {
    mutate: ["store", "block"].map((name) => `src/storage/${name}.ts`),
    tests: [
      ...["block", "rules", "store", "scenarios", "unroll", "block-manager"].map(
        (name) => `test/storage/${name}.test.ts`,
      ),
      ...["scenarios", "audit"].map((name) => `test/memory/${name}.test.ts`),
    ],
  },
  config: {
    mutate: ["bytes", "container", "java", "keys", "layout", "notices", "release", "time"]
      .map((name) => `src/config/${name}.ts`)
      .concat("src/closest.ts"),
    tests: [
      "config/keys",
      "config/layout",
      "config/notices",
      "config/strings",
      "config/table",
      "cli/verify",
      "policy/registry",
    ].map((name) => `test/${name}.test.ts`),
  },
};

/**
 * Runs the tests of a room on every mutant of `files`.
 * @param {string} room
 * @param {string[]} files
 */
async function mutantsOf(room, files) {
  process.env["MUTATE_TESTS"] = ROOMS[room].tests.join(" ");
  const incrementalFile = `reports/mutants-${room}.json`;
  forgetSurvivors(incrementalFile);
  return new Stryker({
    mutate: files,
    incrementalFile,
    concurrency: Number(process.env["MUTATE_JOBS"] ?? 2),
  }).runMutationTest();
}

/** Whoever survived is asked again: StrykerJS does not see every new test that may catch it. */
function forgetSurvivors(incrementalFile) {
  if (!existsSync(incrementalFile)) return;
  const report = JSON.parse(readFileSync(incrementalFile, "utf8"));
  for (const file of Object.values(report.files))
    file.mutants = file.mutants.filter(({ status }) => status === "Killed" || status === "Timeout");
  writeFileSync(incrementalFile, JSON.stringify(report));
}

async function main() {
  const root = join(dirname(fileURLToPath(import.meta.url)), "..");
  process.chdir(root);
  if (!existsSync("src/generated")) throw new Error("the tests need what `npm run build` generates");
  const chosen = process.argv.slice(2);
  const equivalents = readEquivalents(readFileSync("test/mutants/equivalent.md", "utf8"));
  const rows = [];
  const troubles = [];
  for (const [room, { mutate }] of Object.entries(ROOMS)) {
    const files =
      chosen.length === 0 || chosen.includes(room) ? mutate : mutate.filter((file) => chosen.includes(file));
    if (files.length === 0) continue;
    const mutants = await mutantsOf(room, files);
    for (const file of files) {
      const source = readFileSync(file, "utf8");
      const of = mutants.filter((mutant) => join(mutant.fileName).endsWith(file));
      const count = (...statuses) => of.filter(({ status }) => statuses.includes(status)).length;
      const caught = count("Killed", "Timeout");
      const survivors = of
        .filter(({ status }) => status === "Survived" || status === "NoCoverage")
        .map((mutant) => ({ words: inWords(source, mutant), mutant }));
      const known = new Set(equivalents.get(file) ?? []);
      const alive = new Set(survivors.map(({ words }) => words));
      const open = survivors.filter(({ words }) => !known.has(words));
      for (const { words, mutant } of open) {
        troubles.push(`${file}:${mutant.location.start.line} ${mutant.status}, ${mutant.mutatorName}\n${words}\n`);
      }
      for (const words of known)
        if (!alive.has(words)) troubles.push(`${file}: listed, and does not survive\n${words}\n`);
      const score = (100 * caught) / (caught + survivors.length);
      if (score < LEAST_SCORE) troubles.push(`${file}: ${score.toFixed(1)} % is less than ${LEAST_SCORE} %\n`);
      rows.push({
        file,
        mutants: of.length,
        killed: count("Killed"),
        "timed out": count("Timeout"),
        equivalent: survivors.length - open.length,
        open: open.length,
        "score %": Number(score.toFixed(1)),
        "not run": of.length - caught - survivors.length,
      });
    }
  }
  for (const trouble of troubles) console.log(trouble);
  console.table(rows);
  process.exitCode = troubles.length === 0 ? 0 : 1;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
