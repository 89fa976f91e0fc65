// Prefixes must be ordered as the keys are: checked on numbers and texts that are awkward, and on random ones.

import fc from "fast-check";
import { expect, test } from "vitest";
import { compareTextKeys, doublePrefix, KindOfKey, longPrefix, type Prefix, textPrefix } from "../../src/study/key.js";

const SEED = 20_261_121;
const compare = (a: Prefix, b: Prefix): number => Math.sign(a.hi - b.hi || a.lo - b.lo);

function prefixOf<T>(fill: (value: T, prefix: Prefix) => void, value: T): Prefix {
  const prefix = { hi: -1, lo: -1 };
  fill(value, prefix);
  return prefix;
}

test("doubles", () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true }), fc.double({ noNaN: true }), (a, b) => {
      expect(compare(prefixOf(doublePrefix, a), prefixOf(doublePrefix, b))).toBe(a < b ? -1 : a > b ? 1 : 0);
    }),
    { seed: SEED, numRuns: 2000 },
  );
  const ladder = [-Infinity, -Number.MAX_VALUE, -1.5, -1, -Number.MIN_VALUE, 0, Number.MIN_VALUE, 1, 2, Infinity, NaN];
  const prefixes = ladder.map((value) => prefixOf(doublePrefix, value));
  for (let i = 1; i < ladder.length; i += 1) expect(compare(prefixes[i - 1]!, prefixes[i]!)).toBe(-1);
  expect(prefixOf(doublePrefix, -0)).toEqual(prefixOf(doublePrefix, 0));
});

test("64-bit integers", () => {
  const long = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
  fc.assert(
    fc.property(long, long, (a, b) => {
      expect(compare(prefixOf(longPrefix, a), prefixOf(longPrefix, b))).toBe(a < b ? -1 : a > b ? 1 : 0);
    }),
    { seed: SEED, numRuns: 2000 },
  );
});

test("texts: the prefix never contradicts the bytes, and the comparator settles the rest", () => {
  const word = fc.string({ unit: fc.constantFrom("a", "b", "\0", "é", "😀"), maxLength: 6 });
  fc.assert(
    fc.property(word, word, (a, b) => {
      const [p, q] = [Buffer.from(a), Buffer.from(b)];
      const right = Math.sign(Buffer.compare(p, q));
      const prefix = (bytes: Buffer): Prefix =>
        prefixOf((value: Buffer, into) => textPrefix(value, 0, value.length, into), bytes);
      const byPrefix = compare(prefix(p), prefix(q));
      expect([0, right]).toContain(byPrefix);
      const record = (key: Buffer): Buffer =>
        Buffer.concat([Buffer.from([key.length, 0, 0, 0]), key, Buffer.from("row")]);
      expect(Math.sign(compareTextKeys(record(p), 0, 0, record(q), 0, 0))).toBe(right);
    }),
    { seed: SEED, numRuns: 2000 },
  );
});

test.each([
  [["1", "-2.5", "1e3", " 7 ", ".5", "3."], "double"],
  [["1", "+2", "-3"], "double"],
  [["1", "9007199254740993"], "long"],
  [["-9223372036854775808", "9223372036854775807"], "long"],
  [["1", "9223372036854775808"], "double"],
  [["1.5", "9007199254740993"], "double"],
  [["1", "x"], "text"],
  [["12:30"], "text"],
  [["0x10"], "text"],
  [["NaN"], "text"],
  [[], "double"],
] as const)("a column of %j holds %s", (values, kind) => {
  const column = new KindOfKey();
  for (const value of values) column.add(value);
  expect(column.kind).toBe(kind);
});
