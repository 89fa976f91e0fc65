// Pauses of the garbage collector, as Node reports them: some ticks after they happened, so that one must wait for them.

import { constants, PerformanceObserver } from "node:perf_hooks";
import { setTimeout } from "node:timers/promises";

export const GC_KINDS = ["minor", "major", "incremental", "weak"] as const;
export type GcKind = (typeof GC_KINDS)[number];

export interface GcPause {
  readonly kind: GcKind;
  readonly startMs: number;
  readonly durationMs: number;
}

const KIND_OF: Readonly<Record<number, GcKind>> = {
  [constants.NODE_PERFORMANCE_GC_MINOR]: "minor",
  [constants.NODE_PERFORMANCE_GC_MAJOR]: "major",
  [constants.NODE_PERFORMANCE_GC_INCREMENTAL]: "incremental",
  [constants.NODE_PERFORMANCE_GC_WEAKCB]: "weak",
};

/** Longest wait for pauses to be reported. */
const REPORT_MS = 5;

/** Collects pauses from now on. */
export class GcWatch {
  readonly #observer: PerformanceObserver;
  #pauses: GcPause[] = [];

  constructor() {
    this.#observer = new PerformanceObserver((list) => this.#keep(list.getEntries()));
    this.#observer.observe({ entryTypes: ["gc"] });
  }

  /** The pauses that began between two moments of `performance.now()`, on that clock; earlier ones are forgotten. */
  async between(startMs: number, endMs: number): Promise<GcPause[]> {
    await setTimeout(REPORT_MS);
    this.#keep(this.#observer.takeRecords());
    const found = this.#pauses.filter((pause) => pause.startMs >= startMs && pause.startMs < endMs);
    this.#pauses = this.#pauses.filter((pause) => pause.startMs >= endMs);
    return found;
  }

  #keep(entries: readonly PerformanceEntry[]): void {
    for (const { startTime, duration, detail } of entries as readonly GcEntry[]) {
      this.#pauses.push({ kind: KIND_OF[detail.kind] ?? "weak", startMs: startTime, durationMs: duration });
    }
  }
}

type GcEntry = PerformanceEntry & { readonly detail: { readonly kind: number } };
