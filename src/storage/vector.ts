// The array that values of a block are gathered in while it is unrolled. Measuring it after each value would cost more than
// the values, so its size is sampled at growing distances and extrapolated between: the numbers of Spark's own vector.

import type { Release } from "../config/release.js";
import { javaReferencesBytes, type SizeOf } from "./size.js";

const FIRST_SLOTS = 64;
const SAMPLE_DISTANCE = 1.1;

/** Bytes of the vector object without its array, while it keeps 0, 1 or 2 samples. */
export type VectorBytes = readonly [number, number, number];

/** As Spark's estimator sees the vector of a release in its default build; its queue of samples differs between Scala 2.12 and 2.13. */
export function vectorBytesOf(release: Release): VectorBytes {
  return release < 302 ? [112, 168, 224] : [232, 264, 296];
}

export class GrowingVector<T> {
  readonly #sizeOf: SizeOf<T> | undefined;
  readonly #ownBytes: VectorBytes;
  readonly #values: T[] = [];
  #slots = FIRST_SLOTS;
  #count = 1;
  #nextSampleAt = 1;
  // The last sample, and whether one came before it.
  #samples: 0 | 1 | 2 = 0;
  #sampledBytes = 0;
  #sampledAt = 0;
  #bytesEach = 0;

  constructor(sizeOf: SizeOf<T> | undefined, ownBytes: VectorBytes) {
    this.#sizeOf = sizeOf;
    this.#ownBytes = ownBytes;
    this.#sample();
  }

  /** The values so far, not a copy. */
  get values(): readonly T[] {
    return this.#values;
  }

  add(value: T): void {
    if (this.#values.length === this.#slots) {
      this.#slots *= 2;
      this.#samples = 0;
      this.#count = 1;
      this.#sample();
    }
    this.#values.push(value);
    this.#count += 1;
    if (this.#count === this.#nextSampleAt) this.#sample();
  }

  /** The size in bytes, as last sampled plus what has been added since at the rate between the last two samples. */
  estimateBytes(): number {
    return Math.trunc(this.#sampledBytes + this.#bytesEach * (this.#count - this.#sampledAt));
  }

  /** The size in bytes of an array of just these values. */
  exactBytes(): number {
    return javaReferencesBytes(this.#values, this.#sizeOf);
  }

  #sample(): void {
    const bytes = this.#ownBytes[this.#samples] + javaReferencesBytes(this.#values, this.#sizeOf, this.#slots);
    this.#bytesEach =
      this.#samples === 0 ? 0 : Math.max(0, (bytes - this.#sampledBytes) / (this.#count - this.#sampledAt));
    if (this.#samples < 2) this.#samples += 1;
    this.#sampledBytes = bytes;
    this.#sampledAt = this.#count;
    this.#nextSampleAt = Math.ceil(this.#count * SAMPLE_DISTANCE);
  }
}
