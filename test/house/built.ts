// For tests that look at what is shipped: dist/ as the sources make it now. `npm test` has built it, then this costs nothing.

import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";

/** The repository. */
export const ROOT: string = fileURLToPath(new URL("../../", import.meta.url));

/** Brings dist/ up to date; throws with the compiler's words when it cannot be built. */
export function build(): void {
  execFileSync(process.execPath, ["scripts/build.mjs"], { cwd: ROOT, stdio: ["ignore", 2, 2] });
}
