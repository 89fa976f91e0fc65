// Looks for an order of recorded calls that explains their answers: one in which no call comes before another that had ended
// when it began, and in which the same calls, one after the other on the local ledger, give the same answers and leave the
// same accounts (Wing and Gong's search, which remembers where it has been). Waiting is part of it: who looks again has been
// woken since, and who sleeps at the end has not.

import { LocalLedger } from "../../src/memory/ledger.js";
import type { MemoryManager } from "../../src/memory/manager.js";
import type { Mode } from "../../src/memory/mode.js";
import { MUST_WAIT } from "../../src/policy/policy.js";
import { answerInWords, managerOver, perform } from "./worker/perform.js";
import type { Call, Operation, Program, Scenario } from "./worker/program.js";

/** One recorded call. Stamps order all invocations and responses; `responded` 0: it has not ended. */
export interface Event {
  readonly worker: number;
  readonly call: Call;
  readonly operation: Operation;
  readonly invoked: number;
  readonly responded: number;
  readonly answer: number;
}

/** What the workers of a run did, each in its own order, and the accounts they left. */
export interface History {
  readonly events: readonly (readonly Event[])[];
  /** Bit w: worker w sleeps at the end, waiting for memory. */
  readonly asleep: number;
  /** Pools and balances at the end, as `accountsInWords` writes them; null: not looked at. */
  readonly left: string | null;
}

/** Counts wake-ups, as sleepers would hear them. */
class WakingLedger extends LocalLedger {
  epoch = 0;
  #waiting = 0;

  override enterWait(): number {
    this.#waiting += 1;
    return this.epoch;
  }

  override leaveWait(): void {
    this.#waiting -= 1;
  }

  // A newcomer wakes those who wait.
  override claimWhole(bytes: number, task: number, mode: Mode): number {
    return super.claimWhole(bytes, task, mode, this.#waiting);
  }

  override wake(): void {
    this.epoch += 1;
  }

  override release(bytes: number, task: number, mode: Mode): number {
    this.epoch += 1;
    return super.release(bytes, task, mode);
  }
}

const NOT_WAITING = -1;

/** The sequential rule, and who waits under it since which wake-up. */
class Model {
  readonly ledger = new WakingLedger();
  readonly manager: MemoryManager;
  readonly seen: number[];

  constructor(scenario: Scenario) {
    this.manager = managerOver(this.ledger, scenario.pools, false);
    this.seen = scenario.programs.map(() => NOT_WAITING);
    prepare(this.manager, scenario.before ?? []);
  }

  /** Whether the call, done now, answers as it was recorded. */
  admits({ worker, call, operation, answer }: Event): boolean {
    // Nobody looks again who has not been woken since.
    if (call === "retry" && this.seen[worker] === this.ledger.epoch) return false;
    const got = perform(this.manager, call, operation);
    if (call === "acquire" || call === "retry")
      this.seen[worker] = got === MUST_WAIT ? this.manager.waitEpoch : NOT_WAITING;
    if (call === "giveUp") this.seen[worker] = NOT_WAITING;
    return got === answer;
  }

  /** Whether exactly those sleep who may: nothing that wakes has happened since they looked. */
  mayRest(asleep: number): boolean {
    return this.seen.every((seen, worker) => ((asleep >> worker) & 1) === 0 || seen === this.ledger.epoch);
  }

  get key(): string {
    const woken = this.seen.map((seen) => (seen === NOT_WAITING ? "-" : seen === this.ledger.epoch ? "s" : "w"));
    return `${accountsInWords(this.manager)} ${woken.join("")}`;
  }
}

/** Does what comes before a run. Whoever would have to wait gives up. */
export function prepare(manager: MemoryManager, before: Program): void {
  for (const operation of before) {
    if (perform(manager, operation.does, operation) === MUST_WAIT && operation.does === "acquire")
      perform(manager, "giveUp", operation);
  }
}

/** Pools and balances of both modes. */
export function accountsInWords(manager: MemoryManager): string {
  return ([0, 1] as const)
    .map((mode) => {
      const balances: string[] = [];
      manager.forEachEntry(mode, (task, bytes) => balances.push(`${task}:${bytes}`));
      return `${manager.state(mode).join(",")}{${balances.sort().join(" ")}}`;
    })
    .join(" ");
}

// What somebody of little patience releases counts from some moment on, up to when it has paid what it owes.
function asSettled(own: readonly Event[]): Event[] {
  return own.map((event, at) => {
    const settled = event.call === "release" ? own.slice(at).find(({ call }) => call === "settle") : undefined;
    return settled === undefined ? event : { ...event, responded: settled.responded };
  });
}

/** Whether some order explains the history. */
export function isExplained(scenario: Scenario, { events: recorded, asleep, left }: History): boolean {
  const events = recorded.map(asSettled);
  const workers = events.length;
  const next = events.map(() => 0);
  const been = new Set<string>();
  const done: Event[] = [];
  let model = new Model(scenario);
  let stale = false;

  // The model as it is after `done`.
  const current = (): Model => {
    if (stale) {
      model = new Model(scenario);
      for (const event of done) model.admits(event);
      stale = false;
    }
    return model;
  };

  const search = (): boolean => {
    const ahead = events.map((own, worker) => own[next[worker]!]);
    // Whatever has ended before a call began comes before it.
    let bound = Number.POSITIVE_INFINITY;
    for (const event of ahead) if (event !== undefined) bound = Math.min(bound, event.responded);
    if (bound === Number.POSITIVE_INFINITY) {
      const { manager } = current();
      return current().mayRest(asleep) && (left === null || accountsInWords(manager) === left);
    }
    const candidates = ahead.filter((event): event is Event => event !== undefined && event.invoked < bound);
    if (candidates.length > 1) {
      const key = `${next.join(",")} ${current().key}`;
      if (been.has(key)) return false;
      been.add(key);
      candidates.sort((a, b) => a.responded - b.responded);
    }
    for (const event of candidates) {
      const admitted = current().admits(event);
      if (admitted) {
        done.push(event);
        next[event.worker]! += 1;
        if (search()) return true;
        next[event.worker]! -= 1;
        done.pop();
      }
      stale = true;
    }
    return false;
  };
  return workers === 0 || search();
}

/** The history in words, one line a call, in the order of their invocations. */
export function historyInWords({ events, asleep, left }: History): string {
  const lines = events
    .flat()
    .sort((a, b) => a.invoked - b.invoked)
    .map(({ worker, call, operation, invoked, responded, answer }) => {
      const { does: _, ...rest } = operation;
      const asked = Object.entries(rest).map(([name, value]) => `${name} ${String(value)}`);
      const end = responded === Number.POSITIVE_INFINITY ? "has not ended" : answerInWords(call, answer);
      return `  ${invoked}-${responded} worker ${worker}: ${call} ${asked.join(", ")} -> ${end}`;
    });
  return [...lines, `  asleep: ${asleep.toString(2)}, left: ${left}`].join("\n");
}
