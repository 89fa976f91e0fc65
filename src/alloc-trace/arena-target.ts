// The arena as a replay sees it: the public block calls and nothing else.

import { Arena, type ArenaOptions } from "../memory/arena.js";
import type { ShadowTarget } from "./shadow.js";

/** Where a trace leaves alignment to the allocator it gets 8, which serves every number that WebAssembly knows. */
const DEFAULT_ALIGN = 8;

export interface ArenaTarget extends ShadowTarget {
  readonly arena: Arena;
}

/** A target over a new arena. */
export function arenaTarget(options: ArenaOptions = {}): ArenaTarget {
  return targetOver(Arena.create(options));
}

/** A target over an arena that is there. */
export function targetOver(arena: Arena): ArenaTarget {
  return {
    arena,
    limitBytes: arena.limitBytes,
    allocate: (bytes, align) => arena.allocateBlock(bytes, align === 0 ? DEFAULT_ALIGN : align),
    allocateZeroed: (bytes) => arena.allocateZeroed(bytes),
    reallocate: (handle, bytes) => arena.reallocateBlock(handle, bytes),
    free: (handle) => arena.freeBlock(handle),
    addressOf: (handle) => arena.addressOf(handle),
    get u8() {
      return arena.views.u8;
    },
    get u32() {
      return arena.views.u32;
    },
    get liveBlocks() {
      return arena.liveBlocks;
    },
    check: () => arena.check(),
  };
}
