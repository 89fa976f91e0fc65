// Time strings as Spark reads them (section 2.1 of the law): `100`, `50ms`, `2min`. Unlike byte strings they take a minus
// sign, and a conversion that leaves 64 bits saturates instead of failing.

import { BadValue, LONG_MAX, LONG_MIN, trim } from "./java.js";

/** The units a key can be counted in, with their microseconds. */
export const TIME_UNITS = {
  MICROSECONDS: 1n,
  MILLISECONDS: 1_000n,
  SECONDS: 1_000_000n,
  MINUTES: 60_000_000n,
  HOURS: 3_600_000_000n,
  DAYS: 86_400_000_000n,
} as const;

/** What a time string is read in and a bare number is taken for. */
export type TimeUnit = keyof typeof TIME_UNITS;

const SUFFIX_US: ReadonlyMap<string, bigint> = new Map([
  ["us", TIME_UNITS.MICROSECONDS],
  ["ms", TIME_UNITS.MILLISECONDS],
  ["s", TIME_UNITS.SECONDS],
  ["m", TIME_UNITS.MINUTES],
  ["min", TIME_UNITS.MINUTES],
  ["h", TIME_UNITS.HOURS],
  ["d", TIME_UNITS.DAYS],
]);

const RULE = "digits with an optional minus and an optional unit us, ms, s, m, min, h or d; no fraction";

/**
 * Reads a time string and returns it in `unit`, truncated toward zero and saturated at the 64-bit limits. A number
 * without unit is taken in `unit`. Anything else, and digits beyond 64 bits, is refused with a BadValue.
 *
 * @example
 * ```ts
 * import { parseTime } from "tungsten-memory";
 *
 * console.log(parseTime("2min", "SECONDS"), parseTime("1500", "MILLISECONDS")); // 120n 1500n
 * ```
 */
export function parseTime(text: string, unit: TimeUnit): bigint {
  const match = /^(-?[0-9]+)([a-z]+)?$/.exec(trim(text.toLowerCase()));
  if (!match) throw new BadValue(text, RULE);
  const own = TIME_UNITS[unit];
  const written = match[2] === undefined ? own : SUFFIX_US.get(match[2]);
  if (written === undefined) throw new BadValue(text, `${RULE}; "${match[2]}" is not a unit`);
  const value = BigInt(match[1]!);
  if (value > LONG_MAX || value < LONG_MIN) throw new BadValue(text, "a number of 64 bits");
  const converted = (value * written) / own;
  return converted > LONG_MAX ? LONG_MAX : converted < LONG_MIN ? LONG_MIN : converted;
}
