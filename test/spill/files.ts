// The files below a directory. Links are not followed: newer Node versions follow them in a recursive readdir, and a spill
// directory may hold one. A process that ends may be removing them meanwhile: what has gone is not there.

import { type Dirent, readdirSync } from "node:fs";
import { join } from "node:path";

export function filesBelow(path: string): string[] {
  return entriesOf(path).flatMap((entry) => {
    if (entry.isDirectory()) return filesBelow(join(path, entry.name));
    return entry.isFile() ? [entry.name] : [];
  });
}

function entriesOf(path: string): Dirent[] {
  try {
    return readdirSync(path, { withFileTypes: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}
