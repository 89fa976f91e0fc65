// How much of the machine somebody else used meanwhile. A figure taken beside a busy neighbour says more about the neighbour,
// so the harness asks here before it believes a round. Linux only: elsewhere the answer is null and rounds are taken on trust.

import { readdirSync, readFileSync } from "node:fs";

/** /proc counts CPU time in hundredths of a second on every Linux, whatever the kernel's own tick. */
const TICKS_PER_SECOND = 100;

/** CPU seconds since boot: all processes of the machine, and this process with all its descendants. */
export interface CpuTimes {
  readonly machine: number;
  readonly own: number;
}

/** Seconds in which some process ran, from the text of /proc/stat. Time stolen by other guests counts: it is gone all the same. */
export function machineSeconds(stat: string): number {
  const [, user, nice, system, , , irq, softirq, steal] = stat.slice(0, stat.indexOf("\n")).split(/\s+/).map(Number);
  return (user! + nice! + system! + irq! + softirq! + steal!) / TICKS_PER_SECOND;
}

/** One process, from the text of its /proc/PID/stat; its name may hold spaces and brackets. */
export function processTimes(stat: string): { parent: number; seconds: number } {
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  // Field 3 of the manual is fields[0]: parent 4, utime 14, stime 15, and 16 and 17 of the children that were waited for.
  const ticks = Number(fields[11]) + Number(fields[12]) + Number(fields[13]) + Number(fields[14]);
  return { parent: Number(fields[1]), seconds: ticks / TICKS_PER_SECOND };
}

/** The sum over `root` and everybody who descends from it. */
export function treeSeconds(processes: ReadonlyMap<number, { parent: number; seconds: number }>, root: number): number {
  let seconds = 0;
  for (const [pid, process] of processes) {
    let ancestor = pid;
    while (ancestor !== root && ancestor > 0) ancestor = processes.get(ancestor)?.parent ?? 0;
    if (ancestor === root) seconds += process.seconds;
  }
  return seconds;
}

/** The times now, or null where there is no /proc. */
export function cpuTimes(): CpuTimes | null {
  let stat: string;
  try {
    stat = readFileSync("/proc/stat", "utf8");
  } catch {
    return null;
  }
  const processes = new Map<number, { parent: number; seconds: number }>();
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      processes.set(Number(name), processTimes(readFileSync(`/proc/${name}/stat`, "utf8")));
    } catch {
      continue; // it has ended since the folder was listed
    }
  }
  return { machine: machineSeconds(stat), own: treeSeconds(processes, process.pid) };
}

/** Cores' worth of CPU that others took between two times `seconds` apart, 0 or more. */
export function foreignCores(before: CpuTimes, after: CpuTimes, seconds: number): number {
  const foreign = after.machine - before.machine - (after.own - before.own);
  return seconds > 0 ? Math.max(0, foreign / seconds) : 0;
}
