// Both wasm files go through AssemblyScript's loader with a memory that the caller made, and each refuses the other's kind.

import { instantiateSync } from "@assemblyscript/loader";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { build, ROOT } from "../house/built.js";

type Kind = "shared" | "private";
type Exports = Record<"radixSort" | "radixScratchBytes", (...args: number[]) => number>;

const RECORDS = 100;
const RECORD_BYTES = 16;

function memoryOf(kind: Kind): WebAssembly.Memory {
  return new WebAssembly.Memory({ initial: 8, maximum: 65_535, shared: kind === "shared" });
}

function load(kind: Kind, memory: WebAssembly.Memory) {
  return instantiateSync<Exports>(readFileSync(join(ROOT, `dist/wasm/${kind}.wasm`)), { env: { memory } });
}

beforeAll(build);

test.each<Kind>(["shared", "private"])("%s: the kernel sorts records of the caller's memory", (kind) => {
  const memory = memoryOf(kind);
  const { radixSort, radixScratchBytes } = load(kind, memory).instance.exports as unknown as Exports;
  const array = 1024;
  const scratch = array + 2 * RECORDS * RECORD_BYTES;
  expect(scratch + radixScratchBytes()).toBeLessThan(memory.buffer.byteLength);

  const words = new BigUint64Array(memory.buffer, array, 2 * RECORDS);
  for (let i = 0; i < RECORDS; i += 1) {
    words[2 * i] = BigInt(i);
    words[2 * i + 1] = BigInt((i * 37) % RECORDS) << 32n;
  }
  const sorted = new BigUint64Array(memory.buffer, radixSort(array, RECORDS, 0, 0, 7, scratch) >>> 0, 2 * RECORDS);
  for (let i = 0; i < RECORDS; i += 1) {
    expect(sorted[2 * i + 1]).toBe(BigInt(i) << 32n);
    expect((Number(sorted[2 * i]) * 37) % RECORDS).toBe(i);
  }
});

test.each<[Kind, Kind]>([
  ["shared", "private"],
  ["private", "shared"],
])("the %s build refuses a %s memory", (kind, other) => {
  expect(() => load(kind, memoryOf(other))).toThrow(WebAssembly.LinkError);
});
