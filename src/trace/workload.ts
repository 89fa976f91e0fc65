// Generated requests, and what this library answers to them. The requests of a profile and seed are the same for every
// generation: they are put to an executor of each, and only such are chosen as make sense whatever any of them answered. So
// two recordings can be compared row by row. In what order equals are spilled, or several waiters served, Spark leaves open;
// such requests are not chosen, so that any implementation can be checked against a recording.

import { GENERATIONS, type Generation } from "../config/release.js";
import { Refusal } from "../fault.js";
import type { Region } from "../memory/manager.js";
import { type Mode, type ModeName, modeName, OFF_HEAP, ON_HEAP } from "../memory/mode.js";
import { divide } from "../policy/policy.js";
import { modeOf, type OnSpill, type Op, type TraceHeader } from "./format.js";
import { type Change, orderMatters } from "./look-order.js";
import { EXTENDED_PROFILES, type Profile, PROFILE_NAMES, PROFILES } from "./profiles.js";
import { Random } from "./random.js";
import { type Answer, Replay, type ReplayHeader } from "./replay.js";
import { headerAnswers } from "./state.js";
import type { Origin } from "./write.js";

export interface WorkloadOptions {
  /** A name of `PROFILES`. */
  readonly profile: string;
  /** Any integer. */
  readonly seed: number;
  /** Whose rules answer. Defaults to the newest that has the profile's manager. */
  readonly generation?: Generation;
}

/** A request and what the chosen generation answers. */
export type Decided = readonly [request: Op & { readonly i: number }, answer: Answer];

interface Declared {
  readonly name: string;
  readonly mode: Mode;
  readonly onSpill: OnSpill;
}

const TRIES_PER_ROW = 200;

/** One stream of requests and answers. */
export class Workload {
  readonly header: Omit<TraceHeader, "engine"> & Origin;
  readonly #profile: Profile;
  readonly #random: Random;
  readonly #ops: readonly Op["op"][];
  readonly #weightOf: readonly number[];
  readonly #weight: number;
  // An executor of each generation, and the one whose answers are told.
  readonly #witnesses: readonly Replay[];
  readonly #told: number;
  readonly #tasks = new Map<number, Declared[]>();
  #plainTasks: number[] = [];
  #blocks: string[] = [];
  readonly #pins = new Map<string, number>();
  /** Requests of plain tasks that wait. */
  readonly #waiting = new Map<number, { readonly bytes: number; readonly mode: Mode }>();
  #names = 0;
  #nextTask = 1;
  #rows = 0;

  /** Throws Refusal for a profile that there is not, and for a generation without the profile's manager. */
  constructor({ profile: name, seed, generation }: WorkloadOptions) {
    const all = { ...PROFILES, ...EXTENDED_PROFILES };
    const profile = Object.hasOwn(all, name) ? all[name]! : null;
    if (profile === null) throw new Refusal(`no profile "${name}": there are ${PROFILE_NAMES.join(", ")}`);
    const having = profile.manager === "static" ? GENERATIONS.slice(0, 1) : GENERATIONS;
    const chosen = generation ?? having.at(-1)!;
    this.#told = having.indexOf(chosen);
    if (this.#told < 0) throw new Refusal(`profile ${name} is of the static manager, and Spark ${chosen} has none`);
    this.#profile = profile;
    this.#random = new Random(seed);
    this.#ops = Object.keys(profile.weights) as Op["op"][];
    this.#weightOf = Object.values(profile.weights);
    this.#weight = this.#weightOf.reduce((sum, weight) => sum + weight, 0);
    const asked = {
      manager: profile.manager,
      cores: this.#random.of(profile.cores),
      collector: "G1",
      conf: this.#conf(),
    } as const;
    this.#witnesses = having.map((each): Replay => new Replay({ ...asked, generation: each } satisfies ReplayHeader));
    const answers = headerAnswers(this.#witnesses[this.#told]!.executor);
    this.header = {
      generation: chosen,
      profile: name,
      seed,
      ...asked,
      ...answers,
    };
  }

  /** `requests` rows, and then those in which everything goes back. */
  *rows(requests: number): Generator<Decided> {
    let tries = 0;
    while (this.#rows < requests && tries < requests * TRIES_PER_ROW) {
      tries += 1;
      const ask = this.#choose(this.#op());
      if (ask !== null && !this.#leavesOrderOpen(ask)) yield this.#put(ask);
    }
    yield* this.#windDown();
  }

  // Whoever waits is served by the end of the others, at the latest when it is alone.
  *#windDown(): Generator<Decided> {
    while (this.#tasks.size + this.#plainTasks.length > 0) {
      const plain = this.#plainTasks.filter((task) => !this.#waits(task));
      const owners = [...this.#tasks.keys()].filter((task) => !this.#waits(task));
      if (plain.length + owners.length === 0) throw new Refusal("a task waits and nobody is left who could release");
      for (const task of owners) yield this.#put({ op: "endTask", task });
      for (const task of plain) {
        const ask: Op = { op: "execReleaseAll", task };
        // Fewer and fewer wait, until no order is left.
        while (this.#leavesOrderOpen(ask)) yield this.#put({ op: "interrupt", task: [...this.#waiting.keys()][0]! });
        yield this.#put(ask);
      }
    }
  }

  #put(ask: Op): Decided {
    this.#rows += 1;
    const request = { i: this.#rows, ...ask };
    const answers = this.#witnesses.map((witness) => witness.apply(request));
    this.#note(ask);
    if (ask.op === "execAcquire") this.#waiting.set(ask.task, { bytes: ask.bytes, mode: modeOf(ask.mode) });
    for (const task of this.#waiting.keys()) if (!this.#waits(task)) this.#waiting.delete(task);
    return [request, answers[this.#told]!];
  }

  /** Keeps in mind what the request has changed whatever the answer. */
  #note(ask: Op): void {
    switch (ask.op) {
      case "consumer": {
        const { task, consumer: name, mode, onSpill } = ask;
        const declared = this.#tasks.get(task);
        if (declared === undefined) this.#tasks.set(task, [{ name, mode: modeOf(mode), onSpill }]);
        else declared.push({ name, mode: modeOf(mode), onSpill });
        break;
      }
      case "execAcquire":
        if (!this.#plainTasks.includes(ask.task)) this.#plainTasks.push(ask.task);
        break;
      case "execReleaseAll":
        this.#plainTasks = this.#plainTasks.filter((task) => task !== ask.task);
        break;
      case "endTask":
        this.#tasks.delete(ask.task);
        break;
      case "put":
        this.#blocks.push(ask.block);
        break;
      case "pin":
        this.#pins.set(ask.block, (this.#pins.get(ask.block) ?? 0) + 1);
        break;
      case "unpin":
        if (this.#pins.get(ask.block) === 1) this.#pins.delete(ask.block);
        else this.#pins.set(ask.block, this.#pins.get(ask.block)! - 1);
        break;
      default:
    }
  }

  #op(): Op["op"] {
    let at = this.#random.fraction() * this.#weight;
    const index = this.#weightOf.findIndex((weight) => (at -= weight) < 0);
    return this.#ops[index === -1 ? 0 : index]!;
  }

  /** A request of this kind that makes sense now, or null. */
  #choose(op: Op["op"]): Op | null {
    switch (op) {
      case "execAcquire":
        return this.#execAcquire();
      case "execRelease":
        return this.#execRelease();
      case "execReleaseAll":
      case "endTask": {
        const task = this.#taskOf(op === "endTask" ? [...this.#tasks.keys()] : this.#plainTasks);
        return task === null ? null : { op, task };
      }
      case "storageAcquire":
      case "unrollReserve": {
        const mode = this.#storageMode();
        const most = this.#total(mode);
        return most === 0 ? null : { op, block: this.#newBlock(), bytes: this.#size(most), mode: modeName(mode) };
      }
      case "storageRelease":
      case "unrollRelease": {
        const mode = this.#storageMode();
        const held = this.#least((w) =>
          op === "storageRelease" ? w.rawStorage[mode] : w.executor.store.unrolled(mode),
        );
        return held === 0 ? null : { op, bytes: this.#part(held), mode: modeName(mode) };
      }
      case "put": {
        const mode = this.#storageMode();
        const most = this.#profile.mostBlock ?? Math.max(1, Math.floor(this.#total(mode) / 3));
        if (this.#total(mode) === 0) return null;
        const onEvict = this.#random.below(3) === 0 ? "disk" : "gone";
        return { op, block: this.#newBlock(), bytes: this.#size(most), mode: modeName(mode), onEvict };
      }
      case "has": {
        const block = this.#random.below(4) === 0 ? this.#newBlock() : this.#block();
        return block === null ? null : { op, block };
      }
      case "get":
      case "pin":
      case "remove": {
        if (op === "pin" && this.#pins.size >= this.#profile.pins) return null;
        const block = this.#block();
        return block === null || (op === "remove" && this.#pins.has(block)) ? null : { op, block };
      }
      case "interrupt": {
        const waiting = [...this.#plainTasks, ...this.#tasks.keys()].filter((task) =>
          this.#witnesses.every((witness) => witness.waitingRow(task) !== null),
        );
        return waiting.length === 0 ? null : { op, task: this.#random.of(waiting) };
      }
      case "unpin":
        return this.#pins.size === 0 ? null : { op, block: this.#random.of([...this.#pins.keys()]) };
      case "consumer":
        return this.#declaration();
      case "acquire":
      case "allocatePage":
        return this.#consumerAcquire(op);
      case "free":
      case "freePage":
        return this.#consumerFree(op);
      default:
        return null;
    }
  }

  #execAcquire(): Op | null {
    const mode = this.#mode();
    const most = this.#total(mode);
    const tasks = this.#plainTasks;
    const fresh = tasks.length === 0 || (tasks.length < this.#profile.tasks && this.#random.chance(0.2));
    const crowd = (this.#profile.waiters ?? 1) > 1;
    if (most === 0 || (fresh && this.#somebodyWaits && !crowd)) return null;
    const task = fresh ? this.#nextTask : this.#random.of(tasks);
    if (crowd ? this.#waits(task) : !fresh && !this.#surelyAnswered(task, mode)) return null;
    if (fresh) this.#nextTask += 1;
    return { op: "execAcquire", task, bytes: this.#size(most), mode: modeName(mode) };
  }

  #execRelease(): Op | null {
    const mode = this.#mode();
    const own = this.#profile.ownReleases === true && this.#plainTasks.length > 0;
    const task = own ? this.#random.of(this.#plainTasks) : this.#taskOf(this.#plainTasks);
    if (task === null) return null;
    const held = this.#random.of(this.#witnesses).executor.manager.executionHeld(task, mode);
    if (held === 0 && this.#random.below(20) > 0) return null;
    const tooMuch = this.#random.below(30) === 0;
    const bytes = tooMuch ? held + this.#random.below(9) : held === 0 ? 0 : this.#part(held);
    return { op: "execRelease", task, bytes, mode: modeName(mode) };
  }

  #declaration(): Op | null {
    const { tasks, consumers, onSpill } = this.#profile;
    const fresh = this.#tasks.size === 0 || (this.#tasks.size < tasks && this.#random.below(3) === 0);
    const task = fresh ? this.#nextTask : this.#taskOf([...this.#tasks.keys()]);
    if (task === null || (this.#tasks.get(task)?.length ?? 0) >= consumers) return null;
    if (fresh) this.#nextTask += 1;
    const spills = this.#random.of(onSpill);
    const mode = spills === "pages" ? this.#witnesses[0]!.executor.mode : this.#mode();
    const usable: ModeName = this.#total(mode) === 0 ? "onHeap" : modeName(mode);
    return { op: "consumer", task, consumer: `c${(this.#names += 1)}`, mode: usable, onSpill: spills };
  }

  #consumerAcquire(op: "acquire" | "allocatePage"): Op | null {
    const { executor } = this.#witnesses[0]!;
    const found = this.#consumer();
    if (found === null || this.#tie(found.task, found.declared)) return null;
    const { task, declared } = found;
    if (op === "allocatePage" && declared.mode !== executor.mode) return null;
    const most = this.#total(declared.mode);
    const bytes = this.#size(op === "acquire" ? most : Math.max(1, Math.min(this.#profile.mostPage ?? most, most)));
    const page = (witness: Replay): number => Math.max(bytes, witness.executor.numbers.pageBytes);
    const whole = (w: Replay): boolean => grantedWhole(w, task, declared.mode, op === "acquire" ? bytes : page(w));
    if (this.#somebodyWaits && !this.#witnesses.every(whole)) return null;
    return { op, task, consumer: declared.name, bytes };
  }

  #consumerFree(op: "free" | "freePage"): Op | null {
    const found = this.#consumer();
    if (found === null) return null;
    const { task } = found;
    const consumer = found.declared.name;
    if (op === "free") {
      const held = this.#least((witness) => witness.consumer(consumer)!.loose);
      return held === 0 ? null : { op, task, consumer, bytes: this.#part(held) };
    }
    const [first, ...others] = this.#witnesses.map((witness) => witness.consumer(consumer)!.pages);
    const pages = [...first!.keys()].filter((page) => others.every((each) => each.has(page)));
    return pages.length === 0 ? null : { op, task, consumer, page: this.#random.of(pages) };
  }

  #consumer(): { readonly task: number; readonly declared: Declared } | null {
    const task = this.#taskOf([...this.#tasks.keys()]);
    return task === null ? null : { task, declared: this.#random.of(this.#tasks.get(task)!) };
  }

  /** Whether two candidates for spilling hold the same. */
  #tie(task: number, requester: Declared): boolean {
    const others = this.#tasks.get(task)!.filter((each) => each !== requester && each.mode === requester.mode);
    return this.#witnesses.some((witness) => {
      const used = others.map((each) => witness.consumer(each.name)!.used).filter((bytes) => bytes > 0);
      return new Set(used).size < used.length;
    });
  }

  // While one request waits, no other may: it must be answered at once by every generation.
  #surelyAnswered(task: number, mode: Mode): boolean {
    if (!this.#somebodyWaits) return true;
    if (this.#waits(task)) return false;
    return this.#witnesses.every(({ executor: { manager } }) => {
      const held = manager.executionHeld(task, mode);
      const { total, entries } = manager.regions[mode];
      return held > 0 && held * 2 * entries >= total;
    });
  }

  // What several waiters are answered must not hang on the order of their looks.
  #leavesOrderOpen(ask: Op): boolean {
    if ((this.#profile.waiters ?? 1) === 1) return false;
    // Without storage every generation answers the same.
    const { executor } = this.#witnesses[0]!;
    const waiting = [...this.#waiting];
    if (ask.op === "execAcquire" && waiting.length === this.#profile.waiters) return true;
    return ([ON_HEAP, OFF_HEAP] as const).some((mode) => {
      const held = new Map<number, number>();
      executor.manager.forEachEntry(mode, (task, bytes) => held.set(task, bytes));
      const waiters = waiting.flatMap(([task, each]) => (each.mode === mode ? [{ task, bytes: each.bytes }] : []));
      return orderMatters({ bytes: executor.manager.regions[mode].total, held }, waiters, changeOf(ask, mode));
    });
  }

  get #somebodyWaits(): boolean {
    return this.#witnesses.some((witness) => witness.waiting);
  }

  #waits(task: number): boolean {
    return this.#witnesses.some((witness) => witness.waitingRow(task) !== null);
  }

  #taskOf(tasks: readonly number[]): number | null {
    if (tasks.length === 0) return null;
    const task = this.#random.of(tasks);
    return this.#waits(task) ? null : task;
  }

  /** A block that is in memory whatever the generation. Those that no longer are leave the list. */
  #block(): string | null {
    while (this.#blocks.length > 0) {
      const at = this.#random.below(this.#blocks.length);
      const block = this.#blocks[at]!;
      if (this.#witnesses.every((witness) => witness.executor.store.has(block))) return block;
      this.#blocks[at] = this.#blocks.at(-1)!;
      this.#blocks.pop();
    }
    return null;
  }

  #newBlock(): string {
    const number = (this.#names += 1);
    return this.#random.below(3) > 0 ? `rdd_${1 + 3 * this.#random.below(4)}_${number}` : `test_${number}`;
  }

  /** A size from 1 to `most`: of any magnitude, and often at an edge of what the pools are or have free. */
  #size(most: number): number {
    const random = this.#random;
    const region = this.#region();
    const near = (bytes: number): number => bytes + random.below(3) - 1;
    const sizes: readonly (() => number)[] = [
      () => 1 + random.below(most),
      () => random.below(2 ** (1 + random.below(most.toString(2).length))),
      () => 1 + random.below(Math.max(1, Math.floor(most / (1 + random.below(16))))),
      () => near(random.of([region.executionSize, region.executionUsed, region.storageSize, region.storageUsed])),
      () => near(random.of([region.executionSize - region.executionUsed, region.storageSize - region.storageUsed])),
      () => near(divide(region.executionSize, Math.max(1, region.entries) * (1 + random.below(2)))),
    ];
    return Math.max(1, Math.min(most, random.of(sizes)()));
  }

  #part(held: number): number {
    const part = this.#random.below(3) === 0 ? held : 1 + this.#random.below(held);
    return Math.min(part, this.#profile.mostReleased ?? part);
  }

  #region(): Region {
    return this.#random.of(this.#random.of(this.#witnesses).executor.manager.regions);
  }

  #least(of: (witness: Replay) => number): number {
    return Math.min(...this.#witnesses.map(of));
  }

  #mode(): Mode {
    return this.#random.chance(this.#profile.offHeapShare) ? OFF_HEAP : ON_HEAP;
  }

  // The static manager stores on-heap alone.
  #storageMode(): Mode {
    const mode = this.#mode();
    return this.#profile.manager === "static" ? ON_HEAP : mode;
  }

  #total(mode: Mode): number {
    return this.#witnesses[0]!.executor.manager.regions[mode].total;
  }

  #conf(): Record<string, string> {
    const chosen = Object.entries(this.#profile.conf).map(([key, values]) => [key, this.#random.of(values)] as const);
    return Object.fromEntries(chosen.filter((each): each is readonly [string, string] => each[1] !== null));
  }
}

/** What a request of a plain task does to the execution pool of a mode. */
function changeOf(ask: Op, mode: Mode): Change | null {
  if (ask.op === "execReleaseAll") return { kind: "release", task: ask.task, bytes: Infinity };
  if ((ask.op !== "execAcquire" && ask.op !== "execRelease") || modeOf(ask.mode) !== mode) return null;
  return { kind: ask.op === "execAcquire" ? "acquire" : "release", task: ask.task, bytes: ask.bytes };
}

/** Whether the whole would be granted without a decision, so that nobody spills or waits. */
function grantedWhole(witness: Replay, task: number, mode: Mode, bytes: number): boolean {
  const { manager } = witness.executor;
  const { executionSize, executionUsed, entries, ceiling } = manager.regions[mode];
  const share = (manager.executionHeld(task, mode) + bytes) * (entries + 1);
  return bytes <= executionSize - executionUsed && share <= ceiling;
}
