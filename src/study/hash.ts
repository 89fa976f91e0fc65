// One number for a sequence of records: a change in any byte, any length or the order changes it. It is cheap enough to be
// taken in every round, and so every round is checked.

/** Two running 32-bit hashes over bytes, told as one word of 16 digits. */
export class SequenceHash {
  #a = 0x811c9dc5 | 0;
  #b = 0x9747b28c | 0;

  /** Takes in one record. */
  add(bytes: Uint8Array, offset: number, length: number): void {
    let word = length | 0;
    const end = offset + length;
    let a = this.#a;
    for (let i = offset; i < end; i += 1) {
      word = Math.imul(word ^ bytes[i]!, 0x01000193);
    }
    a = Math.imul(((a << 15) | (a >>> 17)) ^ word, 0x9e3779b1);
    this.#b = Math.imul(((this.#b << 13) | (this.#b >>> 19)) ^ (word >>> 7) ^ a, 0x85ebca6b);
    this.#a = a;
  }

  /** Sixteen hexadecimal digits. */
  hex(): string {
    return [this.#a, this.#b].map((half) => (half >>> 0).toString(16).padStart(8, "0")).join("");
  }
}
