// How Java and Scala read a number from text and move it between 64-bit integers and doubles (sections 0.2 and 2.1 of the
// law). Spark's answers depend on these to the last bit, so they are written once, here. 64-bit integers are BigInts.

import { Refusal } from "../fault.js";

export const LONG_MAX = 2n ** 63n - 1n;
export const LONG_MIN = -(2n ** 63n);

/**
 * A text that cannot be read as what it should be. `rule` says what would be accepted.
 *
 * @example
 * ```ts
 * import { BadValue, parseBytes } from "tungsten-memory";
 *
 * try {
 *   parseBytes("8x", "BYTE");
 * } catch (error) {
 *   console.log(error instanceof BadValue); // true
 * }
 * ```
 */
export class BadValue extends Refusal {
  override readonly name = "BadValue";
  /** What could not be read. */
  readonly text: string;
  /** What would have been accepted. */
  readonly rule: string;

  constructor(text: string, rule: string) {
    super(`"${text}" cannot be read: ${rule}`);
    this.text = text;
    this.rule = rule;
  }
}

/** Drops control characters and blanks (U+0000 to U+0020) at both ends; other white space stays, unlike in `String.trim`. */
export function trim(text: string): string {
  let start = 0;
  let end = text.length;
  while (text.charCodeAt(start) <= 0x20) start += 1;
  while (text.charCodeAt(end - 1) <= 0x20) end -= 1;
  return text.slice(start, end);
}

/** A signed 64-bit integer: digits with one optional sign, no blanks, no unit. */
export function parseLong(text: string): bigint {
  return parseInteger(text, LONG_MIN, LONG_MAX, "a whole number of 64 bits without unit");
}

/** A signed 32-bit integer, written like a long. */
export function parseInt32(text: string): number {
  return Number(parseInteger(text, -(2n ** 31n), 2n ** 31n - 1n, "a whole number of 32 bits without unit"));
}

/** `true` or `false` in any case, no blanks. */
export function parseBoolean(text: string): boolean {
  const upper = text.toUpperCase();
  if (upper === "TRUE") return true;
  if (upper === "FALSE") return false;
  throw new BadValue(text, "true or false");
}

const DECIMAL = /^([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)[fFdD]?$/;
const HEX = /^([+-]?)0[xX](?:([\da-fA-F]+)\.?([\da-fA-F]*)|\.([\da-fA-F]+))[pP]([+-]?\d+)[fFdD]?$/;
const NOT_FINITE = /^([+-]?)(NaN|Infinity)$/;

/** A double in Java's syntax, surrounding blanks allowed: `.5`, `5e-1`, `0.5d`, `0x1p-1`, `NaN`, `-Infinity`. */
export function parseDouble(text: string): number {
  const trimmed = trim(text);
  const decimal = DECIMAL.exec(trimmed);
  if (decimal) return Number(decimal[1]);
  const hex = HEX.exec(trimmed);
  if (hex) {
    const fraction = hex[3] ?? hex[4]!;
    const magnitude = scaled(BigInt(`0x0${hex[2] ?? ""}${fraction}`), Number(hex[5]) - 4 * fraction.length);
    return hex[1] === "-" ? -magnitude : magnitude;
  }
  const special = NOT_FINITE.exec(trimmed);
  if (special) return special[2] === "NaN" ? NaN : special[1] === "-" ? -Infinity : Infinity;
  throw new BadValue(text, "a number without unit (0.6, .6, 6e-1)");
}

/** Double to signed 64-bit integer: toward zero, saturating, NaN is 0. The law writes this as trunc(x). */
export function toLong(x: number): bigint {
  if (Number.isNaN(x)) return 0n;
  if (x >= 2 ** 63) return LONG_MAX;
  if (x <= -(2 ** 63)) return LONG_MIN;
  return BigInt(Math.trunc(x));
}

/** Double to signed 32-bit integer, likewise. */
export function toInt32(x: number): number {
  if (Number.isNaN(x)) return 0;
  return Math.min(2 ** 31 - 1, Math.max(-(2 ** 31), Math.trunc(x)));
}

/** What is left of a sum or product in 64 bits. */
export function wrap64(x: bigint): bigint {
  return BigInt.asIntN(64, x);
}

/** trunc(x * factor): the integer is first rounded to the nearest double. */
export function times(x: bigint, factor: number): bigint {
  return toLong(Number(x) * factor);
}

function parseInteger(text: string, min: bigint, max: bigint, rule: string): bigint {
  if (!/^[+-]?\d+$/.test(text)) throw new BadValue(text, rule);
  const value = BigInt(text);
  if (value < min || value > max) throw new BadValue(text, rule);
  return value;
}

/** significand * 2^exponent, rounded once to the nearest double, ties to even. */
function scaled(significand: bigint, exponent: number): number {
  if (significand === 0n) return 0;
  const bits = significand.toString(2).length;
  const top = exponent + bits; // the value lies in [2^(top - 1), 2^top)
  if (top < -1074) return 0;
  // The lowest bit that the result can hold: 53 bits of precision, but never below 2^-1074.
  const lowest = Math.max(top - 53, -1074);
  if (lowest <= exponent) return Number(significand) * 2 ** exponent;
  const drop = BigInt(lowest - exponent);
  let kept = significand >> drop;
  const rest = significand - (kept << drop);
  const half = 1n << (drop - 1n);
  if (rest > half || (rest === half && (kept & 1n) === 1n)) kept += 1n;
  return Number(kept) * 2 ** lowest;
}
