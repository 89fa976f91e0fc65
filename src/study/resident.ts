// The most memory that this process was ever resident with. What the system counts as such begins, on Linux, with what the
// parent was resident with when it forked: the peak of the address space itself is told elsewhere.

import { readFileSync } from "node:fs";

/** Bytes. */
export function residentPeakBytes(): number {
  try {
    const found = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync("/proc/self/status", "utf8"));
    if (found !== null) return Number(found[1]) * 1024;
  } catch {
    // Not Linux: there the counted peak is that of the process alone.
  }
  return process.resourceUsage().maxRSS * 1024;
}
