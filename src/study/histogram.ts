// A histogram whose buckets grow with the value: every power of two is cut into 32 equal ones, so that a quantile is wrong by
// three percent at most whatever its size. Recording is two integer operations and one increment.

/** Buckets in a power of two. */
const SUB_BITS = 5;
const SUB = 1 << SUB_BITS;
/** Values from 2^31 on share the last bucket: two seconds, counted in nanoseconds. */
const BUCKETS = (31 - SUB_BITS + 1) * SUB;

export class Histogram {
  readonly counts: Uint32Array = new Uint32Array(BUCKETS);
  total = 0;
  most = 0;

  /** Counts one value: a number of nanoseconds (or any other unit), 0 or more. */
  record(value: number): void {
    this.counts[bucketOf(value)]! += 1;
    this.total += 1;
    if (value > this.most) this.most = value;
  }

  /** Adds what another histogram counted. */
  add(other: { readonly counts: Uint32Array; readonly most: number }): void {
    other.counts.forEach((count, i) => {
      this.counts[i]! += count;
      this.total += count;
    });
    this.most = Math.max(this.most, other.most);
  }

  /**
   * The value that a share `q` (0 to 1) of all are not above: the middle of its bucket, never more than the largest seen.
   * Null when there are too few values for anything to lie beyond it.
   */
  quantile(q: number): number | null {
    if (this.total === 0 || this.total * (1 - q) < 1) return null;
    const rank = Math.max(1, Math.ceil(q * this.total));
    let seen = 0;
    for (let i = 0; i < BUCKETS; i += 1) {
      seen += this.counts[i]!;
      if (seen >= rank) return Math.min(this.most, (lowOf(i) + lowOf(i + 1) - 1) / 2);
    }
    return this.most;
  }

  /** The buckets that hold anything: lowest value, first value beyond, count. */
  filled(): [number, number, number][] {
    const filled: [number, number, number][] = [];
    this.counts.forEach((count, i) => {
      if (count > 0) filled.push([lowOf(i), lowOf(i + 1), count]);
    });
    return filled;
  }
}

function bucketOf(value: number): number {
  if (value >= 2 ** 31) return BUCKETS - 1;
  const whole = value | 0;
  const shift = Math.max(0, 31 - SUB_BITS - Math.clz32(whole));
  return (shift << SUB_BITS) + (whole >>> shift);
}

/** The smallest value of a bucket. */
function lowOf(bucket: number): number {
  const shift = Math.max(0, (bucket >> SUB_BITS) - 1);
  return (bucket - (shift << SUB_BITS)) * 2 ** shift;
}
