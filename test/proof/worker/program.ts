// Programs: what each worker of a run asks for, and the random ones.

import type { RegionSizes } from "../../../src/memory/manager.js";

/** What a worker does. `waits` says how an acquire waits: until it is answered, or for a time that may run out. */
export type Operation =
  | {
      readonly does: "acquire";
      readonly bytes: number;
      readonly task: number;
      readonly mode?: 0 | 1;
      readonly waits?: "patiently" | "briefly";
    }
  | { readonly does: "release"; readonly bytes: number; readonly task: number; readonly mode?: 0 | 1 }
  | { readonly does: "releaseAll"; readonly task: number }
  | { readonly does: "taskEnded"; readonly task: number }
  | { readonly does: "put"; readonly bytes: number; readonly mode?: 0 | 1 }
  | { readonly does: "drop"; readonly bytes: number; readonly mode?: 0 | 1 }
  | { readonly does: "dropAll"; readonly mode?: 0 | 1 }
  | { readonly does: "state"; readonly mode?: 0 | 1 }
  /** Execution memory used in both modes. */
  | { readonly does: "used" }
  | { readonly does: "held"; readonly task: number; readonly mode?: 0 | 1 }
  /** Stops for ever in the middle of a decision that has granted `bytes` to a task. */
  | { readonly does: "die"; readonly bytes: number; readonly task: number }
  /** Gives back what those had who die, to the end of the run. */
  | { readonly does: "recover" }
  /** `bytes` random acquires and releases of a task, from a seed, recorded as one call. */
  | { readonly does: "churn"; readonly bytes: number; readonly task: number; readonly seed: number }
  | Deed;

/** What a worker of a whole executor does besides. */
export type Deed =
  /** A page of a task's consumer, and the last one given back. */
  | { readonly does: "page"; readonly bytes: number; readonly task: number }
  | { readonly does: "freePage"; readonly task: number }
  /** A page that others know by `passed`: one to be freed by whoever comes, or handed over to a worker for good. */
  | { readonly does: "lend"; readonly bytes: number; readonly passed: number }
  | { readonly does: "hand"; readonly bytes: number; readonly passed: number; readonly to: number }
  | { readonly does: "freeLent"; readonly passed: number }
  | { readonly does: "receive"; readonly bytes: number; readonly passed: number }
  | { readonly does: "putBlock" | "unroll"; readonly block: number; readonly bytes: number; readonly mode: 0 | 1 }
  | { readonly does: "pin" | "unpin" | "readBlock" | "removeBlock"; readonly block: number }
  | { readonly does: "endTask"; readonly task: number }
  /** Leaves the executor; attaches to it again, at another place or the same. */
  | { readonly does: "leave" | "comeAgain" };

export type Program = readonly Operation[];

/** Calls of the manager, as they are recorded. A retry follows every wake-up, a give-up a time that ran out. */
export const CALLS = [
  "acquire",
  "retry",
  "giveUp",
  "release",
  "releaseAll",
  "taskEnded",
  "put",
  "drop",
  "dropAll",
  "state",
  "held",
  "used",
  "die",
  "recover",
  "churn",
  "page",
  "freePage",
  "lend",
  "hand",
  "freeLent",
  "receive",
  "putBlock",
  "unroll",
  "pin",
  "unpin",
  "readBlock",
  "removeBlock",
  "endTask",
  "leave",
  "comeAgain",
] as const;
export type Call = (typeof CALLS)[number];

/** The result of a retry whose entry was gone. */
export const LOST = -3;

/** The pools of one run. */
export interface Pools {
  readonly onHeap: RegionSizes;
  readonly offHeap: RegionSizes;
  /** Whether blocks are dropped with the lock let go, as by a store that writes them to disk. */
  readonly slowEviction?: boolean;
}

/** Pools of `execution` and `storage` bytes, the latter protected up to `protectedStorage`. */
export function sizes(execution: number, storage = 0, protectedStorage = storage): RegionSizes {
  return { total: execution + storage, protectedStorage, execution, storage };
}

/** One run's worth: pools, what has happened before, and a program for each worker. */
export interface Scenario {
  readonly name: string;
  readonly pools: Pools;
  readonly slots?: number;
  /** Done by the creator, before the workers begin. */
  readonly before?: Program;
  readonly programs: readonly Program[];
}

/**
 * A random scenario: 2 to 4 workers with 3 to 6 operations each, on pools so small that refusals, waits and evictions are
 * common. `ends` adds what lets everybody else come to an end: each worker gives its tasks' memory back at last.
 */
export function randomScenario(random: () => number, name: string, ends: boolean): Scenario {
  const below = (n: number): number => Math.floor(random() * n);
  const region = (): RegionSizes => {
    const execution = 8 + below(60);
    const storage = random() < 0.7 ? below(50) : 0;
    return sizes(execution, storage, below(storage + 1));
  };
  const offHeap = random() < 0.5 ? region() : sizes(16);
  const pools = { onHeap: region(), offHeap, slowEviction: random() < 0.3 };
  const workers = 2 + below(3);
  const bothModes = random() < 0.4;
  const mode = (): 0 | 1 => (bothModes && random() < 0.4 ? 1 : 0);
  const bytes = (of: 0 | 1): number => 1 + below(Math.max(2, (of === 0 ? pools.onHeap : pools.offHeap).total / 2));
  // Two workers may work for one task.
  const taskOf = (worker: number): number => (random() < 0.15 ? 10 : 10 + worker);
  const operation = (worker: number): Operation => {
    const where = mode();
    const task = taskOf(worker);
    const dice = random();
    if (dice < 0.42) {
      const waits = random() < 0.2 ? "briefly" : "patiently";
      return { does: "acquire", bytes: bytes(where), task, mode: where, waits };
    }
    if (dice < 0.66) return { does: "release", bytes: random() < 0.2 ? 0 : bytes(where), task, mode: where };
    if (dice < 0.72) return { does: "releaseAll", task };
    if (dice < 0.75) return { does: "taskEnded", task };
    if (dice < 0.85) return { does: "put", bytes: below(bytes(where) + 1), mode: where };
    if (dice < 0.92) return { does: "drop", bytes: bytes(where), mode: where };
    if (dice < 0.94) return { does: "dropAll", mode: where };
    if (dice < 0.97) return { does: "state", mode: where };
    return { does: "held", task, mode: where };
  };
  const programs = Array.from({ length: workers }, (_, worker) => {
    const program = Array.from({ length: 3 + below(4) }, () => operation(worker));
    if (!ends) return program;
    const tasks = new Set([10 + worker, ...program.flatMap((each) => ("task" in each ? [each.task] : []))]);
    return [...program, ...[...tasks].map((task) => ({ does: "releaseAll", task }) as const)];
  });
  const before: Operation[] = [];
  for (let i = below(4); i > 0; i -= 1) {
    const where = mode();
    if (random() < 0.5) before.push({ does: "put", bytes: bytes(where), mode: where });
    else
      before.push({ does: "acquire", bytes: bytes(where), task: 10 + below(workers), mode: where, waits: "briefly" });
  }
  return { name, pools, before, programs };
}
