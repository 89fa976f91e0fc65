// When each consumer of a task last acquired memory and last spilled, for orders of spilling that go by it. A task whose order
// does not has no log and pays nothing.

import type { Candidate, SpillFacts } from "../policy/victim.js";
import type { Consumer } from "./consumer.js";

export class SpillLog {
  #requests = 0;
  #spills = 0;
  readonly #lastUse = new Map<Consumer, number>();
  readonly #lastSpill = new Map<Consumer, number>();

  /** The consumer asks for memory. */
  used(consumer: Consumer): void {
    this.#lastUse.set(consumer, (this.#requests += 1));
  }

  /** The consumer is asked to spill. */
  spilled(consumer: Consumer): void {
    this.#lastSpill.set(consumer, (this.#spills += 1));
  }

  factsOf(consumer: Consumer): SpillFacts {
    return {
      writes: consumer.spillCostBytes(),
      lastUse: this.#lastUse.get(consumer) ?? 0,
      lastSpill: this.#lastSpill.get(consumer) ?? 0,
    };
  }

  /** A candidate that has spilled and stays one: whose turn it was is known at once, sizes stay as they were (section 5.2). */
  asSpilled({ consumer, key, facts }: Candidate<Consumer>): Candidate<Consumer> {
    return { consumer, key, facts: { ...facts!, lastSpill: this.#lastSpill.get(consumer)! } };
  }

  /** The task has let go of its consumers. */
  clear(): void {
    this.#lastUse.clear();
    this.#lastSpill.clear();
  }
}
