// What a figure was measured on. A number without this is a rumour.

import { readFileSync } from "node:fs";
import { arch, availableParallelism, cpus, loadavg, release, totalmem, type } from "node:os";

export interface Machine {
  /** Node's version without the `v`. */
  readonly node: string;
  readonly v8: string;
  readonly cpu: string;
  readonly cores: number;
  /** The CPUs this process may run on, as Linux lists them (`0-1`, `3`), or null elsewhere. */
  readonly allowed: string | null;
  /** Whether the process is kept from some of the cores. */
  readonly pinned: boolean;
  readonly memoryBytes: number;
  readonly system: string;
  /** Processes that wanted to run, averaged over one minute, at the start. */
  readonly loadAverage: number;
  /** Flags that Node was started with. */
  readonly flags: readonly string[];
}

export function machine(): Machine {
  const all = cpus();
  return {
    node: process.versions.node,
    v8: process.versions.v8,
    cpu: all[0]?.model.trim() ?? "unknown",
    cores: all.length,
    allowed: allowedCpus(),
    pinned: availableParallelism() < all.length,
    memoryBytes: totalmem(),
    system: `${type()} ${release()} ${arch()}`,
    loadAverage: loadavg()[0]!,
    flags: process.execArgv,
  };
}

/** The machine in one line of text. */
export function describeMachine(m: Machine): string {
  const where = m.allowed === null ? "" : ` (may use ${m.allowed}, ${m.pinned ? "pinned" : "not pinned"})`;
  const flags = m.flags.length === 0 ? "" : `, flags ${m.flags.join(" ")}`;
  return (
    `${m.cpu}, ${m.cores} cores${where}, ${(m.memoryBytes / 2 ** 30).toFixed(1)} GiB, ${m.system}, ` +
    `node ${m.node} (V8 ${m.v8})${flags}, load average ${m.loadAverage.toFixed(2)} at the start`
  );
}

function allowedCpus(): string | null {
  try {
    return /^Cpus_allowed_list:\s*(\S+)/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? null;
  } catch {
    return null;
  }
}
