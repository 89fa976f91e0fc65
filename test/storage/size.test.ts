// The size of values against the numbers of section 13.11 of the law, and against numbers of real Spark: 1,100 values of
// random size added one by one to the vector that Spark unrolls into (JDK 17, compressed references).

import { describe, expect, test } from "vitest";
import { javaArrayBytes, javaReferencesBytes, javaSizeOf, SizeUnknown } from "../../src/storage/size.js";
import { JavaRandom } from "../../src/storage/java-random.js";
import { GrowingVector, vectorBytesOf } from "../../src/storage/vector.js";

const sized = (estimatedBytes: number) => ({ estimatedBytes });
const list = <T>(count: number, make: (i: number) => T): T[] => Array.from({ length: count }, (_, i) => make(i));

describe("13.11 object size estimator", () => {
  test.each([
    ["byte[10]", new Uint8Array(10), 32],
    ["char[10]", new Uint16Array(10), 40],
    ["int[10]", new Int32Array(10), 56],
    ["long[10]", new BigInt64Array(10), 96],
    ["int[1000]", new Int32Array(1000), 4016],
    ["long[1000]", new Float64Array(1000), 8016],
    ["a boxed 8-byte value", 1.5, 24],
    ["a boxed long", 1n, 24],
    ["another box", true, 16],
    ["10 nulls", list(10, () => null), 56],
    ["10 distinct 16-byte objects", list(10, () => sized(16)), 216],
    ["1000 distinct 24-byte objects", list(1000, () => sized(24)), 28016],
    ["10 references to one 16-byte object", Array<object>(10).fill(sized(16)), 72],
    ["100 references to one", Array<object>(100).fill(sized(16)), 432],
    ["a self-reporting object", sized(2015), 2015],
    ["ten of them", list(10, () => sized(2015)), 20206],
    ["nothing", undefined, 0],
  ])("%s", (_what, value, bytes) => {
    expect(javaSizeOf(value)).toBe(bytes);
  });

  test("what nobody tells is refused, by name", () => {
    expect(() => javaSizeOf({})).toThrow(SizeUnknown);
    expect(() => javaSizeOf(["text"])).toThrow("the size of a string is not known: give a sizeOf");
    for (const bytes of [-1, 0.5, Number.NaN]) expect(() => javaSizeOf(sized(bytes))).toThrow(SizeUnknown);
  });

  test("a size that is given counts once for each distinct object", () => {
    const one = { text: "four" };
    const sizes = javaReferencesBytes([one, one, { text: "sevens" }], ({ text }) => 24 + text.length);
    expect(sizes).toBe(javaArrayBytes(3, 4) + 28 + 30);
  });
});

test("the numbers of java.util.Random", () => {
  const random = new JavaRandom(42);
  expect(list(8, () => random.nextInt(10))).toEqual([0, 3, 8, 4, 0, 5, 5, 8]);
  const other = new JavaRandom(1);
  expect(list(6, () => other.nextInt(1000))).toEqual([985, 588, 847, 313, 254, 904]);
  // A power of two takes the high bits.
  expect(list(4, () => new JavaRandom(7).nextInt(64))).toEqual(Array(4).fill(46));
});

describe("the growing vector, as real Spark samples it", () => {
  test.each([
    [
      204,
      "0:1525 50:31685 63:38505 64:39664 65:40816 100:62355 150:91248 200:120179 250:156124 300:169911 350:201328 400:245122 450:267332 500:297678 550:296240 600:319263 650:344217 700:369217 750:390508 800:408983 850:453261 900:454459 950:493753 1000:534255 1050:616952",
    ],
    [
      401,
      "0:1621 50:31757 63:38577 64:39760 65:40888 100:62427 150:91320 200:120251 250:156196 300:169983 350:201400 400:245194 450:267404 500:297750 550:296312 600:319335 650:344289 700:369289 750:390580 800:409055 850:453333 900:454531 950:493825 1000:534327 1050:617024",
    ],
  ])("release %d", (release, expected) => {
    const random = new JavaRandom(1);
    const vector = new GrowingVector<{ estimatedBytes: number }>(undefined, vectorBytesOf(release));
    const seen: string[] = [];
    for (let i = 0; i < 1100; i += 1) {
      vector.add(sized(100 + random.nextInt(1000)));
      if (i % 50 === 0 || (i >= 63 && i <= 65)) seen.push(`${i}:${vector.estimateBytes()}`);
    }
    expect(seen.join(" ")).toBe(expected);
    expect(vector.exactBytes()).toBe(649213);
  });
});
