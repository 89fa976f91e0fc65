// The executors of a log. Those alike are told as one kind, so that a log with a million executors keeps no more than one
// with ten kinds of them.

import type { ExecutorMetrics, LogEvent } from "./event.js";

/** Executors that are alike: same role, profile, cores and memory. */
export interface ExecutorKind {
  readonly role: "driver" | "executor";
  readonly profile: number;
  /** Null when the log does not tell. */
  readonly cores: number | null;
  /** What the block manager reported, bytes; on-heap and off-heap null before 2.2, which reported the sum only. */
  readonly maximumBytes: number;
  readonly onHeapBytes: number | null;
  readonly offHeapBytes: number | null;
  readonly count: number;
  /** The first few. */
  readonly ids: readonly string[];
  /** Greatest value of each metric over all of them, by Spark's names; those that were never above 0 left out. */
  readonly peaks: ExecutorMetrics;
  /** How many of them reported a metric above 0. */
  readonly sampled: number;
}

interface Executor {
  readonly id: string;
  cores: number | null;
  profile: number;
  manager: Extract<LogEvent, { kind: "managerAdded" }> | null;
  readonly peaks: Record<string, number>;
}

const MOST_EXECUTORS = 50_000;
const LISTED_IDS = 8;

export class Executors {
  readonly #executors = new Map<string, Executor>();
  /** Kinds of those that are not kept one by one any more. */
  #past: readonly ExecutorKind[] = [];
  readonly #alive = new Set<string>();
  #mostAlive = 0;

  added({ executor, cores, profile }: Extract<LogEvent, { kind: "executorAdded" }>): void {
    Object.assign(this.#of(executor), { cores, profile });
  }

  managerAdded(event: Extract<LogEvent, { kind: "managerAdded" }>): void {
    this.#of(event.executor).manager = event;
    if (roleOf(event.executor) === "executor") this.#alive.add(event.executor);
    this.#mostAlive = Math.max(this.#mostAlive, this.#alive.size);
  }

  gone(executor: string): void {
    this.#alive.delete(executor);
  }

  sampled(executor: string, metrics: ExecutorMetrics): void {
    const peaks = this.#of(executor).peaks;
    for (const name in metrics) {
      const value = metrics[name]!;
      if (value > (peaks[name] ?? 0)) peaks[name] = value;
    }
  }

  /** What the executor's block manager said, when it is still known. */
  find(executor: string): { readonly onHeapBytes: number; readonly cores: number | null } | null {
    const found = this.#executors.get(executor);
    if (found?.manager === null || found === undefined) return null;
    return { onHeapBytes: found.manager.onHeapBytes ?? found.manager.maximumBytes, cores: found.cores };
  }

  /** Most executors besides the driver that lived at once. */
  get mostAlive(): number {
    return this.#mostAlive;
  }

  get kept(): number {
    return this.#executors.size + this.#past.length;
  }

  /** In the order of their first executor. */
  kinds(): readonly ExecutorKind[] {
    return merged([...this.#past, ...[...this.#executors.values()].flatMap(kindOf)]);
  }

  #of(id: string): Executor {
    const known = this.#executors.get(id);
    if (known !== undefined) return known;
    if (this.#executors.size >= MOST_EXECUTORS) {
      this.#past = this.kinds();
      this.#executors.clear();
    }
    const executor: Executor = { id, cores: null, profile: 0, manager: null, peaks: {} };
    this.#executors.set(id, executor);
    return executor;
  }
}

/** 1.x named its driver `<driver>`. */
export function roleOf(executor: string): ExecutorKind["role"] {
  return executor === "driver" || executor === "<driver>" ? "driver" : "executor";
}

function kindOf({ id, cores, profile, manager, peaks }: Executor): ExecutorKind[] {
  if (manager === null) return [];
  const { maximumBytes, onHeapBytes, offHeapBytes } = manager;
  const sampled = Object.keys(peaks).length > 0 ? 1 : 0;
  return [
    {
      role: roleOf(id),
      profile,
      cores,
      maximumBytes,
      onHeapBytes,
      offHeapBytes,
      count: 1,
      ids: [id],
      peaks,
      sampled,
    },
  ];
}

function merged(kinds: readonly ExecutorKind[]): readonly ExecutorKind[] {
  const byLikeness = new Map<string, ExecutorKind>();
  for (const each of kinds) {
    const { role, profile, cores, maximumBytes, onHeapBytes, offHeapBytes } = each;
    const key = [role, profile, cores, maximumBytes, onHeapBytes, offHeapBytes].join(" ");
    const alike = byLikeness.get(key);
    byLikeness.set(key, alike === undefined ? each : both(alike, each));
  }
  return [...byLikeness.values()];
}

function both(a: ExecutorKind, b: ExecutorKind): ExecutorKind {
  const names = new Set([...Object.keys(a.peaks), ...Object.keys(b.peaks)]);
  return {
    ...a,
    count: a.count + b.count,
    ids: [...a.ids, ...b.ids].slice(0, LISTED_IDS),
    peaks: Object.fromEntries([...names].map((name) => [name, Math.max(a.peaks[name] ?? 0, b.peaks[name] ?? 0)])),
    sampled: a.sampled + b.sampled,
  };
}
