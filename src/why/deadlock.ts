// Who waits for whom, and whether anybody is left who could end it. Nobody who waits can give back, so the tasks that do not
// wait are taken to give back all they hold, then those that could be served with that, and so on (Holt 1972, Some Deadlock
// Properties of Computer Systems); whoever still waits then, waits for ever.

import type { MemoryManager, Region } from "../memory/manager.js";
import { type Mode, OFF_HEAP, ON_HEAP } from "../memory/mode.js";
import { divide, MUST_WAIT, type Policy } from "../policy/policy.js";
import type { InCycle } from "./facts.js";
import { viewOf } from "./look.js";

/** A request that waits. */
export interface Waiting {
  readonly task: number;
  readonly mode: Mode;
  readonly askedBytes: number;
  /** What had to come back when it last looked. */
  needBytes: number;
  /** The facts of its first wait and of its last look. */
  readonly since: number;
  fact: number;
  /** What others who asked later were granted while it waits. */
  grants: number;
  grantedBytes: number;
  starved: boolean;
}

/** By mode, by task. */
export type AllWaiting = readonly [ReadonlyMap<number, Waiting>, ReadonlyMap<number, Waiting>];

/** How many bytes others must give back before a task that holds `held` and asks for `asked` need not wait, if they all stay. */
export function missingBytes(policy: Policy, region: Region, held: number, asked: number): number {
  const served = (bytes: number): boolean =>
    policy.share(viewOf(region, region.executionUsed - bytes, region.entries), held, asked) !== MUST_WAIT;
  const most = region.executionUsed - held;
  // Spark's own rule: up to the floor of 1/2N, or the whole request. Any other policy is asked step by step.
  const floor = divide(region.executionSize, 2 * region.entries);
  const guess = Math.min(asked, floor - held) - (region.executionSize - region.executionUsed);
  if (guess > 0 && guess <= most && served(guess) && !served(guess - 1)) return guess;
  let low = 0;
  let high = most;
  while (low < high) {
    const middle = low + divide(high - low, 2);
    if (served(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** The cycle that a waiting task is stuck in or behind, from one task to the next; null where its wait can end. */
export function cycleOf(manager: MemoryManager, waiting: AllWaiting, task: number, mode: Mode): InCycle[] | null {
  const stuck = stuckAmong(manager, waiting);
  let at = stuck.get(task);
  if (at === undefined || at.mode !== mode) return null;
  const path: Waiting[] = [];
  const holds: number[] = [];
  while (!path.includes(at)) {
    path.push(at);
    let next: Waiting | null = null;
    let most = 0;
    manager.forEachEntry(at.mode, (other, bytes) => {
      const one = stuck.get(other);
      if (one === undefined || one.task === at!.task || bytes <= most) return;
      next = one;
      most = bytes;
    });
    holds.push(most);
    if (next === null) break;
    at = next as Waiting;
  }
  const first = Math.max(0, path.indexOf(at));
  return path.slice(first).map((each, i): InCycle => [each.task, each.mode, each.askedBytes, holds[first + i]!]);
}

/** The tasks that wait and that nobody can serve, whoever else gives back. */
function stuckAmong(manager: MemoryManager, waiting: AllWaiting): ReadonlyMap<number, Waiting> {
  const stuck = new Map<number, Waiting>([...waiting[ON_HEAP], ...waiting[OFF_HEAP]]);
  const left = [ON_HEAP, OFF_HEAP].map((mode) => {
    const entries = new Map<number, number>();
    manager.forEachEntry(mode as Mode, (task, bytes) => {
      if (stuck.has(task)) entries.set(task, bytes);
    });
    return entries;
  });
  const canGoOn = ({ task, mode, askedBytes }: Waiting): boolean => {
    const entries = left[mode]!;
    const held = entries.get(task) ?? 0;
    let used = 0;
    for (const bytes of entries.values()) used += bytes;
    // What unmanaged consumers take may go without anybody here giving back.
    const view = { ...viewOf(manager.regions[mode], used, Math.max(1, entries.size)), unmanaged: 0 };
    return manager.policy.share(view, held, askedBytes) !== MUST_WAIT;
  };
  for (let before = -1; before !== stuck.size;) {
    before = stuck.size;
    for (const each of stuck.values()) {
      if (!canGoOn(each)) continue;
      stuck.delete(each.task);
      for (const entries of left) entries.delete(each.task);
    }
  }
  return stuck;
}
