// Memory for blocks that several workers take from: cells of one size, a word each that says whether it is taken.

export class Cells {
  /** @param {SharedArrayBuffer} buffer of `Cells.bytesFor` bytes */
  constructor(buffer, cellBytes) {
    this.buffer = buffer;
    this.cellBytes = cellBytes;
    this.count = Math.floor(buffer.byteLength / (4 + cellBytes));
    this.taken = new Int32Array(buffer, 0, this.count);
    this.bytes = new Uint8Array(buffer, 4 * this.count, this.count * cellBytes);
  }

  static bytesFor(cells, cellBytes) {
    return cells * (4 + cellBytes);
  }

  take(bytes) {
    if (bytes > this.cellBytes) return -1;
    for (let cell = 0; cell < this.count; cell += 1)
      if (Atomics.compareExchange(this.taken, cell, 0, 1) === 0) return cell;
    return -1;
  }

  write(place, content, at) {
    this.bytes.set(content, place * this.cellBytes + at);
  }

  view(place, bytes) {
    return this.bytes.subarray(place * this.cellBytes, place * this.cellBytes + bytes);
  }

  give(place, bytes = this.cellBytes) {
    if (Atomics.exchange(this.taken, place, 0) === 0) throw new Error(`cell ${place} was given twice`);
    this.bytes.fill(0x5a, place * this.cellBytes, place * this.cellBytes + bytes);
  }

  sweep(kept) {
    for (const place of this.live()) if (!kept.has(place)) this.give(place);
  }

  /** Cells that are taken. */
  live() {
    return [...this.taken.keys()].filter((cell) => Atomics.load(this.taken, cell) !== 0);
  }
}
