// The WebAssembly module: compiled once from the bytes in the package, instantiated over a memory that the caller owns.
// Two builds of one source differ in the kind of memory they accept: shared (several workers) or private (one thread, and
// pages that are not cross-origin isolated).

import { PRIVATE_WASM, SHARED_WASM } from "../generated/wasm-bytes.js";

/** Largest linear memory: one 64 KiB unit short of 4 GiB, so that its size fits 32 bits. */
export const MAX_WASM_UNITS = 65_535;
export const WASM_UNIT_BYTES = 65_536;

const compiled: { shared?: WebAssembly.Module; private?: WebAssembly.Module } = {};

/** The compiled module for shared or private memories. Compiled at the first call, then the same object. */
export function wasmModule(kind: "shared" | "private"): WebAssembly.Module {
  return (compiled[kind] ??= new WebAssembly.Module(fromBase64(kind === "shared" ? SHARED_WASM : PRIVATE_WASM)));
}

/** The raw exports of the module over `memory`. Addresses come back signed: `>>> 0` them. */
export function instantiate<T>(
  kind: "shared" | "private",
  memory: WebAssembly.Memory,
  module: WebAssembly.Module = wasmModule(kind),
): T {
  return new WebAssembly.Instance(module, { env: { memory } }).exports as T;
}

/** Creates a linear memory; `shared` asks for one that workers can attach to. Bytes are committed when first touched. */
export function createMemory(options: {
  initialUnits: number;
  maximumUnits: number;
  shared: boolean;
}): WebAssembly.Memory {
  return new WebAssembly.Memory({
    initial: options.initialUnits,
    maximum: options.maximumUnits,
    shared: options.shared,
  });
}

/** Makes `memory` reach `bytes`, and an eighth more where `mostBytes` allows, so that growth stays rare. */
export function grow(memory: WebAssembly.Memory, bytes: number, mostBytes: number): boolean {
  const present = bufferNow(memory).byteLength;
  if (present >= bytes) return true;
  const ample = Math.min(mostBytes, Math.max(bytes, present + present / 8));
  for (const target of [ample, bytes]) {
    const units = Math.ceil((target - present) / WASM_UNIT_BYTES);
    try {
      memory.grow(Math.max(0, units));
      return true;
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
    }
  }
  return false;
}

/** The buffer at the memory's length of now: growth by nothing makes the host look what other threads have grown. */
export function bufferNow(memory: WebAssembly.Memory): ArrayBufferLike {
  if (isShared(memory)) memory.grow(0);
  return memory.buffer;
}

export function isShared(memory: WebAssembly.Memory): boolean {
  return typeof SharedArrayBuffer === "function" && (memory.buffer as ArrayBufferLike) instanceof SharedArrayBuffer;
}

function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i += 1) bytes[i] = binary.charCodeAt(i);
  return bytes;
}
