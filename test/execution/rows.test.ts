// The kernels that lay out and merge rows, and their twins: the same bytes from the same rows, and what a plain reading of
// the drawing in rows.ts says they should be.

import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  FIXED,
  gatherRows,
  KEYED,
  type LaidOut,
  mergeRuns,
  padded,
  type RowKernels,
  type RowKind,
  RUN_WORDS,
  strideOf,
  VARIED,
} from "../../src/execution/rows.js";
import { Arena, kernelsOver } from "../../src/memory/arena.js";

const SEED = 20261121;
const PAGES = 3;
const PAGE_BYTES = 16_384;
const OUT_BYTES = 4096;

interface Row {
  readonly high: number;
  readonly low: number;
  readonly bytes: Uint8Array;
}

/** An arena with room for everything; both sides work on the same memory. */
const arena = Arena.create({ limitBytes: 1 << 22 });
const kernels = kernelsOver<RowKernels>(arena.views)!;
const pages = Array.from({ length: PAGES }, () => arena.allocate(PAGE_BYTES)!.base);
const array = arena.allocate(1 << 16)!.base;
const bases = arena.allocate(64)!.base;
const out = arena.allocate(OUT_BYTES + 16)!.base;
const result = arena.allocate(32)!.base;
const tables = arena.allocate(4096)!.base;
const windows = arena.allocate(1 << 17)!.base;
const { views } = arena;
pages.forEach((base, i) => (views.u32[bases / 4 + i] = base));

/** Lays rows into pages as a sorter does: length, then bytes, packed; and their records in the order given. */
function store(rows: readonly Row[], at: number): void {
  const cursor = pages.map(() => at);
  rows.forEach((row, i) => {
    const page = i % PAGES;
    const offset = cursor[page]!;
    new DataView(views.u8.buffer).setUint32(pages[page]! + offset, row.bytes.length, true);
    views.u8.set(row.bytes, pages[page]! + offset + 4);
    cursor[page] = offset + 4 + row.bytes.length;
    views.f64[array / 8 + 2 * i] = page * 2 ** 40 + offset;
    views.i32[array / 4 + 4 * i + 2] = row.low;
    views.i32[array / 4 + 4 * i + 3] = row.high;
  });
}

/** The rows of a kind as the drawing has them, as many as fit and suit. */
function drawn(rows: readonly Row[], kind: RowKind, length: number, bytes: number): { laid: number[]; rows: number } {
  const laid: number[] = [];
  let count = 0;
  for (const row of rows) {
    const words = new Uint32Array([row.low, row.high, row.bytes.length]);
    const head = [...new Uint8Array(words.buffer)];
    if (kind !== VARIED && row.bytes.length !== length) break;
    if (kind === KEYED && head.slice(0, 8).join() !== row.bytes.slice(0, 8).join()) break;
    if (laid.length + strideOf(kind, row.bytes.length) > bytes) break;
    laid.push(...head.slice(0, kind === VARIED ? 12 : kind === FIXED ? 8 : 0), ...row.bytes);
    while (laid.length % 4 !== 0) laid.push(0);
    count += 1;
  }
  return { laid, rows: count };
}

const bytesOf = (at: number, end: number): number[] => [...views.u8.subarray(at, end)];
const word = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });

function rowsOf(lengths: fc.Arbitrary<number>, keyed: boolean): fc.Arbitrary<Row[]> {
  const row = fc.tuple(word, word, lengths, fc.nat({ max: 255 })).map(([high, low, length, fill]): Row => {
    const bytes = new Uint8Array(length).fill(fill);
    if (keyed) {
      const view = new DataView(bytes.buffer);
      view.setInt32(0, low, true);
      view.setInt32(4, high, true);
    }
    return { high, low, bytes };
  });
  return fc.array(row, { maxLength: 60 });
}

describe("gather", () => {
  it.each([
    ["rows of 16 bytes with their key in front", fc.constant(16), true],
    ["rows of 24 bytes with their key in front", fc.constant(24), true],
    ["rows of one length", fc.constant(13), false],
    ["rows of many lengths", fc.nat({ max: 400 }), false],
    ["empty rows", fc.constant(0), false],
    ["rows of two lengths", fc.constantFrom(16, 17), true],
  ] as const)("%s: kernel, twin and drawing agree", (_name, lengths, keyed) => {
    fc.assert(
      fc.property(
        rowsOf(lengths, keyed),
        fc.constantFrom<RowKind>(VARIED, FIXED, KEYED),
        fc.integer({ min: 16, max: OUT_BYTES }),
        fc.nat({ max: 9 }),
        (rows, kind, room, at) => {
          const length = rows[0]?.bytes.length ?? 16;
          fc.pre(kind !== KEYED || length >= 8);
          store(rows, at);
          const end = out + (room & ~3);
          const want = drawn(rows, kind, length, room & ~3);
          const wantBytes = rows.slice(0, want.rows).reduce((sum, row) => sum + row.bytes.length, 0);

          views.u8.fill(0xee, out, out + OUT_BYTES + 16);
          expect(kernels.gatherRows(array, rows.length, bases, out, end, kind, length, result)).toBe(want.rows);
          const kernelEnd = views.u32[result / 4]!;
          expect(bytesOf(out, kernelEnd)).toEqual(want.laid);
          expect(views.f64[result / 8 + 1]).toBe(wantBytes);
          expect(bytesOf(end, end + 16)).toEqual(Array.from({ length: 16 }, () => 0xee));

          views.u8.fill(0xee, out, out + OUT_BYTES + 16);
          const laid: LaidOut = { end: 0, rows: 0, bytes: 0 };
          const map = { views: pages.map(() => views), bases: pages };
          gatherRows(views, array, rows.length, map, views, out, end, kind, length, laid);
          expect(laid).toEqual({ end: kernelEnd, rows: want.rows, bytes: wantBytes });
          expect(bytesOf(out, laid.end)).toEqual(want.laid);
          expect(bytesOf(end, end + 16)).toEqual(Array.from({ length: 16 }, () => 0xee));
        },
      ),
      { seed: SEED, numRuns: 60 },
    );
  });
});

describe("merge", () => {
  const flipped = (row: Row, order: number): bigint => {
    const key = (BigInt(row.high >>> 0) << 32n) | BigInt(row.low >>> 0);
    const value = order & 2 ? BigInt.asIntN(64, key) : key;
    return order & 1 ? -value : value;
  };

  it.each([
    ["alike", fc.constant(16), KEYED],
    ["alike, prefix apart", fc.constant(6), FIXED],
    ["of any length", fc.nat({ max: 90 }), VARIED],
  ] as const)("rows %s: kernel, twin and a plain merge agree", (_name, lengths, kind) => {
    fc.assert(
      fc.property(
        fc.array(
          rowsOf(lengths, kind === KEYED).filter((rows) => rows.length > 0),
          { minLength: 2, maxLength: 9 },
        ),
        fc.constantFrom(0, 1, 2, 3),
        fc.constantFrom(200, 2000, OUT_BYTES),
        fc.constantFrom(3, 1000),
        (given, order, room, limit) => {
          const length = kind === VARIED ? 0 : given[0]![0]!.bytes.length;
          const less = (a: Row, b: Row): number =>
            flipped(a, order) < flipped(b, order) ? -1 : flipped(a, order) > flipped(b, order) ? 1 : 0;
          const runs = given.map((rows) => rows.toSorted(less));
          const put = (): void => {
            let at = windows;
            runs.forEach((rows, i) => {
              const { laid } = drawn(rows, kind, length, Infinity);
              views.u8.set(laid, at);
              views.u32.set([at, at + laid.length, kind, length], tables / 4 + i * RUN_WORDS);
              at += padded(laid.length);
            });
          };
          const losers = tables + runs.length * RUN_WORDS * 4;
          const end = out + room;

          // The plain merge: until a run is used up, the limit is reached or the next row does not fit.
          const heads = runs.map(() => 0);
          const want: number[] = [];
          let count = 0;
          let exhausted = -1;
          while (count < limit && exhausted < 0) {
            let best = 0;
            for (let run = 1; run < runs.length; run += 1)
              if (less(runs[run]![heads[run]!]!, runs[best]![heads[best]!]!) < 0) best = run;
            const { laid } = drawn([runs[best]![heads[best]!]!], kind, length, Infinity);
            if (want.length + laid.length > room) break;
            want.push(...laid);
            count += 1;
            heads[best]! += 1;
            if (heads[best] === runs[best]!.length) exhausted = best;
          }

          put();
          expect(
            kernels.mergeRuns(tables, runs.length, losers, out, end, order as 0, kind, length, limit, result),
          ).toBe(exhausted);
          expect(views.u32[result / 4 + 1]).toBe(count);
          expect(bytesOf(out, views.u32[result / 4]!)).toEqual(want);

          put();
          const laid: LaidOut = { end: 0, rows: 0, bytes: 0 };
          const none = { longRow: () => null };
          const twin = mergeRuns(
            views,
            tables,
            runs.length,
            losers,
            out,
            end,
            order as 0,
            kind,
            length,
            limit,
            laid,
            null,
            none,
          );
          expect(twin).toBe(exhausted);
          expect(laid.rows).toBe(count);
          expect(bytesOf(out, laid.end)).toEqual(want);
        },
      ),
      { seed: SEED, numRuns: 80 },
    );
  });
});
