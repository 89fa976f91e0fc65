// The slow, obvious arena: a list of intervals. It does not predict addresses; it objects to answers that cannot be.

export interface Interval {
  readonly address: number;
  readonly bytes: number;
}

export class IntervalModel {
  readonly live = new Map<number, Interval>();

  /** Enters a block; throws when it is out of bounds, not aligned, or over another. */
  add(handle: number, interval: Interval, align: number, limitBytes: number): void {
    const { address, bytes } = interval;
    if (this.live.has(handle)) throw new Error(`handle ${handle} is given out twice`);
    if (address % align !== 0) throw new Error(`${address} is not a multiple of ${align}`);
    if (address < 0 || address + bytes > limitBytes) throw new Error(`${address}+${bytes} is outside ${limitBytes}`);
    for (const other of this.live.values())
      if (address < other.address + other.bytes && other.address < address + bytes)
        throw new Error(`${address}+${bytes} lies over ${other.address}+${other.bytes}`);
    this.live.set(handle, interval);
  }

  /** Bytes of the largest gap between the intervals, below `limitBytes`: what any allocator could still give. */
  largestGap(limitBytes: number): number {
    let end = 0;
    let gap = 0;
    for (const { address, bytes } of [...this.live.values()].sort((a, b) => a.address - b.address)) {
      gap = Math.max(gap, address - end);
      end = address + bytes;
    }
    return Math.max(gap, limitBytes - end);
  }
}
