// An outside observer of an allocator. It knows nothing of its tables: it keeps a shadow of the data in which every 8
// bytes carry the block they belong to, fills every block with a pattern of its own, and objects to what cannot be.

import { replay, type Replay, type ReplayTarget } from "./replay.js";
import type { AllocTrace } from "./trace.js";

export type ViolationKind = "overlap" | "misalignment" | "stray" | "leak" | "contents" | "tables";

export interface Violation {
  readonly kind: ViolationKind;
  /** Calls of the allocator so far, this one included. */
  readonly call: number;
  readonly detail: string;
}

/** What the observer has to see of an allocator besides its calls. */
export interface ShadowTarget extends ReplayTarget {
  addressOf(handle: number): number;
  /** The data, as it is now. */
  readonly u8: Uint8Array;
  readonly u32: Uint32Array;
  /** Where the data must end at the latest. */
  readonly limitBytes: number;
  /** Blocks that the allocator counts as live. */
  readonly liveBlocks: number;
  /** Throws when the allocator's own tables do not agree. */
  check(): void;
}

export interface ShadowReplay extends Replay {
  readonly violations: number;
  /** The first of them. */
  readonly first: readonly Violation[];
}

/** Violations that are kept with their words; the rest is counted. */
export const MOST_KEPT = 20;

export const GRANULE_BYTES = 8;
const CHUNK_BYTES = 2 ** 20;
const CHUNK_GRANULES = CHUNK_BYTES / GRANULE_BYTES;

/** Alignment that every block has, asked for or not. */
export const LEAST_ALIGN = 8;

interface Block {
  readonly stamp: number;
  readonly address: number;
  readonly bytes: number;
}

/** Replays `trace` under observation. */
export function shadowReplay(trace: AllocTrace, target: ShadowTarget): ShadowReplay {
  const chunks: (Uint32Array | undefined)[] = [];
  const live = new Map<number, Block>();
  const first: Violation[] = [];
  let violations = 0;
  let call = 0;
  let stamps = 0;

  const object = (kind: ViolationKind, detail: string): void => {
    violations += 1;
    if (first.length < MOST_KEPT) first.push({ kind, call, detail });
  };

  /** Calls `each` with the part of the shadow of every chunk that the block touches. */
  const overShadow = (block: Block, each: (part: Uint32Array) => void): void => {
    const start = Math.floor(block.address / GRANULE_BYTES);
    const end = Math.ceil((block.address + block.bytes) / GRANULE_BYTES);
    for (let at = start; at < end;) {
      const chunk = Math.floor(at / CHUNK_GRANULES);
      const stop = Math.min(end, (chunk + 1) * CHUNK_GRANULES);
      const shadow = (chunks[chunk] ??= new Uint32Array(CHUNK_GRANULES));
      each(shadow.subarray(at - chunk * CHUNK_GRANULES, stop - chunk * CHUNK_GRANULES));
      at = stop;
    }
  };

  const claim = (handle: number, bytes: number, align: number): Block | null => {
    const address = target.addressOf(handle);
    const block = { stamp: ++stamps, address, bytes };
    if (address % Math.max(LEAST_ALIGN, align) !== 0)
      object("misalignment", `${bytes} bytes at ${address}, to be aligned to ${Math.max(LEAST_ALIGN, align)}`);
    if (address < 0 || address + bytes > Math.min(target.u8.length, target.limitBytes)) {
      object("stray", `${bytes} bytes at ${address} end behind the data of ${target.u8.length}`);
      return null;
    }
    let other = 0;
    overShadow(block, (part) => {
      for (const stamp of part) if (stamp !== 0) other = stamp;
      part.fill(block.stamp);
    });
    if (other !== 0) object("overlap", `${bytes} bytes at ${address} lie over block ${other}`);
    return block;
  };

  const release = (block: Block): void => overShadow(block, (part) => part.fill(0));

  const paint = ({ stamp, address, bytes }: Block): void => {
    target.u8.fill(patternOf(stamp), address, address + bytes);
  };

  const holds = (address: number, bytes: number, pattern: number): boolean => isFilled(target, address, bytes, pattern);

  const start = (handle: number, bytes: number, align: number): void => {
    const block = claim(handle, bytes, align);
    if (block === null) return;
    live.set(handle, block);
    paint(block);
  };

  const observed: ReplayTarget = {
    allocate(bytes, align) {
      call += 1;
      const handle = target.allocate(bytes, align);
      if (handle !== 0) start(handle, bytes, align);
      return handle;
    },
    allocateZeroed(bytes) {
      call += 1;
      const handle = target.allocateZeroed(bytes);
      if (handle === 0) return 0;
      const address = target.addressOf(handle);
      if (address + bytes <= target.u8.length && !holds(address, bytes, 0))
        object("contents", `${bytes} bytes at ${address} are not zero`);
      start(handle, bytes, 0);
      return handle;
    },
    reallocate(handle, bytes) {
      call += 1;
      const old = live.get(handle);
      const moved = target.reallocate(handle, bytes);
      if (moved === 0) return 0;
      if (old !== undefined) {
        const kept = Math.min(old.bytes, bytes);
        if (!holds(target.addressOf(moved), kept, patternOf(old.stamp)))
          object("contents", `the first ${kept} bytes of block ${old.stamp} changed when it was resized to ${bytes}`);
        release(old);
        live.delete(handle);
      }
      start(moved, bytes, 0);
      return moved;
    },
    free(handle) {
      call += 1;
      const block = live.get(handle);
      if (block !== undefined) {
        if (!holds(block.address, block.bytes, patternOf(block.stamp)))
          object("contents", `block ${block.stamp} at ${block.address} changed while it was held`);
        release(block);
        live.delete(handle);
      }
      target.free(handle);
      if (target.liveBlocks !== live.size)
        object("leak", `${live.size} blocks should be live and the allocator counts ${target.liveBlocks}`);
    },
  };

  const result = replay(trace, observed);
  if (target.liveBlocks !== live.size)
    object("leak", `${live.size} blocks are live at the end and the allocator counts ${target.liveBlocks}`);
  for (const block of live.values())
    if (!holds(block.address, block.bytes, patternOf(block.stamp)))
      object("contents", `block ${block.stamp} at ${block.address} changed while it was held`);
  try {
    target.check();
  } catch (error) {
    object("tables", (error as Error).message);
  }
  return { ...result, violations, first };
}

/** Whether `bytes` bytes from `address`, a multiple of 4, hold `pattern`. */
export function isFilled(
  { u8, u32 }: Pick<ShadowTarget, "u8" | "u32">,
  address: number,
  bytes: number,
  pattern: number,
): boolean {
  const word = address >>> 2;
  const words = bytes >>> 2;
  const fourfold = Math.imul(pattern, 0x01010101) >>> 0;
  for (let i = word; i < word + words; i += 1) if (u32[i] !== fourfold) return false;
  for (let i = address + words * 4; i < address + bytes; i += 1) if (u8[i] !== pattern) return false;
  return true;
}

/** The byte that fills a block: never 0, and different for blocks that follow each other. */
export function patternOf(stamp: number): number {
  return 1 + (stamp % 251);
}
