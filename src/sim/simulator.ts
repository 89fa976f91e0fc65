// A run in virtual time: jobs arrive, their stages' tasks are handed to executors with free cores, executors come and go, and
// one clock moves it all. Every decision on memory is made by the shipped executor; nothing here knows what it will be.

import { type EvictionName, evictionPolicy } from "../eviction/names.js";
import { assert, Refusal } from "../fault.js";
import type { EvictionPolicy } from "../eviction/policy.js";
import type { ExecutorOptions } from "../executor.js";
import type { BlockId } from "../storage/block.js";
import type { EvictionChoice } from "../storage/victims.js";
import { ALLOCATION_TICK_US, type AllocationRules, type AllocationState, mayGo, nextAllocation } from "./allocation.js";
import { Attempt, type AttemptOwner } from "./attempt.js";
import { Cached, partitionId } from "./cached.js";
import { Clock } from "./clock.js";
import { EXECUTOR_START_US, MOST_ATTEMPTS } from "./costs.js";
import { heapBytesOf, Host } from "./host.js";
import { Fairness, noOutcome, type Outcome } from "./outcome.js";
import type { JobPlan, Plan, TaskPlan } from "./plan.js";

export interface SimulationOptions {
  readonly plan: Plan;
  /** Executors, or the most of them where `dynamic` is given. 1 or more. */
  readonly executors: number;
  /** Cores of an executor: tasks that run on it at a time. 1 or more. */
  readonly cores: number;
  /** What every executor is opened with: configuration, generation, policy. Pages are accounts, whatever it says. */
  readonly executor: ExecutorOptions;
  /** Which blocks leave first; Spark's order, `lru`, when left out. */
  readonly eviction?: EvictionName;
  /** Executors come and go by these rules; without them all are there from the start. */
  readonly dynamic?: AllocationRules | null;
  /** Has the executor's laws derived again after every step, and stops at the first that does not hold. For tests: slow. */
  readonly audit?: boolean;
}

/**
 * Runs a plan to its end and tells what came of it. The same options give the same outcome on every machine. Throws what
 * opening an executor refuses, and Refusal for a number of executors or cores that is none.
 */
export function simulate(options: SimulationOptions): Outcome {
  return new Simulation(options).run();
}

/** A job under way. */
interface Job {
  readonly plan: JobPlan;
  stage: number;
  /** Tasks of the stage that nobody has started, the next one last; those that are over are counted down in `left`. */
  pending: Pending[];
  left: number;
}

interface Pending {
  readonly job: Job;
  readonly plan: TaskPlan;
  readonly attempt: number;
}

/** Pending tasks of a job among which one is sought whose data are on an executor with a free core. */
const LOOK_AHEAD = 16;

class Simulation implements AttemptOwner {
  readonly clock = new Clock();
  readonly outcome: Outcome = noOutcome();
  readonly cached: Cached;
  current: Attempt | null = null;
  readonly #options: SimulationOptions;
  readonly #heapBytes: number;
  readonly #hosts: Host[] = [];
  /** Jobs that have arrived and not ended, earliest first. */
  readonly #jobs: Job[] = [];
  readonly #pendingOf = new Map<Attempt, Pending>();
  readonly #fairness = new Fairness();
  #freeSlots = 0;
  #pending = 0;
  #jobsToEnd: number;
  #hostsMade = 0;
  #starting = 0;
  #attempts = 0;
  #ticking = false;
  #allocation: AllocationState;

  constructor(options: SimulationOptions) {
    for (const what of ["executors", "cores"] as const) {
      const n = options[what];
      if (!(Number.isSafeInteger(n) && n >= 1)) throw new Refusal(`${what}: ${n} is no whole number from 1 on`);
    }
    this.#options = options;
    this.#heapBytes = heapBytesOf({ ...options.executor, cores: options.cores });
    this.cached = new Cached(options.plan);
    this.#jobsToEnd = options.plan.jobs.length;
    const dynamic = options.dynamic ?? null;
    this.#allocation = { target: dynamic?.initial ?? options.executors, step: 1, addAtUs: null };
    for (let i = 0; i < this.#allocation.target; i += 1) this.#start();
    this.#arriveFrom(
      options.plan.jobs.toSorted((a, b) => a.arrivalUs - b.arrivalUs),
      0,
    );
    if (dynamic !== null) this.#tickLater(0);
  }

  run(): Outcome {
    const { clock, outcome } = this;
    while (this.#jobsToEnd > 0) {
      // Where only the look at the allocation is left to come, nobody can wake those who wait.
      const stuck = clock.size === (this.#ticking ? 1 : 0) && this.#pendingOf.size > 0;
      if (stuck) this.#breakDeadlock();
      if (!clock.step()) throw new Refusal(`${this.#jobsToEnd} jobs cannot go on: no executor can be had`);
      for (const host of this.#hosts) host.settle();
      if (this.#options.audit === true) this.#audit();
    }
    this.current = null;
    outcome.makespanUs = clock.nowUs;
    for (const host of this.#hosts) outcome.executorUs += clock.nowUs - host.startedUs;
    outcome.fairness = this.#fairness.index;
    return outcome;
  }

  evicted(block: BlockId, host: Host): void {
    if (this.cached.holders.get(block) === host) this.cached.holders.delete(block);
  }

  ended(attempt: Attempt, failed: boolean): void {
    const { clock, outcome } = this;
    const { host } = attempt;
    const pending = this.#pendingOf.get(attempt)!;
    this.#pendingOf.delete(attempt);
    for (const block of attempt.pinned.splice(0)) host.executor.store.unpin(block);
    const leak = host.executor.endTask(attempt.id, failed);
    assert(failed || leak.bytes === 0, `an ended task has left ${leak.report}`);
    host.attempts.delete(attempt.id);
    host.freeSlots += 1;
    this.#freeSlots += 1;
    if (host.attempts.size === 0) host.idleSinceUs = clock.nowUs;
    if (failed) outcome.failedAttempts += 1;
    if (failed && pending.attempt < MOST_ATTEMPTS) {
      pending.job.pending.push({ ...pending, attempt: pending.attempt + 1 });
      this.#pending += 1;
    } else {
      outcome.tasks += 1;
      if (failed) outcome.failedTasks += 1;
      const tookUs = clock.nowUs - attempt.startedUs;
      this.#fairness.add(failed || tookUs === 0 ? 0 : Math.min(1, attempt.idealUs / tookUs));
      pending.job.left -= 1;
      if (pending.job.left === 0) this.#nextStage(pending.job);
    }
    this.#schedule();
  }

  // One after the other, so that the clock is not full of jobs to come.
  #arriveFrom(jobs: readonly JobPlan[], at: number): void {
    const plan = jobs[at];
    if (plan === undefined) return;
    const happen = (): void => {
      const job: Job = { plan, stage: -1, pending: [], left: 0 };
      this.#jobs.push(job);
      this.#nextStage(job);
      this.#schedule();
      this.#arriveFrom(jobs, at + 1);
    };
    this.clock.at(plan.arrivalUs, { happen });
  }

  #nextStage(job: Job): void {
    do {
      for (const rdd of job.plan.stages[job.stage]?.unpersists ?? []) this.#unpersist(rdd);
      job.stage += 1;
      const stage = job.plan.stages[job.stage];
      if (stage === undefined) {
        this.#endJob(job);
        return;
      }
      job.pending = stage.tasks.map((plan) => ({ job, plan, attempt: 1 })).toReversed();
      job.left = stage.tasks.length;
    } while (job.left === 0);
    this.#pending += job.left;
  }

  #endJob(job: Job): void {
    this.#jobs.splice(this.#jobs.indexOf(job), 1);
    this.#jobsToEnd -= 1;
    this.outcome.jobs += 1;
    this.outcome.jobUs += this.clock.nowUs - job.plan.arrivalUs;
  }

  // A partition that somebody reads just now stays, and goes when it is the oldest.
  #unpersist(rdd: number): void {
    for (const host of this.#hosts) {
      const pinned = new Set([...host.attempts.values()].flatMap((attempt) => attempt.pinned));
      this.cached.rdds[rdd]!.partitionBytes.forEach((_, partition) => {
        const id = partitionId(rdd, partition);
        host.onDisk.delete(id);
        if (!pinned.has(id) && host.executor.store.remove(id)) this.evicted(id, host);
      });
    }
  }

  // First come, first served among jobs; within one, tasks go where their data are if that is free.
  #schedule(): void {
    for (const job of this.#jobs) {
      while (job.pending.length > 0) {
        if (this.#freeSlots === 0) return;
        this.#launch(job);
      }
    }
  }

  #launch(job: Job): void {
    const { pending } = job;
    let at = pending.length - 1;
    let host: Host | null = null;
    if (this.#hosts.length > 1) {
      const end = Math.max(0, pending.length - LOOK_AHEAD);
      for (let i = pending.length - 1; i >= end && host === null; i -= 1) {
        host = this.#nearest(pending[i]!.plan);
        if (host !== null) at = i;
      }
    }
    host ??= this.#freest();
    const [chosen] = pending.splice(at, 1);
    this.#pending -= 1;
    this.#attempts += 1;
    const attempt = new Attempt(this.#attempts, host, this, chosen!.plan);
    this.#pendingOf.set(attempt, chosen!);
    host.attempts.set(attempt.id, attempt);
    host.freeSlots -= 1;
    this.#freeSlots -= 1;
    this.clock.at(this.clock.nowUs, attempt);
  }

  #nearest({ reads }: TaskPlan): Host | null {
    const [first] = reads;
    if (first === undefined) return null;
    const holder = this.cached.holders.get(partitionId(first.rdd, first.partition));
    return holder !== undefined && holder.freeSlots > 0 ? holder : null;
  }

  #freest(): Host {
    let best = this.#hosts[0]!;
    for (const host of this.#hosts) if (host.freeSlots > best.freeSlots) best = host;
    return best;
  }

  // The one that has waited longest fails, as its user would have it in the end.
  #breakDeadlock(): void {
    let longest: Attempt | null = null;
    for (const attempt of this.#pendingOf.keys()) {
      if (attempt.waitingSinceUs < 0) continue;
      if (longest === null || attempt.waitingSinceUs < longest.waitingSinceUs) longest = attempt;
    }
    if (longest === null) return;
    this.outcome.deadlocks += 1;
    longest.giveUp();
  }

  #start(): void {
    const { cores, eviction = "lru" } = this.#options;
    const executor: ExecutorOptions =
      eviction === "lru" ? this.#options.executor : { ...this.#options.executor, eviction: this.#evictionBy(eviction) };
    this.#hosts.push(new Host(this.#hostsMade, this, executor, cores, this.#heapBytes));
    this.#hostsMade += 1;
    this.outcome.executorsStarted += 1;
    this.#freeSlots += cores;
  }

  // What an order wants to know of a partition is known from the plan: what it costs to compute, how often it is still read.
  #evictionBy(name: EvictionName): EvictionChoice {
    const policy = (): EvictionPolicy => evictionPolicy(name);
    const { hint } = policy();
    if (hint === "cost") return { policy, hint: (block) => this.cached.costUs(block as number) };
    if (hint === "refs") return { policy, hint: (block) => this.cached.readsLeft(block as number) };
    return { policy };
  }

  #tickLater(us: number): void {
    this.#ticking = true;
    this.clock.at(this.clock.nowUs + us, { happen: () => this.#tick() });
  }

  #tick(): void {
    const { clock } = this;
    const { cores } = this.#options;
    const rules = this.#options.dynamic!;
    this.#ticking = false;
    const view = {
      nowUs: clock.nowUs,
      runningTasks: this.#pendingOf.size,
      pendingTasks: this.#pending,
      tasksPerExecutor: cores,
      executors: this.#hosts.length + this.#starting,
    };
    this.#allocation = nextAllocation(view, this.#allocation, rules);
    for (let n = view.executors; n < this.#allocation.target; n += 1) {
      this.#starting += 1;
      clock.at(clock.nowUs + EXECUTOR_START_US, { happen: () => this.#started() });
    }
    for (const host of this.#hosts.slice()) {
      const holdsBlocks = host.executor.store.size > 0 || host.onDisk.size > 0;
      const there = { nowUs: clock.nowUs, executors: this.#hosts.length };
      if (host.attempts.size === 0 && mayGo(there, host.idleSinceUs, holdsBlocks, this.#allocation, rules))
        this.#remove(host);
    }
    this.#tickLater(ALLOCATION_TICK_US);
  }

  #started(): void {
    this.#starting -= 1;
    this.#start();
    this.#schedule();
  }

  #remove(host: Host): void {
    const { outcome, clock } = this;
    this.#hosts.splice(this.#hosts.indexOf(host), 1);
    this.#freeSlots -= host.freeSlots;
    outcome.executorsRemoved += 1;
    outcome.executorUs += clock.nowUs - host.startedUs;
    outcome.blocksLost += host.executor.store.size;
    for (const [block, holder] of this.cached.holders) if (holder === host) this.cached.holders.delete(block);
  }

  #audit(): void {
    for (const host of this.#hosts) {
      const broken = host.executor.check(host.rawStorage);
      if (broken.length > 0) throw new Error(`at ${this.clock.nowUs} us on executor ${host.id}: ${broken.join("; ")}`);
    }
  }
}
