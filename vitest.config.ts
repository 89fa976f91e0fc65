// The suite of `npm test`. Tests start workers and programs from dist/, which `npm test` has built before.

import { configDefaults, defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    exclude: [...configDefaults.exclude, "test/soak/**"],
    pool: "forks",
    maxWorkers: "100%",
    execArgv: ["--expose-gc"],
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
});
