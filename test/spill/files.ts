// The files below a directory. Links are not followed: newer Node versions follow them in a recursive readdir, and a spill
// directory may hold one.

import { readdirSync } from "node:fs";
import { join } from "node:path";

export function filesBelow(path: string): string[] {
  return readdirSync(path, { withFileTypes: true }).flatMap((entry) => {
    if (entry.isDirectory()) return filesBelow(join(path, entry.name));
    return entry.isFile() ? [entry.name] : [];
  });
}
