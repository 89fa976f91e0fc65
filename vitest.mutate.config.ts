// For `npm run mutate`: the test files of one room, MUTATE_TESTS (separated by blanks), none of which builds, packs or
// starts a process, since each of thousands of changes runs them again. A test that takes long on a busy machine must not
// pass for one that has noticed something: endless waits are StrykerJS's to end, and are counted apart.

import { defineConfig } from "vitest/config";

export default defineConfig({
  test: { include: (process.env["MUTATE_TESTS"] ?? "").split(" "), testTimeout: 300_000 },
});
