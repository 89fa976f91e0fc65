// The numbers of java.util.Random, which decide what a long array is sampled at: a 48-bit linear congruential generator,
// here in two halves of 24 bits so that every product is exact.

const HALF = 2 ** 24;
const MULTIPLIER_HIGH = 0x5de;
const MULTIPLIER_LOW = 0xece66d;
const INCREMENT = 0xb;

export class JavaRandom {
  #high: number;
  #low: number;

  /** `seed`: 0 to 2^53 - 1. */
  constructor(seed: number) {
    this.#low = ((seed % HALF) ^ MULTIPLIER_LOW) >>> 0;
    this.#high = ((Math.floor(seed / HALF) % HALF) ^ MULTIPLIER_HIGH) >>> 0;
  }

  /** The next number in [0, bound), `bound` 1 to 2^31 - 1. */
  nextInt(bound: number): number {
    const bits = this.#next31();
    if ((bound & (bound - 1)) === 0) return Math.floor((bound * bits) / 2 ** 31);
    // Numbers of the last, incomplete round of `bound` would favour small results.
    let drawn = bits;
    while (drawn - (drawn % bound) + (bound - 1) >= 2 ** 31) drawn = this.#next31();
    return drawn % bound;
  }

  #next31(): number {
    const low = this.#low * MULTIPLIER_LOW + INCREMENT;
    const high = this.#high * MULTIPLIER_LOW + this.#low * MULTIPLIER_HIGH + Math.floor(low / HALF);
    this.#low = low % HALF;
    this.#high = high % HALF;
    return this.#high * 2 ** 7 + Math.floor(this.#low / 2 ** 17);
  }
}
