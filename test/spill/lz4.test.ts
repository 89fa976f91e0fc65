// The LZ4 kernel: correct against lz4-napi in both directions, and harmless whatever it is fed.

import * as fc from "fast-check";
import { compressSync, uncompressSync } from "lz4-napi";
import { describe, expect, it } from "vitest";
import { createMemory, instantiate } from "../../src/memory/wasm.js";
import { LZ4_MAX_RAW_BYTES, openLz4 } from "../../src/spill/lz4.js";
import { someBytes } from "./contract.js";

const lz4 = openLz4(2 ** 20);

function pack(raw: Uint8Array): Uint8Array {
  lz4.raw.set(raw);
  const length = lz4.compress(raw.length);
  expect(length).toBeGreaterThan(0);
  return lz4.packed.slice(0, length);
}

function unpack(packed: Uint8Array, rawBytes: number): Uint8Array | null {
  lz4.packed.set(packed);
  return lz4.decompress(packed.length, rawBytes) ? lz4.raw.slice(0, rawBytes) : null;
}

/** Bytes made of literals and of repeats at every kind of distance and length. */
const rich = fc
  .array(
    fc.oneof(
      fc.uint8Array({ maxLength: 40 }),
      fc.tuple(fc.integer({ min: 1, max: 70_000 }), fc.integer({ min: 1, max: 600 })),
      fc.tuple(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 40 })),
    ),
    { maxLength: 30 },
  )
  .map((parts) => {
    const out: number[] = [];
    for (const part of parts) {
      if (part instanceof Uint8Array) out.push(...part);
      else for (let i = 0; i < part[1]; i += 1) out.push(out[out.length - part[0]] ?? i & 255);
    }
    return Uint8Array.from(out);
  });

const SEED = { seed: 44, numRuns: 200 };

describe("lz4", () => {
  it("writes what lz4-napi reads, and reads what it writes", () => {
    fc.assert(
      fc.property(rich, (raw) => {
        const packed = pack(raw);
        const same = (bytes: Uint8Array | null): boolean => bytes !== null && Buffer.compare(bytes, raw) === 0;
        expect(same(unpack(packed, raw.length))).toBe(true);
        if (raw.length === 0) return;
        expect(same(uncompressSync(packed))).toBe(true);
        expect(same(unpack(compressSync(Buffer.from(raw)), raw.length))).toBe(true);
      }),
      SEED,
    );
  });

  it.each([
    ["zeros", () => new Uint8Array(2 ** 20)],
    ["noise", () => someBytes(2 ** 20, 7)],
    ["steps", () => someBytes(2 ** 20 - 3, 2)],
    ["a repeat at the longest distance", () => twice(someBytes(65_535, 1), 65_535)],
    ["a repeat one further than a distance can say", () => twice(someBytes(65_536, 1), 65_536)],
  ])("agrees on a large block of %s", (_, make) => {
    const raw = make();
    const packed = pack(raw);
    expect(Buffer.compare(uncompressSync(packed), raw)).toBe(0);
    expect(Buffer.compare(unpack(packed, raw.length)!, raw)).toBe(0);
    expect(Buffer.compare(unpack(compressSync(Buffer.from(raw)), raw.length)!, raw)).toBe(0);
  });

  it("agrees on every length around the rules for the end of a block", () => {
    for (let length = 1; length < 80; length += 1)
      for (const raw of [new Uint8Array(length), someBytes(length, 1), someBytes(length, 2)]) {
        const packed = pack(raw);
        expect(new Uint8Array(uncompressSync(packed))).toEqual(raw);
        expect(unpack(packed, length)).toEqual(raw);
        expect(unpack(compressSync(Buffer.from(raw)), length)).toEqual(raw);
      }
  });

  it("refuses another raw length, a cut, and what is too large", () => {
    const raw = someBytes(1000, 2);
    const packed = pack(raw);
    expect(unpack(packed, 999)).toBeNull();
    expect(unpack(packed, 1001)).toBeNull();
    for (let length = 0; length < packed.length; length += 1) expect(unpack(packed.slice(0, length), 1000)).toBeNull();
    expect(lz4.decompress(lz4.packed.length + 1, 10)).toBe(false);
    expect(() => openLz4(LZ4_MAX_RAW_BYTES + 1)).toThrow("outside");
    lz4.raw.set(someBytes(1000, 1));
    expect(lz4.compress(1000, 900)).toBe(0);
  });
});

interface Kernel {
  lz4TableBytes(): number;
  lz4Compress(source: number, length: number, target: number, capacity: number, table: number): number;
  lz4Decompress(source: number, length: number, target: number, rawLength: number): number;
}

// Sources end with the memory, so that a read past the end traps; everything else is watched byte by byte.
describe("the lz4 kernel stays within its bounds", () => {
  const memory = createMemory({ initialUnits: 4, maximumUnits: 4, shared: false });
  const kernel = instantiate<Kernel>("private", memory);
  const all = new Uint8Array(memory.buffer);
  const tableBytes = kernel.lz4TableBytes();
  const canaries = new Uint8Array(all.length).fill(0xc3);

  /** Whether bytes `from` to `to` and the `length` at the end are all that may differ from the canary. */
  const untouchedBut = (from: number, to: number, source: Uint8Array): boolean =>
    Buffer.compare(all.subarray(tableBytes, from), canaries.subarray(tableBytes, from)) === 0 &&
    Buffer.compare(all.subarray(to, all.length - source.length), canaries.subarray(to, all.length - source.length)) ===
      0 &&
    Buffer.compare(all.subarray(all.length - source.length), source) === 0;

  const lay = (source: Uint8Array): number => {
    all.set(canaries);
    all.set(source, all.length - source.length);
    return all.length - source.length;
  };
  const target = tableBytes + 1001;

  it("when it unpacks hostile bytes", () => {
    const outcomes = { taken: 0, refused: 0 };
    const small = rich.filter((raw) => raw.length > 20 && raw.length < 20_000);
    const changes = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 });
    fc.assert(
      fc.property(small, changes, fc.integer({ min: -20, max: 20 }), fc.nat(30), (raw, edits, more, cut) => {
        const packed = pack(raw).slice(4);
        const block = packed.slice(0, Math.max(1, packed.length - (cut > 5 ? 0 : cut)));
        for (const [at, value] of edits) block[at % block.length] = value;
        const rawBytes = Math.max(0, raw.length + (more > 5 ? 0 : more));
        const ok = kernel.lz4Decompress(lay(block), block.length, target, rawBytes);
        outcomes[ok === 1 ? "taken" : "refused"] += 1;
        if (!untouchedBut(target, target + rawBytes, block)) expect.fail("touched what is not its own");
      }),
      { seed: 45, numRuns: 200 },
    );
    // Noise says things that no compressor would say.
    for (let seed = 1; seed < 600; seed += 2) {
      const block = someBytes(1 + (seed % 90), seed);
      if (seed % 3 === 0) block[0]! |= 0xff;
      const ok = kernel.lz4Decompress(lay(block), block.length, target, seed * 3);
      outcomes[ok === 1 ? "taken" : "refused"] += 1;
      if (!untouchedBut(target, target + seed * 3, block)) expect.fail(`noise ${seed} touched what is not its own`);
    }
    expect(outcomes.taken).toBeGreaterThan(20);
    expect(outcomes.refused).toBeGreaterThan(300);
  });

  it("when it packs into too little room", () => {
    const outcomes = { fitted: 0, refused: 0 };
    const small = rich.filter((raw) => raw.length < 20_000);
    fc.assert(
      fc.property(small, fc.integer({ min: 0, max: 150 }), (raw, percent) => {
        const capacity = Math.floor((raw.length * percent) / 100);
        const length = kernel.lz4Compress(lay(raw), raw.length, target, capacity, 0);
        outcomes[length > 0 ? "fitted" : "refused"] += 1;
        if (length > capacity || !untouchedBut(target, target + capacity, raw)) expect.fail("wrote past its room");
      }),
      { seed: 46, numRuns: 200 },
    );
    expect(outcomes.fitted).toBeGreaterThan(50);
    expect(outcomes.refused).toBeGreaterThan(50);
  });
});

function twice(bytes: Uint8Array, distance: number): Uint8Array {
  const out = new Uint8Array(distance + bytes.length);
  out.set(bytes);
  out.set(bytes, distance);
  return out;
}
