// What a mix of decisions costs when several workers share one memory, from a few times that the bench measures one by one.

/** Times in nanoseconds. */
export interface Costs {
  /** A decision, alone: what it takes in any case, and for each task that has a slot. */
  readonly decision: number;
  readonly slot: number;
  /** A cache line on its way from one core to another. */
  readonly line: number;
  /** A sleep that another worker ends: from its notify until the sleeper runs. */
  readonly sleep: number;
}

/** What one operation of a mix comes to. */
export interface Demand {
  readonly decisions: number;
  readonly sleeps: number;
  /** Nanoseconds that it spends outside of decisions. */
  readonly aside: number;
}

/** Cache lines that every decision touches besides the slots': the lock's, one of each mode's cells, two of the undo log. */
const COMMON_LINES = 5;

/**
 * Nanoseconds that a decision keeps the lock, with `tasks` slots in use and workers running on `cores` cores. A decision closes
 * and opens every slot, so all their lines come along when the lock has been on another core before: in one of `cores` cases
 * it has not.
 */
export function holdNs({ decision, slot, line }: Costs, tasks: number, cores: number): number {
  return decision + slot * tasks + (1 - 1 / cores) * line * (COMMON_LINES + tasks);
}

/**
 * Operations a second of `workers` workers with a task each on `cores` cores. Those that run are the customers of one server,
 * the lock, and spend the rest of their time beside it: mean value analysis of a closed queue (Reiser and Lavenberg, 1980),
 * exact for exponential times. More workers than cores take turns: they lengthen the hold and add sleeps, no customers.
 */
export function opsPerSecond(costs: Costs, demand: Demand, workers: number, cores: number): number {
  const running = Math.min(workers, cores);
  const hold = holdNs(costs, workers, running);
  const beside = (demand.aside + demand.sleeps * costs.sleep) / demand.decisions;
  let queue = 0;
  let decisionsPerNs = 0;
  for (let customers = 1; customers <= running; customers += 1) {
    const response = hold * (1 + queue);
    decisionsPerNs = customers / (response + beside);
    queue = decisionsPerNs * response;
  }
  return (decisionsPerNs / demand.decisions) * 1e9;
}

/** The line through the times of decisions with few and with many slots. */
export function decisionCosts(few: { tasks: number; ns: number }, many: { tasks: number; ns: number }) {
  const slot = Math.max(0, (many.ns - few.ns) / (many.tasks - few.tasks));
  return { slot, decision: few.ns - slot * few.tasks };
}
