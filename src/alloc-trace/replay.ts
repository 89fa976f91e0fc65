// Replays a decoded trace against anything that allocates: one call an operation, nothing else in the loop. What a
// trace asks for after it was refused is settled as in C: freeing a refused block does nothing, reallocating it allocates.

import { ALLOCATE, ALLOCATE_ZEROED, type AllocTrace, FREE, REALLOCATE } from "./trace.js";

/** Blocks by handle: an integer of 32 bits, 0 for refused. */
export interface ReplayTarget {
  /** `align` is a power of two, or 0 for the allocator's own. */
  allocate(bytes: number, align: number): number;
  allocateZeroed(bytes: number): number;
  /** 0 leaves the old block as it was. */
  reallocate(handle: number, bytes: number): number;
  free(handle: number): void;
}

export interface Replay {
  /** Time of the loop alone. */
  readonly seconds: number;
  /** Requests answered with 0. */
  readonly refused: number;
  /** Frees of blocks that were refused. */
  readonly refusedFrees: number;
  /** Most bytes live at once, as requested, of what was granted. */
  readonly peakLiveBytes: number;
}

/** Replays the whole trace. `now` is a clock in milliseconds. */
export function replay(trace: AllocTrace, target: ReplayTarget, now: () => number = () => performance.now()): Replay {
  const { operations, kinds, blocks, aligns } = trace;
  const bytes = askedBytes(trace);
  const handles = new Int32Array(trace.blockCount);
  const refusals: number[] = [];
  let refusedFrees = 0;

  const started = now();
  for (let i = 0; i < operations; i += 1) {
    const block = blocks[i]!;
    switch (kinds[i]) {
      case ALLOCATE:
        if ((handles[block] = target.allocate(bytes[i]!, aligns[i]!)) === 0) refusals.push(i);
        break;
      case FREE:
        if (handles[block] === 0) refusedFrees += 1;
        else {
          target.free(handles[block]!);
          handles[block] = 0;
        }
        break;
      case ALLOCATE_ZEROED:
        if ((handles[block] = target.allocateZeroed(bytes[i]!)) === 0) refusals.push(i);
        break;
      case REALLOCATE: {
        const old = handles[block]!;
        const handle = old === 0 ? target.allocate(bytes[i]!, 0) : target.reallocate(old, bytes[i]!);
        if (handle === 0) refusals.push(i);
        else handles[block] = handle;
        break;
      }
      default:
    }
  }
  const seconds = (now() - started) / 1000;
  return { seconds, refused: refusals.length, refusedFrees, peakLiveBytes: peakLive(trace, refusals) };
}

/** What is asked of the allocator: a request for nothing gets a block of its own, as malloc gives one. */
export function askedBytes(trace: AllocTrace): Float64Array {
  return trace.bytes.map((bytes) => Math.max(1, bytes));
}

/** Most bytes live at once; the operations in `refusals` (in order) granted nothing. */
export function peakLive(trace: AllocTrace, refusals: readonly number[]): number {
  const sizes = new Float64Array(trace.blockCount);
  let next = 0;
  let live = 0;
  let peak = 0;
  for (let i = 0; i < trace.operations; i += 1) {
    const kind = trace.kinds[i]!;
    if (i === refusals[next]) {
      next += 1;
      continue;
    }
    if (kind > FREE) continue;
    const block = trace.blocks[i]!;
    live += trace.bytes[i]! - sizes[block]!;
    sizes[block] = trace.bytes[i]!;
    if (live > peak) peak = live;
  }
  return peak;
}
