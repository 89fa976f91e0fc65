// The radix sorts of both modes against a plain stable sort: every order, every byte range, many shapes of keys.

import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type KeyOrder, RADIX_SCRATCH_BYTES, radixSort } from "../../src/execution/radix.js";
import { Views } from "../../src/memory/views.js";
import { createMemory, instantiate } from "../../src/memory/wasm.js";

interface Kernels {
  radixSort(array: number, n: number, order: number, first: number, last: number, scratch: number): number;
  radixScratchBytes(): number;
}

const SEED = 20261121;
const ARRAY = 1 << 19;
const CANARY = 0x5a5a5a5a;

type Sort = (n: number, order: KeyOrder, first: number, last: number) => number;

function wasmSort(kind: "shared" | "private"): { views: Views; sort: Sort } {
  const memory = createMemory({ initialUnits: 300, maximumUnits: 300, shared: kind === "shared" });
  const kernels = instantiate<Kernels>(kind, memory);
  expect(kernels.radixScratchBytes()).toBe(RADIX_SCRATCH_BYTES);
  expect(RADIX_SCRATCH_BYTES).toBeLessThan(ARRAY - 1024);
  return {
    views: new Views(memory.buffer),
    sort: (n, order, first, last) => kernels.radixSort(ARRAY, n, order, first, last, 1024) >>> 0,
  };
}

function heapSort(): { views: Views; sort: Sort } {
  const views = new Views(new ArrayBuffer(300 * 65536));
  return { views, sort: (n, order, first, last) => radixSort(views, ARRAY, n, order, first, last) };
}

interface Question {
  readonly keys: BigUint64Array;
  /** The answer to an order, looked for once. */
  readonly rows: Map<KeyOrder, Uint32Array>;
}

/** Every kit is asked the same. */
const questions = new Map<string, Question>();

function question(shape: string, n: number): Question {
  const name = `${shape} ${n}`;
  const known = questions.get(name);
  if (known !== undefined) return known;
  const word = words(SEED + n);
  const made = { keys: BigUint64Array.from({ length: n }, (_, i) => SHAPES[shape]!(word, i, n)), rows: new Map() };
  questions.set(name, made);
  return made;
}

/** The rows of a stable sort by the bytes asked for, as indexes into `keys`. */
function reference(keys: BigUint64Array, order: KeyOrder, first: number, last: number): Uint32Array {
  const mask = ((1n << BigInt(8 * (last - first + 1))) - 1n) << BigInt(8 * first);
  const flip = (order & 1 ? (1n << 64n) - 1n : 0n) ^ (order & 2 ? 1n << 63n : 0n);
  const sortable = keys.map((k) => (k ^ flip) & mask);
  return new Uint32Array(keys.length)
    .map((_, i) => i)
    .sort((a, b) => (sortable[a]! < sortable[b]! ? -1 : sortable[a]! > sortable[b]! ? 1 : a - b));
}

function check(
  kit: { views: Views; sort: Sort },
  keys: BigUint64Array,
  order: KeyOrder,
  first: number,
  last: number,
  want = reference(keys, order, first, last),
) {
  const n = keys.length;
  const { f64, i32, u8 } = kit.views;
  const prefixes = new BigUint64Array(f64.buffer, ARRAY, n * 4 + 2);
  // Addresses large enough to use all the bits of a double.
  for (let i = 0; i < n; i += 1) {
    f64[ARRAY / 8 + 2 * i] = 8191 * 2 ** 40 + i;
    prefixes[2 * i + 1] = keys[i]!;
  }
  i32[ARRAY / 4 - 1] = CANARY;
  i32[ARRAY / 4 + n * 8] = CANARY;
  const at = kit.sort(n, order, first, last);
  expect(at === ARRAY || at === ARRAY + n * 16).toBe(true);
  for (let i = 0; i < n; i += 1) {
    const row = want[i]!;
    const address = f64[at / 8 + 2 * i]! - 8191 * 2 ** 40;
    const prefix = prefixes[(at - ARRAY) / 8 + 2 * i + 1]!;
    if (address !== row || prefix !== keys[row])
      expect.fail(`place ${i} of ${n} holds row ${address} (${prefix}), not row ${row} (${keys[row]})`);
  }
  expect(i32[ARRAY / 4 - 1]).toBe(CANARY);
  expect(i32[ARRAY / 4 + n * 8]).toBe(CANARY);
  expect(u8.length).toBeGreaterThan(0);
}

/** Seeded 64-bit words (splitmix64). */
function words(seed: number): () => bigint {
  let state = BigInt(seed);
  return () => {
    state = BigInt.asUintN(64, state + 0x9e3779b97f4a7c15n);
    let z = state;
    z = BigInt.asUintN(64, (z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n);
    z = BigInt.asUintN(64, (z ^ (z >> 27n)) * 0x94d049bb133111ebn);
    return z ^ (z >> 31n);
  };
}

const SHAPES: Record<string, (word: () => bigint, i: number, n: number) => bigint> = {
  random: (w) => w(),
  equal: () => 7n,
  fewDistinct: (w) => (w() & 3n) << 40n,
  lowBits: (w) => w() & 0xfffffn,
  middleBits: (w) => (w() & 0xffffn) << 24n,
  bothEnds: (w) => (w() & 0xff000000000000ffn) | 0x00123456789abc00n,
  powersOfTwo: (w) => 1n << (w() & 63n),
  sorted: (_w, i) => BigInt(i) * 3n,
  reverse: (_w, i, n) => BigInt(n - i),
  reverseWithTies: (_w, i, n) => BigInt((n - i) >> 1),
  nearlySorted: (w, i) => BigInt(i) + (w() & 7n),
  oneAtTheEnd: (_w, i, n) => (i === n - 1 ? 0n : BigInt(i)),
  fourFarParts: (w) => ((w() & 3n) << 62n) | (w() & 0xfffffffffn),
  oneLargeAmongSmall: (w) => ((w() & 7n) === 0n ? w() : 0x5555000000000000n | (w() & 0xfffn)),
  nanPatterns: (w) => 0x7ff0000000000000n | (w() & 0x800fffffffffffffn),
};

describe.each([
  ["wasm, shared memory", () => wasmSort("shared")],
  ["wasm, private memory", () => wasmSort("private")],
  ["heap page", heapSort],
])("radix sort: %s", (_name, make) => {
  const kit = make();

  it.each(Object.keys(SHAPES))("sorts %s keys as a stable sort does", (shape) => {
    for (const n of [0, 1, 2, 3, 24, 25, 26, 63, 64, 65, 127, 128, 129, 5_000, 16_384, 16_385, 100_000]) {
      const { keys, rows } = question(shape, n);
      for (const order of n < 5_000 ? ([0, 1, 2, 3] as const) : n === 5_000 ? ([2, 1] as const) : ([2] as const)) {
        if (!rows.has(order)) rows.set(order, reference(keys, order, 0, 7));
        check(kit, keys, order, 0, 7, rows.get(order));
      }
    }
  });

  it("looks at the bytes asked for and at no others", () => {
    for (let first = 0; first <= 7; first += 1)
      for (let last = first; last <= 7; last += 1) {
        const word = words(SEED + first * 8 + last);
        const keys = BigUint64Array.from({ length: 400 }, () => word() & 0x0f03070f03010f07n);
        for (const order of [0, 1, 2, 3] as const) check(kit, keys, order, first, last);
      }
  });

  it("agrees on arbitrary keys", () => {
    const key = fc.oneof(
      fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
      fc.nat({ max: 7 }).map((k) => BigInt(k) << 56n),
      fc.bigInt({ min: 0n, max: 1n << 33n }),
    );
    fc.assert(
      fc.property(
        fc.array(key, { maxLength: 300 }),
        fc.constantFrom<KeyOrder>(0, 1, 2, 3),
        fc.nat({ max: 7 }),
        fc.nat({ max: 7 }),
        (keys, order, a, b) => check(kit, BigUint64Array.from(keys), order, Math.min(a, b), Math.max(a, b)),
      ),
      { seed: SEED, numRuns: 300 },
    );
  });
});
