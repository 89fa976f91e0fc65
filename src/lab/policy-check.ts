// Is this a policy? It has the functions, gives answers that can be carried out, depends on nothing but its arguments and
// leaves them alone. What can be seen from outside, on views drawn from a seed: a policy that passes may still be bad advice.

import { closest } from "../closest.js";
import { type Mode, OFF_HEAP, ON_HEAP } from "../memory/mode.js";
import {
  BrokenLaw,
  type Claim,
  MUST_WAIT,
  NOBODY,
  type Policy,
  REFUSE,
  type RegionView,
  type TaskView,
} from "../policy/policy.js";
import { Random } from "../trace/random.js";

const QUESTIONS = ["ceiling", "reclaim", "share", "lend", "evict"] as const;
const OPTIONAL = ["arbitrate", "sizes"] as const;

function shapeFaults(value: unknown): string[] {
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
    const again = probe.answers();
    for (const question of Object.keys(again)) {
      const [one, two] = [first[at]![question], again[question]];
      if (!Object.is(one, two)) probe.fault(10, question as keyof Policy, `${one} and then ${two} to the same view`);
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

  constructor(policy: Policy, random: Random, faults: Map<string, string>) {
    this.#policy = policy;
    this.#faults = faults;
    const upTo = (most: number): number => random.below(most + 1);
    const total = upTo(random.of([0, 10, 1000, 2 ** 30]));
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
    this.#held = upTo(executionUsed);
    this.#bytes = 1 + upTo(total);
    this.#unrolled = upTo(this.#view.storageUsed);
    this.#tasks = Object.freeze(
      Array.from({ length: upTo(4) }, (_, task) => Object.freeze({ task, held: upTo(1000), spillable: 1 + upTo(99) })),
    );
    this.#claim = Object.freeze({ task: 0, held: this.#held, missing: this.#bytes, waits: random.below(2) === 0 });
  }

  answers(): Record<string, number> {
    const policy = this.#policy;
    const view = this.#view;
    const bytes = this.#bytes;
    const { executionSize, executionUsed } = view;
    const free = executionSize - executionUsed;
    const answers: Record<string, number> = {};
    const ask = (question: (typeof QUESTIONS)[number] | "arbitrate", answer: () => number): number => {
      try {
        return (answers[question] = answer());
      } catch (error) {
        if (!(error instanceof TypeError)) throw error;
        this.fault(10, question, `an error to a view that cannot be changed: ${error.message}`);
        return (answers[question] = 0);
      }
    };
    const whole = (answer: number, least: number, most: number): boolean =>
      Number.isSafeInteger(answer) && answer >= least && answer <= most;

    const ceiling = ask("ceiling", () => policy.ceiling(view));
    if (!whole(ceiling, 0, Infinity)) this.fault(5, "ceiling", `${ceiling}`);
    const elsewhere = policy.ceiling({
      ...view,
      executionUsed: executionSize - executionUsed,
      entries: view.entries + 1,
    });
    if (elsewhere !== ceiling) this.fault(5, "ceiling", "a size that depends on executionUsed or entries");

    const granted = ask("share", () => policy.share(view, this.#held, bytes));
    if (granted !== MUST_WAIT && !whole(granted, 0, Math.min(bytes, free)))
      this.fault(whole(granted, 0, bytes) ? 1 : 2, "share", `${granted} of ${bytes} bytes, ${free} being free`);
    if (bytes <= free && (this.#held + bytes) * view.entries <= ceiling && granted !== bytes)
      this.fault(5, "share", `${granted} of ${bytes} bytes that its ceiling allows`);

    const wanted = ask("reclaim", () => policy.reclaim(view, bytes));
    if (!whole(wanted, 0, Infinity)) this.fault(wanted < 0 ? 6 : 1, "reclaim", `${wanted} bytes`);

    const lent = ask("lend", () => policy.lend(view, bytes, "storage"));
    if (lent !== REFUSE && !whole(lent, 0, free))
      this.fault(lent > free ? 6 : 1, "lend", `${lent} bytes, ${free} being free`);

    const evicted = ask("evict", () => policy.evict(view, bytes, "unroll", this.#unrolled));
    if (!whole(evicted, 0, Infinity)) this.fault(1, "evict", `${evicted} bytes`);

    if (policy.arbitrate !== undefined) {
      const named = ask("arbitrate", () => policy.arbitrate!(view, this.#claim, this.#tasks));
      if (named !== NOBODY && !whole(named, 0, this.#tasks.length - 1))
        this.fault(9, "arbitrate", `${named}, of ${this.#tasks.length} tasks`);
    }
    return answers;
  }

  /** Notes a complaint, unless there is one like it. */
  fault(law: number, question: keyof Policy, why: string): void {
    const kind = `${law} ${question}`;
    if (!this.#faults.has(kind)) this.#faults.set(kind, new BrokenLaw(law, this.#policy.name, question, why).message);
  }
}
