// What is the same for every room that `npm run mutate` asks; the rest is in scripts/mutate.mjs.

export default {
  testRunner: "vitest",
  vitest: { configFile: "vitest.mutate.config.ts", related: false },
  plugins: ["@stryker-mutator/vitest-runner"],
  coverageAnalysis: "perTest",
  incremental: true,
  testRunnerNodeArgs: ["--max-old-space-size=1024"],
  // A busy machine must not look like a loop without end.
  timeoutMS: 10_000,
  timeoutFactor: 4,
  ignorePatterns: ["/bench", "/data", "/dist", "/build", "/out", "/coverage", "/assembly", "/reports"],
  // The mutants are plain changes of JavaScript: no type is looked at, and no tsconfig rewritten.
  tsconfigFile: "none",
  disableTypeChecks: false,
  reporters: ["progress-append-only"],
  logLevel: "warn",
  warnings: { slow: false },
};
