import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { BYTE_UNITS, parseBytes, parseSignedBytes, type ByteUnit } from "../../src/config/bytes.js";
import {
  BadValue,
  parseBoolean,
  parseDouble,
  parseInt32,
  parseLong,
  times,
  toInt32,
  toLong,
  trim,
} from "../../src/config/java.js";
import { parseTime } from "../../src/config/time.js";

describe("byte strings", () => {
  test.each<[string, ByteUnit, bigint]>([
    ["512", "BYTE", 512n],
    ["512", "MiB", 512n],
    ["1500k", "MiB", 1n],
    ["1023k", "MiB", 0n],
    [" 3000M ", "KiB", 3_072_000n],
    ["\t5m\n", "BYTE", 5_242_880n],
    ["007kb", "BYTE", 7168n],
    ["9223372036854775807", "PiB", 2n ** 63n - 1n],
    ["8191p", "BYTE", 8191n * 2n ** 50n],
    ["5\u212A", "BYTE", 5120n],
  ])("%j in %s is %s", (text, unit, value) => expect(parseBytes(text, unit)).toBe(value));

  test.each<[string, ByteUnit]>([
    ["1.5g", "BYTE"],
    ["", "BYTE"],
    ["g", "BYTE"],
    ["1 g", "BYTE"],
    ["1gg", "BYTE"],
    ["1mib", "BYTE"],
    ["+5", "BYTE"],
    ["-5", "BYTE"],
    ["0x10", "BYTE"],
    ["1\u00a0m", "BYTE"],
    ["8192p", "BYTE"],
    ["9223372036854775808", "PiB"],
    ["9999999999g", "BYTE"],
  ])("%j in %s is refused", (text, unit) => expect(() => parseBytes(text, unit)).toThrow(BadValue));

  test.each<[string, ByteUnit, string]>([
    ["1.5g", "BYTE", "digits with an optional unit b, k, m, g, t or p (kb to pb); no sign, no fraction"],
    ["x5k", "BYTE", "digits with an optional unit b, k, m, g, t or p (kb to pb); no sign, no fraction"],
    ["5k!", "BYTE", "digits with an optional unit b, k, m, g, t or p (kb to pb); no sign, no fraction"],
    [
      "1GiB",
      "BYTE",
      'digits with an optional unit b, k, m, g, t or p (kb to pb); no sign, no fraction; "gib" is not a unit',
    ],
    ["9223372036854775808b", "PiB", "a number up to 2^63 - 1"],
    ["8192p", "BYTE", "at most 2^63 - 1 bytes"],
    ["9007199254740992p", "KiB", "at most 2^63 - 1 KiB"],
  ])("the refusal of %j says what would do", (text, unit, rule) => {
    expect(() => parseBytes(text, unit)).toThrow(
      expect.objectContaining({ name: "BadValue", text, rule, message: `"${text}" cannot be read: ${rule}` }),
    );
  });

  test("a typed key takes one minus, as the very first character", () => {
    expect(parseSignedBytes("-1g", "MiB")).toBe(-1024n);
    expect(parseSignedBytes("- 5m", "MiB")).toBe(-5n);
    expect(() => parseSignedBytes(" -1", "MiB")).toThrow(BadValue);
    expect(() => parseSignedBytes("--1", "MiB")).toThrow(BadValue);
  });

  test("any number in any unit is read exactly or refused", () => {
    const units = Object.keys(BYTE_UNITS) as ByteUnit[];
    fc.assert(
      fc.property(fc.bigInt(0n, 2n ** 64n), fc.constantFrom(...units), fc.constantFrom(...units), (n, written, own) => {
        const text = `${n}${written === "BYTE" ? "b" : written.charAt(0)}`;
        const exact = (n * BYTE_UNITS[written]) / BYTE_UNITS[own];
        if (n >= 2n ** 63n || exact >= 2n ** 63n) expect(() => parseBytes(text, own)).toThrow(BadValue);
        else expect(parseBytes(text, own)).toBe(exact);
      }),
      { seed: 11 },
    );
  });
});

describe("time strings", () => {
  test.each<[string, Parameters<typeof parseTime>[1], bigint]>([
    ["100", "SECONDS", 100n],
    ["90s", "MINUTES", 1n],
    ["-90s", "MINUTES", -1n],
    ["-59s", "MINUTES", 0n],
    ["2min", "MILLISECONDS", 120_000n],
    ["5M", "SECONDS", 300n],
    [" 3H ", "MINUTES", 180n],
    ["99999999999999d", "MILLISECONDS", 2n ** 63n - 1n],
    ["-99999999999999d", "MILLISECONDS", -(2n ** 63n)],
    ["-9223372036854775808", "DAYS", -(2n ** 63n)],
  ])("%j in %s is %s", (text, unit, value) => expect(parseTime(text, unit)).toBe(value));

  test.each([
    ["1us", 1n],
    ["1ms", 1000n],
    ["1s", 1_000_000n],
    ["1m", 60_000_000n],
    ["1min", 60_000_000n],
    ["1h", 3_600_000_000n],
    ["1d", 86_400_000_000n],
    ["9223372036854775807", 2n ** 63n - 1n],
    ["-9223372036854775808", -(2n ** 63n)],
  ])("%j is %s us", (text, us) => expect(parseTime(text, "MICROSECONDS")).toBe(us));

  const TIME_RULE = "digits with an optional minus and an optional unit us, ms, s, m, min, h or d; no fraction";

  test.each([
    ["1.5s", TIME_RULE],
    ["x5s", TIME_RULE],
    ["5s!", TIME_RULE],
    ["3Days", `${TIME_RULE}; "days" is not a unit`],
    ["9223372036854775808", "a number of 64 bits"],
    ["-9223372036854775809d", "a number of 64 bits"],
  ])("the refusal of %j says what would do", (text, rule) => {
    expect(() => parseTime(text, "SECONDS")).toThrow(new BadValue(text, rule));
  });

  test.each(["", "s", "1.5s", "10 s", "5x", "1e3ms", "+5", "--5", "- 5s", "3ns", "3days", "9223372036854775808"])(
    "%j is refused",
    (text) => expect(() => parseTime(text, "SECONDS")).toThrow(BadValue),
  );
});

describe("Java's numbers", () => {
  test.each<[string, number]>([
    [".5", 0.5],
    [".25", 0.25],
    ["5e-1", 0.5],
    ["0.5d", 0.5],
    ["0.5F", 0.5],
    ["1e3d", 1000],
    ["1.", 1],
    [" +0.25\t", 0.25],
    ["-0", -0],
    ["1e-400", 0],
    ["1e400", Infinity],
    ["-Infinity", -Infinity],
    ["NaN", NaN],
    ["+NaN", NaN],
    ["Infinity", Infinity],
    ["+Infinity", Infinity],
    ["12.5E+2", 1250],
    ["-.5e0D", -0.5],
    ["+0xa.BcP+4f", 171.75],
    ["-0x10p0", -16],
    ["0x1p1024", Infinity],
    ["0x1p-1075", 0],
    ["0x1p-1", 0.5],
    ["0x.8p0", 0.5],
    ["0x.88p0", 0.53125],
    ["0X1.8P-3D", 0.1875],
    ["0x1.fffffffffffff7fp0", 1.9999999999999998],
    ["0x1.fffffffffffff8p0", 2],
    ["0x1p-1074", 5e-324],
    ["0x0.8p-1074", 0],
    ["0x0.8000001p-1074", 5e-324],
    ["0x1.8p-1074", 1e-323],
    ["0x1.fffffffffffffp1023", Number.MAX_VALUE],
    ["0x1.fffffffffffff8p1023", Infinity],
    ["0x1p99999999999", Infinity],
    ["0x0p99999999999", 0],
    ["-0x1p-99999999999", -0],
  ])("double %j is %s", (text, value) => expect(parseDouble(text)).toBe(value));

  test.each([
    "",
    "0,5",
    "0.5L",
    "nan",
    "infinity",
    "0x1",
    "0x.p1",
    "1_0",
    "0.1e",
    ".",
    "e5",
    "0.5 f",
    "0.25\u00a0",
    "5g",
    "x5",
    "5dd",
    "1e5x",
    "0x1p1x",
    "x0x1p1",
    "0x1p",
    "0x1.gp1",
    "0xgp1",
    "NaN!",
    "xNaN",
    "+-1",
  ])("double %j is refused", (text) =>
    expect(() => parseDouble(text)).toThrow(new BadValue(text, "a number without unit (0.6, .6, 6e-1)")),
  );

  test("every double survives as a hexadecimal text", () => {
    const words = new DataView(new ArrayBuffer(8));
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (x) => {
        words.setFloat64(0, x);
        const bits = words.getBigUint64(0);
        const exponent = Number((bits >> 52n) & 0x7ffn);
        const fraction = (bits & (2n ** 52n - 1n)).toString(16).padStart(13, "0");
        const text = `${bits >> 63n ? "-" : ""}0x${exponent === 0 ? 0 : 1}.${fraction}p${Math.max(exponent, 1) - 1023}`;
        expect(parseDouble(text)).toBe(x);
      }),
      { seed: 12 },
    );
  });

  test("longs and ints take a sign and no blanks, and know their limits", () => {
    expect(parseLong("+0")).toBe(0n);
    expect(parseLong("-9223372036854775808")).toBe(-(2n ** 63n));
    expect(parseInt32("2147483647")).toBe(2_147_483_647);
    for (const bad of ["", " 5", "5 ", "1m", "0x10", "9223372036854775808"])
      expect(() => parseLong(bad)).toThrow(BadValue);
    expect([parseInt32("-2147483648"), parseInt32("+5")]).toEqual([-2_147_483_648, 5]);
    for (const bad of ["2147483648", "-2147483649"])
      expect(() => parseInt32(bad)).toThrow(new BadValue(bad, "a whole number of 32 bits without unit"));
    for (const bad of ["-9223372036854775809", "5x", "++5"])
      expect(() => parseLong(bad)).toThrow(new BadValue(bad, "a whole number of 64 bits without unit"));
    expect(parseLong("9223372036854775807")).toBe(2n ** 63n - 1n);
  });

  test("booleans are two words in any case", () => {
    expect([parseBoolean("TRUE"), parseBoolean("tRuE"), parseBoolean("False")]).toEqual([true, true, false]);
    for (const bad of ["", "yes", "1", " true", "truee", "falsee"])
      expect(() => parseBoolean(bad)).toThrow(new BadValue(bad, "true or false"));
  });

  test("trimming stops at U+0020", () => {
    expect(trim("\u0000 \t a b \n")).toBe("a b");
    expect(trim("\u00a0a")).toBe("\u00a0a");
    expect(trim("  ")).toBe("");
  });

  test("doubles become integers toward zero, within the limits", () => {
    expect([toLong(-1.9), toLong(NaN), toLong(1e30), toLong(-Infinity)]).toEqual([
      -1n,
      0n,
      2n ** 63n - 1n,
      -(2n ** 63n),
    ]);
    expect([toLong(2 ** 63), toLong(-(2 ** 63)), toLong(2 ** 62)]).toEqual([2n ** 63n - 1n, -(2n ** 63n), 2n ** 62n]);
    expect([toInt32(-1.9), toInt32(NaN), toInt32(1e30), toInt32(-1e30)]).toEqual([-1, 0, 2 ** 31 - 1, -(2 ** 31)]);
    // 2^53 + 1 is no double: it is rounded before it is multiplied.
    expect(times(2n ** 53n + 1n, 1)).toBe(2n ** 53n);
  });
});
