// For `npm run mutate`: the test files of one room, MUTATE_TESTS (separated by blanks), none of which builds, packs or
// starts a process, since each of thousands of changes runs them again.

import { defineConfig } from "vitest/config";

export default defineConfig({
  test: { include: (process.env["MUTATE_TESTS"] ?? "").split(" ") },
});
