// The readers of request traces: what each format means, input in pieces of any length, and where a broken file is broken.

import { describe, expect, test } from "vitest";
import { REQUEST_FORMATS, type RequestFormat, requestReader, TraceError } from "../../src/eviction/formats/read.js";
import { Numbering } from "../../src/eviction/numbering.js";
import type { Requests } from "../../src/eviction/requests.js";
import { numbers } from "../help/seed.js";

const text = (lines: string): Uint8Array => new TextEncoder().encode(lines);

function read(format: RequestFormat, bytes: Uint8Array, pieceBytes = bytes.length, shift = 0): Requests {
  const reader = requestReader(format, "file", shift);
  for (let at = 0; at < bytes.length; at += pieceBytes) reader.write(bytes.slice(at, at + pieceBytes));
  return reader.end();
}

function record(...fields: [bytes: number, value: bigint][]): Uint8Array {
  return Uint8Array.from(
    fields.flatMap(([bytes, value]) =>
      Array.from({ length: bytes }, (_, i) => Number((value >> BigInt(8 * i)) & 255n)),
    ),
  );
}

const oracle = (id: bigint, size: bigint): Uint8Array =>
  record([4, 1n], [8, id], [4, size], [8, -1n & (2n ** 64n - 1n)]);
const joined = (...parts: Uint8Array[]): Uint8Array => Uint8Array.from(parts.flatMap((part) => [...part]));

const SAMPLES: Readonly<Record<RequestFormat, { bytes: Uint8Array; ids: number[]; sizes: number[] | null }>> = {
  arc: { bytes: text("10 3 0 1\n11 1 0 2\r\n\n10 1 0 3"), ids: [0, 1, 2, 1, 0], sizes: null },
  lirs: { bytes: text("7\n8\n*\n\n 7 \n*  \n18446744073709551615\n"), ids: [0, 1, 0, 2], sizes: null },
  cache2k: { bytes: Uint8Array.of(0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 1, 0), ids: [0, 1, 0], sizes: null },
  scarab: {
    bytes: Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 9, 2, 0, 0, 0, 0, 0, 0, 9, 1, 0, 0, 0, 0, 0, 0, 9),
    ids: [0, 1, 0],
    sizes: null,
  },
  address: { bytes: text("l 0x1fffff50 1\ns 0x1fffff58 12\nl 0x1FFFFF50 0\n"), ids: [0, 1, 0], sizes: null },
  "oracle-general": {
    bytes: joined(oracle(5n, 100n), oracle(2n ** 63n + 5n, 4_294_967_295n), oracle(5n, 200n)),
    ids: [0, 1, 0],
    sizes: [100, 4_294_967_295, 200],
  },
  "adapt-size": { bytes: text("1 0 68\n2 1 7454\n3 0 68\n"), ids: [0, 1, 0], sizes: [68, 7454, 68] },
};

describe.each(REQUEST_FORMATS)("%s", (format) => {
  const { bytes, ids, sizes } = SAMPLES[format];

  test("is read, in pieces of any length", () => {
    for (let piece = 1; piece <= bytes.length; piece += 1) {
      const requests = read(format, bytes, piece);
      expect([...requests.ids]).toEqual(ids);
      expect(requests.objects).toBe(new Set(ids).size);
      expect(requests.sizes === null ? null : [...requests.sizes]).toEqual(sizes);
    }
  });

  test("that holds nothing is an error", () => {
    expect(() => read(format, new Uint8Array(0))).toThrow("file, byte 0: holds no request");
  });
});

describe("what breaks a format is told with its place", () => {
  test.each<[RequestFormat, string, string]>([
    ["arc", "1 2 0 0\n1 2 0\n", "line 2: the number of the request is missing"],
    ["arc", "1 2 0 0 9\n", "line 1: has more than four fields"],
    ["arc", "1 99999999999 0 0\n", "line 1: asks for 99999999999 pages at once"],
    ["arc", "9007199254740991 2 0 0\n", "line 1: ends with a page of 2^53 or more"],
    ["arc", "18446744073709551615 1 0 0\n", "line 1: the first page is 2^53 or more"],
    ["lirs", "1\n\n-2\n", "line 3: the block number is not a number"],
    ["lirs", "1\n2x\n", "line 2: the block number is not a number"],
    ["lirs", "1 2\n", "line 1: has more than one field"],
    ["lirs", "18446744073709551616\n", "line 1: the block number does not fit 64 bits"],
    ["lirs", "*x\n", "line 1: a line of * is not a number"],
    ["lirs", `${"1".repeat(5000)}\n`, "line 1: is longer than 4096 bytes"],
    ["address", "x 0x10 1\n", "line 1: is neither a load (l) nor a store (s)"],
    ["address", "load 0x10 1\n", "line 1: the kind of access is not a number"],
    ["address", "l 0x 1\n", "line 1: the address is not a number"],
    ["address", "l 0x11112222333344445 1\n", "line 1: the address does not fit 64 bits"],
    ["address", "l 0x10 1 1\n", "line 1: has more than three fields"],
    ["adapt-size", "1 2\n", "line 1: the size is missing"],
    ["adapt-size", "1 2 3 4\n", "line 1: has more than three fields"],
    ["adapt-size", "1 2 9007199254740992\n", "line 1: the size is 2^53 or more"],
    ["cache2k", "12345", "byte 4: ends within a record of 4 bytes"],
    ["scarab", "12345", "byte 0: ends within a record of 8 bytes"],
    ["oracle-general", "123456789012345678901234567890", "byte 24: ends within a record of 24 bytes"],
  ])("%s: %j", (format, bytes, message) => {
    expect(() => read(format, text(bytes))).toThrow(TraceError);
    expect(() => read(format, text(bytes), 3)).toThrow(`file, ${message}`);
  });
});

test("an address loses its lowest bits", () => {
  const bytes = text("l 0x1000 1\nl 0x103f 1\nl 0x1040 1\nl 0x8000000000001000 1\nl 0xf000000000001000 1\n");
  expect([0, 1, 6, 12, 31, 32, 40, 63].map((shift) => read("address", bytes, 7, shift).objects)).toEqual([
    5, 5, 4, 3, 3, 3, 3, 2,
  ]);
});

test("names of 64 bits are numbered as a map would", () => {
  const random = numbers(9);
  const numbering = new Numbering();
  const map = new Map<string, number>();
  for (let i = 0; i < 20_000; i += 1) {
    const low = random() < 0.5 ? Math.floor(random() * 3000) : Math.floor(random() * 2 ** 32);
    const high = random() < 0.7 ? 0 : Math.floor(random() * 2 ** 32);
    const name = `${high}:${low}`;
    if (!map.has(name)) map.set(name, map.size);
    expect(numbering.of(low, high)).toBe(map.get(name));
  }
  expect(numbering.size).toBe(map.size);
});
