// What the workers of a controlled run and the thread that controls them share: whose turn it is, the schedule, the
// programs and what became of them. One buffer, drawn here; exactly one thread runs at a time, so plain words do but for
// the turns.

import { NOTE_WORDS } from "./laws.js";
import { PAGE_NOTE_WORDS } from "./page-laws.js";

/** Workers of one run. The thread that controls them has a turn of its own, after theirs. */
export const MAX_WORKERS = 4;
export const CONTROLLER = MAX_WORKERS;
/** Nobody: no worker to die, none that runs. */
export const NOBODY = -1;

export const MAX_CHOICES = 16_384;
export const MAX_EVENTS = 64;

// Words of the control. A turn has cache lines of its own.
const TURN_WORDS = 32;
export const turnOf = (worker: number): number => worker * TURN_WORDS;

let word = (MAX_WORKERS + 1) * TURN_WORDS;
const words = (count = 1): number => {
  const at = word;
  word += count;
  return at;
};

/** 1 under the scheduler, 0 when workers race freely. */
export const SCHEDULED: number = words();
/** Counts what was staged: a worker that sees a new number reads its program anew. And the bytes of that text. */
export const STAGED: number = words();
export const STAGED_BYTES: number = words();
export const WORKERS: number = words();
/** 1 when the run is over and workers unwind; 2 when they end. */
export const ENDING: number = words();
/** A worker's state; the address it sleeps on; the order it fell asleep in; whether its sleep may time out; why it woke. */
export const STATE: number = words(MAX_WORKERS);
export const SLEEPS_AT: number = words(MAX_WORKERS);
export const SLEEPS_SINCE: number = words(MAX_WORKERS);
export const TIMED: number = words(MAX_WORKERS);
export const WOKE: number = words(MAX_WORKERS);
export const SLEEPS: number = words();
/** Steps taken together; each worker's own steps, changes between atomic operations included. */
export const STEPS: number = words();
export const OWN_STEPS: number = words(MAX_WORKERS);
export const MAX_STEPS: number = words();
/** Who dies, before which of its own steps. */
export const DIES: number = words();
export const DIES_AT: number = words();
/** Choices of the schedule: how many are laid down, how many were made; random ones after that, and their odds. */
export const PREFIX: number = words();
export const CHOICES: number = words();
export const RANDOM: number = words();
export const SWITCH_ODDS: number = words();
/** Stamps of invocations and responses. */
export const STAMP: number = words();
/** Bytes of the reason why the run failed, 0 when it did not. */
export const FAILED: number = words();
/** In a free run: who is at the start, who is through. */
export const ARRIVED: number = words();
export const THROUGH: number = words();
export const EVENTS_OF: number = words(MAX_WORKERS);
/** Handles of the pages that workers pass on: 0 for none, with HANDED when another has it now, negative when it was taken. */
export const PASSED_PAGES = 4;
export const PASSED: number = words(PASSED_PAGES);
export const HANDED = 0x4000_0000;
/** What a worker holds when it is through. */
const MOST_PAGES = 8;
const BELONGINGS_WORDS = 5 + MOST_PAGES;
const BELONGINGS: number = words(MAX_WORKERS * BELONGINGS_WORDS);
const WORDS = word;

export const IDLE = 0;
export const READY = 1;
export const ASLEEP = 2;
export const DONE = 3;
export const DEAD = 4;

/** Nobody notifies this address: who sleeps there is called when a worker dies. */
export const DEATHS = -16;

/** Numbers of an event: operation, call, invocation, response (0: none yet), result. */
export const EVENT_NUMBERS = 5;

const STAGED_MOST_BYTES = 8192;
const FAILURE_BYTES = 2048;

/** Views of one control buffer. */
export interface Control {
  readonly buffer: SharedArrayBuffer;
  readonly words: Int32Array;
  readonly prefix: Uint8Array;
  readonly log: Int32Array;
  /** The scenario of the run, as text. */
  readonly staged: Uint8Array;
  readonly events: Float64Array;
  readonly failure: Uint8Array;
  /** The accounts as they were at the last audit. */
  readonly note: Uint32Array;
  /** The same of the pages. */
  readonly pageNote: Uint32Array;
}

export function createControl(buffer?: SharedArrayBuffer): Control {
  let at = 0;
  const take = (bytes: number): number => {
    const begin = at;
    at = Math.ceil((at + bytes) / 8) * 8;
    return begin;
  };
  const eventNumbers = MAX_WORKERS * MAX_EVENTS * EVENT_NUMBERS;
  const places = [
    take(4 * WORDS),
    take(MAX_CHOICES),
    take(4 * MAX_CHOICES),
    take(STAGED_MOST_BYTES),
    take(8 * eventNumbers),
    take(FAILURE_BYTES),
    take(4 * NOTE_WORDS),
    take(4 * PAGE_NOTE_WORDS),
  ];
  const whole = buffer ?? new SharedArrayBuffer(at);
  return {
    buffer: whole,
    words: new Int32Array(whole, places[0], WORDS),
    prefix: new Uint8Array(whole, places[1], MAX_CHOICES),
    log: new Int32Array(whole, places[2], MAX_CHOICES),
    staged: new Uint8Array(whole, places[3], STAGED_MOST_BYTES),
    events: new Float64Array(whole, places[4], eventNumbers),
    failure: new Uint8Array(whole, places[5], FAILURE_BYTES),
    note: new Uint32Array(whole, places[6], NOTE_WORDS),
    pageNote: new Uint32Array(whole, places[7], PAGE_NOTE_WORDS),
  };
}

// ---- what is staged

/** Lays down the scenario of the runs to come. */
export function writeStaged(control: Control, scenario: unknown): void {
  const text = new TextEncoder().encode(JSON.stringify(scenario));
  control.staged.set(text);
  control.words[STAGED_BYTES] = text.length;
  control.words[STAGED]! += 1;
}

/** Reads it, once for all its runs. */
export function stagedReader<T>(control: Control): () => T {
  let seen = 0;
  let read: T;
  return () => {
    if (control.words[STAGED] !== seen) {
      seen = control.words[STAGED]!;
      const text = control.staged.slice(0, control.words[STAGED_BYTES]);
      read = JSON.parse(new TextDecoder().decode(text)) as T;
    }
    return read;
  };
}

// ---- what workers hold

/** Where a worker is, 0 for nowhere; its execution memory by mode, bytes; its read locks; handles of its pages. */
export interface Belongings {
  readonly place: number;
  readonly bytes: readonly [number, number];
  readonly pins: number;
  readonly pages: readonly number[];
}

export const NOTHING: Belongings = { place: 0, bytes: [0, 0], pins: 0, pages: [] };

export function writeBelongings(control: Control, worker: number, { place, bytes, pins, pages }: Belongings): void {
  if (pages.length > MOST_PAGES) throw new Error(`${pages.length} pages`);
  control.words.set([place, ...bytes, pins, pages.length, ...pages], BELONGINGS + worker * BELONGINGS_WORDS);
}

export function readBelongings(control: Control, worker: number): Belongings {
  const at = BELONGINGS + worker * BELONGINGS_WORDS;
  const [place = 0, onHeap = 0, offHeap = 0, pins = 0, count = 0, ...pages] = control.words.subarray(
    at,
    at + BELONGINGS_WORDS,
  );
  return { place, bytes: [onHeap, offHeap], pins, pages: pages.slice(0, count) };
}

// ---- turns. `real` are the operations themselves, before a worker puts the scheduler in front of them.

export const real = {
  load: Atomics.load,
  store: Atomics.store,
  add: Atomics.add,
  wait: Atomics.wait,
  notify: Atomics.notify,
};

/** Gives the turn to a worker. */
export function giveTurn(control: Control, to: number): void {
  real.store(control.words, turnOf(to), 1);
  real.notify(control.words, turnOf(to));
}

/** Waits for one's turn and takes it; false when it did not come within `waitMs`. */
export function awaitTurn(control: Control, me: number, waitMs = Number.POSITIVE_INFINITY): boolean {
  const turn = turnOf(me);
  while (real.load(control.words, turn) === 0) {
    if (real.wait(control.words, turn, 0, waitMs) === "timed-out") return false;
  }
  real.store(control.words, turn, 0);
  return true;
}

// ---- what the log says of a choice

/** A choice as the log keeps it: who was chosen, who ran (it may go on or not), and who else could have gone. */
export interface Choice {
  readonly chosen: number;
  readonly ran: number;
  readonly couldGoOn: boolean;
  readonly ready: number;
  /** Those who could only go by their sleep's running out. */
  readonly timed: number;
}

export function packChoice({ chosen, ran, couldGoOn, ready, timed }: Choice): number {
  return (chosen + 1) | ((ran + 1) << 4) | (couldGoOn ? 1 << 8 : 0) | (ready << 12) | (timed << 20);
}

export function unpackChoice(packed: number): Choice {
  return {
    chosen: (packed & 15) - 1,
    ran: ((packed >> 4) & 15) - 1,
    couldGoOn: (packed & 256) !== 0,
    ready: (packed >> 12) & 255,
    timed: (packed >> 20) & 255,
  };
}
