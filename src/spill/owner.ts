// Who made a directory of spill files, and whether that process still lives. A process is known by its machine, the boot of
// that machine, its pid namespace, its pid and the moment it started: a pid alone is given out again.

import { createHash } from "node:crypto";
import { readFileSync, readlinkSync } from "node:fs";
import { hostname, uptime } from "node:os";

/** `machine`, `boot` and `space` are short hashes, `0` where the system does not tell; `start` is in clock ticks since boot, 0 likewise. */
export interface Owner {
  readonly machine: string;
  readonly boot: string;
  readonly space: string;
  readonly pid: number;
  readonly start: number;
}

let self: Owner | undefined;

/** This process. Read from the system once. */
export function thisProcess(): Owner {
  return (self ??= {
    machine: shortHash(`${hostname()} ${orNull(() => readFileSync("/etc/machine-id", "utf8")) ?? ""}`),
    boot: hashOrZero(orNull(() => readFileSync("/proc/sys/kernel/random/boot_id", "utf8"))),
    space: hashOrZero(orNull(() => readlinkSync("/proc/self/ns/pid"))),
    pid: process.pid,
    start: status(process.pid)?.start ?? 0,
  });
}

/**
 * True only when `owner`, whose directory was last changed at `changedMs` (milliseconds since 1970), cannot be alive any more.
 * Of another machine or another pid namespace nothing can be known, and the answer is no.
 */
export function isGone(owner: Owner, changedMs: number): boolean {
  const me = thisProcess();
  if (owner.machine !== me.machine) return false;
  if (owner.boot !== me.boot)
    return owner.boot !== "0" && me.boot !== "0" && changedMs < Date.now() - (uptime() + CLOCK_SLACK_S) * 1000;
  if (owner.space !== me.space) return false;
  try {
    process.kill(owner.pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ESRCH";
  }
  const now = status(owner.pid);
  if (now === null || owner.start === 0) return false;
  return now.ended || now.start !== owner.start;
}

/** How far the clock may have been off when the machine started, seconds. */
const CLOCK_SLACK_S = 60;

/** Start and end of a process as Linux tells them; null elsewhere, or when there is no such process. */
function status(pid: number): { start: number; ended: boolean } | null {
  const text = orNull(() => readFileSync(`/proc/${pid}/stat`, "utf8"));
  if (text === null) return null;
  // The second field is the program's name in brackets and may hold anything; the state is the next one.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return { start: Number(fields[19]), ended: fields[0] === "Z" || fields[0] === "X" };
}

function hashOrZero(text: string | null): string {
  return text === null ? "0" : shortHash(text);
}

function shortHash(text: string): string {
  return createHash("sha256").update(text.trim()).digest("hex").slice(0, 8);
}

function orNull<T>(read: () => T): T | null {
  try {
    return read();
  } catch {
    return null;
  }
}
