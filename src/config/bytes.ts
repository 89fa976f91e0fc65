// Byte strings as Spark reads them (section 2.1 of the law): `512`, `4k`, `8GB`.

import { BadValue, LONG_MAX, trim } from "./java.js";

/** The units a key can be counted in, with their bytes. */
export const BYTE_UNITS = {
  BYTE: 1n,
  KiB: 2n ** 10n,
  MiB: 2n ** 20n,
  GiB: 2n ** 30n,
  TiB: 2n ** 40n,
  PiB: 2n ** 50n,
} as const;

/** What a byte string is read in and a bare number is taken for. Powers of 1024. */
export type ByteUnit = keyof typeof BYTE_UNITS;

export const MIB = BYTE_UNITS.MiB;

const SUFFIX_BYTES: ReadonlyMap<string, bigint> = new Map([
  ["b", 1n],
  ...(["KiB", "MiB", "GiB", "TiB", "PiB"] as const).flatMap((unit): [string, bigint][] => {
    const letter = unit.charAt(0).toLowerCase();
    return [
      [letter, BYTE_UNITS[unit]],
      [`${letter}b`, BYTE_UNITS[unit]],
    ];
  }),
]);

const RULE = "digits with an optional unit b, k, m, g, t or p (kb to pb); no sign, no fraction";

/**
 * Reads a byte string and returns it in `unit`, truncated. A number without unit is taken in `unit`. Refused with a
 * BadValue: anything else than digits and a known unit, and what exceeds 2^63 - 1 as written or in `unit`.
 *
 * @example
 * ```ts
 * import { parseBytes } from "tungsten-memory";
 *
 * console.log(parseBytes("64k", "BYTE")); // 65536n
 * console.log(parseBytes("8g", "MiB")); // 8192n
 * ```
 */
export function parseBytes(text: string, unit: ByteUnit): bigint {
  const match = /^([0-9]+)([a-z]+)?$/.exec(trim(text.toLowerCase()));
  if (!match) throw new BadValue(text, RULE);
  const own = BYTE_UNITS[unit];
  const written = match[2] === undefined ? own : SUFFIX_BYTES.get(match[2]);
  if (written === undefined) throw new BadValue(text, `${RULE}; "${match[2]}" is not a unit`);
  const value = BigInt(match[1]!);
  if (value > LONG_MAX) throw new BadValue(text, "a number up to 2^63 - 1");
  if (written < own) return value / (own / written);
  const converted = value * (written / own);
  if (converted > LONG_MAX) throw new BadValue(text, `at most 2^63 - 1 ${unit === "BYTE" ? "bytes" : unit}`);
  return converted;
}

/** Whether a text that `parseBytes` reads is a number without unit. */
export function isBare(text: string): boolean {
  return /[0-9]$/.test(trim(text));
}

/** As `parseBytes`, but one minus sign as the very first character is accepted: Spark's typed keys read so. */
export function parseSignedBytes(text: string, unit: ByteUnit): bigint {
  return text.startsWith("-") ? -parseBytes(text.slice(1), unit) : parseBytes(text, unit);
}
