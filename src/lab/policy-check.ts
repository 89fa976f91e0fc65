// Is this a policy? It has the functions, gives answers that can be carried out, depends on nothing but its arguments and
// leaves them alone. What can be seen from outside, on views drawn from a seed: a policy that passes may still be bad advice.

import { closest } from "../closest.js";
import { type Mode, OFF_HEAP, ON_HEAP } from "../memory/mode.js";
import { asked } from "../policy/asked.js";
import {
  BrokenLaw,
  type Claim,
  type Policy,
  type Question,
  type RegionSizes,
  type RegionView,
  type TaskView,
} from "../policy/policy.js";
import { Random } from "../trace/random.js";

const QUESTIONS = ["ceiling", "reclaim", "share", "lend", "evict"] as const;
const OPTIONAL = ["arbitrate", "sizes"] as const;

function shapeFaults(value: unknown): string[] {
  if (value instanceof Promise) return ["it is a promise: export what it holds"];
  if (typeof value !== "object" || value === null) return ["it is no object"];
  const given = value as Record<string, unknown>;
  const faults: string[] = [];
  if (typeof given["name"] !== "string" || given["name"] === "") faults.push("it has no name");
  const known: readonly string[] = ["name", ...QUESTIONS, ...OPTIONAL];
  const strange = Object.keys(given).filter((key) => !known.includes(key));
  for (const question of QUESTIONS) {
    if (typeof given[question] === "function") continue;
    const misspelt = closest(question, strange);
    faults.push(`it has no function ${question}${misspelt === null ? "" : ` (there is ${misspelt})`}`);
  }
  for (const question of OPTIONAL) {
    if (given[question] !== undefined && typeof given[question] !== "function")
      faults.push(`its ${question} is no function`);
  }
  return faults;
}

/**
 * What is wrong with a policy, in words: its shape, else its answers on `views` views drawn from `seed`, one complaint for
 * each law and question; empty when nothing is. The views are frozen and each is asked twice, with others in between.
 */
export function policyFaults(value: unknown, views: number = 64, seed: number = 1): string[] {
  const shape = shapeFaults(value);
  return shape.length > 0 ? shape : answerFaults(value as Policy, views, seed);
}

function answerFaults(policy: Policy, views: number, seed: number): string[] {
  const faults = new Map<string, string>();
  const cases = Array.from({ length: views }, (_, at) => new Probe(policy, new Random(seed + at), faults));
  const first = cases.map((probe) => probe.answers());
  cases.forEach((probe, at) => {
    for (const [question, two] of Object.entries(probe.answers())) {
      const one = first[at]![question];
      if (one !== undefined && one !== two) probe.unlike(question.split(" ")[0] as Question, one, two);
    }
  });
  return [...faults.values()];
}

/** One view, one request of each kind, and what must hold of the answers. */
class Probe {
  readonly #policy: Policy;
  readonly #faults: Map<string, string>;
  readonly #view: RegionView;
  readonly #held: number;
  readonly #bytes: number;
  readonly #unrolled: number;
  readonly #claim: Claim;
  readonly #tasks: readonly TaskView[];
  readonly #sizes: RegionSizes;

  constructor(policy: Policy, random: Random, faults: Map<string, string>) {
    this.#policy = asked(policy);
    this.#faults = faults;
    const upTo = (most: number): number => random.below(most + 1);
    const total = upTo(random.of([0, 10, 1000, 2 ** 30, 2 ** 38]));
    const storageSize = upTo(total);
    const executionSize = total - storageSize;
    const executionUsed = random.of([0, executionSize, upTo(executionSize)]);
    const entries = 1 + upTo(random.of([0, 3, 40]));
    this.#view = Object.freeze({
      mode: random.of<Mode>([ON_HEAP, OFF_HEAP]),
      total,
      protectedStorage: upTo(total),
      executionSize,
      executionUsed,
      storageSize,
      storageUsed: random.of([0, storageSize, upTo(storageSize)]),
      unmanaged: random.of([0, upTo(total)]),
      entries,
    });
    const { protectedStorage } = this.#view;
    this.#sizes = Object.freeze({ total, protectedStorage, execution: executionSize, storage: storageSize });
    this.#held = upTo(executionUsed);
    this.#bytes = 1 + upTo(total);
    this.#unrolled = upTo(this.#view.storageUsed);
    this.#tasks = Object.freeze(
      Array.from({ length: upTo(4) }, (_, task) => Object.freeze({ task, held: upTo(1000), spillable: 1 + upTo(99) })),
    );
    this.#claim = Object.freeze({ task: 0, held: this.#held, missing: this.#bytes, waits: random.below(2) === 0 });
  }

  /** What it answers, by question; those that break a law are noted and left out. */
  answers(): Record<string, number> {
    const policy = this.#policy;
    const view = this.#view;
    const bytes = this.#bytes;
    const { executionSize, executionUsed } = view;
    const answers: Record<string, number> = {};
    const ask = (question: string, answer: () => number): number | null => {
      try {
        return (answers[question] = answer());
      } catch (error) {
        if (!(error instanceof BrokenLaw)) throw error;
        this.#note(error);
        return null;
      }
    };
    const ceiling = ask("ceiling", () => policy.ceiling(view));
    const elsewhere = { ...view, executionUsed: executionSize - executionUsed, entries: view.entries + 1 };
    const there = ask("ceiling elsewhere", () => policy.ceiling(elsewhere));
    if (ceiling !== null && there !== null && there !== ceiling)
      this.#fault(5, "ceiling", "a size that depends on executionUsed or entries");

    const granted = ask("share", () => policy.share(view, this.#held, bytes));
    const within = bytes <= executionSize - executionUsed && (this.#held + bytes) * view.entries <= (ceiling ?? 0);
    if (granted !== null && within && granted !== bytes)
      this.#fault(5, "share", `${granted} of ${bytes} bytes that its ceiling allows`);

    ask("reclaim", () => policy.reclaim(view, bytes));
    for (const purpose of ["storage", "unroll"] as const) {
      ask(`lend ${purpose}`, () => policy.lend(view, bytes, purpose));
      ask(`evict ${purpose}`, () => policy.evict(view, bytes, purpose, this.#unrolled));
    }
    if (policy.arbitrate !== undefined) ask("arbitrate", () => policy.arbitrate!(view, this.#claim, this.#tasks));
    ask("sizes", () => policy.sizes!(this.#sizes).total);
    return answers;
  }

  /** Notes that the same was answered otherwise. */
  unlike(question: Question, one: number, two: number): void {
    this.#fault(10, question, `${one} and then ${two} to the same view`);
  }

  #fault(law: number, question: Question, why: string): void {
    this.#note(new BrokenLaw(law, this.#policy.name, question, why));
  }

  // One complaint of a kind is enough.
  #note({ law, question, message }: BrokenLaw): void {
    const kind = `${law} ${question}`;
    if (!this.#faults.has(kind)) this.#faults.set(kind, message);
  }
}
