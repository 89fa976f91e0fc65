// Page addresses (section 5.6 of the law). Inside the library an address is a safe integer: 13 bits of page number above
// 40 bits of offset, which fill the 53 bits of a double exactly. Spark's own form, 13 + 51 bits in a 64-bit word, is for
// interchange.

import { AssertionError } from "../fault.js";

/** Pages in one task's table: 13 bits. */
export const MAX_PAGES = 8192;

/** Bytes that an offset can reach: 40 bits, more than Spark's largest page of 17 179 869 176 bytes. */
export const OFFSET_SPAN = 2 ** 40;

/**
 * Page number (0 to 8191) and offset in the page (0 to 2^40 - 1) as one safe integer.
 *
 * @example
 * ```ts
 * import { encodeAddress, offsetOf, pageOf } from "tungsten-memory";
 *
 * const address = encodeAddress(3, 4096);
 * console.log(pageOf(address), offsetOf(address)); // 3 4096
 * ```
 */
export function encodeAddress(page: number, offset: number): number {
  if (!(page >= 0 && page < MAX_PAGES)) throw new AssertionError(`page number ${page} is outside 0..${MAX_PAGES - 1}`);
  if (!(offset >= 0 && offset < OFFSET_SPAN)) throw new AssertionError(`offset ${offset} is outside 0..2^40-1`);
  return page * OFFSET_SPAN + offset;
}

/**
 * The page number of an address.
 *
 * @example
 * ```ts
 * import { encodeAddress, pageOf } from "tungsten-memory";
 *
 * console.log(pageOf(encodeAddress(3, 4096))); // 3
 * ```
 */
export function pageOf(address: number): number {
  return Math.floor(address / OFFSET_SPAN);
}

/**
 * The offset of an address in its page.
 *
 * @example
 * ```ts
 * import { encodeAddress, offsetOf } from "tungsten-memory";
 *
 * console.log(offsetOf(encodeAddress(3, 4096))); // 4096
 * ```
 */
export function offsetOf(address: number): number {
  return address - pageOf(address) * OFFSET_SPAN;
}

const SPARK_OFFSET_BITS = 51n;
const SPARK_OFFSET_MASK = (1n << SPARK_OFFSET_BITS) - 1n;

/**
 * Spark's 64-bit address, unsigned: 13 bits of page, 51 bits of offset; higher bits of the offset are dropped as Spark drops them.
 *
 * @example
 * ```ts
 * import { encodeSparkAddress } from "tungsten-memory";
 *
 * console.log(encodeSparkAddress(3, 4096n) === (3n << 51n) + 4096n); // true
 * ```
 */
export function encodeSparkAddress(page: number, offset: bigint): bigint {
  if (!(page >= 0 && page < MAX_PAGES)) throw new AssertionError(`page number ${page} is outside 0..${MAX_PAGES - 1}`);
  return (BigInt(page) << SPARK_OFFSET_BITS) | (offset & SPARK_OFFSET_MASK);
}

/** The page number of Spark's 64-bit address (signed or unsigned form). */
export function pageOfSpark(address: bigint): number {
  return Number(BigInt.asUintN(64, address) >> SPARK_OFFSET_BITS);
}

/** The low 51 bits of Spark's 64-bit address. */
export function offsetOfSpark(address: bigint): bigint {
  return address & SPARK_OFFSET_MASK;
}
