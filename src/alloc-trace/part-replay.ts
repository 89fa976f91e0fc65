// One worker's part of a replay by many, and the observer of all: the shadow of the data lies in shared memory, so that two
// workers who were given the same bytes meet there.

import { ALLOCATE, ALLOCATE_ZEROED, FREE, NOTHING } from "./trace.js";
import type { PartedTrace, TracePart } from "./parts.js";
import {
  GRANULE_BYTES,
  isFilled,
  LEAST_ALIGN,
  MOST_KEPT,
  patternOf,
  type ShadowTarget,
  type Violation,
  type ViolationKind,
} from "./shadow.js";

/** What the workers of one replay share, all zero at its start. Indices are lives. */
export interface ReplayBoard {
  readonly handles: Int32Array;
  /** Operations done on each life, told where another worker waits for them. */
  readonly turns: Int32Array;
  readonly bytes: Uint32Array;
  /** The life plus 1 that has each 8 bytes of the data; empty when nobody observes. */
  readonly shadow: Uint32Array;
  /** [0]: workers that are ready. */
  readonly gate: Int32Array;
}

export interface PartReplay {
  readonly operations: number;
  readonly seconds: number;
  readonly refused: number;
  readonly refusedFrees: number;
  /** Blocks granted less blocks freed. */
  readonly left: number;
  readonly violations: number;
  readonly first: readonly Violation[];
}

/** How long a worker looks before it sleeps, when it waits for another one's turn. */
const LOOKS = 200;

/** A board for `trace`; with `observedBytes` above 0 that much data is observed. */
export function replayBoard(trace: PartedTrace, observedBytes: number): ReplayBoard {
  const words = (count: number): SharedArrayBuffer => new SharedArrayBuffer(4 * count);
  return {
    handles: new Int32Array(words(trace.lives)),
    turns: new Int32Array(words(trace.lives)),
    bytes: new Uint32Array(words(trace.lives)),
    shadow: new Uint32Array(words(Math.ceil(observedBytes / GRANULE_BYTES))),
    gate: new Int32Array(words(1)),
  };
}

/** Replays one part; starts when all `workers` are ready. */
export function replayPart(part: TracePart, board: ReplayBoard, target: ShadowTarget, workers: number): PartReplay {
  const { handles, turns } = board;
  const eyes = board.shadow.length > 0 ? new Observer(board, target) : null;
  let refused = 0;
  let refusedFrees = 0;
  let left = 0;

  meet(board.gate, workers);
  const started = performance.now();
  for (let i = 0; i < part.kinds.length; i += 1) {
    const kind = part.kinds[i]!;
    if (kind === NOTHING) continue;
    const life = part.lives[i]!;
    const bytes = part.bytes[i]!;
    const turn = part.turns[i]!;
    if (part.waits[i] === 1) waitFor(turns, life, turn);
    const old = handles[life]!;
    if (kind === FREE) {
      if (old === 0) refusedFrees += 1;
      else {
        eyes?.ends(life, old);
        target.free(old);
        handles[life] = 0;
        left -= 1;
      }
    } else {
      const resizes = kind !== ALLOCATE && kind !== ALLOCATE_ZEROED && old !== 0;
      if (resizes) eyes?.ends(life, old);
      const handle = resizes
        ? target.reallocate(old, bytes)
        : kind === ALLOCATE_ZEROED
          ? target.allocateZeroed(bytes)
          : target.allocate(bytes, part.aligns[i]!);
      if (handle === 0) {
        refused += 1;
        if (resizes) eyes?.begins(life, old, board.bytes[life]!, 0);
      } else {
        if (resizes) eyes?.kept(life, handle, bytes);
        else left += 1;
        if (kind === ALLOCATE_ZEROED) eyes?.zeroed(handle, bytes);
        handles[life] = handle;
        eyes?.begins(life, handle, bytes, resizes ? 0 : part.aligns[i]!);
      }
    }
    if (part.tells[i] === 1) {
      Atomics.store(turns, life, turn + 1);
      Atomics.notify(turns, life);
    }
  }
  const seconds = (performance.now() - started) / 1000;
  const { violations = 0, first = [] } = eyes ?? {};
  return { operations: part.kinds.length, seconds, refused, refusedFrees, left, violations, first };
}

/** Nobody starts before all are here. */
export function meet(gate: Int32Array, workers: number): void {
  let here = Atomics.add(gate, 0, 1) + 1;
  Atomics.notify(gate, 0);
  for (; here < workers; here = Atomics.load(gate, 0)) Atomics.wait(gate, 0, here);
}

function waitFor(turns: Int32Array, life: number, turn: number): void {
  for (let look = 0; look < LOOKS; look += 1) if (Atomics.load(turns, life) === turn) return;
  for (let now = Atomics.load(turns, life); now !== turn; now = Atomics.load(turns, life))
    Atomics.wait(turns, life, now);
}

/** Watches what one worker is given. A block is marked from after it was granted until before it is given back. */
class Observer {
  violations = 0;
  readonly first: Violation[] = [];
  readonly #board: ReplayBoard;
  readonly #target: ShadowTarget;
  #call = 0;

  constructor(board: ReplayBoard, target: ShadowTarget) {
    this.#board = board;
    this.#target = target;
  }

  begins(life: number, handle: number, bytes: number, align: number): void {
    const { shadow } = this.#board;
    const address = this.#target.addressOf(handle);
    const least = Math.max(LEAST_ALIGN, align);
    if (address % least !== 0) this.#object("misalignment", `${bytes} bytes at ${address}, to be aligned to ${least}`);
    this.#board.bytes[life] = bytes;
    if (address + bytes > Math.min(this.#target.u8.length, this.#target.limitBytes))
      return this.#object("stray", `${bytes} bytes at ${address} end behind the data of ${this.#target.u8.length}`);
    const end = Math.ceil((address + bytes) / GRANULE_BYTES);
    for (let at = address / GRANULE_BYTES; at < end; at += 1) {
      const other = Atomics.exchange(shadow, at, life + 1);
      if (other !== 0) this.#object("overlap", `${bytes} bytes at ${address} lie over block ${other - 1}`);
    }
    this.#target.u8.fill(patternOf(life), address, address + bytes);
  }

  ends(life: number, handle: number): void {
    const { shadow } = this.#board;
    const address = this.#target.addressOf(handle);
    const bytes = this.#board.bytes[life]!;
    this.#call += 1;
    if (!isFilled(this.#target, address, bytes, patternOf(life)))
      this.#object("contents", `block ${life} at ${address} changed while it was held`);
    const end = Math.ceil((address + bytes) / GRANULE_BYTES);
    for (let at = address / GRANULE_BYTES; at < end; at += 1) {
      const other = Atomics.exchange(shadow, at, 0);
      if (other !== life + 1) this.#object("overlap", `block ${life} at ${address} was covered by block ${other - 1}`);
    }
  }

  kept(life: number, handle: number, bytes: number): void {
    const address = this.#target.addressOf(handle);
    const kept = Math.min(this.#board.bytes[life]!, bytes);
    if (!isFilled(this.#target, address, kept, patternOf(life)))
      this.#object("contents", `the first ${kept} bytes of block ${life} changed when it was resized to ${bytes}`);
  }

  zeroed(handle: number, bytes: number): void {
    const address = this.#target.addressOf(handle);
    if (!isFilled(this.#target, address, bytes, 0))
      this.#object("contents", `${bytes} bytes at ${address} are not zero`);
  }

  #object(kind: ViolationKind, detail: string): void {
    this.violations += 1;
    if (this.first.length < MOST_KEPT) this.first.push({ kind, call: this.#call, detail });
  }
}
