// Whether it matters in what order waiters look. Spark leaves that order open, so a trace of several waiters asks only what comes
// out the same in every order. The rule is that of an execution pool that cannot grow (section 3.2 of the law).

import { divide } from "../policy/policy.js";

/** An execution pool, beside a storage pool that has nothing to give. */
export interface ExecutionPool {
  readonly bytes: number;
  /** Balances by task, those of 0 included. */
  readonly held: ReadonlyMap<number, number>;
}

/** A request that waits. */
export interface Waiting {
  readonly task: number;
  readonly bytes: number;
}

/** What one look comes to: bytes, or that the task goes on waiting, or that its entry is gone. */
type Look = number | "waits" | "lost";

/** A request of the row at hand: `bytes` more or fewer for `task`. */
export interface Change extends Waiting {
  readonly kind: "acquire" | "release";
}

/** Whether, after `change`, some waiter is answered differently in another order of looks. */
export function orderMatters(pool: ExecutionPool, waiters: readonly Waiting[], change: Change | null): boolean {
  const held = new Map(pool.held);
  if (change !== null) apply(change, pool.bytes, held);
  const after = { bytes: pool.bytes, held };
  const outcomes = permutations(waiters).map((order) => outcome(after, order));
  return outcomes.some((each) => each !== outcomes[0]);
}

function apply({ kind, task, bytes }: Change, size: number, held: Map<number, number>): void {
  if (kind === "acquire") {
    if (!held.has(task)) held.set(task, 0);
    const answer = look(size, held, task, bytes);
    if (typeof answer === "number") held.set(task, held.get(task)! + answer);
  } else if (held.has(task)) {
    const rest = held.get(task)! - bytes;
    if (rest > 0) held.set(task, rest);
    else held.delete(task);
  }
}

function outcome(pool: ExecutionPool, order: readonly Waiting[]): string {
  const held = new Map(pool.held);
  const looks = order.map(({ task, bytes }): [number, Look] => {
    const answer = look(pool.bytes, held, task, bytes);
    if (typeof answer === "number") held.set(task, held.get(task)! + answer);
    return [task, answer];
  });
  return JSON.stringify(looks.sort(([a], [b]) => a - b));
}

function look(size: number, held: ReadonlyMap<number, number>, task: number, bytes: number): Look {
  const mine = held.get(task);
  if (mine === undefined) return "lost";
  const free = size - [...held.values()].reduce((sum, each) => sum + each, 0);
  const offer = Math.min(bytes, Math.max(0, divide(size, held.size) - mine), free);
  return offer < bytes && mine + offer < divide(size, 2 * held.size) ? "waits" : offer;
}

function permutations<T>(items: readonly T[]): T[][] {
  if (items.length < 2) return [[...items]];
  return items.flatMap((first, at) => permutations(items.toSpliced(at, 1)).map((rest) => [first, ...rest]));
}
