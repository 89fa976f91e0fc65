// The arena and its peers behind one interface, so that one driver replays a trace on each. High water means the same for
// all: the highest end of anything owned, headers and tables included.

import { arenaTarget } from "../../src/alloc-trace/arena-target.js";
import type { ReplayTarget } from "../../src/alloc-trace/replay.js";

export interface Contender extends ReplayTarget {
  /** For peers: the end of a block with its header, as the trace asked for `bytes`; the arena keeps its own count. */
  endOf?(handle: number, bytes: number): number;
  highWater?(): number;
}

export interface Adapter {
  readonly name: string;
  readonly version: string;
  /** A fresh allocator; always of one shape, so that the driver's calls stay monomorphic for as long as it is alone. */
  create(): Contender;
}

export function arenaAdapter(version: string): Adapter {
  return {
    name: "arena",
    version,
    create() {
      const target = arenaTarget();
      return Object.assign(target, { highWater: () => target.arena.highWaterBytes });
    },
  };
}

/** What the module around AssemblyScript's own allocator exports. Zeroing and copying happen inside the module. */
const TLSF = `
export function allocate(bytes: usize): usize { return heap.alloc(bytes); }
export function allocateZeroed(bytes: usize): usize {
  const at = heap.alloc(bytes);
  memory.fill(at, 0, bytes);
  return at;
}
export function reallocate(at: usize, bytes: usize): usize { return heap.realloc(at, bytes); }
export function free(at: usize): void { heap.free(at); }
export function start(): usize { return __heap_base; }
`;

/** A header of 4 bytes before each block; blocks are multiples of 16 with it. */
const TLSF_HEADER_BYTES = 4;

/** Compiles AssemblyScript's TLSF with the flags of this project's own module. */
export async function tlsfAdapter(): Promise<Adapter> {
  const { compileString, version } = await import("assemblyscript/asc"); // here: it takes a second to load
  const { error, binary } = await compileString(TLSF, {
    runtime: "minimal",
    optimizeLevel: 3,
    shrinkLevel: 0,
    converge: true,
    use: ["abort="],
    maximumMemory: 65_535,
  });
  if (error || !binary) throw new Error(`TLSF does not compile: ${error?.message ?? "no binary"}`);
  const module = new WebAssembly.Module(binary as Uint8Array<ArrayBuffer>);
  return {
    name: "AssemblyScript TLSF",
    version,
    create() {
      const tlsf = new WebAssembly.Instance(module, {}).exports as unknown as Omit<ReplayTarget, "allocate"> & {
        allocate(bytes: number): number;
        start(): number;
      };
      const start = tlsf.start();
      return {
        allocate: (bytes) => (tooLarge(bytes) ? 0 : tlsf.allocate(bytes)),
        allocateZeroed: (bytes) => (tooLarge(bytes) ? 0 : tlsf.allocateZeroed(bytes)),
        reallocate: (handle, bytes) => (tooLarge(bytes) ? 0 : tlsf.reallocate(handle, bytes)),
        free: (handle) => tlsf.free(handle),
        endOf: (handle, bytes) =>
          (handle >>> 0) - start + Math.ceil((bytes + TLSF_HEADER_BYTES) / 16) * 16 - TLSF_HEADER_BYTES,
      };
    },
  };
}

interface MemPool {
  malloc(bytes: number): number;
  calloc(bytes: number): number;
  realloc(at: number, bytes: number): number;
  free(at: number): boolean;
  blockSize(block: number): number;
}

const THING_HEADER_BYTES = 8;

/** @thi.ng/malloc, or null where it is not installed. `specifier` is what to import. */
export async function thingAdapter(
  version: string,
  poolBytes = 2 ** 29,
  specifier = "@thi.ng/malloc",
): Promise<Adapter | null> {
  let library: { MemPool: new (options: { size: number }) => MemPool };
  try {
    library = (await import(specifier)) as typeof library;
  } catch {
    return null;
  }
  return {
    name: "@thi.ng/malloc",
    version,
    create() {
      const pool = new library.MemPool({ size: poolBytes });
      return {
        allocate: (bytes) => pool.malloc(bytes),
        allocateZeroed: (bytes) => pool.calloc(bytes),
        reallocate: (handle, bytes) => pool.realloc(handle, bytes),
        free: (handle) => void pool.free(handle),
        endOf: (handle) => handle - THING_HEADER_BYTES + pool.blockSize(handle - THING_HEADER_BYTES),
      };
    },
  };
}

/** TLSF traps above 1 GiB; the driver wants an answer. */
function tooLarge(bytes: number): boolean {
  return bytes > 2 ** 30 - 16;
}
