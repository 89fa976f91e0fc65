// The contract of a spill store, run over every kind of store there is.

import { afterEach, describe, expect, it } from "vitest";
import * as fc from "fast-check";
import type { Run, RunSchema, SpillStore } from "../../src/spill/contract.js";
import { SpillError } from "../../src/spill/error.js";

export const SCHEMA: RunSchema = { kind: "sorted-rows", version: 3, fields: "key u64 be, wört f64" };

export interface ContractOptions {
  readonly blockBytes: number;
  readonly capBytes?: number;
}

/** Bytes that compress for even seeds and do not for odd ones. */
export function someBytes(length: number, seed: number): Uint8Array {
  const out = new Uint8Array(length);
  let state = (seed * 2654435761 + 1) >>> 0;
  for (let i = 0; i < length; i += 1) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    out[i] = seed % 2 === 0 ? (i >>> 3) & 15 : state >>> 24;
  }
  return out;
}

export function writeRun(store: SpillStore, blocks: readonly Uint8Array[], schema = SCHEMA): Run {
  const writer = store.create(schema);
  for (const [i, block] of blocks.entries()) writer.writeBlock(block, 0, block.length, i + 1);
  return writer.finish();
}

export function readRun(run: Run): { payload: Uint8Array; records: number }[] {
  const reader = run.open();
  const target = new Uint8Array(reader.maxBlockBytes + 7).fill(0xee);
  const out = [];
  for (;;) {
    const length = reader.readBlock(target, 5);
    if (length === 0) break;
    out.push({ payload: target.slice(5, 5 + length), records: reader.recordsInBlock });
    expect([...target.subarray(0, 5)]).toEqual([0xee, 0xee, 0xee, 0xee, 0xee]);
  }
  expect(reader.recordsInBlock).toBe(0);
  expect(reader.readBlock(target, 0)).toBe(0);
  reader.close();
  return out;
}

export function spillContract(name: string, open: (options: ContractOptions) => SpillStore): void {
  describe(`${name} keeps the contract of a spill store`, () => {
    const stores: SpillStore[] = [];
    const opened = (options: ContractOptions): SpillStore => {
      const store = open(options);
      stores.push(store);
      return store;
    };
    afterEach(() => {
      for (const store of stores.splice(0)) store.close();
    });

    it("gives back any blocks, in order, with their record counts", () => {
      const store = opened({ blockBytes: 512 });
      const block = fc
        .tuple(fc.integer({ min: 1, max: 512 }), fc.integer({ min: 0, max: 9 }))
        .map(([length, seed]) => someBytes(length, seed));
      fc.assert(
        fc.property(fc.array(block, { maxLength: 12 }), (blocks) => {
          const run = writeRun(store, blocks);
          expect(run.blocks).toBe(blocks.length);
          expect(run.records).toBe((blocks.length * (blocks.length + 1)) / 2);
          expect(run.payloadBytes).toBe(blocks.reduce((sum, b) => sum + b.length, 0));
          expect(readRun(run)).toEqual(blocks.map((payload, i) => ({ payload, records: i + 1 })));
          run.delete();
        }),
        { seed: 6, numRuns: 60 },
      );
      expect(store.counters.liveFiles).toBe(0);
    });

    it("takes bytes from the middle of shared and of wasm memory", () => {
      const store = opened({ blockBytes: 1024 });
      const shared = new Uint8Array(new SharedArrayBuffer(3000));
      const wasm = new Uint8Array(new WebAssembly.Memory({ initial: 1 }).buffer);
      const bytes = someBytes(1000, 3);
      for (const source of [shared, wasm]) {
        source.set(bytes, 77);
        const writer = store.create(SCHEMA);
        writer.writeBlock(source, 77, 1000, 5);
        source.fill(0);
        expect(readRun(writer.finish())).toEqual([{ payload: bytes, records: 5 }]);
      }
    });

    it("serves several readers and several writers at once", () => {
      const store = opened({ blockBytes: 256 });
      const [a, b] = [store.create(SCHEMA), store.create(SCHEMA)];
      const blocks = Array.from({ length: 6 }, (_, i) => someBytes(200 + i, i));
      for (const [i, block] of blocks.entries()) (i % 2 === 0 ? a : b).writeBlock(block, 0, block.length, 1);
      const runs = [a.finish(), b.finish()] as const;
      const readers = [runs[0].open(), runs[1].open(), runs[0].open()] as const;
      const target = new Uint8Array(256);
      for (let i = 0; i < 3; i += 1)
        for (const [r, reader] of readers.entries()) {
          const length = reader.readBlock(target, 0);
          expect(target.slice(0, length)).toEqual(blocks[i * 2 + (r === 1 ? 1 : 0)]);
        }
      for (const reader of readers) {
        expect(reader.readBlock(target, 0)).toBe(0);
        reader.close();
        reader.close();
      }
    });

    it("counts what it does", () => {
      const store = opened({ blockBytes: 128 });
      const blocks = [someBytes(128, 2), someBytes(100, 5)];
      const run = writeRun(store, blocks);
      expect(store.counters).toMatchObject({ runs: 1, records: 3, payloadBytesWritten: 228, liveFiles: 1 });
      expect(store.counters.diskBytesWritten).toBe(run.diskBytes);
      expect(store.counters.diskBytesRead).toBe(0);
      readRun(run);
      expect(store.counters.diskBytesRead).toBe(run.diskBytes);
      run.delete();
      run.delete();
      expect(store.counters.liveFiles).toBe(0);
      store.create(SCHEMA).abort();
      expect(store.counters).toMatchObject({ runs: 1, liveFiles: 0 });
    });

    it("refuses at the cap, drops that run, keeps the others and works on when there is room", () => {
      const store = opened({ blockBytes: 1024, capBytes: 4000 });
      const first = writeRun(store, [someBytes(1000, 1)]);
      const writer = store.create(SCHEMA);
      const write = (): void => {
        for (let i = 0; i < 4; i += 1) writer.writeBlock(someBytes(1000, 1), 0, 1000, 1);
      };
      expect(write).toThrow(SpillError);
      expect(store.counters.liveFiles).toBe(1);
      writer.abort();
      expect(readRun(first)).toHaveLength(1);
      first.delete();
      expect(readRun(writeRun(store, [someBytes(1000, 1), someBytes(1000, 3)]))).toHaveLength(2);
    });

    it("refuses before the first byte what is known not to fit", () => {
      const store = opened({ blockBytes: 1024, capBytes: 100 });
      const before = store.counters.diskBytesWritten;
      const trouble = caught(() => store.create(SCHEMA, 1e9));
      expect(trouble).toMatchObject({ name: "SpillError", operation: "cap", code: null });
      expect(store.counters.diskBytesWritten).toBe(before);
      expect(store.counters.liveFiles).toBe(0);
    });

    it("says so when a deleted run is opened or read, and when a closed store is used", () => {
      const store = opened({ blockBytes: 128 });
      const run = writeRun(store, [someBytes(10, 1), someBytes(10, 3)]);
      const reader = run.open();
      run.delete();
      expect(() => run.open()).toThrow(SpillError);
      expect(() => reader.readBlock(new Uint8Array(128), 0)).toThrow(SpillError);
      reader.close();
      const half = store.create(SCHEMA);
      store.close();
      store.close();
      expect(store.counters.liveFiles).toBe(0);
      expect(() => store.create(SCHEMA)).toThrow(SpillError);
      expect(() => half.writeBlock(someBytes(10, 1), 0, 10, 1)).toThrow("the writer is open");
      half.abort();
    });

    it("stops callers that break the contract", () => {
      const store = opened({ blockBytes: 128 });
      const writer = store.create(SCHEMA);
      expect(() => writer.writeBlock(new Uint8Array(200), 0, 129, 1)).toThrow("outside 1..128");
      expect(() => writer.writeBlock(new Uint8Array(200), 0, 0, 1)).toThrow("outside 1..128");
      expect(() => writer.writeBlock(new Uint8Array(100), 50, 51, 1)).toThrow("lie in the source");
      const run = writer.finish();
      expect(() => writer.finish()).toThrow("the writer is open");
      const reader = run.open();
      expect(() => reader.readBlock(new Uint8Array(200), 73)).toThrow("room for the largest block");
      reader.close();
      expect(() => reader.readBlock(new Uint8Array(200), 0)).toThrow("the reader is open");
      expect(() => store.create({ ...SCHEMA, kind: "ä" })).toThrow("ASCII");
    });
  });
}

/** What `action` throws; fails when it throws nothing. */
export function caught(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  throw new Error("nothing was thrown");
}
