// The scheduler, as it runs inside each worker of a controlled run. Before every atomic operation on shared memory, made in the
// module or in JavaScript, the worker that runs audits what it has done, looks into the schedule who takes the next
// step, and hands over if that is somebody else. So only real switches cost, and a schedule repeats.

import {
  ASLEEP,
  awaitTurn,
  CHOICES,
  type Control,
  CONTROLLER,
  DEAD,
  DEATHS,
  DIES,
  DIES_AT,
  DONE,
  ENDING,
  FAILED,
  giveTurn,
  MAX_CHOICES,
  MAX_WORKERS,
  MAX_STEPS,
  NOBODY,
  OWN_STEPS,
  packChoice,
  PREFIX,
  RANDOM,
  READY,
  SCHEDULED,
  SLEEPS,
  SLEEPS_AT,
  SLEEPS_SINCE,
  STATE,
  STEPS,
  SWITCH_ODDS,
  TIMED,
  WOKE,
  WORKERS,
} from "./control.js";

/** Unwinds a worker whose run is over, or who is dead. */
export class Ended extends Error {}

/** Where a worker sleeps is told by the memory's number and the address in it. */
const MEMORY_SHIFT = 28;
const MEMORY_MASK = (1 << MEMORY_SHIFT) - 1;

const WOKEN = 0;
const NOT_EQUAL = 1;
const TIMED_OUT = 2;

export class Scheduler {
  readonly #control: Control;
  readonly #words: Int32Array;
  readonly #me: number;
  readonly #broken: () => string | null;
  /** The words of each memory, and what they were when this worker died. */
  readonly #memories: readonly Uint32Array[];
  readonly #snapshots: readonly Uint32Array[];
  /** Steps count while it runs: not while a worker attaches. Once it is over for this worker, every step ends it again. */
  #phase: "outside" | "running" | "over" = "outside";
  #dead = false;

  /** `broken` says which law the last step has broken, or null. */
  constructor(control: Control, me: number, memories: readonly WebAssembly.Memory[], broken: () => string | null) {
    this.#control = control;
    this.#words = control.words;
    this.#me = me;
    this.#broken = broken;
    this.#memories = memories.map(({ buffer }) => new Uint32Array(buffer));
    this.#snapshots = this.#memories.map(({ length }) => new Uint32Array(length));
  }

  /** A worker's first turn in a run. */
  begin(): void {
    this.#dead = false;
    if (this.#words[SCHEDULED] === 1) this.#phase = "running";
  }

  /** Before an atomic operation: anybody may go on. */
  step(): void {
    if (!this.#counts()) return;
    this.#yieldTo(this.#choose(true));
  }

  /** Before a plain store: a worker may die here, nobody else goes on. */
  change(): void {
    this.#counts();
  }

  /** A futex sleep. 0: woken, 1: the word was another, 2: its time ran out. */
  sleep(address: number, expected: number, nanoseconds: number): number {
    if (this.#phase === "outside") throw new Error("nobody sleeps outside of a run");
    this.step();
    if (this.#memories[address >>> MEMORY_SHIFT]![(address & MEMORY_MASK) / 4] !== expected >>> 0) return NOT_EQUAL;
    return this.#fallAsleep(address, nanoseconds >= 0);
  }

  #fallAsleep(address: number, timed: boolean): number {
    const words = this.#words;
    const me = this.#me;
    words[SLEEPS_AT + me] = address;
    words[SLEEPS_SINCE + me] = words[SLEEPS]!++;
    words[TIMED + me] = timed ? 1 : 0;
    words[STATE + me] = ASLEEP;
    this.#yieldTo(this.#choose(false));
    return words[WOKE + me]!;
  }

  /** A futex wake-up of the `count` (below 0: all) longest sleepers. */
  rouse(address: number, count: number): number {
    this.step();
    return this.#wake(address, count >>> 0);
  }

  /** Sleeps until more than `known` workers are dead, and says who. */
  awaitDeath(known: number): number[] {
    if (this.#whoIsDead().length <= known) this.#fallAsleep(DEATHS, false);
    return this.#whoIsDead();
  }

  /** The end of a worker's program. */
  done(): void {
    this.#audit();
    this.#leave(DONE);
  }

  /** What a worker does that has caught `Ended`. */
  unwound(): void {
    this.#phase = "outside";
    if (!this.#dead) {
      this.#words[STATE + this.#me] = DONE;
      giveTurn(this.#control, CONTROLLER);
      return;
    }
    // Unwinding has run code that a dead worker does not run: what it did is taken back.
    this.#memories.forEach((words, at) => words.set(this.#snapshots[at]!));
    this.#leave(DEAD);
  }

  /** The run has shown a fault. */
  fail(reason: string): never {
    const text = new TextEncoder().encode(reason).subarray(0, this.#control.failure.length);
    if (this.#words[FAILED] === 0) {
      this.#control.failure.set(text);
      this.#words[FAILED] = text.length;
    }
    this.#phase = "over";
    throw new Ended();
  }

  // ---- steps

  #counts(): boolean {
    if (this.#phase === "outside") return false;
    const words = this.#words;
    if (this.#phase === "over" || words[ENDING] !== 0) throw new Ended();
    this.#audit();
    words[STEPS]! += 1;
    words[OWN_STEPS + this.#me]! += 1;
    if (words[STEPS]! > words[MAX_STEPS]!) this.fail(`no end after ${words[MAX_STEPS]} steps`);
    if (words[DIES] === this.#me && words[DIES_AT] === words[OWN_STEPS + this.#me]) this.die();
    return true;
  }

  /** This worker takes no further step. */
  die(): never {
    this.#dead = true;
    this.#phase = "over";
    this.#memories.forEach((words, at) => this.#snapshots[at]!.set(words));
    throw new Ended();
  }

  #audit(): void {
    const trouble = this.#broken();
    if (trouble !== null) this.fail(trouble);
  }

  // ---- who goes next

  #choose(couldGoOn: boolean): number {
    const words = this.#words;
    const at = words[CHOICES]!++;
    if (at >= MAX_CHOICES) this.fail(`no end after ${MAX_CHOICES} choices`);
    let ready = 0;
    let timed = 0;
    for (let worker = 0; worker < words[WORKERS]!; worker += 1) {
      const state = words[STATE + worker];
      if (state === READY) ready |= 1 << worker;
      if (state === ASLEEP && words[TIMED + worker] === 1) timed |= 1 << worker;
    }
    const ran = this.#me;
    const others = ready === 0 ? timed : ready;
    let chosen = couldGoOn ? ran : ready === 0 ? this.#longestSleeper(timed) : 31 - Math.clz32(ready & -ready);
    if (at < words[PREFIX]!) chosen = this.#control.prefix[at]! - 1;
    else if (words[RANDOM] !== 0 && others !== 0) chosen = this.#chooseAtRandom(chosen, couldGoOn, ready, timed);
    this.#control.log[at] = packChoice({ chosen, ran, couldGoOn, ready, timed });
    if (chosen !== NOBODY && words[STATE + chosen] === ASLEEP) {
      words[WOKE + chosen] = TIMED_OUT;
      words[STATE + chosen] = READY;
    }
    return chosen;
  }

  // Nobody, when nobody's sleep may run out.
  #longestSleeper(among: number): number {
    const words = this.#words;
    let first = NOBODY;
    for (let worker = 0; worker < words[WORKERS]!; worker += 1) {
      if ((among & (1 << worker)) === 0) continue;
      if (first === NOBODY || words[SLEEPS_SINCE + worker]! < words[SLEEPS_SINCE + first]!) first = worker;
    }
    return first;
  }

  #chooseAtRandom(otherwise: number, couldGoOn: boolean, ready: number, timed: number): number {
    if (couldGoOn && this.#random(this.#words[SWITCH_ODDS]!) !== 0) return otherwise;
    const among = ready === 0 || (timed !== 0 && this.#random(16) === 0) ? ready | timed : ready;
    let left = this.#random(bits(among));
    for (let worker = 0; ; worker += 1) {
      if ((among & (1 << worker)) !== 0 && left-- === 0) return worker;
    }
  }

  // xorshift32; its state is never 0.
  #random(below: number): number {
    let x = this.#words[RANDOM]!;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#words[RANDOM] = x;
    return (x >>> 0) % below;
  }

  #yieldTo(chosen: number): void {
    if (chosen === this.#me) return;
    giveTurn(this.#control, chosen === NOBODY ? CONTROLLER : chosen);
    awaitTurn(this.#control, this.#me);
    if (this.#words[ENDING] !== 0) throw new Ended();
  }

  #leave(state: typeof DONE | typeof DEAD): void {
    this.#phase = "outside";
    this.#words[STATE + this.#me] = state;
    if (state === DEAD) this.#wake(DEATHS, MAX_WORKERS);
    const chosen = this.#choose(false);
    giveTurn(this.#control, chosen === NOBODY ? CONTROLLER : chosen);
  }

  #whoIsDead(): number[] {
    const dead: number[] = [];
    for (let worker = 0; worker < this.#words[WORKERS]!; worker += 1)
      if (this.#words[STATE + worker] === DEAD) dead.push(worker);
    return dead;
  }

  #wake(address: number, count: number): number {
    const words = this.#words;
    let woken = 0;
    for (; woken < count; woken += 1) {
      let first = NOBODY;
      for (let worker = 0; worker < words[WORKERS]!; worker += 1) {
        if (words[STATE + worker] !== ASLEEP || words[SLEEPS_AT + worker] !== address) continue;
        if (first === NOBODY || words[SLEEPS_SINCE + worker]! < words[SLEEPS_SINCE + first]!) first = worker;
      }
      if (first === NOBODY) break;
      words[STATE + first] = READY;
      words[WOKE + first] = WOKEN;
    }
    return woken;
  }
}

function bits(mask: number): number {
  let count = 0;
  for (let left = mask; left !== 0; left &= left - 1) count += 1;
  return count;
}

/** Puts the scheduler in front of what reaches shared memories: the module's imports, and `Atomics` on the first, the accounts. */
export function interpose(scheduler: () => Scheduler | null, memories: readonly WebAssembly.Memory[]): void {
  const scheduled = (): Scheduler => {
    const found = scheduler();
    if (found === null) throw new Error("no scheduler is in place");
    return found;
  };
  const importsOf = (memory: number) => {
    const place = memory << MEMORY_SHIFT;
    return {
      step: () => scheduler()?.step(),
      change: () => scheduler()?.change(),
      sleep: (at: number, expected: number, nanoseconds: number) =>
        scheduled().sleep(place | at, expected, nanoseconds),
      rouse: (at: number, count: number) => scheduled().rouse(place | at, count),
    };
  };
  const { Instance } = WebAssembly;
  // One instance a memory will do: what an instance keeps is whose it is.
  const made = new Map<WebAssembly.Memory, WebAssembly.Instance>();
  WebAssembly.Instance = function scheduledInstance(module: WebAssembly.Module, given: WebAssembly.Imports) {
    const memory = given["env"]!["memory"] as WebAssembly.Memory;
    const found = made.get(memory);
    if (found !== undefined) return found;
    const number = memories.indexOf(memory);
    if (number === -1) throw new Error("an instance over a memory that nobody schedules");
    const instance = new Instance(module, { ...given, scheduler: importsOf(number) });
    made.set(memory, instance);
    return instance;
  } as unknown as typeof WebAssembly.Instance;
  // V8 may make another object for the same bytes once any memory of the thread has grown; the accounts never do.
  const [accounts] = memories;
  Object.defineProperty(accounts!, "buffer", { value: accounts!.buffer });
  interposeAtomics(scheduled, accounts!);
}

type Operation = (array: Int32Array, index: number, ...rest: number[]) => unknown;

function interposeAtomics(scheduler: () => Scheduler, memory: WebAssembly.Memory): void {
  const table = Atomics as unknown as Record<string, Operation>;
  const replace = (name: string, by: (original: Operation) => Operation): void => {
    const original = table[name]!;
    const replaced = by(original);
    table[name] = (array, ...rest) =>
      array.buffer === memory.buffer ? replaced(array, ...rest) : original.call(Atomics, array, ...rest);
  };
  const address = (array: Int32Array, index: number): number => array.byteOffset + index * array.BYTES_PER_ELEMENT;
  for (const name of ["load", "store", "add", "sub", "and", "or", "xor", "exchange", "compareExchange"]) {
    replace(name, (original) => (array, ...rest) => {
      scheduler().step();
      return original.call(Atomics, array, ...rest);
    });
  }
  replace("wait", () => (array, index, expected, waitMs) => {
    const bounded = waitMs !== undefined && waitMs !== Number.POSITIVE_INFINITY;
    const why = scheduler().sleep(address(array, index), expected!, bounded ? waitMs * 1e6 : -1);
    return ["ok", "not-equal", "timed-out"][why];
  });
  replace("notify", () => (array, index, count) => scheduler().rouse(address(array, index), count ?? -1));
}
