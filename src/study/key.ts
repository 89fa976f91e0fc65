// Keys as eight bytes whose unsigned order is the order of the keys. What a column holds is decided by all of its values:
// numbers if every one is a number, whole ones as 64-bit integers where doubles could not tell them apart, text otherwise.

import type { RowComparator } from "../execution/rows.js";
import type { KeyKind } from "./table.js";

/** Receives prefixes; reused from row to row so that none is allocated. */
export interface Prefix {
  hi: number;
  lo: number;
}

const NUMBER = /^\s*[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?\s*$/;
const WHOLE = /^\s*[+-]?\d+\s*$/;
const LONG_MAX = 2n ** 63n - 1n;
const LONG_MIN = -(2n ** 63n);

/** Decides how a column's keys compare, from each of its values that is not empty. */
export class KindOfKey {
  #numbers = true;
  #whole = true;
  #beyondDoubles = false;

  add(text: string): void {
    if (!this.#numbers) return;
    if (!NUMBER.test(text)) {
      this.#numbers = false;
      return;
    }
    this.#whole &&= WHOLE.test(text);
    if (!this.#whole || Number.isSafeInteger(Number(text))) return;
    const value = BigInt(text.trim().replace(/^\+/, ""));
    if (value > LONG_MAX || value < LONG_MIN) this.#whole = false;
    else this.#beyondDoubles = true;
  }

  get kind(): KeyKind {
    if (!this.#numbers) return "text";
    return this.#whole && this.#beyondDoubles ? "long" : "double";
  }
}

const word = new DataView(new ArrayBuffer(8));

/** Negative doubles are turned round, the others go above them; -0 is 0, and not-a-number is above everything. */
export function doublePrefix(value: number, prefix: Prefix): void {
  word.setFloat64(0, value === 0 ? 0 : value);
  const hi = word.getInt32(0);
  const flip = hi >> 31;
  prefix.hi = (hi ^ (flip | 0x80000000)) >>> 0;
  prefix.lo = (word.getInt32(4) ^ flip) >>> 0;
}

/** A signed 64-bit number with its sign turned. */
export function longPrefix(value: bigint, prefix: Prefix): void {
  word.setBigInt64(0, value);
  prefix.hi = (word.getInt32(0) ^ 0x80000000) >>> 0;
  prefix.lo = word.getUint32(4);
}

/** The first eight bytes; a shorter text is filled up with zeros, so that equal prefixes need a closer look. */
export function textPrefix(bytes: Uint8Array, start: number, end: number, prefix: Prefix): void {
  const at = (i: number): number => (start + i < end ? bytes[start + i]! : 0);
  prefix.hi = ((at(0) << 24) | (at(1) << 16) | (at(2) << 8) | at(3)) >>> 0;
  prefix.lo = ((at(4) << 24) | (at(5) << 16) | (at(6) << 8) | at(7)) >>> 0;
}

/**
 * Compares the text keys of two records (see Table.bytes) byte by byte, shorter first; the order of UTF-8 is that of the
 * characters' code points.
 */
export const compareTextKeys: RowComparator = (a, aOffset, _aLength, b, bOffset) => {
  const aLength = keyLength(a, aOffset);
  const bLength = keyLength(b, bOffset);
  const common = Math.min(aLength, bLength);
  for (let i = KEY_HEAD_BYTES; i < KEY_HEAD_BYTES + common; i += 1) {
    const difference = a[aOffset + i]! - b[bOffset + i]!;
    if (difference !== 0) return difference;
  }
  return aLength - bLength;
};

/** The length that stands before a text key. */
export const KEY_HEAD_BYTES = 4;

function keyLength(bytes: Uint8Array, offset: number): number {
  return bytes[offset]! | (bytes[offset + 1]! << 8) | (bytes[offset + 2]! << 16) | (bytes[offset + 3]! << 24);
}
