// How many bytes values would take on the heap of Spark's JVM (64 bits, compressed references): what a block of values is
// charged. JavaScript cannot measure an object, so who stores objects says what each takes; arrays are added up here as
// Spark adds them up, sampled where they are long (appendix A and section 13.11 of the law).

import { Refusal } from "../fault.js";
import { JavaRandom } from "./java-random.js";

/** The bytes that a value takes. Asked once for each distinct object of a block. */
export type SizeOf<T = unknown> = (value: T) => number;

/** An object that knows its own size; what it refers to is part of that. */
export interface SelfSized {
  /** Its size on the heap, bytes. */
  readonly estimatedBytes: number;
}

/**
 * A value whose size nobody has told.
 *
 * @example
 * ```ts
 * import { javaSizeOf, SizeUnknown } from "tungsten-memory";
 *
 * try {
 *   javaSizeOf(new Date());
 * } catch (error) {
 *   console.log(error instanceof SizeUnknown); // true
 * }
 * ```
 */
export class SizeUnknown extends Refusal {
  override readonly name = "SizeUnknown";
}

const ARRAY_HEADER_BYTES = 16;
const REFERENCE_BYTES = 4;
const BOXED_LONG_BYTES = 24;
const BOXED_SMALL_BYTES = 16;
const SAMPLED_FROM = 400;
const SAMPLES = 100;
const SEED = 42;

/**
 * A Java array of `length` elements of `width` bytes each.
 *
 * @example
 * ```ts
 * import { javaArrayBytes } from "tungsten-memory";
 *
 * console.log(javaArrayBytes(10, 4)); // 56
 * ```
 */
export function javaArrayBytes(length: number, width: number): number {
  return ARRAY_HEADER_BYTES + align8(length * width);
}

/**
 * The size of what JavaScript and Java both have: self-sized objects, typed arrays (as `byte[]`, `char[]`, `int[]`,
 * `long[]`, `double[]` of the same element width), arrays as arrays of references, numbers and bigints as boxed 8-byte
 * values, booleans as small boxes, null as nothing. Throws SizeUnknown for the rest.
 *
 * @example
 * ```ts
 * import { javaSizeOf } from "tungsten-memory";
 *
 * console.log(javaSizeOf(new Int32Array(10)), javaSizeOf(1.5), javaSizeOf({ estimatedBytes: 100 })); // 56 24 100
 * ```
 */
export function javaSizeOf(value: unknown): number {
  return graphBytes(value, shallowSizeOf, new Set());
}

/** The size of an array of references and everything it refers to. Slots past `values` up to `slots` are empty. */
export function javaReferencesBytes<T>(
  values: readonly T[],
  sizeOf: SizeOf<T> = shallowSizeOf,
  slots: number = values.length,
): number {
  return referencesBytes(values, slots, sizeOf as SizeOf, new Set());
}

/** A size that somebody has told must be one. */
export function checkedBytes(bytes: number, what: string): number {
  if (bytes >= 0 && Number.isSafeInteger(bytes)) return bytes;
  throw new SizeUnknown(`a size of ${bytes} bytes was told for ${what}: it is a whole number of bytes`);
}

function graphBytes(value: unknown, sizeOf: SizeOf, visited: Set<unknown>): number {
  if (value === null || value === undefined) return 0;
  if (typeof value === "object") {
    if (visited.has(value)) return 0;
    visited.add(value);
    if (Array.isArray(value) && sizeOf === shallowSizeOf) return referencesBytes(value, value.length, sizeOf, visited);
  }
  return checkedBytes(sizeOf(value), "a value");
}

function referencesBytes(values: readonly unknown[], slots: number, sizeOf: SizeOf, visited: Set<unknown>): number {
  const own = javaArrayBytes(slots, REFERENCE_BYTES);
  if (slots <= SAMPLED_FROM)
    return values.reduce<number>((sum, value) => sum + graphBytes(value, sizeOf, visited), own);
  const random = new JavaRandom(SEED);
  const drawn = new Set<number>();
  const sample = (): number => {
    let bytes = 0;
    for (let i = 0; i < SAMPLES; i += 1) {
      let index = random.nextInt(slots);
      while (drawn.has(index)) index = random.nextInt(slots);
      drawn.add(index);
      bytes += graphBytes(values[index], sizeOf, visited);
    }
    return bytes;
  };
  const first = sample();
  const second = sample();
  return own + Math.max(first, second) + Math.min(first, second) * Math.floor((slots - SAMPLES) / SAMPLES);
}

function shallowSizeOf(value: unknown): number {
  switch (typeof value) {
    case "number":
    case "bigint":
      return BOXED_LONG_BYTES;
    case "boolean":
      return BOXED_SMALL_BYTES;
    case "object": {
      const object = value as Partial<SelfSized> & ArrayBufferView;
      if (typeof object.estimatedBytes === "number") return object.estimatedBytes;
      if (ArrayBuffer.isView(object)) return javaArrayBytes(object.byteLength, 1);
    }
  }
  throw new SizeUnknown(
    `the size of a ${typeof value} is not known: give a sizeOf, or values with estimatedBytes, or typed arrays`,
  );
}

function align8(bytes: number): number {
  return Math.ceil(bytes / 8) * 8;
}
