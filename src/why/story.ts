// Rows and their facts as they come by: what happened how often, who paid for whom, and enough of the past to tell the chain
// behind a fact. What is remembered is bounded by the tasks, not by the length of the recording.

import { type Fact, FACT_KINDS, type FactKind, type FactOf } from "./facts.js";
import { awaited } from "./open-waits.js";
import { beneficiary, chain, type Known } from "./tell.js";

/** Facts that are remembered, so that chains can be told: those that came last. */
const REMEMBERED = 65_536;
/** The largest spills and evictions that a story keeps. */
const LARGEST = 3;
/** Deadlocks and starvations that are kept. */
const MOST_TROUBLE = 100;

/** A task, or storage: blocks of no known task. */
export type Party = number | "storage";

/** What `payer` gave up or waited for, for the sake of `for`. Bytes. */
export interface Payment {
  /** Who gave up or waited. */
  readonly payer: Party;
  /** For whose sake. */
  readonly for: Party;
  /** What its consumers spilled. */
  spilledBytes: number;
  /** Sizes of its blocks that were evicted. */
  evictedBytes: number;
  /** What a waiter needed back from its holder, counted once a wait. */
  waitedBytes: number;
}

/** A fact in words. `chain`: its sentence, and those of what led to it, latest first. */
export interface Told {
  /** The row in whose course it came about. */
  readonly row: number;
  /** Its number. */
  readonly n: number;
  /** What it is. */
  readonly kind: FactKind;
  /** Sentences. */
  readonly chain: readonly string[];
}

/**
 * What the facts of a recording come to: counts, deadlocks and starvation, who paid for whom, the largest spills.
 *
 * @example
 * ```ts
 * import { openExecutor } from "tungsten-memory";
 * import { CauseReader, CauseRecorder, Story } from "tungsten-memory/why";
 *
 * const story = new Story();
 * const reader = new CauseReader("run.causes");
 * const executor = openExecutor({ conf: { "spark.executor.memory": "1g" }, pages: "accounts" });
 * const recorder = new CauseRecorder(executor, (bytes) => {
 *   for (const row of reader.feed(bytes)) story.add(row.facts);
 * });
 * executor.manager.acquireExecution(2 ** 40, 1, 0);
 * recorder.end();
 * console.log(story.counts.short); // 1
 * ```
 */
export class Story {
  /** Rows so far; whoever adds their facts keeps it. */
  rows = 0;
  /** Facts so far, by kind. */
  readonly counts: Record<FactKind, number> = Object.fromEntries(FACT_KINDS.map((kind) => [kind, 0])) as Record<
    FactKind,
    number
  >;
  /** Requests that had to wait; `counts.waits` counts every look of theirs. */
  waits = 0;
  /** Deadlocks and starvations, the first of them. */
  readonly trouble: Told[] = [];
  // By payer, then by whom it was paid for.
  readonly #payments = new Map<Party, Map<Party, Payment>>();
  readonly #ring: (Fact | undefined)[] = [];
  #largest: { readonly bytes: number; readonly told: Told }[] = [];

  /** A fact by its number, while it is remembered: the last 65,536 are. */
  readonly known: Known = (n) => {
    const fact = this.#ring[n % REMEMBERED];
    return fact?.n === n ? fact : undefined;
  };

  /** Takes the facts of the next row, in their order. */
  add(facts: readonly Fact[]): void {
    for (const fact of facts) {
      this.#ring[fact.n % REMEMBERED] = fact;
      this.counts[fact.kind] += 1;
      if (fact.kind === "spilled") this.#spilled(fact);
      else if (fact.kind === "evicted") this.#evicted(fact);
      else if (fact.kind === "waits") this.#waited(fact);
      else if ((fact.kind === "deadlock" || fact.kind === "starved") && this.trouble.length < MOST_TROUBLE)
        this.trouble.push(this.tell(fact));
    }
  }

  /** A fact in words. It has been added, and not long ago. */
  tell(fact: Fact): Told {
    return { row: fact.row, n: fact.n, kind: fact.kind, chain: chain(fact, this.known) };
  }

  /** Whether a fact is about a task: its request, its spill, its wait, its block, or what it caused. */
  isAbout(fact: Fact, task: number): boolean {
    if ("task" in fact && fact.task === task) return true;
    switch (fact.kind) {
      case "spilled":
        return fact.forTask === task;
      case "evicted":
        return fact.owner === task || this.#causedBy(fact, task);
      case "woken":
        return fact.by === task;
      case "waits":
        return fact.holders.some(([holder]) => holder === task) || this.#causedBy(fact, task);
      case "deadlock":
        return fact.cycle.some(([each]) => each === task);
      default:
        return this.#causedBy(fact, task);
    }
  }

  /** Whether a fact is about a block: that it left, or what came of its wish for memory. */
  isAboutBlock(fact: Fact, block: string): boolean {
    const wanted = this.known(fact.cause);
    return ("block" in fact && fact.block === block) || (wanted?.kind === "wanted" && wanted.block === block);
  }

  /** Who paid for whom, the most first. */
  get payments(): Payment[] {
    const total = (each: Payment): number => each.spilledBytes + each.evictedBytes + each.waitedBytes;
    return [...this.#payments.values()].flatMap((paid) => [...paid.values()]).sort((a, b) => total(b) - total(a));
  }

  /** The largest spills, in words. */
  get largest(): Told[] {
    return this.#largest.map(({ told }) => told);
  }

  #causedBy(fact: Fact, task: number): boolean {
    return beneficiary(this.known(fact.cause)) === task;
  }

  #spilled(fact: FactOf<"spilled">): void {
    if (fact.freedBytes <= 0) return;
    this.#payment(fact.task, fact.forTask).spilledBytes += fact.freedBytes;
    const least = this.#largest.at(-1);
    if (this.#largest.length === LARGEST && least!.bytes >= fact.freedBytes) return;
    const kept = [...this.#largest, { bytes: fact.freedBytes, told: this.tell(fact) }];
    this.#largest = kept.sort((a, b) => b.bytes - a.bytes).slice(0, LARGEST);
  }

  #evicted(fact: FactOf<"evicted">): void {
    const by = beneficiary(this.known(fact.cause));
    this.#payment(fact.owner ?? "storage", by ?? "storage").evictedBytes += fact.bytes;
  }

  // A look that has to wait again pays nothing new.
  #waited(fact: FactOf<"waits">): void {
    const asked = this.known(fact.cause);
    if (asked?.kind !== "asked" || this.known(asked.cause)?.kind === "woken") return;
    this.waits += 1;
    let rest = fact.needBytes;
    for (const [holder, bytes] of awaited(fact)) {
      this.#payment(asked.task, holder).waitedBytes += Math.min(rest, bytes);
      rest -= bytes;
    }
  }

  #payment(payer: Party, whose: Party): Payment {
    let paid = this.#payments.get(payer);
    if (paid === undefined) {
      paid = new Map();
      this.#payments.set(payer, paid);
    }
    let payment = paid.get(whose);
    if (payment === undefined) {
      payment = { payer, for: whose, spilledBytes: 0, evictedBytes: 0, waitedBytes: 0 };
      paid.set(whose, payment);
    }
    return payment;
  }
}
