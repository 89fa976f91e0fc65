// Who waits at a row, since when, and for whom: the wait-for graph as a recording tells it, kept up row by row.

import type { ToldLine } from "./exported.js";
import type { FactOf } from "./facts.js";
import type { Known } from "./tell.js";

/** A wait: its request, its first look and its last. */
export interface OpenWait {
  /** The row it began in. */
  readonly row: number;
  readonly asked: FactOf<"asked">;
  readonly first: FactOf<"waits">;
  last: FactOf<"waits">;
}

/** Calls by which a task shows that it waits no longer for what it asked for before. */
const ANEW: ReadonlySet<string> = new Set(["execAcquire", "acquire", "allocatePage", "execReleaseAll", "endTask"]);

export class OpenWaits {
  readonly #open = new Map<number, OpenWait>();

  get size(): number {
    return this.#open.size;
  }

  /** Those that wait after the last row, the longest first. */
  get all(): OpenWait[] {
    return [...this.#open.values()];
  }

  /** Takes the next row and returns the waits that it ended: by serving them, or since they were given up. */
  add({ ask, facts }: Pick<ToldLine, "ask" | "facts">, known: Known): OpenWait[] {
    if (facts.length === 0 && this.#open.size === 0) return [];
    const ended: OpenWait[] = [];
    const end = (task: number): void => {
      const wait = this.#open.get(task);
      if (wait === undefined) return;
      this.#open.delete(task);
      ended.push(wait);
    };
    if (ANEW.has(ask.op) || ask.op === "interrupt") end(ask["task"] as number);
    // Whoever looks again is served or gives up, unless it says that it waits on.
    const looked = new Set<number>();
    for (const fact of facts) {
      if (fact.kind === "woken" || fact.kind === "gaveUp") looked.add(fact.task);
      if (fact.kind !== "waits") continue;
      const asked = known(fact.cause);
      if (asked?.kind !== "asked") continue;
      looked.delete(asked.task);
      const wait = this.#open.get(asked.task);
      if (wait === undefined) this.#open.set(asked.task, { row: fact.row, asked, first: fact, last: fact });
      else wait.last = fact;
    }
    looked.forEach(end);
    return ended;
  }
}

/** Those who hold what a wait is for, the largest first and no more than it needs: whom it waits for. */
export function awaited({ holders, needBytes }: FactOf<"waits">): FactOf<"waits">["holders"] {
  let rest = needBytes;
  return holders.filter(([, bytes]) => {
    const needed = rest > 0;
    rest -= bytes;
    return needed;
  });
}
