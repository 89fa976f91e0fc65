// What the workers of runs stand on: accounts alone, laid out for a scenario as often as there are runs.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Tenant } from "../../src/memory/places.js";
import { SharedLedger } from "../../src/memory/shared-ledger.js";
import type { Place } from "../../src/shared.js";
import { ROOT } from "../house/built.js";
import type { Outcome, Stage } from "./crew.js";
import { isExplained, prepare } from "./explain.js";
import { type Layout, readLayout } from "./worker/laws.js";
import { managerOver } from "./worker/perform.js";
import type { Operation, Scenario } from "./worker/program.js";

/** Judges runs of one scenario. */
export interface Judge {
  /** Different histories so far. */
  readonly histories: number;
  /** What is wrong with a run, or null. */
  trouble(outcome: Outcome): string | null;
}

export interface Ground {
  /** What workers share, the accounts first. */
  readonly memories: readonly WebAssembly.Memory[];
  readonly layouts: readonly Layout[];
  /** Where the first worker of a run attaches. */
  readonly first: Tenant | Place;
  stage(scenario: Scenario): Stage;
  judge(scenario: Scenario): Judge;
}

/** The layout that some sources draw in their constants. */
export function layoutOf(...files: string[]): Layout {
  return readLayout(files.map((file) => readFileSync(join(ROOT, file), "utf8")).join("\n"));
}

export const LAYOUT: Layout = layoutOf("assembly/accounts.ts", "src/memory/accounts-map.ts");

/** Accounts alone. Whoever lays them out is worker 1. */
export function plainGround(): Ground {
  return {
    memories: [new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true })],
    layouts: [LAYOUT],
    first: { worker: 2, tenancy: 1 },
    stage,
    judge: (scenario) => new Explainer(scenario),
  };
}

export function stage(scenario: Scenario): Stage {
  const ledger = SharedLedger.create({ slots: scenario.slots ?? 16 });
  const manager = managerOver(ledger, scenario.pools, false);
  prepare(manager, scenario.before ?? []);
  for (let worker = 0; worker < scenario.programs.length; worker += 1) ledger.reserve();
  return { scenario, bytes: [new Uint8Array(ledger.memory.buffer).slice()] };
}

/** What they answered is explained here, once for all runs with the same history. */
class Explainer implements Judge {
  readonly #scenario: Scenario;
  readonly #explained = new Map<string, boolean>();

  constructor(scenario: Scenario) {
    this.#scenario = scenario;
  }

  get histories(): number {
    return this.#explained.size;
  }

  trouble(outcome: Outcome): string | null {
    if (outcome.trouble !== null) return outcome.trouble;
    // Who dies in the middle of a call leaves a history of its own kind: laws and progress are what is asked then.
    if (outcome.died !== 0) return this.#troubleAfterDeath(outcome);
    const key = historyKey(outcome);
    let explained = this.#explained.get(key);
    if (explained === undefined) this.#explained.set(key, (explained = isExplained(this.#scenario, outcome.history)));
    return explained ? null : "no order of the calls explains their answers";
  }

  #troubleAfterDeath({ history, died }: Outcome): string | null {
    if (history.asleep !== 0) return `worker ${31 - Math.clz32(history.asleep)} still waits for what the dead had`;
    const others = this.#scenario.programs.filter((_, worker) => ((died >> worker) & 1) === 0);
    const alive = new Set([...(this.#scenario.before ?? []), ...others.flat()].flatMap(taskOf));
    for (const [, task] of history.left!.matchAll(/(\d+):\d+/g))
      if (!alive.has(Number(task))) return `task ${task} of the dead still has an entry`;
    return null;
  }
}

function taskOf(operation: Operation): number[] {
  return "task" in operation ? [operation.task] : [];
}

export function historyKey({ history: { events, asleep, left } }: Outcome): string {
  const calls = events.map((own) => own.map((e) => `${e.call} ${e.invoked} ${e.responded} ${e.answer}`).join(";"));
  return `${calls.join("|")} ${asleep} ${left}`;
}
