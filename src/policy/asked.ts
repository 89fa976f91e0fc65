// A policy as whoever carries its answers out asks it: every answer can be carried out, or is a BrokenLaw with the law's number.
// A policy that throws has no answer that it could give again (law 10).

import {
  BrokenLaw,
  type Claim,
  MUST_WAIT,
  NOBODY,
  type Policy,
  type Question,
  REFUSE,
  type RegionSizes,
  type RegionView,
  type StoragePurpose,
  type TaskView,
} from "./policy.js";

/** The policy behind a check of every answer. */
export function asked(policy: Policy): Policy {
  return policy instanceof Asked ? policy : new Asked(policy);
}

// No closures: a decision of the common kind allocates nothing.
class Asked implements Policy {
  readonly name: string;
  readonly arbitrate?: NonNullable<Policy["arbitrate"]>;
  readonly #policy: Policy;

  constructor(policy: Policy) {
    this.#policy = policy;
    this.name = policy.name;
    // Whoever has one has tasks spill for each other.
    if (policy.arbitrate !== undefined) this.arbitrate = this.#arbitrate.bind(this);
  }

  ceiling(view: RegionView): number {
    let bytes: number;
    try {
      bytes = this.#policy.ceiling(view);
    } catch (error) {
      throw this.#thrown("ceiling", error);
    }
    if (isWhole(bytes)) return bytes;
    throw this.#broken(5, "ceiling", `${amount(bytes)} for tasks to share`);
  }

  reclaim(view: RegionView, missing: number): number {
    let bytes: number;
    try {
      bytes = this.#policy.reclaim(view, missing);
    } catch (error) {
      throw this.#thrown("reclaim", error);
    }
    if (isWhole(bytes)) return bytes;
    throw this.#broken(bytes < 0 ? 6 : 1, "reclaim", `${amount(bytes)} to take from storage`);
  }

  share(view: RegionView, held: number, bytes: number): number {
    let granted: number;
    try {
      granted = this.#policy.share(view, held, bytes);
    } catch (error) {
      throw this.#thrown("share", error);
    }
    if (granted === MUST_WAIT) return granted;
    const free = view.executionSize - view.executionUsed;
    const asFarAsAsked = isWhole(granted) && granted <= bytes;
    if (asFarAsAsked && granted <= free) return granted;
    const why = `${amount(granted)}: ${bytes} are asked for and ${free} are free`;
    throw this.#broken(asFarAsAsked ? 1 : 2, "share", why);
  }

  lend(view: RegionView, bytes: number, purpose: StoragePurpose): number {
    let lent: number;
    try {
      lent = this.#policy.lend(view, bytes, purpose);
    } catch (error) {
      throw this.#thrown("lend", error);
    }
    const free = view.executionSize - view.executionUsed;
    if (lent === REFUSE || (isWhole(lent) && lent <= free)) return lent;
    throw this.#broken(lent > free ? 6 : 1, "lend", `${amount(lent)}: execution has ${free} free`);
  }

  evict(view: RegionView, bytes: number, purpose: StoragePurpose, unrolled: number): number {
    let evicted: number;
    try {
      evicted = this.#policy.evict(view, bytes, purpose, unrolled);
    } catch (error) {
      throw this.#thrown("evict", error);
    }
    if (isWhole(evicted)) return evicted;
    throw this.#broken(1, "evict", amount(evicted));
  }

  sizes(configured: RegionSizes): RegionSizes {
    if (this.#policy.sizes === undefined) return configured;
    let sizes: RegionSizes;
    try {
      sizes = this.#policy.sizes(configured);
    } catch (error) {
      throw this.#thrown("sizes", error);
    }
    const { total, protectedStorage, execution, storage } = (sizes ?? {}) as Partial<RegionSizes>;
    if (!(isWhole(total) && isWhole(protectedStorage) && isWhole(execution) && isWhole(storage))) {
      const parts = { total, protectedStorage, execution, storage };
      const why = Object.entries(parts).map(([name, bytes]) => `${name} ${amount(bytes)}`);
      throw this.#broken(1, "sizes", `${why.join(", ")}: all are whole numbers of bytes`);
    }
    if (execution + storage !== total)
      throw this.#broken(1, "sizes", `pools of ${execution} and ${storage} bytes: they do not make ${total}`);
    if (protectedStorage > total)
      throw this.#broken(1, "sizes", `${protectedStorage} protected bytes of storage, of ${total} in all`);
    return sizes;
  }

  #arbitrate(view: RegionView, claim: Claim, tasks: readonly TaskView[]): number {
    let at: number;
    try {
      at = this.#policy.arbitrate!(view, claim, tasks);
    } catch (error) {
      throw this.#thrown("arbitrate", error);
    }
    if (at === NOBODY || (isWhole(at) && at < tasks.length)) return at;
    throw this.#broken(9, "arbitrate", `${shown(at)}: ${tasks.length} tasks hold something that can spill`);
  }

  #broken(law: number, question: Question, why: string, options?: { cause?: unknown }): BrokenLaw {
    return new BrokenLaw(law, this.name, question, why, options);
  }

  #thrown(question: Question, cause: unknown): BrokenLaw {
    const why = `an error: ${cause instanceof Error ? cause.message : String(cause)}`;
    return this.#broken(10, question, why, { cause });
  }
}

function isWhole(bytes: unknown): bytes is number {
  return typeof bytes === "number" && Number.isSafeInteger(bytes) && bytes >= 0;
}

function amount(answer: unknown): string {
  return typeof answer === "number" ? `${answer} bytes` : shown(answer);
}

/** An answer in words, so that nobody takes a text or a promise of a number for the number. */
function shown(answer: unknown): string {
  if (typeof answer === "string") return `the text ${JSON.stringify(answer)}`;
  if (typeof answer === "bigint") return `the BigInt ${answer}n`;
  if (typeof answer === "function") return "a function";
  if (typeof answer !== "object" || answer === null) return String(answer);
  return answer instanceof Promise ? "a promise" : "an object";
}
