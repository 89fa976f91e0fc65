// What an arena is asked to be and what it says of itself: options with their defaults, the two memories, reports, and the
// error for what cannot be made.

import { Refusal } from "../fault.js";
import { MAX_CREW } from "./crew.js";
import { MAX_WASM_UNITS, WASM_UNIT_BYTES } from "./wasm.js";

/** Largest arena, bytes: one 64 KiB unit short of 4 GiB. */
export const MAX_ARENA_BYTES = MAX_WASM_UNITS * WASM_UNIT_BYTES;

/** Pages begin at multiples of this, and limits are such multiples. */
export const PAGE_ALIGN = 16;

/**
 * Why an arena cannot be had: its memory holds something else, another version or other sizes, a limit or place out of range,
 * no memory.
 */
export type ArenaErrorReason = "magic" | "version" | "size" | "limit" | "memory" | "worker";

/**
 * An arena that cannot be made or attached.
 *
 * @example
 * ```ts
 * import { Arena, ArenaError } from "tungsten-memory";
 *
 * try {
 *   Arena.create({ limitBytes: 2 ** 40 });
 * } catch (error) {
 *   if (error instanceof ArenaError) console.log(error.reason); // limit
 * }
 * ```
 */
export class ArenaError extends Refusal {
  override readonly name = "ArenaError";
  /** Which trouble it is. */
  readonly reason: ArenaErrorReason;

  constructor(reason: ArenaErrorReason, message: string, options?: { cause?: unknown }) {
    super(message, null, options);
    this.reason = reason;
  }
}

/** The two memories of an arena, for posting to a worker. */
export interface ArenaMemories {
  /** Tables: nothing else lies here. */
  readonly map: WebAssembly.Memory;
  /** Pages: nothing else lies here. */
  readonly data: WebAssembly.Memory;
}

/** How large an arena may be, and for whom. */
export interface ArenaOptions {
  /** Most bytes of pages, 1 to MAX_ARENA_BYTES; rounded up to a multiple of 16. Default MAX_ARENA_BYTES. */
  readonly limitBytes?: number;
  /** Whether the limit bounds the tables too, so that `highWaterBytes` stays within it. Default false: pages alone. */
  readonly limitCoversTables?: boolean;
  /** Whether other threads can attach. Default: where the host allows shared memory. */
  readonly shared?: boolean;
  /**
   * Most workers that use the arena at the same time, 1 to 64, the creator included, who becomes worker 1. Left out, the
   * arena is for one thread at a time, and faster for that one.
   */
  readonly workers?: number;
  /**
   * Most bytes of freed blocks that one worker keeps for itself. Nobody is refused because of them. Default: such that all
   * workers together keep a quarter of the limit.
   */
  readonly cacheBytes?: number;
}

/** What an arena says of itself. All in bytes unless said otherwise. */
export interface ArenaStats {
  /** Most bytes of pages that it may have. */
  readonly limitBytes: number;
  /** Data that the linear memory reaches; touched or not. */
  readonly committedBytes: number;
  /** Highest end of data ever owned, plus the tables' bytes ever used. Never falls. */
  readonly highWaterBytes: number;
  /** The tables' part of the above. */
  readonly tableBytes: number;
  /** In blocks that are live, rounded as the allocator rounds them. What workers keep in caches is free. */
  readonly usedBytes: number;
  /** Below the top and not used: free blocks, and free slots of slabs. */
  readonly freeBytes: number;
  /** Largest run that can be had at once: a free block, or what lies between the top and the limit. */
  readonly largestFreeBytes: number;
  /** 1 - largest free block / freeBytes: 0 when all that is free is one run, or nothing is. */
  readonly fragmentation: number;
  /** Live blocks, slots included. */
  readonly blocks: number;
  /** Free blocks below the top, a number. */
  readonly freeBlocks: number;
  /** Slabs of small blocks, a number. */
  readonly slabs: number;
}

/** The options with their defaults, checked. Throws ArenaError. */
export function settled(options: ArenaOptions): Required<ArenaOptions> {
  const { limitBytes = MAX_ARENA_BYTES, limitCoversTables = false, workers = 0 } = options;
  const { shared = workers > 0 || canShare() } = options;
  if (!Number.isInteger(limitBytes) || limitBytes < 1 || limitBytes > MAX_ARENA_BYTES)
    throw new ArenaError("limit", `an arena holds 1 to ${MAX_ARENA_BYTES} bytes, not ${limitBytes}`);
  if (options.workers !== undefined && !(Number.isInteger(workers) && workers >= 1 && workers <= MAX_CREW))
    throw new ArenaError("worker", `an arena is shared by 1 to ${MAX_CREW} workers, not ${workers}`);
  if (workers > 0 && !shared) throw new ArenaError("memory", "workers cannot share private memory");
  const limit = Math.ceil(limitBytes / PAGE_ALIGN) * PAGE_ALIGN;
  const { cacheBytes = workers === 0 ? 0 : Math.floor(limit / (4 * workers)) } = options;
  if (!(Number.isInteger(cacheBytes) && cacheBytes >= 0 && cacheBytes <= limit))
    throw new ArenaError("limit", `a worker keeps 0 to ${limit} bytes of freed blocks, not ${cacheBytes}`);
  return { limitBytes: limit, limitCoversTables, shared, workers, cacheBytes };
}

function canShare(): boolean {
  const isolated = (globalThis as { crossOriginIsolated?: boolean }).crossOriginIsolated ?? true;
  return typeof SharedArrayBuffer === "function" && isolated;
}
